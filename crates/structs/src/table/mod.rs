//! The hash table of the keyspace and of large sets, hashes and sorted sets.
//!
//! # The idea
//! A table that doubles has to move everything at some point: at once, which stalls the clients of millions
//! of keys, or bit by bit with two tables in memory and two look-ups. Linear hashing (Litwin, "Linear
//! hashing: a new tool for file and table addressing", 1980) needs neither. The buckets are an array that
//! grows by one bucket at a time, at its end. With `n` buckets, 2^l <= n < 2^(l+1), an item lies in the
//! bucket of the low `l + 1` bits of its hash, or, if that one does not exist yet, of the low `l` bits:
//!
//! ```text
//!          split, l + 1 bits     not yet split, l bits     made by splitting, l + 1 bits
//!        +---+---+---+---+---+ +---+---+---+---+---+---+ +---+---+---+---+---+
//!  n=21  | 0 | 1 | 2 | 3 | 4 | | 5 | 6 | … |   |   | 15| | 16| 17| 18| 19| 20| <- the next is 21,
//!        +---+---+---+---+---+ +---+---+---+---+---+---+ +---+---+---+---+---+    split off from 5
//!          |   the item moves on if bit 4 of its hash is set   ^
//!          +---------------------------------------------------+
//! ```
//!
//! Adding bucket `n` splits bucket `n - 2^l`, so an insertion never moves more than one bucket's items; a
//! removal merges the last bucket back. Memory follows the contents both ways, and a reader needs one number,
//! `n`, and the addresses to know where to look.
//!
//! The price is that buckets which were not split yet hold twice what the others hold. A bucket is one
//! cache line with up to seven items and a one-byte tag for each, so that a look-up reads one line and
//! then, 97 times of 100, no other item than the one it wants; what does not fit goes into further lines
//! that hang from it (the picture is in `bucket`). Where the buckets lie is told in `storage`, how the
//! cursor of a scan survives growth and shrinking at [`Table::scan`].
//!
//! # Limits
//! 2^31 buckets; hashes of 64 bits of which the lowest 31 and the highest 8 are used. The table grows above
//! 6.5 items per bucket and shrinks under a quarter of that.
//!
//! # Measured
//! With 16-byte [`Member`](crate::compact::Member)s and jemalloc on an EPYC of 2.6 GHz with 32 MiB of cache,
//! by `examples/table_speed.rs`. Nanoseconds include the hash (8); "batched" is 16 keys at a time, prefetched.
//!
//! | ns | 1 M items | batched | 5 M items | batched |
//! |---|---|---|---|---|
//! | make the item | 29 | | 33 | |
//! | insert (and make it) | 142 | 104 | 219 | 139 |
//! | find | 89 | 38 | 140 | 46 |
//! | find nothing | 80 | 35 | 118 | 42 |
//! | remove (and free it) | 170 | 80 | 256 | 95 |
//! | one at random | 179 | | 292 | |
//!
//! Buckets take 13.1 to 13.6 bytes per item on the way through a doubling, 13.4 on average. (Tables below
//! 400,000 items take up to a quarter more, a tenth on average, allocated ahead.) What the load
//! costs at 5 M items:
//!
//! | items per bucket | bytes per item | find, batched | miss, batched |
//! |---|---|---|---|
//! | 4 | 17.3 | 38 ns | 34 ns |
//! | 6 | 13.8 | 45 ns | 41 ns |
//! | 6.5 | 13.4 | 46 ns | 42 ns |
//!
//! Beyond the cache a low load would buy a sixth of a look-up for 4 bytes per item; memory was chosen.
//! Without the filter of the tags in overflow buckets a batched look-up that finds nothing took 52 ns, not 42.
//!
//! Huge pages for the buckets (`MADV_HUGEPAGE`) gave 2 % in batches and 8 to 14 % without; not done, because
//! the first touch of each would stall an insertion for the zeroing of 2 MiB.
//!
//! # What it does not do
//! It holds no hash per item (a split computes it again, its items having been prefetched), compares no keys,
//! knows no expiry, and takes no locks.

mod bucket;
mod entry;
mod pages;
mod prefetch;
mod storage;
#[cfg(test)]
mod tests;
mod visit;

pub use entry::{Entry, OccupiedEntry, VacantEntry};
pub use pages::mapped_bytes;
pub use prefetch::{FetchAhead, prefetch, prefetch_bytes, prefetch_value};
pub use visit::Iter;

use crate::hash::HashKey;
use bucket::{links, tag_of};
use storage::Storage;

/// Items per bucket at which the table grows, as a fraction of two.
const MAX_LOAD_HALVES: u64 = 13;
/// The table shrinks below this part of the load at which it grows.
const SHRINK_DIVISOR: u64 = 4;
/// Up to this many items need no second bucket.
const ONE_BUCKET_ITEMS: usize = 7;
/// Merges per removal: two let a table that was emptied faster than it shrank catch up.
const MERGES_PER_REMOVAL: usize = 2;
/// Tables below this many buckets live in the cache, where looking ahead of a split gains nothing.
const LOOK_AHEAD_BUCKETS: u32 = 1024;

