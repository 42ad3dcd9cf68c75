//! `HGETEX key [EX seconds | PX milliseconds | EXAT time | PXAT time | PERSIST] FIELDS numfields field [field ...]`

use smallvec::SmallVec;
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, QueryContext, Reply, UnixMillis, Update, UpdateContext,
    Words, is_token,
};
use spinel_store::value::Hash;

use super::field_words::{
    BAD_COUNT, Clock, FIELDS_ARG, KEY_ARG, Rest, cost, has_hash, named_fields, propagate_expiry,
    propagate_removal, reply_nulls,
};
use crate::arguments::EXPIRATION_OR_PERSIST;
use crate::collection::reply_element;

/// Returns the values of fields of a hash and sets or removes their expiries.
#[derive(Command)]
#[command(group = Hash, since = "8.0.0", complexity = "O(N) for N fields named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, EXPIRATION_OR_PERSIST, FIELDS_ARG])]
pub(super) struct Hgetex<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

/// What becomes of the expiries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expiration {
    Stay,
    End,
    At(UnixMillis),
}

impl Expiration {
    fn read(words: &mut Words<'_>, now: UnixMillis) -> Result<Self, CommandError> {
        let Some(word) = words.peek() else { return Ok(Self::Stay) };
        if is_token(word, "PERSIST") {
            words.skip_one();
            return Ok(Self::End);
        }
        let Some(clock) = Clock::of_option(word) else { return Ok(Self::Stay) };
        words.skip_one();
        Ok(Self::At(clock.time(words.take()?, now, "hgetex")?))
    }
}

impl Update for Hgetex<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let (exists, now) = (has_hash(cx, self.key)?, cx.now());
        let mut words = self.words.0;
        let expiration = Expiration::read(&mut words, now)?;
        let fields = named_fields(&mut words, BAD_COUNT)?;
        if exists {
            cx.settle_fields(self.key, fields.items());
        }
        let mut changed: SmallVec<[&[u8]; 8]> = SmallVec::new();
        let done = cx.change_hash(self.key, |hash: &mut Hash| {
            if expiration != Expiration::Stay {
                hash.begin_expiries();
            }
            out.array(fields.len());
            for name in fields.items() {
                match hash.get(name, now) {
                    None => out.null(),
                    Some(value) => {
                        reply_element(out, value);
                        if expiration.apply(hash, name, now) {
                            changed.push(name);
                        }
                    }
                }
            }
        });
        if done.is_none() {
            reply_nulls(out, fields.len());
        }
        if !changed.is_empty() {
            self.leave_traces(cx, expiration, &changed);
        }
        Ok(())
    }
}

impl Expiration {
    /// Changes the expiry of a field that is there; false if there is nothing to change.
    fn apply(self, hash: &mut Hash, name: &[u8], now: UnixMillis) -> bool {
        match self {
            Self::Stay => false,
            Self::End => hash.expiry(name, now).flatten().is_some() && hash.set_expiry(name, None),
            Self::At(at) if at <= now => hash.remove(name),
            Self::At(at) => hash.set_expiry(name, Some(at)),
        }
    }
}

impl Hgetex<'_> {
    fn leave_traces(&self, cx: &mut UpdateContext<'_>, expiration: Expiration, changed: &[&[u8]]) {
        let (key, now) = (self.key, cx.now());
        cx.touch_watchers(key);
        cx.add_dirty(changed.len());
        match expiration {
            Expiration::Stay => {}
            Expiration::End => {
                cx.notify(EventClass::Hash, "hpersist", key);
                let count = changed.len().to_string();
                let words = [b"HPERSIST".as_slice(), key.bytes, b"FIELDS", count.as_bytes()];
                cx.propagate_as(words.iter().chain(changed));
            }
            Expiration::At(at) if at <= now => {
                cx.notify(EventClass::Hash, "hdel", key);
                cx.effects().expired_fields += changed.len() as u64;
                cx.remove_if_empty::<Hash>(key);
                propagate_removal(cx, key, changed);
            }
            Expiration::At(at) => {
                cx.notify(EventClass::Hash, "hexpire", key);
                propagate_expiry(cx, key, at, changed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn values_are_returned_and_only_changes_are_recorded() {
        let mut server = Server::new();
        assert_eq!(server.run("HGETEX h FIELDS 1 a"), "*1\r\n$-1\r\n");
        server.run("HSET h a 1 b 2");
        assert_eq!(server.run("HGETEX h FIELDS 2 a x"), "*2\r\n$1\r\n1\r\n$-1\r\n");
        assert_eq!((server.effects.dirty, server.run("OBJECT ENCODING h")), (0, "$8\r\nlistpack\r\n".into()));
        server.run("HGETEX h PERSIST FIELDS 1 a");
        assert_eq!(server.effects.dirty, 0);
        server.run("HGETEX h EX 10 FIELDS 3 a x b");
        assert_eq!(server.propagated(), ["HPEXPIREAT h 1700000010000 FIELDS 2 a b"]);
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["hexpire"], 2));
        server.run("HGETEX h PERSIST FIELDS 2 x a");
        assert_eq!(
            (server.event_names(), server.propagated()),
            (vec!["hpersist"], vec!["HPERSIST h FIELDS 1 a".into()])
        );
        assert_eq!(server.run("HTTL h FIELDS 2 a b"), "*2\r\n:-1\r\n:10\r\n");
        assert_eq!(server.run("HGETEX h PXAT 1 FIELDS 2 a b"), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
        assert_eq!(
            (server.event_names(), server.propagated()),
            (vec!["hdel", "del"], vec!["HDEL h a b".into()])
        );
    }

    #[test]
    fn the_time_is_checked_after_the_type_and_before_the_fields() {
        let mut server = Server::new();
        server.run("SET s 1");
        assert!(server.run("HGETEX s EX x FIELDS 1 a").starts_with("-WRONGTYPE"));
        for (line, error) in [
            ("HGETEX h EX x FIELDS 0 a", "value is not an integer or out of range"),
            ("HGETEX h EX -1 FIELDS 0 a", "invalid expire time, must be >= 0"),
            ("HGETEX h EXAT 70368744178 FIELDS 0 a", "invalid expire time in 'hgetex' command"),
            (
                "HGETEX h EX 1 PERSIST FIELDS 1 a",
                "Mandatory argument FIELDS is missing or not at the right position",
            ),
            ("HGETEX h EX 1 FIELDS 0 a", "Number of fields must be a positive integer"),
        ] {
            assert_eq!(server.run(line), format!("-ERR {error}\r\n"), "{line}");
        }
    }
}
