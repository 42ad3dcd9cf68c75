//! One database within one shard: its table of entries and the index of their expiries.

mod evictable;
mod expire;
mod members;
mod saving;
#[cfg(test)]
mod tests;

pub use evictable::Evictable;
pub use expire::Expired;

use members::TimedChange;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use spinel_structs::bytes::equal;
use spinel_structs::hash::HashKey;
use spinel_structs::table::{self, Table};

use crate::expiry::{ExpiryIndex, Horizon};
use crate::past::Past;
use crate::usage::Use;
use crate::value::{Behind, Kind, NewValue, OwnedValue, Typed};
use crate::{Entry, Key, UnixMillis};

/// What becomes of the expiry when a value is overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The key keeps the expiry it has.
    Expiry,
    /// The key gets this expiry, or none.
    Replace(Option<UnixMillis>),
}

/// How far a scan came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanStep {
    /// Where to go on; 0 at the end.
    pub cursor: u64,
}

/// The numbers of a database that others may read without its lock. Written only under the lock.
#[derive(Debug, Default)]
pub struct DbCounts {
    /// Keys.
    pub keys: AtomicUsize,
    /// Keys with an expiry.
    pub expiring: AtomicUsize,
    /// Hashes with fields that expire.
    pub timed_hashes: AtomicUsize,
    /// Sets, sorted sets and lists with elements that expire.
    pub timed_others: AtomicUsize,
}

impl DbCounts {
    fn publish(&self, keys: usize, expiring: usize, timed: Timed) {
        self.keys.store(keys, Ordering::Relaxed);
        self.expiring.store(expiring, Ordering::Relaxed);
        self.timed_hashes.store(timed.hashes, Ordering::Relaxed);
        self.timed_others.store(timed.others, Ordering::Relaxed);
    }
}

/// Collections with elements that expire.
#[derive(Clone, Copy, Debug, Default)]
struct Timed {
    hashes: usize,
    /// Sets, sorted sets and lists.
    others: usize,
}

impl Timed {
    #[inline]
    fn total(self) -> usize {
        self.hashes + self.others
    }

    fn of(&mut self, kind: Kind) -> &mut usize {
        if kind == Kind::Hash { &mut self.hashes } else { &mut self.others }
    }

    /// An entry goes.
    #[inline]
    fn uncount(&mut self, entry: &Entry) {
        if entry.is_timed() {
            *self.of(entry.kind()) -= 1;
        }
    }
}

/// What a look-up for a change found.
pub enum Found<'a> {
    /// An entry that is alive.
    Live(&'a mut Entry),
    /// An entry whose time has come, which is removed now.
    Expired(Entry),
    /// No entry.
    Nothing,
}

/// What gave way to a value that was stored.
pub enum Displaced {
    /// A value that was alive.
    Value(OwnedValue),
    /// A string that was alive, and owned nothing that is to be freed.
    Inline,
    /// A value whose time had come: whoever looks from outside sees a new key.
    Expired(OwnedValue),
    /// The key is new.
    Nothing,
}

/// One database within one shard.
pub struct Db {
    table: Table<Entry>,
    expiries: ExpiryIndex,
    horizon: Horizon,
    counts: Arc<DbCounts>,
    expiring: usize,
    timed: Timed,
    pub(crate) hash_key: HashKey,
    pub(crate) past: Past,
}

impl Db {
    /// An empty database.
    #[must_use]
    pub(crate) fn new(hash_key: HashKey, counts: Arc<DbCounts>) -> Self {
        Self {
            table: Table::new(hash_key),
            expiries: ExpiryIndex::new(),
            horizon: Horizon::default(),
            counts,
            expiring: 0,
            timed: Timed::default(),
            hash_key,
            past: Past::default(),
        }
    }

    /// Keys, expired ones that nobody noticed yet included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Keys that have an expiry.
    #[must_use]
    pub fn expiring(&self) -> usize {
        self.expiring
    }

    /// Hashes that have fields with an expiry.
    #[inline]
    #[must_use]
    pub fn timed_hashes(&self) -> usize {
        self.timed.hashes
    }

    /// Sets, sorted sets and lists that have elements with an expiry.
    #[inline]
    #[must_use]
    pub fn timed_others(&self) -> usize {
        self.timed.others
    }

    /// The table, for scans and samples.
    #[must_use]
    pub fn table(&self) -> &Table<Entry> {
        &self.table
    }

