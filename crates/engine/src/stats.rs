//! Counters. Every worker has its own set, written by it alone; INFO adds them up.
//!
//! A counter is never set back, because nobody but its writer could do that safely: CONFIG RESETSTAT keeps the
//! sums of that moment, and they are subtracted from then on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use hdrhistogram::Histogram;

use crate::Engine;
use crate::eviction::Exceeded;
use crate::offload::GradualProgress;
use crate::registry::{CommandId, REGISTRY};

/// A counter with one writer, so that adding needs no locked instruction.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds; only the owner may call this.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// The value.
    #[inline]
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Declares the counters once: those of a worker, their sums, and how sums are taken.
macro_rules! counters {
    (
        $(#[$set_meta:meta])* $set:ident { $($set_more:tt)* }
        $(#[$sums_meta:meta])* $sums:ident { $($sums_more:tt)* }
        $($(#[$doc:meta])* $name:ident,)*
    ) => {
        $(#[$set_meta])*
        pub struct $set { $($(#[$doc])* pub $name: Counter,)* $($set_more)* }

        $(#[$sums_meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $sums { $($(#[$doc])* pub $name: u64,)* $($sums_more)* }

        impl $sums {
            fn add_counters(&mut self, counters: &$set) {
                $(self.$name = self.$name.wrapping_add(counters.$name.get());)*
            }

            fn subtract_counters(&mut self, earlier: &Self) {
                $(self.$name = self.$name.wrapping_sub(earlier.$name);)*
            }
        }
    };
}

counters! {
    /// The counters of one command.
    #[derive(Debug, Default)]
    CommandCounters {}
    /// The counters of one command, over all workers.
    CommandTotals {}
    /// Calls.
    calls,
    /// Time spent, in nanoseconds.
    nanos,
    /// Refused before they were run.
    rejected,
    /// Answered with an error.
    failed,
}

counters! {
    /// The counters of one worker (or of the helper threads together, who take turns by a lock).
    #[derive(Debug)]
    WorkerStats {
        /// By command.
        pub by_command: Box<[CommandCounters]>,
        /// Latency histograms in nanoseconds, by command; protects itself, its worker writes and INFO reads.
        pub latencies: Mutex<HashMap<CommandId, Histogram<u64>>>,
    }
    /// The counters of all workers since the last reset of statistics.
    Totals {
        /// By command.
        pub by_command: Vec<CommandTotals>,
    }
    /// Commands run.
    commands,
    /// Connections accepted.
    connections,
    /// Connections refused because of `maxclients`.
    rejected_connections,
    /// Bytes received.
    input_bytes,
    /// Bytes sent.
    output_bytes,
    /// Look-ups that found their key.
    hits,
    /// Look-ups that did not.
    misses,
    /// Keys that expired.
    expired,
    /// Keys evicted to make room.
    evicted,
    /// Fields of hashes that expired.
    expired_fields,
    /// Members of sets and sorted sets that expired.
    expired_members,
    /// Changes to the data set.
    dirty,
    /// Reads from sockets.
    reads,
    /// Writes to sockets.
    writes,
    /// Connections closed because they reached a limit of their output buffer.
    output_limit_disconnections,
    /// Connections closed because they reached the limit of their query buffer.
    query_limit_disconnections,
    /// Turns of the loop.
    turns,
    /// Nanoseconds spent on removing expired keys in the background.
    expire_nanos,
}

impl Default for WorkerStats {
    fn default() -> Self {
        Self {
            commands: Counter::default(),
            connections: Counter::default(),
            rejected_connections: Counter::default(),
            input_bytes: Counter::default(),
            output_bytes: Counter::default(),
            hits: Counter::default(),
            misses: Counter::default(),
            expired: Counter::default(),
            evicted: Counter::default(),
            expired_fields: Counter::default(),
            expired_members: Counter::default(),
            dirty: Counter::default(),
            reads: Counter::default(),
            writes: Counter::default(),
            output_limit_disconnections: Counter::default(),
            query_limit_disconnections: Counter::default(),
            turns: Counter::default(),
            expire_nanos: Counter::default(),
            by_command: REGISTRY.all().iter().map(|_| CommandCounters::default()).collect(),
            latencies: Mutex::default(),
        }
    }
}

/// The longest latency a histogram tells apart: one second, as in Redis.
const MAX_LATENCY_NANOS: u64 = 1_000_000_000;

/// An empty histogram of latencies.
fn latency_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MAX_LATENCY_NANOS, 2).expect("the bounds are in order")
}

/// An empty histogram that takes a few KiB until it has seen long latencies: there is one for each command and worker.
fn growing_histogram() -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, 2, 2).expect("the bounds are in order");
    histogram.auto(true);
    histogram
}

impl WorkerStats {
    /// Counts `calls` calls of a command that took `nanos` each.
    pub fn record(&self, command: CommandId, calls: u64, nanos: u64, track_latency: bool) {
        let counters = &self.by_command[usize::from(command.0)];
        counters.calls.add(calls);
        counters.nanos.add(nanos.saturating_mul(calls));
        if track_latency {
            let mut latencies = self.latencies();
            let histogram = latencies.entry(command).or_insert_with(growing_histogram);
            let recorded = histogram.record_n(nanos.clamp(1, MAX_LATENCY_NANOS), calls);
            recorded.expect("it grows to hold what it is given");
        }
    }

    fn latencies(&self) -> MutexGuard<'_, HashMap<CommandId, Histogram<u64>>> {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Totals {
    /// The sums over all workers since they began to count.
    fn of(workers: &[Arc<WorkerStats>]) -> Self {
        let mut totals =
            Self { by_command: vec![CommandTotals::default(); REGISTRY.all().len()], ..Self::default() };
        for worker in workers {
            totals.add_counters(worker);
            for (command, counters) in REGISTRY.all().iter().zip(&worker.by_command) {
                totals.by_command[usize::from(command.seen_as.0)].add_counters(counters);
            }
        }
        totals
    }

    fn since(mut self, earlier: &Self) -> Self {
        self.subtract_counters(earlier);
        for (total, earlier) in self.by_command.iter_mut().zip(&earlier.by_command) {
            total.subtract_counters(earlier);
        }
        self
    }
}

/// Error replies.
#[derive(Clone, Debug, Default)]
pub struct ErrorCounts {
    /// All of them.
    pub total: u64,
    /// By their code.
    pub by_code: BTreeMap<String, u64>,
}

/// Errors by their code, and the other counters that are changed too seldom to have one copy a worker.
#[derive(Debug, Default)]
pub struct SharedStats {
    /// Error replies; protects itself.
    errors: Mutex<ErrorCounts>,
    /// The sums at the last reset; protects itself.
    baseline: Mutex<Totals>,
    /// Clients in a blocking operation.
    pub blocked_clients: AtomicU64,
    /// Commands of a log that failed.
    pub unexpected_errors: AtomicU64,
    /// Those of them that give up at a time.
    pub waiting_with_deadline: AtomicU64,
    /// Connections closed because nobody spoke (`timeout`).
    pub idle_disconnections: AtomicU64,
    /// Commands run per second and bytes in and out per second, sampled by the upkeep.
    pub rates: Mutex<Rates>,
    /// The highest memory use seen, in bytes.
    pub peak_memory: AtomicU64,
    /// Memory use when the engine was given its probe, in bytes.
    pub startup_memory: AtomicU64,
    /// Values freed by the reclaiming thread.
    pub lazily_freed: AtomicU64,
    /// Values waiting to be freed.
    pub lazily_pending: AtomicU64,
    /// Commands that go through the keyspace and change it.
    pub(crate) gradual: GradualProgress,
    /// Commands that panicked: each is a bug.
    pub panics: AtomicU64,
    /// ACL denials of commands (authentication failures).
    pub auth_failures: AtomicU64,
    /// Connections closed because all together took too much memory.
    pub(crate) evicted_clients: AtomicU64,
    /// For how long more memory was used than allowed.
    pub(crate) exceeded: Exceeded,
    /// Times that the background removal of expired keys ended before it was through.
    pub expire_cut_short: AtomicU64,
}

/// Figures per second.
#[derive(Debug, Default, Clone, Copy)]
pub struct Rates {
    /// Commands per second.
    pub commands: f64,
    /// KiB per second in.
    pub input_kib: f64,
    /// KiB per second out.
    pub output_kib: f64,
    /// Commands at the last sample.
    pub(crate) last_commands: u64,
    /// Bytes in at the last sample.
    pub(crate) last_input: u64,
    /// Bytes out at the last sample.
    pub(crate) last_output: u64,
    /// When that was.
    pub(crate) last_nanos: u64,
}

/// Error codes counted; a script could make up more.
const MAX_ERROR_CODES: usize = 128;

impl SharedStats {
    /// Counts an error reply, given without its minus sign.
    pub fn count_error(&self, text: &[u8]) {
        let code = text.split(|&byte| byte == b' ').next().unwrap_or_default();
        let code = &*String::from_utf8_lossy(code);
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.total += 1;
        if let Some(count) = errors.by_code.get_mut(code) {
            *count += 1;
        } else if errors.by_code.len() < MAX_ERROR_CODES {
            errors.by_code.insert(code.to_owned(), 1);
        }
    }

    /// Error replies since the last reset.
    #[must_use]
    pub fn errors(&self) -> ErrorCounts {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Figures per second.
    #[must_use]
    pub fn rates(&self) -> Rates {
        *self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// The counters of all workers since the last reset of statistics.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let baseline = self.stats.baseline.lock().unwrap_or_else(PoisonError::into_inner);
        Totals::of(self.worker_stats()).since(&baseline)
    }

    /// Changes to the data set since the last save; not affected by resets.
    #[must_use]
    pub fn unsaved_changes(&self) -> u64 {
        self.dirty().saturating_sub(self.persistence.state.lock().dirty_at_save)
    }

    /// The latencies of every command that has any, in order of the registry.
    #[must_use]
    pub fn latencies(&self) -> BTreeMap<CommandId, Histogram<u64>> {
        let mut all: BTreeMap<CommandId, Histogram<u64>> = BTreeMap::new();
        for worker in self.worker_stats() {
            for (command, histogram) in worker.latencies().iter() {
                let sum = all.entry(REGISTRY.get(*command).seen_as).or_insert_with(latency_histogram);
                sum.add(histogram).expect("none has seen more than the longest latency");
            }
        }
        all
    }

    /// Begins all statistics anew (`CONFIG RESETSTAT`).
    pub fn reset_stats(&self) {
        let stats = &self.stats;
        *stats.baseline.lock().unwrap_or_else(PoisonError::into_inner) = Totals::of(self.worker_stats());
        *stats.errors.lock().unwrap_or_else(PoisonError::into_inner) = ErrorCounts::default();
        for worker in self.worker_stats() {
            worker.latencies().clear();
        }
        let mut rates = stats.rates.lock().unwrap_or_else(PoisonError::into_inner);
        (rates.commands, rates.input_kib, rates.output_kib) = (0.0, 0.0, 0.0);
        stats.exceeded.reset();
        let counters = [
            &stats.lazily_freed,
            &stats.auth_failures,
            &stats.expire_cut_short,
            &stats.evicted_clients,
            &stats.unexpected_errors,
        ];
        for counter in counters {
            counter.store(0, Ordering::Relaxed);
        }
        self.persistence.state.lock().reset_counts();
    }
}
