//! Taking back what one run has changed: a script or a transaction that fails and is to leave nothing.
//!
//! ```text
//! Held::begin_undo ─▶ shards take note ─▶ a database that is reached for begins an Undo
//!                                              │ first touch of a key: its entry as it was, or that there was none
//!                                              │ emptied: the whole database as it was, from then on nothing
//!        keep_changes ◀── it succeeded ────────┤
//!           roll_back ◀── it failed ───────────┘ databases to their places, keys as they were
//! ```
//!
//! An entry is kept by a share in its value ([`Entry::share`]), not by a copy: a value that is removed or overwritten costs
//! nothing but that, whatever its size. One that is changed in its place is copied then, once for a run. What was kept is what
//! comes back: the same allocations, encodings and expiries. An expired entry comes back, too, and goes again as any other.
//!
//! Snapshots see nothing of it: an entry that is wanted by one in progress is saved before its first change, and no snapshot
//! begins while a shard is held. Watchers hear of changes when it is certain that they stay ([`WatchTable`](crate::WatchTable)).
//!
//! Costs, with a run under way: some 0.2 µs for the first touch of a key, for further ones less than can be measured, and some
//! 0.6 µs for putting one back; without one, nothing but a branch where shards hand out their databases.

use std::mem;

use hashbrown::HashTable;
use smallvec::SmallVec;
use spinel_structs::hash::hash_bytes;

use crate::{Db, DbIndex, Entry, HashKey, Held, Key, OwnedValue, Shard, UnixMillis};

/// What a key held when it was first touched.
enum Before {
    /// There was none.
    Absent(Box<[u8]>),
    /// This.
    Entry(Entry),
}

impl Before {
    fn key(&self) -> &[u8] {
        match self {
            Self::Absent(key) => key,
            Self::Entry(entry) => entry.key(),
        }
    }
}

/// What brings a database back to where it was. It moves with the contents when databases change places.
pub(crate) struct Undo {
    /// The number that the database had.
    home: DbIndex,
    keys: HashTable<(u64, Before)>,
    /// What there was before the database was emptied, with an [`Undo`] of its own.
    emptied: Option<Box<Db>>,
    hash_key: HashKey,
}

impl Undo {
    pub(crate) fn new(home: DbIndex, hash_key: HashKey) -> Self {
        Self { home, keys: HashTable::new(), emptied: None, hash_key }
    }

    /// An entry is about to be changed.
    pub(crate) fn keep(&mut self, entry: &mut Entry) {
        let hash = hash_bytes(&self.hash_key, entry.key());
        if !self.knows(hash, entry.key()) {
            self.add(hash, Before::Entry(entry.share()));
        }
    }

    /// An entry was created under a key that had none.
    pub(crate) fn note_absence(&mut self, key: &[u8]) {
        let hash = hash_bytes(&self.hash_key, key);
        if !self.knows(hash, key) {
            self.add(hash, Before::Absent(key.into()));
        }
    }

    fn knows(&self, hash: u64, key: &[u8]) -> bool {
        self.keys.find(hash, |(_, before)| before.key() == key).is_some()
    }

    fn add(&mut self, hash: u64, before: Before) {
        self.keys.insert_unique(hash, (hash, before), |(hash, _)| *hash);
    }
}

/// What nobody needs any more at the end of a run, to be freed elsewhere if it is large.
#[derive(Default)]
pub struct Superseded {
    /// Values.
    pub values: Vec<OwnedValue>,
    /// Databases of single shards.
    pub dbs: Vec<Db>,
}

impl Superseded {
    fn add(&mut self, entry: Entry) {
        match entry.into_value() {
            // A part is given up at once: as long as there are two, whoever changes the value copies it.
            OwnedValue::Inline | OwnedValue::Shared(_) => {}
            value => self.values.push(value),
        }
    }
}

