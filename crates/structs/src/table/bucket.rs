//! A bucket: one cache line with up to seven items, and the chain that hangs from it when there are more.
//!
//! ```text
//! byte    0      1          6      7          8        16              56       64
//!       +------+------+- -+------+----------+--------+--------+- -+--------+
//!       | tag0 | tag1 | … | tag6 | L....nnn | slot 0 | slot 1 | … | slot 6 |
//!       +------+------+- -+------+----------+--------+--------+- -+--------+
//!                                  nnn: items here     L = 0: slot 6 is the seventh item
//!                                  L: a bucket follows L = 1: slot 6 is the pointer to the next bucket
//! ```
//!
//! The items of a chain lie packed: every bucket but the last holds six items and a pointer, the last holds two to
//! seven. Thus the number of items says the number of buckets ([`links`]), a position in the chain is a plain
//! number, and a removal costs one move: the last item of the chain takes the empty place.
//!
//! All unsafe code about slots is in this module; its functions are safe to call. What makes them so is the invariant of
//! a `Bucket` (S1): *the first `n` slots hold items it owns, and if L is set, `n` is 6 and slot 6 holds the
//! pointer of a `Box<Bucket>` it owns.* A bucket does not drop what it owns by itself, because it lives in raw storage:
//! [`Bucket::clear`] does.

use super::{TableItem, prefetch::prefetch};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// Slots of a bucket.
const SLOTS: usize = 7;
/// Items of a bucket from which another one hangs: the seventh slot is the link.
const LINKED_ITEMS: usize = SLOTS - 1;
/// The byte that holds the number of items and the link flag, as a shift.
const STATE_SHIFT: u32 = 56;
const LINKED: u64 = 0x80 << STATE_SHIFT;
const COUNT_MASK: u64 = 7;
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// What a slot holds; which of the two, the bucket's metadata says.
union Slot<T> {
    item: ManuallyDrop<T>,
    next: NonNull<Bucket<T>>,
    /// What an unused slot holds.
    empty: (),
}

/// See the module's picture.
#[repr(C, align(64))]
pub(super) struct Bucket<T> {
    meta: u64,
    slots: [Slot<T>; SLOTS],
}

/// The number of overflow buckets in a chain of `items` items.
#[inline]
pub(super) const fn links(items: usize) -> usize {
    if items <= SLOTS { 0 } else { (items - 2) / LINKED_ITEMS }
}

/// The tag of a hash: its top byte.
#[inline]
pub(super) const fn tag_of(hash: u64) -> u8 {
    (hash >> 56) as u8
}

impl<T: TableItem> Bucket<T> {
    /// Fails to compile when a bucket of `T` would not be a cache line of seven items.
    pub(super) const LAYOUT_HOLDS: () = {
        assert!(size_of::<T>() == 8, "a table item is eight bytes");
        assert!(size_of::<Self>() == 64, "a bucket is a cache line");
    };

    /// A bucket without items.
    pub(super) const fn empty() -> Self {
        Self { meta: 0, slots: [const { Slot { empty: () } }; SLOTS] }
    }

    /// The items in this bucket alone.
    #[inline]
    fn count(&self) -> usize {
        ((self.meta >> STATE_SHIFT) & COUNT_MASK) as usize
    }

    #[inline]
    fn is_linked(&self) -> bool {
        self.meta & LINKED != 0
    }

    /// The next bucket of the chain.
    #[inline]
    pub(super) fn next(&self) -> Option<&Self> {
        // SAFETY: 1. By S1 the slot holds the pointer when the bucket is linked. 2. It is of a live box that this
        // bucket owns, so that it is shared as long as `self` is.
        self.is_linked().then(|| unsafe { self.slots[LINKED_ITEMS].next.as_ref() })
    }

    #[inline]
    fn next_mut(&mut self) -> Option<&mut Self> {
        // SAFETY: as in `next`, with 2. exclusive as long as `self` is borrowed exclusively.
        self.is_linked().then(|| unsafe { self.slots[LINKED_ITEMS].next.as_mut() })
    }

    /// The item in a slot of this bucket.
    #[inline]
    fn item(&self, index: usize) -> &T {
        debug_assert!(index < self.count());
        // SAFETY: by S1 the slots below the count hold items; private, and every caller stays below it.
        unsafe { &self.slots[index].item }
    }

