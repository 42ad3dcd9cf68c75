//! `SET key value [NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] [GET] [EX seconds | PX milliseconds | EXAT time | PXAT time | KEEPTTL]`

use spinel_family::{
    Choice, Command, CommandError, Encoder, EventClass, Key, Lazy, Reply, UnixMillis, Update, UpdateContext,
};
use spinel_store::{Keep, NewValue};

use super::compare::Comparison;
use super::expiration::Clock;
use super::get::reply_text;

/// On what condition the value is stored.
#[derive(Choice, Clone, Copy)]
enum Condition<'a> {
    #[arg(token = "NX")]
    Nx,
    #[arg(token = "XX")]
    Xx,
    #[arg(token = "IFEQ", name = "ifeq-value", since = "8.4.0")]
    IfEq(&'a [u8]),
    #[arg(token = "IFNE", name = "ifne-value", since = "8.4.0")]
    IfNe(&'a [u8]),
    #[arg(token = "IFDEQ", name = "ifdeq-digest", since = "8.4.0")]
    IfDigestEq(&'a [u8]),
    #[arg(token = "IFDNE", name = "ifdne-digest", since = "8.4.0")]
    IfDigestNe(&'a [u8]),
}

/// When the key expires.
#[derive(Choice)]
pub(super) enum Expiration<'a> {
    #[arg(token = "EX", name = "seconds", since = "2.6.12")]
    Seconds(Lazy<'a, i64>),
    #[arg(token = "PX", name = "milliseconds", since = "2.6.12")]
    Millis(Lazy<'a, i64>),
    #[arg(token = "EXAT", name = "unix-time-seconds", kind = UnixTime, since = "6.2.0")]
    SecondsAt(Lazy<'a, i64>),
    #[arg(token = "PXAT", name = "unix-time-milliseconds", kind = UnixTime, since = "6.2.0")]
    MillisAt(Lazy<'a, i64>),
    #[arg(token = "KEEPTTL", name = "keepttl", since = "6.0.0")]
    Keep,
}

impl Expiration<'_> {
    /// What becomes of the key's expiry; errors name the command.
    pub(super) fn resolve(&self, now: UnixMillis, command: &'static str) -> Result<Keep, CommandError> {
        let (clock, amount) = match self {
            Self::Seconds(n) => (Clock::Seconds, n),
            Self::Millis(n) => (Clock::Millis, n),
            Self::SecondsAt(n) => (Clock::SecondsAt, n),
            Self::MillisAt(n) => (Clock::MillisAt, n),
            Self::Keep => return Ok(Keep::Expiry),
        };
        Ok(Keep::Replace(Some(clock.time(amount.get()?, now, command)?)))
    }
}

/// Stores a string under a key, whatever was there before.
#[derive(Command)]
#[command(group = String, since = "1.0.0", complexity = "O(1)", flags(denyoom))]
#[command(history = &[
    ("2.6.12", "The options EX, PX, NX and XX."),
    ("6.0.0", "The option KEEPTTL."),
    ("6.2.0", "The options GET, EXAT and PXAT."),
    ("7.0.0", "NX and GET go together."),
    ("8.4.0", "The options IFEQ, IFNE, IFDEQ and IFDNE."),
])]
pub(super) struct Set<'a> {
    #[key(rw, access, update, variable_flags)]
    key: Key<'a>,
    value: &'a [u8],
    #[arg(since = "2.6.12")]
    condition: Option<Condition<'a>>,
    #[arg(token = "GET", since = "6.2.0")]
    get: bool,
    expiration: Option<Expiration<'a>>,
}

impl Update for Set<'_> {
    #[inline]
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let keep = match &self.expiration {
            Some(expiration) => expiration.resolve(cx.now(), "set")?,
            None => Keep::Replace(None),
        };
        if self.get {
            reply_text(cx, self.key, out)?;
        }
        if let Some(condition) = self.condition
            && !condition.is_met(cx, self.key)?
        {
            if !self.get {
                out.null();
            }
            return Ok(());
        }
        if self.condition.is_some() {
            cx.count_no_more_uses();
        }
        store(cx, self.key, self.value, keep);
        if !self.get {
            out.ok();
        }
        let is_plain = matches!(self.condition, None | Some(Condition::Nx | Condition::Xx));
        if (self.get || !is_plain) && !matches!(keep, Keep::Replace(Some(_))) {
            self.propagate_without_get(cx);
        }
        Ok(())
    }
}

impl Set<'_> {
    /// Nobody reads replies to the journal; and what was compared with is not looked at again, so that servers that
    /// cannot compare read it as well.
    fn propagate_without_get(&self, cx: &mut UpdateContext<'_>) {
        let condition = match self.condition {
            Some(Condition::Nx) => Some("NX"),
            Some(Condition::Xx) => Some("XX"),
            _ => None,
        };
        let keep = self.expiration.is_some().then_some("KEEPTTL");
        let options = condition.into_iter().chain(keep).map(str::as_bytes);
        cx.propagate_as([b"SET", self.key.bytes, self.value].into_iter().chain(options));
    }
}

impl Condition<'_> {
    fn is_met(self, cx: &mut UpdateContext<'_>, key: Key<'_>) -> Result<bool, CommandError> {
        let entry = cx.find_mut(key);
        let comparison = match self {
            Self::Nx => return Ok(entry.is_none()),
            Self::Xx => return Ok(entry.is_some()),
            Self::IfEq(value) => Comparison::Equal(value),
            Self::IfNe(value) => Comparison::Unequal(value),
            Self::IfDigestEq(digest) => Comparison::DigestEqual(digest),
            Self::IfDigestNe(digest) => Comparison::DigestUnequal(digest),
        };
        let text = entry.map(|entry| entry.text().ok_or(CommandError::WrongType)).transpose()?;
        comparison.is_met(text)
    }
}

