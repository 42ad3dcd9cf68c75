//! `RANDOMKEY`

use spinel_family::{Command, CommandError, Encoder, Reply, Sweep, SweepContext};
use spinel_store::ShardIndex;

/// Keys drawn in a row whose time has come before living ones are sought one by one.
const EXPIRED_DRAWS: usize = 100;

/// Returns a key chosen at random, all with the same probability.
#[derive(Command)]
#[command(group = Generic, since = "1.0.0", complexity = "O(1)", categories(Keyspace))]
#[command(tips("request_policy:all_shards", "nondeterministic_output"))]
pub(super) struct Randomkey;

impl Sweep for Randomkey {
    fn sweep(&self, cx: &mut SweepContext<'_>, out: &mut Encoder) -> Reply {
        for _ in 0..EXPIRED_DRAWS {
            let Some(shard) = draw_shard(cx) else {
                out.null();
                return Ok(());
            };
            if let Some(key) = draw(cx, shard)? {
                out.bulk(&key);
                return Ok(());
            }
        }
        match first_living(cx)? {
            Some(key) => out.bulk(&key),
            None => out.null(),
        }
        Ok(())
    }
}

/// A shard, each as likely as it has keys; none if there is no key.
fn draw_shard(cx: &SweepContext<'_>) -> Option<ShardIndex> {
    let (keyspace, db) = (cx.keyspace(), cx.options().db);
    let total = cx.shards().map(|shard| keyspace.count_in(shard, db)).sum::<usize>();
    let mut place = usize::try_from((u128::from(cx.random()) * total as u128) >> 64).ok()?;
    cx.shards().find(|&shard| {
        let keys = keyspace.count_in(shard, db);
        let here = place < keys;
        place = place.saturating_sub(keys);
        here
    })
}

/// A key of a shard; none if it was empty after all, or if the time of the one drawn has come.
fn draw(cx: &mut SweepContext<'_>, shard: ShardIndex) -> Result<Option<Box<[u8]>>, CommandError> {
    let (db, now) = (cx.options().db, cx.options().now);
    let drawn = cx.with_shard(shard, |shard| {
        let entry = shard.db(db).random(|| cx.random())?;
        Some((Box::from(entry.key()), entry.is_expired(now)))
    })?;
    Ok(match drawn {
        Some((key, true)) => {
            cx.expired.push(key);
            None
        }
        Some((key, false)) => Some(key),
        None => None,
    })
}

/// The first key found whose time has not come.
fn first_living(cx: &SweepContext<'_>) -> Result<Option<Box<[u8]>>, CommandError> {
    let (db, now) = (cx.options().db, cx.options().now);
    cx.check_cost(cx.keyspace().count(db).0)?;
    for shard in cx.shards() {
        let found = cx.with_shard(shard, |shard| {
            let living = shard.db(db).table().iter().find(|entry| !entry.is_expired(now));
            living.map(|entry| Box::from(entry.key()))
        })?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::testing::Server;

    #[test]
    fn every_key_is_as_likely_as_any_other() {
        let mut server = Server::new();
        assert_eq!(server.run("RANDOMKEY"), "$-1\r\n");
        for i in 0..50 {
            server.run(&format!("SET {i} x"));
        }
        let mut drawn: HashMap<String, usize> = HashMap::new();
        for _ in 0..10_000 {
            *drawn.entry(server.run("RANDOMKEY")).or_default() += 1;
        }
        assert_eq!(drawn.len(), 50);
        assert!(drawn.values().all(|&n| (120..300).contains(&n)), "{drawn:?}");
    }

    #[test]
    fn a_living_key_is_found_among_many_expired_ones() {
        let mut server = Server::new();
        for i in 0..300 {
            server.run(&format!("SET {i} x PX 10"));
        }
        server.run("SET living x");
        server.advance_ms(10);
        assert_eq!(server.run("RANDOMKEY"), "$6\r\nliving\r\n");
        server.run("DEL living");
        assert_eq!(server.run("RANDOMKEY"), "$-1\r\n");
    }
}
