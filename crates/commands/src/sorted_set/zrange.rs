//! `ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]` and the commands it replaces

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{Command, CommandError, Encoder, Key, Parse, Query, QueryContext, Reply, Words};
use spinel_structs::sorted_set::Order;

use super::selection::{By, Dialect, Selection};
use crate::arguments::{LIMIT, WITHSCORES, choice, key, since, token, word};

/// `BYSCORE | BYLEX`
pub(super) const SORT_BY: ArgSpec = Shape {
    children: &[choice("byscore", "BYSCORE"), choice("bylex", "BYLEX")],
    ..Shape::word(ArgKind::OneOf)
}
.or_absent()
.arg("sortby", "");

/// Returns members of a sorted set between two places, scores or members.
#[derive(Command)]
#[command(group = SortedSet, since = "1.2.0", manual, arity = -4)]
#[command(complexity = "O(log(N)+M), N being the size of the sorted set and M that of the reply")]
#[command(history = &[("6.2.0", "The options `REV`, `BYSCORE`, `BYLEX` and `LIMIT`.")])]
#[command(args = &[
    key("key", 0),
    word("start", ArgKind::String),
    word("stop", ArgKind::String),
    since("6.2.0", SORT_BY),
    since("6.2.0", token("rev", "REV")),
    since("6.2.0", LIMIT),
    WITHSCORES,
])]
pub(super) struct Zrange<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    selection: Selection<'a>,
}

/// Returns members of a sorted set between two places, counted from the highest score.
#[derive(Command)]
#[command(group = SortedSet, since = "1.2.0", manual, arity = -4)]
#[command(complexity = "O(log(N)+M), N being the size of the sorted set and M that of the reply")]
#[command(
    doc_flags(Deprecated),
    deprecated_since = "6.2.0",
    replaced_by = "`ZRANGE` with the `REV` argument"
)]
#[command(args = &[
    key("key", 0),
    word("start", ArgKind::Integer),
    word("stop", ArgKind::Integer),
    WITHSCORES,
])]
pub(super) struct Zrevrange<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    selection: Selection<'a>,
}

/// Returns members of a sorted set between two scores.
#[derive(Command)]
#[command(group = SortedSet, since = "1.0.5", manual, arity = -4)]
#[command(complexity = "O(log(N)+M), N being the size of the sorted set and M that of the reply")]
#[command(history = &[("2.0.0", "The option `WITHSCORES`.")])]
#[command(
    doc_flags(Deprecated),
    deprecated_since = "6.2.0",
    replaced_by = "`ZRANGE` with the `BYSCORE` argument"
)]
#[command(args = &[
    key("key", 0),
    word("min", ArgKind::Double),
    word("max", ArgKind::Double),
    since("2.0.0", WITHSCORES),
    LIMIT,
])]
pub(super) struct Zrangebyscore<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    selection: Selection<'a>,
}

/// Returns members of a sorted set between two scores, the highest first.
#[derive(Command)]
#[command(group = SortedSet, since = "2.2.0", manual, arity = -4)]
#[command(complexity = "O(log(N)+M), N being the size of the sorted set and M that of the reply")]
#[command(history = &[("2.1.6", "Ends that are left out themselves.")])]
#[command(
    doc_flags(Deprecated),
    deprecated_since = "6.2.0",
    replaced_by = "`ZRANGE` with the `REV` and `BYSCORE` arguments"
)]
#[command(args = &[
    key("key", 0),
    word("max", ArgKind::Double),
    word("min", ArgKind::Double),
    WITHSCORES,
    LIMIT,
])]
pub(super) struct Zrevrangebyscore<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    selection: Selection<'a>,
}

/// Returns members of a sorted set of equal scores between two members.
#[derive(Command)]
#[command(group = SortedSet, since = "2.8.9", manual, arity = -4)]
#[command(complexity = "O(log(N)+M), N being the size of the sorted set and M that of the reply")]
#[command(
    doc_flags(Deprecated),
    deprecated_since = "6.2.0",
    replaced_by = "`ZRANGE` with the `BYLEX` argument"
)]
#[command(args = &[
    key("key", 0),
    word("min", ArgKind::String),
    word("max", ArgKind::String),
    LIMIT,
])]
pub(super) struct Zrangebylex<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    selection: Selection<'a>,
}

/// Returns members of a sorted set of equal scores between two members, the highest first.
#[derive(Command)]
#[command(group = SortedSet, since = "2.8.9", manual, arity = -4)]
#[command(complexity = "O(log(N)+M), N being the size of the sorted set and M that of the reply")]
#[command(
    doc_flags(Deprecated),
    deprecated_since = "6.2.0",
    replaced_by = "`ZRANGE` with the `REV` and `BYLEX` arguments"
)]
#[command(args = &[
    key("key", 0),
    word("max", ArgKind::String),
    word("min", ArgKind::String),
    LIMIT,
])]
pub(super) struct Zrevrangebylex<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    selection: Selection<'a>,
}

