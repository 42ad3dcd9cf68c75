//! What is done now and then: expired keys and fields, pauses that end, rates.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_family::DbIndex;
use spinel_store::ShardIndex;

use crate::Worker;

/// Expiries of keys and of fields looked at in one shard's database in one go.
const EXPIRE_SLICE: usize = 64;
/// Slices for one database of one shard in one upkeep.
const EXPIRE_SLICES: usize = 64;

impl Worker {
    /// One turn of upkeep; each worker looks after its part of the shards. Called about `hz` times a second,
    /// outside a batch.
    pub fn upkeep(&mut self) {
        if self.engine.upkeep_paused.load(Ordering::Relaxed) {
            return;
        }
        self.begin();
        let removes = self.engine.active_expiry.load(Ordering::Relaxed) && !self.engine.is_loading();
        if removes && self.engine.pause.mode(self.now).is_none() {
            let start = self.engine.clock.monotonic_nanos();
            self.expire_keys();
            let nanos = self.engine.clock.monotonic_nanos().saturating_sub(start);
            self.stats.expire_nanos.add(nanos);
            self.note_latency("expire-cycle", nanos);
        }
        if let Some(machine) = &mut self.machine {
            machine.renew(&self.engine);
        }
        if self.index == 0 {
            if self.engine.has_planned_shutdown() {
                self.with_world(|worker| worker.engine.begin_planned_shutdown());
            }
            self.look_at_memory();
            self.engine.look_after_scripts();
            self.wake(self.engine.pause.end_if_over(self.now));
            self.sample_rates();
            self.engine.persist_if_due();
        }
        self.end();
    }

    fn expire_keys(&mut self) {
        let engine = Arc::clone(&self.engine);
        let workers = engine.workers();
        for shard in (self.index..engine.keyspace.shards()).step_by(workers) {
            let shard = ShardIndex(shard as u16);
            for db in 0..engine.keyspace.databases() {
                let db = DbIndex(db as u16);
                if engine.keyspace.expiring_in(shard, db) + engine.keyspace.timed_in(shard, db) == 0 {
                    continue;
                }
                let is_through = (0..EXPIRE_SLICES).any(|_| {
                    let more = self.expire_slice(shard, db);
                    self.give_way();
                    !more
                });
                if !is_through {
                    engine.stats.expire_cut_short.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    fn expire_slice(&mut self, shard: ShardIndex, db: DbIndex) -> bool {
        let engine = Arc::clone(&self.engine);
        let Ok(held) = engine.keyspace.hold(&[shard]) else { return false };
        let mut more = false;
        self.with_update(held, db, |cx| more = cx.remove_expired(EXPIRE_SLICE));
        more
    }

    fn sample_rates(&self) {
        let stats = &self.engine.stats;
        let mut rates = stats.rates.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = self.engine.clock.monotonic_nanos();
        let elapsed = now.saturating_sub(rates.last_nanos) as f64 / 1e9;
        if elapsed < 1.0 {
            return;
        }
        let sum = |of: fn(&crate::stats::WorkerStats) -> u64| -> u64 {
            self.engine.worker_stats().iter().map(|stats| of(stats)).sum()
        };
        let (commands, input, output) =
            (sum(|s| s.commands.get()), sum(|s| s.input_bytes.get()), sum(|s| s.output_bytes.get()));
        rates.commands = commands.saturating_sub(rates.last_commands) as f64 / elapsed;
        rates.input_kib = input.saturating_sub(rates.last_input) as f64 / elapsed / 1024.0;
        rates.output_kib = output.saturating_sub(rates.last_output) as f64 / elapsed / 1024.0;
        (rates.last_commands, rates.last_input, rates.last_output, rates.last_nanos) =
            (commands, input, output, now);
    }
}
