//! Data structures: hash table, listpack, quicklist, times of elements, counted B+tree, stream, array, intset, geohash, glob and number formats.

pub mod aligned_alloc;
pub mod array;
pub mod bits;
pub mod bytes;
pub mod compact;
#[doc(hidden)]
pub mod fuzzing;
pub mod geohash;
pub mod glob;
pub mod hash;
pub mod huge_pages;
pub mod hyperloglog;
pub mod intset;
pub mod listpack;
pub mod number;
pub mod place_times;
pub mod quicklist;
pub mod size_class;
pub mod sorted_set;
pub mod stream;
pub mod table;
pub mod xxh3;
