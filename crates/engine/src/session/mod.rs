//! One connection's state, and the commands that are about it rather than about data.

mod client_state;
mod context;
mod help;
mod table;

pub use client_state::{Blocked, ReplyMode, Session, Transaction, Watched};
pub(crate) use context::subcommand_misused;
pub use context::{SessionCommand, SessionContext};
pub(crate) use help::{help_command, reply_help};
pub(crate) use table::session_commands;
pub use table::{RunSession, SessionEntry};

/// The tables of the engine's own commands. A container stands before its subcommands.
pub const TABLES: &[&[SessionEntry]] = &[
    crate::connection::COMMANDS,
    crate::transaction::COMMANDS,
    crate::subscriptions::COMMANDS,
    crate::client_commands::COMMANDS,
    crate::monitor::COMMANDS,
    crate::scripting::COMMANDS,
    crate::scripting::FUNCTION_COMMANDS,
];
