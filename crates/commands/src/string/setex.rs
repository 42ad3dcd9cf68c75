//! `SETNX key value`, `SETEX key seconds value`, `PSETEX key milliseconds value`

use spinel_family::{Command, Encoder, EventClass, Key, Lazy, Reply, Update, UpdateContext};
use spinel_store::{Keep, NewValue};

use super::expiration::Clock;
use super::set::store;

/// Stores a string if the key does not exist.
#[derive(Command)]
#[command(group = String, since = "1.0.0", complexity = "O(1)", flags(denyoom, fast))]
pub(super) struct Setnx<'a> {
    #[key(ow, insert)]
    key: Key<'a>,
    value: &'a [u8],
}

impl Update for Setnx<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let is_new = cx.find_mut(self.key).is_none();
        if is_new {
            cx.put(self.key, NewValue::Text(self.value), Keep::Replace(None));
            cx.changed(self.key, EventClass::String, "set");
        }
        out.integer(i64::from(is_new));
        Ok(())
    }
}

/// Stores a string that expires after some seconds.
#[derive(Command)]
#[command(group = String, since = "2.0.0", complexity = "O(1)", flags(denyoom))]
pub(super) struct Setex<'a> {
    #[key(ow, update)]
    key: Key<'a>,
    seconds: Lazy<'a, i64>,
    value: &'a [u8],
}

impl Update for Setex<'_> {
    #[inline]
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let at = Clock::Seconds.time(self.seconds.get()?, cx.now(), "setex")?;
        store(cx, self.key, self.value, Keep::Replace(Some(at)));
        out.ok();
        Ok(())
    }
}

/// Stores a string that expires after some milliseconds.
#[derive(Command)]
#[command(group = String, since = "2.6.0", complexity = "O(1)", flags(denyoom))]
pub(super) struct Psetex<'a> {
    #[key(ow, update)]
    key: Key<'a>,
    milliseconds: Lazy<'a, i64>,
    value: &'a [u8],
}

impl Update for Psetex<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let at = Clock::Millis.time(self.milliseconds.get()?, cx.now(), "psetex")?;
        store(cx, self.key, self.value, Keep::Replace(Some(at)));
        out.ok();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_time_to_live_is_recorded_as_the_time_it_ends() {
        let mut server = Server::new();
        assert_eq!(server.run("SETEX a 10 x"), "+OK\r\n");
        assert_eq!(server.event_names(), ["new", "set", "expire"]);
        assert_eq!(server.propagated(), ["SET a x PXAT 1700000010000"]);
        assert_eq!(server.run("PSETEX a 10 x"), "+OK\r\n");
        assert_eq!(server.propagated(), ["SET a x PXAT 1700000000010"]);
        assert_eq!(server.run("SETEX a -1 x"), "-ERR invalid expire time in 'setex' command\r\n");
        assert_eq!(server.run("PSETEX a no x"), "-ERR value is not an integer or out of range\r\n");
    }

    #[test]
    fn setnx_leaves_an_existing_key_of_any_type_alone() {
        let mut server = Server::new();
        assert_eq!(server.run("SETNX a 1"), ":1\r\n");
        assert_eq!(server.run("SETNX a 2"), ":0\r\n");
        assert_eq!(server.effects.dirty, 0);
        assert_eq!(server.run("GET a"), "$1\r\n1\r\n");
    }
}
