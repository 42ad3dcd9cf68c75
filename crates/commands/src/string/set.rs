//! `SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT time | PXAT time | KEEPTTL]`

use spinel_family::{
    Choice, Command, CommandError, Encoder, EventClass, Key, Lazy, Reply, UnixMillis, Update, UpdateContext,
};
use spinel_store::{Keep, NewValue};

/// On what condition the value is stored.
#[derive(Choice, Clone, Copy, PartialEq, Eq)]
enum Condition {
    #[arg(token = "NX")]
    Nx,
    #[arg(token = "XX")]
    Xx,
}

/// When the key expires.
#[derive(Choice)]
enum Expiration<'a> {
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
    /// What becomes of the key's expiry.
    fn resolve(&self, now: UnixMillis, command: &'static str) -> Result<Keep, CommandError> {
        let invalid = CommandError::InvalidExpire(command);
        let (amount, unit, base) = match self {
            Self::Seconds(n) => (n.get()?, 1000, now.0),
            Self::Millis(n) => (n.get()?, 1, now.0),
            Self::SecondsAt(n) => (n.get()?, 1000, 0),
            Self::MillisAt(n) => (n.get()?, 1, 0),
            Self::Keep => return Ok(Keep::Expiry),
        };
        if amount <= 0 {
            return Err(invalid);
        }
        let at = amount.checked_mul(unit).and_then(|millis| millis.checked_add(base)).ok_or(invalid)?;
        Ok(Keep::Replace(Some(UnixMillis(at))))
    }
}

/// Stores a string under a key, whatever was there before.
#[derive(Command)]
#[command(group = String, since = "1.0.0", complexity = "O(1)", flags(denyoom))]
pub(super) struct Set<'a> {
    #[key(rw, access, update, variable_flags)]
    key: Key<'a>,
    value: &'a [u8],
    #[arg(since = "2.6.12")]
    condition: Option<Condition>,
    #[arg(token = "GET", since = "6.2.0")]
    get: bool,
    expiration: Option<Expiration<'a>>,
}

impl Update for Set<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let keep = match &self.expiration {
            Some(expiration) => expiration.resolve(cx.now(), "set")?,
            None => Keep::Replace(None),
        };
        if self.get {
            match cx.text(self.key)? {
                Some(text) => text.with_bytes(|bytes| out.bulk(bytes)),
                None => out.null(),
            }
        }
        if let Some(condition) = self.condition {
            let exists = cx.find(self.key).is_some();
            if exists == (condition == Condition::Nx) {
                if !self.get {
                    out.null();
                }
                return Ok(());
            }
        }
        self.store(cx, keep);
        if !self.get {
            out.ok();
        }
        Ok(())
    }
}

impl Set<'_> {
    fn store(&self, cx: &mut UpdateContext<'_>, keep: Keep) {
        if let Keep::Replace(Some(at)) = keep
            && at <= cx.now()
        {
            cx.remove(self.key);
            cx.changed(self.key, EventClass::Generic, "del");
            cx.propagate_as([b"DEL", self.key.bytes]);
            return;
        }
        cx.put(self.key, NewValue::Text(self.value), keep);
        cx.changed(self.key, EventClass::String, "set");
        if let Keep::Replace(Some(at)) = keep {
            cx.notify(EventClass::Generic, "expire", self.key);
            let at = at.0.to_string();
            cx.propagate_as([b"SET", self.key.bytes, self.value, b"PXAT", at.as_bytes()]);
        }
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
        assert_eq!(server.run("SET a 1 EX"), "-ERR syntax error\r\n");
        assert_eq!(server.run("SET a 1 EX 0"), "-ERR invalid expire time in 'set' command\r\n");
        assert_eq!(server.run("SET a 1 XX"), "$-1\r\n");
        assert_eq!(server.run("SET a 1 NX GET"), "$-1\r\n");
        assert_eq!(server.run("SET a 2 GET"), "$1\r\n1\r\n");
    }

    #[test]
    fn a_key_is_gone_when_its_time_has_come() {
        let mut server = Server::new();
        server.run("SET a 1 PX 100");
        assert_eq!(server.run("GET a"), "$1\r\n1\r\n");
        server.advance_ms(100);
        assert_eq!(server.run("GET a"), "$-1\r\n");
    }
}
