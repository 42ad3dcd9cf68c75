//! The commands about the server itself: figures, configuration, commands as data, time, role, end.
//!
//! One file per command or tight group; a container's `HELP` stands with it. What a command reaches outside the
//! engine goes through the [`Host`](crate::host::Host).

mod command;
mod config;
mod function;
mod help;
mod info;

use crate::session::SessionEntry;

/// The tables of the server commands.
pub(crate) const TABLES: &[&[SessionEntry]] =
    &[command::COMMANDS, config::COMMANDS, function::COMMANDS, info::COMMANDS];
