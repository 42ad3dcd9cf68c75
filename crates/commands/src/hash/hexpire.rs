//! `HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]` and its kin in milliseconds and in points of
//! time

use smallvec::SmallVec;
use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, QueryContext, Reply, Update, UpdateContext, Words,
};
use spinel_store::value::Hash;

use super::field_words::{
    Clock, FIELDS_ARG, KEY_ARG, Rest, cost, has_hash, named_fields, propagate_expiry, propagate_removal,
    reply_same,
};
use crate::element_words::{NO_ELEMENT, NOT_MET, REMOVED, SET};
use crate::generic::expire::Conditions;

const CONDITION_ARG: ArgSpec = Conditions::ARG;

/// The conditions in front of `FIELDS`. Valkey takes several, Redis one.
fn conditions(words: &mut Words<'_>) -> Result<Conditions, CommandError> {
    let mut conditions = Conditions::default();
    let mut last: Option<&[u8]> = None;
    while let Some(word) = words.peek()
        && last.is_none_or(|last| !last.eq_ignore_ascii_case(word))
        && conditions.add(word)
    {
        words.skip_one();
        last = Some(word);
    }
    // In Redis the second of two conditions is a word that should be FIELDS.
    conditions.check().map_err(|_| {
        CommandError::text("ERR Mandatory argument FIELDS is missing or not at the right position")
    })?;
    Ok(conditions)
}

/// Lets the named fields expire at the time that the first word says.
fn expire(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    Rest(mut words): Rest<'_>,
    (clock, command): (Clock, &'static str),
    out: &mut Encoder,
) -> Reply {
    let exists = has_hash(cx, key)?;
    let (now, access) = (cx.now(), words.take()?);
    let at = clock.time(access, now, command)?;
    let conditions = conditions(&mut words)?;
    let bad_count = CommandError::text("ERR Parameter `numFields` should be greater than 0");
    let fields = named_fields(&mut words, bad_count)?;
    if exists {
        cx.settle_fields(key, fields.items());
    }
    let mut changed: SmallVec<[&[u8]; 8]> = SmallVec::new();
    let is_over = at <= now;
    let done = cx.change_hash(key, |hash: &mut Hash| {
        hash.begin_expiries();
        out.array(fields.len());
        for name in fields.items() {
            let code = match hash.expiry(name, now) {
                None => NO_ELEMENT,
                Some(old) if !conditions.allow(old, at) => NOT_MET,
                Some(_) if is_over => {
                    hash.remove(name);
                    REMOVED
                }
                Some(_) => {
                    hash.set_expiry(name, Some(at));
                    SET
                }
            };
            if matches!(code, SET | REMOVED) {
                changed.push(name);
            }
            out.integer(code);
        }
    });
    if done.is_none() {
        reply_same(out, fields.len(), NO_ELEMENT);
        return Ok(());
    }
    if changed.is_empty() {
        return Ok(());
    }
    cx.touch_watchers(key);
    cx.notify(EventClass::Hash, if is_over { "hdel" } else { "hexpire" }, key);
    cx.add_dirty(changed.len());
    if is_over {
        cx.effects().expired_fields += changed.len() as u64;
        cx.remove_if_empty::<Hash>(key);
        propagate_removal(cx, key, &changed);
    } else {
        propagate_expiry(cx, key, at, &changed);
    }
    Ok(())
}

/// Lets fields of a hash expire after some seconds.
#[derive(Command)]
#[command(group = Hash, since = "7.4.0", complexity = "O(N) for N fields named", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::Integer).arg("seconds", ""), CONDITION_ARG, FIELDS_ARG])]
pub(super) struct Hexpire<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Hexpire<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire(cx, self.key, self.words, (Clock::SECONDS, "hexpire"), out)
    }
}

/// Lets fields of a hash expire after some milliseconds.
#[derive(Command)]
#[command(group = Hash, since = "7.4.0", complexity = "O(N) for N fields named", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::Integer).arg("milliseconds", ""), CONDITION_ARG, FIELDS_ARG])]
pub(super) struct Hpexpire<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Hpexpire<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire(cx, self.key, self.words, (Clock::MILLIS, "hpexpire"), out)
    }
}

/// Lets fields of a hash expire at a Unix time in seconds.
#[derive(Command)]
#[command(group = Hash, since = "7.4.0", complexity = "O(N) for N fields named", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::UnixTime).arg("unix-time-seconds", ""), CONDITION_ARG, FIELDS_ARG])]
pub(super) struct Hexpireat<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Hexpireat<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire(cx, self.key, self.words, (Clock::SECONDS_AT, "hexpireat"), out)
    }
}

