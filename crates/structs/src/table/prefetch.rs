//! Hints to the processor that cache lines will be wanted soon.

use super::bucket::CACHE_LINE_BYTES;
use super::{Table, TableItem};

/// A table as somebody sees it who fetches what look-ups of up to 64 hashes will read, one step after the other, whatever
/// it holds.
pub trait FetchAhead {
    /// Hints at the table itself.
    fn prefetch_head(&self);
    /// As [`Table::prefetch_bucket`], when the head has arrived.
    fn prefetch_buckets(&self, hashes: &[u64]);
    /// As [`Table::prefetch_item`], when the buckets have arrived; a bit for each of the hashes says whether it needs the
    /// next step.
    fn prefetch_items(&self, hashes: &[u64]) -> u64;
    /// As [`Table::prefetch_item_behind`], when those buckets have arrived, for the hashes whose bit is set.
    fn prefetch_items_behind(&self, hashes: &[u64], wanted: u64);
}

impl<T: TableItem> FetchAhead for Table<T> {
    #[inline]
    fn prefetch_head(&self) {
        prefetch_value(self);
    }

    fn prefetch_buckets(&self, hashes: &[u64]) {
        hashes.iter().for_each(|&hash| self.prefetch_bucket(hash));
    }

    fn prefetch_items(&self, hashes: &[u64]) -> u64 {
        debug_assert!(hashes.len() <= 64, "there are as many bits");
        hashes.iter().rev().fold(0, |behind, &hash| behind << 1 | u64::from(self.prefetch_item(hash)))
    }

    fn prefetch_items_behind(&self, hashes: &[u64], mut wanted: u64) {
        while wanted != 0 {
            self.prefetch_item_behind(hashes[wanted.trailing_zeros() as usize]);
            wanted &= wanted - 1;
        }
    }
}

/// Asks for the cache lines of a value, of which it takes one or two.
#[inline]
pub fn prefetch_value<T>(value: &T) {
    const { assert!(size_of::<T>() <= 128, "of larger ones hardly all is wanted") };
    let first = std::ptr::from_ref(value).cast::<u8>();
    prefetch(first);
    prefetch(first.wrapping_add(size_of::<T>().saturating_sub(1)));
}

/// Asks for the cache lines of bytes, as far as they go and no more than `most` bytes.
#[inline]
pub fn prefetch_bytes(bytes: &[u8], most: usize) {
    for line in (0..bytes.len().min(most)).step_by(CACHE_LINE_BYTES) {
        prefetch(bytes.as_ptr().wrapping_add(line));
    }
}

/// Asks for the cache line at `address`. Any address will do, also a stale or wild one: a prefetch reads
/// nothing the program could see and never faults. Does nothing on processors without a known instruction.
#[inline(always)]
pub fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: 1. SSE is part of every x86-64. 2. The instruction is a hint: it does not access memory in
        // the sense of the language and does not fault, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