    fn publish_counts(&self) {
        self.counts.publish(self.table.len(), self.expiring, self.timed);
    }

    /// The entry of a key, expired or not.
    #[inline]
    #[must_use]
    pub fn find(&self, key: Key<'_>) -> Option<&Entry> {
        self.table.find(key.hash, |entry| equal(entry.key(), key.bytes))
    }

    /// The entry of a key, expired or not, to change. Its expiry is changed by [`Db::set_expiry`] only.
    #[inline]
    pub fn find_mut(&mut self, key: Key<'_>) -> Option<&mut Entry> {
        let entry = self.table.find_mut(key.hash, |entry| equal(entry.key(), key.bytes))?;
        self.past.before_change(entry);
        Some(entry)
    }

    /// The entry of a key, to change, with one look-up; one whose time has come is removed and handed out.
    #[inline]
    pub fn find_live(&mut self, key: Key<'_>, now: UnixMillis) -> Found<'_> {
        let len = self.table.len();
        match self.table.entry(key.hash, |entry| equal(entry.key(), key.bytes)) {
            table::Entry::Vacant(_) => Found::Nothing,
            table::Entry::Occupied(slot) if slot.get().is_expired(now) => {
                let mut entry = slot.remove();
                self.past.before_change(&mut entry);
                self.expiring -= 1;
                self.timed.uncount(&entry);
                self.counts.publish(len - 1, self.expiring, self.timed);
                Found::Expired(entry)
            }
            table::Entry::Occupied(slot) => {
                let entry = slot.into_mut();
                self.past.before_change(entry);
                Found::Live(entry)
            }
        }
    }

    /// Stores a value under a key, new or not, with one look-up. An entry whose time has come is as good as none: it
    /// does not hand its expiry on.
    #[inline]
    pub fn put(
        &mut self,
        key: Key<'_>,
        value: NewValue<'_>,
        keep: Keep,
        (now, used): (UnixMillis, Use),
    ) -> Displaced {
        if !matches!(keep, Keep::Replace(None)) {
            self.set_clock(now);
        }
        match self.table.entry(key.hash, |entry| equal(entry.key(), key.bytes)) {
            table::Entry::Occupied(mut slot) => {
                let entry = slot.get_mut();
                self.past.before_change(entry);
                let old_expiry = entry.expiry();
                let was_timed = entry.is_timed().then(|| entry.kind());
                let expired = entry.is_expired(now);
                let expiry = match keep {
                    Keep::Expiry if expired => None,
                    Keep::Expiry => old_expiry,
                    Keep::Replace(expiry) => expiry,
                };
                let access = if expired { used.first() } else { used.changed(entry.access()) };
                let old = entry.overwrite(value, expiry, access);
                if was_timed.is_some() || entry.is_timed() {
                    let change = TimedChange::of(was_timed, None, entry);
                    self.elements_changed(key.hash, change);
                }
                self.expiry_changed(key.hash, old_expiry, expiry);
                match old {
                    _ if expired => Displaced::Expired(old.unwrap_or(OwnedValue::Inline)),
                    Some(old) => Displaced::Value(old),
                    None => Displaced::Inline,
                }
            }
            table::Entry::Vacant(slot) => {
                let expiry = match keep {
                    Keep::Expiry => None,
                    Keep::Replace(expiry) => expiry,
                };
                let entry = slot.insert(Entry::new(key.bytes, value, expiry, used.first()));
                self.past.after_creation(entry);
                if entry.is_timed() {
                    let change = TimedChange::of(None, None, entry);
                    self.elements_changed(key.hash, change);
                }
                self.expiry_changed(key.hash, None, expiry);
                self.publish_counts();
                Displaced::Nothing
            }
        }
    }

    /// Puts back an entry taken out by [`Db::take`], under its key or (after [`Entry::rekey`]) another, which
    /// must not exist.
    pub fn restore(&mut self, hash: u64, mut entry: Entry) {
        self.past.after_creation(&mut entry);
        if entry.is_timed() {
            entry.refresh_timed();
        }
        let (expiry, change) = (entry.expiry(), TimedChange::of(None, None, &entry));
        self.table.insert_unique(hash, entry);
        self.expiry_changed(hash, None, expiry);
        if change.is_timed.is_some() {
            self.elements_changed(hash, change);
        }
        self.publish_counts();
    }

    /// Removes a key and hands its entry out.
    pub fn take(&mut self, key: Key<'_>) -> Option<Entry> {
        self.take_if(key.hash, |entry| equal(entry.key(), key.bytes))
    }

    /// Removes the entry with this hash that `matches`.
    pub fn take_if(&mut self, hash: u64, matches: impl FnMut(&Entry) -> bool) -> Option<Entry> {
        let mut entry = self.table.remove(hash, matches)?;
        self.past.before_change(&mut entry);
        if entry.expiry().is_some() {
            self.expiring -= 1;
        }
        self.timed.uncount(&entry);
        self.publish_counts();
        Some(entry)
    }

    /// The value of a key as a collection, created empty if the key is missing. The caller has checked the type
    /// and that the key is not expired.
    pub fn get_or_create<T: Typed>(&mut self, key: Key<'_>, access: u32) -> &mut T {
        let len = self.table.len();
        let entry = match self.table.entry(key.hash, |entry| equal(entry.key(), key.bytes)) {
            table::Entry::Occupied(slot) => {
                let entry = slot.into_mut();
                self.past.before_change(entry);
                entry
            }
            table::Entry::Vacant(slot) => {
                self.counts.publish(len + 1, self.expiring, self.timed);
                let entry = slot.insert(Entry::new(key.bytes, Box::new(T::empty()).into_new(), None, access));
                self.past.after_creation(entry);
                entry
            }
        };
        T::of_mut(entry.value_mut()).expect("the caller checked the type")
    }

    /// One step of a scan over the keys: every entry of one bucket.
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(&Entry)) -> ScanStep {
        ScanStep { cursor: self.table.scan(cursor, &mut visit) }
    }

