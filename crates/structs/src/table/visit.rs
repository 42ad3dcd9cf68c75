//! Ways through a whole table: in order, by a cursor, at random, and taking items out on the way.

use super::bucket::{Bucket, links};
use super::{LOOK_AHEAD_BUCKETS, Table, TableItem};

impl<T: TableItem> Table<T> {
    /// All items, bucket by bucket.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { table: self, index: 0, position: 0, left: self.len }
    }

    /// Passes the items of one bucket to `f` and returns the cursor of the next, 0 after the last. Begin with
    /// 0.
    ///
    /// Every item that is in the table from the first call to the last is passed at least once, however the
    /// table grows and shrinks between the calls; it may be passed more than once after the table has shrunk.
    /// Any number is a valid cursor. Cursors are below 2^31.
    ///
    /// The cursor is a point in the space of hashes read backwards, lowest bit first: everything before it
    /// was passed. A bucket holds the hashes of one suffix, so that in this space it is an interval, and
    /// splits and merges cut it or join it with its neighbour, but never change the order. A call passes the
    /// bucket the cursor lies in and moves the cursor to that bucket's end.
    pub fn scan(&self, cursor: u64, f: &mut impl FnMut(&T)) -> u64 {
        if self.is_empty() {
            return 0;
        }
        let suffix_mask = u64::from(self.storage.suffix_mask(cursor));
        let bucket = self.storage.bucket((cursor & suffix_mask) as u32);
        bucket.chain().flat_map(Bucket::items).for_each(f);
        next_cursor(cursor, suffix_mask)
    }

    /// As [`scan`](Self::scan), with items that `f` may change, except for what goes into their hash.
    pub fn scan_mut(&mut self, cursor: u64, f: &mut impl FnMut(&mut T)) -> u64 {
        if self.is_empty() {
            return 0;
        }
        let suffix_mask = u64::from(self.storage.suffix_mask(cursor));
        let bucket = self.storage.bucket_mut((cursor & suffix_mask) as u32);
        for position in 0..bucket.len() {
            f(bucket.get_mut(position).expect("a position in the chain"));
        }
        next_cursor(cursor, suffix_mask)
    }

    /// An item at random, each with exactly the same probability if `rng` gives uniform 64-bit numbers.
    ///
    /// It draws a bucket and a position up to the longest chain's end until an item is there. With up to `n`
    /// buckets that takes about 5 draws in a table that grew, 20 in one about to shrink.
    pub fn random(&self, rng: &mut impl FnMut() -> u64) -> Option<&T> {
        if self.is_empty() {
            return None;
        }
        let places = u64::from(self.storage.count()) * u64::from(self.longest);
        loop {
            let place = below(places, rng);
            let index = (place / u64::from(self.longest)) as u32;
            let position = (place % u64::from(self.longest)) as usize;
            if let Some(item) = self.storage.bucket(index).get(position) {
                return Some(item);
            }
        }
    }

    /// Passes some items to `f`, those of whole buckets drawn at random, until `f` has said of `wanted` that they are, or of
    /// `buckets` buckets at the most; says how many wanted ones there were. An item may be passed more than once.
    ///
    /// As each bucket is as likely as any other, and passed whole, so is each item. All items of a bucket are on their way
    /// from memory before the first is passed, and so is the next bucket: looking at five takes not much longer than
    /// looking at one, where drawing each by itself ([`random`](Self::random)) would read memory some twenty times.
    pub fn sample(
        &self,
        (wanted, buckets): (usize, u32),
        rng: &mut impl FnMut() -> u64,
        f: &mut impl FnMut(&T) -> bool,
    ) -> usize {
        let (count, mut passed) = (self.storage.count(), 0);
        if self.is_empty() {
            return 0;
        }
        let mut index = below(u64::from(count), rng) as u32;
        for _ in 0..buckets.min(count) {
            let bucket = self.storage.bucket(index);
            index = below(u64::from(count), rng) as u32;
            self.storage.prefetch(index);
            bucket.prefetch_all();
            for item in bucket.chain().flat_map(Bucket::items) {
                passed += usize::from(f(item));
            }
            if passed >= wanted {
                break;
            }
        }
        passed
    }

    /// On a walk that has come to bucket `index`: fetches what is read next, in a table that does not live in the cache.
    #[inline]
    fn look_ahead_from(&self, index: u32) {
        let next = index + 1;
        if self.storage.count() >= LOOK_AHEAD_BUCKETS && next < self.storage.count() {
            self.storage.bucket(next).prefetch_all();
        }
    }

    /// Removes the items `condemned` accepts and passes them to `sink`; returns how many. Takes time in
    /// proportion to the table.
    pub fn drain_where(&mut self, mut condemned: impl FnMut(&T) -> bool, mut sink: impl FnMut(T)) -> usize {
        let before = self.len;
        for index in 0..self.storage.count() {
            self.look_ahead_from(index);
            // Backwards: what fills a gap comes from behind and was looked at already.
            for position in (0..self.storage.bucket(index).len()).rev() {
                if self.storage.bucket(index).get(position).is_some_and(&mut condemned) {
                    sink(self.take_at(index, position));
                }
            }
        }
        self.shrink(usize::MAX);
        before - self.len
    }

    /// Removes up to `limit` items, whichever are the cheapest to reach, and passes them to `sink`; returns
    /// how many. Called until it returns 0 it takes a table apart in slices, giving memory back on the way.
    pub fn take_chunk(&mut self, limit: usize, mut sink: impl FnMut(T)) -> usize {
        let mut taken = 0;
        while taken < limit && self.len > 0 {
            let bucket = self.storage.bucket_mut(self.storage.count() - 1);
            match bucket.pop() {
                Some((_, item)) => {
                    let left = bucket.len();
                    self.overflow -= (links(left + 1) - links(left)) as u32;
                    self.len -= 1;
                    taken += 1;
                    sink(item);
                }
                None => self.storage.shrink(),
            }
        }
        if self.is_empty() {
            self.clear();
        }
        taken
    }
}

/// The cursor behind the bucket that `cursor` lies in.
fn next_cursor(cursor: u64, suffix_mask: u64) -> u64 {
    // The bits above the suffix are set to ones, so that one more, counted backwards, carries into the suffix.
    (cursor | !suffix_mask).reverse_bits().wrapping_add(1).reverse_bits()
}

/// A number below `limit`, which is not zero, all with the same probability (Lemire, "Fast random integer
/// generation in an interval", 2019).
fn below(limit: u64, rng: &mut impl FnMut() -> u64) -> u64 {
    loop {
        let product = u128::from(rng()) * u128::from(limit);
        // The low half tells whether this draw belongs to the 2^64 mod limit that would make small numbers
        // likelier.
        if product as u64 >= limit || product as u64 >= limit.wrapping_neg() % limit {
            return (product >> 64) as u64;
        }
    }
}

/// The items of a table, bucket by bucket. See [`Table::iter`].
pub struct Iter<'a, T: TableItem> {
    table: &'a Table<T>,
    index: u32,
    position: usize,
    left: usize,
}

impl<'a, T: TableItem> Iterator for Iter<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        if self.left == 0 {
            return None;
        }
        loop {
            if let Some(item) = self.table.storage.bucket(self.index).get(self.position) {
                self.position += 1;
                self.left -= 1;
                return Some(item);
            }
            self.index += 1;
            self.position = 0;
            self.table.look_ahead_from(self.index);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T: TableItem> ExactSizeIterator for Iter<'_, T> {}

impl<'a, T: TableItem> IntoIterator for &'a Table<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
