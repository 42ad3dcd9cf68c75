//! The expiries of a database, of keys and of elements: kept in its entries, found in time through the index.

use spinel_structs::bytes::equal;
use spinel_structs::table::TableItem;

use super::Db;
use crate::expiry::Record;
use crate::value::{Kind, RemovedElements, ValueMut};
use crate::{Entry, Key, UnixMillis};

/// Records looked at for each one added while there are far too many.
const TIDIED_PER_NOTE: usize = 4;
/// Records taken together, so that memory is asked for the keys of all before the first is looked at.
const BATCH: usize = 16;
/// A collection with more elements than this that a snapshot has still to save is left alone until it has.
const LARGE_ELEMENTS: usize = 1024;
/// A collection that takes more bytes than this, likewise.
const LARGE_BYTES: usize = 64 << 10;

/// What was removed because its time had come.
pub enum Expired {
    /// A key.
    Key(Entry),
    /// Elements of a collection: fields of a hash, members of a set or sorted set, elements of a list.
    Elements {
        /// The type of the collection.
        kind: Kind,
        /// Its key.
        key: Box<[u8]>,
        /// Which.
        elements: RemovedElements,
        /// The collection, if these were its last elements: it is removed, too.
        emptied: Option<Entry>,
    },
}

impl Db {
    /// Sets, changes or removes the expiry of an existing key; false if there is no such key.
    pub fn set_expiry(&mut self, key: Key<'_>, expiry: Option<UnixMillis>, now: UnixMillis) -> bool {
        let Some(entry) = self.table.find_mut(key.hash, |entry| equal(entry.key(), key.bytes)) else {
            return false;
        };
        self.past.before_change(entry);
        let old = entry.expiry();
        entry.set_expiry(expiry);
        self.set_clock(now);
        self.expiry_changed(key.hash, old, expiry);
        true
    }

    /// Tells the time to the index, before an expiry may be noted.
    #[inline]
    pub(crate) fn set_clock(&mut self, now: UnixMillis) {
        self.expiries.set_clock(now);
        if self.expiring == 0 && self.timed.total() == 0 {
            self.horizon.reset(now);
        }
    }

    /// Notes that the expiry of a key became another. One that only moves later is on record early enough.
    #[inline]
    pub(super) fn expiry_changed(&mut self, hash: u64, old: Option<UnixMillis>, new: Option<UnixMillis>) {
        if let Some(at) = new
            && old.is_none_or(|old| at < old)
            && self.horizon.is_near(at)
        {
            self.expiries.note(Record::of(hash), at);
        }
        if old.is_some() != new.is_some() {
            self.expiring = if new.is_some() { self.expiring + 1 } else { self.expiring - 1 };
            self.publish_counts();
            self.tidy_if_crowded();
        }
    }

    #[inline]
    pub(super) fn tidy_if_crowded(&mut self) {
        if self.expiries.is_crowded(self.expiring + self.timed.total()) {
            self.tidy();
        }
    }

    /// As [`tidy_if_crowded`](Self::tidy_if_crowded), for who draws records at random: fewer stale ones are in the way.
    #[inline]
    pub(super) fn tidy_if_sparse(&mut self) {
        if self.expiries.is_sparse(self.expiring + self.timed.total()) {
            self.tidy();
        }
    }

    /// Looks at some records whose time has not come, and so drops those of no living key.
    #[cold]
    fn tidy(&mut self) {
        self.expiries.loosen_one();
        for _ in 0..TIDIED_PER_NOTE {
            let Some(record) = self.expiries.next_loose() else { return };
            self.note_again(record, self.earliest(record));
        }
    }

    /// Whether [`remove_expired`](Self::remove_expired) has something to do.
    #[must_use]
    pub fn is_expiry_due(&self, now: UnixMillis) -> bool {
        self.expiries.is_due(now) || self.expiring + self.timed.total() > 0 && self.horizon.is_pass_due(now)
    }

    /// Removes keys and elements whose time has come and hands them to `removed`; returns how many. Looks at no more than
    /// about `limit` of them (0.2 µs each, more if their memory is not cached): then
    /// [`is_expiry_due`](Self::is_expiry_due) tells whether any are left.
    ///
    /// A key or element is removed at the first call that is 8 ms or more after its time and that is not cut short. Elements
    /// of a collection that is read by somebody else, or saved, stay as long as that takes.
    pub fn remove_expired(
        &mut self,
        now: UnixMillis,
        limit: usize,
        mut removed: impl FnMut(Expired),
    ) -> usize {
        let (mut looked_at, mut count) = (self.pass(now, limit), 0);
        while looked_at < limit {
            let mut batch = [None; BATCH];
            let wanted = BATCH.min(limit - looked_at);
            for place in &mut batch[..wanted] {
                *place = self.expiries.next_due(now);
            }
            let bits = self.table.hash_bits();
            let batch = || batch.iter().flatten().copied();
            for hash in batch().flat_map(|record| record.hashes(bits)) {
                self.table.prefetch_bucket(hash);
            }
            for hash in batch().flat_map(|record| record.hashes(bits)) {
                self.table.prefetch_item(hash);
            }
            for record in batch() {
                let some = self.look_at(record, now, limit.saturating_sub(looked_at).max(1), &mut removed);
                looked_at += some.max(1);
                count += some;
            }
            if batch().count() < wanted {
                break;
            }
        }
        if count > 0 {
            self.publish_counts();
        }
        count
    }

