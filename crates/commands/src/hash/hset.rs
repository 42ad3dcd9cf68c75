//! `HSET key field value [field value ...]`, `HMSET key field value [field value ...]`, `HSETNX key field value`

use spinel_family::{
    Block, Command, CommandError, Encoder, EventClass, Key, Many, QueryContext, Reply, Update, UpdateContext,
};
use spinel_store::value::Hash;

/// A field and its value.
#[derive(Block)]
pub(super) struct FieldValue<'a> {
    pub(super) field: &'a [u8],
    pub(super) value: &'a [u8],
}

/// Sets fields of a hash; answers how many are new.
#[derive(Command)]
#[command(group = Hash, since = "2.0.0", complexity = "O(N) for N fields", flags(denyoom, fast))]
#[command(history = &[("4.0.0", "Several fields at once.")])]
pub(super) struct Hset<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    #[arg(name = "field_value")]
    fields: Many<'a, FieldValue<'a>>,
}

impl Update for Hset<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.fields.len()
    }

    #[inline]
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let created = set_all(cx, self.key, &self.fields)?;
        out.integer(created);
        Ok(())
    }
}

/// Sets fields of a hash.
#[derive(Command)]
#[command(group = Hash, since = "2.0.0", complexity = "O(N) for N fields", flags(denyoom, fast))]
#[command(doc_flags(Deprecated), deprecated_since = "4.0.0")]
#[command(replaced_by = "`HSET` with multiple field-value pairs")]
pub(super) struct Hmset<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    #[arg(name = "field_value")]
    fields: Many<'a, FieldValue<'a>>,
}

impl Update for Hmset<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.fields.len()
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        set_all(cx, self.key, &self.fields)?;
        out.ok();
        Ok(())
    }
}

/// Sets all fields and leaves the traces; gives how many are new.
fn set_all<'a>(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    fields: &Many<'a, FieldValue<'a>>,
) -> Result<i64, CommandError> {
    if !fields.is_whole() {
        return Err(CommandError::Arity);
    }
    let (limits, hash_key) = (&cx.settings().encodings, cx.hash_key());
    cx.settle_fields(key, fields.iter().flatten().map(|pair| pair.field));
    let hash = cx.write_or_create::<Hash>(key)?;
    let mut created = 0;
    for pair in fields.iter() {
        let FieldValue { field, value } = pair?;
        created += i64::from(hash.set(field, value, limits, hash_key));
    }
    cx.fields_changed(key);
    cx.touch_watchers(key);
    cx.notify(EventClass::Hash, "hset", key);
    cx.add_dirty(fields.len());
    Ok(created)
}

/// Sets a field of a hash unless it exists.
#[derive(Command)]
#[command(group = Hash, since = "2.0.0", complexity = "O(1)", flags(denyoom, fast))]
pub(super) struct Hsetnx<'a> {
    #[key(rw, insert)]
    key: Key<'a>,
    field: &'a [u8],
    value: &'a [u8],
}

impl Update for Hsetnx<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let (limits, hash_key, now) = (&cx.settings().encodings, cx.hash_key(), cx.now());
        cx.settle_fields(self.key, std::iter::once(self.field));
        let hash = cx.write_or_create::<Hash>(self.key)?;
        if hash.contains(self.field, now) {
            out.integer(0);
            return Ok(());
        }
        hash.set(self.field, self.value, limits, hash_key);
        cx.changed(self.key, EventClass::Hash, "hset");
        out.integer(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn fields_are_set_with_one_event_and_counted_each() {
        let mut server = Server::new();
        assert_eq!(server.run("HSET h a 1 b 2 a 3"), ":2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["new", "hset"], 3));
        assert_eq!(server.run("HMSET h b 4 c 5"), "+OK\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["hset"], 2));
        assert_eq!(server.run("HMGET h a b c"), "*3\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n");
    }

    #[test]
    fn a_field_without_a_value_is_noticed_before_the_key() {
        let mut server = Server::new();
        server.run("SET s 1");
        assert_eq!(server.run("HSET s a 1 b"), "-ERR wrong number of arguments for 'hset' command\r\n");
        assert_eq!(server.run("HMSET s a 1 b"), "-ERR wrong number of arguments for 'hmset' command\r\n");
        assert!(server.run("HSET s a 1").starts_with("-WRONGTYPE"));
        assert!(server.run("HSETNX s a 1").starts_with("-WRONGTYPE"));
    }

    #[test]
    fn hsetnx_leaves_an_existing_field_alone() {
        let mut server = Server::new();
        assert_eq!(server.run("HSETNX h a 1"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["new", "hset"], 1));
        assert_eq!(server.run("HSETNX h a 2"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
        assert_eq!(server.run("HGET h a"), "$1\r\n1\r\n");
    }

    #[test]
    fn a_hash_becomes_a_table_beyond_the_limits() {
        let mut server = Server::new();
        (0..512).for_each(|i| drop(server.run(&format!("HSET h {i} x"))));
        assert_eq!(server.run("OBJECT ENCODING h"), "$8\r\nlistpack\r\n");
        server.run("HSET h more x");
        assert_eq!(server.run("OBJECT ENCODING h"), "$9\r\nhashtable\r\n");
        assert_eq!(server.run("HLEN h"), ":513\r\n");
        server.run(&format!("HSET g a {}", "x".repeat(65)));
        assert_eq!(server.run("OBJECT ENCODING g"), "$9\r\nhashtable\r\n");
    }
}
