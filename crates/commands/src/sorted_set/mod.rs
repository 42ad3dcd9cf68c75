//! The sorted set commands.

use spinel_family::family;

family! {
    /// The sorted set commands.
    pub static COMMANDS;
}
