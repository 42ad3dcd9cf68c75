//! One shard: its part of every database, and who watches or waits for its keys.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use spinel_structs::hash::HashKey;

pub use crate::db::DbCounts;
use crate::kept::Kept;
use crate::undo::Undoing;
use crate::value::Kind;
use crate::waiting::{AwaitedKeys, Destinations};
use crate::{Db, DbIndex, Entry, Key, Readers, SnapshotSink, WaitTable, Wake, WatchTable};

/// A part of the keyspace with a lock of its own.
pub struct Shard {
    pub(crate) dbs: Box<[Db]>,
    /// Keys that transactions watch.
    pub watches: WatchTable,
    /// Clients that wait for keys.
    pub waiters: WaitTable,
    /// Keys that are read while the shard is free.
    pub readers: Readers,
    /// Keys that a long script keeps while the shard is free.
    pub(crate) kept: Option<Box<Kept>>,
    /// A snapshot wants entries of this shard.
    is_being_saved: bool,
    /// What is changed may be taken back.
    pub(crate) undoing: Undoing,
}

impl Shard {
    pub(crate) fn new(
        hash_key: HashKey,
        counts: &[Arc<DbCounts>],
        destinations: &Destinations,
        awaited: &Arc<AwaitedKeys>,
        watched: &Arc<AtomicUsize>,
    ) -> Self {
        Self {
            dbs: counts.iter().map(|counts| Db::new(hash_key, Arc::clone(counts))).collect(),
            watches: WatchTable::new(watched),
            waiters: WaitTable::new(destinations, awaited),
            readers: Readers::default(),
            kept: None,
            is_being_saved: false,
            undoing: Undoing::default(),
        }
    }

    /// A database.
    ///
    /// # Panics
    /// If the index is not below the number of databases, which `SELECT` has checked.
    #[inline]
    #[must_use]
    pub fn db(&self, db: DbIndex) -> &Db {
        &self.dbs[usize::from(db.0)]
    }

    /// A database, to change. Panics as [`Shard::db`].
    #[inline]
    pub fn db_mut(&mut self, db: DbIndex) -> &mut Db {
        if self.undoing.is_on {
            self.begin_undo_of(db);
        }
        &mut self.dbs[usize::from(db.0)]
    }

    /// A database, to change, beside the watched keys. Panics as [`Shard::db`].
    #[inline]
    pub fn db_and_watches(&mut self, db: DbIndex) -> (&mut Db, &WatchTable) {
        if self.undoing.is_on {
            self.begin_undo_of(db);
        }
        (&mut self.dbs[usize::from(db.0)], &self.watches)
    }

    /// Whether a command that writes must look at [`waiters`](Self::waiters) or [`readers`](Self::readers) first, or at
    /// what a snapshot wants of its keys.
    #[inline]
    #[must_use]
    pub fn writers_take_care(&self) -> bool {
        self.waiters.has_destinations() || !self.readers.is_empty() || self.is_being_saved
    }

    /// Whether a long script keeps keys of this shard.
    #[inline]
    #[must_use]
    pub fn has_kept_keys(&self) -> bool {
        self.kept.is_some()
    }

    /// Whether a long script keeps this key, in whatever database.
    #[inline]
    #[must_use]
    pub fn keeps(&self, hash: u64) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.has(hash))
    }

    /// Calls `wake` when the keys are kept no longer; false, without a call, if none is.
    pub fn wait_for_kept_keys(&mut self, wake: Wake) -> bool {
        let Some(kept) = &mut self.kept else { return false };
        kept.wait(wake);
        true
    }

    /// Whether a snapshot in progress wants entries of this shard.
    #[inline]
    #[must_use]
    pub fn is_being_saved(&self) -> bool {
        self.is_being_saved
    }

    /// Tells who watches keys of a database that are there: it is about to be emptied.
    pub fn touch_watchers_of_all(&self, db: DbIndex, hash_key: &HashKey) {
        for (key, flags) in self.watches.watched(db) {
            if self.db(db).find(Key::new(key, hash_key)).is_some() {
                self.watches.raise(flags);
            }
        }
    }

    /// The keys of a database that somebody waits for and that are streams.
    pub fn awaited_streams<'s>(
        &'s self,
        db: DbIndex,
        hash_key: &'s HashKey,
    ) -> impl Iterator<Item = &'s [u8]> {
        self.waiters.awaited(db).filter(move |key| {
            let entry = self.db(db).find(Key::new(key, hash_key));
            entry.is_some_and(|entry| entry.kind() == Kind::Stream)
        })
    }

    /// Exchanges two databases.
    pub fn swap_dbs(&mut self, a: DbIndex, b: DbIndex) {
        if a == b {
            return;
        }
        if self.undoing.is_on {
            self.begin_undo_of(a);
            self.begin_undo_of(b);
        }
        let (low, high) = (a.min(b), a.max(b));
        let (left, right) = self.dbs.split_at_mut(usize::from(high.0));
        left[usize::from(low.0)].swap(&mut right[0]);
    }

    pub(crate) fn begin_snapshot(&mut self, sink: &Arc<dyn SnapshotSink>) {
        for (i, db) in self.dbs.iter_mut().enumerate() {
            db.begin_snapshot(DbIndex(i as u16), sink);
        }
        self.is_being_saved = true;
    }

    /// Passes some entries that the snapshot in progress wants to `save`, the contents of one bucket; false if it has all
    /// of them.
    pub fn save_some(&mut self, save: impl FnMut(DbIndex, &mut Entry)) -> bool {
        match self.dbs.iter_mut().find(|db| db.is_being_saved()) {
            Some(db) => {
                db.save_some(save);
                true
            }
            None => {
                self.is_being_saved = false;
                false
            }
        }
    }

    /// The databases that hold keys.
    pub fn used_dbs(&self) -> impl Iterator<Item = (DbIndex, &Db)> {
        self.dbs.iter().enumerate().filter(|(_, db)| !db.is_empty()).map(|(i, db)| (DbIndex(i as u16), db))
    }
}
