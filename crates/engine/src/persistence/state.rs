//! What is known of saving: what runs, how the last attempts ended, what is asked for next.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Failed,
}

impl Outcome {
    /// As INFO says it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "err",
        }
    }
}

/// What a snapshot is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// `BGSAVE`, `SAVE` and save points.
    Save,
    /// A new base of the append-only file.
    Rewrite,
}

/// A snapshot being written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    pub(crate) purpose: Purpose,
    /// When it began, in Unix seconds.
    pub(crate) since: i64,
    /// Changes counted until its instant.
    pub(crate) dirty: u64,
    /// It was begun because everything was flushed: it is short, and who wants another waits for it.
    pub(crate) follows_flush: bool,
    /// In Redis the command that asked for it writes it itself: SAVE, FLUSHALL. It counts as no save in the background then.
    pub(crate) is_foreground: bool,
    /// It was called off, maybe before its instant.
    pub(crate) is_unwanted: bool,
}

/// Attempts of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempts {
    pub(crate) last: Outcome,
    /// When the last one began, in Unix seconds; 0 for never.
    pub(crate) tried: i64,
    /// How long the last one took, in seconds; -1 before the first.
    pub(crate) took: i64,
    /// Those that succeeded and count: what a flush left does not.
    pub(crate) done: u64,
    /// Those that failed since one succeeded.
    pub(crate) failed_in_a_row: u64,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { last: Outcome::Ok, tried: 0, took: -1, done: 0, failed_in_a_row: 0 }
    }
}

impl Attempts {
    /// Takes note of how one ended, which is not counted by that.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.last = outcome;
        match outcome {
            Outcome::Ok => self.failed_in_a_row = 0,
            Outcome::Failed => self.failed_in_a_row += 1,
        }
    }
}

/// What is known of saving.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) running: Option<Running>,
    /// Snapshots begun for which Redis would have forked.
    pub(crate) forks: u64,
    pub(crate) saves: Attempts,
    pub(crate) rewrites: Attempts,
    /// When the data set was saved last, or the server started, in Unix seconds.
    pub(crate) last_save: i64,
    /// Changes counted until the instant of the last save.
    pub(crate) dirty_at_save: u64,
    /// A save is to begin as soon as nothing else runs.
    pub(crate) save_scheduled: bool,
    /// Likewise a rewrite.
    pub(crate) rewrite_scheduled: bool,
    /// A backup is being sealed: the log changes its file for that, and not for a rewrite at the same time.
    pub(crate) seals_backup: bool,
    /// Everything was flushed, and what is on disk does not know it yet.
    pub(crate) is_flushed: bool,
}

impl State {
    /// Counts snapshots anew (`CONFIG RESETSTAT`). How the last attempts ended is no statistic, and stays.
    pub(crate) fn reset_counts(&mut self) {
        self.forks = 0;
        self.saves.done = 0;
        self.rewrites.done = 0;
    }

    /// Seconds to wait after a rewrite that failed: ever longer.
    pub(crate) fn rewrite_pause(&self) -> i64 {
        const LONGEST: i64 = 3600;
        let doubled = self.rewrites.failed_in_a_row.saturating_sub(3).min(10);
        if doubled == 0 { 1 } else { (60i64 << (doubled - 1)).min(LONGEST) }
    }
}

/// The state behind its lock, which protects nothing else and is taken after all others.
#[derive(Debug, Default)]
pub(crate) struct Shared(Mutex<State>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
