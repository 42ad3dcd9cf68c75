//! Data structures: hash table, listpack, quicklist, counted B+tree, intset, glob and number formats.

pub mod compact;
pub mod hash;
pub mod size_class;
pub mod table;
pub mod glob;
pub mod intset;
pub mod listpack;
pub mod number;
