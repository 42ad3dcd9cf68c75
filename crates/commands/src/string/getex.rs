//! `GETEX key [EX seconds | PX milliseconds | EXAT time | PXAT time | PERSIST]`

use spinel_family::{
    Choice, Command, CommandError, Encoder, EventClass, Key, Lazy, Reply, UnixMillis, Update, UpdateContext,
};

use super::expiration::Clock;

/// What becomes of the expiry.
#[derive(Choice)]
enum Expiration<'a> {
    #[arg(token = "EX", name = "seconds")]
    Seconds(Lazy<'a, i64>),
    #[arg(token = "PX", name = "milliseconds")]
    Millis(Lazy<'a, i64>),
    #[arg(token = "EXAT", name = "unix-time-seconds", kind = UnixTime)]
    SecondsAt(Lazy<'a, i64>),
    #[arg(token = "PXAT", name = "unix-time-milliseconds", kind = UnixTime)]
    MillisAt(Lazy<'a, i64>),
    #[arg(token = "PERSIST", name = "persist")]
    Persist,
}

impl Expiration<'_> {
    /// The new expiry, or none, and whether it was given as a point in time.
    fn resolve(&self, now: UnixMillis) -> Result<(Option<UnixMillis>, bool), CommandError> {
        let (clock, amount) = match self {
            Self::Seconds(n) => (Clock::Seconds, n),
            Self::Millis(n) => (Clock::Millis, n),
            Self::SecondsAt(n) => (Clock::SecondsAt, n),
            Self::MillisAt(n) => (Clock::MillisAt, n),
            Self::Persist => return Ok((None, false)),
        };
        let at = clock.time(amount.get()?, now, "getex")?;
        Ok((Some(at), matches!(clock, Clock::SecondsAt | Clock::MillisAt)))
    }
}

/// Returns a string and sets or removes the expiry of its key.
#[derive(Command)]
#[command(group = String, since = "6.2.0", complexity = "O(1)", flags(fast))]
pub(super) struct Getex<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
    expiration: Option<Expiration<'a>>,
}

impl Update for Getex<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let Some(entry) = cx.find(self.key) else {
            out.null();
            return Ok(());
        };
        let text = entry.text().ok_or(CommandError::WrongType)?;
        let had_expiry = entry.expiry().is_some();
        let resolved = self.expiration.as_ref().map(|expiration| expiration.resolve(cx.now())).transpose()?;
        text.with_bytes(|bytes| out.bulk(bytes));
        match resolved {
            Some((Some(at), true)) if at <= cx.now() => self.remove(cx),
            Some((Some(at), _)) => self.expire(cx, at),
            Some((None, _)) if had_expiry => self.persist(cx),
            Some((None, _)) | None => {}
        }
        Ok(())
    }
}

impl Getex<'_> {
    fn remove(&self, cx: &mut UpdateContext<'_>) {
        cx.remove(self.key);
        cx.changed(self.key, EventClass::Generic, "del");
        cx.propagate_as([b"DEL", self.key.bytes]);
    }

    fn expire(&self, cx: &mut UpdateContext<'_>, at: UnixMillis) {
        cx.set_expiry(self.key, Some(at));
        cx.changed(self.key, EventClass::Generic, "expire");
        cx.propagate_as([b"PEXPIREAT", self.key.bytes, at.0.to_string().as_bytes()]);
    }

    fn persist(&self, cx: &mut UpdateContext<'_>) {
        cx.set_expiry(self.key, None);
        cx.changed(self.key, EventClass::Generic, "persist");
        cx.propagate_as([b"PERSIST", self.key.bytes]);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn only_a_change_of_the_expiry_is_recorded() {
        let mut server = Server::new();
        server.run("SET a x");
        assert_eq!(server.run("GETEX a"), "$1\r\nx\r\n");
        assert_eq!(server.run("GETEX a PERSIST"), "$1\r\nx\r\n");
        assert_eq!(server.effects.dirty, 0);
        assert_eq!(server.run("GETEX a PX 5"), "$1\r\nx\r\n");
        assert_eq!(server.propagated(), ["PEXPIREAT a 1700000000005"]);
        assert_eq!(server.run("GETEX a PERSIST"), "$1\r\nx\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["persist"], vec!["PERSIST a".into()]));
        assert_eq!(server.run("GETEX a EXAT 1"), "$1\r\nx\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["del"], vec!["DEL a".into()]));
    }

    #[test]
    fn the_amount_is_checked_after_the_key_and_the_options_before() {
        let mut server = Server::new();
        assert_eq!(server.run("GETEX a EX x"), "$-1\r\n");
        assert_eq!(server.run("GETEX a EX 1 PERSIST"), "-ERR syntax error\r\n");
        server.run("SET a x");
        assert_eq!(server.run("GETEX a EX x"), "-ERR value is not an integer or out of range\r\n");
        assert_eq!(server.run("GETEX a EX 0"), "-ERR invalid expire time in 'getex' command\r\n");
    }
}
