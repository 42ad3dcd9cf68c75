//! Eviction: keys are removed when more memory is used than `maxmemory` allows.
//!
//! ```text
//! before commands:   used > maxmemory? ── no ──▶ go on
//!                          │ yes
//!                          ▼
//!    again: draw a place ─▶ lock its shard ─▶ sample some keys ─▶ pool of the best ─▶ remove the best one
//!    until enough is free, or the time is up (go on all the same), or no key may go (refuse what needs memory)
//! ```
//!
//! Every event loop looks before each group of commands it runs, and evicts for itself, on all shards: together they free
//! what together they allocate. Without `maxmemory` nobody looks. How much is used is told by [`meter`] in nanoseconds.
//!
//! Shards that are taken, and those with keys that are being read apart, are left for the next time; commands are refused
//! only if there is no key that may go, never because one could not be reached.
//!
//! What is deliberately absent: an order of all keys. Samples and the pool come close to it (see ADR 17) and cost an
//! entry nothing but its access field.

mod clients;
mod exceeded;
mod meter;
mod places;
mod pool;
mod rules;

use std::sync::Arc;

use spinel_family::{QueryContext, UpdateContext};
use spinel_store::{Entry, Held};
use spinel_structs::table::TableItem;

pub(crate) use self::clients::ClientBytes;
pub(crate) use self::exceeded::Exceeded;
pub(crate) use self::meter::{MemoryMeter, Tally};
use self::places::Places;
use self::pool::{Candidate, Pool};
use self::rules::{Rules, patience_nanos};
use crate::config::MaxmemoryPolicy;
use crate::{Worker, aftermath};

/// Keys evicted between two looks at the clock.
const ROUND: usize = 16;
/// Places tried in vain, one after the other, before it is left for another time.
const MISSES: usize = 64;
/// Values whose freeing takes more steps than this are freed by another thread.
const FREE_INLINE_LIMIT: usize = 64;
/// When so near the limit, a part of it, the allocator is asked more often.
const NEAR: u64 = 16;
/// How often then, in milliseconds.
const READ_EVERY_MS: i64 = 10;
/// How often the allocator is asked while there is no limit, for the peak, in milliseconds: each time it holds up an event loop
/// for a tenth of one, which was most of what an idle server did.
const PEAK_EVERY_MS: i64 = 1000;
/// How often it is asked before commands are refused, in nanoseconds.
const ASK_EVERY_NANOS: u64 = 1_000_000;

/// What a worker keeps for evicting.
#[derive(Debug, Default)]
pub(crate) struct Evictor {
    tally: Tally,
    pool: Pool,
    places: Places,
    /// The policy that the pool and the places are for.
    policy: MaxmemoryPolicy,
    /// When the allocator was asked last whether commands have to be refused.
    asked_nanos: u64,
}

/// What came of an attempt to come below the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relief {
    /// It succeeded.
    Enough,
    /// There was no time, or no key could be reached; it goes on later.
    CutShort {
        /// There is hope that it goes on at once.
        has_evicted: bool,
    },
    /// No key may be evicted.
    Impossible,
}

/// What came of an attempt to evict one key.
enum Step {
    Evicted,
    /// None could be reached here.
    Missed,
    /// There is none.
    Nothing,
}

impl Worker {
    /// Makes room for the commands that come, if there is a limit and it is reached. Called before commands are run.
    #[inline]
    pub fn make_room(&mut self) {
        if self.published.settings.memory.maxmemory > 0 {
            self.stay_below(self.published.settings.memory.maxmemory);
        }
    }

    /// Tells what this thread has allocated and freed.
    pub(crate) fn tell_memory(&mut self) {
        self.engine.memory.tell(&*self.engine.host().probe, &mut self.evictor.tally);
    }

    /// A part of the upkeep: tells what this thread did, and compares with what the allocator says.
    pub(crate) fn look_at_memory(&mut self) {
        self.tell_memory();
        let has_limit = self.published.settings.memory.maxmemory > 0;
        if has_limit || self.engine.memory.is_reading_due(self.now, PEAK_EVERY_MS) {
            self.engine.check_memory();
        }
    }

    #[inline(never)]
    fn stay_below(&mut self, limit: u64) {
        self.tell_memory();
        let engine = &*self.engine;
        let mut used = engine.memory.used();
        if used >= limit - limit / NEAR && engine.memory.is_reading_due(self.now, READ_EVERY_MS) {
            engine.check_memory();
            used = engine.memory.used();
        }
        if used > limit || engine.is_memory_full() || engine.stats.exceeded.is_exceeded() {
            self.relieve(limit);
        }
    }

    #[cold]
    fn relieve(&mut self, limit: u64) {
        let begun = self.engine.clock.monotonic_nanos();
        let mut relief = self.evict_until_below(limit, begun);
        if relief == Relief::Impossible && self.is_less_used(limit, begun) {
            relief = Relief::Enough;
        }
        let now = self.engine.clock.monotonic_nanos();
        self.note_latency("eviction-cycle", now.saturating_sub(begun));
        self.engine.set_memory_full(relief == Relief::Impossible);
        self.engine.stats.exceeded.note(relief != Relief::Enough, now);
        if relief == (Relief::CutShort { has_evicted: true }) {
            // The next turn comes at once, whether anybody sends anything or not.
            self.inbox().nudge();
        }
    }

