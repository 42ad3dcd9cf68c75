//! A sequence of strings and integers in one allocation.
//!
//! # The idea
//! A small hash, set, sorted set or list costs more in pointers and allocator headers than in data when
//! each element is an allocation. A listpack writes the elements one after another into a single block.
//! Looking something up means walking the block, which for a hundred elements is a few cache lines read
//! in order, hence faster than chasing pointers; past a limit, which belongs to the collection and not to
//! this module, the collection moves to a structure with an index.
//!
//! # The bytes
//! ```text
//!  total bytes  count   entry 0   entry 1         end
//! +-----------+-------+---------+---------+ ··· +------+
//! | u32 LE    | u16 LE|         |         |     | 0xFF |
//! +-----------+-------+---------+---------+ ··· +------+
//!                     /         \
//!                    +-----------+----------------+
//!                    | encoding  | backward length|
//!                    | and data  | 1 to 5 bytes   |
//!                    +-----------+----------------+
//! ```
//! A count of 65535 means "more than fits here: walk and count". The encodings:
//!
//! | first byte | holds | bytes before the backward length |
//! |---|---|---|
//! | `0xxxxxxx` | integer 0 to 127 | 1 |
//! | `10llllll` | string of up to 63 bytes | 1 + length |
//! | `110xxxxx` | integer of 13 bits, big-endian | 2 |
//! | `1110llll` | string of up to 4095 bytes, length big-endian | 2 + length |
//! | `11110000` | string, length `u32` little-endian | 5 + length |
//! | `0xF1` `0xF2` `0xF3` `0xF4` | integer of 16, 24, 32, 64 bits, little-endian | 3, 4, 5, 9 |
//!
//! The backward length counts the bytes before it, seven bits a byte, the most significant part first; it
//! is read from its last byte leftwards, where a set high bit says that another byte follows. So one can
//! walk from either end, and no entry knows the size of its neighbour: changing one element never
//! ripples through the rest, which was the flaw of the older ziplist.
//!
//! A text that is the canonical form of a 64-bit integer is stored as that integer. The bytes are exactly
//! those of Redis 7, so a listpack goes into RDB files and DUMP payloads as it is.
//!
//! # Sizes
//! | elements | bytes of the block |
//! |---|---|
//! | none | 7 |
//! | each integer 0-127 | 2 |
//! | each integer of 13, 16, 32, 64 bits | 3, 4, 6, 10 |
//! | each string of 8, 63, 64, 126, 4096 bytes | 10, 65, 67, 130, 4103 |
//! | 100 pairs: field of 8, value of 7 bytes | 1907 |
//!
//! A [`Listpack`] is 24 bytes beside its block. The block grows to the next size the allocator would hand
//! out anyway (16-byte steps, later four sizes per doubling), so no capacity is kept that would not be
//! lost to rounding, and most pushes need no reallocation.
//!
//! # Costs
//! Ends, and stepping from a known position: O(1). Index, search and a missing count: O(n). Every change
//! moves the bytes after it: O(bytes), one `memmove`.
//!
//! # What it does not do
//! It sets no limit but the format's own (4 GiB, see [`Listpack::would_exceed`] for the safe 1 GiB), keeps
//! no order and knows no keys. Positions are not tied to a version of the listpack: using one after a
//! change other than the one that returned it gives nonsense or a panic, never undefined behaviour.
//!
//! # Source
//! The format is by Salvatore Sanfilippo with advice from Yuval Inbar, 2017; the facts here were taken
//! from its specification and from the payloads Redis 7.0 writes. The code is our own.

mod append;
mod edit;
mod encoding;
mod iter;
#[cfg(test)]
mod tests;
mod validate;
mod value;

use std::num::NonZeroU32;

pub use append::Appender;
pub use iter::{Iter, Pairs};
pub use validate::ListpackError;
pub use value::{ListpackValue, Needle};

use encoding::{END, Encoded};

/// Bytes before the first entry.
const HEADER: usize = 6;

/// The header's count when there are too many elements to say.
const COUNT_UNKNOWN: u16 = u16::MAX;

/// The size in bytes no listpack should grow beyond, whatever a configuration allows.
pub const SAFE_BYTES: usize = 1 << 30;

/// The place of an element in a listpack, valid until the listpack changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos(NonZeroU32);

impl Pos {
    #[inline]
    fn at(offset: usize) -> Self {
        let offset = u32::try_from(offset).expect("a listpack is shorter than 4 GiB");
        Pos(NonZeroU32::new(offset).expect("entries lie behind the header"))
    }

    #[inline]
    fn offset(self) -> usize {
        self.0.get() as usize
    }
}

/// A sequence of strings and integers in one allocation; see the [module](self) for the format.
#[derive(Clone, PartialEq, Eq)]
pub struct Listpack {
    bytes: Vec<u8>,
}

impl Default for Listpack {
    fn default() -> Self {
        Listpack::new()
    }
}

impl Listpack {
    /// An empty listpack.
    pub fn new() -> Self {
        Listpack::with_capacity(0)
    }

