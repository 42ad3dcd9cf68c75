//! `EXPIRE key seconds [NX | XX | GT | LT]` and its kin in milliseconds and in points of time; `PERSIST key`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Field, Key, Lazy, Reply, UnixMillis, Update, UpdateContext,
    Words, is_token,
};

/// On what condition the expiry is set: several words may stand together.
#[derive(Clone, Copy, Default)]
pub(crate) struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl<'a> Field<'a> for Conditions {
    const SHAPE: Shape = Shape {
        children: &[
            Shape::word(ArgKind::PureToken).arg("nx", "NX"),
            Shape::word(ArgKind::PureToken).arg("xx", "XX"),
            Shape::word(ArgKind::PureToken).arg("gt", "GT"),
            Shape::word(ArgKind::PureToken).arg("lt", "LT"),
        ],
        ..Shape::word(ArgKind::OneOf).or_absent()
    };

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let mut found = Self::default();
        while let Ok(word) = words.take() {
            if !found.add(word) {
                return Err(CommandError::quoting("ERR Unsupported option ", word, ""));
            }
        }
        found.check()?;
        Ok(found)
    }
}

impl Conditions {
    /// The argument, for the documentation of commands that read it themselves.
    pub(crate) const ARG: ArgSpec = <Self as Field<'_>>::SHAPE.arg("condition", "");

    /// Takes a word if it is a condition.
    pub(crate) fn add(&mut self, word: &[u8]) -> bool {
        let known = [("NX", &mut self.nx), ("XX", &mut self.xx), ("GT", &mut self.gt), ("LT", &mut self.lt)];
        let Some((_, chosen)) = known.into_iter().find(|(token, _)| is_token(word, token)) else {
            return false;
        };
        *chosen = true;
        true
    }

    /// Whether all of them may stand together.
    pub(crate) fn check(self) -> Result<(), CommandError> {
        if self.nx && (self.xx || self.gt || self.lt) {
            return Err(CommandError::text(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if self.gt && self.lt {
            return Err(CommandError::text("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(())
    }

    /// Whether an expiry may become `new`. None at all is later than any.
    pub(crate) fn allow(self, old: Option<UnixMillis>, new: UnixMillis) -> bool {
        !(self.nx && old.is_some()
            || self.xx && old.is_none()
            || self.gt && old.is_none_or(|old| new <= old)
            || self.lt && old.is_some_and(|old| new >= old))
    }
}

/// Sets the expiry of a key to so many `unit_ms` after `base`; removes the key if that has passed.
fn expire(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    time: Result<Option<i64>, CommandError>,
    conditions: Conditions,
    command: &'static str,
    out: &mut Encoder,
) -> Reply {
    let at = UnixMillis(time?.ok_or(CommandError::InvalidExpire(command))?);
    let allowed = match cx.find_mut(key) {
        Some(entry) => conditions.allow(entry.expiry(), at),
        None => false,
    };
    if allowed && at <= cx.now() {
        cx.remove(key);
        cx.changed(key, EventClass::Generic, "del");
        cx.propagate_as([b"DEL", key.bytes]);
    } else if allowed {
        cx.set_expiry(key, Some(at));
        cx.changed(key, EventClass::Generic, "expire");
        cx.propagate_as([b"PEXPIREAT", key.bytes, at.0.to_string().as_bytes()]);
    }
    out.integer(i64::from(allowed));
    Ok(())
}

/// Lets a key expire after some seconds.
#[derive(Command)]
#[command(group = Generic, since = "1.0.0", complexity = "O(1)", flags(fast), categories(Keyspace))]
#[command(history = &[("7.0.0", "The options NX, XX, GT and LT.")])]
pub(super) struct Expire<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    seconds: Lazy<'a, i64>,
    #[arg(name = "condition", since = "7.0.0")]
    conditions: Conditions,
}

impl Update for Expire<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let now = cx.now().0;
        let time = self.seconds.get().map(|n| n.checked_mul(1000).and_then(|ms| ms.checked_add(now)));
        expire(cx, self.key, time, self.conditions, "expire", out)
    }
}

/// Lets a key expire after some milliseconds.
#[derive(Command)]
#[command(group = Generic, since = "2.6.0", complexity = "O(1)", flags(fast), categories(Keyspace))]
#[command(history = &[("7.0.0", "The options NX, XX, GT and LT.")])]
pub(super) struct Pexpire<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    milliseconds: Lazy<'a, i64>,
    #[arg(name = "condition", since = "7.0.0")]
    conditions: Conditions,
}

impl Update for Pexpire<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let now = cx.now().0;
        let time = self.milliseconds.get().map(|n| n.checked_add(now));
        expire(cx, self.key, time, self.conditions, "pexpire", out)
    }
}

