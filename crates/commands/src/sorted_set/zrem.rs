//! `ZREM key member [member ...]`

use spinel_family::{Command, Encoder, EventClass, Key, Many, QueryContext, Reply, Update, UpdateContext};
use spinel_store::value::SortedSet;

/// Removes members from a sorted set; answers how many there were.
#[derive(Command)]
#[command(group = SortedSet, since = "1.2.0", flags(fast))]
#[command(complexity = "O(M*log(N)) for M members, N being the size of the sorted set")]
#[command(history = &[("2.4.0", "Several members.")])]
pub(super) struct Zrem<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    #[arg(name = "member")]
    members: Many<'a, &'a [u8]>,
}

impl Update for Zrem<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.members.len()
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let mut removed = 0;
        if let Some(zset) = cx.write::<SortedSet>(self.key)? {
            removed = self.members.items().filter(|member| zset.remove(member).is_some()).count();
        }
        if removed > 0 {
            cx.touch_watchers(self.key);
            cx.notify(EventClass::SortedSet, "zrem", self.key);
            cx.remove_if_empty::<SortedSet>(self.key);
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
    fn the_key_goes_with_its_last_member() {
        let mut server = Server::new();
        server.run("ZADD k 1 a 2 b");
        assert_eq!(server.run("ZREM k x"), ":0\r\n");
        assert!(server.event_names().is_empty());
        assert_eq!(server.run("ZREM k a x a"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["zrem"], 1));
        assert_eq!(server.run("ZREM k b"), ":1\r\n");
        assert_eq!(server.event_names(), ["zrem", "del"]);
        assert_eq!(server.run("EXISTS k"), ":0\r\n");
    }
}
