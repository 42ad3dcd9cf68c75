//! `EXISTS key [key ...]`, `TYPE key`, `TOUCH key [key ...]`

use spinel_family::{Command, Encoder, Key, Many, Query, QueryContext, Reply};

/// Counts which keys exist; one named twice counts twice.
#[derive(Command)]
#[command(group = Generic, since = "1.0.0", complexity = "O(N) for N keys", flags(fast))]
#[command(categories(Keyspace), tips("request_policy:multi_shard", "response_policy:agg_sum"))]
#[command(history = &[("3.0.3", "Several keys.")])]
pub(super) struct Exists<'a> {
    #[key(ro)]
    #[arg(name = "key")]
    keys: Many<'a, Key<'a>>,
}

impl Query for Exists<'_> {
    #[inline]
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let count = self.keys.keys().filter(|&key| cx.find_untouched(key).is_some()).count();
        out.integer(count as i64);
        Ok(())
    }
}

/// Returns the type of a value, or `none`.
#[derive(Command)]
#[command(group = Generic, since = "1.0.0", complexity = "O(1)", flags(fast), categories(Keyspace))]
pub(super) struct Type<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for Type<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        out.simple(cx.find_untouched(self.key).map_or("none", |entry| entry.kind().name()));
        Ok(())
    }
}

/// Renews the access time of keys; answers how many there are.
#[derive(Command)]
#[command(group = Generic, since = "3.2.1", complexity = "O(N) for N keys", flags(fast))]
#[command(categories(Keyspace), tips("request_policy:multi_shard", "response_policy:agg_sum"))]
pub(super) struct Touch<'a> {
    #[key(ro)]
    #[arg(name = "key")]
    keys: Many<'a, Key<'a>>,
}

impl Query for Touch<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let mut count = 0;
        for entry in self.keys.keys().filter_map(|key| cx.find_untouched(key)) {
            // Said explicitly, it holds also for a client that asked not to touch.
            entry.touch(cx.now_used().read(entry.access()));
            count += 1;
        }
        out.integer(count);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_key_named_twice_exists_twice() {
        let mut server = Server::new();
        server.run("MSET a 1 b 2");
        assert_eq!(server.run("EXISTS a a c"), ":2\r\n");
        assert_eq!((server.effects.hits, server.effects.misses), (2, 1));
        assert_eq!(server.run("TYPE a"), "+string\r\n");
        assert_eq!(server.run("TYPE c"), "+none\r\n");
    }

    #[test]
    fn only_touch_renews_the_access_time() {
        let mut server = Server::new();
        server.run("SET a 1");
        server.advance_ms(5000);
        server.run("EXISTS a");
        server.run("TYPE a");
        assert_eq!(server.run("OBJECT IDLETIME a"), ":5\r\n");
        assert_eq!(server.run("TOUCH a b"), ":1\r\n");
        assert_eq!(server.run("OBJECT IDLETIME a"), ":0\r\n");
    }
}
