//! `SCANDEL MATCH pattern|PREFIX prefix [TYPE type] [LIMIT count] [DRYRUN]`
//!
//! Ours: neither Redis nor Valkey has it (docs/adr/0008). The shards are gone through one after the other in slices, each
//! of which is a deletion of its own in the log. Between two slices anybody may change anything: a key that is there all
//! the time is removed, one that comes or goes meanwhile may be or not, as with SCAN.

use spinel_family::{
    Choice, Command, CommandError, DbIndex, Encoder, EventClass, Field, Gradual, GradualContext, Key, Reply,
    UpdateContext, Words,
    spec::{ArgKind, Shape},
};
use spinel_store::{Entry, Held, ShardIndex};
use spinel_structs::number;

use super::keys::{is_passed, matches};

/// Buckets read while a shard is held.
const SLICE_BUCKETS: usize = 64;
/// Keys removed while a shard is held, about: some ten microseconds.
const SLICE_REMOVED: usize = 64;

/// Removes all keys that match a pattern or begin with a prefix, without holding up anybody; answers how many there were.
#[derive(Command)]
#[command(group = Generic, since = "0.1.0", complexity = "O(N) for N keys in the database")]
#[command(flags(noscript, no_multi), categories(Keyspace, Dangerous))]
#[command(tips("request_policy:all_shards", "response_policy:agg_sum"))]
pub(super) struct Scandel<'a> {
    which: Which<'a>,
    #[arg(token = "TYPE")]
    r#type: Option<&'a [u8]>,
    #[arg(token = "LIMIT")]
    limit: Option<Limit>,
    #[arg(token = "DRYRUN")]
    dryrun: bool,
}

#[derive(Choice)]
enum Which<'a> {
    #[arg(token = "MATCH", name = "pattern")]
    Match(&'a [u8]),
    #[arg(token = "PREFIX", name = "prefix")]
    Prefix(&'a [u8]),
}

impl<'a> Field<'a> for Which<'a> {
    const SHAPE: Shape = <Which<'static> as Choice<'static>>::SHAPE;

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let word = words.peek().ok_or(CommandError::Syntax)?;
        Self::take(word, words)?.ok_or(CommandError::Syntax)
    }
}

/// Keys to remove at most; at least one.
struct Limit(u64);

impl<'a> Field<'a> for Limit {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let count = number::parse_i64(words.take()?).ok_or(CommandError::NotInteger)?;
        if count < 1 {
            return Err(CommandError::text("ERR LIMIT should be greater than 0"));
        }
        Ok(Self(count as u64))
    }
}

/// A place in a shard, and what was done on the way.
#[derive(Default)]
struct Walk {
    cursor: u64,
    seen: u64,
    removed: u64,
}

impl Gradual for Scandel<'_> {
    fn gradual(&self, cx: &mut GradualContext<'_>, out: &mut Encoder) -> Reply {
        let db = cx.options().db;
        let limit = self.limit.as_ref().map_or(u64::MAX, |limit| limit.0);
        let mut removed = 0;
        for shard in cx.shards() {
            if cx.keyspace().count_in(shard, db) == 0 {
                continue;
            }
            let mut walk = Walk::default();
            loop {
                let before = (walk.seen, walk.removed);
                cx.slice(shard, |cx| self.slice(cx, shard, limit - removed, &mut walk))?;
                cx.progress(walk.seen - before.0, walk.removed - before.1);
                if walk.cursor == 0 || removed + walk.removed == limit {
                    break;
                }
            }
            removed += walk.removed;
            if removed == limit {
                break;
            }
        }
        out.integer(removed as i64);
        Ok(())
    }
}

