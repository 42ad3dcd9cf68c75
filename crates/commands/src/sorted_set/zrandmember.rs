//! `ZRANDMEMBER key [count [WITHSCORES]]`
//!
//! Distinct members are drawn as distinct ranks. Few of many are drawn one by one, a drawn rank being replaced by
//! the highest allowed (Floyd); many of few are picked in one walk, each with the chance that completes the sample
//! (Knuth's algorithm S). Both are uniform.

use std::collections::HashSet;

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, Query, QueryContext, Reply, Words, is_token,
};
use spinel_store::ValueRef;
use spinel_store::value::SortedSet;
use spinel_structs::number::parse_i64;
use spinel_structs::sorted_set::Order;

use super::arguments::{WITHSCORES, key, word};
use super::reply::{Shown, reply_len, reply_member, reply_members};

/// From this share of all members on a sample is picked in one walk.
const WALK_SHARE: usize = 3;

const OPTIONS: ArgSpec =
    Shape { children: &[word("count", ArgKind::Integer), WITHSCORES], ..Shape::word(ArgKind::Block) }
        .or_absent()
        .arg("options", "");

/// Returns members of a sorted set chosen at random.
#[derive(Command)]
#[command(group = SortedSet, since = "6.2.0", complexity = "O(N) for N members returned")]
#[command(tips("nondeterministic_output"), manual, arity = -2, args = &[key("key", 0), OPTIONS])]
pub(super) struct Zrandmember<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    sample: Option<Sample>,
}

/// How many, and how they are shown.
#[derive(Clone, Copy)]
struct Sample {
    /// Negative: each of so many is drawn from all.
    count: i64,
    with_scores: bool,
}

impl Sample {
    fn parse(words: &mut Words<'_>) -> Result<Self, CommandError> {
        let count = parse_i64(words.take()?).ok_or(CommandError::NotInteger)?;
        if count == i64::MIN {
            return Err(CommandError::text(
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ));
        }
        let with_scores = match words.len() {
            0 => false,
            1 if is_token(words.take()?, "WITHSCORES") => true,
            _ => return Err(CommandError::Syntax),
        };
        if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(CommandError::text("ERR value is out of range"));
        }
        Ok(Self { count, with_scores })
    }
}

impl<'a> Parse<'a> for Zrandmember<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let key = words.key()?;
        let sample = if words.is_empty() { None } else { Some(Sample::parse(words)?) };
        Ok(Self { key, sample })
    }
}

impl Query for Zrandmember<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let Some(Sample { count, .. }) = self.sample else { return 1 };
        let Some(ValueRef::SortedSet(zset)) = cx.peek(self.key).map(spinel_store::Entry::value) else {
            return 0;
        };
        let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        match wanted {
            _ if count < 0 => wanted,
            _ if wanted >= zset.len() / WALK_SHARE => zset.len(),
            _ => wanted,
        }
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let zset = cx.read::<SortedSet>(self.key)?;
        match (self.sample, zset) {
            (None, None) => out.null(),
            (None, Some(zset)) => draw(zset, cx, |member, _| member.show(out)),
            (Some(_), None) | (Some(Sample { count: 0, .. }), _) => out.array(0),
            (Some(Sample { count, with_scores }), Some(zset)) => {
                let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
                if count > 0 {
                    reply_distinct(zset, cx, wanted, with_scores, out);
                } else {
                    reply_len(wanted, with_scores, out);
                    for _ in 0..wanted {
                        draw(zset, cx, |member, score| reply_member(&member, score, with_scores, out));
                    }
                }
            }
        }
        Ok(())
    }
}

/// A number below `n`, all with equal chances (to within 2^-64 of `n`).
fn below(n: usize, cx: &QueryContext<'_>) -> usize {
    ((u128::from(cx.random()) * n as u128) >> 64) as usize
}