    /// An empty listpack whose block has room for `bytes` in all.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut block = Vec::with_capacity(bytes.max(HEADER + 1));
        block.extend_from_slice(&[HEADER as u8 + 1, 0, 0, 0, 0, 0, END]);
        Listpack { bytes: block }
    }

    /// The whole block, as it goes into files.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of the block, header and terminator included.
    #[inline]
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of heap the listpack holds.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER + 1
    }

    /// The number of elements; O(n) when there are more than 65534.
    #[inline]
    pub fn len(&self) -> usize {
        self.header_count().unwrap_or_else(|| self.count_entries(HEADER))
    }

    /// Bytes that `value` would take as an element.
    #[inline]
    pub fn entry_size(value: &[u8]) -> usize {
        Encoded::of_bytes(value).size()
    }

    /// Whether adding `bytes` of elements would take the block beyond [`SAFE_BYTES`].
    #[inline]
    pub fn would_exceed(&self, bytes: usize) -> bool {
        self.byte_len().saturating_add(bytes) > SAFE_BYTES
    }

    /// The first element.
    #[inline]
    pub fn first(&self) -> Option<Pos> {
        self.element_at(HEADER)
    }

    /// The last element.
    #[inline]
    pub fn last(&self) -> Option<Pos> {
        self.element_before(self.end())
    }

    /// The element after `pos`.
    #[inline]
    pub fn next(&self, pos: Pos) -> Option<Pos> {
        self.element_at(self.after(pos.offset()))
    }

    /// The element before `pos`.
    #[inline]
    pub fn prev(&self, pos: Pos) -> Option<Pos> {
        self.element_before(pos.offset())
    }

    /// The value at `pos`.
    #[inline]
    pub fn get(&self, pos: Pos) -> ListpackValue<'_> {
        encoding::decode(&self.bytes[pos.offset()..])
    }

    /// The element at `index`; negative counts from the end, -1 being the last. Walks from the nearer end.
    pub fn seek(&self, index: isize) -> Option<Pos> {
        let Some(count) = self.header_count() else {
            return if index < 0 {
                self.walk_back(index.unsigned_abs() - 1)
            } else {
                self.walk(index.unsigned_abs())
            };
        };
        let index = if index < 0 { count.checked_sub(index.unsigned_abs())? } else { index.unsigned_abs() };
        if index >= count {
            None
        } else if index <= count / 2 {
            self.walk(index)
        } else {
            self.walk_back(count - 1 - index)
        }
    }

    /// The value at `index`, counted from the front.
    pub fn at(&self, index: usize) -> Option<ListpackValue<'_>> {
        Some(self.get(self.seek(isize::try_from(index).ok()?)?))
    }

    /// Calls `visit` with each index of `sorted` (ascending, repeats allowed) and the value there, in one
    /// walk: how several random elements are picked. Indexes past the end are skipped.
    pub fn pick(&self, sorted: &[usize], mut visit: impl FnMut(usize, ListpackValue<'_>)) {
        debug_assert!(sorted.is_sorted(), "a single walk needs ascending indexes");
        let mut wanted = sorted.iter().copied().peekable();
        for (index, value) in self.iter().enumerate() {
            while wanted.next_if_eq(&index).is_some() {
                visit(index, value);
            }
            if wanted.peek().is_none() {
                return;
            }
        }
    }

    /// The first element equal to `needle`, comparing one element, then passing over `skip` of them, and so
    /// on: 0 searches all elements, 1 every first of a pair.
    #[inline]
    pub fn find(&self, needle: &[u8], skip: usize) -> Option<Pos> {
        self.find_from(HEADER, needle, skip)
    }

    /// Like [`find`](Listpack::find), starting with the element at `from`.
    #[inline]
    pub fn find_after(&self, from: Pos, needle: &[u8], skip: usize) -> Option<Pos> {
        self.find_from(from.offset(), needle, skip)
    }

    /// The pair whose first element is `key`, in a listpack of pairs: the places of both.
    #[inline]
    pub fn find_pair(&self, key: &[u8]) -> Option<(Pos, Pos)> {
        let first = self.find(key, 1)?;
        Some((first, self.next(first)?))
    }

    fn find_from(&self, start: usize, needle: &[u8], skip: usize) -> Option<Pos> {
        let needle = Needle::new(needle);
        let mut at = start;
        while self.bytes[at] != END {
            let rest = &self.bytes[at..];
            if needle.matches(encoding::decode(rest)) {
                return Some(Pos::at(at));
            }
            at += encoding::entry_len(rest);
            for _ in 0..skip {
                if self.bytes[at] == END {
                    return None;
                }
                at = self.after(at);
            }
        }
        None
    }

    /// Offset of the terminator.
    #[inline]
    fn end(&self) -> usize {
        self.bytes.len() - 1
    }

    #[inline]
    fn after(&self, offset: usize) -> usize {
        offset + encoding::entry_len(&self.bytes[offset..])
    }

    #[inline]
    fn element_at(&self, offset: usize) -> Option<Pos> {
        (self.bytes[offset] != END).then(|| Pos::at(offset))
    }

    #[inline]
    fn element_before(&self, offset: usize) -> Option<Pos> {
        if offset == HEADER {
            return None;
        }
        let data = encoding::read_backlen(&self.bytes[..offset]).expect("a valid entry ends in its length");
        Some(Pos::at(offset - data - encoding::backlen_size(data)))
    }

    fn walk(&self, steps: usize) -> Option<Pos> {
        let mut pos = self.first()?;
        for _ in 0..steps {
            pos = self.next(pos)?;
        }
        Some(pos)
    }

    fn walk_back(&self, steps: usize) -> Option<Pos> {
        let mut pos = self.last()?;
        for _ in 0..steps {
            pos = self.prev(pos)?;
        }
        Some(pos)
    }

    #[inline]
    fn header_count(&self) -> Option<usize> {
        let count = u16::from_le_bytes([self.bytes[4], self.bytes[5]]);
        (count != COUNT_UNKNOWN).then_some(usize::from(count))
    }

    fn count_entries(&self, from: usize) -> usize {
        let mut at = from;
        let mut count = 0;
        while self.bytes[at] != END {
            at = self.after(at);
            count += 1;
        }
        count
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
