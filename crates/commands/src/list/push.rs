//! `LPUSH`, `RPUSH`, `LPUSHX`, `RPUSHX`: `key element [element ...]`

use spinel_family::{Command, Encoder, EventClass, Key, Many, Reply, Update, UpdateContext};
use spinel_store::List;

use super::side::Side;

/// Adds elements at the head of a list, which is created if there is none; answers its length.
#[derive(Command)]
#[command(group = List, since = "1.0.0", complexity = "O(N) for N elements", flags(denyoom, fast))]
#[command(history = &[("2.4.0", "Several elements at once.")])]
pub(super) struct Lpush<'a> {
    #[key(rw, insert)]
    key: Key<'a>,
    #[arg(name = "element")]
    elements: Many<'a, &'a [u8]>,
}

impl Update for Lpush<'_> {
    #[inline]
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        push(cx, self.key, Side::Left, &self.elements, out)
    }
}

/// Adds elements at the tail of a list, which is created if there is none; answers its length.
#[derive(Command)]
#[command(group = List, since = "1.0.0", complexity = "O(N) for N elements", flags(denyoom, fast))]
#[command(history = &[("2.4.0", "Several elements at once.")])]
pub(super) struct Rpush<'a> {
    #[key(rw, insert)]
    key: Key<'a>,
    #[arg(name = "element")]
    elements: Many<'a, &'a [u8]>,
}

impl Update for Rpush<'_> {
    #[inline]
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        push(cx, self.key, Side::Right, &self.elements, out)
    }
}

/// Adds elements at the head of a list if it exists; answers its length.
#[derive(Command)]
#[command(group = List, since = "2.2.0", complexity = "O(N) for N elements", flags(denyoom, fast))]
#[command(history = &[("4.0.0", "Several elements at once.")])]
pub(super) struct Lpushx<'a> {
    #[key(rw, insert)]
    key: Key<'a>,
    #[arg(name = "element")]
    elements: Many<'a, &'a [u8]>,
}

impl Update for Lpushx<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        push_if_exists(cx, self.key, Side::Left, &self.elements, out)
    }
}

/// Adds elements at the tail of a list if it exists; answers its length.
#[derive(Command)]
#[command(group = List, since = "2.2.0", complexity = "O(N) for N elements", flags(denyoom, fast))]
#[command(history = &[("4.0.0", "Several elements at once.")])]
pub(super) struct Rpushx<'a> {
    #[key(rw, insert)]
    key: Key<'a>,
    #[arg(name = "element")]
    elements: Many<'a, &'a [u8]>,
}

impl Update for Rpushx<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        push_if_exists(cx, self.key, Side::Right, &self.elements, out)
    }
}

fn push<'a>(
    cx: &mut UpdateContext<'_>,
    key: Key<'a>,
    side: Side,
    elements: &Many<'a, &'a [u8]>,
    out: &mut Encoder,
) -> Reply {
    let limits = &cx.settings().encodings;
    let list = cx.write_or_create::<List>(key)?;
    list.push(side.end(), elements.items(), limits);
    let len = list.len();
    pushed(cx, key, side);
    cx.add_dirty(elements.len());
    out.integer(len as i64);
    Ok(())
}

fn push_if_exists<'a>(
    cx: &mut UpdateContext<'_>,
    key: Key<'a>,
    side: Side,
    elements: &Many<'a, &'a [u8]>,
    out: &mut Encoder,
) -> Reply {
    if cx.write::<List>(key)?.is_some() {
        return cx.again(|cx| push(cx, key, side, elements, out));
    }
    out.integer(0);
    Ok(())
}

/// The traces of elements that were added, but for the count of changes.
pub(super) fn pushed(cx: &mut UpdateContext<'_>, key: Key<'_>, side: Side) {
    cx.touch_watchers(key);
    cx.notify(EventClass::List, side.push_event(), key);
    cx.note_grown(key);
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn elements_pushed_at_the_head_stand_in_reverse() {
        let mut server = Server::new();
        assert_eq!(server.run("LPUSH l 1 2 3"), ":3\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["new", "lpush"], 3));
        assert_eq!(server.run("RPUSH l a"), ":4\r\n");
        assert_eq!(server.event_names(), ["rpush"]);
        assert_eq!(server.run("LRANGE l 0 -1"), "*4\r\n$1\r\n3\r\n$1\r\n2\r\n$1\r\n1\r\n$1\r\na\r\n");
    }

    #[test]
    fn pushx_creates_no_list() {
        let mut server = Server::new();
        assert_eq!(server.run("LPUSHX l a"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
        server.run("RPUSH l a");
        assert_eq!(server.run("RPUSHX l b c"), ":3\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["rpush"], 2));
        server.run("SET s x");
        assert!(server.run("LPUSHX s a").starts_with("-WRONGTYPE"));
        assert!(server.run("LPUSH s a").starts_with("-WRONGTYPE"));
    }
}
