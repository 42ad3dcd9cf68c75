//! The walker: goes through the shards and writes what belongs to a snapshot, a few entries under a lock at a time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use spinel_family::DbIndex;
use spinel_store::{Entry, ShardGuard, ShardIndex, SnapshotSink};

use super::format::DbKeys;
use super::snapshot::{Large, Portion, Snapshot, is_large};
use super::target::Target;
use crate::Engine;
use crate::apart::Reading;

/// Entries serialised while a shard is held, about.
const SLICE_ENTRIES: u64 = 32;
/// Bytes serialised while a shard is held, about.
const SLICE_BYTES: usize = 16 << 10;
/// Bytes of a portion that is written at once.
const PORTION_BYTES: usize = 128 << 10;
/// Bytes of a large value serialised between two writes.
const CHUNK_BYTES: usize = 128 << 10;
/// How long the walker rests while a shard is taken.
const TURN: Duration = Duration::from_micros(50);
/// How long the walker rests while others still hold parts of the snapshot.
const REST: Duration = Duration::from_millis(1);

/// Writes all of a snapshot. An error of the target aborts it; so may others. Afterwards nobody knows of it any more.
///
/// # Errors
/// The target's first.
pub(crate) fn walk(engine: &Engine, snapshot: &Arc<Snapshot>, target: &mut Target<'_>) -> io::Result<()> {
    let mut walker = Walker { engine, snapshot, target, portion: Portion::default(), failed: Ok(()) };
    walker.portion.put_head(&snapshot.format, &snapshot.counts);
    walker.write_portion();
    for shard in 0..engine.keyspace.shards() {
        while walker.step(ShardIndex(shard as u16)) {
            if engine.is_shutting_down() {
                snapshot.abort();
                return walker.failed;
            }
        }
    }
    // Databases that were emptied meanwhile keep their part until a helper has gone through them.
    while Arc::strong_count(snapshot) > super::KNOWN_HOLDERS && !engine.is_shutting_down() {
        walker.write_kept();
        std::thread::sleep(REST);
    }
    walker.write_kept();
    walker.write_portion();
    walker.failed
}

struct Walker<'a, 't> {
    engine: &'a Engine,
    snapshot: &'a Arc<Snapshot>,
    target: &'a mut Target<'t>,
    portion: Portion,
    failed: io::Result<()>,
}

impl<'a> Walker<'a, '_> {
    /// Saves a few entries of a shard; false if it has no more.
    fn step(&mut self, shard: ShardIndex) -> bool {
        let mut large = Vec::new();
        let more = self.collect(shard, &mut large);
        self.engine.keyspace.wake_missed();
        if self.portion.bytes.len() >= PORTION_BYTES {
            self.write_portion();
        }
        large.into_iter().for_each(|large| self.write_large(large));
        self.write_kept();
        more
    }

    fn collect(&mut self, index: ShardIndex, large: &mut Vec<Large>) -> bool {
        let mut shard = self.wait_for(index);
        let Self { engine, snapshot, portion, .. } = self;
        let begin = (portion.keys, portion.bytes.len());
        loop {
            let aborted = snapshot.is_aborted();
            let more = shard.save_some(|db, entry: &mut Entry| {
                if aborted {
                } else if is_large(entry) {
                    large.push(Large { db, entry: entry.share(), reading: None });
                } else {
                    portion.put(&snapshot.format, db, entry);
                }
            });
            let is_enough = portion.keys - begin.0 >= SLICE_ENTRIES
                || portion.bytes.len() - begin.1 >= SLICE_BYTES
                || !large.is_empty();
            if !more || is_enough {
                for large in large {
                    let hash = engine.keyspace.key(large.entry.key()).hash;
                    // The database may have another number by now; then its writers copy what they change.
                    large.reading = Some(Reading::begin(&mut shard, large.db, hash));
                }
                return more;
            }
        }
    }

    /// Waits for a shard, and lets those go on meanwhile who wait for a large value to be written: the holder of the shard
    /// may be one of them.
    fn wait_for(&mut self, shard: ShardIndex) -> ShardGuard<'a> {
        let engine = self.engine;
        loop {
            if let Ok(guard) = engine.keyspace.spin_lock(shard) {
                return guard;
            }
            self.write_kept();
            engine.keyspace.wake_missed();
            std::thread::sleep(TURN);
        }
    }

    fn write_kept(&mut self) {
        let kept = self.snapshot.take_kept();
        if !kept.portion.bytes.is_empty() {
            self.portion.append(&kept.portion);
            if self.portion.bytes.len() >= PORTION_BYTES {
                self.write_portion();
            }
        }
        kept.large.into_iter().for_each(|large| self.write_large(large));
    }

    fn write_portion(&mut self) {
        let mut portion = std::mem::take(&mut self.portion);
        self.put(&portion.bytes);
        self.keys_put(portion.keys);
        portion.clear();
        self.portion = portion;
    }

    /// Writes a large value bit by bit.
    fn write_large(&mut self, large: Large) {
        let Large { db, entry, reading } = large;
        if !self.snapshot.is_aborted() {
            self.portion.select(&self.snapshot.format, db);
            let mut encoder = self.snapshot.format.begin_entry(&mut self.portion.bytes, &entry);
            while encoder.put_some(&mut self.portion.bytes, CHUNK_BYTES) && !self.snapshot.is_aborted() {
                let bytes = std::mem::take(&mut self.portion.bytes);
                self.put(&bytes);
                self.portion.bytes = bytes;
                self.portion.bytes.clear();
            }
            self.portion.keys += 1;
        }
        if let Some(reading) = reading {
            reading.end(&self.engine.keyspace);
        }
        self.engine.keyspace.wake_missed();
        // The last part of it is freed here, in the background anyhow.
        drop(entry);
        self.write_portion();
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.snapshot.is_aborted() || bytes.is_empty() {
            return;
        }
        if let Err(error) = self.target.put(bytes) {
            self.failed = Err(error);
            self.snapshot.abort();
        }
    }

    fn keys_put(&mut self, keys: u64) {
        self.snapshot.count(keys);
        if !self.snapshot.is_aborted() && keys > 0 {
            self.target.keys_put(keys, &|| self.snapshot.is_aborted());
        }
    }
}

/// Begins a snapshot: the caller holds all shards and nobody else is in the world.
pub(crate) fn begin(held: &mut spinel_store::Held<'_>, snapshot: &Arc<Snapshot>) {
    let sink: Arc<dyn SnapshotSink> = Arc::clone(snapshot) as _;
    held.begin_snapshot(&sink);
}

/// The keys of every database that has some.
pub(crate) fn counts(engine: &Engine) -> Vec<DbKeys> {
    let all = (0..engine.keyspace.databases()).map(|db| DbIndex(db as u16));
    all.map(|db| (db, engine.keyspace.count(db)))
        .filter(|(_, (keys, _))| *keys > 0)
        .map(|(db, (keys, expiring))| DbKeys { db, keys: keys as u64, expiring: expiring as u64 })
        .collect()
}
