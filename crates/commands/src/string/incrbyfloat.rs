//! `INCRBYFLOAT key increment`

use spinel_family::{Command, CommandError, Encoder, EventClass, Key, Lazy, Reply, Update, UpdateContext};
use spinel_store::{Keep, NewValue};
use spinel_structs::number::LongDouble;

/// Adds to a number, which may have a fraction.
#[derive(Command)]
#[command(group = String, since = "2.6.0", complexity = "O(1)", flags(denyoom, fast))]
pub(super) struct Incrbyfloat<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
    increment: Lazy<'a, f64>,
}

impl Update for Incrbyfloat<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let read = |bytes: &[u8]| LongDouble::parse(bytes).ok_or(CommandError::NotFloat);
        let old = match cx.find_mut(self.key) {
            Some(entry) => entry.text().ok_or(CommandError::WrongType)?.with_bytes(read)?,
            None => LongDouble::from(0),
        };
        let sum = old.checked_add(read(self.increment.raw())?).ok_or(CommandError::NanOrInfinity)?;
        let text = sum.to_human();
        cx.count_no_more_uses();
        cx.put(self.key, NewValue::Plain(text.as_bytes()), Keep::Expiry);
        cx.changed(self.key, EventClass::String, "incrbyfloat");
        cx.propagate_as([b"SET", self.key.bytes, text.as_bytes(), b"KEEPTTL"]);
        out.bulk(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn sums_are_those_of_the_extended_format_and_recorded_as_their_text() {
        let mut server = Server::new();
        server.run("SET a 0.1");
        assert_eq!(server.run("INCRBYFLOAT a 0.2"), "$3\r\n0.3\r\n");
        assert_eq!(server.event_names(), ["incrbyfloat"]);
        assert_eq!(server.propagated(), ["SET a 0.3 KEEPTTL"]);
        assert_eq!(server.run("INCRBYFLOAT a 0.7"), "$1\r\n1\r\n");
        assert_eq!(server.run("OBJECT ENCODING a"), "$6\r\nembstr\r\n");
        assert_eq!(server.run("INCR a"), ":2\r\n");
        assert_eq!(server.run("OBJECT ENCODING a"), "$3\r\nint\r\n");
    }

    #[test]
    fn the_value_is_checked_before_the_increment() {
        let mut server = Server::new();
        server.run("SET a abc");
        assert_eq!(server.run("INCRBYFLOAT a 1"), "-ERR value is not a valid float\r\n");
        assert_eq!(server.run("INCRBYFLOAT b x"), "-ERR value is not a valid float\r\n");
        assert_eq!(server.run("INCRBYFLOAT b inf"), "-ERR increment would produce NaN or Infinity\r\n");
        assert_eq!(server.run("GET b"), "$-1\r\n");
    }
}
