//! Snapshots without a fork: the data set of one instant, saved while it goes on changing.
//!
//! Every entry carries a mark of one bit, and so does every database; at rest they are all alike. In one instant, while
//! all shards are held, the marks of all databases are turned ([`Held::begin_snapshot`](crate::Held::begin_snapshot)).
//! From then on an entry whose mark is not its database's belongs to the snapshot and was not saved yet:
//!
//! ```text
//! walker:  goes through each database by the cursor of a scan, saves what has the old mark, turns its mark
//! writer:  about to change or remove an entry that has the old mark, saves it first and turns its mark
//! new:     what is created has the new mark
//! ```
//!
//! So every key of the instant is saved once, with the value of the instant, and when the walker is through all marks are
//! alike again. At rest this costs a writer the comparison of two bits. A database that is emptied takes its unsaved
//! entries along ([`Db::clear`](crate::Db::clear)); one that is exchanged for another too, and each remembers which number
//! it had.
//!
//! What is deliberately absent: what saving means. That is the [`SnapshotSink`]'s.

use std::sync::Arc;

use crate::{DbIndex, Entry};

/// Takes the entries of a snapshot from whoever is about to change them.
pub trait SnapshotSink: Send + Sync {
    /// Saves an entry of a database, under the lock of its shard: serialises it, or shares it ([`Entry::share`]) if it is
    /// large. Called once for each key at the most.
    fn save(&self, db: DbIndex, entry: &mut Entry);
}

/// One bit that tells what a snapshot has from what it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark(pub(crate) u8);

/// A database's part in the snapshot in progress.
struct Part {
    /// The number of the database at the instant.
    db: DbIndex,
    /// How far the walker came.
    cursor: u64,
    sink: Arc<dyn SnapshotSink>,
}

/// What a database knows of snapshots.
#[derive(Default)]
pub(crate) struct Snapshot {
    mark: Mark,
    /// While not all of its entries were saved.
    part: Option<Box<Part>>,
}

impl Snapshot {
    /// As that of another database of the same keyspace: for one that takes its place, empty.
    pub(crate) fn of_empty(other: &Self) -> Self {
        Self { mark: other.mark, part: None }
    }

    /// The mark of new entries.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    /// Begins: every entry there is now is to be saved.
    pub(crate) fn begin(&mut self, db: DbIndex, is_empty: bool, sink: &Arc<dyn SnapshotSink>) {
        debug_assert!(self.part.is_none(), "there is one snapshot at a time");
        self.mark = self.mark.turned();
        if !is_empty {
            self.part = Some(Box::new(Part { db, cursor: 0, sink: Arc::clone(sink) }));
        }
    }

    /// Whether entries may be left to save.
    pub(crate) fn is_in_progress(&self) -> bool {
        self.part.is_some()
    }

    /// Who takes what is changed before it was saved.
    pub(crate) fn sink(&self) -> Option<Arc<dyn SnapshotSink>> {
        self.part.as_ref().map(|part| Arc::clone(&part.sink))
    }

    /// An entry is about to be changed or was removed.
    pub(crate) fn before_change(&self, entry: &mut Entry) {
        if entry.mark() != self.mark {
            if let Some(part) = &self.part {
                part.sink.save(part.db, entry);
            }
            entry.set_mark(self.mark);
        }
    }

    /// One step of the walker: where it is, to be given to [`stepped`](Self::stepped) with the next cursor.
    pub(crate) fn position(&self) -> Option<(DbIndex, u64)> {
        self.part.as_ref().map(|part| (part.db, part.cursor))
    }

    /// The walker came to `cursor`; 0 is the end.
    pub(crate) fn stepped(&mut self, cursor: u64) {
        match &mut self.part {
            Some(part) if cursor != 0 => part.cursor = cursor,
            _ => self.part = None,
        }
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
pub(crate) mod tests;
