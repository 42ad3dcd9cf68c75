//! Sorted set.

mod balance;
mod check;
mod edge;
mod element;
mod node;
mod range;
mod slots;
mod tree;
#[cfg(test)]
mod tree_tests;

pub use edge::{LexBound, ScoreBound};
pub use range::Order;
