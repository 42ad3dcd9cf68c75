//! `TTL key`, `PTTL key`, `EXPIRETIME key`, `PEXPIRETIME key`

use spinel_family::{Command, Encoder, Key, Query, QueryContext, Reply, UnixMillis};

/// Replies -2 for no key, -1 for no expiry, otherwise what `show` makes of it.
fn reply_expiry(
    cx: &QueryContext<'_>,
    key: Key<'_>,
    out: &mut Encoder,
    show: impl FnOnce(UnixMillis) -> i64,
) -> Reply {
    out.integer(match cx.find_untouched(key) {
        None => -2,
        Some(entry) => entry.expiry().map_or(-1, show),
    });
    Ok(())
}

/// Seconds of an amount of milliseconds, to the nearest.
fn to_seconds(millis: i64) -> i64 {
    millis.saturating_add(500) / 1000
}

/// Returns the seconds a key has left to live.
#[derive(Command)]
#[command(group = Generic, since = "1.0.0", complexity = "O(1)", flags(fast), categories(Keyspace))]
#[command(tips("nondeterministic_output"), history = &[("2.8.0", "The reply -2.")])]
pub(super) struct Ttl<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

impl Query for Ttl<'_> {
    #[inline]
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_expiry(cx, self.key, out, |at| to_seconds(at.0 - cx.now().0))
    }
}

/// Returns the milliseconds a key has left to live.
#[derive(Command)]
#[command(group = Generic, since = "2.6.0", complexity = "O(1)", flags(fast), categories(Keyspace))]
#[command(tips("nondeterministic_output"), history = &[("2.8.0", "The reply -2.")])]
pub(super) struct Pttl<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

impl Query for Pttl<'_> {
    #[inline]
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_expiry(cx, self.key, out, |at| at.0 - cx.now().0)
    }
}

/// Returns the Unix time in seconds at which a key expires.
#[derive(Command)]
#[command(group = Generic, since = "7.0.0", complexity = "O(1)", flags(fast), categories(Keyspace))]
pub(super) struct Expiretime<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

impl Query for Expiretime<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_expiry(cx, self.key, out, |at| to_seconds(at.0))
    }
}

/// Returns the Unix time in milliseconds at which a key expires.
#[derive(Command)]
#[command(group = Generic, since = "7.0.0", complexity = "O(1)", flags(fast), categories(Keyspace))]
pub(super) struct Pexpiretime<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

impl Query for Pexpiretime<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_expiry(cx, self.key, out, |at| at.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn seconds_are_rounded_to_the_nearest() {
        let mut server = Server::new();
        server.run("SET a 1 PX 1500");
        assert_eq!(server.run("TTL a"), ":2\r\n");
        assert_eq!(server.run("PTTL a"), ":1500\r\n");
        assert_eq!(server.run("EXPIRETIME a"), ":1700000002\r\n");
        assert_eq!(server.run("PEXPIRETIME a"), ":1700000001500\r\n");
        server.advance_ms(1);
        assert_eq!(server.run("TTL a"), ":1\r\n");
        server.run("SET a 1");
        assert_eq!(server.run("TTL a"), ":-1\r\n");
        assert_eq!(server.run("PEXPIRETIME b"), ":-2\r\n");
    }
}