impl Db {
    /// Takes everything out while changes can be taken back. What there was stays until that is decided; given out is what
    /// nobody will ask for.
    pub(crate) fn clear_undoably(&mut self) -> Db {
        let mut old = self.take_all();
        let Some(undo) = old.past.undo() else { return old };
        let home = undo.home;
        if undo.emptied.is_some() {
            let undo = old.past.end_undo().expect("it was looked at");
            self.past.set_undo(undo);
            return old;
        }
        let mut undo = Undo::new(home, self.hash_key);
        undo.emptied = Some(Box::new(old));
        self.past.set_undo(Box::new(undo));
        Db::new(self.hash_key, std::sync::Arc::default())
    }

    fn keep_changes(&mut self, left: &mut Superseded) {
        let Some(undo) = self.past.end_undo() else { return };
        for (_, before) in undo.keys {
            if let Before::Entry(entry) = before {
                left.add(entry);
            }
        }
        if let Some(mut old) = undo.emptied {
            old.keep_changes(left);
            left.dbs.push(*old);
        }
    }

    fn roll_back(&mut self, now: UnixMillis, left: &mut Superseded) {
        let Some(mut undo) = self.past.end_undo() else { return };
        if let Some(old) = undo.emptied.take() {
            left.dbs.push(self.replace_all(*old));
            let Some(its_own) = self.past.end_undo() else { return };
            undo = its_own;
        }
        self.set_clock(now);
        for (hash, before) in undo.keys {
            if let Some(entry) = self.take(Key { bytes: before.key(), hash }) {
                left.add(entry);
            }
            if let Before::Entry(entry) = before {
                self.restore(hash, entry);
            }
        }
    }
}

/// A shard's part in a run.
#[derive(Default)]
pub(crate) struct Undoing {
    /// Changes can be taken back.
    pub(crate) is_on: bool,
    /// The databases that were reached for.
    dbs: SmallVec<[DbIndex; 2]>,
}

impl Shard {
    /// A database is reached for whose changes can be taken back.
    #[cold]
    pub(crate) fn begin_undo_of(&mut self, db: DbIndex) {
        if self.db(db).past.can_be_undone() {
            return;
        }
        self.undoing.dbs.push(db);
        let db_then = &mut self.dbs[usize::from(db.0)];
        let hash_key = db_then.hash_key;
        db_then.past.begin_undo(db, hash_key);
    }

    fn begin_undo(&mut self) {
        if !self.undoing.is_on {
            self.undoing.is_on = true;
            self.watches.hold_back();
        }
    }

    fn keep_changes(&mut self, left: &mut Superseded) {
        for db in mem::take(&mut self.undoing).dbs {
            self.db_mut(db).keep_changes(left);
        }
        self.watches.let_go();
    }

    fn roll_back(&mut self, now: UnixMillis, left: &mut Superseded) {
        let dbs = mem::take(&mut self.undoing).dbs;
        for &db in &dbs {
            // Places change among these databases only.
            while let Some(home) = self.db(db).past.undo().map(|undo| undo.home).filter(|&home| home != db) {
                self.swap_dbs(db, home);
            }
        }
        for db in dbs {
            self.db_mut(db).roll_back(now, left);
        }
        self.watches.forget_held_back();
    }
}

impl Held<'_> {
    /// From now on what is changed in the shards held can be taken back, until [`keep_changes`](Self::keep_changes) or
    /// [`roll_back`](Self::roll_back) is called, which must be before they are let go. Shards that have begun before go on.
    pub fn begin_undo(&mut self) {
        self.iter_mut().for_each(Shard::begin_undo);
    }

    /// What was changed stays.
    #[must_use = "large values are freed elsewhere"]
    pub fn keep_changes(&mut self) -> Superseded {
        let mut left = Superseded::default();
        self.iter_mut().for_each(|shard| shard.keep_changes(&mut left));
        left
    }

    /// Everything is as it was before. `now` is for the index of expiries.
    #[must_use = "large values are freed elsewhere"]
    pub fn roll_back(&mut self, now: UnixMillis) -> Superseded {
        let mut left = Superseded::default();
        self.iter_mut().for_each(|shard| shard.roll_back(now, &mut left));
        left
    }
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
