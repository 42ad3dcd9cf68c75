//! `BZPOPMIN key [key ...] timeout`, `BZPOPMAX key [key ...] timeout`, `BZMPOP timeout numkeys key [key ...] ...`
//!
//! The journal records what was popped, never that somebody waited.

use spinel_family::spec::{ArgKind, Begin, Find, KeySpec};
use spinel_family::{
    Attempt, Blocking, Command, CommandError, Encoder, Field, Key, Lazy, Many, Parse, Timeout, UpdateContext,
    WaitFor, WaitKeys, Words,
};
use spinel_structs::sorted_set::Order;

use super::pop::{PopFrom, first_ready, pop, propagate_pop};
use crate::arguments::{COUNT, NUMKEYS, POP, WHERE, counted_at, keys, word};

/// All words but the last are keys.
const ALL_BUT_LAST: &[KeySpec] = &[KeySpec {
    flags: POP,
    begin: Begin::Index(1),
    find: Find::Range { last: -2, step: 1, limit: 0 },
    notes: "",
}];

/// Removes the member with the lowest score from the first of several sorted sets, waiting for one to appear.
#[derive(Command)]
#[command(group = SortedSet, since = "5.0.0", flags(noscript, fast), manual, arity = -3)]
#[command(complexity = "O(log(N)), N being the size of the sorted set")]
#[command(history = &[("6.0.0", "A timeout with a fraction.")])]
#[command(keys = ALL_BUT_LAST, args = &[keys(0), word("timeout", ArgKind::Double)])]
pub(super) struct Bzpopmin<'a> {
    from: OneOfMany<'a>,
}

/// Removes the member with the highest score from the first of several sorted sets, waiting for one to appear.
#[derive(Command)]
#[command(group = SortedSet, since = "5.0.0", flags(noscript, fast), manual, arity = -3)]
#[command(complexity = "O(log(N)), N being the size of the sorted set")]
#[command(history = &[("6.0.0", "A timeout with a fraction.")])]
#[command(keys = ALL_BUT_LAST, args = &[keys(0), word("timeout", ArgKind::Double)])]
pub(super) struct Bzpopmax<'a> {
    from: OneOfMany<'a>,
}

/// Removes members with the lowest or highest scores from the first of several sorted sets, waiting for one to
/// appear.
#[derive(Command)]
#[command(group = SortedSet, since = "7.0.0", flags(movablekeys), manual, arity = -5)]
#[command(
    complexity = "O(K)+O(M*log(N)) for K keys, N being the size of the sorted set and M the number of members"
)]
#[command(keys = &[counted_at(2, POP)])]
#[command(args = &[word("timeout", ArgKind::Double), NUMKEYS, keys(0), WHERE, COUNT])]
pub(super) struct Bzmpop<'a> {
    from: PopFrom<'a>,
    timeout: Timeout,
}

/// `key [key ...] timeout`
struct OneOfMany<'a> {
    keys: Many<'a, Key<'a>>,
    timeout: Timeout,
}

impl<'a> OneOfMany<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let keys = Many::parse(&mut words.split(words.len().saturating_sub(1))?)?;
        Ok(Self { keys, timeout: Timeout::parse(words)? })
    }

    fn attempt(
        &self,
        cx: &mut UpdateContext<'_>,
        order: Order,
        out: &mut Encoder,
    ) -> Result<Attempt, CommandError> {
        let Some((key, _)) = first_ready(cx, WaitKeys::Many(self.keys))? else {
            return Ok(Attempt::NotReady);
        };
        out.array(3);
        out.bulk(key.bytes);
        cx.again(|cx| pop(cx, key, order, 1, false, out));
        propagate_pop(cx, key, order, None);
        Ok(Attempt::Served)
    }

    fn wait_for(&self) -> WaitFor<'_> {
        WaitFor::any_of(WaitKeys::Many(self.keys), self.timeout)
    }
}

impl<'a> Parse<'a> for Bzpopmin<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { from: OneOfMany::parse(words)? })
    }
}

impl<'a> Parse<'a> for Bzpopmax<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { from: OneOfMany::parse(words)? })
    }
}

impl<'a> Parse<'a> for Bzmpop<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        // The timeout stands first but Redis looks at it last.
        let timeout = Lazy::<Timeout>::parse(words)?;
        Ok(Self { from: PopFrom::parse(words)?, timeout: timeout.get()? })
    }
}

impl Blocking for Bzpopmin<'_> {
    fn attempt(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError> {
        self.from.attempt(cx, Order::Ascending, out)
    }

    fn wait_for(&self) -> WaitFor<'_> {
        self.from.wait_for()
    }
}

impl Blocking for Bzpopmax<'_> {
    fn attempt(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError> {
        self.from.attempt(cx, Order::Descending, out)
    }

    fn wait_for(&self) -> WaitFor<'_> {
        self.from.wait_for()
    }
}

impl Blocking for Bzmpop<'_> {
    fn attempt(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError> {
        Ok(if self.from.pop(cx, out)? { Attempt::Served } else { Attempt::NotReady })
    }

    fn wait_for(&self) -> WaitFor<'_> {
        WaitFor::any_of(WaitKeys::Many(self.from.keys), self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn what_is_there_is_popped_at_once_and_recorded_without_the_wait() {
        let mut server = Server::new();
        assert_eq!(server.run("BZPOPMIN a b 0"), "+BLOCKED\r\n");
        server.run("ZADD b 1 x 2 y 3 z");
        assert_eq!(server.run("BZPOPMIN a b 0"), "*3\r\n$1\r\nb\r\n$1\r\nx\r\n$1\r\n1\r\n");
        assert_eq!(server.propagated(), ["ZPOPMIN b"]);
        assert_eq!(server.run("BZMPOP 0 2 a b MAX COUNT 9"), server_reply_of_two());
        assert_eq!(server.propagated(), ["ZPOPMAX b 2"]);
        assert_eq!(server.event_names(), ["zpopmax", "del"]);
        assert_eq!(server.run("BZMPOP 0 2 a b MAX"), "+BLOCKED\r\n");
    }

    fn server_reply_of_two() -> &'static str {
        "*2\r\n$1\r\nb\r\n*2\r\n*2\r\n$1\r\nz\r\n$1\r\n3\r\n*2\r\n$1\r\ny\r\n$1\r\n2\r\n"
    }

    #[test]
    fn the_timeout_is_looked_at_before_keys_and_after_all_other_words() {
        let mut server = Server::new();
        server.run("SET s x");
        assert_eq!(server.run("BZPOPMIN s x"), "-ERR timeout is not a float or out of range\r\n");
        assert_eq!(server.run("BZPOPMAX s -1"), "-ERR timeout is negative\r\n");
        assert!(server.run("BZPOPMAX s 1").starts_with("-WRONGTYPE"));
        assert_eq!(server.run("BZMPOP x 0 s MIN"), "-ERR numkeys should be greater than 0\r\n");
        assert_eq!(server.run("BZMPOP x 1 s MIN"), "-ERR timeout is not a float or out of range\r\n");
        assert!(server.run("BZMPOP 1 1 s MIN").starts_with("-WRONGTYPE"));
    }

    #[test]
    fn a_key_that_appears_is_announced_to_those_who_wait() {
        let mut server = Server::new();
        server.wait_for("k");
        server.run("ZADD k 1 a");
        assert_eq!(server.effects.ready.len(), 1);
    }
}
