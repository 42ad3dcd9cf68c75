//! How long commands take, without reading a clock twice for each.
//!
//! Fast commands (constant time, few words) come in runs; a run is timed as a whole and its time divided among
//! its commands, so statistics stay true in sum. Any other command is timed by itself, and so is every command
//! when the threshold of the slow log or of the latency monitor is low enough that a fast one could pass it, or one of the
//! thresholds of bytes is.

use smallvec::SmallVec;

use crate::Worker;
use crate::command_log::LargeFrom;
use crate::config::Observation;
use crate::registry::{Command, CommandId};

/// Below this threshold of the slow log, in microseconds, every command is timed by itself.
const PRECISE_BELOW_US: i64 = 1000;
/// Up to this threshold of the latency monitor, in milliseconds, every command is timed by itself.
const PRECISE_UP_TO_MS: i64 = 100;
/// Words in total bytes beyond which a fast command is timed by itself.
pub(crate) const FAST_BYTES: usize = 16 * 1024;
/// Words beyond which a fast command is timed by itself.
pub(crate) const MOST_FAST_WORDS: usize = 64;

/// Replies of so many bytes are found by event loops.
const LARGE_REPLY: usize = 64 * 1024;

/// The clock work of one worker.
#[derive(Default)]
pub(crate) struct Timing {
    last_nanos: u64,
    /// The command counted last and its calls in the run, which are not among those of `run`.
    last: (CommandId, u64),
    run: SmallVec<[(CommandId, u64); 4]>,
    precise: bool,
    /// From how many bytes on the commands timed by themselves are looked at.
    pub(crate) large_from: LargeFrom,
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
        self.large_from = LargeFrom::of(observation);
        self.precise = (0..PRECISE_BELOW_US).contains(&observation.slowlog_log_slower_than_us)
            || (1..=PRECISE_UP_TO_MS).contains(&observation.latency_monitor_threshold_ms)
            || self.large_from.is_within(FAST_BYTES, LARGE_REPLY);
    }

    /// Whether every command is timed by itself.
    #[inline]
    pub(crate) fn is_precise(&self) -> bool {
        self.precise
    }

    /// Whether a command is timed by itself.
    #[inline]
    pub(crate) fn is_single(&self, command: &Command, words: usize, bytes: usize) -> bool {
        self.precise || !command.is_fast || bytes > FAST_BYTES || words > MOST_FAST_WORDS
    }

    /// Counts a call of a fast command into the run.
    #[inline(always)]
    pub(crate) fn count(&mut self, command: CommandId) {
        if self.last.0 == command {
            self.last.1 += 1;
        } else {
            self.count_another(command);
        }
    }

    #[inline(never)]
    fn count_another(&mut self, command: CommandId) {
        self.put_last_away();
        self.last = (command, 1);
    }

    /// Whether commands were counted into the run.
    fn is_in_run(&self) -> bool {
        self.last.1 > 0 || !self.run.is_empty()
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
        if self.timing.is_in_run() {
            let now_nanos = self.engine.clock.monotonic_nanos();
            self.end_run(self.timing.last_nanos, now_nanos, 0);
        }
    }

    /// Ends the run, and divides its time among its commands and `others`, which are counted elsewhere.
    fn end_run(&mut self, since_nanos: u64, now_nanos: u64, others: u64) {
        self.timing.put_last_away();
        let calls: u64 = self.timing.run.iter().map(|(_, count)| count).sum();
        let each = now_nanos.saturating_sub(since_nanos) / (calls + others).max(1);
        let track = self.published.settings.observation.latency_tracking;
        for (command, count) in self.timing.run.drain(..) {
            self.stats.record(command, count, each, track);
        }
        self.timing.last_nanos = now_nanos;
    }

    /// Begins timing one command by itself; gives the start.
    pub(crate) fn start_single(&mut self) -> u64 {
        let now_nanos = self.engine.clock.monotonic_nanos();
        if self.timing.is_in_run() {
            self.end_run(self.timing.last_nanos, now_nanos, 0);
        }
        self.timing.last_nanos = now_nanos;
        now_nanos
    }

    /// Ends timing one command by itself; gives its duration in nanoseconds. Fast commands that it ran (a script does) have a part
    /// of that each.
    pub(crate) fn finish_single(&mut self, start: u64) -> u64 {
        let now_nanos = self.engine.clock.monotonic_nanos();
        if self.timing.is_in_run() {
            self.end_run(start, now_nanos, 1);
        }
        self.timing.last_nanos = now_nanos;
        now_nanos.saturating_sub(start)
    }

    pub(crate) fn record_single(&mut self, command: CommandId, nanos: u64) {
        self.stats.record(command, 1, nanos, self.published.settings.observation.latency_tracking);
    }
}
