//! Where the buckets of a table lie: an array that grows and shrinks by one bucket at its end.
//!
//! - The first 256 buckets (16 KiB) are one block, reallocated through the allocator's size classes.
//! - Every further doubling is cut into four pieces of equal size, allocated when the array reaches them and
//!   freed when it leaves them. Pieces never move. So at most a fifth of a table is allocated ahead of need.
//! - Pieces of 1 MiB and more are anonymous maps, whose pages come into being when the array reaches them and
//!   are given back when it retreats.
//!
//! All unsafe code about bucket addresses is in this module; its functions are safe to call. What makes them
//! so is the invariant of a `Storage` (S2): *the buckets `0..count` are initialised, each at an address of
//! its own that [`Storage::address`] computes, inside memory owned by this storage.*

use super::bucket::Bucket;
use super::{TableItem, pages, prefetch::prefetch};
use crate::size_class::malloc_size;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Bytes of a bucket, and its alignment.
const BUCKET_BYTES: usize = 64;
/// log2 of the buckets in the first block.
const BASE_BITS: u32 = 8;
const BASE_BUCKETS: u32 = 1 << BASE_BITS;
/// The limit of a table: 2^31 buckets, 128 GiB. A table that has reached it grows by longer chains only.
const MAX_BITS: u32 = 31;
const MAX_BUCKETS: u32 = 1 << MAX_BITS;
/// Each doubling is cut into 2^2 pieces.
const CUT_BITS: u32 = 2;
const PIECES: usize = ((MAX_BITS - BASE_BITS) << CUT_BITS) as usize;
/// Pieces from this size on are mapped.
const MAP_BYTES: usize = 1 << 20;
/// A retreating array gives the pages of a map back in portions of this size; the bytes in use are counted in them.
const DISCARD_BYTES: usize = 64 << 10;

/// A place in a piece.
#[derive(Clone, Copy)]
struct Place {
    piece: usize,
    /// In buckets from the beginning of the piece.
    offset: usize,
    /// The buckets of the piece.
    buckets: usize,
}

impl Place {
    /// The place of a bucket behind the first block.
    #[inline]
    fn of(index: u32) -> Self {
        let doubling = index.ilog2();
        let piece_bits = doubling.wrapping_sub(CUT_BITS);
        let quarter = (index >> piece_bits) & ((1 << CUT_BITS) - 1);
        Self {
            piece: ((doubling.wrapping_sub(BASE_BITS) << CUT_BITS) | quarter) as usize,
            offset: (index & (1u32 << piece_bits).wrapping_sub(1)) as usize,
            buckets: 1 << piece_bits,
        }
    }

    const fn bytes(self) -> usize {
        self.buckets * BUCKET_BYTES
    }

    const fn is_mapped(self) -> bool {
        self.bytes() >= MAP_BYTES
    }

    /// Whether it is the first of a portion of a map.
    const fn begins_portion(self) -> bool {
        self.is_mapped() && (self.offset * BUCKET_BYTES).is_multiple_of(DISCARD_BYTES)
    }
}

/// The smallest 2^k - 1 that covers the bucket numbers of a table with `count` buckets.
#[inline]
fn mask_for(count: u32) -> u32 {
    count.max(1).next_power_of_two() - 1
}

/// The bucket of a hash: its low bits; one bit less if that bucket does not exist yet.
#[inline]
fn index_of(hash: u64, count: u32, mask: u32) -> u32 {
    let index = hash as u32 & mask;
    if index < count { index } else { index & (mask >> 1) }
}

/// Where the pieces lie; null where there is none.
type Pieces = [*mut u8; PIECES];

/// See the module.
pub(super) struct Storage<T: TableItem> {
    /// The first block. Dangling when there are no buckets.
    base: NonNull<Bucket<T>>,
    /// There from the 257th bucket on.
    pieces: Option<Box<Pieces>>,
    count: u32,
    /// `mask_for(count)`.
    mask: u32,
    owns: PhantomData<Bucket<T>>,
}

// SAFETY: a storage owns its buckets and the items in them, as a Vec would.
unsafe impl<T: TableItem + Send> Send for Storage<T> {}
// SAFETY: a shared storage gives shared access to the items only.
unsafe impl<T: TableItem + Sync> Sync for Storage<T> {}

