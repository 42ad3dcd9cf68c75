//! A bucket: one cache line with up to seven items, and the chain that hangs from it when there are more.
//!
//! ```text
//! byte    0      1          5      6        7       8        16              56       64
//!       +------+------+- -+------+--------+-------+--------+--------+- -+--------+
//! alone | tag0 | tag1 | … | tag5 | tag6   | 0nnn… | slot 0 | slot 1 | … | slot 6 |   nnn items, 0 to 7
//!       +------+------+- -+------+--------+-------+--------+--------+- -+--------+
//! linked| tag0 | tag1 | … | tag5 |    filter 1110 | slot 0 | slot 1 | … |  next  |   6 items
//!       +------+------+- -+------+--------+-------+--------+--------+- -+--------+
//! ```
//!
//! A tag is the top byte of an item's hash; all seven are compared at once. An eighth item turns slot 6
//! into the pointer to another bucket. The 12 bits of the metadata which are free then are a filter of the
//! tags in the buckets behind: without it a look-up that finds nothing would have to visit them all.
//!
//! The items of a chain lie packed: every bucket but the last holds six items and a pointer, the last holds
//! two to seven. Thus the number of items says the number of buckets ([`links`]), a position in the chain is
//! a plain number, and a removal costs one move: the last item of the chain takes the empty place.
//!
//! All unsafe code about slots is in this module; its functions are safe to call. What makes them so is the
//! invariant of a `Bucket` (S1): *the slots below [`Bucket::count`] hold items it owns, and if it is linked,
//! slot 6 holds the pointer of a `Box<Bucket>` it owns.* A bucket does not drop what it owns by itself,
//! because it lives in raw storage: [`Bucket::clear`] does.

use super::{TableItem, prefetch::prefetch};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// Slots of a bucket.
const SLOTS: usize = 7;
/// Items of a bucket from which another one hangs: the seventh slot is the link.
const LINKED_ITEMS: usize = SLOTS - 1;
/// Where the number of items is in the metadata.
const COUNT_SHIFT: u32 = 60;
/// Bytes of a cache line on the processors of servers.
pub(super) const CACHE_LINE_BYTES: usize = 64;
const COUNT_MASK: u64 = 7;
/// What the metadata of a linked bucket has above tags and filter: the link flag, and six items.
const LINKED: u64 = 1 << 63;
const LINKED_STATE: u64 = LINKED | (LINKED_ITEMS as u64) << COUNT_SHIFT;
/// The tags of a linked bucket.
const LINKED_TAGS: u64 = (1 << (LINKED_ITEMS * 8)) - 1;
/// Bits of the filter in a linked bucket, which lie above its tags.
const FILTER_BITS: u64 = 12;
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

