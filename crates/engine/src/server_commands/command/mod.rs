//! COMMAND: the commands themselves, as data.

mod docs;
mod info;
mod keys;
mod list;

use spinel_family::{Command as Grammar, CommandError, Encoder, Many};

use crate::registry::{Command, REGISTRY};
use crate::session::{SessionCommand, SessionContext, help_command, session_commands};
use crate::{Engine, Flow};
use keys::{CommandGetkeys, CommandGetkeysandflags};
use list::CommandList;

session_commands! {
    /// COMMAND.
    pub(super) static COMMANDS;
    session CommandAll,
    session CommandCount,
    session CommandDocs,
    session CommandGetkeys,
    session CommandGetkeysandflags,
    session CommandHelp,
    session CommandInfo,
    session CommandList,
}

impl Engine {
    /// The command of that name, with `|` before a subcommand.
    pub(super) fn command_by_full_name(&self, name: &[u8]) -> Option<&'static Command> {
        let mut parts = name.split(|byte| *byte == b'|');
        let command = self.find_command(parts.next()?)?;
        match (parts.next(), parts.next()) {
            (None, _) => Some(command),
            (Some(sub), None) => REGISTRY.find_sub(command, sub),
            (Some(_), Some(_)) => None,
        }
    }
}

/// Describes all commands.
#[derive(Grammar)]
#[command(name = "command", group = Server, since = "2.8.13")]
#[command(complexity = "O(N) where N is the total number of Redis commands")]
#[command(flags(loading, stale), categories(Connection), tips("nondeterministic_output_order"), arity = -1)]
struct CommandAll;

impl SessionCommand for CommandAll {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        info::write_all(out);
        Ok(Flow::Continue)
    }
}

/// Counts the commands.
#[derive(Grammar)]
#[command(name = "command|count", group = Server, since = "2.8.13", complexity = "O(1)")]
#[command(flags(loading, stale), categories(Connection))]
struct CommandCount;

impl SessionCommand for CommandCount {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.integer(REGISTRY.top_level().count() as i64);
        Ok(Flow::Continue)
    }
}

/// Describes the commands named, or all.
#[derive(Grammar)]
#[command(name = "command|info", group = Server, since = "2.8.13")]
#[command(complexity = "O(N) where N is the number of commands to look up")]
#[command(flags(loading, stale), categories(Connection), tips("nondeterministic_output_order"))]
#[command(history = &[("7.0.0", "Without names, all commands are described.")])]
struct CommandInfo<'a> {
    #[arg(name = "command-name", trailing)]
    names: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for CommandInfo<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let Some(names) = &self.names else {
            info::write_all(out);
            return Ok(Flow::Continue);
        };
        out.array(names.len());
        for name in names.items() {
            match cx.engine().command_by_full_name(name) {
                Some(command) => info::write(command, out),
                None => out.null(),
            }
        }
        Ok(Flow::Continue)
    }
}

/// Documents the commands named, or all.
#[derive(Grammar)]
#[command(name = "command|docs", group = Server, since = "7.0.0")]
#[command(complexity = "O(N) where N is the number of commands to look up")]
#[command(flags(loading, stale), categories(Connection), tips("nondeterministic_output_order"))]
struct CommandDocs<'a> {
    #[arg(name = "command-name", trailing)]
    names: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for CommandDocs<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let found: Vec<&Command> = match &self.names {
            Some(names) => names.items().filter_map(|name| cx.engine().command_by_full_name(name)).collect(),
            None => REGISTRY.top_level().collect(),
        };
        out.map(found.len());
        for command in found {
            out.bulk(command.spec.name.as_bytes());
            docs::write(command, out);
        }
        Ok(Flow::Continue)
    }
}

help_command!(
    /// Lists the subcommands of `COMMAND`.
    CommandHelp, "command|help", "COMMAND", Server, "5.0.0", Connection,
    &[
        "(no subcommand)",
        "    Describe all commands.",
        "COUNT",
        "    Count the commands of this server.",
        "LIST",
        "    List the names of the commands of this server.",
        "INFO [<command-name> ...]",
        "    Describe the commands named, or all.",
        "DOCS [<command-name> ...]",
        "    Document the commands named, or all.",
        "GETKEYS <full-command>",
        "    Find the keys in a whole command.",
        "GETKEYSANDFLAGS <full-command>",
        "    Find the keys in a whole command, and what it does with them.",
    ]
);
