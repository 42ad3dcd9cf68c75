//! `SRANDMEMBER key [count]`

use spinel_family::{Command, Encoder, Key, Lazy, Query, QueryContext, Reply};
use spinel_store::value::Set;

use crate::collection::{DrawCount, elements_of, reply_draws, reply_element};

/// Returns members of a set at random: one, some that differ, or with a negative count as many draws.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", complexity = "O(N) for N members returned")]
#[command(tips("nondeterministic_output"), history = &[("2.6.0", "The argument `count`.")])]
pub(super) struct Srandmember<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    #[arg(trailing, since = "2.6.0")]
    count: Option<Lazy<'a, DrawCount>>,
}

impl Query for Srandmember<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        match self.count.map(|count| count.get()) {
            Some(Ok(DrawCount(count @ ..0))) => count.unsigned_abs() as usize,
            Some(Ok(DrawCount(count))) => elements_of(cx, self.key).min(count as usize),
            Some(Err(_)) | None => 0,
        }
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let count = self.count.map(|count| count.get()).transpose()?;
        let set = cx.read::<Set>(self.key)?;
        let mut rng = cx.chance();
        match (set, count) {
            (Some(set), Some(DrawCount(count))) => reply_some(set, count, &mut rng, out),
            (None, Some(_)) => {
                out.array(0);
                Ok(())
            }
            (set, None) => {
                match set.and_then(|set| set.random(&mut rng)) {
                    Some(member) => reply_element(out, member),
                    None => out.null(),
                }
                Ok(())
            }
        }
    }
}

fn reply_some(set: &Set, count: i64, rng: &mut impl FnMut() -> u64, out: &mut Encoder) -> Reply {
    let wanted = count.unsigned_abs() as usize;
    if count < 0 {
        return reply_draws(out, wanted, wanted, |out| {
            reply_element(out, set.random(rng).expect("a key holds no empty set"));
        });
    }
    out.array(wanted.min(set.len()));
    set.sample(wanted, rng, |member| reply_element(out, member));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;
    use spinel_family::Protocol;

    #[test]
    fn the_count_is_understood_before_the_key_and_after_the_number_of_words() {
        let mut server = Server::new();
        server.run("SET t 1");
        for (line, error) in [
            ("SRANDMEMBER t x y", "syntax error"),
            ("SRANDMEMBER t x", "value is not an integer or out of range"),
            (
                "SRANDMEMBER t -9223372036854775808",
                "value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ),
        ] {
            assert_eq!(server.run(line), format!("-ERR {error}\r\n"), "{line}");
        }
        assert!(server.run("SRANDMEMBER t 1").starts_with("-WRONGTYPE"));
        assert_eq!(server.run("SRANDMEMBER s 1"), "*0\r\n");
        assert_eq!(server.run("SRANDMEMBER s"), "$-1\r\n");
    }

    #[test]
    fn counts_beyond_the_set_give_all_and_negative_ones_so_many_draws() {
        let mut server = Server::new();
        server.protocol = Protocol::Resp3;
        server.run("SADD s 1 2");
        assert_eq!(server.run("SRANDMEMBER s 9223372036854775807"), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
        assert_eq!(server.run("SRANDMEMBER s 0"), "*0\r\n");
        assert!(server.run("SRANDMEMBER s -1000").starts_with("*1000\r\n"));
        assert_eq!(server.run("SRANDMEMBER s -9223372036854775807"), "-ERR value is out of range\r\n");
        assert!(server.run("SRANDMEMBER s").starts_with("$1\r\n"));
        assert!(server.run("SRANDMEMBER s 1").starts_with("*1\r\n$1\r\n"));
    }
}