impl<T: TableItem> Storage<T> {
    pub(super) const fn new() -> Self {
        const { Bucket::<T>::LAYOUT_HOLDS };
        Self { base: NonNull::dangling(), pieces: None, count: 0, mask: 0, owns: PhantomData }
    }

    /// The number of buckets.
    #[inline]
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    pub(super) const fn is_at_limit(&self) -> bool {
        self.count == MAX_BUCKETS
    }

    /// The bucket of a hash. Meaningless while there are no buckets.
    #[inline]
    pub(super) fn index_of(&self, hash: u64) -> u32 {
        index_of(hash, self.count, self.mask)
    }

    /// The low bits that the hashes of all items in the bucket of `hash` have in common.
    pub(super) fn suffix_mask(&self, hash: u64) -> u32 {
        let half_mask = self.mask >> 1;
        let split = hash as u32 & half_mask | (half_mask + 1);
        if self.mask != 0 && split < self.count { self.mask } else { half_mask }
    }

    /// The bucket that was split to make the bucket `index`, which is not the first.
    pub(super) fn origin(index: u32) -> u32 {
        index ^ (1 << index.ilog2())
    }

    /// Where a bucket lies, or would lie.
    #[inline]
    fn address(&self, index: u32) -> *mut Bucket<T> {
        if index < BASE_BUCKETS {
            return self.base.as_ptr().wrapping_add(index as usize);
        }
        match &self.pieces {
            Some(pieces) => {
                let place = Place::of(index);
                pieces[place.piece].cast::<Bucket<T>>().wrapping_add(place.offset)
            }
            None => std::ptr::null_mut(),
        }
    }

    /// Hints at the bucket of a hash.
    #[inline]
    pub(super) fn prefetch(&self, index: u32) {
        prefetch(self.address(index).cast_const().cast());
    }

    /// The bucket `index`, which exists.
    #[inline]
    pub(super) fn bucket(&self, index: u32) -> &Bucket<T> {
        assert!(index < self.count, "the bucket exists");
        // SAFETY: by S2 the bucket is initialised, and shared as long as `self` is.
        unsafe { &*self.address(index) }
    }

    /// The bucket `index`, which exists.
    #[inline]
    pub(super) fn bucket_mut(&mut self, index: u32) -> &mut Bucket<T> {
        assert!(index < self.count, "the bucket exists");
        // SAFETY: by S2 the bucket is initialised, and exclusive as long as `self` is.
        unsafe { &mut *self.address(index) }
    }

    /// Two different buckets, which exist.
    pub(super) fn pair_mut(&mut self, one: u32, other: u32) -> (&mut Bucket<T>, &mut Bucket<T>) {
        assert!(one != other && one < self.count && other < self.count, "two different buckets exist");
        // SAFETY: as in `bucket_mut`; by S2 they do not overlap, because their numbers differ.
        unsafe { (&mut *self.address(one), &mut *self.address(other)) }
    }

    /// Appends an empty bucket.
    pub(super) fn grow(&mut self) {
        assert!(!self.is_at_limit(), "the caller knows the limit");
        let index = self.count;
        if index < BASE_BUCKETS {
            self.resize_base(index, index + 1);
        } else {
            let place = Place::of(index);
            if place.offset == 0 {
                let address = allocate_piece(place);
                self.pieces()[place.piece] = address.as_ptr();
            }
            if place.begins_portion() {
                pages::count_used(DISCARD_BYTES);
            }
        }
        // SAFETY: 1. The block or piece that holds the place was just allocated or is still there. 2. Nobody
        // refers to the place: it was outside the array.
        unsafe { self.address(index).write(Bucket::empty()) };
        self.set_count(index + 1);
    }

    /// Takes the last bucket away, which must be empty.
    pub(super) fn shrink(&mut self) {
        let index = self.count - 1;
        assert_eq!(self.bucket(index).len(), 0, "only an empty bucket may go");
        self.set_count(index);
        self.release(index);
        if index == 0 {
            self.pieces = None;
        }
    }

