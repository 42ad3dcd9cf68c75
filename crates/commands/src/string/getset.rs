//! `GETSET key value`, `GETDEL key`

use spinel_family::{Command, Encoder, EventClass, Key, Reply, Update, UpdateContext};
use spinel_store::{Keep, NewValue};

use super::get::reply_text;

/// Stores a string and returns the one that was there.
#[derive(Command)]
#[command(group = String, since = "1.0.0", complexity = "O(1)", flags(denyoom, fast), doc_flags(Deprecated))]
#[command(deprecated_since = "6.2.0", replaced_by = "`SET` with the `!GET` argument")]
pub(super) struct Getset<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
    value: &'a [u8],
}

impl Update for Getset<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        reply_text(cx, self.key, out)?;
        cx.put(self.key, NewValue::Text(self.value), Keep::Replace(None));
        cx.changed(self.key, EventClass::String, "set");
        cx.propagate_as([b"SET", self.key.bytes, self.value]);
        Ok(())
    }
}

/// Returns a string and removes its key.
#[derive(Command)]
#[command(group = String, since = "6.2.0", complexity = "O(1)", flags(fast))]
pub(super) struct Getdel<'a> {
    #[key(rw, access, delete)]
    key: Key<'a>,
}

impl Update for Getdel<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if reply_text(cx, self.key, out)? && cx.remove(self.key) {
            cx.changed(self.key, EventClass::Generic, "del");
            cx.propagate_as([b"DEL", self.key.bytes]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn getset_drops_the_expiry_and_is_recorded_as_set() {
        let mut server = Server::new();
        server.run("SETEX a 10 x");
        assert_eq!(server.run("GETSET a y"), "$1\r\nx\r\n");
        assert_eq!(server.propagated(), ["SET a y"]);
        assert_eq!(server.run("TTL a"), ":-1\r\n");
    }

    #[test]
    fn getdel_of_a_missing_key_leaves_no_trace() {
        let mut server = Server::new();
        assert_eq!(server.run("GETDEL a"), "$-1\r\n");
        assert_eq!((server.effects.dirty, server.event_names()), (0, vec!["keymiss"]));
        server.run("SET a x");
        assert_eq!(server.run("GETDEL a"), "$1\r\nx\r\n");
        assert_eq!((server.event_names(), server.propagated()), (vec!["del"], vec!["DEL a".to_owned()]));
    }
}
