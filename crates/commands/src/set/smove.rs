//! `SMOVE source destination member`

use spinel_family::{Command, CommandError, Encoder, EventClass, Key, Reply, Update, UpdateContext};
use spinel_store::value::Set;
use spinel_store::{Kind, Text};

/// Moves a member from one set to another; answers whether the first had it.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", complexity = "O(1)", flags(fast))]
pub(super) struct Smove<'a> {
    #[key(rw, access, delete)]
    source: Key<'a>,
    #[key(rw, insert)]
    destination: Key<'a>,
    member: &'a [u8],
}

impl Update for Smove<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let source = cx.find_mut(self.source).map(|entry| entry.kind());
        let destination = cx.find_mut(self.destination).map(|entry| entry.kind());
        let moved = match (source, destination) {
            (None, _) => false,
            (Some(Kind::Set), None | Some(Kind::Set)) => cx.again(|cx| self.relocate(cx))?,
            _ => return Err(CommandError::WrongType),
        };
        out.integer(i64::from(moved));
        Ok(())
    }
}

impl Smove<'_> {
    /// Moves the member of an existing set; false if it has no such member.
    fn relocate(&self, cx: &mut UpdateContext<'_>) -> Result<bool, CommandError> {
        let member = Text::Bytes(self.member);
        let Some(source) = cx.write::<Set>(self.source)? else { return Ok(false) };
        if self.source.bytes == self.destination.bytes {
            return Ok(source.contains(member));
        }
        if !source.remove(member) {
            return Ok(false);
        }
        cx.changed(self.source, EventClass::Set, "srem");
        cx.remove_if_empty::<Set>(self.source);
        let (limits, hash_key) = (&cx.settings().encodings, cx.hash_key());
        if cx.write_or_create::<Set>(self.destination)?.add(member, limits, hash_key) {
            cx.changed(self.destination, EventClass::Set, "sadd");
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn both_sets_change_and_an_empty_one_goes() {
        let mut server = Server::new();
        server.run("SADD a 1 2");
        assert_eq!(server.run("SMOVE a b 3"), ":0\r\n");
        assert_eq!(server.effects.dirty, 0);
        assert_eq!(server.run("SMOVE a b 1"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["srem", "new", "sadd"], 2));
        server.run("SADD b 2");
        assert_eq!(server.run("SMOVE a b 2"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["srem", "del"], 1));
        assert_eq!(server.run("SMEMBERS b"), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    }

    #[test]
    fn a_missing_source_is_noticed_before_types() {
        let mut server = Server::new();
        server.run("SET t 1");
        assert_eq!(server.run("SMOVE a t 1"), ":0\r\n");
        server.run("SADD a 1");
        assert!(server.run("SMOVE a t 1").starts_with("-WRONGTYPE"));
        assert!(server.run("SMOVE t a 1").starts_with("-WRONGTYPE"));
        assert_eq!(server.run("SMOVE a a 1"), ":1\r\n");
        assert_eq!(server.run("SMOVE a a 2"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
    }
}
