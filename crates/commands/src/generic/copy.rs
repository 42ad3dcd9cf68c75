//! `COPY source destination [DB destination-db] [REPLACE]`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::spec::{Begin, Find, KeyFlags, KeySpec};
use spinel_family::{
    Command, CommandError, DbIndex, Encoder, EventClass, Key, Parse, QueryContext, Reply, Update,
    UpdateContext, Words, is_token,
};

use spinel_store::ValueRef;

use super::database::read_db;

/// Bytes of a string that take as long to copy as touching one element.
const BYTES_PER_ELEMENT: usize = 256;

/// Copies the value of a key, with its expiry, to another key or another database.
#[derive(Command)]
#[command(group = Generic, since = "6.2.0", flags(denyoom), categories(Keyspace))]
#[command(complexity = "O(N) for N elements of a collection, O(1) for a string")]
#[command(manual, arity = -3, keys = KEYS, args = ARGS)]
pub(super) struct Copy<'a> {
    source: Key<'a>,
    destination: Key<'a>,
    /// Read one by one, since each may be an error that depends on the settings.
    options: Words<'a>,
}

const fn key_at(at: i32, flags: KeyFlags) -> KeySpec {
    KeySpec { flags, begin: Begin::Index(at), find: Find::Range { last: 0, step: 1, limit: 0 }, notes: "" }
}

const KEYS: &[KeySpec] =
    &[key_at(1, KeyFlags::RO.with(KeyFlags::ACCESS)), key_at(2, KeyFlags::OW.with(KeyFlags::UPDATE))];

const ARGS: &[ArgSpec] = &[
    ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("source", "") },
    ArgSpec { key_spec: Some(1), ..Shape::word(ArgKind::Key).arg("destination", "") },
    Shape::word(ArgKind::Integer).or_absent().arg("destination-db", "DB"),
    Shape::word(ArgKind::PureToken).or_absent().arg("replace", "REPLACE"),
];

impl<'a> Parse<'a> for Copy<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { source: words.key()?, destination: words.key()?, options: words.rest() })
    }
}

impl Copy<'_> {
    /// The destination's database, and whether to replace what is there.
    fn options(&self, cx: &QueryContext<'_>) -> Result<(DbIndex, bool), CommandError> {
        let (mut db, mut replace) = (cx.db(), false);
        let mut words = self.options;
        while let Ok(word) = words.take() {
            if is_token(word, "REPLACE") {
                replace = true;
            } else if is_token(word, "DB") {
                db = read_db(words.take()?, cx.settings())?;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok((db, replace))
    }
}

impl Update for Copy<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        match cx.peek(self.source).map(spinel_store::Entry::value) {
            None => 0,
            Some(ValueRef::String(text)) => text.len() / BYTES_PER_ELEMENT,
            Some(collection) => collection.elements(),
        }
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let (db, replace) = self.options(cx)?;
        if db == cx.db() && self.source.bytes == self.destination.bytes {
            return Err(CommandError::SameObject);
        }
        let exists = cx.find(self.source).is_some();
        if !exists || cx.exists_in(db, self.destination) && !replace {
            out.integer(0);
            return Ok(());
        }
        let access = cx.now_used().first();
        let source = cx.peek(self.source).expect("the source was just found");
        let copy = source.duplicate(self.destination.bytes, access);
        cx.remove_in(db, self.destination);
        cx.store_entry(db, self.destination, copy);
        cx.touch_watchers_in(db, self.destination);
        cx.notify_in(db, EventClass::Generic, "copy_to", self.destination.bytes);
        cx.add_dirty(1);
        out.integer(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_copy_has_the_value_the_encoding_and_the_expiry() {
        let mut server = Server::new();
        server.run("SET a 12");
        server.run("APPEND a 3");
        server.run("PEXPIRE a 100");
        assert_eq!(server.run("COPY a b"), ":1\r\n");
        assert_eq!(server.event_names(), ["new", "copy_to"]);
        server.run("APPEND a 4");
        assert_eq!(server.run("GET b"), "$3\r\n123\r\n");
        assert_eq!(server.run("OBJECT ENCODING b"), "$3\r\nraw\r\n");
        assert_eq!(server.run("PTTL b"), ":100\r\n");
        assert_eq!(server.run("COPY a b"), ":0\r\n");
        assert_eq!(server.run("COPY a b REPLACE"), ":1\r\n");
        assert_eq!(server.run("GET b"), "$4\r\n1234\r\n");
    }

    #[test]
    fn another_database_is_another_place() {
        let mut server = Server::new();
        server.run("SET a 1");
        assert_eq!(server.run("COPY a a"), "-ERR source and destination objects are the same\r\n");
        assert_eq!(server.run("COPY a a DB 0"), "-ERR source and destination objects are the same\r\n");
        assert_eq!(server.run("COPY a a DB 3"), ":1\r\n");
        assert_eq!(server.run("COPY a a DB 16 X"), "-ERR DB index is out of range\r\n");
        assert_eq!(server.run("COPY a a DB"), "-ERR syntax error\r\n");
        assert_eq!(server.run("COPY nothing a DB 3 REPLACE"), ":0\r\n");
        server.db = 3;
        assert_eq!(server.run("GET a"), "$1\r\n1\r\n");
    }
}
