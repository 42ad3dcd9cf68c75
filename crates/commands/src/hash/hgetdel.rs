//! `HGETDEL key FIELDS numfields field [field ...]`

use smallvec::SmallVec;
use spinel_family::{Command, Encoder, EventClass, Key, QueryContext, Reply, Update, UpdateContext};
use spinel_store::value::Hash;

use super::field_words::{FIELDS_ARG, KEY_ARG, Rest, cost, propagate_removal, reply_nulls, settled_fields};
use crate::collection::reply_element;

/// Returns the values of fields of a hash and removes them.
#[derive(Command)]
#[command(group = Hash, since = "8.0.0", complexity = "O(N) for N fields named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, FIELDS_ARG])]
pub(super) struct Hgetdel<'a> {
    #[key(rw, access, delete)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Hgetdel<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let fields = settled_fields(cx, self.key, self.words)?;
        let now = cx.now();
        let mut removed: SmallVec<[&[u8]; 8]> = SmallVec::new();
        let done = cx.change_hash(self.key, |hash: &mut Hash| {
            out.array(fields.len());
            for name in fields.items() {
                match hash.get(name, now) {
                    None => out.null(),
                    Some(value) => {
                        reply_element(out, value);
                        hash.remove(name);
                        removed.push(name);
                    }
                }
            }
        });
        if done.is_none() {
            reply_nulls(out, fields.len());
        }
        if !removed.is_empty() {
            cx.touch_watchers(self.key);
            cx.notify(EventClass::Hash, "hdel", self.key);
            cx.remove_if_empty::<Hash>(self.key);
            cx.add_dirty(removed.len());
            propagate_removal(cx, self.key, &removed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn what_is_returned_is_gone_and_the_key_with_the_last() {
        let mut server = Server::new();
        assert_eq!(server.run("HGETDEL h FIELDS 2 a b"), "*2\r\n$-1\r\n$-1\r\n");
        server.run("HSET h a 1 b 2");
        assert_eq!(server.run("HGETDEL h FIELDS 3 a x a"), "*3\r\n$1\r\n1\r\n$-1\r\n$-1\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["hdel"], vec!["HDEL h a".into()]));
        assert_eq!(server.run("HGETDEL h FIELDS 1 b"), "*1\r\n$1\r\n2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["hdel", "del"], 1));
        assert_eq!(server.run("EXISTS h"), ":0\r\n");
    }

    #[test]
    fn the_words_are_checked_after_the_type() {
        let mut server = Server::new();
        server.run("SET s 1");
        assert!(server.run("HGETDEL s x 1 a").starts_with("-WRONGTYPE"));
        assert_eq!(
            server.run("HGETDEL h FIELDS 0 a"),
            "-ERR Number of fields must be a positive integer\r\n"
        );
    }
}
