//! `BLMOVE source destination LEFT | RIGHT LEFT | RIGHT timeout`, `BRPOPLPUSH source destination timeout`
//!
//! Where a command must not block they answer a null string, but the null array when the time is up, as in Redis.

use spinel_family::{
    Attempt, Blocking, Command, CommandError, Encoder, Key, Timeout, UpdateContext, WaitFor, WaitKeys,
};

use super::lmove::Move;
use super::side::Side;

/// Takes an element off an end of a list, adds it at an end of another and returns it; or waits for one.
#[derive(Command)]
#[command(group = List, since = "6.2.0", complexity = "O(1)", flags(denyoom, noscript))]
pub(super) struct Blmove<'a> {
    #[key(rw, access, delete)]
    source: Key<'a>,
    #[key(rw, insert)]
    destination: Key<'a>,
    wherefrom: Side,
    whereto: Side,
    timeout: Timeout,
}

impl Blocking for Blmove<'_> {
    fn attempt(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError> {
        let Self { source, destination, wherefrom, whereto, .. } = *self;
        let attempt = attempt(cx, &Move { source, destination, from: wherefrom, to: whereto }, out)?;
        if attempt == Moved::Yes {
            let (from, to) = (wherefrom.token().as_bytes(), whereto.token().as_bytes());
            cx.propagate_as([b"LMOVE", source.bytes, destination.bytes, from, to]);
        }
        Ok(attempt.into())
    }

    fn wait_for(&self) -> WaitFor<'_> {
        WaitFor::any_of(WaitKeys::One(self.source), self.timeout).writing_to(self.destination)
    }
}

/// Takes the last element of a list, adds it at the head of another and returns it; or waits for one.
#[derive(Command)]
#[command(group = List, since = "2.2.0", complexity = "O(1)", flags(denyoom, noscript))]
#[command(doc_flags(Deprecated), deprecated_since = "6.2.0")]
#[command(replaced_by = "`BLMOVE` with the `RIGHT` and `LEFT` arguments")]
#[command(history = &[("6.0.0", "The timeout may have a fraction.")])]
pub(super) struct Brpoplpush<'a> {
    #[key(rw, access, delete)]
    source: Key<'a>,
    #[key(rw, insert)]
    destination: Key<'a>,
    timeout: Timeout,
}

impl Blocking for Brpoplpush<'_> {
    fn attempt(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError> {
        let Self { source, destination, .. } = *self;
        let attempt = attempt(cx, &Move { source, destination, from: Side::Right, to: Side::Left }, out)?;
        if attempt == Moved::Yes {
            cx.propagate_as([b"RPOPLPUSH", source.bytes, destination.bytes]);
        }
        Ok(attempt.into())
    }

    fn wait_for(&self) -> WaitFor<'_> {
        WaitFor::any_of(WaitKeys::One(self.source), self.timeout).writing_to(self.destination)
    }
}

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moved {
    /// An element was moved.
    Yes,
    /// None was there, and the client must not wait: it was told so.
    No,
    /// None is there yet.
    NotYet,
}

impl From<Moved> for Attempt {
    fn from(moved: Moved) -> Self {
        match moved {
            Moved::Yes | Moved::No => Self::Served,
            Moved::NotYet => Self::NotReady,
        }
    }
}

fn attempt(
    cx: &mut UpdateContext<'_>,
    movement: &Move<'_>,
    out: &mut Encoder,
) -> Result<Moved, CommandError> {
    if cx.is_retry() && cx.kind(movement.source) != Some(spinel_store::Kind::List) {
        return Ok(Moved::NotYet);
    }
    if movement.run(cx, out)? {
        return Ok(Moved::Yes);
    }
    if cx.denies_blocking() {
        out.null();
        return Ok(Moved::No);
    }
    Ok(Moved::NotYet)
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn an_element_that_is_there_is_moved_at_once() {
        let mut server = Server::new();
        server.run("RPUSH l a b");
        assert_eq!(server.run("BLMOVE l d left right 0"), "$1\r\na\r\n");
        assert_eq!(server.propagated(), ["LMOVE l d LEFT RIGHT"]);
        assert_eq!(server.run("BRPOPLPUSH l d 0"), "$1\r\nb\r\n");
        assert_eq!(server.propagated(), ["RPOPLPUSH l d"]);
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["lpush", "rpop", "del"], 1));
        assert_eq!(server.run("BLMOVE l d LEFT RIGHT 0"), "+BLOCKED\r\n");
        assert!(server.effects.is_quiet());
    }

    #[test]
    fn where_it_must_not_block_the_answer_is_a_null_string() {
        let mut server = Server::new();
        server.deny_blocking = true;
        assert_eq!(server.run("BLMOVE l d LEFT RIGHT 0"), "$-1\r\n");
        assert_eq!(server.run("BRPOPLPUSH l d 0"), "$-1\r\n");
        assert!(server.propagated().is_empty() && server.effects.is_quiet());
    }

    #[test]
    fn words_are_read_in_order_and_before_the_keys_are_looked_up() {
        let mut server = Server::new();
        server.run("SET s x");
        for (line, error) in [
            ("BLMOVE s l beside LEFT x", "-ERR syntax error\r\n"),
            ("BLMOVE s l LEFT LEFT x", "-ERR timeout is not a float or out of range\r\n"),
            ("BLMOVE s l LEFT LEFT -1", "-ERR timeout is negative\r\n"),
            ("BRPOPLPUSH s l x", "-ERR timeout is not a float or out of range\r\n"),
            ("BRPOPLPUSH s l 1", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
        ] {
            assert_eq!(server.run(line), error, "{line}");
        }
    }

    #[test]
    fn tried_again_a_destination_of_another_type_is_an_error_and_the_source_stays() {
        let mut server = Server::new();
        server.run("SET s x");
        server.run("RPUSH l a");
        server.retried = true;
        assert!(server.run("BLMOVE l s LEFT RIGHT 0").starts_with("-WRONGTYPE"));
        assert!(server.effects.is_quiet());
        assert_eq!(server.run("LLEN l"), ":1\r\n");
        assert_eq!(server.run("BLMOVE s l LEFT RIGHT 0"), "+BLOCKED\r\n");
    }
}