impl Scandel<'_> {
    /// Removes matching keys of a few buckets, no more than `limit` in the whole walk.
    fn slice(&self, cx: &mut UpdateContext<'_>, shard: ShardIndex, limit: u64, walk: &mut Walk) {
        let db = cx.options().db;
        let found = self.find(cx, (shard, db), walk);
        let left = usize::try_from(limit - walk.removed).unwrap_or(usize::MAX);
        let hash_key = *cx.held().keyspace().hash_key();
        let mut words: Vec<Box<[u8]>> = vec![b"UNLINK"[..].into()];
        for bytes in found.into_iter().take(left) {
            let key = Key::new(&bytes, &hash_key);
            if !self.dryrun {
                if !cx.remove(key) {
                    continue;
                }
                cx.changed(key, EventClass::Generic, "del");
                words.push(bytes);
            }
            walk.removed += 1;
        }
        if words.len() > 1 {
            cx.propagate_as(words);
        }
    }

    /// The matching keys of some buckets; moves the walk on.
    fn find(
        &self,
        cx: &UpdateContext<'_>,
        (shard, db): (ShardIndex, DbIndex),
        walk: &mut Walk,
    ) -> Vec<Box<[u8]>> {
        let held: &Held<'_> = cx.held();
        let (now, from) = (cx.options().now, walk.cursor);
        let hash_key = held.keyspace().hash_key();
        let Some(table) = held.iter().next().map(|shard| shard.db(db)) else { return Vec::new() };
        debug_assert!(held.iter().count() == 1, "{shard:?} alone is held");
        let mut found: Vec<Box<[u8]>> = Vec::new();
        for _ in 0..SLICE_BUCKETS {
            let seen = &mut walk.seen;
            walk.cursor = table
                .scan(walk.cursor, |entry| {
                    *seen += 1;
                    let passed = || from != 0 && is_passed(Key::new(entry.key(), hash_key).hash, from);
                    if self.wants(entry) && !entry.is_expired(now) && !passed() {
                        found.push(entry.key().into());
                    }
                })
                .cursor;
            if walk.cursor == 0 || found.len() >= SLICE_REMOVED {
                break;
            }
        }
        found
    }

    fn wants(&self, entry: &Entry) -> bool {
        let fits = match self.which {
            Which::Match(pattern) => matches(pattern, entry.key()),
            Which::Prefix(prefix) => entry.key().starts_with(prefix),
        };
        fits && self.r#type.is_none_or(|wanted| wanted.eq_ignore_ascii_case(entry.kind().name().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn keys_are_removed_by_pattern_prefix_and_type_and_counted() {
        let mut server = Server::new();
        (0..1000).for_each(|i| drop(server.run(&format!("SET user:{i} x"))));
        server.run("SADD user:set a");
        server.run("SET use y");
        assert_eq!(server.run("SCANDEL MATCH user:?? DRYRUN"), ":90\r\n");
        assert_eq!(server.run("DBSIZE"), ":1002\r\n");
        assert_eq!(server.run("SCANDEL MATCH user:??"), ":90\r\n");
        assert_eq!(server.run("SCANDEL PREFIX user: TYPE SET"), ":1\r\n");
        assert_eq!(server.run("SCANDEL PREFIX user: LIMIT 10"), ":10\r\n");
        assert_eq!(server.run("SCANDEL PREFIX user:"), ":900\r\n");
        assert_eq!(server.run("KEYS *"), "*1\r\n$3\r\nuse\r\n");
        assert_eq!(server.run("SCANDEL MATCH *"), ":1\r\n");
        assert_eq!(server.run("SCANDEL MATCH *"), ":0\r\n");
    }

    #[test]
    fn every_slice_says_what_it_removed() {
        let mut server = Server::new();
        server.run("MSET a 1 b 2 c 3");
        assert_eq!(server.run("SCANDEL MATCH [ab]"), ":2\r\n");
        let words = server.propagated();
        assert_eq!(words.iter().map(|line| line.split(' ').count() - 1).sum::<usize>(), 2);
        assert!(words.iter().all(|line| line.starts_with("UNLINK ")));
        assert_eq!((server.event_names(), server.effects.dirty), (vec!["del", "del"], 2));
    }

    #[test]
    fn what_has_expired_is_not_removed_by_it() {
        let mut server = Server::new();
        server.run("MSET a 1 b 2");
        server.run("PEXPIRE a 10");
        server.advance_ms(10);
        assert_eq!(server.run("SCANDEL MATCH *"), ":1\r\n");
    }

    #[test]
    fn wrong_words_are_errors() {
        let mut server = Server::new();
        assert_eq!(server.run("SCANDEL a b"), "-ERR syntax error\r\n");
        assert_eq!(server.run("SCANDEL MATCH a LIMIT 0"), "-ERR LIMIT should be greater than 0\r\n");
        assert_eq!(server.run("SCANDEL MATCH a LIMIT x"), "-ERR value is not an integer or out of range\r\n");
        assert_eq!(server.run("SCANDEL MATCH a PREFIX b"), "-ERR syntax error\r\n");
    }
}
