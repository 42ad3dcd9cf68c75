//! `HDEL key field [field ...]`

use spinel_family::{Command, Encoder, EventClass, Key, Many, QueryContext, Reply, Update, UpdateContext};
use spinel_store::value::Hash;

/// Removes fields of a hash; answers how many there were.
#[derive(Command)]
#[command(group = Hash, since = "2.0.0", complexity = "O(N) for N fields to remove", flags(fast))]
#[command(history = &[("2.4.0", "Several fields at once.")])]
pub(super) struct Hdel<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    #[arg(name = "field")]
    fields: Many<'a, &'a [u8]>,
}

impl Update for Hdel<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.fields.len()
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        cx.settle_fields(self.key, self.fields.items());
        let mut removed = 0;
        if let Some(hash) = cx.write::<Hash>(self.key)? {
            removed = self.fields.items().filter(|field| hash.remove(field)).count();
        }
        if removed > 0 {
            cx.touch_watchers(self.key);
            cx.notify(EventClass::Hash, "hdel", self.key);
            if !cx.remove_if_empty::<Hash>(self.key) {
                cx.fields_changed(self.key);
            }
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
    fn the_last_field_takes_the_key_with_it() {
        let mut server = Server::new();
        assert_eq!(server.run("HDEL h a"), ":0\r\n");
        server.run("HSET h a 1 b 2 c 3");
        assert_eq!(server.run("HDEL h x"), ":0\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec![], 0));
        assert_eq!(server.run("HDEL h a x a"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["hdel"], 1));
        let watch = server.watch("h");
        assert_eq!(server.run("HDEL h b c d"), ":2\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["hdel", "del"], 2));
        assert!(watch.is_raised());
        assert_eq!(server.run("EXISTS h"), ":0\r\n");
    }
}
