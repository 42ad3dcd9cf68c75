//! `LREM key count element`

use spinel_family::{Command, Encoder, EventClass, Key, QueryContext, Reply, Update, UpdateContext};
use spinel_store::{End, List};

use super::pop::{length, remove_emptied};

/// Removes the elements that equal one: all, or the first few from the head, or from the tail if negative.
#[derive(Command)]
#[command(group = List, since = "1.0.0", complexity = "O(N) for N elements")]
pub(super) struct Lrem<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    count: i64,
    element: &'a [u8],
}

impl Update for Lrem<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        length(cx, self.key)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let Some(list) = cx.write::<List>(self.key)? else {
            out.integer(0);
            return Ok(());
        };
        let limit = match self.count {
            0 => usize::MAX,
            count => usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX),
        };
        let from = if self.count < 0 { End::Back } else { End::Front };
        let removed = list.remove_equal(self.element, limit, from);
        let emptied = list.is_empty();
        if removed > 0 {
            cx.touch_watchers(self.key);
            cx.notify(EventClass::List, "lrem", self.key);
            remove_emptied(cx, self.key, emptied);
            cx.add_dirty(removed);
        }
        out.integer(removed as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn the_sign_of_the_count_says_where_to_begin() {
        let mut server = Server::new();
        server.run("RPUSH l a 1 a 2 a 3 a");
        assert_eq!(server.run("LREM l 1 a"), ":1\r\n");
        assert_eq!(server.run("LREM l -2 a"), ":2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["lrem"], 2));
        assert_eq!(server.run("LRANGE l 0 -1"), "*4\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\n2\r\n$1\r\n3\r\n");
        assert_eq!(server.run("LREM l 0 none"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
    }

    #[test]
    fn a_list_that_loses_its_last_element_goes() {
        let mut server = Server::new();
        server.run("RPUSH l a a");
        assert_eq!(server.run("LREM l -9223372036854775808 a"), ":2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["lrem", "del"], 2));
        assert_eq!(server.run("LREM l 0 a"), ":0\r\n");
        server.run("SET s x");
        assert_eq!(server.run("LREM s x a"), "-ERR value is not an integer or out of range\r\n");
        assert!(server.run("LREM s 0 a").starts_with("-WRONGTYPE"));
    }
}
