//! `SETBIT key offset value`, `GETBIT key offset`

use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Query, QueryContext, Reply, Update, UpdateContext,
};
use spinel_structs::bits::{read_integer, write_integer};
use spinel_structs::number::parse_i64;

use super::growing::change_grown;
use super::offset::{Unread, bit_offset};
use crate::string::zeros_cost;

/// Sets or clears a bit of a string, which grows as needed; answers what the bit was.
#[derive(Command)]
#[command(group = Bitmap, since = "2.2.0", flags(denyoom), complexity = "O(1)")]
pub(super) struct Setbit<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
    offset: Unread<'a>,
    value: Unread<'a>,
}

impl Update for Setbit<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let Ok(offset) = bit_offset(self.offset.0, None, cx.settings()) else { return 0 };
        zeros_cost(cx, self.key, offset / 8)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let offset = bit_offset(self.offset.0, None, cx.settings())?;
        let value = parse_i64(self.value.0).and_then(|value| u64::try_from(value).ok());
        let value = value.filter(|value| *value <= 1);
        let value = value.ok_or(CommandError::text("ERR bit is not an integer or out of range"))?;
        let (old, has_changed) = change_grown(cx, self.key, offset / 8 + 1, |bytes, has_grown| {
            let old = read_integer(bytes, offset, 1);
            write_integer(bytes, offset, 1, value);
            (old, has_grown || old != value)
        })?;
        if has_changed {
            cx.changed(self.key, EventClass::String, "setbit");
        }
        out.integer(old as i64);
        Ok(())
    }
}

/// Answers a bit of a string; bits behind its end are zeros.
#[derive(Command)]
#[command(group = Bitmap, since = "2.2.0", flags(fast), complexity = "O(1)")]
pub(super) struct Getbit<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    offset: Unread<'a>,
}

impl Query for Getbit<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let offset = bit_offset(self.offset.0, None, cx.settings())?;
        let bit =
            cx.text(self.key)?.map_or(0, |text| text.with_bytes(|bytes| read_integer(bytes, offset, 1)));
        out.integer(bit as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_bit_set_is_there_and_the_string_grows_by_zeros() {
        let mut server = Server::new();
        assert_eq!(server.run("SETBIT a 1 1"), ":0\r\n");
        assert_eq!(server.event_names(), ["new", "setbit"]);
        assert_eq!(server.run("GET a"), "$1\r\n@\r\n");
        assert_eq!(server.run("SETBIT a 1 1"), ":1\r\n");
        assert_eq!(server.effects.dirty, 0);
        // Growing is a change even if the bit is what it was.
        assert_eq!(server.run("SETBIT a 23 0"), ":0\r\n");
        assert_eq!(server.effects.dirty, 1);
        assert_eq!(server.run("STRLEN a"), ":3\r\n");
        assert_eq!(server.run("GETBIT a 1"), ":1\r\n");
        assert_eq!(server.run("GETBIT a 100"), ":0\r\n");
        server.run("SET n 1");
        assert_eq!(server.run("GETBIT n 3"), ":1\r\n");
        assert_eq!(server.run("SETBIT n 6 1"), ":0\r\n");
        assert_eq!(server.run("GET n"), "$1\r\n3\r\n");
    }

    #[test]
    fn offsets_and_bits_out_of_range_are_refused_in_the_order_of_the_words() {
        let mut server = Server::new();
        server.run("RPUSH list x");
        let offset = "-ERR bit offset is not an integer or out of range\r\n";
        assert_eq!(server.run("SETBIT list -1 7"), offset);
        assert_eq!(server.run("SETBIT list 4294967296 1"), offset);
        assert_eq!(server.run("SETBIT list 1 2"), "-ERR bit is not an integer or out of range\r\n");
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
        assert_eq!(server.run("SETBIT list 1 1"), wrong);
        assert_eq!(server.run("GETBIT list 1"), wrong);
        assert_eq!(server.run("GETBIT list x"), offset);
    }
}
