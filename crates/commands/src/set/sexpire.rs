//! `SEXPIRE key seconds [NX | XX | GT | LT] MEMBERS nummembers member [member ...]` and its kin in milliseconds and in points
//! of time

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{Command, Encoder, Key, QueryContext, Reply, Update, UpdateContext};
use spinel_store::value::Set;

use crate::element_words::{Clock, KEY_ARG, Rest, cost};
use crate::generic::expire::Conditions;
use crate::members::MEMBERS_ARG;
use crate::members::expire::expire;

const CONDITION_ARG: ArgSpec = Conditions::ARG;

/// Lets members of a set expire after some seconds.
#[derive(Command)]
#[command(group = Set, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::Integer).arg("seconds", ""), CONDITION_ARG, MEMBERS_ARG])]
pub(super) struct Sexpire<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Sexpire<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire::<Set>(cx, self.key, self.words, (Clock::SECONDS, "sexpire"), out)
    }
}

/// Lets members of a set expire after some milliseconds.
#[derive(Command)]
#[command(group = Set, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::Integer).arg("milliseconds", ""), CONDITION_ARG, MEMBERS_ARG])]
pub(super) struct Spexpire<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Spexpire<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire::<Set>(cx, self.key, self.words, (Clock::MILLIS, "spexpire"), out)
    }
}

/// Lets members of a set expire at a Unix time in seconds.
#[derive(Command)]
#[command(group = Set, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::UnixTime).arg("unix-time-seconds", ""), CONDITION_ARG, MEMBERS_ARG])]
pub(super) struct Sexpireat<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Sexpireat<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire::<Set>(cx, self.key, self.words, (Clock::SECONDS_AT, "sexpireat"), out)
    }
}

