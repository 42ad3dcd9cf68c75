//! Counters. Every worker has its own set, written by it alone; INFO adds them up.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use hdrhistogram::Histogram;

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

    /// Back to zero.
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// The counters of one command.
#[derive(Debug, Default)]
pub struct CommandCounters {
    /// Calls.
    pub calls: Counter,
    /// Time spent, in nanoseconds.
    pub nanos: Counter,
    /// Refused before they were run.
    pub rejected: Counter,
    /// Answered with an error.
    pub failed: Counter,
}

/// The counters of one worker (or of the helper threads together, who take turns by a lock).
#[derive(Debug)]
pub struct WorkerStats {
    /// Commands run.
    pub commands: Counter,
    /// Connections accepted.
    pub connections: Counter,
    /// Connections refused because of `maxclients`.
    pub rejected_connections: Counter,
    /// Bytes received.
    pub input_bytes: Counter,
    /// Bytes sent.
    pub output_bytes: Counter,
    /// Look-ups that found their key.
    pub hits: Counter,
    /// Look-ups that did not.
    pub misses: Counter,
    /// Keys that expired.
    pub expired: Counter,
    /// Changes to the data set.
    pub dirty: Counter,
    /// Error replies.
    pub errors: Counter,
    /// Reads from sockets.
    pub reads: Counter,
    /// Writes to sockets.
    pub writes: Counter,
    /// Connections closed because they reached a limit of their output buffer.
    pub output_limit_disconnections: Counter,
    /// Connections closed because they reached the limit of their query buffer.
    pub query_limit_disconnections: Counter,
    /// Turns of the loop.
    pub turns: Counter,
    /// By command.
    pub by_command: Box<[CommandCounters]>,
    /// Latency histograms in nanoseconds, by command; protects itself, its worker writes and INFO reads.
    pub latencies: Mutex<HashMap<CommandId, Histogram<u64>>>,
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
            dirty: Counter::default(),
            errors: Counter::default(),
            reads: Counter::default(),
            writes: Counter::default(),
            output_limit_disconnections: Counter::default(),
            query_limit_disconnections: Counter::default(),
            turns: Counter::default(),
            by_command: REGISTRY.all().iter().map(|_| CommandCounters::default()).collect(),
            latencies: Mutex::default(),
        }
    }
}

/// The longest latency a histogram tells apart: one second, as in Redis.
const MAX_LATENCY_NANOS: u64 = 1_000_000_000;

impl WorkerStats {
    /// Counts `calls` calls of a command that took `nanos` each.
    pub fn record(&self, command: CommandId, calls: u64, nanos: u64, track_latency: bool) {
        let counters = &self.by_command[usize::from(command.0)];
        counters.calls.add(calls);
        counters.nanos.add(nanos.saturating_mul(calls));
        if track_latency {
            let mut latencies = self.latencies.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let histogram = latencies.entry(command).or_insert_with(|| {
                Histogram::new_with_bounds(1, MAX_LATENCY_NANOS, 2).expect("the bounds are in order")
            });
            histogram.saturating_record_n(nanos.max(1), calls);
        }
    }
}

/// Errors by their code, and the other counters that are changed too seldom to have one copy a worker.
#[derive(Debug, Default)]
pub struct SharedStats {
    /// Error replies by code; protects itself.
    pub errors: Mutex<std::collections::BTreeMap<String, u64>>,
    /// Clients in a blocking operation.
    pub blocked_clients: AtomicU64,
    /// Connections closed because nobody spoke (`timeout`).
    pub idle_disconnections: AtomicU64,
    /// Commands run per second and bytes in and out per second, sampled by the upkeep.
    pub rates: Mutex<Rates>,
    /// The highest memory use seen, in bytes.
    pub peak_memory: AtomicU64,
    /// Values freed by the reclaiming thread.
    pub lazily_freed: AtomicU64,
    /// Values waiting to be freed.
    pub lazily_pending: AtomicU64,
    /// Commands that panicked: each is a bug.
    pub panics: AtomicU64,
    /// Changes since the last save.
    pub dirty_at_save: AtomicU64,
    /// ACL denials of commands (authentication failures).
    pub auth_failures: AtomicU64,
    /// Commands counted, at the last reset of statistics (they are never set back in their owners).
    pub total_blocking_keys: AtomicU64,
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

impl SharedStats {
    /// Counts an error reply under its code.
    pub fn count_error(&self, text: &str) {
        let code = text.split(' ').next().unwrap_or_default();
        let mut errors = self.errors.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(count) = errors.get_mut(code) {
            *count += 1;
        } else if errors.len() < MAX_ERROR_CODES {
            errors.insert(code.to_owned(), 1);
        }
    }
}

/// Error codes counted; a script could make up more.
const MAX_ERROR_CODES: usize = 128;
