//! The whole keyspace and the guards under which its shards are reached.
//!
//! `unsafe` in this file rests on the rule of guards: one exists only while its shard's lock is held, and there is at most one
//! for a shard.

mod guards;
mod keeping;
mod prefetch;

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use smallvec::SmallVec;
use spinel_structs::hash::{HashKey, hash_bytes};

use self::guards::Guards;
pub use self::guards::ShardGuard;
use self::prefetch::{FEW_SHARDS, MANY, Prefetching, UNDER_WAY};
use crate::lock::{Tickets, TryLock, Wake};
use crate::waiting::{AwaitedKeys, Destinations};
use crate::{DbCounts, DbIndex, Key, Shard, ShardIndex, SnapshotSink};

/// How long a thread that waits for kept keys sleeps before it looks again.
const KEPT_REST: Duration = Duration::from_micros(100);

/// How a keyspace is divided.
#[derive(Clone, Copy, Debug)]
pub struct KeyspaceOptions {
    /// Shards, a power of two up to 4096.
    pub shards: usize,
    /// Databases, 1 to 65535.
    pub databases: usize,
    /// The key of the hash function.
    pub hash_key: HashKey,
}

#[repr(align(128))]
struct ShardCell {
    lock: TryLock,
    index: ShardIndex,
    shard: UnsafeCell<Shard>,
    counts: Box<[Arc<DbCounts>]>,
}

// SAFETY: the shard inside is reached through a guard only, and guards are exclusive.
unsafe impl Sync for ShardCell {}

/// All shards.
pub struct Keyspace {
    shards: Box<[ShardCell]>,
    tickets: Tickets,
    destinations: Destinations,
    awaited: Arc<AwaitedKeys>,
    watched: Arc<AtomicUsize>,
    /// Shards less one.
    shard_mask: u16,
    hash_key: HashKey,
    databases: usize,
}

/// Why a shard was not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Somebody is at work in it.
    Locked(ShardIndex),
    /// It was wanted as a whole, and a long script keeps keys of it.
    Kept(ShardIndex),
}

impl Taken {
    /// The shard.
    #[must_use]
    pub fn shard(self) -> ShardIndex {
        let (Self::Locked(shard) | Self::Kept(shard)) = self;
        shard
    }
}

/// A key whose data will be wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    hash: u64,
    shard: ShardIndex,
    db: DbIndex,
}

/// A value that will be wanted.
#[derive(Clone, Copy, Debug)]
pub struct WantedValue {
    /// Its key.
    pub key: Wanted,
    /// How many elements of it are wanted, if it is a collection; 64 at most.
    pub elements: usize,
}

impl Keyspace {
    /// An empty keyspace.
    ///
    /// # Panics
    /// If `shards` is not a power of two from 1 to 4096 or there is no database.
    #[must_use]
    pub fn new(options: KeyspaceOptions) -> Self {
        assert!(options.shards.is_power_of_two() && options.shards <= 4096);
        assert!((1..=65535).contains(&options.databases));
        let tickets = Tickets::default();
        let destinations = Destinations::default();
        let (awaited, watched) = (Arc::default(), Arc::default());
        let shards = (0..options.shards)
            .map(|index| {
                let index = ShardIndex(index as u16);
                let counts: Box<[Arc<DbCounts>]> =
                    (0..options.databases).map(|_| Arc::new(DbCounts::default())).collect();
                let shard = Shard::new(options.hash_key, &counts, &destinations, &awaited, &watched);
                let shard = UnsafeCell::new(shard);
                ShardCell { lock: TryLock::new(&tickets), index, shard, counts }
            })
            .collect();
        Self {
            shards,
            tickets,
            destinations,
            awaited,
            watched,
            shard_mask: (options.shards - 1) as u16,
            hash_key: options.hash_key,
            databases: options.databases,
        }
    }