/// What a table holds: an owning pointer of eight bytes, or eight bytes of anything else.
///
/// Checked when it is compiled: its size is 8. A type that breaks the promises below makes a table lose
/// items, not memory safety.
pub trait TableItem: Sized {
    /// The hash with which the item was inserted, computed again from the item. It must not change while a
    /// table holds the item. Called when a bucket splits.
    fn hash_again(&self, key: &HashKey) -> u64;

    /// Where the bytes lie that a comparison will read first. Only used as a hint.
    fn address(&self) -> *const u8;

    /// Whether what will be read of it reaches into the next cache line, more likely than not. Only used as a hint.
    #[inline]
    fn is_wide(&self) -> bool {
        false
    }
}

/// A hash table that grows and shrinks by one bucket at a time. See the module.
///
/// The caller brings the hash with every call: `hash_bytes` of the item's key under the key given to
/// [`Table::new`]. The table uses the low 31 and the top 8 bits. What makes two items equal is the caller's
/// affair too: a function `eq`.
pub struct Table<T: TableItem> {
    storage: Storage<T>,
    len: usize,
    key: HashKey,
    /// No chain holds more items than this. Only ever raised while the table holds anything.
    longest: u32,
    /// Buckets that hang from another.
    overflow: u32,
    /// The item inserted last was wide; the others are taken to be like it, for nobody can tell without reading them.
    are_wide: bool,
}

impl<T: TableItem> Table<T> {
    /// An empty table, which allocates nothing.
    pub const fn new(key: HashKey) -> Self {
        Self { storage: Storage::new(), len: 0, key, longest: 0, overflow: 0, are_wide: false }
    }

    /// The number of items.
    #[inline]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no item.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The item of `hash` that `eq` accepts.
    #[inline(always)]
    pub fn find(&self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&T> {
        if self.is_empty() {
            return None;
        }
        let bucket = self.storage.bucket(self.storage.index_of(hash));
        bucket.find(tag_of(hash), eq).map(|(_, item)| item)
    }

    /// The item of `hash` that `eq` accepts. What goes into its hash must not be changed.
    #[inline]
    pub fn find_mut(&mut self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&mut T> {
        let (index, position) = self.position(hash, eq)?;
        self.storage.bucket_mut(index).get_mut(position)
    }

    /// The place of the item of `hash` that `eq` accepts, or the place where it would go.
    #[inline]
    pub fn entry(&mut self, hash: u64, eq: impl FnMut(&T) -> bool) -> Entry<'_, T> {
        match self.position(hash, eq) {
            Some((index, position)) => Entry::Occupied(OccupiedEntry { table: self, index, position }),
            None => Entry::Vacant(VacantEntry { table: self, hash }),
        }
    }

    /// Inserts an item of which no equal is in the table; an equal one would stay hidden behind the older.
    #[inline]
    pub fn insert_unique(&mut self, hash: u64, item: T) -> &mut T {
        debug_assert_eq!(hash, item.hash_again(&self.key), "the hash is the item's under the table's key");
        if self.must_grow() {
            self.split();
        }
        self.are_wide = item.is_wide();
        let index = self.storage.index_of(hash);
        let bucket = self.storage.bucket_mut(index);
        let position = bucket.push(tag_of(hash), item);
        self.len += 1;
        self.longest = self.longest.max(position as u32 + 1);
        self.overflow += (links(position + 1) - links(position)) as u32;
        bucket.get_mut(position).expect("just inserted there")
    }

    /// Removes the item of `hash` that `eq` accepts, and returns it.
    #[inline]
    pub fn remove(&mut self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<T> {
        let (index, position) = self.position(hash, eq)?;
        let removed = self.take_at(index, position);
        self.shrink(MERGES_PER_REMOVAL);
        Some(removed)
    }

    /// Drops all items and gives all memory back.
    pub fn clear(&mut self) {
        self.len = 0;
        self.longest = 0;
        self.overflow = 0;
        self.storage.clear();
    }

    /// The bytes the table takes for its buckets: allocated ones, and of mapped memory the touched pages. The
    /// items' own allocations and this struct itself are not in it.
    pub fn memory_bytes(&self) -> usize {
        self.storage.memory_bytes() + self.overflow as usize * size_of::<bucket::Bucket<T>>()
    }

    /// How many low bits of a hash decide on its bucket, at most.
    pub fn hash_bits(&self) -> u32 {
        self.storage.count().max(1).next_power_of_two().ilog2()
    }

    /// Hints at the first cache line that a look-up of `hash` will read.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        if !self.is_empty() {
            self.storage.prefetch(self.storage.index_of(hash));
        }
    }

    /// Looks at the tags in the bucket of `hash`, which should have been prefetched, and hints at the item
    /// that a look-up will compare: at all that have the tag. If none has, but one in the bucket that hangs from it may,
    /// hints at that one: true, and [`prefetch_item_behind`](Self::prefetch_item_behind) goes on from there.
    #[inline]
    pub fn prefetch_item(&self, hash: u64) -> bool {
        !self.is_empty()
            && self.storage.bucket(self.storage.index_of(hash)).prefetch_matches(tag_of(hash), self.are_wide)
    }

