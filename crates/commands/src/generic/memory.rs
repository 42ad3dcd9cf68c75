//! `MEMORY USAGE`: the bytes that a key takes. The other subcommands are about the server and stand with it.

use spinel_family::{
    Command, CommandError, Encoder, Key, Parse, Query, QueryContext, Reply, Words, is_token,
};
use spinel_structs::number::parse_i64;

/// Tells where memory is.
#[derive(Command)]
#[command(group = Server, since = "4.0.0", complexity = "Depends on subcommand.", arity = -2, manual)]
pub(super) struct Memory;

/// Returns the bytes that a key and its value take.
///
/// They are counted exactly, because values keep their sums: `SAMPLES`, which limits how many elements Redis looks at,
/// is checked and makes no difference.
#[derive(Command)]
#[command(name = "memory|usage", group = Server, since = "4.0.0", manual, arity = -3)]
#[command(complexity = "O(N) where N is the number of samples.")]
pub(super) struct MemoryUsage<'a> {
    #[key(ro)]
    key: Key<'a>,
    #[arg(token = "SAMPLES", name = "count")]
    #[expect(dead_code, reason = "nothing needs to be sampled")]
    samples: Option<i64>,
}

impl<'a> Parse<'a> for MemoryUsage<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let key = words.key()?;
        let mut samples = None;
        while !words.is_empty() {
            if !is_token(words.take()?, "SAMPLES") {
                return Err(CommandError::Syntax);
            }
            let count = parse_i64(words.take()?).ok_or(CommandError::NotInteger)?;
            if count < 0 {
                return Err(CommandError::Syntax);
            }
            samples = Some(count);
        }
        Ok(Self { key, samples })
    }
}

impl Query for MemoryUsage<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        match cx.peek(self.key) {
            Some(entry) => out.integer(entry.memory_bytes() as i64),
            None => out.null(),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_key_takes_more_the_more_it_holds_and_samples_are_checked() {
        let mut server = Server::new();
        assert_eq!(server.run("MEMORY USAGE a"), "$-1\r\n");
        let mut usage = |value: &str| {
            server.run_words(["SET", "a", value]);
            let reply = server.run("MEMORY USAGE a SAMPLES 0");
            reply.trim_start_matches(':').trim_end().parse::<usize>().expect("a number")
        };
        let (small, large) = (usage("x"), usage(&"x".repeat(1000)));
        assert!((3..64).contains(&small), "{small}");
        assert!((1000..1400).contains(&large), "{large}");
        for (line, error) in [
            ("MEMORY USAGE a SAMPLES", "-ERR syntax error\r\n"),
            ("MEMORY USAGE a SAMPLES -1", "-ERR syntax error\r\n"),
            ("MEMORY USAGE a SAMPLES x", "-ERR value is not an integer or out of range\r\n"),
            ("MEMORY USAGE a MORE 1", "-ERR syntax error\r\n"),
        ] {
            assert_eq!(server.run(line), error, "{line}");
        }
    }
}