    /// A key chosen uniformly among all.
    pub fn random(&self, mut random: impl FnMut() -> u64) -> Option<&Entry> {
        self.table.random(&mut random)
    }

    /// Takes everything out, to be freed elsewhere. What is taken out counts for nobody any more; what of it a snapshot
    /// has not saved yet, it still wants ([`Db::save_some`]).
    pub fn clear(&mut self) -> Db {
        if self.past.can_be_undone() { self.clear_undoably() } else { self.take_all() }
    }

    pub(crate) fn take_all(&mut self) -> Db {
        let mut empty = Self::new(self.hash_key, Arc::default());
        empty.past = Past::of_empty(&self.past);
        self.replace_all(empty)
    }

    /// Puts everything of another database in the place of what there is, which is given out.
    pub(crate) fn replace_all(&mut self, other: Db) -> Db {
        let mut old = std::mem::replace(self, other);
        std::mem::swap(&mut self.counts, &mut old.counts);
        self.publish_counts();
        old
    }

    /// Exchanges the contents of two databases of one shard.
    pub fn swap(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.table, &mut other.table);
        std::mem::swap(&mut self.expiries, &mut other.expiries);
        std::mem::swap(&mut self.horizon, &mut other.horizon);
        std::mem::swap(&mut self.expiring, &mut other.expiring);
        std::mem::swap(&mut self.timed, &mut other.timed);
        std::mem::swap(&mut self.past, &mut other.past);
        self.publish_counts();
        other.publish_counts();
    }

    /// Removes up to `n` entries in no order; for freeing a database in slices.
    pub fn take_chunk(&mut self, n: usize, sink: impl FnMut(Entry)) -> usize {
        self.table.take_chunk(n, sink)
    }

    /// Bytes of the table and the expiry index, entries not included.
    #[must_use]
    pub fn overhead_bytes(&self) -> usize {
        self.table.memory_bytes() + self.expiry_bytes()
    }

    /// Bytes of the expiry index.
    #[must_use]
    pub fn expiry_bytes(&self) -> usize {
        self.expiries.memory_bytes()
    }

    /// Asks for the bucket of a hash to be fetched into the cache.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        self.table.prefetch_bucket(hash);
    }

    /// Asks for the entries that may match a hash to be fetched into the cache; true if that takes another step.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) -> bool {
        self.table.prefetch_item(hash)
    }

    /// What stands behind an entry that may be the one of a hash, to be fetched ahead.
    #[inline]
    pub(crate) fn behind(&self, hash: u64) -> Option<Behind<'_>> {
        self.table.find(hash, |_| true)?.behind()
    }

    /// The other step.
    #[inline]
    pub fn prefetch_entry_behind(&self, hash: u64) {
        self.table.prefetch_item_behind(hash);
    }
}
