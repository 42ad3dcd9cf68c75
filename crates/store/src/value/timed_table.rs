//! A table of elements that may expire, and an index of those that do, if there are any: the large form of hashes and sets,
//! and what sorted sets keep beside their trees.
//!
//! An element carries its own time, so that one that does not expire costs nothing more; of a table without such elements
//! the head alone has grown, by a pointer.

use spinel_structs::compact::{Field, Member};
use spinel_structs::hash::{HashKey, hash_bytes};
use spinel_structs::size_class::malloc_size;
use spinel_structs::table::{self, Table, TableItem};

use super::due::DueIndex;
use crate::UnixMillis;
use crate::expiry::Record;

/// An element with a name that may expire.
pub(super) trait TimedItem: TableItem + Clone {
    /// What it is found by.
    fn name(&self) -> &[u8];
    /// When it expires.
    fn expiry(&self) -> Option<UnixMillis>;
    /// Sets, changes or removes its expiry.
    fn set_expiry(&mut self, expiry: Option<UnixMillis>);
    /// The bytes of memory it takes, behind the pointer.
    fn memory_bytes(&self) -> usize;
}

impl TimedItem for Field {
    #[inline]
    fn name(&self) -> &[u8] {
        Self::name(self)
    }

    #[inline]
    fn expiry(&self) -> Option<UnixMillis> {
        Self::expiry(self).map(UnixMillis)
    }

    fn set_expiry(&mut self, expiry: Option<UnixMillis>) {
        Self::set_expiry(self, expiry.map(|at| at.0));
    }

    #[inline]
    fn memory_bytes(&self) -> usize {
        Self::memory_bytes(self)
    }
}

impl TimedItem for Member {
    #[inline]
    fn name(&self) -> &[u8] {
        self.as_bytes()
    }

    #[inline]
    fn expiry(&self) -> Option<UnixMillis> {
        Self::expiry(self).map(UnixMillis)
    }

    fn set_expiry(&mut self, expiry: Option<UnixMillis>) {
        Self::set_expiry(self, expiry.map(|at| at.0));
    }

