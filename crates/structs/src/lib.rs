//! Data structures: hash table, listpack, quicklist, counted B+tree, intset, glob and number formats.

#[doc(hidden)]
pub mod fuzzing;
pub mod glob;
pub mod intset;
pub mod listpack;
pub mod number;
pub mod quicklist;