    /// Hints at the item of `hash` in the second bucket, which [`prefetch_item`](Self::prefetch_item) hinted at. A
    /// quarter of the items, more or less, lie there.
    #[inline]
    pub fn prefetch_item_behind(&self, hash: u64) {
        if !self.is_empty() {
            self.storage.bucket(self.storage.index_of(hash)).prefetch_behind(tag_of(hash), self.are_wide);
        }
    }

    /// Panics when the table is not as it should be. For tests; takes time in proportion to the table.
    pub fn check_invariants(&self) {
        let mut len = 0;
        let mut overflow = 0;
        for index in 0..self.storage.count() {
            let bucket = self.storage.bucket(index);
            bucket.check_invariants();
            let items = bucket.len();
            assert!(items <= self.longest as usize, "no chain is longer than the longest");
            len += items;
            overflow += links(items);
            for position in 0..items {
                let hash = bucket.get(position).expect("inside the chain").hash_again(&self.key);
                assert_eq!(self.storage.index_of(hash), index, "an item lies in the bucket of its hash");
                assert_eq!(bucket.tag(position), Some(tag_of(hash)), "an item has the tag of its hash");
            }
        }
        assert_eq!(len, self.len, "the length counts the items");
        assert_eq!(overflow, self.overflow as usize, "the overflow buckets are counted");
        assert_eq!(self.is_empty(), self.storage.count() == 0, "an empty table has no bucket, others have");
    }

    #[inline]
    fn position(&self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<(u32, usize)> {
        if self.is_empty() {
            return None;
        }
        let index = self.storage.index_of(hash);
        self.storage.bucket(index).find(tag_of(hash), eq).map(|(position, _)| (index, position))
    }

    /// Removes the item at a place that holds one, without shrinking the table.
    fn take_at(&mut self, index: u32, position: usize) -> T {
        let bucket = self.storage.bucket_mut(index);
        let (_, item) = bucket.remove(position).expect("the caller found an item there");
        let left = bucket.len();
        self.overflow -= (links(left + 1) - links(left)) as u32;
        self.len -= 1;
        item
    }

    /// Whether that many items are too many for the buckets there are.
    #[inline]
    fn exceeds_load(&self, len: usize) -> bool {
        len > ONE_BUCKET_ITEMS && len as u64 * 2 > u64::from(self.storage.count()) * MAX_LOAD_HALVES
    }

    /// Whether one more item needs one more bucket.
    #[inline]
    fn must_grow(&self) -> bool {
        self.storage.count() == 0 || self.exceeds_load(self.len + 1) && !self.storage.is_at_limit()
    }

    /// Adds a bucket and moves the items there that belong there: about half of those of its origin.
    fn split(&mut self) {
        let new = self.storage.count();
        self.storage.grow();
        if new == 0 {
            return;
        }
        let origin = Storage::<T>::origin(new);
        let bit = u64::from(new ^ origin);
        let (low, high) = self.storage.pair_mut(origin, new);
        let items = low.len();
        // Backwards: what fills a gap comes from behind and was looked at already.
        for position in (0..items).rev() {
            let moves = low.get(position).is_some_and(|item| item.hash_again(&self.key) & bit != 0);
            if moves && let Some((tag, item)) = low.remove(position) {
                high.push(tag, item);
            }
        }
        self.overflow += (links(low.len()) + links(high.len())) as u32;
        self.overflow -= links(items) as u32;
        self.look_ahead(origin + 1);
    }

    /// Fetches what the next splits will read: hashing an item again means to touch it, which would miss the
    /// cache every time.
    #[inline]
    fn look_ahead(&self, next: u32) {
        if self.storage.count() >= LOOK_AHEAD_BUCKETS && next + 2 < self.storage.count() {
            self.storage.bucket(next).prefetch_all();
            self.storage.bucket(next + 1).prefetch_next();
            self.storage.prefetch(next + 2);
        }
    }

    /// Takes buckets away while there are too many, but no more than `limit`.
    fn shrink(&mut self, limit: usize) {
        if self.is_empty() {
            return self.clear();
        }
        for _ in 0..limit {
            let count = self.storage.count();
            let capacity = u64::from(count) * MAX_LOAD_HALVES;
            if count == 1 || self.len as u64 * 2 * SHRINK_DIVISOR >= capacity {
                return;
            }
            self.merge();
        }
    }

    /// Puts the items of the last bucket back into its origin and takes it away.
    fn merge(&mut self) {
        let last = self.storage.count() - 1;
        let (low, high) = self.storage.pair_mut(Storage::<T>::origin(last), last);
        let (low_items, high_items) = (low.len(), high.len());
        while let Some((tag, item)) = high.pop() {
            low.push(tag, item);
        }
        let items = low_items + high_items;
        self.longest = self.longest.max(items as u32);
        self.overflow += links(items) as u32;
        self.overflow -= (links(low_items) + links(high_items)) as u32;
        self.storage.shrink();
    }
}

impl<T: TableItem + std::fmt::Debug> std::fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
