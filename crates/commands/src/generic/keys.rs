//! `KEYS pattern`
//!
//! The shards are read one after the other, each in slices, so that nobody waits longer than one slice takes. While
//! a shard is free between two slices its table may shrink, and the cursor then comes by keys it has passed: their
//! hash tells, and they are left out.

use spinel_family::{
    Command, CommandError, DbIndex, Encoder, Key, Pattern, Reply, Sweep, SweepContext, UnixMillis,
};
use spinel_store::ShardIndex;
use spinel_structs::glob;

/// Buckets read while a shard is held: some hundred keys, a few dozen microseconds.
const SLICE_BUCKETS: usize = 64;

/// Returns the names of all keys that match a pattern.
#[derive(Command)]
#[command(group = Generic, since = "1.0.0", complexity = "O(N) for N keys in the database")]
#[command(categories(Keyspace, Dangerous))]
#[command(tips("request_policy:all_shards", "nondeterministic_output_order"))]
pub(super) struct Keys<'a> {
    pattern: Pattern<'a>,
}

/// Whether a key matches. A lone star matches the empty key too, which a pattern does not.
pub(crate) fn matches(pattern: &[u8], key: &[u8]) -> bool {
    pattern == b"*" || glob::matches(pattern, key, false)
}

impl Sweep for Keys<'_> {
    fn sweep(&self, cx: &mut SweepContext<'_>, out: &mut Encoder) -> Reply {
        if glob::is_literal(self.pattern.0) {
            return self.look_up(cx, out);
        }
        let db = cx.options().db;
        cx.check_cost(cx.keyspace().count(db).0)?;
        let start = out.len();
        let reply = out.deferred_array();
        let mut found = 0;
        for shard in cx.shards() {
            if let Err(error) = self.sweep_shard(cx, shard, &mut found, out) {
                out.truncate(start);
                return Err(error);
            }
        }
        out.finish(reply, found);
        Ok(())
    }
}

