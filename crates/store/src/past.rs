//! Who wants entries as they were before a change: a snapshot in progress, and whoever may take a run back.
//!
//! Both are asked at the same six places, where an entry is given away to be changed or is removed, and at the three where one
//! is created. While nobody wants anything that costs the comparison of a byte: the entry's mark with the one that passes.
//! While a run is under way that may be taken back no mark passes, so that every change comes by.

use crate::snapshot::{Mark, Snapshot};
use crate::undo::Undo;
use crate::{DbIndex, Entry, HashKey};

/// What of a database's past is wanted.
#[derive(Default)]
pub(crate) struct Past {
    /// An entry of this mark may be changed without asking.
    passes: Mark,
    /// The snapshot's part.
    snapshot: Snapshot,
    /// What brings the database back to where it was.
    undo: Option<Box<Undo>>,
}

impl Past {
    /// As that of another database of the same keyspace: for one that takes its place, empty.
    pub(crate) fn of_empty(other: &Self) -> Self {
        let snapshot = Snapshot::of_empty(&other.snapshot);
        Self { passes: snapshot.mark(), snapshot, undo: None }
    }

    /// The snapshot's part, to look at.
    #[inline]
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The snapshot's part, for its walker. Not for beginning one.
    #[inline]
    pub(crate) fn snapshot_mut(&mut self) -> &mut Snapshot {
        &mut self.snapshot
    }

    /// A snapshot begins.
    pub(crate) fn begin_snapshot(
        &mut self,
        db: DbIndex,
        is_empty: bool,
        sink: &std::sync::Arc<dyn crate::SnapshotSink>,
    ) {
        debug_assert!(self.undo.is_none(), "an instant does not lie within a run");
        self.snapshot.begin(db, is_empty, sink);
        self.passes = self.snapshot.mark();
    }

    /// An entry is about to be changed or was removed.
    #[inline]
    pub(crate) fn before_change(&mut self, entry: &mut Entry) {
        if entry.mark() != self.passes {
            self.keep(entry);
        }
    }

    #[cold]
    fn keep(&mut self, entry: &mut Entry) {
        self.snapshot.before_change(entry);
        if let Some(undo) = &mut self.undo {
            undo.keep(entry);
        }
    }

    /// An entry was created.
    #[inline]
    pub(crate) fn after_creation(&mut self, entry: &mut Entry) {
        let mark = self.snapshot.mark();
        entry.set_mark(mark);
        if self.passes != mark {
            self.note_creation(entry);
        }
    }

    #[cold]
    fn note_creation(&mut self, entry: &Entry) {
        if let Some(undo) = &mut self.undo {
            undo.note_absence(entry.key());
        }
    }

    /// Whether what is changed can be taken back.
    pub(crate) fn can_be_undone(&self) -> bool {
        self.undo.is_some()
    }

    /// From now on every change can be taken back.
    pub(crate) fn begin_undo(&mut self, home: DbIndex, hash_key: HashKey) {
        self.undo = Some(Box::new(Undo::new(home, hash_key)));
        self.passes = Mark::NONE;
    }

    /// What takes back the changes, if it is kept; it is kept no longer.
    pub(crate) fn end_undo(&mut self) -> Option<Box<Undo>> {
        self.passes = self.snapshot.mark();
        self.undo.take()
    }

    /// What takes back the changes.
    pub(crate) fn undo(&self) -> Option<&Undo> {
        self.undo.as_deref()
    }

    /// Goes on with what another database kept that this one, empty, takes the place of. That one is kept whole, so changes
    /// need not be noted from now on.
    pub(crate) fn set_undo(&mut self, undo: Box<Undo>) {
        self.undo = Some(undo);
    }
}
