//! The owning pointer behind the compact items: one allocation, whose size its own content tells.
//!
//! The unsafe code of `compact` is here. What makes its functions safe to call is the invariant of a `Raw<L>`
//! (S3): *the allocation is `malloc_size(n)` bytes long, its first `n` bytes are initialised, and they are
//! such that `L::measure` of them is `n` and asks for none behind them.*

use crate::size_class::malloc_size;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;

/// How an item is laid out in its bytes.
pub(super) trait ItemLayout {
    /// The bytes of an item, told by those at its beginning, of which `byte(i)` gives the i-th. It depends on
    /// nothing else.
    fn measure(byte: impl Fn(usize) -> u8) -> usize;
}

/// See the module.
pub(super) struct Raw<L: ItemLayout> {
    start: NonNull<u8>,
    layout: PhantomData<L>,
}

// SAFETY: a raw item owns plain bytes.
unsafe impl<L: ItemLayout> Send for Raw<L> {}
// SAFETY: as above, and they change through exclusive references only.
unsafe impl<L: ItemLayout> Sync for Raw<L> {}

/// Items lie at multiples of this, so that the lowest bits of their addresses are free.
pub(super) const ALIGNMENT: usize = 8;

fn allocation(size: usize) -> Layout {
    Layout::from_size_align(malloc_size(size), ALIGNMENT).expect("an item is smaller than the address space")
}

impl<L: ItemLayout> Raw<L> {
    /// An item of these parts, one behind the other. Panics unless they say their own size.
    #[inline]
    pub(super) fn new<const N: usize>(parts: [&[u8]; N]) -> Self {
        let size = parts.iter().map(|part| part.len()).sum();
        assert!(size > 0, "an item has a length at least");
        let layout = allocation(size);
        // SAFETY: the layout is not empty, because `size` is not.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        let mut offset = 0;
        for part in parts {
            // SAFETY: 1. The offsets and lengths add up to `size`, which the allocation holds. 2. It is new:
            // no part lies in it.
            unsafe { start.as_ptr().add(offset).copy_from_nonoverlapping(part.as_ptr(), part.len()) };
            offset += part.len();
        }
        // SAFETY: the loop has initialised `size` bytes; nobody else knows them.
        let bytes = unsafe { slice::from_raw_parts(start.as_ptr(), size) };
        assert_eq!(L::measure(|i| bytes[i]), size, "an item says its own size");
        Self { start, layout: PhantomData }
    }

    /// Gives up the item for its address; it is freed by nobody until [`from_address`](Self::from_address).
    #[inline]
    pub(super) fn into_address(self) -> NonNull<u8> {
        let start = self.start;
        std::mem::forget(self);
        start
    }

    /// The item of an address.
    ///
    /// # Safety
    /// The address came from `into_address` of an item with the same layout, and is given up by this.
    #[inline]
    pub(super) unsafe fn from_address(start: NonNull<u8>) -> Self {
        Self { start, layout: PhantomData }
    }

    /// Where the item lies.
    #[inline]
    pub(super) fn address(&self) -> *const u8 {
        self.start.as_ptr()
    }

    #[inline]
    fn size(&self) -> usize {
        // SAFETY: by S3 the bytes that `measure` asks for are initialised.
        L::measure(|i| unsafe { self.start.as_ptr().add(i).read() })
    }

    /// The bytes of the item.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: by S3 so many bytes are initialised; they do not change as long as `self` is shared.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.size()) }
    }

    /// Writes `head` to the beginning of the item and lets it end with `tail`, written at `tail_at`; what
    /// lies between stays. Returns whether it did: only if the item stays in its size class.
    #[inline]
    pub(super) fn rewrite(&mut self, head: &[u8], tail_at: usize, tail: &[u8]) -> bool {
        let old = self.size();
        let new = tail_at + tail.len();
        if malloc_size(new) != malloc_size(old) {
            return false;
        }
        assert!(head.len() <= tail_at && tail_at <= old, "no byte between head and tail is uninitialised");
        assert_eq!(L::measure(|i| head[i]), new, "an item says its own size");
        // SAFETY: 1. Both parts end inside the allocation, which is as long as the size class of the new
        // size. 2. They are borrowed beside an exclusive `self`: they do not lie in it. 3. S3 holds
        // afterwards by the two assertions.
        unsafe {
            self.start.as_ptr().copy_from_nonoverlapping(head.as_ptr(), head.len());
            self.start.as_ptr().add(tail_at).copy_from_nonoverlapping(tail.as_ptr(), tail.len());
        }
        true
    }

    /// The bytes the allocator hands out for the item.
    #[inline]
    pub(super) fn memory_bytes(&self) -> usize {
        malloc_size(self.size())
    }
}

impl<L: ItemLayout> Drop for Raw<L> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: by S3 it was allocated with this layout, and its owner is going.
        unsafe { dealloc(self.start.as_ptr(), allocation(self.size())) };
    }
}
