//! `ZRANDMEMBER key [count [WITHSCORES]]`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Field, Key, Parse, Protocol, Query, QueryContext, Reply, Words, is_token,
};
use spinel_store::value::SortedSet;

use super::reply::{Shown, reply_len, reply_member};
use crate::arguments::{WITHSCORES, key, word};
use crate::collection::{DrawCount, elements_of, reply_draws};

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
    count: DrawCount,
    with_scores: bool,
}

impl Sample {
    fn parse(words: &mut Words<'_>) -> Result<Self, CommandError> {
        let count = DrawCount::parse(words)?;
        let with_scores = match words.len() {
            0 => false,
            1 if is_token(words.take()?, "WITHSCORES") => true,
            _ => return Err(CommandError::Syntax),
        };
        if with_scores && count.0.unsigned_abs() > i64::MAX as u64 / 2 {
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
        let Some(Sample { count: DrawCount(count), .. }) = self.sample else { return 1 };
        let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        match elements_of(cx, self.key) {
            0 => 0,
            _ if count < 0 => wanted,
            len => wanted.min(len),
        }
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let zset = cx.read::<SortedSet>(self.key)?;
        let mut rng = || cx.random();
        let Some(Sample { count: DrawCount(count), with_scores }) = self.sample else {
            match zset.and_then(|zset| zset.random(&mut rng)) {
                Some((member, _)) => member.show(out),
                None => out.null(),
            }
            return Ok(());
        };
        let Some(zset) = zset.filter(|_| count != 0) else {
            out.array(0);
            return Ok(());
        };
        let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        if count > 0 {
            reply_len(wanted.min(zset.len()), with_scores, out);
            zset.sample(wanted, &mut rng, |member, score| reply_member(&member, score, with_scores, out));
            return Ok(());
        }
        let is_flat = with_scores && out.protocol() == Protocol::Resp2;
        reply_draws(out, wanted, if is_flat { wanted.saturating_mul(2) } else { wanted }, |out| {
            let (member, score) = zset.random(&mut rng).expect("a sorted set in the keyspace has members");
            reply_member(&member, score, with_scores, out);
        })
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