    /// The items of this bucket alone, in order.
    #[inline]
    pub(super) fn items(&self) -> impl Iterator<Item = &T> {
        (0..self.count()).map(|index| self.item(index))
    }

    /// This bucket and those that hang from it.
    #[inline]
    pub(super) fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |bucket| bucket.next())
    }

    /// The items of the whole chain.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.chain().map(Self::count).sum()
    }

    /// The bits 7, 15, ... of those places whose tag is `tag`. A place above a true match may be reported falsely
    /// (a borrow runs into it when its tag differs in the lowest bit only); the comparison of the keys sorts that out.
    #[inline]
    fn matches(&self, tag: u8) -> u64 {
        let difference = self.meta ^ (LOW_BITS.wrapping_mul(u64::from(tag)));
        let zero_bytes = difference.wrapping_sub(LOW_BITS) & !difference & HIGH_BITS;
        zero_bytes & ((1 << (self.count() * 8)) - 1)
    }

    /// The position and the item of `tag` that `eq` accepts.
    #[inline]
    pub(super) fn find(&self, tag: u8, mut eq: impl FnMut(&T) -> bool) -> Option<(usize, &T)> {
        let mut bucket = self;
        let mut before = 0;
        loop {
            let mut matches = bucket.matches(tag);
            while matches != 0 {
                let index = (matches.trailing_zeros() / 8) as usize;
                let item = bucket.item(index);
                if eq(item) {
                    return Some((before + index, item));
                }
                matches &= matches - 1;
            }
            bucket = bucket.next()?;
            before += LINKED_ITEMS;
        }
    }

    /// The bucket of the chain with the position, and the slot there. The last bucket may hold a seventh item.
    #[inline]
    fn place(&self, position: usize) -> Option<(&Self, usize)> {
        let mut bucket = self;
        let mut index = position;
        while index >= bucket.count() {
            index -= bucket.count();
            bucket = bucket.next()?;
        }
        Some((bucket, index))
    }

    /// The item at a position of the chain.
    #[inline]
    pub(super) fn get(&self, position: usize) -> Option<&T> {
        self.place(position).map(|(bucket, index)| bucket.item(index))
    }

    /// The item at a position of the chain.
    #[inline]
    pub(super) fn get_mut(&mut self, position: usize) -> Option<&mut T> {
        let mut bucket = self;
        let mut index = position;
        while index >= bucket.count() {
            index -= bucket.count();
            bucket = bucket.next_mut()?;
        }
        // SAFETY: by S1 the slots below the count hold items, and the loop ended below it.
        Some(unsafe { &mut bucket.slots[index].item })
    }

    /// The tag at a position of the chain.
    #[inline]
    pub(super) fn tag(&self, position: usize) -> Option<u8> {
        self.place(position).map(|(bucket, index)| (bucket.meta >> (index * 8)) as u8)
    }

    /// Appends an item to this bucket, which has a slot free.
    #[inline]
    fn push_here(&mut self, tag: u8, item: T) {
        let index = self.count();
        assert!(index < SLOTS && !self.is_linked(), "the bucket has a free slot");
        let shift = index * 8;
        self.slots[index] = Slot { item: ManuallyDrop::new(item) };
        self.meta = (self.meta & !(0xff << shift)) | (u64::from(tag) << shift);
        self.meta += 1 << STATE_SHIFT;
    }

    /// Takes the last item of this bucket, from which no other hangs.
    #[inline]
    fn pop_here(&mut self) -> Option<(u8, T)> {
        assert!(!self.is_linked(), "only the last bucket of a chain gives items away");
        let index = self.count().checked_sub(1)?;
        self.meta -= 1 << STATE_SHIFT;
        // SAFETY: 1. By S1 the slot holds an item. 2. The count was just lowered, so nobody takes it again.
        let item = unsafe { ManuallyDrop::take(&mut self.slots[index].item) };
        Some(((self.meta >> (index * 8)) as u8, item))
    }

    /// Appends an item to the chain and returns its position.
    #[inline]
    pub(super) fn push(&mut self, tag: u8, item: T) -> usize {
        let mut bucket = self;
        let mut before = 0;
        while bucket.is_linked() {
            before += LINKED_ITEMS;
            bucket = bucket.next_mut().expect("just seen to be linked");
        }
        if bucket.count() == SLOTS {
            bucket.push_linked(tag, item);
            return before + SLOTS;
        }
        bucket.push_here(tag, item);
        before + bucket.count() - 1
    }

    /// Appends an item to this full bucket: its seventh item moves over to a new bucket, in front of the new one.
    #[cold]
    fn push_linked(&mut self, tag: u8, item: T) {
        let mut next = Box::new(Self::empty());
        let (moved_tag, moved) = self.pop_here().expect("the bucket is full");
        next.push_here(moved_tag, moved);
        next.push_here(tag, item);
        self.slots[LINKED_ITEMS] = Slot { next: NonNull::from(Box::leak(next)) };
        self.meta |= LINKED;
    }

    /// Takes the last item of the chain.
    pub(super) fn pop(&mut self) -> Option<(u8, T)> {
        let mut bucket = self;
        while bucket.next().is_some_and(Self::is_linked) {
            bucket = bucket.next_mut().expect("just seen to be linked");
        }
        let Some(last) = bucket.next_mut() else { return bucket.pop_here() };
        let popped = last.pop_here();
        if last.count() == 1 {
            let (tag, item) = last.pop_here().expect("one item is left");
            bucket.unlink();
            bucket.push_here(tag, item);
        }
        popped
    }

    /// Frees the bucket that hangs from this one, which is empty and the last.
    fn unlink(&mut self) {
        assert!(self.next().is_some_and(|next| next.meta >> STATE_SHIFT == 0), "an empty bucket follows");
        self.meta &= !LINKED;
        // SAFETY: 1. By S1 slot 6 held the pointer of an owned box. 2. The flag was just cleared: nobody frees it again.
        drop(unsafe { Box::from_raw(self.slots[LINKED_ITEMS].next.as_ptr()) });
    }

    /// Puts another item in the place of one, and returns that one.
    #[inline]
    pub(super) fn replace(&mut self, position: usize, item: T) -> Option<T> {
        self.get_mut(position).map(|place| std::mem::replace(place, item))
    }

    /// Removes the item at a position of the chain; the last item of the chain takes its place.
    pub(super) fn remove(&mut self, position: usize) -> Option<(u8, T)> {
        let removed_tag = self.tag(position)?;
        let (tag, last) = self.pop()?;
        if self.tag(position).is_none() {
            return Some((tag, last));
        }
        self.set_tag(position, tag);
        self.replace(position, last).map(|item| (removed_tag, item))
    }

    fn set_tag(&mut self, position: usize, tag: u8) {
        let mut bucket = self;
        let mut index = position;
        while index >= bucket.count() {
            index -= bucket.count();
            bucket = bucket.next_mut().expect("the position is inside the chain");
        }
        bucket.meta = (bucket.meta & !(0xff << (index * 8))) | (u64::from(tag) << (index * 8));
    }

    /// Drops all items and frees the chain.
    pub(super) fn clear(&mut self) {
        while let Some((_, item)) = self.pop() {
            drop(item);
        }
    }

    /// Hints at the items whose tag is `tag`; when there is none in this bucket, at the next bucket.
    #[inline]
    pub(super) fn prefetch_matches(&self, tag: u8) {
        let mut matches = self.matches(tag);
        if matches == 0
            && let Some(next) = self.next()
        {
            prefetch(std::ptr::from_ref(next).cast());
        }
        while matches != 0 {
            prefetch(self.item((matches.trailing_zeros() / 8) as usize).address());
            matches &= matches - 1;
        }
    }

    /// Hints at all items of the chain.
    #[inline]
    pub(super) fn prefetch_all(&self) {
        for item in self.chain().flat_map(Self::items) {
            prefetch(item.address());
        }
    }

    /// Panics unless the chain is packed as the module says.
    pub(super) fn check_invariants(&self) {
        let mut links_seen = 0;
        for (index, bucket) in self.chain().enumerate() {
            links_seen = index;
            if bucket.is_linked() {
                assert_eq!(bucket.count(), LINKED_ITEMS, "a linked bucket holds six items");
            } else if index > 0 {
                assert!(bucket.count() >= 2, "the last bucket of a chain holds two items or more");
            }
        }
        assert_eq!(links_seen, links(self.len()), "the number of items says the number of buckets");
    }
}
