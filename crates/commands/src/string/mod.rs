//! The string commands.

mod get;
mod mset;
mod set;

use get::Get;
use mset::Mset;
use set::Set;
use spinel_family::family;

family! {
    /// The string commands.
    pub static COMMANDS;
    query Get,
    update Mset,
    update Set,
}
