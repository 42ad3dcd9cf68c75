//! `SWAPDB index1 index2`

use spinel_family::{Command, DbIndex, Encoder, Exclusive, ExclusiveContext, Key, Lazy, Reply, UnixMillis};
use spinel_store::{HashKey, Shard};

use super::database::read_two_dbs;

/// Exchanges two databases.
#[derive(Command)]
#[command(group = Server, since = "4.0.0", flags(fast), categories(Keyspace, Dangerous))]
#[command(complexity = "O(N) for N clients that watch or wait for keys of the two")]
pub(super) struct Swapdb<'a> {
    index1: Lazy<'a, i64>,
    index2: Lazy<'a, i64>,
}

impl Exclusive for Swapdb<'_> {
    fn exclusive(&self, cx: &mut ExclusiveContext<'_, '_>, out: &mut Encoder) -> Reply {
        let [a, b] = read_two_dbs([self.index1.raw(), self.index2.raw()], cx.settings())?;
        if a != b {
            swap(cx, a, b);
        }
        cx.add_dirty(1);
        out.ok();
        Ok(())
    }
}

/// Exchanges the databases in every shard, tells the watchers of keys that exist in either, and notes the keys that
/// somebody waits for and that are there now.
fn swap(cx: &mut ExclusiveContext<'_, '_>, a: DbIndex, b: DbIndex) {
    let (hash_key, now) = (cx.hash_key(), cx.now());
    let mut ready: Vec<(DbIndex, Box<[u8]>)> = Vec::new();
    for shard in cx.shards_mut() {
        for (db, other) in [(a, b), (b, a)] {
            for (key, flags) in shard.watches.watched(db) {
                if lives(shard, db, key, hash_key, now) || lives(shard, other, key, hash_key, now) {
                    shard.watches.raise(flags);
                }
            }
        }
        let streams = [a, b].map(|db| {
            let awaited = shard.awaited_streams(db, hash_key).map(Box::from);
            (db, awaited.collect::<Vec<Box<[u8]>>>())
        });
        shard.swap_dbs(a, b);
        for db in [a, b] {
            let awaited = shard.waiters.awaited(db);
            ready.extend(
                awaited.filter(|key| lives(shard, db, key, hash_key, now)).map(|key| (db, key.into())),
            );
        }
        for (db, keys) in streams {
            ready.extend(keys.into_iter().map(|key| (db, key)));
        }
    }
    cx.effects().ready.append(&mut ready);
}

fn lives(shard: &Shard, db: DbIndex, key: &[u8], hash_key: &HashKey, now: UnixMillis) -> bool {
    shard.db(db).find(Key::new(key, hash_key)).is_some_and(|entry| !entry.is_expired(now))
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn databases_change_places_and_watchers_of_their_keys_hear_of_it() {
        let mut server = Server::new();
        server.run("SET a 1");
        let (here, nowhere) = (server.watch("a"), server.watch("b"));
        server.db = 1;
        server.run("SET c 1");
        let there = server.watch("a");
        assert_eq!(server.run("SWAPDB 0 1"), "+OK\r\n");
        assert_eq!(server.effects.dirty, 1);
        assert!(here.is_raised() && there.is_raised() && !nowhere.is_raised());
        assert_eq!(server.run("EXISTS a c"), ":1\r\n");
        assert_eq!(server.run("GET a"), "$1\r\n1\r\n");
        assert_eq!(server.run("DBSIZE"), ":1\r\n");
    }

    #[test]
    fn both_numbers_are_read_before_either_must_exist() {
        let mut server = Server::new();
        assert_eq!(server.run("SWAPDB x y"), "-ERR invalid first DB index\r\n");
        assert_eq!(server.run("SWAPDB 99 y"), "-ERR invalid second DB index\r\n");
        assert_eq!(server.run("SWAPDB 0 9999999999"), "-ERR invalid second DB index\r\n");
        assert_eq!(server.run("SWAPDB 0 16"), "-ERR DB index is out of range\r\n");
        assert_eq!(server.run("SWAPDB -1 0"), "-ERR DB index is out of range\r\n");
    }

    #[test]
    fn keys_somebody_waits_for_are_ready_when_they_come_into_place() {
        let mut server = Server::new();
        server.db = 1;
        server.run("SET a 1");
        server.db = 0;
        server.wait_for("a");
        server.wait_for("b");
        server.run("SWAPDB 1 0");
        let ready: Vec<_> = server.effects.ready.iter().map(|(db, key)| (db.0, &**key)).collect();
        assert_eq!(ready, [(0, &b"a"[..])]);
    }
}
