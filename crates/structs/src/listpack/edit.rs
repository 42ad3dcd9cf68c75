//! Changing a listpack. Everything ends in one splice: open or close a gap, write entries into it, mend the
//! header.

use super::{COUNT_UNKNOWN, END, HEADER, Listpack, Pos, encoding::Encoded};
use crate::size_class::malloc_size;

impl Listpack {
    /// Appends an element.
    ///
    /// Panics, as do all that add, when the block would pass 4 GiB; see
    /// [`would_exceed`](Listpack::would_exceed).
    #[inline]
    pub fn push_back(&mut self, value: &[u8]) {
        self.splice(self.end(), 0, 0, &[Encoded::of_bytes(value)]);
    }

    /// Appends an integer, sparing the way through its text.
    #[inline]
    pub fn push_back_int(&mut self, value: i64) {
        self.splice(self.end(), 0, 0, &[Encoded::of_int(value)]);
    }

    /// Prepends an element.
    #[inline]
    pub fn push_front(&mut self, value: &[u8]) {
        self.splice(HEADER, 0, 0, &[Encoded::of_bytes(value)]);
    }

    /// Appends two elements at once.
    #[inline]
    pub fn push_pair(&mut self, first: &[u8], second: &[u8]) {
        self.splice(self.end(), 0, 0, &[Encoded::of_bytes(first), Encoded::of_bytes(second)]);
    }

    /// Inserts two elements before `pos`, or at the end when there is none; returns the place of the first.
    #[inline]
    pub fn insert_pair_before(&mut self, pos: Option<Pos>, first: &[u8], second: &[u8]) -> Pos {
        let at = pos.map_or(self.end(), Pos::offset);
        self.splice(at, 0, 0, &[Encoded::of_bytes(first), Encoded::of_bytes(second)]);
        Pos::at(at)
    }

    /// Inserts an element before `pos`; returns its place.
    #[inline]
    pub fn insert_before(&mut self, pos: Pos, value: &[u8]) -> Pos {
        self.splice(pos.offset(), 0, 0, &[Encoded::of_bytes(value)]);
        pos
    }

    /// Inserts an element after `pos`; returns its place. `pos` stays valid.
    #[inline]
    pub fn insert_after(&mut self, pos: Pos, value: &[u8]) -> Pos {
        let at = self.after(pos.offset());
        self.splice(at, 0, 0, &[Encoded::of_bytes(value)]);
        Pos::at(at)
    }

    /// Replaces the element at `pos`, which stays its place.
    #[inline]
    pub fn replace(&mut self, pos: Pos, value: &[u8]) {
        let at = pos.offset();
        self.splice(at, self.after(at) - at, 1, &[Encoded::of_bytes(value)]);
    }

    /// Replaces the element at `pos` by an integer.
    #[inline]
    pub fn replace_int(&mut self, pos: Pos, value: i64) {
        let at = pos.offset();
        self.splice(at, self.after(at) - at, 1, &[Encoded::of_int(value)]);
    }

    /// Removes the element at `pos`; returns the place of the one that followed.
    #[inline]
    pub fn remove(&mut self, pos: Pos) -> Option<Pos> {
        self.remove_run(pos, 1)
    }

    /// Removes up to `count` elements from `pos` on; returns the place of the one that followed.
    pub fn remove_run(&mut self, pos: Pos, count: usize) -> Option<Pos> {
        let start = pos.offset();
        let mut stop = start;
        let mut removed = 0;
        while removed < count && self.bytes[stop] != END {
            stop = self.after(stop);
            removed += 1;
        }
        self.splice(start, stop - start, removed, &[]);
        self.element_at(start)
    }

