//! `ZCOUNT key min max`, `ZLEXCOUNT key min max`

use spinel_family::spec::ArgKind;
use spinel_family::{Command, CommandError, Encoder, Key, Parse, Query, QueryContext, Reply, Words};
use spinel_store::value::SortedSet;
use spinel_structs::sorted_set::Order;

use super::span::Span;
use crate::arguments::{key, word};

/// Counts the members of a sorted set whose score lies between two others.
#[derive(Command)]
#[command(group = SortedSet, since = "2.0.0", flags(fast), manual, arity = 4)]
#[command(complexity = "O(log(N)), N being the size of the sorted set")]
#[command(args = &[key("key", 0), word("min", ArgKind::Double), word("max", ArgKind::Double)])]
pub(super) struct Zcount<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    span: Span<'a>,
}

/// Counts the members of a sorted set of equal scores that lie between two others.
#[derive(Command)]
#[command(group = SortedSet, since = "2.8.9", flags(fast), manual, arity = 4)]
#[command(complexity = "O(log(N)), N being the size of the sorted set")]
#[command(args = &[key("key", 0), word("min", ArgKind::String), word("max", ArgKind::String)])]
pub(super) struct Zlexcount<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    span: Span<'a>,
}

impl<'a> Parse<'a> for Zcount<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, span: Span::scores(words.take()?, words.take()?)? })
    }
}

impl<'a> Parse<'a> for Zlexcount<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, span: Span::lex(words.take()?, words.take()?)? })
    }
}

impl Query for Zcount<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_count(cx, self.key, self.span, out)
    }
}

impl Query for Zlexcount<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_count(cx, self.key, self.span, out)
    }
}

fn reply_count(cx: &QueryContext<'_>, key: Key<'_>, span: Span<'_>, out: &mut Encoder) -> Reply {
    let count = cx.read::<SortedSet>(key)?.map_or(0, |zset| span.of(zset, Order::Ascending).len());
    out.integer(count as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn bounds_are_read_before_the_key_is_looked_up() {
        let mut server = Server::new();
        server.run("SET s x");
        assert_eq!(server.run("ZCOUNT s x 1"), "-ERR min or max is not a float\r\n");
        assert_eq!(server.run("ZCOUNT s 1 nan"), "-ERR min or max is not a float\r\n");
        assert_eq!(server.run("ZLEXCOUNT s a [b"), "-ERR min or max not valid string range item\r\n");
        assert!(server.run("ZCOUNT s 1 2").starts_with("-WRONGTYPE"));
    }

    #[test]
    fn bounds_include_or_exclude_their_value() {
        let mut server = Server::new();
        server.run("ZADD k 1 a 2 b 3 c");
        for (span, count) in
            [("1 3", 3), ("(1 3", 2), ("(1 (3", 1), ("-inf +inf", 3), ("3 1", 0), ("1e400 inf", 0)]
        {
            assert_eq!(server.run(&format!("ZCOUNT k {span}")), format!(":{count}\r\n"), "{span}");
        }
        server.run("ZADD l 0 a 0 b 0 c");
        for (span, count) in [("- +", 3), ("[a (c", 2), ("(a (c", 1), ("+ -", 0), ("(c +", 0), ("- -", 0)] {
            assert_eq!(server.run(&format!("ZLEXCOUNT l {span}")), format!(":{count}\r\n"), "{span}");
        }
    }
}
