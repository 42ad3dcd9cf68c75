//! `LLEN key`, `LINDEX key index`, `LSET key index element`

use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Lazy, Query, QueryContext, Reply, Update, UpdateContext,
};
use spinel_store::List;

use super::side::reply_element;

/// Returns the length of a list.
#[derive(Command)]
#[command(group = List, since = "1.0.0", complexity = "O(1)", flags(fast))]
pub(super) struct Llen<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for Llen<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        out.integer(cx.read::<List>(self.key)?.map_or(0, List::len) as i64);
        Ok(())
    }
}

/// Returns the element at an index, counted from the tail if negative.
#[derive(Command)]
#[command(group = List, since = "1.0.0", complexity = "O(N/64) for N nodes, O(1) at the ends")]
pub(super) struct Lindex<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    index: Lazy<'a, i64>,
}

impl Query for Lindex<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let Some(list) = cx.read::<List>(self.key)? else {
            out.null();
            return Ok(());
        };
        match position(self.index.get()?, list.len()).and_then(|index| list.get(index)) {
            Some(element) => reply_element(element, out),
            None => out.null(),
        }
        Ok(())
    }
}

/// Replaces the element at an index, counted from the tail if negative.
#[derive(Command)]
#[command(group = List, since = "1.0.0", complexity = "O(N/64) for N nodes, O(1) at the ends")]
#[command(flags(denyoom))]
pub(super) struct Lset<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    index: Lazy<'a, i64>,
    element: &'a [u8],
}

impl Update for Lset<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let limits = &cx.settings().encodings;
        let list = cx.write::<List>(self.key)?.ok_or(CommandError::NoSuchKey)?;
        let index = position(self.index.get()?, list.len()).ok_or(CommandError::IndexOutOfRange)?;
        list.replace(index, self.element, limits);
        cx.changed(self.key, EventClass::List, "lset");
        out.ok();
        Ok(())
    }
}

/// The index of an element, from one that counts from the tail if negative.
pub(super) fn position(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(len as i64)? } else { index };
    usize::try_from(index).ok().filter(|&index| index < len)
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn an_index_counts_from_either_end() {
        let mut server = Server::new();
        server.run("RPUSH l a 5 c");
        for (index, reply) in [
            ("0", "$1\r\na\r\n"),
            ("1", "$1\r\n5\r\n"),
            ("-1", "$1\r\nc\r\n"),
            ("-3", "$1\r\na\r\n"),
            ("3", "$-1\r\n"),
            ("-4", "$-1\r\n"),
            ("-9223372036854775808", "$-1\r\n"),
        ] {
            assert_eq!(server.run(&format!("LINDEX l {index}")), reply, "{index}");
        }
        assert_eq!(server.run("LSET l -2 b"), "+OK\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["lset"], 1));
        assert_eq!(server.run("LSET l 3 x"), "-ERR index out of range\r\n");
        assert_eq!(server.run("LINDEX l 1"), "$1\r\nb\r\n");
    }

    #[test]
    fn the_key_is_looked_up_before_the_index_is_read() {
        let mut server = Server::new();
        server.run("SET s x");
        assert_eq!(server.run("LINDEX none x"), "$-1\r\n");
        assert_eq!(server.run("LSET none x y"), "-ERR no such key\r\n");
        assert!(server.run("LINDEX s x").starts_with("-WRONGTYPE"));
        assert!(server.run("LSET s x y").starts_with("-WRONGTYPE"));
        server.run("RPUSH l a");
        assert_eq!(server.run("LSET l x y"), "-ERR value is not an integer or out of range\r\n");
    }

    #[test]
    fn llen_counts_a_missing_key_as_an_empty_list() {
        let mut server = Server::new();
        assert_eq!(server.run("LLEN l"), ":0\r\n");
        assert_eq!(server.effects.misses, 1);
        server.run("RPUSH l a b");
        assert_eq!(server.run("LLEN l"), ":2\r\n");
    }
}
