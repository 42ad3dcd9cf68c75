//! `LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]`

use spinel_family::spec::{ArgKind, Shape};
use spinel_family::{Command, CommandError, Encoder, Field, Key, Query, QueryContext, Reply, Words};
use spinel_store::{End, List};

use super::pop::at_most_all;
use crate::collection::NO_COUNTERPART;

/// Which match is the first to count, from the tail if negative; never zero, nor the least integer.
struct Rank(i64);

impl<'a> Field<'a> for Rank {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        match i64::parse(words)? {
            0 => Err(CommandError::text(
                "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                 negative to start from the end of the list",
            )),
            // Redis 7.0 takes it for 1; newer servers answer so.
            i64::MIN => Err(NO_COUNTERPART),
            rank => Ok(Self(rank)),
        }
    }
}

/// How many matches; 0 for all.
struct NumMatches(usize);

impl<'a> Field<'a> for NumMatches {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        not_negative(words, "ERR COUNT can't be negative").map(Self)
    }
}

/// How many elements to compare; 0 for all.
struct MaxLen(usize);

impl<'a> Field<'a> for MaxLen {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        not_negative(words, "ERR MAXLEN can't be negative").map(Self)
    }
}

fn not_negative(words: &mut Words<'_>, otherwise: &'static str) -> Result<usize, CommandError> {
    match i64::parse(words) {
        Err(CommandError::NotInteger) => Err(CommandError::text(otherwise)),
        Err(error) => Err(error),
        Ok(number) => usize::try_from(number).map_err(|_| CommandError::text(otherwise)),
    }
}

/// Returns the index of the first element that equals one, or the indexes of several.
#[derive(Command)]
#[command(group = List, since = "6.0.6", complexity = "O(N) for N elements compared")]
pub(super) struct Lpos<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    element: &'a [u8],
    #[arg(token = "RANK")]
    rank: Option<Rank>,
    #[arg(token = "COUNT", name = "num-matches")]
    count: Option<NumMatches>,
    #[arg(token = "MAXLEN", name = "len")]
    max_len: Option<MaxLen>,
}

impl Lpos<'_> {
    fn compared(&self) -> usize {
        match self.max_len {
            None | Some(MaxLen(0)) => usize::MAX,
            Some(MaxLen(len)) => len,
        }
    }
}

impl Query for Lpos<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        at_most_all(cx, self.key, self.compared())
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let Some(list) = cx.read::<List>(self.key)? else {
            match self.count {
                Some(_) => out.array(0),
                None => out.null(),
            }
            return Ok(());
        };
        let rank = self.rank.as_ref().map_or(1, |rank| rank.0);
        let from = if rank < 0 { End::Back } else { End::Front };
        let passed_over = usize::try_from(rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
        let mut matches = list.find(self.element, from, self.compared()).skip(passed_over);
        match self.count {
            Some(NumMatches(count)) => {
                let header = out.deferred_array();
                let limit = if count == 0 { usize::MAX } else { count };
                let mut found = 0;
                for index in matches.take(limit) {
                    out.integer(index as i64);
                    found += 1;
                }
                out.finish(header, found);
            }
            None => match matches.next() {
                Some(index) => out.integer(index as i64),
                None => out.null(),
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn rank_count_and_maxlen_work_together() {
        let mut server = Server::new();
        server.run("RPUSH l a b c 1 2 3 c c");
        for (options, reply) in [
            ("", ":2\r\n"),
            (" RANK 2", ":6\r\n"),
            (" RANK -1", ":7\r\n"),
            (" RANK 4", "$-1\r\n"),
            (" RANK 1 RANK 3", ":7\r\n"),
            (" RANK -9223372036854775807", "$-1\r\n"),
            (" COUNT 0", "*3\r\n:2\r\n:6\r\n:7\r\n"),
            (" COUNT 2 RANK -1", "*2\r\n:7\r\n:6\r\n"),
            (" COUNT 0 RANK -3 MAXLEN 0", "*1\r\n:2\r\n"),
            (" COUNT 0 RANK -1 MAXLEN 5", "*2\r\n:7\r\n:6\r\n"),
            (" MAXLEN 2", "$-1\r\n"),
            (" MAXLEN 2 COUNT 1", "*0\r\n"),
        ] {
            assert_eq!(server.run(&format!("LPOS l c{options}")), reply, "{options}");
        }
        assert_eq!(server.run("LPOS none c"), "$-1\r\n");
        assert_eq!(server.run("LPOS none c COUNT 1"), "*0\r\n");
    }

    #[test]
    fn bad_options_are_found_before_the_key_is_looked_up() {
        let mut server = Server::new();
        server.run("SET s x");
        for (options, error) in [
            ("RANK 0", "-ERR RANK can't be zero: use 1 to start from"),
            ("RANK x", "-ERR value is not an integer or out of range\r\n"),
            (
                "RANK -9223372036854775808",
                "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\r\n",
            ),
            ("RANK", "-ERR syntax error\r\n"),
            ("COUNT -1", "-ERR COUNT can't be negative\r\n"),
            ("COUNT x", "-ERR COUNT can't be negative\r\n"),
            ("MAXLEN -1", "-ERR MAXLEN can't be negative\r\n"),
            ("MAXLEN 1 FOO", "-ERR syntax error\r\n"),
            ("COUNT 1", "-WRONGTYPE"),
        ] {
            let reply = server.run(&format!("LPOS s a {options}"));
            assert!(reply.starts_with(error), "{options}: {reply}");
        }
    }
}
