//! `ZMPOP numkeys key [key ...] <MIN | MAX> [COUNT count]`

use spinel_family::{
    Command, CommandError, Encoder, Parse, QueryContext, Reply, Update, UpdateContext, Words,
};
use spinel_store::ValueRef;

use super::pop::PopFrom;
use crate::arguments::{COUNT, NUMKEYS, POP, WHERE, counted_at, keys};

/// Removes members with the lowest or highest scores from the first of several sorted sets that is not empty.
#[derive(Command)]
#[command(group = SortedSet, since = "7.0.0", flags(movablekeys), manual, arity = -4)]
#[command(
    complexity = "O(K)+O(M*log(N)) for K keys, N being the size of the sorted set and M the number of members"
)]
#[command(keys = &[counted_at(1, POP)], args = &[NUMKEYS, keys(0), WHERE, COUNT])]
pub(super) struct Zmpop<'a> {
    from: PopFrom<'a>,
}

impl<'a> Parse<'a> for Zmpop<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { from: PopFrom::parse(words)? })
    }
}

impl Update for Zmpop<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let mut values = self.from.keys.keys().filter_map(|key| cx.peek(key)).map(spinel_store::Entry::value);
        match values.next() {
            Some(ValueRef::SortedSet(zset)) => self.from.count(zset.len()),
            _ => 0,
        }
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if !self.from.pop(cx, out)? {
            out.null_array();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn the_first_key_that_is_there_serves_and_is_recorded() {
        let mut server = Server::new();
        assert_eq!(server.run("ZMPOP 1 k MIN"), "*-1\r\n");
        server.run("ZADD k 1 a 2 b 3 c");
        assert_eq!(
            server.run("ZMPOP 2 none k MAX COUNT 2"),
            "*2\r\n$1\r\nk\r\n*2\r\n*2\r\n$1\r\nc\r\n$1\r\n3\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n"
        );
        assert_eq!(server.propagated(), ["ZPOPMAX k 2"]);
        assert_eq!(
            server.run("ZMPOP 1 k MIN COUNT 9"),
            "*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n"
        );
        assert_eq!(server.propagated(), ["ZPOPMIN k 1"]);
        assert_eq!(server.event_names(), ["zpopmin", "del"]);
    }

    #[test]
    fn errors_come_in_the_order_of_the_reference() {
        let mut server = Server::new();
        server.run("SET s x");
        for (line, error) in [
            ("ZMPOP x s MIN", "ERR numkeys should be greater than 0"),
            ("ZMPOP 0 s MIN", "ERR numkeys should be greater than 0"),
            ("ZMPOP 2 s MIN", "ERR syntax error"),
            ("ZMPOP 9223372036854775807 s MIN", "ERR syntax error"),
            ("ZMPOP 1 s AVG", "ERR syntax error"),
            ("ZMPOP 1 s MIN COUNT", "ERR syntax error"),
            ("ZMPOP 1 s MIN COUNT 0", "ERR count should be greater than 0"),
            ("ZMPOP 1 s MIN COUNT x", "ERR count should be greater than 0"),
            ("ZMPOP 1 s MIN COUNT 1 COUNT 1", "ERR syntax error"),
            ("ZMPOP 2 none s MIN", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ] {
            assert_eq!(server.run(line), format!("-{error}\r\n"), "{line}");
        }
    }
}