    /// The key of the hash function.
    #[inline]
    #[must_use]
    pub fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    /// Shards.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Databases.
    #[must_use]
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// A key with its hash.
    #[inline]
    #[must_use]
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        Key::new(bytes, &self.hash_key)
    }

    /// The hash of a key.
    #[inline]
    #[must_use]
    pub fn hash(&self, key: &[u8]) -> u64 {
        hash_bytes(&self.hash_key, key)
    }

    /// The shard where a hash lives.
    #[inline]
    #[must_use]
    pub fn shard_of(&self, hash: u64) -> ShardIndex {
        ShardIndex((hash >> 40) as u16 & self.shard_mask)
    }

    /// The key of a hash in a database, to be fetched ahead.
    #[inline]
    #[must_use]
    pub fn wanted(&self, db: DbIndex, hash: u64) -> Wanted {
        Wanted { hash, shard: self.shard_of(hash), db }
    }

    /// Keys of a database, and those of them that have an expiry; summed without any lock.
    #[must_use]
    pub fn count(&self, db: DbIndex) -> (usize, usize) {
        self.shards.iter().fold((0, 0), |(keys, expiring), cell| {
            let counts = &cell.counts[usize::from(db.0)];
            (keys + counts.keys.load(Ordering::Relaxed), expiring + counts.expiring.load(Ordering::Relaxed))
        })
    }

    /// Keys of one shard in a database; without its lock.
    #[must_use]
    pub fn count_in(&self, shard: ShardIndex, db: DbIndex) -> usize {
        self.shards[usize::from(shard.0)].counts[usize::from(db.0)].keys.load(Ordering::Relaxed)
    }

    /// Keys of one shard in a database that have an expiry; without its lock.
    #[must_use]
    pub fn expiring_in(&self, shard: ShardIndex, db: DbIndex) -> usize {
        self.shards[usize::from(shard.0)].counts[usize::from(db.0)].expiring.load(Ordering::Relaxed)
    }

    /// Collections of one shard in a database that have elements with an expiry; without its lock.
    #[must_use]
    pub fn timed_in(&self, shard: ShardIndex, db: DbIndex) -> usize {
        let counts = &self.shards[usize::from(shard.0)].counts[usize::from(db.0)];
        counts.timed_hashes.load(Ordering::Relaxed) + counts.timed_others.load(Ordering::Relaxed)
    }

    /// Collections of a database that have elements with an expiry; without any lock.
    #[must_use]
    pub fn count_timed(&self, db: DbIndex) -> usize {
        (0..self.shards.len()).map(|shard| self.timed_in(ShardIndex(shard as u16), db)).sum()
    }

    /// Hashes of a database that have fields with an expiry; without any lock.
    #[must_use]
    pub fn count_timed_hashes(&self, db: DbIndex) -> usize {
        let of_db = self.shards.iter().map(|cell| &cell.counts[usize::from(db.0)].timed_hashes);
        of_db.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    #[inline]
    fn cell(&self, shard: ShardIndex) -> &ShardCell {
        &self.shards[usize::from(shard.0)]
    }

    #[inline]
    fn guard(&self, shard: ShardIndex) -> ShardGuard<'_> {
        ShardGuard::of(self.cell(shard))
    }

    /// One attempt at a whole shard.
    #[inline]
    pub fn try_lock(&self, shard: ShardIndex) -> Option<ShardGuard<'_>> {
        let guard = self.cell(shard).lock.try_acquire().then(|| self.guard(shard))?;
        (!guard.has_kept_keys()).then_some(guard)
    }

    /// Attempts at a whole shard for as long as a short command may hold it.
    ///
    /// # Errors
    /// Why it was not to be had.
    #[inline]
    pub fn spin_lock(&self, shard: ShardIndex) -> Result<ShardGuard<'_>, Taken> {
        let guard = self.spin_lock_beside(shard).ok_or(Taken::Locked(shard))?;
        if guard.has_kept_keys() { Err(Taken::Kept(shard)) } else { Ok(guard) }
    }

    /// As [`spin_lock`](Self::spin_lock), for who reaches for nothing that may be kept: keys of the shard may be.
    #[inline]
    pub fn spin_lock_beside(&self, shard: ShardIndex) -> Option<ShardGuard<'_>> {
        self.cell(shard).lock.spin_acquire().then(|| self.guard(shard))
    }

    /// Waits for a whole shard by yielding the thread: for helper threads, never for an event loop.
    pub fn wait_lock(&self, shard: ShardIndex) -> ShardGuard<'_> {
        loop {
            match self.spin_lock(shard) {
                Ok(guard) => return guard,
                Err(Taken::Locked(_)) => std::thread::yield_now(),
                Err(Taken::Kept(_)) => {
                    self.wake_missed();
                    std::thread::sleep(KEPT_REST);
                }
            }
        }
    }

    /// As [`wait_lock`](Self::wait_lock), for who reaches for nothing that may be kept: keys of the shard may be.
    pub fn wait_lock_beside(&self, shard: ShardIndex) -> ShardGuard<'_> {
        loop {
            if let Some(guard) = self.spin_lock_beside(shard) {
                return guard;
            }
            std::thread::yield_now();
        }
    }

    /// Calls `wake` when what was not to be had may be, at the latest when its holder calls [`Self::wake_missed`]; false,
    /// without a call, if it is by now.
    pub fn wake_when_free(&self, taken: Taken, wake: Wake) -> bool {
        if let Taken::Kept(shard) = taken
            && let Some(mut guard) = self.spin_lock_beside(shard)
        {
            return guard.wait_for_kept_keys(wake);
        }
        self.cell(taken.shard()).lock.leave_ticket(wake)
    }

    /// Whether serving somebody who waits may write to this key, in whatever database. Who holds the key's shard can rely
    /// on a no until somebody else reaches for the key.
    #[must_use]
    pub fn is_destination(&self, key: &[u8]) -> bool {
        self.destinations.has(key)
    }

    /// How many keys transactions watch.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.watched.load(Ordering::Relaxed)
    }

    /// How many keys somebody waits for.
    #[must_use]
    pub fn awaited(&self) -> &AwaitedKeys {
        &self.awaited
    }

    /// Asks for the buckets of these keys to be fetched into the cache. Shards that are taken are left out.
    #[inline]
    pub fn prefetch_buckets(&self, wanted: &[Wanted]) {
        if self.shards.len() <= FEW_SHARDS {
            Prefetching::<1>::begin(self, wanted).buckets(wanted);
        } else {
            Prefetching::<MANY>::begin(self, wanted).buckets(wanted);
        }
    }

    /// Asks for the entries that may be these keys', whose buckets should be in the cache by now. The keys that are left in
    /// `wanted`, a quarter, may lie in buckets that hang from those; these are on their way then.
    #[inline]
    pub fn prefetch_entries(&self, wanted: &mut Vec<Wanted>) {
        if self.shards.len() <= FEW_SHARDS {
            Prefetching::<1>::begin(self, &*wanted).entries(wanted);
        } else {
            Prefetching::<MANY>::begin(self, &*wanted).entries(wanted);
        }
    }

    /// Asks for the entries of keys that [`prefetch_entries`](Self::prefetch_entries) left.
    #[inline]
    pub fn prefetch_entries_behind(&self, wanted: &[Wanted]) {
        if wanted.is_empty() {
            return;
        }
        if self.shards.len() <= FEW_SHARDS {
            Prefetching::<1>::begin(self, wanted).entries_behind(wanted);
        } else {
            Prefetching::<MANY>::begin(self, wanted).entries_behind(wanted);
        }
    }

    /// Asks for what stands behind the entries of keys, which should be in the cache by now: long strings, collections, and
    /// elements of them, by their hashes. Waits for what lies on the way there.
    #[inline]
    pub fn prefetch_values(&self, wanted: &[WantedValue], elements: &[u64]) {
        let mut elements = elements;
        for some in wanted.chunks(UNDER_WAY) {
            let keys = some.iter().map(|wanted| &wanted.key);
            elements = if self.shards.len() <= FEW_SHARDS {
                Prefetching::<1>::begin(self, keys).values(some, elements)
            } else {
                Prefetching::<MANY>::begin(self, keys).values(some, elements)
            };
        }
    }

    /// Wakes those whose shard was released while they were asking to be woken. A thread that held shards calls
    /// this when it is through with its batch.
    #[inline]
    pub fn wake_missed(&self) {
        self.tickets.wake_missed(self.shards.iter().map(|cell| &cell.lock));
    }

    /// Locks the shard of a key, if it is free and the key is not kept.
    #[inline]
    pub fn hold_one(&self, hash: u64) -> Option<Held<'_>> {
        let guard = self.guard_one(hash)?;
        Some(Held { guards: Guards { first: Some(guard), more: None }, keyspace: self })
    }

    #[inline]
    fn guard_one(&self, hash: u64) -> Option<ShardGuard<'_>> {
        let guard = self.spin_lock_beside(self.shard_of(hash))?;
        (!guard.keeps(hash)).then_some(guard)
    }

    /// Locks all of `shards`, which are in ascending order without repetition, or none: one that is not to be had, even
    /// because of other keys that are kept, is the error.
    ///
    /// # Errors
    /// The first that is not to be had.
    #[inline]
    pub fn hold(&self, shards: &[ShardIndex]) -> Result<Held<'_>, Taken> {
        debug_assert!(shards.windows(2).all(|pair| pair[0] < pair[1]), "the lock order is ascending");
        self.hold_each(shards.iter().copied(), |shard| self.spin_lock(shard))
    }

    /// As [`hold`](Self::hold), but keys of the shards may be kept: the caller has to see to it, by [`Shard::keeps`],
    /// that it does not reach for them.
    ///
    /// # Errors
    /// The first that is not to be had.
    #[inline]
    pub fn hold_beside(&self, shards: &[ShardIndex]) -> Result<Held<'_>, Taken> {
        debug_assert!(shards.windows(2).all(|pair| pair[0] < pair[1]), "the lock order is ascending");
        let lock = |shard| self.spin_lock_beside(shard).ok_or(Taken::Locked(shard));
        self.hold_each(shards.iter().copied(), lock)
    }

    /// Locks every shard, or none.
    ///
    /// # Errors
    /// The first that is not to be had.
    pub fn hold_all(&self) -> Result<Held<'_>, Taken> {
        let all = (0..self.shards.len()).map(|shard| ShardIndex(shard as u16));
        self.hold_each(all, |shard| self.spin_lock(shard))
    }

    #[inline]
    fn hold_each<'k>(
        &'k self,
        shards: impl Iterator<Item = ShardIndex>,
        lock: impl Fn(ShardIndex) -> Result<ShardGuard<'k>, Taken>,
    ) -> Result<Held<'k>, Taken> {
        let mut held = Held::none(self);
        for shard in shards {
            held.guards.push(lock(shard)?);
        }
        Ok(held)
    }

    /// Makes guards again from what [`Held::into_token`] gave.
    ///
    /// # Panics
    /// If the token is another keyspace's.
    pub fn adopt(&self, token: LockToken) -> Held<'_> {
        assert_eq!(token.keyspace, std::ptr::from_ref(self) as usize, "a token belongs to its keyspace");
        let mut guards = Guards::default();
        token.shards.into_iter().for_each(|shard| guards.push(self.guard(shard)));
        Held { guards, keyspace: self }
    }
}

