//! The list commands.

use spinel_family::family;

family! {
    /// The list commands.
    pub static COMMANDS;
}
