//! The commands about the server itself: figures, configuration, commands as data, time, role, end.
//!
//! One file per command or tight group; a container's `HELP` stands with it. What a command reaches outside the
//! engine goes through the [`Host`](crate::host::Host).

mod acl;
mod cluster;
mod command;
mod commandlog;
mod config;
mod debug;
mod info;
mod latency;
mod lolwut;
mod memory;
mod module;
mod replication;
mod shutdown;
mod slowlog;
mod time;
mod wait;

use spinel_family::CommandEntry;

use crate::session::SessionEntry;
pub(crate) use wait::{reply_acknowledged, reply_wait_over};

/// The tables of the server commands.
pub(crate) const TABLES: &[&[SessionEntry]] = &[
    acl::COMMANDS,
    cluster::COMMANDS,
    command::COMMANDS,
    config::COMMANDS,
    debug::COMMANDS,
    info::COMMANDS,
    latency::COMMANDS,
    lolwut::COMMANDS,
    memory::COMMANDS,
    module::COMMANDS,
    crate::persistence::BACKUP_COMMANDS,
    crate::migrate::COMMANDS,
    crate::persistence::COMMANDS,
    replication::COMMANDS,
    shutdown::COMMANDS,
    commandlog::COMMANDS,
    slowlog::COMMANDS,
    time::COMMANDS,
    wait::COMMANDS,
];

/// The tables of those subcommands that reach data.
pub(crate) const DATA_TABLES: &[&[CommandEntry]] = &[debug::DATA_COMMANDS, crate::persistence::DATA_COMMANDS];
