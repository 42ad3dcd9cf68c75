//! An allocator in front of jemalloc that lets it work with size classes eight bytes apart.
//!
//! jemalloc's quantum is the spacing of its smallest classes. On x86-64 and its like it is 16, because `malloc` in C
//! must align every block for every type. At 8, set in `.cargo/config.toml`, there are classes of 24, 40 and 56 bytes
//! as well: a key of 16 bytes with a value of 32 takes 56 instead of 64, a set member of 16 bytes 24 instead of 32.
//!
//! Rust says with each request what alignment it needs, so nothing is lost in that. But jemalloc's binding trusts that
//! a block of at least 16 bytes is aligned to 16 without asking, and so it is only if the size is a multiple of 16.
//! Therefore requests for 16 are rounded up to such a size here: every class that serves a multiple of 16 is one
//! itself, and blocks of a class lie at multiples of it. Smaller alignments hold in every class; larger ones the
//! binding asks for.
//!
//! Without the smaller quantum all this is harmless.

use std::alloc::{GlobalAlloc, Layout};

/// The alignment that a binding takes for granted, and that classes 8 bytes apart do not give.
const TAKEN_FOR_GRANTED: usize = 16;

/// `A`, asked only for sizes from which alignment follows. See the module.
#[derive(Debug, Default)]
pub struct AlignedAlloc<A>(pub A);

/// A size for the alignment [`TAKEN_FOR_GRANTED`] is made a multiple of it.
#[inline]
const fn padded(layout: Layout) -> Layout {
    if layout.align() == TAKEN_FOR_GRANTED { layout.pad_to_align() } else { layout }
}

// SAFETY: 1. Every request is passed on with the same alignment and a size that is not smaller, so what is granted
// serves the request. 2. The padded layout is a function of the layout alone: a block is given back with the layout
// with which it was asked for.
unsafe impl<A: GlobalAlloc> GlobalAlloc for AlignedAlloc<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise; padding makes no size zero.
        unsafe { self.0.alloc(padded(layout)) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { self.0.alloc_zeroed(padded(layout)) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, and reason 2 above.
        unsafe { self.0.dealloc(block, padded(layout)) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let new_size = match layout.align() {
            // No overflow: the caller promises a size that can be rounded up to the alignment.
            TAKEN_FOR_GRANTED => new_size.next_multiple_of(TAKEN_FOR_GRANTED),
            _ => new_size,
        };
        // SAFETY: as in `dealloc` for the old layout and as in `alloc` for the new size.
        unsafe { self.0.realloc(block, padded(layout), new_size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;
    use std::cell::RefCell;

    /// Passes everything on and remembers what it was asked.
    #[derive(Default)]
    struct Recorder(RefCell<Vec<Layout>>);

    // SAFETY: every call reaches the system's allocator as it came.
    unsafe impl GlobalAlloc for Recorder {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            self.0.borrow_mut().push(layout);
            // SAFETY: the caller's promise.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            self.0.borrow_mut().push(layout);
            // SAFETY: the caller's promise.
            unsafe { System.dealloc(block, layout) }
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
            let new = Layout::from_size_align(new_size, layout.align()).unwrap();
            self.0.borrow_mut().extend([layout, new]);
            // SAFETY: the caller's promise.
            unsafe { System.realloc(block, layout, new_size) }
        }
    }

    /// The sizes with which a block's life reaches the allocator behind.
    fn asked(size: usize, new_size: usize, align: usize) -> Vec<usize> {
        let alloc = AlignedAlloc(Recorder::default());
        let layout = Layout::from_size_align(size, align).unwrap();
        let new = Layout::from_size_align(new_size, align).unwrap();
        // SAFETY: no size is zero, and the block goes its way with the layouts it has.
        unsafe {
            let block = alloc.alloc(layout);
            let block = alloc.realloc(block, layout, new_size);
            alloc.dealloc(block, new);
        }
        let layouts = alloc.0.0.into_inner();
        assert!(layouts.iter().all(|layout| layout.align() == align), "the alignment is never changed");
        layouts.iter().map(Layout::size).collect()
    }

    #[test]
    fn a_request_aligned_to_16_reaches_the_allocator_as_a_multiple_of_16_all_its_life() {
        assert_eq!(asked(52, 84, 16), [64, 64, 96, 96]);
        assert_eq!(asked(1, 16, 16), [16, 16, 16, 16]);
        assert_eq!(asked(96, 48, 16), [96, 96, 48, 48]);
    }

    #[test]
    fn other_requests_reach_the_allocator_as_they_are() {
        for align in [1, 2, 4, 8, 32, 64, 4096] {
            assert_eq!(asked(52, 84, align), [52, 52, 84, 84], "aligned to {align}");
        }
    }
}