/// The bit of a tag in the filter of a linked bucket.
#[inline]
const fn filter_bit(tag: u8) -> u64 {
    1 << (LINKED_ITEMS as u64 * 8 + ((tag as u64 * FILTER_BITS) >> 8))
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
        ((self.meta >> COUNT_SHIFT) & COUNT_MASK) as usize
    }

    #[inline]
    fn is_linked(&self) -> bool {
        self.meta & LINKED != 0
    }

    /// The next bucket of the chain.
    #[inline]
    pub(super) fn next(&self) -> Option<&Self> {
        // SAFETY: 1. By S1 the slot holds the pointer when the bucket is linked. 2. It is of a live box that
        // this bucket owns, so that it is shared as long as `self` is.
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

    /// The bits 7, 15, ... of those places whose tag is `tag`. A place above a true match may be reported
    /// falsely (a borrow runs into it when its tag differs in the lowest bit only); the comparison of the
    /// keys sorts that out.
    #[inline]
    fn matches(&self, tag: u8) -> u64 {
        let difference = self.meta ^ (LOW_BITS.wrapping_mul(u64::from(tag)));
        let zero_bytes = difference.wrapping_sub(LOW_BITS) & !difference & HIGH_BITS;
        zero_bytes & ((1 << (self.count() * 8)) - 1)
    }

    /// The position and the item of `tag` that `eq` accepts.
    #[inline(always)]
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
            bucket = bucket.next_with(tag)?;
            before += LINKED_ITEMS;
        }
    }

    /// The next bucket of the chain, unless the filter says that no item behind this bucket has the tag.
    #[inline]
    fn next_with(&self, tag: u8) -> Option<&Self> {
        let wanted = LINKED | filter_bit(tag);
        if self.meta & wanted == wanted { self.next() } else { None }
    }

    /// Notes that an item behind this bucket, which is linked, has the tag.
    #[inline]
    fn note_behind(&mut self, tag: u8) {
        debug_assert!(self.is_linked());
        self.meta |= filter_bit(tag);
    }

    /// The filter that notes the tags of this bucket alone.
    fn filter(&self) -> u64 {
        (0..self.count()).fold(0, |bits, index| bits | filter_bit((self.meta >> (index * 8)) as u8))
    }

    /// The bucket of the chain with the position, and the slot there. The last bucket may hold a seventh
    /// item.
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
        self.meta += 1 << COUNT_SHIFT;
    }

    /// Takes the last item of this bucket, from which no other hangs.
    #[inline]
    fn pop_here(&mut self) -> Option<(u8, T)> {
        assert!(!self.is_linked(), "only the last bucket of a chain gives items away");
        let index = self.count().checked_sub(1)?;
        self.meta -= 1 << COUNT_SHIFT;
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
            bucket.note_behind(tag);
            bucket = bucket.next_mut().expect("just seen to be linked");
        }
        if bucket.count() == SLOTS {
            bucket.push_linked(tag, item);
            return before + SLOTS;
        }
        bucket.push_here(tag, item);
        before + bucket.count() - 1
    }

    /// Appends an item to this full bucket: its seventh item moves over to a new bucket, in front of the new
    /// one.
    #[cold]
    fn push_linked(&mut self, tag: u8, item: T) {
        let mut next = Box::new(Self::empty());
        let (moved_tag, moved) = self.pop_here().expect("the bucket is full");
        next.push_here(moved_tag, moved);
        next.push_here(tag, item);
        self.meta = self.meta & LINKED_TAGS | LINKED_STATE | next.filter();
        self.slots[LINKED_ITEMS] = Slot { next: NonNull::from(Box::leak(next)) };
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
        } else {
            // Filters further ahead may keep a bit too many; chains of three buckets are rare.
            let filter = last.filter();
            bucket.meta = bucket.meta & LINKED_TAGS | LINKED_STATE | filter;
        }
        popped
    }

    /// Frees the bucket that hangs from this one, which is empty and the last.
    fn unlink(&mut self) {
        assert!(self.next().is_some_and(|next| next.count() == 0), "an empty bucket follows");
        self.meta = self.meta & LINKED_TAGS | (LINKED_ITEMS as u64) << COUNT_SHIFT;
        // SAFETY: 1. By S1 slot 6 held the pointer of an owned box. 2. The flag was just cleared: nobody
        // frees it again.
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
            bucket.note_behind(tag);
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

    /// Hints at the items whose tag is `tag`; when there is none in this bucket, at the next bucket if it may
    /// have one: true, and [`prefetch_behind`](Self::prefetch_behind) goes on from there. Of wide items the second cache
    /// line is asked for, too.
    #[inline]
    pub(super) fn prefetch_matches(&self, tag: u8, are_wide: bool) -> bool {
        let mut matches = self.matches(tag);
        if matches == 0
            && let Some(next) = self.next_with(tag)
        {
            prefetch(std::ptr::from_ref(next).cast());
            return true;
        }
        while matches != 0 {
            let address = self.item((matches.trailing_zeros() / 8) as usize).address();
            prefetch(address);
            if are_wide {
                prefetch(address.wrapping_add(CACHE_LINE_BYTES));
            }
            matches &= matches - 1;
        }
        false
    }

    /// Hints at the items whose tag is `tag` in the next bucket, which should have been prefetched.
    #[inline]
    pub(super) fn prefetch_behind(&self, tag: u8, are_wide: bool) {
        if let Some(next) = self.next_with(tag) {
            next.prefetch_matches(tag, are_wide);
        }
    }

    /// Hints at the bucket that hangs from this one.
    #[inline]
    pub(super) fn prefetch_next(&self) {
        if let Some(next) = self.next() {
            prefetch(std::ptr::from_ref(next).cast());
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
            let behind = bucket.chain().skip(1).fold(0, |bits, bucket| bits | bucket.filter());
            assert_eq!(bucket.meta & behind, behind, "the filter notes every tag behind a bucket");
            assert!(bucket.count() <= SLOTS, "a bucket holds seven items at most");
            assert!(index == 0 || bucket.count() >= 2, "a bucket further back holds two items or more");
        }
        assert_eq!(links_seen, links(self.len()), "the number of items says the number of buckets");
    }
}