/// Shows one member of a set that has some.
fn draw<R>(
    zset: &SortedSet,
    cx: &QueryContext<'_>,
    see: impl FnOnce(spinel_structs::listpack::ListpackValue<'_>, f64) -> R,
) -> R {
    let (member, score) = at(zset, below(zset.len(), cx));
    see(member, score)
}

/// The member of an existing rank.
fn at(zset: &SortedSet, rank: usize) -> (spinel_structs::listpack::ListpackValue<'_>, f64) {
    zset.members(rank..rank + 1, Order::Ascending).next().expect("the rank is below the length")
}

/// Answers with so many different members, or with all if there are no more.
fn reply_distinct(
    zset: &SortedSet,
    cx: &QueryContext<'_>,
    wanted: usize,
    with_scores: bool,
    out: &mut Encoder,
) {
    let len = zset.len();
    if wanted >= len {
        reply_members(zset.iter(), with_scores, out);
        return;
    }
    reply_len(wanted, with_scores, out);
    if wanted >= len / WALK_SHARE {
        let mut missing = wanted;
        for (passed, (member, score)) in zset.iter().enumerate() {
            if below(len - passed, cx) < missing {
                reply_member(&member, score, with_scores, out);
                missing -= 1;
            }
        }
        return;
    }
    let mut drawn = HashSet::with_capacity(wanted);
    for top in len - wanted..len {
        let rank = below(top + 1, cx);
        let rank = if drawn.insert(rank) { rank } else { top };
        drawn.insert(rank);
        let (member, score) = at(zset, rank);
        reply_member(&member, score, with_scores, out);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use spinel_family::Protocol;

    use crate::testing::Server;

    fn filled(members: usize) -> Server {
        let mut server = Server::new();
        (0..members).for_each(|i| drop(server.run(&format!("ZADD k {i} m{i}"))));
        server
    }

    fn drawn(server: &mut Server, line: &str) -> Vec<String> {
        let reply = server.run(line);
        reply.split("\r\n").filter(|text| text.starts_with('m')).map(str::to_owned).collect()
    }

    #[test]
    fn counts_decide_how_many_and_whether_they_differ() {
        for members in [10, 300] {
            let mut server = filled(members);
            for count in [1, 2, members / 2, members - 1, members, members + 7] {
                let all = drawn(&mut server, &format!("ZRANDMEMBER k {count}"));
                assert_eq!(all.len(), count.min(members));
                assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "{count} of {members}");
            }
            assert_eq!(drawn(&mut server, "ZRANDMEMBER k -1000").len(), 1000);
        }
        let mut server = filled(1);
        assert_eq!(server.run("ZRANDMEMBER k"), "$2\r\nm0\r\n");
        assert_eq!(
            server.run("ZRANDMEMBER k -2 WITHSCORES"),
            "*4\r\n$2\r\nm0\r\n$1\r\n0\r\n$2\r\nm0\r\n$1\r\n0\r\n"
        );
        assert_eq!(server.run("ZRANDMEMBER k 0"), "*0\r\n");
        assert_eq!(server.run("ZRANDMEMBER none"), "$-1\r\n");
        assert_eq!(server.run("ZRANDMEMBER none 4"), "*0\r\n");
        server.protocol = Protocol::Resp3;
        assert_eq!(server.run("ZRANDMEMBER k 1 WITHSCORES"), "*1\r\n*2\r\n$2\r\nm0\r\n,0\r\n");
    }

    #[test]
    fn every_member_has_the_same_chance() {
        for (members, count) in [(40, 5), (40, 30), (40, -10)] {
            let mut server = filled(members);
            let mut times: HashMap<String, usize> = HashMap::new();
            for _ in 0..400 {
                for member in drawn(&mut server, &format!("ZRANDMEMBER k {count}")) {
                    *times.entry(member).or_default() += 1;
                }
            }
            let expected = 400 * (count as i64).unsigned_abs() as usize / members;
            let (least, most) = (times.values().min(), times.values().max());
            assert_eq!(times.len(), members);
            assert!(least > Some(&(expected / 2)) && most < Some(&(expected * 2)), "{times:?}");
        }
    }

    #[test]
    fn words_are_refused_in_the_order_of_the_reference() {
        let mut server = Server::new();
        server.run("SET s x");
        let range =
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
        for (line, error) in [
            ("ZRANDMEMBER s x y z", "ERR value is not an integer or out of range"),
            ("ZRANDMEMBER s -9223372036854775808 y", range),
            ("ZRANDMEMBER s 9223372036854775807 y", "ERR syntax error"),
            ("ZRANDMEMBER s 9223372036854775807 withscores z", "ERR syntax error"),
            ("ZRANDMEMBER s 9223372036854775807 withscores", "ERR value is out of range"),
            ("ZRANDMEMBER s 1", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ] {
            assert_eq!(server.run(line), format!("-{error}\r\n"), "{line}");
        }
    }
}
