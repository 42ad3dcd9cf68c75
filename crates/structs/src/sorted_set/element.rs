//! One member of a sorted set with its score: a thin owning pointer to a single allocation.
//!
//! ```text
//! Element ──> | score f64 | length | member bytes ...          |
//!             |   8 bytes | 1 or 9 |                           |
//! ```
//!
//! The length takes one byte up to 254; the byte 255 announces eight more. A member of 16 bytes thus needs 25
//! bytes, which every allocator serves from its class of 32, and the pointer to it is one word wherever it is kept:
//! in a leaf of the tree and in the member index.
//!
//! An element is owned once, by the tree. The index reaches the same allocation through an [`Alias`], which is a
//! plain copy of the address: making one is the `unsafe` act, and its contract is the set's to keep. This is the
//! only module of the sorted set that touches raw memory.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cmp::Ordering;
use std::fmt;
use std::ptr::NonNull;
use std::slice;

/// Bytes of the score in front.
const SCORE_BYTES: usize = size_of::<f64>();
/// Longest member whose length fits the one header byte.
const SHORT_MAX: usize = 254;
/// The header byte that announces an eight-byte length.
const LONG_MARK: u8 = 255;
/// Bytes of header and length of a long member.
const LONG_HEADER: usize = 1 + size_of::<u64>();

/// A member and its score, on the heap in one piece.
#[repr(transparent)]
pub(super) struct Element(NonNull<u8>);

// SAFETY: 1. the allocation is owned by this value alone and holds plain bytes; 2. it changes only through
// `&mut self`, so shared references may be used from several threads and the owner may move between them.
unsafe impl Send for Element {}
// SAFETY: as for `Send`: `&Element` only reads.
unsafe impl Sync for Element {}

impl Element {
    /// A new element. The score must not be NaN: it would have no place in the order.
    pub(super) fn new(member: &[u8], score: f64) -> Self {
        assert!(!score.is_nan(), "the score of a sorted set is never NaN");
        let layout = layout(member.len());
        // SAFETY: 1. the layout is never empty, it holds at least score and header.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        // SAFETY: 1. the allocation has `SCORE_BYTES + header_bytes(len) + len` bytes and is aligned for f64;
        // 2. every write below stays inside that sum; 3. fresh memory cannot overlap `member`.
        unsafe {
            start.cast::<f64>().write(score);
            let header = start.add(SCORE_BYTES);
            if member.len() <= SHORT_MAX {
                header.write(member.len() as u8);
            } else {
                header.write(LONG_MARK);
                header.add(1).cast::<u64>().write_unaligned(member.len() as u64);
            }
            let body = header.add(header_bytes(member.len()));
            body.copy_from_nonoverlapping(NonNull::from(member).cast(), member.len());
        }
        #[cfg(test)]
        live::change(1);
        Self(start)
    }

    /// The score.
    pub(super) fn score(&self) -> f64 {
        // SAFETY: 1. `new` wrote the score at the start, aligned; 2. `&self` excludes a concurrent change.
        unsafe { self.0.cast::<f64>().read() }
    }

    /// The member's bytes.
    pub(super) fn member(&self) -> &[u8] {
        let len = self.member_len();
        // SAFETY: 1. `new` initialised `len` bytes behind the header of that length; 2. they never change while
        // the element lives, and the slice borrows the element.
        unsafe {
            let body = self.0.add(SCORE_BYTES + header_bytes(len));
            slice::from_raw_parts(body.as_ptr(), len)
        }
    }

    /// Gives the element another score. Only its owner can do so, and must see that its place still fits.
    pub(super) fn set_score(&mut self, score: f64) {
        assert!(!score.is_nan(), "the score of a sorted set is never NaN");
        // SAFETY: 1. the start of the allocation holds the score, aligned; 2. `&mut self` is exclusive.
        unsafe { self.0.cast::<f64>().write(score) }
    }

    /// The place of this element relative to a score and member: by score, then by bytes. Both zeros are equal.
    pub(super) fn order(&self, score: f64, member: &[u8]) -> Ordering {
        match self.score().partial_cmp(&score).expect("no NaN enters an element, nor is one looked for") {
            Ordering::Equal => self.member().cmp(member),
            unequal => unequal,
        }
    }

    /// Where the element lies: to tell it from others and to fetch it ahead of need.
    pub(super) fn address(&self) -> *const u8 {
        self.0.as_ptr()
    }

    /// Bytes asked of the allocator for an element whose member has `len` bytes.
    pub(super) fn layout_bytes(len: usize) -> usize {
        SCORE_BYTES + header_bytes(len) + len
    }

