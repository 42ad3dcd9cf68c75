//! Clients that wait for keys to become ready (`BLPOP` and its kin), in order of arrival.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use crate::DbIndex;

/// A blocked command. Registered under every key it waits for; whoever claims it first serves it.
pub struct Waiter {
    claimed: AtomicBool,
    /// The key in the same database that serving it writes to, besides the one that became ready.
    pub destination: Option<Box<[u8]>>,
    /// Whether it wants to know when a stream it waits for is removed.
    pub heeds_removal: bool,
    /// What the engine keeps for it.
    pub payload: Box<dyn Any + Send + Sync>,
}

impl Waiter {
    /// A waiter that nobody has claimed.
    #[must_use]
    pub fn new(destination: Option<Box<[u8]>>, payload: Box<dyn Any + Send + Sync>) -> Self {
        Self { claimed: AtomicBool::new(false), destination, heeds_removal: false, payload }
    }

    /// The same, which wants to know when a stream it waits for is removed.
    #[must_use]
    pub fn heeding_removal(self, heeds_removal: bool) -> Self {
        Self { heeds_removal, ..self }
    }

    /// Claims it; true for exactly one caller.
    pub fn claim(&self) -> bool {
        !self.claimed.swap(true, Ordering::AcqRel)
    }

    /// Gives a claim back: the key turned out not to serve it.
    pub fn release(&self) {
        self.claimed.store(false, Ordering::Release);
    }

    /// Whether somebody claimed it.
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        self.claimed.load(Ordering::Acquire)
    }
}

/// Who waits for one key, first come first.
type Queue = VecDeque<Arc<Waiter>>;

/// The keys that serving somebody may write to, in all shards, with the number of those who wait; protects itself.
#[derive(Clone, Default)]
pub(crate) struct Destinations(Arc<Mutex<HashMap<Box<[u8]>, usize>>>);

impl Destinations {
    fn lock(&self) -> MutexGuard<'_, HashMap<Box<[u8]>, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has(&self, key: &[u8]) -> bool {
        self.lock().contains_key(key)
    }

    fn add(&self, key: &[u8]) {
        *self.lock().entry(key.into()).or_default() += 1;
    }

    fn remove(&self, key: &[u8]) {
        let mut keys = self.lock();
        if let Some(count) = keys.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                keys.remove(key);
            }
        }
    }
}

/// How many keys somebody waits for, in all shards.
#[derive(Debug, Default)]
pub struct AwaitedKeys {
    all: AtomicUsize,
    heeding_removal: AtomicUsize,
}

impl AwaitedKeys {
    /// Keys of all databases.
    #[must_use]
    pub fn all(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    /// Those among them of which somebody wants to know when they are removed.
    #[must_use]
    pub fn heeding_removal(&self) -> usize {
        self.heeding_removal.load(Ordering::Relaxed)
    }
}

fn heeds_removal(queue: &Queue) -> bool {
    queue.iter().any(|waiter| waiter.heeds_removal)
}

/// The waiting clients of one shard by key. Guarded by the shard's lock.
#[derive(Default)]
pub struct WaitTable {
    keys: HashMap<(DbIndex, Box<[u8]>), Queue>,
    with_destination: usize,
    destinations: Destinations,
    awaited: Arc<AwaitedKeys>,
}

impl WaitTable {
    /// Nobody waits. Where those who will may write to is told to `destinations`, and the keys are counted in `awaited`.
    pub(crate) fn new(destinations: &Destinations, awaited: &Arc<AwaitedKeys>) -> Self {
        Self { destinations: destinations.clone(), awaited: Arc::clone(awaited), ..Self::default() }
    }

    /// Whether nobody waits.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Keys somebody waits for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether serving somebody here may write to another key.
    #[inline]
    #[must_use]
    pub fn has_destinations(&self) -> bool {
        self.with_destination > 0
    }

    /// Puts a waiter at the end of a key's queue.
    pub fn add(&mut self, db: DbIndex, key: &[u8], waiter: &Arc<Waiter>) {
        let queue = self.keys.entry((db, key.into())).or_default();
        if !queue.iter().any(|w| Arc::ptr_eq(w, waiter)) {
            if queue.is_empty() {
                self.awaited.all.fetch_add(1, Ordering::Relaxed);
            }
            if waiter.heeds_removal && !heeds_removal(queue) {
                self.awaited.heeding_removal.fetch_add(1, Ordering::Relaxed);
            }
            queue.push_back(Arc::clone(waiter));
            if let Some(destination) = &waiter.destination {
                self.with_destination += 1;
                self.destinations.add(destination);
            }
        }
    }

    /// Takes a waiter out of a key's queue.
    pub fn remove(&mut self, db: DbIndex, key: &[u8], waiter: &Arc<Waiter>) {
        let slot = (db, Box::from(key));
        let Some(queue) = self.keys.get_mut(&slot) else { return };
        let before = queue.len();
        queue.retain(|w| !Arc::ptr_eq(w, waiter));
        if queue.len() < before {
            if let Some(destination) = &waiter.destination {
                self.with_destination -= 1;
                self.destinations.remove(destination);
            }
            if waiter.heeds_removal && !heeds_removal(queue) {
                self.awaited.heeding_removal.fetch_sub(1, Ordering::Relaxed);
            }
        }
        if queue.is_empty() {
            self.awaited.all.fetch_sub(1, Ordering::Relaxed);
            self.keys.remove(&slot);
        }
    }

    /// Who waits for a key, first come first.
    pub fn waiting(&self, db: DbIndex, key: &[u8]) -> impl Iterator<Item = &Arc<Waiter>> {
        self.keys.get(&(db, Box::from(key))).into_iter().flatten()
    }

    /// Whether somebody waits for a key.
    #[must_use]
    pub fn is_awaited(&self, db: DbIndex, key: &[u8]) -> bool {
        !self.keys.is_empty() && self.keys.contains_key(&(db, Box::from(key)))
    }

    /// The keys that serving those who wait here may write to, in whatever database; some of them repeatedly.
    pub fn destinations(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.values().flatten().filter_map(|waiter| waiter.destination.as_deref())
    }

    /// The keys of a database that somebody waits for.
    pub fn awaited(&self, db: DbIndex) -> impl Iterator<Item = &[u8]> {
        self.keys.keys().filter(move |(at, _)| *at == db).map(|(_, key)| &**key)
    }
}
