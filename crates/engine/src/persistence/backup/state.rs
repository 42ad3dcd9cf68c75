//! What is known of the backup: where it stands, and what it has taken in.

use std::sync::{Mutex, MutexGuard, PoisonError};

use spinel_aof::FileInfo;

/// Where a backup stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// There is none.
    #[default]
    Idle,
    /// It waits until a base can be written.
    Pending,
    /// Its base is being written.
    Snapshotting,
    /// Its base is there; the log is taken in until it is sealed.
    Incrementing,
    /// It is whole.
    Sealed,
    /// It failed or was given up.
    Failed,
}

impl Phase {
    /// As BACKUP STATUS says it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Pending => "pending",
            Self::Snapshotting => "snapshotting",
            Self::Incrementing => "incrementing",
            Self::Sealed => "sealed",
            Self::Failed => "failed",
        }
    }

    /// It has begun and is not whole.
    pub(crate) fn is_in_progress(self) -> bool {
        matches!(self, Self::Pending | Self::Snapshotting | Self::Incrementing)
    }

    /// It waits for a base.
    pub(crate) fn wants_base(self) -> bool {
        matches!(self, Self::Pending | Self::Snapshotting)
    }
}

/// The log's files that a backup is made of.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) base: FileInfo,
    /// The first increment that follows the base.
    pub(crate) first: i64,
    /// Increments taken in.
    pub(crate) increments: Vec<FileInfo>,
}

/// What is known of the backup.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    /// Why it failed.
    pub(crate) error: String,
    /// When it began, in Unix seconds; 0 for never.
    pub(crate) start: i64,
    /// When it was sealed, in Unix seconds; 0 for not yet.
    pub(crate) end: i64,
    /// The names of its files that do not change any more.
    pub(crate) files: Vec<String>,
    pub(crate) parts: Option<Parts>,
    /// What there is on the disk is to be removed.
    pub(crate) has_leftovers: bool,
    /// Counts backups, so that who works for one knows whether it is still wanted.
    pub(crate) serial: u64,
}

impl State {
    /// It comes to nothing.
    pub(crate) fn fail(&mut self, error: &str) {
        self.phase = Phase::Failed;
        error.clone_into(&mut self.error);
        self.files.clear();
        self.parts = None;
        self.has_leftovers = true;
    }

    /// There is none any more; its files are to be removed.
    pub(crate) fn forget(&mut self) {
        *self = Self { serial: self.serial, has_leftovers: true, ..Self::default() };
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
