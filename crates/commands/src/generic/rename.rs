//! `RENAME key newkey`, `RENAMENX key newkey`

use spinel_family::{Command, CommandError, Encoder, EventClass, Key, Reply, Update, UpdateContext};

/// Renames a key; one that has the new name already is overwritten.
#[derive(Command)]
#[command(group = Generic, since = "1.0.0", complexity = "O(1)", categories(Keyspace))]
pub(super) struct Rename<'a> {
    #[key(rw, access, delete)]
    key: Key<'a>,
    #[key(ow, update)]
    newkey: Key<'a>,
}

impl Update for Rename<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if cx.find_mut(self.key).is_none() {
            return Err(CommandError::NoSuchKey);
        }
        if self.key.bytes != self.newkey.bytes {
            rename(cx, self.key, self.newkey);
        }
        out.ok();
        Ok(())
    }
}

/// Renames a key if no key has the new name.
#[derive(Command)]
#[command(group = Generic, since = "1.0.0", complexity = "O(1)", flags(fast), categories(Keyspace))]
#[command(history = &[("3.2.0", "Source and destination may be the same.")])]
pub(super) struct Renamenx<'a> {
    #[key(rw, access, delete)]
    key: Key<'a>,
    #[key(ow, insert)]
    newkey: Key<'a>,
}

impl Update for Renamenx<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if cx.find_mut(self.key).is_none() {
            return Err(CommandError::NoSuchKey);
        }
        let is_free = cx.find_mut(self.newkey).is_none();
        if is_free {
            rename(cx, self.key, self.newkey);
        }
        out.integer(i64::from(is_free));
        Ok(())
    }
}

/// Moves an existing entry, expiry and all, to a different key.
fn rename(cx: &mut UpdateContext<'_>, key: Key<'_>, newkey: Key<'_>) {
    let db = cx.db();
    let entry = cx.take_entry(db, key).expect("the key was just found");
    cx.remove(newkey);
    cx.store_entry(db, newkey, entry.rekey(newkey.bytes));
    cx.touch_watchers(key);
    cx.touch_watchers(newkey);
    cx.notify(EventClass::Generic, "rename_from", key);
    cx.notify(EventClass::Generic, "rename_to", newkey);
    cx.add_dirty(1);
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_renamed_key_keeps_its_expiry_and_the_overwritten_one_loses_its_own() {
        let mut server = Server::new();
        server.run("SET a 1 PX 100");
        server.run("SET b 2 PX 900");
        assert_eq!(server.run("RENAME a b"), "+OK\r\n");
        assert_eq!(server.event_names(), ["new", "rename_from", "rename_to"]);
        assert_eq!(server.run("PTTL b"), ":100\r\n");
        server.run("SET c 3");
        assert_eq!(server.run("RENAME c b"), "+OK\r\n");
        assert_eq!(server.run("PTTL b"), ":-1\r\n");
        assert_eq!(server.run("GET b"), "$1\r\n3\r\n");
    }

    #[test]
    fn renaming_to_the_same_name_needs_the_key_and_changes_nothing() {
        let mut server = Server::new();
        assert_eq!(server.run("RENAME a a"), "-ERR no such key\r\n");
        server.run("SET a 1");
        assert_eq!(server.run("RENAME a a"), "+OK\r\n");
        assert_eq!(server.run("RENAMENX a a"), ":0\r\n");
        assert_eq!(server.effects.dirty, 0);
        assert_eq!(server.run("RENAMENX a b"), ":1\r\n");
        assert_eq!(server.run("GET b"), "$1\r\n1\r\n");
    }
}
