//! `DEL key [key ...]`, `UNLINK key [key ...]`
//!
//! Both free a large value elsewhere, so they differ in their flags only.

use spinel_family::{Command, Encoder, EventClass, Key, Many, Reply, Update, UpdateContext};

/// Removes keys; answers how many there were.
#[derive(Command)]
#[command(group = Generic, since = "1.0.0", complexity = "O(N) for N keys", categories(Keyspace))]
#[command(tips("request_policy:multi_shard", "response_policy:agg_sum"))]
pub(super) struct Del<'a> {
    #[key(rm, delete)]
    #[arg(name = "key")]
    keys: Many<'a, Key<'a>>,
}

impl Update for Del<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        remove_all(cx, &self.keys, out)
    }
}

/// Removes keys; answers how many there were.
#[derive(Command)]
#[command(group = Generic, since = "4.0.0", complexity = "O(N) for N keys", flags(fast))]
#[command(categories(Keyspace), tips("request_policy:multi_shard", "response_policy:agg_sum"))]
pub(super) struct Unlink<'a> {
    #[key(rm, delete)]
    #[arg(name = "key")]
    keys: Many<'a, Key<'a>>,
}

impl Update for Unlink<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        remove_all(cx, &self.keys, out)
    }
}

fn remove_all<'a>(cx: &mut UpdateContext<'_>, keys: &Many<'a, Key<'a>>, out: &mut Encoder) -> Reply {
    let mut removed = 0;
    for key in keys.keys() {
        if cx.remove(key) {
            cx.changed(key, EventClass::Generic, "del");
            removed += 1;
        }
    }
    out.integer(removed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn an_expired_key_does_not_count_as_removed() {
        let mut server = Server::new();
        server.run("MSET a 1 b 2");
        server.run("PEXPIRE a 10");
        server.advance_ms(10);
        assert_eq!(server.run("DEL a b a"), ":1\r\n");
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["expired", "del"], 1));
        assert_eq!(server.run("UNLINK a b"), ":0\r\n");
    }
}
