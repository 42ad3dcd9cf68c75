//! The section Keyspace: a line for each database that has keys.

use spinel_store::{DbIndex, Entry, Keyspace, ShardIndex, UnixMillis};

use super::text::Report;
use crate::Worker;

/// Keys with an expiry that are looked at in each shard for the average time to live.
const SAMPLES: usize = 4;

pub(super) fn keyspace(worker: &Worker, report: &mut Report) {
    let keyspace = &worker.engine().keyspace;
    for index in 0..keyspace.databases() {
        let db = DbIndex(index as u16);
        let (keys, expires) = keyspace.count(db);
        if keys > 0 {
            let ttl = if expires == 0 { 0 } else { average_ttl(keyspace, db, worker.now()) };
            let timed = keyspace.count_timed(db);
            // Valkey and Redis have different names for the same.
            let fields = format_args!("keys_with_volatile_items={timed},subexpiry={timed}");
            let counts = format_args!("keys={keys},expires={expires},avg_ttl={ttl},{fields}");
            report.field(&format!("db{index}"), counts);
        }
    }
}

/// The average time to live of a few keys, in milliseconds. Shards that are taken are left out.
fn average_ttl(keyspace: &Keyspace, db: DbIndex, now: UnixMillis) -> i64 {
    let (mut sum, mut count) = (0i64, 0i64);
    for shard in (0..keyspace.shards()).map(|shard| ShardIndex(shard as u16)) {
        if keyspace.expiring_in(shard, db) == 0 {
            continue;
        }
        let Some(shard) = keyspace.try_lock(shard) else { continue };
        let with_expiry = shard.db(db).table().iter().take(SAMPLES * 64).filter_map(Entry::expiry);
        for expiry in with_expiry.take(SAMPLES) {
            sum = sum.saturating_add(expiry.0.saturating_sub(now.0).max(0));
            count += 1;
        }
    }
    if count == 0 { 0 } else { sum / count }
}