    /// A second way to this element that owns nothing.
    ///
    /// # Safety
    /// The alias must not be read once the element is dropped, and [`Self::set_score`] must not run while a
    /// reference obtained through the alias lives.
    pub(super) unsafe fn alias(&self) -> Alias {
        Alias(self.0)
    }

    /// Length of the member in bytes.
    fn member_len(&self) -> usize {
        // SAFETY: 1. `new` wrote the header byte at this offset, and eight bytes more behind the long mark.
        unsafe {
            let header = self.0.add(SCORE_BYTES);
            match header.read() {
                LONG_MARK => header.add(1).cast::<u64>().read_unaligned() as usize,
                short => usize::from(short),
            }
        }
    }
}

impl Drop for Element {
    fn drop(&mut self) {
        #[cfg(test)]
        live::change(-1);
        // SAFETY: 1. `new` allocated with the layout of this length, which has not changed since; 2. the owner is
        // dropped once, and aliases are not read afterwards (contract of `alias`).
        unsafe { dealloc(self.0.as_ptr(), layout(self.member_len())) }
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.score(), self.member().escape_ascii())
    }
}

/// The address of an element owned by somebody else.
#[repr(transparent)]
pub(super) struct Alias(NonNull<u8>);

// SAFETY: 1. an alias only lends `&Element`, which is `Sync`.
unsafe impl Send for Alias {}
// SAFETY: as for `Send`.
unsafe impl Sync for Alias {}

impl Alias {
    /// The element behind the alias.
    pub(super) fn element(&self) -> &Element {
        // SAFETY: 1. both types are transparent over the same pointer; 2. the element is alive and not being
        // changed while the reference lives (contract of `Element::alias`); 3. a reference never drops it.
        unsafe { &*std::ptr::from_ref(self).cast::<Element>() }
    }
}

/// Bytes between the score and the member.
fn header_bytes(len: usize) -> usize {
    if len <= SHORT_MAX { 1 } else { LONG_HEADER }
}

/// The allocation of an element whose member has `len` bytes.
fn layout(len: usize) -> Layout {
    Layout::from_size_align(Element::layout_bytes(len), align_of::<f64>())
        .expect("a slice in memory plus a header is shorter than the address space")
}

#[cfg(test)]
pub(super) mod live {
    //! Counts the elements alive on this thread, so that tests see leaks and double drops.
    use std::cell::Cell;

    thread_local! {
        static COUNT: Cell<isize> = const { Cell::new(0) };
    }

    pub(super) fn change(by: isize) {
        COUNT.with(|count| count.set(count.get() + by));
    }

    pub(in super::super) fn count() -> isize {
        COUNT.with(Cell::get)
    }
}

#[cfg(test)]
mod tests {
    use super::{Element, live};
    use std::cmp::Ordering;

    #[test]
    fn a_member_of_any_length_comes_back_with_its_score() {
        for len in [0, 1, 15, 16, 253, 254, 255, 256, 70_000] {
            let member: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let mut element = Element::new(&member, -1.5);
            assert_eq!((element.member(), element.score()), (&member[..], -1.5));
            element.set_score(f64::INFINITY);
            assert_eq!((element.member(), element.score()), (&member[..], f64::INFINITY));
        }
        assert_eq!(live::count(), 0);
    }

    #[test]
    fn sixteen_bytes_fit_the_allocation_class_of_thirty_two() {
        assert_eq!(Element::layout_bytes(16), 25);
        assert_eq!(size_of::<Option<Element>>(), 8);
    }

    #[test]
    fn order_is_by_score_then_bytes_and_both_zeros_are_equal() {
        let element = Element::new(b"b", 0.0);
        assert_eq!(element.order(-0.0, b"b"), Ordering::Equal);
        assert_eq!(element.order(-0.0, b"a"), Ordering::Greater);
        assert_eq!(element.order(0.0, b"ba"), Ordering::Less);
        assert_eq!(element.order(f64::NEG_INFINITY, b"z"), Ordering::Greater);
    }

    #[test]
    fn an_alias_sees_the_element_and_drops_nothing() {
        let element = Element::new(b"member", 3.0);
        // SAFETY: the alias is read before the element is dropped.
        let alias = unsafe { element.alias() };
        assert_eq!(alias.element().member(), b"member");
        assert_eq!(live::count(), 1);
        drop(element);
        assert_eq!(live::count(), 0);
    }

    #[test]
    #[should_panic(expected = "never NaN")]
    fn nan_is_refused() {
        Element::new(b"x", f64::NAN);
    }
}
