//! DEBUG: what tests and the curious ask of a server, guarded by `enable-debug-command`.
//!
//! To clients it is one command, as in Redis: its subcommands have no entries in COMMAND, are counted together, and
//! words that fit none of them are one error, and the flags are those of `DEBUG`. Beneath, each declares its keys and is
//! run like any other command.
//! What Redis has and is absent here is about replication, scripts or its own structures.

mod allocator;
mod crash;
mod digest;
mod hash_table;
mod listpack;
mod object;
mod populate;
mod protocol;
mod reload;
mod serialized;
mod switches;
#[cfg(test)]
mod tests;

use spinel_family::{Command, CommandError, Encoder, Key, Many, QueryContext, family};
use spinel_store::Entry;

use crate::Flow;
use crate::session::{SessionCommand, SessionContext, reply_help, session_commands, subcommand_misused};
use allocator::{DebugMallctl, DebugMallctlStr};
use crash::{DebugAssert, DebugPanic, DebugSegfault};
use digest::{DebugDigest, DebugDigestValue};
use hash_table::{DebugHtstats, DebugHtstatsKey};
use listpack::DebugListpack;
use object::DebugObject;
use populate::DebugPopulate;
use protocol::{DebugError, DebugProtocol};
use reload::{DebugAofFlushSleep, DebugLoadaof, DebugReload, DebugSetSkipChecksumValidation};
use switches::{
    DebugChangeReplId, DebugConfigRewriteForceAll, DebugLog, DebugPauseCron, DebugQuicklistPackedThreshold,
    DebugSetActiveExpire, DebugSetDisableDenyScripts, DebugSleep,
};

session_commands! {
    /// DEBUG, as far as it reaches no data.
    pub(super) static COMMANDS;
    cover Debug,
    session DebugAofFlushSleep,
    session DebugAssert,
    exclusive DebugChangeReplId,
    exclusive DebugConfigRewriteForceAll,
    session DebugError,
    session DebugHelp,
    session DebugLoadaof,
    session DebugLog,
    session DebugMallctl,
    session DebugMallctlStr,
    session DebugPanic,
    exclusive DebugPauseCron,
    session DebugProtocol,
    exclusive DebugQuicklistPackedThreshold,
    exclusive DebugReload,
    session DebugSegfault,
    exclusive DebugSetActiveExpire,
    exclusive DebugSetDisableDenyScripts,
    exclusive DebugSetSkipChecksumValidation,
    exclusive DebugSleep,
}

family! {
    /// DEBUG, as far as it reaches data.
    pub(super) static DATA_COMMANDS;
    exclusive DebugDigest,
    query DebugDigestValue,
    sweep DebugHtstats,
    query DebugHtstatsKey,
    query DebugListpack,
    query DebugObject,
    exclusive DebugPopulate,
}

/// Looks into the server and meddles with it, for tests.
#[derive(Command)]
#[command(group = Server, since = "1.0.0", complexity = "Depends on subcommand.", arity = -2, manual)]
#[command(flags(admin, noscript, loading, stale, protected), doc_flags(Syscmd))]
struct Debug<'a> {
    #[arg(hidden)]
    _words: Many<'a, &'a [u8]>,
}

impl<'a> spinel_family::Parse<'a> for Debug<'a> {
    fn parse(words: &mut spinel_family::Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { _words: spinel_family::Field::parse(words)? })
    }
}

impl SessionCommand for Debug<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, _out: &mut Encoder) -> Result<Flow, CommandError> {
        Err(subcommand_misused(cx.args))
    }
}

/// Lists the subcommands of `DEBUG`.
#[derive(Command)]
#[command(name = "debug|help", group = Server, since = "5.0.0", complexity = "O(1)")]
struct DebugHelp;

impl SessionCommand for DebugHelp {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        reply_help("DEBUG", HELP, out);
        Ok(Flow::Continue)
    }
}

const HELP: &[&str] = &[
    "AOF-FLUSH-SLEEP <microsec>",
    "    Rest before each write to the append-only file.",
    "ASSERT",
    "    End the server as by an assertion that failed.",
    "CHANGE-REPL-ID",
    "    Give the history of the data set a new name.",
    "CONFIG-REWRITE-FORCE-ALL",
    "    Like CONFIG REWRITE, with every parameter, defaults included.",
    "DIGEST",
    "    Show a hexadecimal digest of all databases.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    Show a hexadecimal digest of the value of each key.",
    "ERROR <string>",
    "    Answer with <string> as an error.",
    "HTSTATS <dbid>",
    "    Show how the keys of a database are spread over its hash tables.",
    "HTSTATS-KEY <key>",
    "    Show how the elements of the value of <key> are spread over its hash table.",
    "LISTPACK <key>",
    "    Show the elements of the listpack that <key> is kept in.",
    "LOADAOF",
    "    Empty the data set and load the append-only file again.",
    "LOG <message>",
    "    Write <message> to the server's log.",
    "MALLCTL <name>",
    "    Show a number that the allocator knows by <name>.",
    "MALLCTL-STR <name> [VOID]",
    "    Show a text that the allocator knows by <name>. With VOID, for thread.tcache.flush: give back what is kept at hand.",
    "OBJECT <key>",
    "    Show how the value of <key> is kept.",
    "PANIC",
    "    End the server as by a panic.",
    "PAUSE-CRON <0|1>",
    "    Stop (1) or resume (0) the periodic upkeep.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Create <count> strings under the keys <prefix>:<number>, \"key\" being the usual prefix; those that exist stay.",
    "    They hold value:<number>, cut or filled up with zero bytes to <size> bytes if it is given.",
    "PROTOCOL <type>",
    "    Answer with an example of <type>, one of: string, integer, double, bignum, null, array, set, map, attrib,",
    "    push, verbatim, true, false.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Give list elements from <size> bytes on a node of their own; 0 restores the default of 1gb.",
    "RELOAD [NOSAVE] [NOFLUSH] [MERGE]",
    "    Save the data set (unless NOSAVE), empty it (unless NOFLUSH) and load it again. Keys that are there already are",
    "    an error, or replaced with MERGE.",
    "SEGFAULT",
    "    End the server as by a write to memory that it may not write to.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Remove expired keys in the background (1), or only when they are met (0).",
    "SET-DISABLE-DENY-SCRIPTS <0|1>",
    "    Let scripts run the commands that are not for scripts, or not any more.",
    "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
    "    Take payloads and files whatever their checksums are (1), or only if those are right (0).",
    "SLEEP <seconds>",
    "    Let the whole server rest; a fraction is allowed.",
];

/// The entry of a key, even if its time has come; without any trace of the look-up.
fn find<'a>(cx: &'a QueryContext<'_>, key: Key<'_>) -> Option<&'a Entry> {
    cx.held().shard(key.hash).db(cx.db()).find(key)
}

/// A number as C's `atoi` reads it: what does not begin with digits is 0.
fn is_nonzero(word: &[u8]) -> bool {
    let digits = word.trim_ascii_start();
    let digits = digits.strip_prefix(b"-").or(digits.strip_prefix(b"+")).unwrap_or(digits);
    digits.iter().take_while(|byte| byte.is_ascii_digit()).any(|&byte| byte != b'0')
}
