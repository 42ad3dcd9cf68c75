//! One shard: its part of every database, and who watches or waits for its keys.

use std::sync::Arc;

use spinel_structs::hash::HashKey;

pub use crate::db::DbCounts;
use crate::{Db, DbIndex, Readers, WaitTable, WatchTable};

/// A part of the keyspace with a lock of its own.
pub struct Shard {
    dbs: Box<[Db]>,
    /// Keys that transactions watch.
    pub watches: WatchTable,
    /// Clients that wait for keys.
    pub waiters: WaitTable,
    /// Keys that are read while the shard is free.
    pub readers: Readers,
}

impl Shard {
    pub(crate) fn new(hash_key: HashKey, counts: &[Arc<DbCounts>]) -> Self {
        Self {
            dbs: counts.iter().map(|counts| Db::new(hash_key, Arc::clone(counts))).collect(),
            watches: WatchTable::default(),
            waiters: WaitTable::default(),
            readers: Readers::default(),
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
        &mut self.dbs[usize::from(db.0)]
    }

    /// A database, to change, beside the watched keys. Panics as [`Shard::db`].
    #[inline]
    pub fn db_and_watches(&mut self, db: DbIndex) -> (&mut Db, &WatchTable) {
        (&mut self.dbs[usize::from(db.0)], &self.watches)
    }

    /// Whether a command that writes must look at [`waiters`](Self::waiters) or [`readers`](Self::readers) first.
    #[inline]
    #[must_use]
    pub fn writers_take_care(&self) -> bool {
        self.waiters.has_destinations() || !self.readers.is_empty()
    }

    /// Exchanges two databases.
    pub fn swap_dbs(&mut self, a: DbIndex, b: DbIndex) {
        if a == b {
            return;
        }
        let (low, high) = (a.min(b), a.max(b));
        let (left, right) = self.dbs.split_at_mut(usize::from(high.0));
        left[usize::from(low.0)].swap(&mut right[0]);
    }

    /// The databases that hold keys.
    pub fn used_dbs(&self) -> impl Iterator<Item = (DbIndex, &Db)> {
        self.dbs.iter().enumerate().filter(|(_, db)| !db.is_empty()).map(|(i, db)| (DbIndex(i as u16), db))
    }
}