/// Lets fields of a hash expire at a Unix time in milliseconds.
#[derive(Command)]
#[command(group = Hash, since = "7.4.0", complexity = "O(N) for N fields named", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::UnixTime).arg("unix-time-milliseconds", ""), CONDITION_ARG, FIELDS_ARG])]
pub(super) struct Hpexpireat<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Hpexpireat<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire(cx, self.key, self.words, (Clock::MILLIS_AT, "hpexpireat"), out)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;
    use spinel_store::Kind;
    use spinel_store::value::RemovedElements;

    #[test]
    fn the_type_is_checked_before_the_time_the_time_before_the_words_and_the_words_before_the_key() {
        let mut server = Server::new();
        server.run("SET s 1");
        assert!(server.run("HEXPIRE s x y z a b").starts_with("-WRONGTYPE"));
        for (line, error) in [
            ("HEXPIRE h x FIELDS 1 a", "value is not an integer or out of range"),
            ("HEXPIRE h -1 FIELDS 0 a", "invalid expire time, must be >= 0"),
            ("HEXPIRE h 70368744178 FIELDS 0 a", "invalid expire time in 'hexpire' command"),
            ("HPEXPIRE h 68668744177664 FIELDS 0 a", "invalid expire time in 'hpexpire' command"),
            ("HPEXPIREAT h 70368744177664 FIELDS 0 a", "invalid expire time in 'hpexpireat' command"),
            ("HEXPIRE h 1 a FIELDS 1 a", "Mandatory argument FIELDS is missing or not at the right position"),
            (
                "HEXPIRE h 1 NX GT FIELDS 1 a",
                "Mandatory argument FIELDS is missing or not at the right position",
            ),
            ("HEXPIRE h 1 FIELDS 0 a", "Parameter `numFields` should be greater than 0"),
            ("HEXPIRE h 1 FIELDS x a", "Parameter `numFields` should be greater than 0"),
            ("HEXPIRE h 1 FIELDS 2 a", "The `numfields` parameter must match the number of arguments"),
            ("HEXPIRE h 1 FIELDS 1", "wrong number of arguments for 'hexpire' command"),
        ] {
            assert_eq!(server.run(line), format!("-ERR {error}\r\n"), "{line}");
        }
        assert_eq!(server.run("HEXPIRE h 1 FIELDS 2 a b"), "*2\r\n:-2\r\n:-2\r\n");
    }

    #[test]
    fn each_field_has_its_own_answer_and_the_journal_those_that_changed() {
        let mut server = Server::new();
        server.run("HSET h a 1 b 2 c 3");
        server.run("HPEXPIRE h 500 FIELDS 1 a");
        assert_eq!(server.propagated(), ["HPEXPIREAT h 1700000000500 FIELDS 1 a"]);
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["hexpire"], 1));
        assert_eq!(server.run("HPEXPIRE h 900 NX FIELDS 3 a b x"), "*3\r\n:0\r\n:1\r\n:-2\r\n");
        assert_eq!(server.propagated(), ["HPEXPIREAT h 1700000000900 FIELDS 1 b"]);
        assert_eq!(server.run("HPEXPIRE h 700 GT FIELDS 3 a b c"), "*3\r\n:1\r\n:0\r\n:0\r\n");
        assert_eq!(server.run("HPEXPIRE h 600 LT FIELDS 3 a b c"), "*3\r\n:1\r\n:1\r\n:1\r\n");
        assert_eq!(server.run("HPEXPIRE h 500 XX GT FIELDS 1 a"), "*1\r\n:0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
        assert_eq!(server.run("OBJECT ENCODING h"), "$10\r\nlistpackex\r\n");
    }

    #[test]
    fn a_time_that_has_passed_removes_the_fields_and_with_the_last_the_key() {
        let mut server = Server::new();
        server.run("HSET h a 1 b 2");
        let watch = server.watch("h");
        assert_eq!(server.run("HEXPIREAT h 1 FIELDS 2 a a"), "*2\r\n:2\r\n:-2\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["hdel"], vec!["HDEL h a".into()]));
        assert!(watch.is_raised());
        assert_eq!(server.run("HEXPIRE h 0 FIELDS 1 b"), "*1\r\n:2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["hdel", "del"], 1));
        assert_eq!(server.run("EXISTS h"), ":0\r\n");
    }

    #[test]
    fn fields_whose_time_has_come_are_gone_for_those_who_read_and_removed_by_those_who_write() {
        let mut server = Server::new();
        for table in [false, true] {
            server.settings.encodings.hash_max_listpack_entries = if table { 0 } else { 9 };
            server.run("DEL h");
            server.run("HSET h a 1 b 2 c 3");
            server.run("HPEXPIRE h 10 FIELDS 2 a b");
            server.advance_ms(10);
            assert_eq!(server.run("HGET h a"), "$-1\r\n");
            assert_eq!(server.run("HGETALL h"), "*2\r\n$1\r\nc\r\n$1\r\n3\r\n");
            assert_eq!(server.run("HSCAN h 0"), "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nc\r\n$1\r\n3\r\n");
            assert_eq!(server.run("HRANDFIELD h 9"), "*1\r\n$1\r\nc\r\n");
            assert_eq!(server.run("HRANDFIELD h -2"), "*2\r\n$1\r\nc\r\n$1\r\nc\r\n");
            assert_eq!(server.run("HLEN h"), ":3\r\n", "they are still there");
            assert_eq!(server.run("HDEL h a"), ":0\r\n");
            assert_eq!(server.event_names(), ["hexpired"]);
            let expired = server.effects.expired.pop().expect("the journal is told");
            assert_eq!(
                expired.elements,
                Some((Kind::Hash, RemovedElements::Named(vec![Box::from(&b"a"[..])])))
            );
            assert_eq!(server.run("HINCRBY h b 5"), ":5\r\n");
            assert_eq!(server.event_names(), ["hexpired", "hincrby"]);
            assert_eq!(server.run("HTTL h FIELDS 1 b"), "*1\r\n:-1\r\n");
            assert_eq!(server.run("HLEN h"), ":2\r\n");
        }
    }

    #[test]
    fn setting_a_field_ends_its_expiry_and_counting_does_not() {
        let mut server = Server::new();
        server.run("HSET h a 1 b 2");
        server.run("HPEXPIRE h 5000 FIELDS 2 a b");
        server.run("HINCRBY h a 1");
        server.run("HSET h b 3");
        assert_eq!(server.run("HTTL h FIELDS 2 a b"), "*2\r\n:5\r\n:-1\r\n");
        server.run("HINCRBYFLOAT h a 0.5");
        assert_eq!(server.propagated(), ["HSETEX h KEEPTTL FIELDS 1 a 2.5"]);
        server.run("HINCRBYFLOAT h b 0.5");
        assert_eq!(server.propagated(), ["HSET h b 3.5"]);
    }
}
