//! A database's part in a snapshot.

use std::sync::Arc;

use spinel_structs::bytes::equal;

use super::Db;
use crate::{DbIndex, Entry, Key, SnapshotSink};

impl Db {
    pub(crate) fn begin_snapshot(&mut self, db: DbIndex, sink: &Arc<dyn SnapshotSink>) {
        self.past.begin_snapshot(db, self.table.is_empty(), sink);
    }

    /// Whether a snapshot in progress may want some of the entries.
    #[must_use]
    pub fn is_being_saved(&self) -> bool {
        self.past.snapshot().is_in_progress()
    }

    /// Shares the entry of a key, which counts as saved from then on, if the snapshot in progress has not saved it yet and
    /// `is_wanted`; with the number that the database had at the instant.
    pub fn share_unsaved(
        &mut self,
        key: Key<'_>,
        is_wanted: impl FnOnce(&Entry) -> bool,
    ) -> Option<(DbIndex, Entry)> {
        let (db, _) = self.past.snapshot().position()?;
        let mark = self.past.snapshot().mark();
        let entry = self.table.find_mut(key.hash, |entry| equal(entry.key(), key.bytes))?;
        if entry.mark() == mark || !is_wanted(entry) {
            return None;
        }
        entry.set_mark(mark);
        Some((db, entry.share()))
    }

    /// Passes all entries that the snapshot in progress still wants to its sink: for what was taken out by
    /// [`clear`](Self::clear). About `limit` entries; false if there are no more.
    pub fn hand_over_some(&mut self, limit: usize) -> bool {
        let Some(sink) = self.past.snapshot().sink() else { return false };
        let mut count = 0;
        while count < limit {
            let more = self.save_some(|db, entry| {
                count += 1;
                sink.save(db, entry);
            });
            if !more {
                return false;
            }
            // An empty bucket takes time, too.
            count += 1;
        }
        true
    }

    /// Passes the entries of one bucket that the snapshot in progress wants to `save`, with the number that the database
    /// had at its instant; false if it has all of them.
    pub fn save_some(&mut self, mut save: impl FnMut(DbIndex, &mut Entry)) -> bool {
        let Some((db, cursor)) = self.past.snapshot().position() else { return false };
        let mark = self.past.snapshot().mark();
        let next = self.table.scan_mut(cursor, &mut |entry: &mut Entry| {
            if entry.mark() != mark {
                save(db, entry);
                entry.set_mark(mark);
            }
        });
        self.past.snapshot_mut().stepped(next);
        self.is_being_saved()
    }
}
