//! The commands about the server itself: figures, configuration, commands as data, time, role, end.
//!
//! One file per command or tight group; a container's `HELP` stands with it. What a command reaches outside the
//! engine goes through the [`Host`](crate::host::Host).

mod command;
mod config;
mod debug;
mod function;
mod help;
mod info;

use spinel_family::CommandEntry;

use crate::session::SessionEntry;

/// The tables of the server commands.
pub(crate) const TABLES: &[&[SessionEntry]] =
    &[command::COMMANDS, config::COMMANDS, debug::COMMANDS, function::COMMANDS, info::COMMANDS];

/// The tables of those subcommands that reach data.
pub(crate) const DATA_TABLES: &[&[CommandEntry]] = &[debug::DATA_COMMANDS];
