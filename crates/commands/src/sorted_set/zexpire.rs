//! `ZEXPIRE key seconds [NX | XX | GT | LT] MEMBERS nummembers member [member ...]` and its kin in milliseconds and in points
//! of time

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{Command, Encoder, Key, QueryContext, Reply, Update, UpdateContext};
use spinel_store::value::SortedSet;

use crate::element_words::{Clock, KEY_ARG, Rest, cost};
use crate::generic::expire::Conditions;
use crate::members::MEMBERS_ARG;
use crate::members::expire::expire;

const CONDITION_ARG: ArgSpec = Conditions::ARG;

/// Lets members of a sorted set expire after some seconds.
#[derive(Command)]
#[command(group = SortedSet, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::Integer).arg("seconds", ""), CONDITION_ARG, MEMBERS_ARG])]
pub(super) struct Zexpire<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Zexpire<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire::<SortedSet>(cx, self.key, self.words, (Clock::SECONDS, "zexpire"), out)
    }
}

/// Lets members of a sorted set expire after some milliseconds.
#[derive(Command)]
#[command(group = SortedSet, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::Integer).arg("milliseconds", ""), CONDITION_ARG, MEMBERS_ARG])]
pub(super) struct Zpexpire<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Zpexpire<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire::<SortedSet>(cx, self.key, self.words, (Clock::MILLIS, "zpexpire"), out)
    }
}

/// Lets members of a sorted set expire at a Unix time in seconds.
#[derive(Command)]
#[command(group = SortedSet, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::UnixTime).arg("unix-time-seconds", ""), CONDITION_ARG, MEMBERS_ARG])]
pub(super) struct Zexpireat<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Zexpireat<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire::<SortedSet>(cx, self.key, self.words, (Clock::SECONDS_AT, "zexpireat"), out)
    }
}

/// Lets members of a sorted set expire at a Unix time in milliseconds.
#[derive(Command)]
#[command(group = SortedSet, since = "8.0.0", complexity = "O(N) for N members named", flags(fast))]
#[command(arity = -6, args = &[KEY_ARG, Shape::word(ArgKind::UnixTime).arg("unix-time-milliseconds", ""), CONDITION_ARG, MEMBERS_ARG])]
pub(super) struct Zpexpireat<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Update for Zpexpireat<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        expire::<SortedSet>(cx, self.key, self.words, (Clock::MILLIS_AT, "zpexpireat"), out)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;
    use spinel_store::Kind;
    use spinel_store::value::RemovedElements;

    #[test]
    fn each_member_has_its_own_answer_and_the_journal_those_that_changed() {
        let mut server = Server::new();
        server.run("ZADD z 1 a 2 b");
        assert_eq!(server.run("ZEXPIRE z 5 MEMBERS 2 a x"), "*2\r\n:1\r\n:-2\r\n");
        assert_eq!(server.propagated(), ["ZPEXPIREAT z 1700000005000 MEMBERS 1 a"]);
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["zexpire"], 1));
        assert_eq!(server.run("ZTTL z MEMBERS 3 a b x"), "*3\r\n:5\r\n:-1\r\n:-2\r\n");
        assert_eq!(server.run("ZPERSIST z MEMBERS 2 a b"), "*2\r\n:1\r\n:-1\r\n");
        assert_eq!(server.propagated(), ["ZPERSIST z MEMBERS 1 a"]);
        assert_eq!(server.run("ZEXPIREAT z 1 MEMBERS 1 a"), "*1\r\n:2\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["zrem"], vec!["ZREM z a".into()]));
        server.run("SET t 1");
        assert!(server.run("ZEXPIRE t 1 MEMBERS 1 a").starts_with("-WRONGTYPE"));
        assert!(server.run("ZEXPIRE z 1 MEMBERS 2 a").starts_with("-ERR The `nummembers`"));
    }

    #[test]
    fn no_command_meets_a_member_whose_time_has_come() {
        for (line, reply) in [
            ("ZSCORE z a", "$-1\r\n"),
            ("ZMSCORE z a b", "*2\r\n$-1\r\n$1\r\n2\r\n"),
            ("ZCARD z", ":1\r\n"),
            ("ZRANK z b", ":0\r\n"),
            ("ZRANGE z 0 0", "*1\r\n$1\r\nb\r\n"),
            ("ZREVRANGE z 0 -1", "*1\r\n$1\r\nb\r\n"),
            ("ZRANGEBYSCORE z -inf +inf", "*1\r\n$1\r\nb\r\n"),
            ("ZCOUNT z 0 9", ":1\r\n"),
            ("ZSCAN z 0", "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n"),
            ("ZRANDMEMBER z 9", "*1\r\n$1\r\nb\r\n"),
            ("ZPOPMIN z", "*2\r\n$1\r\nb\r\n$1\r\n2\r\n"),
            ("BZPOPMIN z 0", "*3\r\n$1\r\nz\r\n$1\r\nb\r\n$1\r\n2\r\n"),
            ("ZMPOP 1 z MIN", "*2\r\n$1\r\nz\r\n*1\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n"),
            ("ZUNIONSTORE u 1 z", ":1\r\n"),
            ("ZRANGESTORE u z 0 -1", ":1\r\n"),
            ("ZINTER 2 z y", "*0\r\n"),
            ("ZREMRANGEBYRANK z 0 0", ":1\r\n"),
            ("ZREM z a", ":0\r\n"),
            ("ZINCRBY z 3 a", "$1\r\n3\r\n"),
            ("ZADD z XX 3 a", ":0\r\n"),
            ("SORT z ALPHA", "*1\r\n$1\r\nb\r\n"),
        ] {
            let mut server = Server::new();
            server.run("ZADD y 1 a");
            server.run("ZADD z 1 a 2 b");
            server.run("ZPEXPIRE z 10 MEMBERS 1 a");
            server.advance_ms(9);
            assert_eq!(server.run("ZRANK z b"), ":1\r\n");
            server.advance_ms(1);
            assert_eq!(server.run(line), reply, "{line}");
            assert_eq!(server.event_names().first(), Some(&"zexpired"));
            let expired = server.effects.expired.pop().expect("the journal is told");
            assert_eq!(
                expired.elements,
                Some((Kind::SortedSet, RemovedElements::Named(vec![Box::from(&b"a"[..])])))
            );
        }
    }

    #[test]
    fn a_new_score_keeps_the_expiry_and_popping_ends_it() {
        let mut server = Server::new();
        server.run("ZADD z 1 a 2 b 3 c");
        server.run("ZEXPIRE z 10 MEMBERS 3 a b c");
        server.run("ZADD z 5 a");
        server.run("ZINCRBY z 1 a");
        server.run("ZPOPMIN z");
        server.run("ZREMRANGEBYSCORE z 3 3");
        server.run("ZADD z 2 b 3 c");
        assert_eq!(server.run("ZTTL z MEMBERS 3 a b c"), "*3\r\n:10\r\n:-1\r\n:-1\r\n");
        server.run("ZUNIONSTORE u 1 z");
        assert_eq!(server.run("ZTTL u MEMBERS 1 a"), "*1\r\n:-1\r\n");
        server.run("COPY z v");
        server.advance_ms(10_000);
        assert_eq!(server.run("ZRANGE v 0 -1"), "*2\r\n$1\r\nb\r\n$1\r\nc\r\n");
    }
}
