//! `ZRANK key member [WITHSCORE]`, `ZREVRANK key member [WITHSCORE]`

use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, Query, QueryContext, Reply, Words, is_token,
};
use spinel_store::value::SortedSet;
use spinel_structs::sorted_set::Order;

/// Returns the place of a member of a sorted set, counted from the lowest score.
#[derive(Command)]
#[command(group = SortedSet, since = "2.0.0", complexity = "O(log(N))", flags(fast), manual)]
#[command(history = &[("7.2.0", "The option `WITHSCORE`.")])]
pub(super) struct Zrank<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    member: &'a [u8],
    #[arg(token = "WITHSCORE", since = "7.2.0")]
    withscore: bool,
}

/// Returns the place of a member of a sorted set, counted from the highest score.
#[derive(Command)]
#[command(group = SortedSet, since = "2.0.0", complexity = "O(log(N))", flags(fast), manual)]
#[command(history = &[("7.2.0", "The option `WITHSCORE`.")])]
pub(super) struct Zrevrank<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    member: &'a [u8],
    #[arg(token = "WITHSCORE", since = "7.2.0")]
    withscore: bool,
}

/// Reads the option; any other word is one too many, as it is where the command has no option.
fn parse_withscore(words: &mut Words<'_>) -> Result<bool, CommandError> {
    match words.len() {
        0 => Ok(false),
        1 if is_token(words.take()?, "WITHSCORE") => Ok(true),
        _ => Err(CommandError::Arity),
    }
}

impl<'a> Parse<'a> for Zrank<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, member: words.take()?, withscore: parse_withscore(words)? })
    }
}

impl<'a> Parse<'a> for Zrevrank<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, member: words.take()?, withscore: parse_withscore(words)? })
    }
}

impl Query for Zrank<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let zset = cx.read::<SortedSet>(self.key)?;
        reply_rank(zset, self.member, Order::Ascending, self.withscore, out);
        Ok(())
    }
}

impl Query for Zrevrank<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let zset = cx.read::<SortedSet>(self.key)?;
        reply_rank(zset, self.member, Order::Descending, self.withscore, out);
        Ok(())
    }
}

fn reply_rank(zset: Option<&SortedSet>, member: &[u8], order: Order, with_score: bool, out: &mut Encoder) {
    let Some((zset, (rank, score))) = zset.and_then(|zset| Some((zset, zset.rank(member)?))) else {
        return if with_score { out.null_array() } else { out.null() };
    };
    let place = match order {
        Order::Ascending => rank,
        Order::Descending => zset.len() - 1 - rank,
    };
    if with_score {
        out.array(2);
    }
    out.integer(place as i64);
    if with_score {
        out.double(score);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn ranks_count_from_either_end() {
        let mut server = Server::new();
        server.run("ZADD k 1 a 2 b 3 c");
        assert_eq!(server.run("ZRANK k c"), ":2\r\n");
        assert_eq!(server.run("ZREVRANK k c WITHSCORE"), "*2\r\n:0\r\n$1\r\n3\r\n");
        assert_eq!(server.run("ZRANK k x"), "$-1\r\n");
        assert_eq!(server.run("ZRANK none x withscore"), "*-1\r\n");
    }

    #[test]
    fn words_behind_the_member_are_counted_before_they_are_read() {
        let mut server = Server::new();
        for line in ["ZRANK k c y", "ZRANK k c withscore y"] {
            assert_eq!(server.run(line), "-ERR wrong number of arguments for 'zrank' command\r\n", "{line}");
        }
    }
}