    #[inline]
    fn memory_bytes(&self) -> usize {
        Self::memory_bytes(self)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct TimedTable<I: TimedItem> {
    pub(super) table: Table<I>,
    pub(super) hash_key: HashKey,
    /// What the elements' own allocations take.
    pub(super) item_bytes: usize,
    /// `None` if no element expires.
    due: Option<Box<DueIndex>>,
}

impl<I: TimedItem> TimedTable<I> {
    pub(super) fn new(hash_key: &HashKey) -> Self {
        Self { table: Table::new(*hash_key), hash_key: *hash_key, item_bytes: 0, due: None }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn table(&self) -> &Table<I> {
        &self.table
    }

    pub(super) fn iter(&self) -> table::Iter<'_, I> {
        self.table.iter()
    }

    pub(super) fn scan(&self, cursor: u64, visit: &mut impl FnMut(&I)) -> u64 {
        self.table.scan(cursor, visit)
    }

    #[inline]
    pub(super) fn find(&self, name: &[u8]) -> Option<&I> {
        self.table.find(hash_bytes(&self.hash_key, name), |item| item.name() == name)
    }

    /// Adds the element of this name that `make` makes; false, with nothing done, if there is one.
    #[inline]
    pub(super) fn add_with(&mut self, name: &[u8], make: impl FnOnce() -> I) -> bool {
        let hash = hash_bytes(&self.hash_key, name);
        let table::Entry::Vacant(slot) = self.table.entry(hash, |item| item.name() == name) else {
            return false;
        };
        let item = slot.insert(make());
        self.item_bytes += item.memory_bytes();
        if let Some(at) = item.expiry() {
            self.due.get_or_insert_default().add(at, Record::of(hash));
        }
        true
    }

    #[inline]
    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let hash = hash_bytes(&self.hash_key, name);
        self.remove_if(hash, |item| item.name() == name).is_some()
    }

    /// Removes the element with this hash that `matches`.
    #[inline]
    fn remove_if(&mut self, hash: u64, matches: impl FnMut(&I) -> bool) -> Option<I> {
        let item = self.table.remove(hash, matches)?;
        self.item_bytes -= item.memory_bytes();
        if let Some(at) = item.expiry() {
            self.forget(at, hash);
        }
        Some(item)
    }

    /// Takes an element out at random.
    pub(super) fn take_random(&mut self, rng: &mut impl FnMut() -> u64) -> Option<I> {
        let chosen = self.table.random(rng)?;
        let (hash, address) = (chosen.hash_again(&self.hash_key), chosen.address());
        self.remove_if(hash, |item| item.address() == address)
    }

    /// Takes the elements out that `condemned` accepts, which is asked about each once; none of them expires. Takes time in
    /// proportion to the table.
    pub(super) fn take_where(&mut self, condemned: impl FnMut(&I) -> bool, mut sink: impl FnMut(I)) {
        debug_assert!(!self.has_expiries(), "their records would be left behind");
        let item_bytes = &mut self.item_bytes;
        self.table.drain_where(condemned, |item| {
            *item_bytes -= item.memory_bytes();
            sink(item);
        });
    }

    /// Whether some element expires.
    #[inline]
    pub(super) fn has_expiries(&self) -> bool {
        self.due.is_some()
    }

    /// Sets, changes or removes the expiry of an element; false if there is none of this name.
    pub(super) fn set_expiry(&mut self, name: &[u8], expiry: Option<UnixMillis>) -> bool {
        let hash = hash_bytes(&self.hash_key, name);
        let Some(item) = self.table.find_mut(hash, |item| item.name() == name) else { return false };
        let old = item.expiry();
        if old == expiry {
            return true;
        }
        self.item_bytes -= item.memory_bytes();
        item.set_expiry(expiry);
        self.item_bytes += item.memory_bytes();
        if let Some(at) = expiry {
            self.due.get_or_insert_default().add(at, Record::of(hash));
        }
        if let Some(old) = old {
            self.forget(old, hash);
        }
        true
    }

    /// Takes away the record of an element that had this expiry, unless another needs it.
    fn forget(&mut self, at: UnixMillis, hash: u64) {
        let record = Record::of(hash);
        if self.find_due(at, record).is_some() {
            return;
        }
        let Some(due) = &mut self.due else { return };
        due.remove(at, record);
        if due.len() == 0 {
            self.due = None;
        }
    }

    /// An element with this expiry and this fragment.
    fn find_due(&self, at: UnixMillis, record: Record) -> Option<&I> {
        let is_it =
            |item: &I| item.expiry() == Some(at) && Record::of(item.hash_again(&self.hash_key)) == record;
        record.hashes(self.table.hash_bits()).find_map(|hash| self.table.find(hash, is_it))
    }

    /// The earliest expiry.
    #[inline]
    pub(super) fn next_expiry(&self) -> Option<UnixMillis> {
        self.due.as_ref()?.first().map(|(at, _)| at)
    }

    /// Removes up to `limit` elements whose time has come, the earliest first, and hands them out; returns how many.
    pub(super) fn remove_due(
        &mut self,
        now: UnixMillis,
        limit: usize,
        removed: &mut dyn FnMut(&[u8]),
    ) -> usize {
        let mut count = 0;
        while count < limit {
            let first = self.due.as_ref().and_then(|due| due.first());
            let Some((at, record)) = first.filter(|&(at, _)| at <= now) else { break };
            let hash_key = self.hash_key;
            let found = record.hashes(self.table.hash_bits()).find_map(|hash| {
                self.table.remove(hash, |item| {
                    item.expiry() == Some(at) && Record::of(item.hash_again(&hash_key)) == record
                })
            });
            let item = found.expect("a record has an element");
            self.item_bytes -= item.memory_bytes();
            removed(item.name());
            count += 1;
            self.forget(at, item.hash_again(&hash_key));
        }
        count
    }

    /// Drops up to `n` elements, whichever are the cheapest to reach; returns how many are left.
    pub(super) fn take_chunk(&mut self, n: usize) -> usize {
        let item_bytes = &mut self.item_bytes;
        self.table.take_chunk(n, |item| *item_bytes -= item.memory_bytes());
        if let Some(due) = &mut self.due {
            due.take_chunk(n);
        }
        self.table.len()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let due = self.due.as_ref().map_or(0, |due| malloc_size(size_of::<DueIndex>()) + due.memory_bytes());
        malloc_size(size_of::<Self>()) + self.table.memory_bytes() + self.item_bytes + due
    }

    pub(super) fn duplicate(&self) -> Self {
        let mut copy = Self::new(&self.hash_key);
        for item in &self.table {
            copy.table.insert_unique(item.hash_again(&self.hash_key), item.clone());
        }
        copy.item_bytes = self.item_bytes;
        copy.due.clone_from(&self.due);
        copy
    }

    pub(super) fn check_invariants(&self) {
        self.table.check_invariants();
        let item_bytes: usize = self.table.iter().map(TimedItem::memory_bytes).sum();
        assert_eq!(item_bytes, self.item_bytes, "the bytes of the elements are counted");
        let empty = DueIndex::default();
        let due = self.due.as_deref().unwrap_or(&empty);
        assert!(self.due.is_none() || due.len() > 0, "an index has records");
        let mut expiring = 0;
        for item in &self.table {
            if let Some(at) = item.expiry() {
                expiring += 1;
                let record = Record::of(item.hash_again(&self.hash_key));
                assert!(due.contains(at, record), "an element that expires has a record");
            }
        }
        assert!(due.len() <= expiring, "a record has an element");
    }
}
