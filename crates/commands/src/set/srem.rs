//! `SREM key member [member ...]`

use spinel_family::{Command, Encoder, EventClass, Key, Many, QueryContext, Reply, Update, UpdateContext};
use spinel_store::Text;
use spinel_store::value::Set;

/// Removes members of a set; answers how many there were.
#[derive(Command)]
#[command(group = Set, since = "1.0.0", complexity = "O(N) for N members to remove", flags(fast))]
#[command(history = &[("2.4.0", "Several members at once.")])]
pub(super) struct Srem<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    #[arg(name = "member")]
    members: Many<'a, &'a [u8]>,
}

impl Update for Srem<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.members.len()
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let mut removed = 0;
        if let Some(set) = cx.write::<Set>(self.key)? {
            removed = self.members.items().filter(|member| set.remove(Text::Bytes(member))).count();
        }
        if removed > 0 {
            cx.touch_watchers(self.key);
            cx.notify(EventClass::Set, "srem", self.key);
            cx.remove_if_empty::<Set>(self.key);
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
    fn the_last_member_takes_the_key_with_it() {
        let mut server = Server::new();
        assert_eq!(server.run("SREM s a"), ":0\r\n");
        server.run("SADD s a 1 2");
        assert_eq!(server.run("SREM s x"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
        assert_eq!(server.run("SREM s a a"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["srem"], 1));
        assert_eq!(server.run("SREM s 1 2 3"), ":2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["srem", "del"], 2));
        assert_eq!(server.run("EXISTS s"), ":0\r\n");
    }
}