impl Keys<'_> {
    /// A pattern that only one key can match needs no sweep.
    fn look_up(&self, cx: &SweepContext<'_>, out: &mut Encoder) -> Reply {
        let key = cx.keyspace().key(self.pattern.0);
        let (db, now) = (cx.options().db, cx.options().now);
        let found = cx.with_shard(cx.keyspace().shard_of(key.hash), |shard| {
            shard.db(db).find(key).is_some_and(|entry| !entry.is_expired(now))
        })?;
        out.array(usize::from(found));
        if found {
            out.bulk(key.bytes);
        }
        Ok(())
    }

    fn sweep_shard(
        &self,
        cx: &SweepContext<'_>,
        shard: ShardIndex,
        found: &mut usize,
        out: &mut Encoder,
    ) -> Result<(), CommandError> {
        let (db, now) = (cx.options().db, cx.options().now);
        if cx.keyspace().count_in(shard, db) == 0 {
            return Ok(());
        }
        let mut cursor = 0;
        // The reply grows while the shard is free: growing moves all of it.
        let mut names = Encoder::new(cx.options().protocol);
        loop {
            cursor = self.slice(cx, (shard, db), cursor, now, |key| {
                names.bulk(key);
                *found += 1;
            })?;
            out.extend_raw(names.as_bytes());
            names.clear();
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    /// Passes the matching keys of some buckets to `found`; gives the next cursor.
    fn slice(
        &self,
        cx: &SweepContext<'_>,
        (shard, db): (ShardIndex, DbIndex),
        from: u64,
        now: UnixMillis,
        mut found: impl FnMut(&[u8]),
    ) -> Result<u64, CommandError> {
        let hash_key = cx.keyspace().hash_key();
        cx.with_shard(shard, |shard| {
            let mut cursor = from;
            for _ in 0..SLICE_BUCKETS {
                cursor = shard
                    .db(db)
                    .scan(cursor, |entry| {
                        let key = entry.key();
                        let passed = || from != 0 && is_passed(Key::new(key, hash_key).hash, from);
                        if matches(self.pattern.0, key) && !entry.is_expired(now) && !passed() {
                            found(key);
                        }
                    })
                    .cursor;
                if cursor == 0 {
                    break;
                }
            }
            cursor
        })
    }
}

/// Whether a scan that has come to `cursor` has passed the place of a hash: both are read lowest bit first.
pub(super) fn is_passed(hash: u64, cursor: u64) -> bool {
    hash.reverse_bits() < cursor.reverse_bits()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use spinel_family::{DbIndex, Key, UnixMillis};
    use spinel_store::usage::Use;
    use spinel_store::{HashKey, Keep, Keyspace, KeyspaceOptions, NewValue};

    use super::is_passed;
    use crate::testing::Server;

    #[test]
    fn keys_passed_before_the_table_shrank_are_told_by_their_hash() {
        let hash_key = HashKey::from_bytes([5; 16]);
        let keyspace = Keyspace::new(KeyspaceOptions { shards: 1, databases: 1, hash_key });
        let mut held = keyspace.hold_all().expect("nobody else holds a shard");
        let db = held.shard_mut(0).db_mut(DbIndex(0));
        let names: Vec<String> = (0..5000).map(|i| i.to_string()).collect();
        let key = |name: &'static str| Key::new(name.as_bytes(), &hash_key);
        let names: Vec<&'static str> = names.into_iter().map(|name| &*name.leak()).collect();
        let used = Use::of_time(UnixMillis(0));
        for name in &names {
            db.put(key(name), NewValue::Int(1), Keep::Replace(None), (UnixMillis(0), used));
        }
        let mut leaving = names[500..].iter();
        let (mut cursor, mut listed, mut repeated) = (0, HashSet::new(), 0);
        loop {
            let from = cursor;
            cursor = db
                .scan(cursor, |entry| {
                    let hash = Key::new(entry.key(), &hash_key).hash;
                    if from != 0 && is_passed(hash, from) {
                        repeated += 1;
                    } else {
                        assert!(listed.insert(entry.key().to_vec()), "listed once only");
                    }
                })
                .cursor;
            if cursor == 0 {
                break;
            }
            for name in leaving.by_ref().take(40) {
                db.take(key(name));
            }
        }
        assert!(repeated > 0, "the table shrank on the way");
        assert!(names[..500].iter().all(|name| listed.contains(name.as_bytes())));
    }

    #[test]
    fn every_matching_key_is_listed_once_in_slices_of_any_number() {
        let mut server = Server::new();
        assert_eq!(server.run("KEYS *"), "*0\r\n");
        for i in 0..40_000 {
            server.run_words(["SET".into(), format!("key:{i}")].into_iter().chain(["v".to_owned()]));
        }
        let reply = server.run("KEYS key:*");
        let mut names: Vec<&str> = reply.split("\r\n").filter(|line| line.starts_with("key:")).collect();
        assert_eq!(names.len(), 40_000);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 40_000);
        assert_eq!(server.run("KEYS key:12"), "*1\r\n$6\r\nkey:12\r\n");
        assert_eq!(server.run("KEYS key:x"), "*0\r\n");
        assert_eq!(server.run("KEYS key:1234?").matches("\r\n$").count(), 10);
        assert_eq!(server.run("DBSIZE"), ":40000\r\n");
    }

    #[test]
    fn the_empty_key_matches_a_lone_star_and_expired_keys_match_nothing() {
        let mut server = Server::new();
        server.run_words(["SET", "", "1"]);
        assert_eq!(server.run("KEYS *"), "*1\r\n$0\r\n\r\n");
        assert_eq!(server.run("KEYS **"), "*0\r\n");
        server.run_words(["PEXPIRE", "", "10"]);
        server.advance_ms(10);
        assert_eq!(server.run("KEYS *"), "*0\r\n");
        assert_eq!(server.run_words(["KEYS", ""]), "*0\r\n");
    }
}
