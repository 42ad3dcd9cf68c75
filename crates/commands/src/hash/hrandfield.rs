//! `HRANDFIELD key [count [WITHVALUES]]`

use spinel_family::spec::{ArgFlags, ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Field, Key, Parse, Protocol, Query, QueryContext, Reply, Words, is_token,
};
use spinel_store::Text;
use spinel_store::value::Hash;

use crate::collection::{DrawCount, elements_of, reply_draws, reply_element};

/// Returns fields of a hash at random: one, some that differ, or with a negative count as many draws.
#[derive(Command)]
#[command(group = Hash, since = "6.2.0", complexity = "O(N) for N fields returned")]
#[command(tips("nondeterministic_output"))]
#[command(manual, arity = -2, args = ARGS)]
pub(super) struct Hrandfield<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    #[arg(hidden, trailing)]
    wanted: Option<Wanted>,
}

const ARGS: &[ArgSpec] = &[
    ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("key", "") },
    ArgSpec {
        flags: ArgFlags { optional: true, multiple: false, multiple_token: false },
        ..Wanted::SHAPE.arg("options", "")
    },
];

/// How many fields, and whether with their values.
#[derive(Clone, Copy)]
struct Wanted {
    count: i64,
    with_values: bool,
}

impl<'a> Field<'a> for Wanted {
    const SHAPE: Shape = Shape {
        children: &[
            Shape::word(ArgKind::Integer).arg("count", ""),
            Shape::word(ArgKind::PureToken).or_absent().arg("withvalues", "WITHVALUES"),
        ],
        ..Shape::word(ArgKind::Block)
    };

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let DrawCount(count) = DrawCount::parse(words)?;
        let Some(option) = words.peek() else { return Ok(Self { count, with_values: false }) };
        words.skip_one();
        if !words.is_empty() || !is_token(option, "WITHVALUES") {
            return Err(CommandError::Syntax);
        }
        if count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(CommandError::text("ERR value is out of range"));
        }
        Ok(Self { count, with_values: true })
    }
}

impl<'a> Parse<'a> for Hrandfield<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let key = words.key()?;
        let wanted = if words.is_empty() { None } else { Some(Wanted::parse(words)?) };
        Ok(Self { key, wanted })
    }
}

impl Query for Hrandfield<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        match self.wanted.map_or(0, |wanted| wanted.count) {
            count @ ..0 => count.unsigned_abs() as usize,
            count => elements_of(cx, self.key).min(count as usize),
        }
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let hash = cx.read::<Hash>(self.key)?;
        match (hash, self.wanted) {
            (Some(hash), Some(wanted)) => wanted.reply(cx, hash, out),
            (None, Some(_)) => {
                out.array(0);
                Ok(())
            }
            (hash, None) => {
                if let Some(hash) = hash.filter(|hash| hash.is_due(cx.now())) {
                    // Those whose time has come are in the way of a draw: all others are found first.
                    cx.check_cost(hash.len())?;
                }
                match hash.and_then(|hash| hash.random(cx.now(), &mut || cx.random())) {
                    Some(field) => reply_element(out, field.name),
                    None => out.null(),
                }
                Ok(())
            }
        }
    }
}

impl Wanted {
    fn reply(self, cx: &QueryContext<'_>, hash: &Hash, out: &mut Encoder) -> Reply {
        let count = self.count.unsigned_abs() as usize;
        if hash.is_due(cx.now()) {
            cx.check_cost(hash.len())?;
        }
        let mut rng = || cx.random();
        if self.count < 0 {
            let lots = hash.lots(cx.now());
            let count = if lots.is_empty() { 0 } else { count };
            return reply_draws(out, count, self.elements(count, out), |out| {
                let field = lots.draw(&mut rng).expect("there is something to draw");
                self.reply_field(out, (field.name, field.value));
            });
        }
        let count = count.min(hash.live_len(cx.now()));
        out.array(self.elements(count, out));
        hash.sample(count, cx.now(), &mut rng, |name, value| self.reply_field(out, (name, value)));
        Ok(())
    }

    /// The length of the reply: RESP2 has a field and its value side by side, RESP3 as a pair.
    fn elements(self, count: usize, out: &Encoder) -> usize {
        if self.with_values && out.protocol() == Protocol::Resp2 { count.saturating_mul(2) } else { count }
    }

    fn reply_field(self, out: &mut Encoder, (name, value): (Text<'_>, Text<'_>)) {
        if self.with_values && out.protocol() == Protocol::Resp3 {
            out.array(2);
        }
        reply_element(out, name);
        if self.with_values {
            reply_element(out, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;
    use spinel_family::Protocol;

    #[test]
    fn the_count_is_read_before_the_option_and_both_before_the_key() {
        let mut server = Server::new();
        server.run("SET s 1");
        for (line, error) in [
            ("HRANDFIELD s x y", "value is not an integer or out of range"),
            (
                "HRANDFIELD s -9223372036854775808",
                "value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ),
            ("HRANDFIELD s 4611686018427387904 y", "syntax error"),
            ("HRANDFIELD s 1 WITHVALUES x", "syntax error"),
            ("HRANDFIELD s 4611686018427387904 WITHVALUES", "value is out of range"),
            ("HRANDFIELD s -4611686018427387904 WITHVALUES", "value is out of range"),
        ] {
            assert_eq!(server.run(line), format!("-ERR {error}\r\n"), "{line}");
        }
        assert!(server.run("HRANDFIELD s 1").starts_with("-WRONGTYPE"));
        assert_eq!(server.run("HRANDFIELD h -4611686018427387903 WITHVALUES"), "*0\r\n");
        assert_eq!(server.run("HRANDFIELD h"), "$-1\r\n");
    }

    #[test]
    fn a_positive_count_gives_each_field_at_most_once() {
        let mut server = Server::new();
        server.run("HSET h a 1");
        assert_eq!(server.run("HRANDFIELD h 10"), "*1\r\n$1\r\na\r\n");
        assert_eq!(server.run("HRANDFIELD h 0"), "*0\r\n");
        assert_eq!(server.run("HRANDFIELD h -3"), "*3\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n");
        assert_eq!(server.run("HRANDFIELD h -9223372036854775807"), "-ERR value is out of range\r\n");
    }

    #[test]
    fn values_stand_in_pairs_in_resp3_only() {
        let mut server = Server::new();
        server.run("HSET h a 1");
        assert_eq!(server.run("HRANDFIELD h 1 withvalues"), "*2\r\n$1\r\na\r\n$1\r\n1\r\n");
        assert_eq!(server.run("HRANDFIELD h -2 withvalues").matches("$1\r\na").count(), 2);
        server.protocol = Protocol::Resp3;
        assert_eq!(server.run("HRANDFIELD h 5 withvalues"), "*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n");
        assert_eq!(server.run("HRANDFIELD h 5"), "*1\r\n$1\r\na\r\n");
    }
}
