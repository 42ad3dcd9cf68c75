//! `ZUNION`, `ZINTER`, `ZDIFF numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]`,
//! `ZINTERCARD numkeys key [key ...] [LIMIT limit]`

use spinel_family::spec::{ArgFlags, ArgKind, ArgSpec, Shape};
use spinel_family::{Command, CommandError, Encoder, Parse, Query, QueryContext, Reply, Words};

use super::combine::{Allowed, Inputs, Operation};
use super::reply::reply_members;
use crate::arguments::{NUMKEYS, READ, WITHSCORES, choice, counted_at, keys, option};

/// `WEIGHTS weight [weight ...]`
pub(super) const WEIGHTS: ArgSpec = ArgSpec {
    flags: ArgFlags { optional: true, multiple: true, multiple_token: false },
    ..option("weight", "WEIGHTS", ArgKind::Integer)
};

/// `AGGREGATE <SUM | MIN | MAX | COUNT>`
pub(super) const AGGREGATE: ArgSpec = Shape {
    children: &[choice("sum", "SUM"), choice("min", "MIN"), choice("max", "MAX"), choice("count", "COUNT")],
    ..Shape::word(ArgKind::OneOf)
}
.or_absent()
.arg("aggregate", "AGGREGATE");

/// Returns the union of sorted sets.
#[derive(Command)]
#[command(group = SortedSet, since = "6.2.0", flags(movablekeys), manual, arity = -3)]
#[command(
    complexity = "O(N)+O(M*log(M)), N being the sum of the sizes of the sets and M the size of the union"
)]
#[command(keys = &[counted_at(1, READ)])]
#[command(args = &[NUMKEYS, keys(0), WEIGHTS, AGGREGATE, WITHSCORES])]
pub(super) struct Zunion<'a> {
    inputs: Inputs<'a>,
}

/// Returns the intersection of sorted sets.
#[derive(Command)]
#[command(group = SortedSet, since = "6.2.0", flags(movablekeys), manual, arity = -3)]
#[command(
    complexity = "O(N*K)+O(M*log(M)) for K sets, N being the size of the smallest and M that of the intersection"
)]
#[command(keys = &[counted_at(1, READ)])]
#[command(args = &[NUMKEYS, keys(0), WEIGHTS, AGGREGATE, WITHSCORES])]
pub(super) struct Zinter<'a> {
    inputs: Inputs<'a>,
}

/// Returns the members of the first of several sorted sets that are in none of the others.
#[derive(Command)]
#[command(group = SortedSet, since = "6.2.0", flags(movablekeys), manual, arity = -3)]
#[command(complexity = "O(N*K) for K sets, N being the size of the first")]
#[command(keys = &[counted_at(1, READ)], args = &[NUMKEYS, keys(0), WITHSCORES])]
pub(super) struct Zdiff<'a> {
    inputs: Inputs<'a>,
}

/// Counts the members that several sorted sets have in common.
#[derive(Command)]
#[command(group = SortedSet, since = "7.0.0", flags(movablekeys), manual, arity = -3)]
#[command(complexity = "O(N*K) for K sets, N being the size of the smallest")]
#[command(keys = &[counted_at(1, READ)])]
#[command(args = &[NUMKEYS, keys(0), option("limit", "LIMIT", ArgKind::Integer)])]
pub(super) struct Zintercard<'a> {
    inputs: Inputs<'a>,
}

macro_rules! combinations {
    ($($command:ident: $name:literal, $operation:expr, $weights:literal;)*) => {$(
        impl<'a> Parse<'a> for $command<'a> {
            fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
                Ok(Self { inputs: Inputs::parse(words, $name)? })
            }
        }

        impl Query for $command<'_> {
            fn cost(&self, cx: &QueryContext<'_>) -> usize {
                self.inputs.cost(cx, $operation)
            }

            fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
                let allowed = Allowed { weights: $weights, scores: true, limit: false };
                let combination = self.inputs.open(cx, allowed)?;
                let with_scores = combination.with_scores;
                reply_members(combination.compute($operation).into_iter(), with_scores, out);
                Ok(())
            }
        }
    )*};
}

combinations! {
    Zunion: "zunion", Operation::Union, true;
    Zinter: "zinter", Operation::Intersection, true;
    Zdiff: "zdiff", Operation::Difference, false;
}

impl<'a> Parse<'a> for Zintercard<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { inputs: Inputs::parse(words, "zintercard")? })
    }
}

