//! `HTTL key FIELDS numfields field [field ...]`, `HPTTL`, `HEXPIRETIME`, `HPEXPIRETIME`

use spinel_family::{Command, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::value::Hash;

use super::field_words::{BAD_COUNT, Clock, FIELDS_ARG, KEY_ARG, Rest, cost, named_fields};
use crate::element_words::{NO_ELEMENT, NO_EXPIRY};

fn tell(
    cx: &QueryContext<'_>,
    key: Key<'_>,
    Rest(mut words): Rest<'_>,
    clock: Clock,
    out: &mut Encoder,
) -> Reply {
    let hash = cx.read::<Hash>(key)?;
    let fields = named_fields(&mut words, BAD_COUNT)?;
    out.array(fields.len());
    for name in fields.items() {
        out.integer(match hash.and_then(|hash| hash.expiry(name, cx.now())) {
            None => NO_ELEMENT,
            Some(None) => NO_EXPIRY,
            Some(Some(at)) => clock.tell(at, cx.now()),
        });
    }
    Ok(())
}

/// Returns how many seconds fields of a hash have left.
#[derive(Command)]
#[command(group = Hash, since = "7.4.0", complexity = "O(N) for N fields named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, FIELDS_ARG], tips("nondeterministic_output"))]
pub(super) struct Httl<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Httl<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell(cx, self.key, self.words, Clock::SECONDS, out)
    }
}

/// Returns how many milliseconds fields of a hash have left.
#[derive(Command)]
#[command(group = Hash, since = "7.4.0", complexity = "O(N) for N fields named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, FIELDS_ARG], tips("nondeterministic_output"))]
pub(super) struct Hpttl<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Hpttl<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell(cx, self.key, self.words, Clock::MILLIS, out)
    }
}

/// Returns when fields of a hash expire, as Unix times in seconds.
#[derive(Command)]
#[command(group = Hash, since = "7.4.0", complexity = "O(N) for N fields named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, FIELDS_ARG], tips("nondeterministic_output"))]
pub(super) struct Hexpiretime<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Hexpiretime<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell(cx, self.key, self.words, Clock::SECONDS_AT, out)
    }
}

/// Returns when fields of a hash expire, as Unix times in milliseconds.
#[derive(Command)]
#[command(group = Hash, since = "7.4.0", complexity = "O(N) for N fields named", flags(fast))]
#[command(arity = -5, args = &[KEY_ARG, FIELDS_ARG], tips("nondeterministic_output"))]
pub(super) struct Hpexpiretime<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    words: Rest<'a>,
}

impl Query for Hpexpiretime<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        cost(&self.words)
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        tell(cx, self.key, self.words, Clock::MILLIS_AT, out)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn times_are_told_in_each_unit_rounded_up() {
        let mut server = Server::new();
        server.run("HSET h a 1 b 2");
        server.run("HPEXPIRE h 1500 FIELDS 1 a");
        for (command, time) in [
            ("HTTL", 2_i64),
            ("HPTTL", 1500),
            ("HEXPIRETIME", 1_700_000_002),
            ("HPEXPIRETIME", 1_700_000_001_500),
        ] {
            let reply = server.run(&format!("{command} h FIELDS 3 a b c"));
            assert_eq!(reply, format!("*3\r\n:{time}\r\n:-1\r\n:-2\r\n"));
            assert_eq!(server.run(&format!("{command} none FIELDS 1 a")), "*1\r\n:-2\r\n");
        }
        server.advance_ms(1500);
        assert_eq!(server.run("HPTTL h FIELDS 1 a"), "*1\r\n:-2\r\n");
    }

    #[test]
    fn the_type_is_checked_before_the_words() {
        let mut server = Server::new();
        server.run("SET s 1");
        assert!(server.run("HTTL s x y z").starts_with("-WRONGTYPE"));
        assert_eq!(
            server.run("HTTL h x 1 z"),
            "-ERR Mandatory argument FIELDS is missing or not at the right position\r\n"
        );
        assert_eq!(server.run("HTTL h FIELDS 0 z"), "-ERR Number of fields must be a positive integer\r\n");
        assert_eq!(
            server.run("HTTL h FIELDS 2 z"),
            "-ERR The `numfields` parameter must match the number of arguments\r\n"
        );
    }
}
