//! The set commands.

use spinel_family::family;

family! {
    /// The set commands.
    pub static COMMANDS;
}
