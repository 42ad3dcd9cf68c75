//! `HINCRBY key field increment`

use spinel_family::{Command, CommandError, Encoder, EventClass, Key, Reply, Update, UpdateContext};
use spinel_store::Text;
use spinel_store::value::Hash;
use spinel_structs::number::{self, IntBuffer};

/// Adds to the integer in a field of a hash; a missing field counts as 0.
#[derive(Command)]
#[command(group = Hash, since = "2.0.0", complexity = "O(1)", flags(denyoom, fast))]
pub(super) struct Hincrby<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
    field: &'a [u8],
    increment: i64,
}

impl Update for Hincrby<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let (limits, hash_key, now) = (&cx.settings().encodings, cx.hash_key(), cx.now());
        cx.settle_fields(self.key, std::iter::once(self.field));
        let hash = cx.write_or_create::<Hash>(self.key)?;
        let old = match hash.get(self.field, now) {
            Some(Text::Int(n)) => Some(n),
            Some(Text::Bytes(bytes)) => number::parse_i64(bytes),
            None => Some(0),
        };
        let old = old.ok_or(CommandError::text("ERR hash value is not an integer"))?;
        let sum = old.checked_add(self.increment).ok_or(CommandError::Overflow)?;
        hash.set_value(self.field, IntBuffer::new().format(sum).as_bytes(), limits, hash_key);
        cx.changed(self.key, EventClass::Hash, "hincrby");
        out.integer(sum);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn the_increment_is_checked_before_the_key_and_the_field_after() {
        let mut server = Server::new();
        server.run("SET s 1");
        assert_eq!(server.run("HINCRBY s a x"), "-ERR value is not an integer or out of range\r\n");
        assert!(server.run("HINCRBY s a 1").starts_with("-WRONGTYPE"));
        server.run("HSET h a x b 9223372036854775807");
        assert_eq!(server.run("HINCRBY h a 1"), "-ERR hash value is not an integer\r\n");
        assert_eq!(server.run("HINCRBY h b 1"), "-ERR increment or decrement would overflow\r\n");
        assert_eq!(server.effects.dirty, 0);
    }

    #[test]
    fn a_missing_field_counts_as_zero() {
        let mut server = Server::new();
        assert_eq!(server.run("HINCRBY h a -5"), ":-5\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["new", "hincrby"], 1));
        assert_eq!(server.run("HINCRBY h a 15"), ":10\r\n");
        assert_eq!(server.run("HGET h a"), "$2\r\n10\r\n");
    }
}