/// Locks on their way to another thread. Losing one leaves its shards locked for ever.
#[must_use = "the shards stay locked until the token is adopted"]
pub struct LockToken {
    shards: SmallVec<[ShardIndex; 4]>,
    keyspace: usize,
}

/// The shards under which one command runs, in ascending order.
pub struct Held<'k> {
    guards: Guards<'k>,
    keyspace: &'k Keyspace,
}

impl<'k> Held<'k> {
    /// No shard: for commands without keys.
    #[must_use]
    pub fn none(keyspace: &'k Keyspace) -> Self {
        Self { guards: Guards::default(), keyspace }
    }

    /// Locks the shard of a key while nothing else is held, as [`Keyspace::hold_one`] does.
    ///
    /// # Panics
    /// If something is held.
    #[inline]
    pub fn hold_only(&mut self, hash: u64) -> Option<&Shard> {
        assert!(self.guards.first.is_none(), "the lock order is ascending");
        Some(self.guards.first.insert(self.keyspace.guard_one(hash)?))
    }

    /// Lets all go.
    #[inline]
    pub fn release(&mut self) {
        self.guards.first = None;
        // Not by assigning, which would call what drops it even if it is not there.
        if self.guards.more.is_some() {
            self.guards.more = None;
        }
    }

    /// The keyspace.
    #[must_use]
    pub fn keyspace(&self) -> &'k Keyspace {
        self.keyspace
    }

    /// Whether all shards are held.
    #[must_use]
    pub fn holds_all(&self) -> bool {
        self.guards.len() == self.keyspace.shards.len()
    }

    #[inline]
    fn place(&self, shard: ShardIndex) -> Option<usize> {
        if self.guards.more.is_none() {
            return self.guards.first.as_ref().is_some_and(|guard| guard.index() == shard).then_some(0);
        }
        if self.holds_all() {
            return Some(usize::from(shard.0));
        }
        self.guards.place_of(shard)
    }

    /// The guard of the shard of a hash.
    #[inline]
    fn guard(&self, hash: u64) -> &ShardGuard<'k> {
        let shard = self.keyspace.shard_of(hash);
        match &self.guards.first {
            Some(first) if first.index() == shard => first,
            _ => self.guards.at(self.place_of_declared(shard)),
        }
    }

    #[inline(never)]
    fn place_of_declared(&self, shard: ShardIndex) -> usize {
        self.place(shard).expect("a command reaches only keys it declared")
    }

    /// The shard of a hash.
    ///
    /// # Panics
    /// If it is not held: the command did not declare the key.
    #[inline]
    #[must_use]
    pub fn shard(&self, hash: u64) -> &Shard {
        self.guard(hash)
    }

    /// The shard of a hash, to change. Panics as [`Held::shard`].
    #[inline]
    pub fn shard_mut(&mut self, hash: u64) -> &mut Shard {
        let shard = self.keyspace.shard_of(hash);
        if self.guards.first.as_ref().is_some_and(|first| first.index() == shard) {
            return self.guards.at_mut(0);
        }
        let place = self.place_of_declared(shard);
        self.guards.at_mut(place)
    }

    /// Whether the shard of a hash is held.
    #[inline]
    #[must_use]
    pub fn holds(&self, hash: u64) -> bool {
        self.place(self.keyspace.shard_of(hash)).is_some()
    }

    /// Every shard held.
    pub fn iter(&self) -> impl Iterator<Item = &Shard> {
        self.guards.iter().map(|guard| &**guard)
    }

    /// Every shard held, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.guards.iter_mut().map(|guard| &mut **guard)
    }

    /// The shards held.
    pub fn indexes(&self) -> impl Iterator<Item = ShardIndex> {
        self.guards.iter().map(ShardGuard::index)
    }

    /// Begins a snapshot of what there is at this instant: `sink` is given the entries that are changed before they were
    /// taken by [`Shard::save_some`]. There must be no other in progress.
    ///
    /// # Panics
    /// If not all shards are held.
    pub fn begin_snapshot(&mut self, sink: &Arc<dyn SnapshotSink>) {
        assert!(self.holds_all(), "an instant is the same everywhere");
        self.iter_mut().for_each(|shard| shard.begin_snapshot(sink));
    }

    /// Turns the guards into something that can be sent to another thread. Not while keys are kept.
    pub fn into_token(mut self) -> LockToken {
        debug_assert!(!self.is_keeping(), "a script stays on its thread");
        let shards = self.guards.iter().map(ShardGuard::index).collect();
        let keyspace = std::ptr::from_ref(self.keyspace) as usize;
        self.guards.take().for_each(std::mem::forget);
        LockToken { shards, keyspace }
    }
}
