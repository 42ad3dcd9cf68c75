//! Keys that transactions watch: whoever changes one raises the watcher's flag.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    /// Flags that are raised when it is certain that the changes stay, once each.
    held_back: Option<RefCell<HashMap<usize, Arc<WatchFlag>>>>,
    /// The keys of all tables together.
    total: Arc<AtomicUsize>,
}

impl WatchTable {
    /// Nothing is watched; what will be is counted in `total`.
    pub(crate) fn new(total: &Arc<AtomicUsize>) -> Self {
        Self { total: Arc::clone(total), ..Self::default() }
    }

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
        if flags.is_empty() {
            self.total.fetch_add(1, Ordering::Relaxed);
        }
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
                self.total.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Raises the flags of everyone who watches the key.
    pub fn touch(&self, db: DbIndex, key: &[u8]) {
        if self.keys.is_empty() {
            return;
        }
        if let Some(flags) = self.keys.get(&(db, Box::from(key))) {
            self.raise(flags);
        }
    }

    /// Raises flags of watchers found here.
    pub fn raise(&self, flags: &[Arc<WatchFlag>]) {
        match &self.held_back {
            None => flags.iter().for_each(|flag| flag.raise()),
            Some(held_back) => held_back
                .borrow_mut()
                .extend(flags.iter().map(|flag| (Arc::as_ptr(flag) as usize, Arc::clone(flag)))),
        }
    }

    /// From now on flags are raised later, or not at all.
    pub(crate) fn hold_back(&mut self) {
        self.held_back = Some(RefCell::default());
    }

    /// Raises the flags that were held back, and others at once from now on.
    pub(crate) fn let_go(&mut self) {
        if let Some(held_back) = self.held_back.take() {
            held_back.into_inner().into_values().for_each(|flag| flag.raise());
        }
    }

    /// Does not raise the flags that were held back, but others at once from now on.
    pub(crate) fn forget_held_back(&mut self) {
        self.held_back = None;
    }

    /// The watched keys of one database.
    pub fn watched(&self, db: DbIndex) -> impl Iterator<Item = (&[u8], &[Arc<WatchFlag>])> {
        self.keys.iter().filter(move |((at, _), _)| *at == db).map(|((_, key), flags)| (&**key, &**flags))
    }
}
