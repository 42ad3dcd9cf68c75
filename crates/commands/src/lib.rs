//! The data commands: a folder for each family, a file for each command or tight group.
//!
//! To add a command: write its struct in a file of its own, derive `Command`, implement one of the traits of
//! crate `family`, and add one word to the family's table in `mod.rs`.
//!
//! What is deliberately absent: sessions, transactions, anything about connections (crate `engine`).

#![forbid(unsafe_code)]

mod arguments;
pub mod array;
pub mod bitmap;
mod collection;
mod element_words;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod list;
mod members;
pub mod set;
pub mod sorted_set;
pub mod stream;
pub mod string;
#[cfg(test)]
mod testing;

use spinel_family::CommandEntry;

/// Every family's table.
pub const FAMILIES: &[&[CommandEntry]] = &[
    array::COMMANDS,
    bitmap::COMMANDS,
    generic::COMMANDS,
    geo::COMMANDS,
    hash::COMMANDS,
    hyperloglog::COMMANDS,
    list::COMMANDS,
    set::COMMANDS,
    sorted_set::COMMANDS,
    stream::COMMANDS,
    string::COMMANDS,
];
