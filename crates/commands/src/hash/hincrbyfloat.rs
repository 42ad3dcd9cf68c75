//! `HINCRBYFLOAT key field increment`

use spinel_family::{Command, CommandError, Encoder, EventClass, Key, Opaque, Reply, Update, UpdateContext};
use spinel_store::Text;
use spinel_store::value::Hash;
use spinel_structs::number::LongDouble;

/// Adds to the number in a field of a hash, which may have a fraction; a missing field counts as 0.
#[derive(Command)]
#[command(group = Hash, since = "2.6.0", complexity = "O(1)", flags(denyoom, fast))]
pub(super) struct Hincrbyfloat<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
    field: &'a [u8],
    #[arg(kind = Double)]
    increment: Opaque<'a>,
}

impl Update for Hincrbyfloat<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let increment = LongDouble::parse(self.increment.0).ok_or(CommandError::NotFloat)?;
        if increment.checked_add(LongDouble::from(0)).is_none() {
            return Err(CommandError::text("ERR value is NaN or Infinity"));
        }
        let (limits, hash_key, now) = (&cx.settings().encodings, cx.hash_key(), cx.now());
        cx.settle_fields(self.key, std::iter::once(self.field));
        let hash = cx.write_or_create::<Hash>(self.key)?;
        let old = match hash.get(self.field, now) {
            Some(Text::Int(n)) => Some(LongDouble::from(n)),
            Some(Text::Bytes(bytes)) => LongDouble::parse(bytes),
            None => Some(LongDouble::from(0)),
        };
        let old = old.ok_or(CommandError::text("ERR hash value is not a float"))?;
        let sum = old.checked_add(increment).ok_or(CommandError::NanOrInfinity)?.to_human();
        hash.set_value(self.field, sum.as_bytes(), limits, hash_key);
        let expires = hash.expiry(self.field, now).flatten().is_some();
        cx.changed(self.key, EventClass::Hash, "hincrbyfloat");
        let (key, sum_bytes) = (self.key.bytes, sum.as_bytes());
        if expires {
            let words: [&[u8]; 7] = [b"HSETEX", key, b"KEEPTTL", b"FIELDS", b"1", self.field, sum_bytes];
            cx.propagate_as(words);
        } else {
            cx.propagate_as([b"HSET", key, self.field, sum_bytes]);
        }
        out.bulk(sum.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn sums_are_those_of_the_extended_format_and_recorded_as_their_text() {
        let mut server = Server::new();
        server.run("HSET h a 0.1");
        assert_eq!(server.run("HINCRBYFLOAT h a 0.2"), "$3\r\n0.3\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["hincrbyfloat"], 1));
        assert_eq!(server.propagated(), ["HSET h a 0.3"]);
        assert_eq!(server.run("HINCRBYFLOAT h b 5.0e3"), "$4\r\n5000\r\n");
        assert_eq!(server.run("HINCRBYFLOAT h b 1"), "$4\r\n5001\r\n");
    }

    #[test]
    fn the_increment_is_checked_before_the_key_and_the_field_after() {
        let mut server = Server::new();
        server.run("SET s 1");
        assert_eq!(server.run("HINCRBYFLOAT s a x"), "-ERR value is not a valid float\r\n");
        assert_eq!(server.run("HINCRBYFLOAT s a -inf"), "-ERR value is NaN or Infinity\r\n");
        assert!(server.run("HINCRBYFLOAT s a 1").starts_with("-WRONGTYPE"));
        server.run("HSET h a x b inf");
        assert_eq!(server.run("HINCRBYFLOAT h a 1"), "-ERR hash value is not a float\r\n");
        let reply = server.run("HINCRBYFLOAT h b 1");
        assert_eq!(reply, "-ERR increment would produce NaN or Infinity\r\n");
    }
}
