//! The hash commands.

use spinel_family::family;

family! {
    /// The hash commands.
    pub static COMMANDS;
}