    /// Removes up to `count` elements from `index` on; returns how many.
    pub fn remove_range(&mut self, index: usize, count: usize) -> usize {
        let length = self.len();
        let removed = count.min(length.saturating_sub(index));
        let start = isize::try_from(index).ok().and_then(|index| self.seek(index));
        let Some(start) = start.filter(|_| removed > 0) else { return 0 };
        if index + removed == length {
            let start = start.offset();
            self.splice(start, self.end() - start, removed, &[]);
        } else {
            self.remove_run(start, removed);
        }
        removed
    }

    /// Appends all elements of `other`.
    pub fn append(&mut self, other: &Listpack) {
        let count = self.len() + other.len();
        self.reserve(other.byte_len() - HEADER - 1);
        self.bytes.pop();
        self.bytes.extend_from_slice(&other.bytes[HEADER..]);
        self.set_header(count);
    }

    /// Cuts the listpack in two: keeps the first `index` elements, returns the rest.
    pub fn split_off(&mut self, index: usize) -> Listpack {
        let length = self.len();
        let Some(start) = isize::try_from(index).ok().and_then(|index| self.seek(index)) else {
            return Listpack::new();
        };
        let start = start.offset();
        let mut rest = Listpack { bytes: Vec::with_capacity(malloc_size(HEADER + self.bytes.len() - start)) };
        rest.bytes.extend_from_slice(&[0; HEADER]);
        rest.bytes.extend_from_slice(&self.bytes[start..]);
        rest.set_header(length - index);
        self.splice(start, self.end() - start, length - index, &[]);
        rest
    }

    /// Removes all elements and gives the block back.
    pub fn clear(&mut self) {
        *self = Listpack::new();
    }

    /// Returns unused capacity to the allocator.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Replaces the `old_bytes` at `at`, which hold `old_count` entries, by `new`.
    #[inline]
    fn splice(&mut self, at: usize, old_bytes: usize, old_count: usize, new: &[Encoded<'_>]) {
        let new_bytes: usize = new.iter().map(Encoded::size).sum();
        let count = self.header_count().map(|count| count - old_count + new.len());
        let length = self.bytes.len();
        if new_bytes > old_bytes {
            let grow = new_bytes - old_bytes;
            self.reserve(grow);
            self.bytes.resize(length + grow, 0);
        }
        if new_bytes != old_bytes {
            self.bytes.copy_within(at + old_bytes..length, at + new_bytes);
        }
        let mut place = at;
        for entry in new {
            let size = entry.size();
            entry.write(&mut self.bytes[place..place + size]);
            place += size;
        }
        if new_bytes < old_bytes {
            self.bytes.truncate(length - (old_bytes - new_bytes));
            self.give_back();
        }
        match count {
            Some(count) => self.set_header(count),
            None => self.set_total(),
        }
    }

    /// Writes the total and `count` into the header.
    #[inline]
    pub(super) fn set_header(&mut self, count: usize) {
        self.set_total();
        let count = u16::try_from(count).unwrap_or(COUNT_UNKNOWN);
        self.bytes[4..HEADER].copy_from_slice(&count.to_le_bytes());
    }

    #[inline]
    pub(super) fn set_total(&mut self) {
        let total = u32::try_from(self.bytes.len()).expect("a listpack is shorter than 4 GiB");
        self.bytes[..4].copy_from_slice(&total.to_le_bytes());
    }

    /// Makes room for `extra` bytes, up to the size the allocator would round to anyway.
    #[inline]
    fn reserve(&mut self, extra: usize) {
        let needed = self.bytes.len() + extra;
        if needed > self.bytes.capacity() {
            assert!(u32::try_from(needed).is_ok(), "a listpack is shorter than 4 GiB");
            self.bytes.reserve_exact(malloc_size(needed) - self.bytes.len());
        }
    }

    /// Shrinks the block once a quarter of it is unused.
    #[inline]
    fn give_back(&mut self) {
        let fitting = malloc_size(self.bytes.len());
        if fitting <= self.bytes.capacity() / 4 * 3 {
            self.bytes.shrink_to(fitting);
        }
    }
}
