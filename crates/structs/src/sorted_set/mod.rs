//! Sorted set.

mod balance;
mod check;
mod edge;
mod element;
mod index;
mod node;
mod range;
mod set;
#[cfg(test)]
mod set_tests;
mod slots;
mod tree;
#[cfg(test)]
mod tree_tests;

pub use edge::{LexBound, ScoreBound};
pub use range::{Members, Order};
pub use set::{Inserted, SortedSet};
