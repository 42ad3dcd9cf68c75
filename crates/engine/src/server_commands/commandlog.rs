//! COMMANDLOG: the commands that took longest lately, or had the largest requests or replies.

use spinel_family::spec::{ArgKind, ArgSpec};
use spinel_family::{Command, CommandError, Encoder, is_token};

use super::slowlog::{reply_newest, wanted};
use crate::Flow;
use crate::arguments::{argument, one_of, token};
use crate::command_log::{CommandLog, LoggedFor};
use crate::session::{SessionCommand, SessionContext, help_command, session_commands};

session_commands! {
    /// COMMANDLOG.
    pub(super) static COMMANDS;
    container Commandlog,
    session CommandlogGet,
    session CommandlogHelp,
    session CommandlogLen,
    session CommandlogReset,
}

const TYPE: ArgSpec = one_of(
    "type",
    "",
    &[token("slow", "SLOW"), token("large-request", "LARGE-REQUEST"), token("large-reply", "LARGE-REPLY")],
);

/// Shows the commands that took longest lately, or had the largest requests or replies.
#[derive(Command)]
#[command(group = Server, since = "8.1.0", complexity = "Depends on subcommand.", arity = -2, manual)]
struct Commandlog;

/// Returns the newest entries of one of the logs.
#[derive(Command)]
#[command(name = "commandlog|get", group = Server, since = "8.1.0")]
#[command(complexity = "O(N) where N is the number of entries returned")]
#[command(flags(admin, loading, stale), tips("request_policy:all_nodes", "nondeterministic_output"))]
#[command(args = &[argument("count", ArgKind::Integer, ""), TYPE])]
struct CommandlogGet<'a> {
    count: &'a [u8],
    kind: &'a [u8],
}

/// Counts the entries of one of the logs.
#[derive(Command)]
#[command(name = "commandlog|len", group = Server, since = "8.1.0", complexity = "O(1)")]
#[command(flags(admin, loading, stale), args = &[TYPE])]
#[command(tips("request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"))]
struct CommandlogLen<'a> {
    kind: &'a [u8],
}

/// Empties one of the logs.
#[derive(Command)]
#[command(name = "commandlog|reset", group = Server, since = "8.1.0")]
#[command(complexity = "O(N) where N is the number of entries in the commandlog")]
#[command(flags(admin, loading, stale), args = &[TYPE])]
#[command(tips("request_policy:all_nodes", "response_policy:all_succeeded"))]
struct CommandlogReset<'a> {
    kind: &'a [u8],
}

/// The log that a word names, no longer than it may be by now.
fn log_of<'c>(cx: &'c SessionContext<'_>, word: &[u8]) -> Result<&'c CommandLog, CommandError> {
    let what = if is_token(word, "SLOW") {
        LoggedFor::Time
    } else if is_token(word, "LARGE-REQUEST") {
        LoggedFor::Request
    } else if is_token(word, "LARGE-REPLY") {
        LoggedFor::Reply
    } else {
        return Err(CommandError::text(
            "ERR type should be one of the following: slow, large-request, large-reply",
        ));
    };
    let log = cx.engine().command_logs.of(what);
    if what != LoggedFor::Time {
        log.shorten(what.max_len(&cx.worker.settings().observation));
    }
    Ok(log)
}

impl SessionCommand for CommandlogGet<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let count = wanted(self.count)?;
        reply_newest(log_of(cx, self.kind)?, count, out);
        Ok(Flow::Continue)
    }
}

impl SessionCommand for CommandlogLen<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.integer(log_of(cx, self.kind)?.len() as i64);
        Ok(Flow::Continue)
    }
}

impl SessionCommand for CommandlogReset<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        log_of(cx, self.kind)?.reset();
        out.ok();
        Ok(Flow::Continue)
    }
}

help_command!(
    /// Lists the subcommands of `COMMANDLOG`.
    CommandlogHelp, "commandlog|help", "COMMANDLOG", Server, "8.1.0",
    &[
        "GET <count> <type>",
        "    Show the newest <count> entries of a log (all for -1): slow, large-request or large-reply.",
        "    An entry has a number,",
        "    the Unix time,",
        "        the microseconds it took in the log slow,",
        "        the bytes of its request in large-request,",
        "        the bytes of its reply in large-reply,",
        "    its words, the client's address",
        "    and name.",
        "LEN <type>",
        "    Count the entries of a log.",
        "RESET <type>",
        "    Forget all entries of a log.",
    ]
);
