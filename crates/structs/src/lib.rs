//! Data structures: hash table, listpack, quicklist, counted B+tree, intset, glob and number formats.

pub mod glob;
pub mod intset;
pub mod listpack;
pub mod number;
pub mod quicklist;
