//! `LINSERT key BEFORE | AFTER pivot element`

use spinel_family::spec::Shape;
use spinel_family::{
    Choice, Command, CommandError, Encoder, EventClass, Field, Key, QueryContext, Reply, Update,
    UpdateContext, Words,
};
use spinel_store::List;

use super::pop::length;

/// On which side of the pivot.
#[derive(Choice, Clone, Copy)]
enum Place {
    #[arg(token = "BEFORE")]
    Before,
    #[arg(token = "AFTER")]
    After,
}

impl<'a> Field<'a> for Place {
    const SHAPE: Shape = <Self as Choice<'a>>::SHAPE;

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let word = words.peek().ok_or(CommandError::Syntax)?;
        Self::take(word, words)?.ok_or(CommandError::Syntax)
    }
}

/// Inserts an element beside the first that equals another; answers the length, or -1 if there is no such.
#[derive(Command)]
#[command(group = List, since = "2.2.0", complexity = "O(N) for N elements before the pivot", flags(denyoom))]
pub(super) struct Linsert<'a> {
    #[key(rw, insert)]
    key: Key<'a>,
    #[arg(name = "where")]
    place: Place,
    pivot: &'a [u8],
    element: &'a [u8],
}

impl Update for Linsert<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        length(cx, self.key)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let limits = &cx.settings().encodings;
        let Some(list) = cx.write::<List>(self.key)? else {
            out.integer(0);
            return Ok(());
        };
        let Some(pivot) = list.first_equal(self.pivot) else {
            out.integer(-1);
            return Ok(());
        };
        match self.place {
            Place::Before => list.insert_before(pivot, self.element, limits),
            Place::After => list.insert_after(pivot, self.element, limits),
        };
        let len = list.len();
        cx.changed(self.key, EventClass::List, "linsert");
        cx.note_grown(self.key);
        out.integer(len as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn an_element_goes_beside_the_first_pivot() {
        let mut server = Server::new();
        server.run("RPUSH l a b a");
        assert_eq!(server.run("LINSERT l after a x"), ":4\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["linsert"], 1));
        assert_eq!(server.run("LINSERT l BEFORE b y"), ":5\r\n");
        assert_eq!(server.run("LRANGE l 0 3"), "*4\r\n$1\r\na\r\n$1\r\nx\r\n$1\r\ny\r\n$1\r\nb\r\n");
        assert_eq!(server.run("LINSERT l BEFORE none y"), ":-1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
        assert_eq!(server.run("LINSERT none BEFORE a y"), ":0\r\n");
    }

    #[test]
    fn the_side_is_read_before_the_key_is_looked_up() {
        let mut server = Server::new();
        server.run("SET s x");
        assert_eq!(server.run("LINSERT s beside a b"), "-ERR syntax error\r\n");
        assert!(server.run("LINSERT s before a b").starts_with("-WRONGTYPE"));
    }
}
