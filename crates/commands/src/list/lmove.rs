//! `LMOVE source destination LEFT | RIGHT LEFT | RIGHT`, `RPOPLPUSH source destination`

use smallvec::SmallVec;
use spinel_family::{Command, CommandError, Encoder, Key, Reply, Update, UpdateContext};
use spinel_store::{List, ListElement};
use spinel_structs::number::IntBuffer;

use super::pop::{count_popped, pop_one, popped};
use super::push::pushed;
use super::side::{Side, reply_element};

/// Takes an element off an end of a list, adds it at an end of another and returns it.
#[derive(Command)]
#[command(group = List, since = "6.2.0", complexity = "O(1)", flags(denyoom))]
pub(super) struct Lmove<'a> {
    #[key(rw, access, delete)]
    source: Key<'a>,
    #[key(rw, insert)]
    destination: Key<'a>,
    wherefrom: Side,
    whereto: Side,
}

impl Update for Lmove<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let Self { source, destination, wherefrom, whereto } = *self;
        run(cx, &Move { source, destination, from: wherefrom, to: whereto }, out)
    }
}

/// Takes the last element of a list, adds it at the head of another and returns it.
#[derive(Command)]
#[command(group = List, since = "1.2.0", complexity = "O(1)", flags(denyoom), doc_flags(Deprecated))]
#[command(deprecated_since = "6.2.0", replaced_by = "`LMOVE` with the `RIGHT` and `LEFT` arguments")]
pub(super) struct Rpoplpush<'a> {
    #[key(rw, access, delete)]
    source: Key<'a>,
    #[key(rw, insert)]
    destination: Key<'a>,
}

impl Update for Rpoplpush<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let Self { source, destination } = *self;
        run(cx, &Move { source, destination, from: Side::Right, to: Side::Left }, out)
    }
}

fn run(cx: &mut UpdateContext<'_>, movement: &Move<'_>, out: &mut Encoder) -> Reply {
    if !movement.run(cx, out)? {
        out.null();
    }
    Ok(())
}

/// From where to where an element goes.
pub(super) struct Move<'a> {
    pub(super) source: Key<'a>,
    pub(super) destination: Key<'a>,
    pub(super) from: Side,
    pub(super) to: Side,
}

impl Move<'_> {
    /// Moves an element and replies with it; false if there is no source. If the destination is no list, the source
    /// stays as it is. The event of adding comes before that of taking, as in Redis.
    pub(super) fn run(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<bool, CommandError> {
        let limits = &cx.settings().encodings;
        let is_rotation = self.source.bytes == self.destination.bytes;
        let Some(list) = cx.write::<List>(self.source)? else { return Ok(false) };
        let taken =
            if is_rotation { list.pop(self.from.end(), copy) } else { list.peek(self.from.end()).map(copy) };
        let element = taken.expect("a list that is a key's value is not empty");
        cx.write_or_create::<List>(self.destination)?.push(self.to.end(), [&element[..]], limits);
        pushed(cx, self.destination, self.to);
        if is_rotation {
            out.bulk(&element);
            popped(cx, self.source, self.from, false);
            count_popped(cx);
            return Ok(true);
        }
        cx.again(|cx| pop_one(cx, self.source, self.from, |element| reply_element(element, out)))
    }
}

/// A copy of an element, on the stack if it is small.
fn copy(element: ListElement<'_>) -> SmallVec<[u8; 64]> {
    SmallVec::from_slice(element.to_bytes(&mut IntBuffer::new()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn an_element_is_added_before_it_is_taken() {
        let mut server = Server::new();
        server.run("RPUSH l a 2");
        assert_eq!(server.run("LMOVE l m RIGHT LEFT"), "$1\r\n2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["new", "lpush", "rpop"], 1));
        assert_eq!(server.run("LMOVE l m left right"), "$1\r\na\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["rpush", "lpop", "del"], 1));
        assert_eq!(server.run("RPOPLPUSH m n"), "$1\r\na\r\n");
        assert_eq!(server.event_names(), ["new", "lpush", "rpop"]);
    }

    #[test]
    fn a_list_of_one_element_is_rotated_without_going() {
        let mut server = Server::new();
        server.run("RPUSH l a");
        assert_eq!(server.run("LMOVE l l LEFT LEFT"), "$1\r\na\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["lpush", "lpop"], 1));
        server.run("RPUSH l b c");
        assert_eq!(server.run("RPOPLPUSH l l"), "$1\r\nc\r\n");
        assert_eq!(server.run("LRANGE l 0 -1"), "*3\r\n$1\r\nc\r\n$1\r\na\r\n$1\r\nb\r\n");
    }

    #[test]
    fn a_destination_of_another_type_matters_only_if_there_is_a_source() {
        let mut server = Server::new();
        server.run("SET s x");
        assert_eq!(server.run("LMOVE none s LEFT LEFT"), "$-1\r\n");
        server.run("RPUSH l a");
        assert!(server.run("LMOVE l s LEFT LEFT").starts_with("-WRONGTYPE"));
        assert!(server.run("RPOPLPUSH s none").starts_with("-WRONGTYPE"));
        assert_eq!(server.run("LLEN l"), ":1\r\n");
        assert_eq!(server.run("LMOVE s l x LEFT"), "-ERR syntax error\r\n");
    }
}