    /// Drops all items and gives all memory back.
    pub(super) fn clear(&mut self) {
        while self.count > 0 {
            self.bucket_mut(self.count - 1).clear();
            self.shrink();
        }
    }

    /// Gives back the memory that only the former last bucket `index` needed.
    fn release(&mut self, index: u32) {
        if index < BASE_BUCKETS {
            self.resize_base(index + 1, index);
            return;
        }
        let place = Place::of(index);
        let Some(address) = NonNull::new(self.address(index).cast::<u8>()) else { return };
        if place.begins_portion() {
            pages::count_left(DISCARD_BYTES);
        }
        if place.offset == 0 {
            // SAFETY: 1. It is the beginning of the piece, which `grow` allocated. 2. All its buckets are
            // outside the array and empty.
            unsafe { free_piece(place, address) };
            self.pieces()[place.piece] = std::ptr::null_mut();
        } else if place.begins_portion() {
            // SAFETY: 1. The portion lies in the map, at whole pages. 2. Its buckets are outside the array
            // and empty.
            unsafe { pages::discard(address, DISCARD_BYTES) };
        }
    }

    /// Fits the first block to a number of buckets.
    fn resize_base(&mut self, from: u32, to: u32) {
        let (old, new) = (base_layout(from), base_layout(to));
        if old.size() == new.size() {
            return;
        }
        let address = self.base.as_ptr().cast::<u8>();
        // SAFETY: 1. A block of `old` was allocated if that is not empty. 2. No size passed to the allocator
        // is zero.
        let block = unsafe {
            match (old.size(), new.size()) {
                (0, _) => alloc(new),
                (_, 0) => {
                    dealloc(address, old);
                    NonNull::<Bucket<T>>::dangling().as_ptr().cast()
                }
                (_, size) => realloc(address, old, size),
            }
        };
        self.base = NonNull::new(block.cast()).unwrap_or_else(|| handle_alloc_error(new));
    }

    fn set_count(&mut self, count: u32) {
        self.count = count;
        self.mask = mask_for(count);
    }

    fn pieces(&mut self) -> &mut Pieces {
        self.pieces.get_or_insert_with(|| Box::new([std::ptr::null_mut(); PIECES]))
    }

    /// The bytes allocated for the array; of maps, the touched part.
    pub(super) fn memory_bytes(&self) -> usize {
        let pieces = if self.pieces.is_some() { malloc_size(size_of::<Pieces>()) } else { 0 };
        if self.count <= BASE_BUCKETS {
            return base_layout(self.count).size() + pieces;
        }
        let place = Place::of(self.count - 1);
        let used = place.offset + 1;
        let ahead = if place.is_mapped() {
            used.next_multiple_of(4096 / BUCKET_BYTES) - used
        } else {
            place.buckets - used
        };
        (self.count as usize + ahead) * BUCKET_BYTES + pieces
    }
}

/// The layout of a first block that has room for `count` buckets: as many as the size class holds.
fn base_layout(count: u32) -> Layout {
    let bytes = malloc_size(count as usize * BUCKET_BYTES);
    Layout::from_size_align(bytes, BUCKET_BYTES).expect("at most 16 KiB")
}

fn piece_layout(place: Place) -> Layout {
    Layout::from_size_align(place.bytes(), BUCKET_BYTES)
        .expect("below MAP_BYTES, or the system lacks the memory")
}

fn allocate_piece(place: Place) -> NonNull<u8> {
    let layout = piece_layout(place);
    let address = if place.is_mapped() {
        pages::map(place.bytes())
    } else {
        // SAFETY: the size of a piece is not zero.
        NonNull::new(unsafe { alloc(layout) })
    };
    address.unwrap_or_else(|| handle_alloc_error(layout))
}

/// # Safety
/// `address` came from [`allocate_piece`] for the same place, and nobody uses the piece any more.
unsafe fn free_piece(place: Place, address: NonNull<u8>) {
    // SAFETY: the caller's promise; the place says which of the two it was.
    unsafe {
        if place.is_mapped() {
            pages::unmap(address, place.bytes());
        } else {
            dealloc(address.as_ptr(), piece_layout(place));
        }
    }
}

impl<T: TableItem> Drop for Storage<T> {
    fn drop(&mut self) {
        self.clear();
    }
}