/// The six commands differ in what their names decide, and in nothing else.
macro_rules! range_commands {
    ($($command:ident: $dialect:expr;)*) => {$(
        impl<'a> Parse<'a> for $command<'a> {
            fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
                Ok(Self { key: words.key()?, selection: Selection::parse(words, $dialect)? })
            }
        }

        impl Query for $command<'_> {
            fn cost(&self, cx: &QueryContext<'_>) -> usize {
                self.selection.cost(cx, self.key)
            }

            fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
                self.selection.reply(cx, self.key, out)
            }
        }
    )*};
}

range_commands! {
    Zrange: Dialect::Open;
    Zrevrange: Dialect::Fixed(By::Rank, Order::Descending);
    Zrangebyscore: Dialect::Fixed(By::Score, Order::Ascending);
    Zrevrangebyscore: Dialect::Fixed(By::Score, Order::Descending);
    Zrangebylex: Dialect::Fixed(By::Lex, Order::Ascending);
    Zrevrangebylex: Dialect::Fixed(By::Lex, Order::Descending);
}

#[cfg(test)]
mod tests {
    use spinel_family::Protocol;

    use crate::testing::Server;

    /// The members of a flat reply.
    fn members(server: &mut Server, line: &str) -> String {
        let reply = server.run(line);
        let texts = reply.split("\r\n").filter(|text| !text.starts_with(['*', '$']));
        texts.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    }

    #[test]
    fn options_are_refused_in_the_order_of_the_reference() {
        let mut server = Server::new();
        server.run("SET s x");
        let by_rank = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
        let by_lex = "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
        for (line, error) in [
            ("ZRANGE s a b REV REV", "ERR syntax error"),
            ("ZRANGE s a b BYLEX BYSCORE", "ERR syntax error"),
            ("ZRANGE s a b LIMIT x", "ERR syntax error"),
            ("ZRANGE s a b LIMIT x 1 FOO", "ERR value is not an integer or out of range"),
            ("ZRANGE s a b LIMIT 0 1", by_rank),
            ("ZRANGE s a b BYLEX WITHSCORES", by_lex),
            ("ZRANGE s a b", "ERR value is not an integer or out of range"),
            ("ZRANGE s a b BYSCORE", "ERR min or max is not a float"),
            ("ZRANGE s a b BYLEX", "ERR min or max not valid string range item"),
            ("ZREVRANGE s 0 1 LIMIT 0 1", by_rank),
            ("ZREVRANGE s 0 1 REV", "ERR syntax error"),
            ("ZRANGEBYLEX s - + WITHSCORES", by_lex),
            ("ZRANGE s 0 -1", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ] {
            assert_eq!(server.run(line), format!("-{error}\r\n"), "{line}");
        }
    }

    #[test]
    fn limits_count_from_where_the_order_begins() {
        let mut server = Server::new();
        for entries in [0, 128] {
            server.settings.encodings.zset_max_listpack_entries = entries;
            server.run("DEL k");
            server.run("ZADD k 1 a 2 b 3 c 4 d 5 e");
            for (line, expected) in [
                ("ZRANGE k 1 -2", "b c d"),
                ("ZRANGE k 0 1 REV", "e d"),
                ("ZRANGE k 0 -1 LIMIT 3 -1", "a b c d e"),
                ("ZREVRANGE k 3 9", "b a"),
                ("ZRANGEBYSCORE k (1 4 LIMIT 1 1", "c"),
                ("ZRANGEBYSCORE k -inf +inf LIMIT 3 -7", "d e"),
                ("ZRANGEBYSCORE k -inf +inf LIMIT -1 2", ""),
                ("ZRANGEBYSCORE k -inf +inf LIMIT 2 0", ""),
                ("ZRANGEBYSCORE k -inf +inf LIMIT 9223372036854775807 9223372036854775807", ""),
                ("ZREVRANGEBYSCORE k 4 (1 LIMIT 1 2", "c b"),
                ("ZRANGE k 4 2 BYSCORE REV WITHSCORES", "d 4 c 3 b 2"),
                ("ZRANGE k 2 4 BYSCORE REV", ""),
                ("ZRANGEBYSCORE k 2 3 LIMIT 5 5 LIMIT 1 1", "c"),
            ] {
                assert_eq!(members(&mut server, line), expected, "{line}");
            }
            server.run("DEL k");
            server.run("ZADD k 0 a 0 b 0 c 0 d");
            assert_eq!(members(&mut server, "ZRANGEBYLEX k [b + LIMIT 1 1"), "c");
            assert_eq!(members(&mut server, "ZREVRANGEBYLEX k (d - LIMIT 1 5"), "b a");
            assert_eq!(members(&mut server, "ZRANGE k (d - BYLEX REV"), "c b a");
        }
    }

    #[test]
    fn scores_make_pairs_in_resp3() {
        let mut server = Server::new();
        server.run("ZADD k 1 a 2 b");
        server.protocol = Protocol::Resp3;
        assert_eq!(
            server.run("ZRANGE k 0 -1 WITHSCORES"),
            "*2\r\n*2\r\n$1\r\na\r\n,1\r\n*2\r\n$1\r\nb\r\n,2\r\n"
        );
        assert_eq!(server.run("ZRANGE k 0 -1"), "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
        assert_eq!(server.run("ZRANGE none 0 -1 WITHSCORES"), "*0\r\n");
    }
}