/// Lets a key expire at a Unix time in seconds.
#[derive(Command)]
#[command(group = Generic, since = "1.2.0", complexity = "O(1)", flags(fast), categories(Keyspace))]
#[command(history = &[("7.0.0", "The options NX, XX, GT and LT.")])]
pub(super) struct Expireat<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    #[arg(kind = UnixTime)]
    unix_time_seconds: Lazy<'a, i64>,
    #[arg(name = "condition", since = "7.0.0")]
    conditions: Conditions,
}

impl Update for Expireat<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let time = self.unix_time_seconds.get().map(|n| n.checked_mul(1000));
        expire(cx, self.key, time, self.conditions, "expireat", out)
    }
}

/// Lets a key expire at a Unix time in milliseconds.
#[derive(Command)]
#[command(group = Generic, since = "2.6.0", complexity = "O(1)", flags(fast), categories(Keyspace))]
#[command(history = &[("7.0.0", "The options NX, XX, GT and LT.")])]
pub(super) struct Pexpireat<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    #[arg(kind = UnixTime)]
    unix_time_milliseconds: Lazy<'a, i64>,
    #[arg(name = "condition", since = "7.0.0")]
    conditions: Conditions,
}

impl Update for Pexpireat<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let time = self.unix_time_milliseconds.get().map(Some);
        expire(cx, self.key, time, self.conditions, "pexpireat", out)
    }
}

/// Removes the expiry of a key.
#[derive(Command)]
#[command(group = Generic, since = "2.2.0", complexity = "O(1)", flags(fast), categories(Keyspace))]
pub(super) struct Persist<'a> {
    #[key(rw, update)]
    key: Key<'a>,
}

impl Update for Persist<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let expires = cx.find_mut(self.key).is_some_and(|entry| entry.expiry().is_some());
        if expires {
            cx.set_expiry(self.key, None);
            cx.changed(self.key, EventClass::Generic, "persist");
        }
        out.integer(i64::from(expires));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn the_options_are_checked_before_the_number_and_the_number_before_the_key() {
        let mut server = Server::new();
        assert_eq!(server.run("EXPIRE a x foo"), "-ERR Unsupported option foo\r\n");
        assert_eq!(
            server.run("EXPIRE a x NX LT"),
            "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n"
        );
        assert_eq!(
            server.run("EXPIRE a x GT LT"),
            "-ERR GT and LT options at the same time are not compatible\r\n"
        );
        assert_eq!(server.run("EXPIRE a x"), "-ERR value is not an integer or out of range\r\n");
        for line in ["EXPIRE a 9223372036854775807", "EXPIRE a -9223372036854775808"] {
            assert_eq!(server.run(line), "-ERR invalid expire time in 'expire' command\r\n", "{line}");
        }
        assert_eq!(
            server.run("PEXPIRE a 9223372036854775807"),
            "-ERR invalid expire time in 'pexpire' command\r\n"
        );
        assert_eq!(server.run("PEXPIREAT a 9223372036854775807"), ":0\r\n");
    }

    #[test]
    fn conditions_compare_with_the_expiry_there_is() {
        let mut server = Server::new();
        server.run("SET a 1");
        for (line, reply) in [
            ("PEXPIRE a 100 XX", ":0\r\n"),
            ("PEXPIRE a 100 GT", ":0\r\n"),
            ("PEXPIRE a 100 LT", ":1\r\n"),
            ("PEXPIRE a 200 NX", ":0\r\n"),
            ("PEXPIRE a 100 GT", ":0\r\n"),
            ("PEXPIRE a 200 XX GT", ":1\r\n"),
            ("PEXPIRE a 200 LT", ":0\r\n"),
            ("PEXPIRE a 150 XX LT", ":1\r\n"),
        ] {
            assert_eq!(server.run(line), reply, "{line}");
        }
        assert_eq!(server.propagated(), ["PEXPIREAT a 1700000000150"]);
        assert_eq!(server.run("PERSIST a"), ":1\r\n");
        assert_eq!(server.event_names(), ["persist"]);
        assert_eq!(server.run("PERSIST a"), ":0\r\n");
        assert_eq!(server.effects.dirty, 0);
    }

    #[test]
    fn a_time_that_has_passed_removes_the_key() {
        let mut server = Server::new();
        server.run("SET a 1");
        assert_eq!(server.run("EXPIRE a -1"), ":1\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["del"], vec!["DEL a".into()]));
        assert_eq!(server.run("EXPIREAT a 99999999999"), ":0\r\n");
    }
}
