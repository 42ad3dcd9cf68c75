//! Data structures: hash table, listpack, quicklist, counted B+tree, intset, glob and number formats.
pub mod sorted_set;