/// Stores a string, with the traces of `SET`. A time that has passed already is stored like any other: the key is
/// gone for whoever looks next.
#[inline]
pub(super) fn store(cx: &mut UpdateContext<'_>, key: Key<'_>, value: &[u8], keep: Keep) {
    cx.put(key, NewValue::Text(value), keep);
    cx.changed(key, EventClass::String, "set");
    if let Keep::Replace(Some(at)) = keep {
        cx.notify(EventClass::Generic, "expire", key);
        cx.propagate_as([b"SET", key.bytes, value, b"PXAT", at.0.to_string().as_bytes()]);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn conditions_and_expiries_exclude_one_another() {
        let mut server = Server::new();
        assert_eq!(server.run("SET a 1 NX XX"), "-ERR syntax error\r\n");
        assert_eq!(server.run("SET a 1 EX 10 PX 10"), "-ERR syntax error\r\n");
        assert_eq!(server.run("SET a 1 EX 10 KEEPTTL"), "-ERR syntax error\r\n");
        assert_eq!(server.run("SET a 1 EX"), "-ERR syntax error\r\n");
        assert_eq!(server.run("SET a 1 EX 0"), "-ERR invalid expire time in 'set' command\r\n");
        assert_eq!(server.run("SET a 1 EX x NX XX"), "-ERR syntax error\r\n");
        assert_eq!(server.run("SET a 1 XX"), "$-1\r\n");
        assert_eq!(server.run("SET a 1 NX GET"), "$-1\r\n");
        assert_eq!(server.run("SET a 2 GET"), "$1\r\n1\r\n");
        assert_eq!(server.run("SET a 3 NX GET"), "$1\r\n2\r\n");
        assert_eq!(server.run("GET a"), "$1\r\n2\r\n");
    }

    #[test]
    fn a_value_is_stored_if_what_is_there_is_what_was_expected() {
        let mut server = Server::new();
        assert_eq!(server.run("SET a 1 IFEQ 1"), "$-1\r\n");
        assert_eq!(server.run("SET a 1 IFNE 1"), "+OK\r\n");
        assert_eq!(server.run("SET a 2 IFNE 1"), "$-1\r\n");
        assert_eq!(server.run("SET a 2 IFEQ 1 GET"), "$1\r\n1\r\n");
        assert_eq!(server.propagated(), ["SET a 2"]);
        assert_eq!(server.run("SET a 3 KEEPTTL IFEQ 2"), "+OK\r\n");
        assert_eq!(server.propagated(), ["SET a 3 KEEPTTL"]);
        server.run("SET a abc");
        assert_eq!(server.run("SET a x IFDNE 78AF5F94892F3950"), "$-1\r\n");
        assert_eq!(server.run("SET a x IFDEQ 78AF5F94892F3950 PX 10"), "+OK\r\n");
        assert_eq!(server.propagated(), ["SET a x PXAT 1700000000010"]);
        assert_eq!(server.run("SET a x IFDEQ 12"), "-ERR must be exactly 16 hexadecimal characters\r\n");
        for line in ["SET a 1 IFEQ 1 NX", "SET a 1 XX IFEQ 1", "SET a 1 IFEQ", "SET a 1 IFEQ 1 IFNE 1"] {
            assert_eq!(server.run(line), "-ERR syntax error\r\n", "{line}");
        }
        server.run("HSET h f v");
        assert!(server.run("SET h 1 IFNE 1").starts_with("-WRONGTYPE"));
    }

    #[test]
    fn the_journal_does_not_ask_for_the_old_value() {
        let mut server = Server::new();
        for (line, recorded) in [
            ("SET a 1 NX GET", "SET a 1 NX"),
            ("SET a 2 GET", "SET a 2"),
            ("SET a 3 KEEPTTL GET XX", "SET a 3 XX KEEPTTL"),
            ("SET a 4 GET PXAT 1800000000000", "SET a 4 PXAT 1800000000000"),
        ] {
            server.run(line);
            assert_eq!(server.propagated(), [recorded], "{line}");
        }
    }

    #[test]
    fn a_key_is_gone_when_its_time_has_come() {
        let mut server = Server::new();
        server.run("SET a 1 PX 100");
        assert_eq!(server.run("GET a"), "$1\r\n1\r\n");
        server.advance_ms(100);
        assert_eq!(server.run("GET a"), "$-1\r\n");
    }

    #[test]
    fn a_time_that_has_passed_is_stored_all_the_same() {
        let mut server = Server::new();
        assert_eq!(server.run("SET a 1 PXAT 1"), "+OK\r\n");
        assert_eq!(server.event_names(), ["new", "set", "expire"]);
        assert_eq!(server.propagated(), ["SET a 1 PXAT 1"]);
        assert_eq!(server.run("SET a 2 KEEPTTL"), "+OK\r\n");
        assert_eq!(server.event_names(), ["expired", "new", "set"]);
        assert_eq!(server.run("GET a"), "$1\r\n2\r\n");
    }

    #[test]
    fn conditions_look_for_the_key_as_writes_do_without_counting() {
        let mut server = Server::new();
        server.run("SET a 1 XX");
        assert_eq!((server.effects.misses, server.effects.dirty), (0, 0));
        assert!(server.events.is_empty());
        server.run("SET a 1 GET");
        assert_eq!(server.effects.misses, 1);
    }
}
