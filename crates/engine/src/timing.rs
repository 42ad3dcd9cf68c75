//! How long commands take, without reading a clock twice for each.
//!
//! Fast commands (constant time, few words) come in runs; a run is timed as a whole and its time divided among
//! its commands, so statistics stay true in sum. Any other command is timed by itself, and so is every command
//! when the threshold of the slow log or of the latency monitor is low enough that a fast one could pass it.

use smallvec::SmallVec;

use crate::Worker;
use crate::config::Observation;
use crate::registry::{Command, CommandId};

/// Below this threshold of the slow log, in microseconds, every command is timed by itself.
const PRECISE_BELOW_US: i64 = 1000;
/// Up to this threshold of the latency monitor, in milliseconds, every command is timed by itself.
const PRECISE_UP_TO_MS: i64 = 100;
/// Words in total bytes beyond which a fast command is timed by itself.
const FAST_BYTES: usize = 16 * 1024;

/// The clock work of one worker.
#[derive(Default)]
pub(crate) struct Timing {
    last_nanos: u64,
    /// The command counted last and its calls in the run, which are not among those of `run`.
    last: (CommandId, u64),
    run: SmallVec<[(CommandId, u64); 4]>,
    precise: bool,
}

impl Timing {
    pub(crate) fn start(&mut self, now_nanos: u64) {
        self.last_nanos = now_nanos;
    }

    /// When the clock was read last.
    pub(crate) fn last_nanos(&self) -> u64 {
        self.last_nanos
    }

    pub(crate) fn set_precise(&mut self, observation: &Observation) {
        self.precise = (0..PRECISE_BELOW_US).contains(&observation.slowlog_log_slower_than_us)
            || (1..=PRECISE_UP_TO_MS).contains(&observation.latency_monitor_threshold_ms);
    }

    /// Whether a command is timed by itself.
    #[inline]
    pub(crate) fn is_single(&self, command: &Command, words: usize, bytes: usize) -> bool {
        self.precise || !command.is_fast || bytes > FAST_BYTES || words > 64
    }

    /// Counts a call of a fast command into the run.
    #[inline]
    pub(crate) fn count(&mut self, command: CommandId) {
        if self.last.0 == command {
            self.last.1 += 1;
        } else {
            self.put_last_away();
            self.last = (command, 1);
        }
    }

    fn put_last_away(&mut self) {
        let (command, calls) = std::mem::take(&mut self.last);
        match self.run.iter_mut().find(|(id, _)| *id == command) {
            Some((_, count)) => *count += calls,
            None if calls > 0 => self.run.push((command, calls)),
            None => {}
        }
    }
}

impl Worker {
    /// Ends the run of fast commands and divides its time.
    pub(crate) fn flush_timing(&mut self) {
        self.timing.put_last_away();
        if self.timing.run.is_empty() {
            return;
        }
        let now = self.engine.clock.monotonic_nanos();
        let calls: u64 = self.timing.run.iter().map(|(_, count)| count).sum();
        let each = now.saturating_sub(self.timing.last_nanos) / calls;
        let track = self.published.settings.observation.latency_tracking;
        for (command, count) in self.timing.run.drain(..) {
            self.stats.record(command, count, each, track);
        }
        self.timing.last_nanos = now;
    }

    /// Begins timing one command by itself; gives the start.
    pub(crate) fn start_single(&mut self) -> u64 {
        self.flush_timing();
        self.timing.last_nanos = self.engine.clock.monotonic_nanos();
        self.timing.last_nanos
    }

    /// Ends timing one command by itself; gives its duration in nanoseconds.
    pub(crate) fn finish_single(&mut self, start: u64) -> u64 {
        let now = self.engine.clock.monotonic_nanos();
        self.timing.last_nanos = now;
        now.saturating_sub(start)
    }

    pub(crate) fn record_single(&mut self, command: CommandId, nanos: u64) {
        self.stats.record(command, 1, nanos, self.published.settings.observation.latency_tracking);
    }
}