impl Query for Zintercard<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        self.inputs.cost(cx, Operation::Intersection)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let allowed = Allowed { weights: false, scores: false, limit: true };
        out.integer(self.inputs.open(cx, allowed)?.count_intersection() as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    fn filled() -> Server {
        let mut server = Server::new();
        server.run("ZADD a 1 x 2 y 3 z");
        server.run("ZADD b 10 y 20 z 30 w");
        server
    }

    /// The words of a flat reply.
    fn words(server: &mut Server, line: &str) -> String {
        let reply = server.run(line);
        let texts = reply.split("\r\n").filter(|text| !text.starts_with(['*', '$']));
        texts.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    }

    #[test]
    fn counting_adds_up_the_weights_of_the_inputs_that_have_a_member() {
        let mut server = Server::new();
        server.run("ZADD a 1 a1 1 a2 1 a3");
        server.run("ZADD b 2 a1 2 a2 2 a3");
        server.run("ZADD c 6 a1 5 a3 4 a4");
        // The expectations of redis-py's tests.
        let count = "AGGREGATE COUNT WITHSCORES";
        assert_eq!(words(&mut server, &format!("ZINTER 3 a b c {count}")), "a1 3 a3 3");
        assert_eq!(words(&mut server, &format!("ZUNION 3 a b c {count}")), "a4 1 a2 2 a1 3 a3 3");
        let weighed = format!("ZUNION 3 a b c WEIGHTS 1 2 3 {count}");
        assert_eq!(words(&mut server, &weighed), "a2 3 a4 3 a1 6 a3 6");
    }

    #[test]
    fn weights_and_aggregates_decide_the_scores() {
        let mut server = filled();
        for (line, expected) in [
            ("ZUNION 2 a b WITHSCORES", "x 1 y 12 z 23 w 30"),
            ("ZUNION 2 a b WEIGHTS 2 -1 WITHSCORES", "w -30 z -14 y -6 x 2"),
            ("ZINTER 2 a b AGGREGATE MAX WITHSCORES", "y 10 z 20"),
            ("ZINTER 2 a b AGGREGATE MIN WITHSCORES", "y 2 z 3"),
            ("ZINTER 3 a b none", ""),
            ("ZDIFF 2 a b WITHSCORES", "x 1"),
            ("ZDIFF 2 a a", ""),
            ("ZDIFF 1 none", ""),
        ] {
            assert_eq!(words(&mut server, line), expected, "{line}");
        }
        assert_eq!(server.run("ZINTERCARD 2 a b"), ":2\r\n");
        assert_eq!(server.run("ZINTERCARD 2 a b LIMIT 1"), ":1\r\n");
        assert_eq!(server.run("ZINTERCARD 2 a b LIMIT 0"), ":2\r\n");
    }

    #[test]
    fn members_of_sets_score_one() {
        let mut server = filled();
        server.run("SADD ints 5 7");
        server.run("SADD words x 5");
        assert_eq!(words(&mut server, "ZUNION 3 ints words a WITHSCORES"), "7 1 5 2 x 2 y 2 z 3");
        assert_eq!(words(&mut server, "ZINTER 2 ints words WEIGHTS 2 3 WITHSCORES"), "5 5");
        assert_eq!(words(&mut server, "ZDIFF 2 words a WITHSCORES"), "5 1");
        assert_eq!(server.run("ZINTERCARD 2 words a"), ":1\r\n");
    }

    #[test]
    fn what_would_be_no_number_is_zero() {
        let mut server = Server::new();
        server.run("ZADD p inf x 0 y");
        server.run("ZADD m -inf x 0 y");
        assert_eq!(words(&mut server, "ZUNION 2 p m WITHSCORES"), "x 0 y 0");
        assert_eq!(words(&mut server, "ZUNION 1 p WEIGHTS 0 WITHSCORES"), "x 0 y 0");
        assert_eq!(words(&mut server, "ZUNION 1 p WEIGHTS inf WITHSCORES"), "y 0 x inf");
    }

    #[test]
    fn keys_are_looked_up_before_options_are_read() {
        let mut server = filled();
        server.run("SET s x");
        for (line, error) in [
            ("ZUNION x a", "ERR value is not an integer or out of range"),
            ("ZUNION 0 a", "ERR at least 1 input key is needed for 'zunion' command"),
            ("ZINTERCARD -1 a", "ERR at least 1 input key is needed for 'zintercard' command"),
            ("ZUNION 2 a", "ERR syntax error"),
            ("ZUNION 1 s FOO", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("ZUNION 2 a b WEIGHTS 1", "ERR syntax error"),
            ("ZUNION 2 a b WEIGHTS 1 x", "ERR weight value is not a float"),
            ("ZUNION 2 a b AGGREGATE AVG", "ERR syntax error"),
            ("ZDIFF 2 a b WEIGHTS 1 1", "ERR syntax error"),
            ("ZINTERCARD 2 a b WITHSCORES", "ERR syntax error"),
            ("ZINTERCARD 2 a b LIMIT -1", "ERR LIMIT can't be negative"),
            ("ZINTERCARD 2 a b LIMIT x", "ERR LIMIT can't be negative"),
        ] {
            assert_eq!(server.run(line), format!("-{error}\r\n"), "{line}");
        }
    }
}