    /// Removes the keys of a record that have expired, and their elements, up to `limit` of these; puts the others on record
    /// again.
    fn look_at(
        &mut self,
        record: Record,
        now: UnixMillis,
        limit: usize,
        removed: &mut impl FnMut(Expired),
    ) -> usize {
        let mut count = 0;
        let mut earliest = self.earliest(record);
        while earliest.is_some_and(|at| at <= now) {
            let hash_key = self.hash_key;
            let before = count;
            for hash in record.hashes(self.table.hash_bits()) {
                let condemned = |entry: &Entry| {
                    entry.is_expired(now) && Record::of(entry.hash_again(&hash_key)) == record
                };
                if let Some(mut entry) = self.table.remove(hash, condemned) {
                    self.past.before_change(&mut entry);
                    self.expiring -= 1;
                    self.timed.uncount(&entry);
                    count += 1;
                    removed(Expired::Key(entry));
                }
                if self.timed.total() > 0 && count < limit {
                    count += self.remove_due_elements_of(record, hash, now, limit - count, removed);
                }
            }
            earliest = self.earliest(record);
            if count == before || count >= limit {
                break;
            }
        }
        match earliest {
            // There was no time for all of them.
            Some(at) if at <= now && count >= limit => self.expiries.note_due(record),
            _ => self.note_again(record, earliest),
        }
        count
    }

    /// Removes elements of the collections of a record that can be found under `hash`.
    fn remove_due_elements_of(
        &mut self,
        record: Record,
        hash: u64,
        now: UnixMillis,
        limit: usize,
        removed: &mut impl FnMut(Expired),
    ) -> usize {
        let (hash_key, snapshot) = (self.hash_key, self.past.snapshot());
        let is_it = |entry: &Entry| {
            entry.next_element_expiry().is_some_and(|at| at <= now)
                && Record::of(entry.hash_again(&hash_key)) == record
                && !entry.is_being_read()
                && !(entry.mark() != snapshot.mark() && is_large(entry))
        };
        let Some(entry) = self.table.find(hash, is_it) else { return 0 };
        let key: Box<[u8]> = entry.key().into();
        let key = Key::new(&key, &hash_key);
        let expired = self.remove_due_elements(key, now, |value| value.remove_due(now, limit));
        let Some(Expired::Elements { elements, .. }) = &expired else { return 0 };
        let count = elements.len();
        expired.into_iter().for_each(removed);
        count
    }

    /// Removes elements of a collection by `remove`, which tells what they are and whether none is left, and the key with the
    /// last of them. `None` if none was removed.
    pub(super) fn remove_due_elements(
        &mut self,
        key: Key<'_>,
        now: UnixMillis,
        remove: impl FnOnce(ValueMut<'_>) -> (RemovedElements, bool),
    ) -> Option<Expired> {
        let kind = self.find(key)?.kind();
        let (elements, is_empty) = self.change_collection(key, now, remove)?;
        let emptied = if is_empty { self.take(key) } else { None };
        (!elements.is_empty()).then(|| Expired::Elements { kind, key: key.bytes.into(), elements, emptied })
    }

    /// Removes those of the named fields of a hash whose time has come.
    pub fn remove_named_due<'a>(
        &mut self,
        key: Key<'_>,
        now: UnixMillis,
        named: impl Iterator<Item = &'a [u8]>,
    ) -> Option<Expired> {
        if self.timed.hashes == 0 || self.find(key)?.next_element_expiry().is_none_or(|at| at > now) {
            return None;
        }
        self.remove_due_elements(key, now, |value| {
            let ValueMut::Hash(hash) = value else { return (RemovedElements::Named(Vec::new()), false) };
            let mut names: Vec<Box<[u8]>> = Vec::new();
            for name in named.filter(|name| hash.is_field_due(name, now)).collect::<Vec<_>>() {
                if hash.remove(name) {
                    names.push(name.into());
                }
            }
            (RemovedElements::Named(names), hash.is_empty())
        })
    }

    /// Puts keys on record again by their earliest expiry, unless the horizon is nearer.
    fn note_again(&mut self, record: Record, earliest: Option<UnixMillis>) {
        if let Some(at) = earliest
            && self.horizon.is_near(at)
        {
            self.expiries.note(record, at);
        }
    }

    /// Goes on with the pass that finds what expires before the next horizon, if it is due; returns how many keys were
    /// looked at, about `limit` at the most.
    fn pass(&mut self, now: UnixMillis, limit: usize) -> usize {
        self.horizon.relax(now);
        let mut looked_at = 0;
        while looked_at < limit && self.expiring + self.timed.total() > 0 && self.horizon.is_pass_due(now) {
            let cursor = self.horizon.cursor(now);
            let Self { table, expiries, horizon, hash_key, .. } = self;
            let next = table.scan(cursor, &mut |entry: &Entry| {
                looked_at += 1;
                if let Some(at) = entry.next_due()
                    && horizon.is_missing(at)
                {
                    expiries.note(Record::of(entry.hash_again(hash_key)), at);
                }
            });
            looked_at += 1;
            horizon.move_on(next);
        }
        looked_at
    }

    /// The earliest expiry of the keys of a record and of their elements.
    fn earliest(&self, record: Record) -> Option<UnixMillis> {
        let mut earliest: Option<UnixMillis> = None;
        for hash in record.hashes(self.table.hash_bits()) {
            self.table.find(hash, |entry| {
                if let Some(at) = entry.next_due()
                    && earliest.is_none_or(|earliest| at < earliest)
                    && Record::of(entry.hash_again(&self.hash_key)) == record
                {
                    earliest = Some(at);
                }
                false
            });
        }
        earliest
    }
}

/// Whether saving a collection takes longer than its shard may be held for it.
pub(super) fn is_large(entry: &Entry) -> bool {
    entry.value().elements() > LARGE_ELEMENTS || entry.memory_bytes() > LARGE_BYTES
}
