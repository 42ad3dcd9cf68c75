//! Appending many elements at once: the terminator and the header are written once, and the block grows by doubling
//! instead of by the next size of the allocator.

use super::{END, Listpack, encoding::Encoded};
use crate::size_class::malloc_size;

/// The block doubles up to so many bytes, then grows by a quarter.
const DOUBLING_BYTES: usize = 4096;

/// Adds elements at the end of a listpack, which is whole again when this is dropped.
#[derive(Debug)]
pub struct Appender<'a> {
    pack: &'a mut Listpack,
    /// Elements after those added; none if the header could not say.
    count: Option<usize>,
}

impl Listpack {
    /// Ready to append elements that take at most `bytes`, headers of entries included. (More are taken, but slower.)
    #[inline]
    pub fn appender(&mut self, bytes: usize) -> Appender<'_> {
        let needed = self.bytes.len().saturating_add(bytes);
        if needed > self.bytes.capacity() {
            let length = self.bytes.len();
            let generous = if length < DOUBLING_BYTES { 2 * length } else { length + length / 4 };
            self.bytes.reserve_exact(malloc_size(needed.max(generous)) - length);
        }
        let count = self.header_count();
        self.bytes.pop();
        Appender { pack: self, count }
    }
}

impl Appender<'_> {
    /// Appends an integer.
    #[inline]
    pub fn int(&mut self, value: i64) {
        self.put(&Encoded::of_int(value));
    }

    /// Appends an element.
    #[inline]
    pub fn bytes(&mut self, value: &[u8]) {
        self.put(&Encoded::of_bytes(value));
    }

    #[inline]
    fn put(&mut self, entry: &Encoded<'_>) {
        entry.push_to(&mut self.pack.bytes);
        self.count = self.count.map(|count| count + 1);
    }
}

impl Drop for Appender<'_> {
    #[inline]
    fn drop(&mut self) {
        self.pack.bytes.push(END);
        match self.count {
            Some(count) => self.pack.set_header(count),
            None => self.pack.set_total(),
        }
    }
}
