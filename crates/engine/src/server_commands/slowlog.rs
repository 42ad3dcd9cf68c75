//! SLOWLOG: the commands that took longest lately.

use spinel_family::spec::ArgKind;
use spinel_family::{Command, CommandError, Encoder, Many};
use spinel_structs::number::parse_i64;

use crate::Flow;
use crate::arguments::{argument, optional};
use crate::command_log::{CommandLog, LoggedFor};
use crate::session::{SessionCommand, SessionContext, help_command, session_commands, subcommand_misused};

session_commands! {
    /// SLOWLOG.
    pub(super) static COMMANDS;
    container Slowlog,
    session SlowlogGet,
    session SlowlogHelp,
    session SlowlogLen,
    session SlowlogReset,
}

/// Entries given when nobody says how many.
const DEFAULT_COUNT: usize = 10;

/// Shows the commands that took longest lately.
#[derive(Command)]
#[command(group = Server, since = "2.2.12", complexity = "Depends on subcommand.", arity = -2, manual)]
struct Slowlog;

/// Returns the newest entries of the slow log.
#[derive(Command)]
#[command(name = "slowlog|get", group = Server, since = "2.2.12")]
#[command(complexity = "O(N) where N is the number of entries returned")]
#[command(flags(admin, loading, stale), tips("request_policy:all_nodes", "nondeterministic_output"))]
#[command(history = &[("4.0.0", "Entries tell the client's address and name.")])]
#[command(args = &[optional("", argument("count", ArgKind::Integer, ""))])]
struct SlowlogGet<'a> {
    #[arg(trailing)]
    count: Option<&'a [u8]>,
    #[arg(trailing, hidden)]
    excess: Option<Many<'a, &'a [u8]>>,
}

/// How many entries are wanted; -1 asks for all.
pub(super) fn wanted(word: &[u8]) -> Result<usize, CommandError> {
    match parse_i64(word) {
        Some(-1) => Ok(usize::MAX),
        Some(count @ 0..) => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
        _ => Err(CommandError::text("ERR count should be greater than or equal to -1")),
    }
}

/// Replies with the newest entries of a log.
pub(super) fn reply_newest(log: &CommandLog, count: usize, out: &mut Encoder) {
    let entries = log.newest(count);
    out.array(entries.len());
    for entry in entries {
        out.array(6);
        out.integer(entry.id as i64);
        out.integer(entry.unix_seconds);
        out.integer(entry.value as i64);
        out.array(entry.words.len());
        entry.words.iter().for_each(|word| out.bulk(word));
        out.bulk(entry.peer.as_bytes());
        out.bulk(&entry.name);
    }
}

impl SessionCommand for SlowlogGet<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if self.excess.is_some() {
            return Err(subcommand_misused(cx.args));
        }
        let count = self.count.map_or(Ok(DEFAULT_COUNT), wanted)?;
        reply_newest(cx.engine().command_logs.of(LoggedFor::Time), count, out);
        Ok(Flow::Continue)
    }
}

/// Counts the entries of the slow log.
#[derive(Command)]
#[command(name = "slowlog|len", group = Server, since = "2.2.12", complexity = "O(1)")]
#[command(flags(admin, loading, stale))]
#[command(tips("request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"))]
struct SlowlogLen;

impl SessionCommand for SlowlogLen {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.integer(cx.engine().command_logs.of(LoggedFor::Time).len() as i64);
        Ok(Flow::Continue)
    }
}

/// Empties the slow log.
#[derive(Command)]
#[command(name = "slowlog|reset", group = Server, since = "2.2.12")]
#[command(complexity = "O(N) where N is the number of entries in the slowlog")]
#[command(flags(admin, loading, stale), tips("request_policy:all_nodes", "response_policy:all_succeeded"))]
struct SlowlogReset;

impl SessionCommand for SlowlogReset {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.engine().command_logs.of(LoggedFor::Time).reset();
        out.ok();
        Ok(Flow::Continue)
    }
}

help_command!(
    /// Lists the subcommands of `SLOWLOG`.
    SlowlogHelp, "slowlog|help", "SLOWLOG", Server, "6.2.0",
    &[
        "GET [<count>]",
        "    Show the newest <count> entries (10 if left out, all for -1). An entry has a number,",
        "    the Unix time, the microseconds it took, its words, the client's address and name.",
        "LEN",
        "    Count the entries.",
        "RESET",
        "    Forget all entries.",
    ]
);
