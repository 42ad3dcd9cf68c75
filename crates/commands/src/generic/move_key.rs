//! `MOVE key db`

use spinel_family::{Command, CommandError, Encoder, EventClass, Key, Lazy, Reply, Update, UpdateContext};

use super::database::read_db;

/// Moves a key, expiry and all, to another database if it has no such key.
#[derive(Command)]
#[command(group = Generic, since = "1.0.0", complexity = "O(1)", flags(fast), categories(Keyspace))]
pub(super) struct Move<'a> {
    #[key(rw, access, update)]
    key: Key<'a>,
    db: Lazy<'a, i64>,
}

impl Update for Move<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let (from, to) = (cx.db(), read_db(self.db.raw(), cx.settings())?);
        if from == to {
            return Err(CommandError::SameObject);
        }
        let moves = cx.find_mut(self.key).is_some() && !cx.exists_in(to, self.key);
        if moves {
            let entry = cx.take_entry(from, self.key).expect("the key was just found");
            cx.store_entry(to, self.key, entry);
            cx.touch_watchers_in(from, self.key);
            cx.touch_watchers_in(to, self.key);
            cx.notify_in(from, EventClass::Generic, "move_from", self.key.bytes);
            cx.notify_in(to, EventClass::Generic, "move_to", self.key.bytes);
            cx.add_dirty(1);
        }
        out.integer(i64::from(moves));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_key_moves_with_its_expiry_unless_its_place_is_taken() {
        let mut server = Server::new();
        server.run("SET a 1 PX 100");
        assert_eq!(server.run("MOVE a 0"), "-ERR source and destination objects are the same\r\n");
        assert_eq!(server.run("MOVE a 16"), "-ERR DB index is out of range\r\n");
        assert_eq!(server.run("MOVE a x"), "-ERR value is not an integer or out of range\r\n");
        assert_eq!(
            server.run("MOVE a 3000000000"),
            "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n"
        );
        assert_eq!(server.run("MOVE a 1"), ":1\r\n");
        assert_eq!(server.event_names(), ["new", "move_from", "move_to"]);
        assert_eq!(server.run("EXISTS a"), ":0\r\n");
        server.run("SET a 2");
        assert_eq!(server.run("MOVE a 1"), ":0\r\n");
        server.db = 1;
        assert_eq!(server.run("PTTL a"), ":100\r\n");
    }
}