    /// Whether the limit only seemed to be exceeded. Before anybody is refused the allocator is asked: what other threads have freed
    /// they may not have told yet.
    fn is_less_used(&mut self, limit: u64, now_nanos: u64) -> bool {
        if now_nanos.saturating_sub(self.evictor.asked_nanos) < ASK_EVERY_NANOS {
            return false;
        }
        self.evictor.asked_nanos = now_nanos;
        self.tell_memory();
        self.engine.believe_allocator();
        self.engine.memory.used() <= limit
    }

    fn evict_until_below(&mut self, limit: u64, begun: u64) -> Relief {
        let engine = Arc::clone(&self.engine);
        let is_frozen = engine.pause.mode(self.now).is_some() || engine.is_loading() || engine.is_busy();
        let used = engine.memory.used();
        if used <= limit || is_frozen {
            return Relief::Enough;
        }
        if engine.memory.is_flushing() {
            // What is in the way goes by itself; new keys need not go for it.
            return Relief::CutShort { has_evicted: false };
        }
        let Some(rules) = Rules::new(&self.published.settings.memory, self.now) else {
            return Relief::Impossible;
        };
        self.evictor.adopt(rules.policy);
        let patience = patience_nanos(&self.published.settings.memory, used - limit);
        let (mut evicted, mut missed) = (0_usize, 0);
        loop {
            match self.evict_one(&rules) {
                Step::Evicted => (evicted, missed) = (evicted + 1, 0),
                Step::Missed => missed += 1,
                Step::Nothing => break Relief::Impossible,
            }
            if engine.memory.used_now(&*engine.host().probe, &self.evictor.tally) <= limit {
                break Relief::Enough;
            }
            if missed > MISSES {
                break Relief::CutShort { has_evicted: evicted > 0 };
            }
            if (evicted + missed).is_multiple_of(ROUND) {
                engine.memory.tell(&*engine.host().probe, &mut self.evictor.tally);
                self.give_way();
                if engine.clock.monotonic_nanos().saturating_sub(begun) >= patience {
                    break Relief::CutShort { has_evicted: evicted > 0 };
                }
            }
        }
    }

    /// Samples keys of one place and evicts the best candidate known.
    fn evict_one(&mut self, rules: &Rules) -> Step {
        let Self { engine, evictor, scratch, .. } = self;
        let mut random = || scratch.random();
        let place = evictor.places.draw(&engine.keyspace, rules.only_expiring(), random());
        let Some((db, shard)) = place else { return Step::Nothing };
        let Some(mut held) = engine.keyspace.hold(&[shard]).ok().filter(is_calm) else { return Step::Missed };
        if rules.is_random() {
            evictor.pool.clear();
        }
        let mut seen = 0;
        for shard in held.iter_mut() {
            shard.db_mut(db).sample(rules.sample, rules.now, &mut random, &mut |hash, entry| {
                seen += 1;
                evictor.pool.offer(Candidate { score: rules.score(entry, || scratch.random()), db, hash });
            });
        }
        drop(held);
        if seen == 0 {
            evictor.places.forget();
        }
        self.evict_best(rules)
    }

    /// Evicts the best candidate that is still there and was not used since.
    fn evict_best(&mut self, rules: &Rules) -> Step {
        while let Some(candidate) = self.evictor.pool.take() {
            let begun = self.is_timing_evictions().then(|| self.engine.clock.monotonic_nanos());
            let Some(is_evicted) = self.evict(rules, candidate) else { return Step::Missed };
            if let Some(begun) = begun {
                let nanos = self.engine.clock.monotonic_nanos().saturating_sub(begun);
                self.note_latency("eviction-del", nanos);
            }
            if is_evicted {
                return Step::Evicted;
            }
        }
        Step::Missed
    }

    fn is_timing_evictions(&self) -> bool {
        self.published.settings.observation.latency_monitor_threshold_ms > 0
    }

    /// Evicts a candidate; false if it is none any more, `None` if it cannot be reached.
    fn evict(&mut self, rules: &Rules, Candidate { score, db, hash }: Candidate) -> Option<bool> {
        let options = self.options_of_nobody(db);
        let Self { engine, published, effects, scratch, .. } = self;
        let keyspace = &engine.keyspace;
        let held = keyspace.hold(&[keyspace.shard_of(hash)]).ok().filter(is_calm)?;
        let mut cx =
            UpdateContext::new(QueryContext::new(held, options, &published.for_commands, scratch), effects);
        let evicted = cx.evict(db, hash, |entry| {
            rules.may_go(entry, score) && entry.hash_again(keyspace.hash_key()) == hash
        });
        if evicted.is_some() {
            aftermath::settle(engine, &mut cx, None);
            aftermath::serve(engine, &mut cx);
        }
        drop(cx);
        self.count_effects();
        let Some(entry) = evicted else { return Some(false) };
        self.stats.evicted.add(1);
        self.free_evicted(entry);
        Some(true)
    }

    /// Frees what was evicted; a large value elsewhere, and then it does not count any more.
    fn free_evicted(&self, entry: Entry) {
        let value = entry.into_value();
        if value.free_effort() > FREE_INLINE_LIMIT {
            self.engine.helpers.free_value(&self.engine, value);
        }
    }
}

impl Evictor {
    /// What was gathered for another policy is of no use.
    fn adopt(&mut self, policy: MaxmemoryPolicy) {
        if self.policy != policy {
            self.policy = policy;
            self.pool.clear();
            self.places.forget();
        }
    }
}

/// Whether keys of the shard held may be removed in passing: nobody reads any of them apart.
fn is_calm(held: &Held<'_>) -> bool {
    held.iter().all(|shard| shard.readers.is_empty())
}
