//! The door to the log: every write becomes journal words by this one path, taken under the locks of its keys,
//! so conflicting writes and their positions agree.

use std::sync::atomic::{AtomicU64, Ordering};

use spinel_family::{Args, DbIndex};

/// A place in the journal: commands recorded before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalPosition(pub u64);

/// Where journal words go. Called under the locks of the keys concerned; must not block.
pub trait JournalSink: Send + Sync {
    /// Records one command. Commands of one transaction come between `MULTI` and `EXEC`.
    fn append(&self, position: JournalPosition, db: DbIndex, command: Args<'_>);
}

/// The journal of a server.
#[derive(Default)]
pub struct Journal {
    position: AtomicU64,
    sink: Option<Box<dyn JournalSink>>,
}

impl Journal {
    /// A journal that writes to `sink`, or only counts.
    #[must_use]
    pub fn new(sink: Option<Box<dyn JournalSink>>) -> Self {
        Self { position: AtomicU64::new(0), sink }
    }

    /// Whether anybody reads the words.
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.sink.is_some()
    }

    /// Records one command and takes its position.
    pub fn append(&self, db: DbIndex, command: Args<'_>) {
        let position = JournalPosition(self.position.fetch_add(1, Ordering::Relaxed));
        if let Some(sink) = &self.sink {
            sink.append(position, db, command);
        }
    }

    /// The position of the next command.
    #[must_use]
    pub fn position(&self) -> JournalPosition {
        JournalPosition(self.position.load(Ordering::Relaxed))
    }
}