/// Lets members of a set expire at a Unix time in milliseconds.
#[derive(Command)]
#[command(group = Set, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::UnixTime).arg("unix-time-milliseconds", ""), CONDITION_ARG, MEMBERS_ARG])]
pub(super) struct Spexpireat<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Spexpireat<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire::<Set>(cx, self.key, self.words, (Clock::MILLIS_AT, "spexpireat"), out)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;
    use spinel_store::Kind;
    use spinel_store::value::RemovedElements;

    #[test]
    fn the_type_is_checked_before_the_words_and_they_before_the_key() {
        let mut server = Server::new();
        server.run("SET t 1");
        assert!(server.run("SEXPIRE t x y z a b").starts_with("-WRONGTYPE"));
        for (line, error) in [
            ("SEXPIRE s x MEMBERS 1 a", "value is not an integer or out of range"),
            ("SEXPIRE s -1 MEMBERS 1 a", "invalid expire time, must be >= 0"),
            ("SEXPIRE s 70368744178 MEMBERS 1 a", "invalid expire time in 'sexpire' command"),
            ("SPEXPIREAT s 70368744177664 MEMBERS 1 a", "invalid expire time in 'spexpireat' command"),
            (
                "SEXPIRE s 1 a MEMBERS 1 a",
                "Mandatory argument MEMBERS is missing or not at the right position",
            ),
            (
                "SEXPIRE s 1 NX GT MEMBERS 1 a",
                "NX and XX, GT or LT options at the same time are not compatible",
            ),
            ("SEXPIRE s 1 MEMBERS 0 a", "Number of members must be a positive integer"),
            ("SEXPIRE s 1 MEMBERS x a", "Number of members must be a positive integer"),
            ("SEXPIRE s 1 MEMBERS 2 a", "The `nummembers` parameter must match the number of arguments"),
            ("SEXPIRE s 1 MEMBERS 1", "wrong number of arguments for 'sexpire' command"),
        ] {
            assert_eq!(server.run(line), format!("-ERR {error}\r\n"), "{line}");
        }
        assert_eq!(server.run("SEXPIRE s 1 MEMBERS 2 a b"), "*2\r\n:-2\r\n:-2\r\n");
    }

    #[test]
    fn each_member_has_its_own_answer_and_the_journal_those_that_changed() {
        let mut server = Server::new();
        server.run("SADD s a b c");
        server.run("SPEXPIRE s 500 MEMBERS 1 a");
        assert_eq!(server.propagated(), ["SPEXPIREAT s 1700000000500 MEMBERS 1 a"]);
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["sexpire"], 1));
        assert_eq!(server.run("SPEXPIRE s 900 NX MEMBERS 3 a b x"), "*3\r\n:0\r\n:1\r\n:-2\r\n");
        assert_eq!(server.propagated(), ["SPEXPIREAT s 1700000000900 MEMBERS 1 b"]);
        assert_eq!(server.run("SPEXPIRE s 700 GT MEMBERS 3 a b c"), "*3\r\n:1\r\n:0\r\n:0\r\n");
        assert_eq!(server.run("SPEXPIRE s 600 LT MEMBERS 3 a b c"), "*3\r\n:1\r\n:1\r\n:1\r\n");
        assert_eq!(server.run("SPEXPIRE s 700 XX LT MEMBERS 1 a"), "*1\r\n:0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
        assert_eq!(server.run("SPTTL s MEMBERS 4 a b c x"), "*4\r\n:600\r\n:600\r\n:600\r\n:-2\r\n");
        assert_eq!(server.run("STTL s MEMBERS 1 a"), "*1\r\n:1\r\n");
        assert_eq!(server.run("SEXPIRETIME s MEMBERS 1 a"), "*1\r\n:1700000001\r\n");
        assert_eq!(server.run("SPEXPIRETIME s MEMBERS 1 a"), "*1\r\n:1700000000600\r\n");
        assert_eq!(server.run("SPERSIST s MEMBERS 3 a a x"), "*3\r\n:1\r\n:-1\r\n:-2\r\n");
        assert_eq!(server.propagated(), ["SPERSIST s MEMBERS 1 a"]);
        assert_eq!(server.event_names(), ["spersist"]);
        assert_eq!(server.run("SPERSIST s MEMBERS 1 a"), "*1\r\n:-1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
    }

    #[test]
    fn a_time_that_has_passed_removes_the_members_and_with_the_last_the_key() {
        let mut server = Server::new();
        server.run("SADD s a b");
        let watch = server.watch("s");
        assert_eq!(server.run("SEXPIREAT s 1 MEMBERS 2 a a"), "*2\r\n:2\r\n:-2\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["srem"], vec!["SREM s a".into()]));
        assert!(watch.is_raised());
        assert_eq!(server.run("SEXPIRE s 0 MEMBERS 1 b"), "*1\r\n:2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["srem", "del"], 1));
        assert_eq!(server.run("EXISTS s"), ":0\r\n");
    }

    #[test]
    fn no_command_meets_a_member_whose_time_has_come() {
        for line_and_reply in [
            ("SISMEMBER s 1", ":0\r\n"),
            ("SMISMEMBER s 1 2", "*2\r\n:0\r\n:1\r\n"),
            ("SCARD s", ":1\r\n"),
            ("SMEMBERS s", "*1\r\n$1\r\n2\r\n"),
            ("SSCAN s 0", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\n2\r\n"),
            ("SRANDMEMBER s 9", "*1\r\n$1\r\n2\r\n"),
            ("SINTER s t", "*1\r\n$1\r\n2\r\n"),
            ("SUNION s", "*1\r\n$1\r\n2\r\n"),
            ("SDIFF t s", "*1\r\n$1\r\n1\r\n"),
            ("SINTERCARD 2 s t", ":1\r\n"),
            ("SUNIONSTORE u s", ":1\r\n"),
            ("SMOVE s t 1", ":0\r\n"),
            ("SREM s 1", ":0\r\n"),
            ("SADD s 1", ":1\r\n"),
            ("SPOP s 9", "*1\r\n$1\r\n2\r\n"),
            ("STTL s MEMBERS 1 1", "*1\r\n:-2\r\n"),
            ("SORT s", "*1\r\n$1\r\n2\r\n"),
        ] {
            let mut server = Server::new();
            server.run("SADD t 1 2");
            server.run("SADD s 1 2");
            server.run("SPEXPIRE s 10 MEMBERS 1 1");
            server.advance_ms(9);
            assert_eq!(server.run("SISMEMBER s 1"), ":1\r\n");
            server.advance_ms(1);
            let watch = server.watch("s");
            assert_eq!(server.run(line_and_reply.0), line_and_reply.1, "{}", line_and_reply.0);
            assert_eq!(server.event_names().first(), Some(&"sexpired"));
            let expired = server.effects.expired.pop().expect("the journal is told");
            assert_eq!(
                expired.elements,
                Some((Kind::Set, RemovedElements::Named(vec![Box::from(&b"1"[..])])))
            );
            assert!(watch.is_raised());
        }
    }

    #[test]
    fn adding_a_member_again_keeps_its_expiry_and_removing_it_ends_it() {
        let mut server = Server::new();
        server.run("SADD s a b");
        server.run("SEXPIRE s 10 MEMBERS 2 a b");
        server.run("SADD s a");
        server.run("SREM s b");
        server.run("SADD s b");
        assert_eq!(server.run("STTL s MEMBERS 2 a b"), "*2\r\n:10\r\n:-1\r\n");
        server.run("SMOVE s t a");
        assert_eq!(server.run("STTL t MEMBERS 1 a"), "*1\r\n:-1\r\n");
        server.run("SEXPIRE s 10 MEMBERS 1 b");
        server.run("SUNIONSTORE u s");
        assert_eq!(server.run("STTL u MEMBERS 1 b"), "*1\r\n:-1\r\n");
        server.run("COPY s v");
        server.run("RENAME s w");
        for key in ["v", "w"] {
            assert_eq!(server.run(&format!("STTL {key} MEMBERS 1 b")), "*1\r\n:10\r\n");
        }
        server.advance_ms(10_000);
        assert_eq!(server.run("EXISTS v w"), ":0\r\n");
    }

    #[test]
    fn an_expiry_after_the_last_was_taken_in_another_way_is_noticed() {
        let mut server = Server::new();
        server.run("SADD s a b c");
        server.run("SPEXPIRE s 10 MEMBERS 1 a");
        server.run("SREM s a");
        server.run("SPEXPIRE s 10 MEMBERS 1 b");
        server.advance_ms(10);
        assert_eq!(server.run("SCARD s"), ":1\r\n");
    }
}
