//! `BLPOP key [key ...] timeout`, `BRPOP key [key ...] timeout`, and how a blocked command chooses among its keys.

use spinel_family::{
    Attempt, Blocking, Command, CommandError, Encoder, Key, KeysBeforeLast, Many, Timeout, UpdateContext,
    WaitFor, WaitKeys,
};

use super::pop::pop_one;
use super::side::{Side, reply_element};

/// Removes and returns the first element of the first list that has one among several, or waits for one.
#[derive(Command)]
#[command(group = List, since = "2.0.0", complexity = "O(N) for N keys", flags(noscript))]
#[command(history = &[("6.0.0", "The timeout may have a fraction.")])]
pub(super) struct Blpop<'a> {
    #[key(rw, access, delete)]
    #[arg(name = "key")]
    keys: KeysBeforeLast<'a>,
    timeout: Timeout,
}

impl Blocking for Blpop<'_> {
    fn attempt(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError> {
        attempt(cx, self.keys.0, Side::Left, out)
    }

    fn wait_for(&self) -> WaitFor<'_> {
        WaitFor::any_of(WaitKeys::Many(self.keys.0), self.timeout)
    }
}

/// Removes and returns the last element of the first list that has one among several, or waits for one.
#[derive(Command)]
#[command(group = List, since = "2.0.0", complexity = "O(N) for N keys", flags(noscript))]
#[command(history = &[("6.0.0", "The timeout may have a fraction.")])]
pub(super) struct Brpop<'a> {
    #[key(rw, access, delete)]
    #[arg(name = "key")]
    keys: KeysBeforeLast<'a>,
    timeout: Timeout,
}

impl Blocking for Brpop<'_> {
    fn attempt(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<Attempt, CommandError> {
        attempt(cx, self.keys.0, Side::Right, out)
    }

    fn wait_for(&self) -> WaitFor<'_> {
        WaitFor::any_of(WaitKeys::Many(self.keys.0), self.timeout)
    }
}

fn attempt<'a>(
    cx: &mut UpdateContext<'_>,
    keys: Many<'a, Key<'a>>,
    side: Side,
    out: &mut Encoder,
) -> Result<Attempt, CommandError> {
    serve_first(cx, keys, |cx, key| {
        let served = pop_one(cx, key, side, |element| {
            out.array(2);
            out.bulk(key.bytes);
            reply_element(element, out);
        })?;
        if served {
            cx.propagate_as([side.pop_command().as_bytes(), key.bytes]);
        }
        Ok(served)
    })
}

/// Lets `serve` try the keys in order until one serves. A key of another type is an error, but not when a blocked
/// command is tried again: then it is passed over.
pub(super) fn serve_first<'a>(
    cx: &mut UpdateContext<'_>,
    keys: Many<'a, Key<'a>>,
    mut serve: impl FnMut(&mut UpdateContext<'_>, Key<'a>) -> Result<bool, CommandError>,
) -> Result<Attempt, CommandError> {
    for key in keys.keys() {
        if !cx.may_serve(key) {
            continue;
        }
        match serve(cx, key) {
            Ok(true) => return Ok(Attempt::Served),
            Ok(false) => {}
            Err(CommandError::WrongType) if cx.is_retry() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Attempt::NotReady)
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn an_element_that_is_there_is_given_at_once() {
        let mut server = Server::new();
        server.run("RPUSH l a b");
        assert_eq!(server.run("BLPOP x l 0"), "*2\r\n$1\r\nl\r\n$1\r\na\r\n");
        assert_eq!(server.propagated(), ["LPOP l"]);
        assert_eq!(server.run("BRPOP x l 0"), "*2\r\n$1\r\nl\r\n$1\r\nb\r\n");
        assert_eq!(server.propagated(), ["RPOP l"]);
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["rpop", "del"], 1));
        assert_eq!(server.run("BLPOP x l 0"), "+BLOCKED\r\n");
        assert!(server.propagated().is_empty() && server.effects.is_quiet());
    }

    #[test]
    fn a_bad_timeout_is_found_before_the_keys_are_looked_up() {
        let mut server = Server::new();
        server.run("SET s x");
        for (timeout, error) in [
            ("x", "-ERR timeout is not a float or out of range\r\n"),
            ("-1", "-ERR timeout is negative\r\n"),
            ("1", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
        ] {
            assert_eq!(server.run(&format!("BLPOP s l {timeout}")), error, "{timeout}");
        }
        assert!(server.run("BRPOP none s 0").starts_with("-WRONGTYPE"));
    }

    #[test]
    fn a_key_of_another_type_is_passed_over_when_tried_again() {
        let mut server = Server::new();
        server.run("SET s x");
        server.run("RPUSH l a");
        server.retried = true;
        assert_eq!(server.run("BLPOP s l 0"), "*2\r\n$1\r\nl\r\n$1\r\na\r\n");
        assert_eq!(server.run("BLPOP s l 0"), "+BLOCKED\r\n");
    }
}
