//! Keys that transactions watch: whoever changes one raises the watcher's flag.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::HashMap;

use crate::DbIndex;

/// Raised when a key that a client watches was changed.
#[derive(Debug, Default)]
pub struct WatchFlag(AtomicBool);

impl WatchFlag {
    /// Raises it.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Lowers it.
    pub fn lower(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether it is raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The watchers of one key.
type Flags = Vec<Arc<WatchFlag>>;

/// The watched keys of one shard. Guarded by the shard's lock.
#[derive(Debug, Default)]
pub struct WatchTable {
    keys: HashMap<(DbIndex, Box<[u8]>), Flags>,
}

impl WatchTable {
    /// Whether nothing is watched.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Watched keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Adds a watcher of a key.
    pub fn add(&mut self, db: DbIndex, key: &[u8], flag: &Arc<WatchFlag>) {
        let flags = self.keys.entry((db, key.into())).or_default();
        if !flags.iter().any(|f| Arc::ptr_eq(f, flag)) {
            flags.push(Arc::clone(flag));
        }
    }

    /// Removes a watcher of a key.
    pub fn remove(&mut self, db: DbIndex, key: &[u8], flag: &Arc<WatchFlag>) {
        let slot = (db, Box::from(key));
        if let Some(flags) = self.keys.get_mut(&slot) {
            flags.retain(|f| !Arc::ptr_eq(f, flag));
            if flags.is_empty() {
                self.keys.remove(&slot);
            }
        }
    }

    /// Raises the flags of everyone who watches the key.
    pub fn touch(&self, db: DbIndex, key: &[u8]) {
        if self.keys.is_empty() {
            return;
        }
        if let Some(flags) = self.keys.get(&(db, Box::from(key))) {
            flags.iter().for_each(|flag| flag.raise());
        }
    }

    /// The watched keys of one database.
    pub fn watched(&self, db: DbIndex) -> impl Iterator<Item = (&[u8], &[Arc<WatchFlag>])> {
        self.keys.iter().filter(move |((at, _), _)| *at == db).map(|((_, key), flags)| (&**key, &**flags))
    }
}
