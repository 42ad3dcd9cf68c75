//! `INCR key`, `DECR key`, `INCRBY key increment`, `DECRBY key decrement`

use spinel_family::{Command, CommandError, Encoder, EventClass, Key, Reply, Update, UpdateContext};
use spinel_store::{Keep, NewValue, Text};
use spinel_structs::number;

/// Adds one to an integer.
#[derive(Command)]
#[command(group = String, since = "1.0.0", complexity = "O(1)", flags(denyoom, fast))]
pub(super) struct Incr<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
}

impl Update for Incr<'_> {
    #[inline]
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        add(cx, self.key, 1, out)
    }
}

/// Takes one from an integer.
#[derive(Command)]
#[command(group = String, since = "1.0.0", complexity = "O(1)", flags(denyoom, fast))]
pub(super) struct Decr<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
}

impl Update for Decr<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        add(cx, self.key, -1, out)
    }
}

/// Adds to an integer.
#[derive(Command)]
#[command(group = String, since = "1.0.0", complexity = "O(1)", flags(denyoom, fast))]
pub(super) struct Incrby<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
    increment: i64,
}

impl Update for Incrby<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        add(cx, self.key, self.increment, out)
    }
}

/// Takes from an integer.
#[derive(Command)]
#[command(group = String, since = "1.0.0", complexity = "O(1)", flags(denyoom, fast))]
pub(super) struct Decrby<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
    decrement: i64,
}

impl Update for Decrby<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let increment =
            self.decrement.checked_neg().ok_or(CommandError::text("ERR decrement would overflow"))?;
        add(cx, self.key, increment, out)
    }
}

/// Adds to the integer of a key, in its place if it is kept as one.
fn add(cx: &mut UpdateContext<'_>, key: Key<'_>, increment: i64, out: &mut Encoder) -> Reply {
    let mut done = false;
    let sum = match cx.find_mut(key) {
        Some(entry) => {
            let old = match entry.text().ok_or(CommandError::WrongType)? {
                Text::Int(n) => n,
                Text::Bytes(bytes) => number::parse_i64(bytes).ok_or(CommandError::NotInteger)?,
            };
            let sum = old.checked_add(increment).ok_or(CommandError::Overflow)?;
            done = entry.set_int(sum);
            sum
        }
        None => increment,
    };
    if !done {
        cx.put(key, NewValue::Int(sum), Keep::Expiry);
    }
    cx.changed(key, EventClass::String, "incrby");
    out.integer(sum);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn counting_keeps_the_expiry_and_stops_at_the_ends_of_the_range() {
        let mut server = Server::new();
        server.run("SET a 9223372036854775806 PX 100");
        assert_eq!(server.run("INCR a"), ":9223372036854775807\r\n");
        assert_eq!(server.event_names(), ["incrby"]);
        assert_eq!(server.run("INCRBY a 1"), "-ERR increment or decrement would overflow\r\n");
        assert_eq!(server.run("PTTL a"), ":100\r\n");
        assert_eq!(server.run("DECRBY b 5"), ":-5\r\n");
        assert_eq!(server.run("DECR b"), ":-6\r\n");
        assert_eq!(server.run("DECRBY b -9223372036854775808"), "-ERR decrement would overflow\r\n");
        assert_eq!(server.run("INCRBY b x"), "-ERR value is not an integer or out of range\r\n");
    }

    #[test]
    fn only_canonical_integers_can_be_counted() {
        let mut server = Server::new();
        for text in ["01", "1.0", "+1", "x"] {
            server.run_words(["SET", "a", text]);
            assert_eq!(server.run("INCR a"), "-ERR value is not an integer or out of range\r\n", "{text}");
        }
        server.run_words(["SET", "a", " 1"]);
        assert_eq!(server.run("INCR a"), "-ERR value is not an integer or out of range\r\n");
    }
}
