//! `ZSCORE key member`, `ZMSCORE key member [member ...]`, `ZCARD key`

use spinel_family::{Command, Encoder, Key, Many, Query, QueryContext, Reply};
use spinel_store::value::SortedSet;

/// Returns the score of a member of a sorted set.
#[derive(Command)]
#[command(group = SortedSet, since = "1.2.0", complexity = "O(1)", flags(fast))]
pub(super) struct Zscore<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    member: &'a [u8],
}

/// Returns the scores of several members of a sorted set.
#[derive(Command)]
#[command(group = SortedSet, since = "6.2.0", complexity = "O(N) for N members", flags(fast))]
pub(super) struct Zmscore<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    #[arg(name = "member")]
    members: Many<'a, &'a [u8]>,
}

/// Returns the number of members of a sorted set.
#[derive(Command)]
#[command(group = SortedSet, since = "1.2.0", complexity = "O(1)", flags(fast))]
pub(super) struct Zcard<'a> {
    #[key(ro)]
    key: Key<'a>,
}

fn reply_score(score: Option<f64>, out: &mut Encoder) {
    match score {
        Some(score) => out.double(score),
        None => out.null(),
    }
}

impl Query for Zscore<'_> {
    #[inline]
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let zset = cx.read::<SortedSet>(self.key)?;
        reply_score(zset.and_then(|zset| zset.score(self.member)), out);
        Ok(())
    }
}

impl Query for Zmscore<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.members.len()
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let zset = cx.read::<SortedSet>(self.key)?;
        out.array(self.members.len());
        for member in self.members.items() {
            reply_score(zset.and_then(|zset| zset.score(member)), out);
        }
        Ok(())
    }
}

impl Query for Zcard<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        out.integer(cx.read::<SortedSet>(self.key)?.map_or(0, SortedSet::len) as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use spinel_family::Protocol;

    use crate::testing::Server;

    #[test]
    fn scores_are_texts_in_resp2_and_doubles_in_resp3() {
        let mut server = Server::new();
        server.run("ZADD k 0.1 a -inf b 0x10 c");
        assert_eq!(server.run("ZSCORE k a"), "$19\r\n0.10000000000000001\r\n");
        assert_eq!(server.run("ZMSCORE k b x c"), "*3\r\n$4\r\n-inf\r\n$-1\r\n$2\r\n16\r\n");
        assert_eq!(server.run("ZMSCORE none a b"), "*2\r\n$-1\r\n$-1\r\n");
        server.protocol = Protocol::Resp3;
        assert_eq!(server.run("ZSCORE k a"), ",0.10000000000000001\r\n");
        assert_eq!(server.run("ZMSCORE k b x"), "*2\r\n,-inf\r\n_\r\n");
    }
}
