//! CLUSTER, ASKING, READONLY, READWRITE: a server that is no part of a cluster says so.
//!
//! Clients and tools ask whatever server they are given; valkey-cli begins some of its modes with READONLY.

use spinel_family::{Command, CommandError, Encoder, Many};

use crate::Flow;
use crate::session::{SessionCommand, SessionContext, session_commands};

session_commands! {
    /// CLUSTER, ASKING, READONLY, READWRITE.
    pub(super) static COMMANDS;
    session Asking,
    session Cluster,
    session Readonly,
    session Readwrite,
}

/// What may follow CLUSTER; of other words Redis says that they are unknown.
const SUBCOMMANDS: [&str; 29] = [
    "addslots",
    "addslotsrange",
    "bumpepoch",
    "count-failure-reports",
    "countkeysinslot",
    "delslots",
    "delslotsrange",
    "failover",
    "flushslots",
    "forget",
    "getkeysinslot",
    "help",
    "info",
    "keyslot",
    "links",
    "meet",
    "myid",
    "myshardid",
    "nodes",
    "replicas",
    "replicate",
    "reset",
    "saveconfig",
    "set-config-epoch",
    "setslot",
    "shards",
    "slaves",
    "slot-stats",
    "slots",
];
/// How many bytes of an unknown subcommand its error shows.
const SHOWN_BYTES: usize = 128;

const DISABLED: CommandError = CommandError::text("ERR This instance has cluster support disabled");

/// Everything about clusters: there is none.
#[derive(Command)]
#[command(group = Cluster, since = "3.0.0", complexity = "Depends on subcommand.", arity = -2)]
struct Cluster<'a> {
    #[arg(trailing, hidden)]
    words: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for Cluster<'_> {
    fn run(&self, _cx: &mut SessionContext<'_>, _out: &mut Encoder) -> Result<Flow, CommandError> {
        let word = self.words.iter().flat_map(Many::items).next().unwrap_or_default();
        if SUBCOMMANDS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes())) {
            return Err(DISABLED);
        }
        let shown = &word[..word.len().min(SHOWN_BYTES)];
        Err(CommandError::quoting("ERR unknown subcommand '", shown, "'. Try CLUSTER HELP."))
    }
}

/// Announces that the next command follows a redirection.
#[derive(Command)]
#[command(group = Cluster, since = "3.0.0", complexity = "O(1)", flags(fast), categories(Connection))]
struct Asking;

impl SessionCommand for Asking {
    fn run(&self, _cx: &mut SessionContext<'_>, _out: &mut Encoder) -> Result<Flow, CommandError> {
        Err(DISABLED)
    }
}

/// Lets a connection read from a replica of a cluster.
#[derive(Command)]
#[command(group = Cluster, since = "3.0.0", complexity = "O(1)")]
#[command(flags(loading, stale, fast), categories(Connection))]
struct Readonly;

impl SessionCommand for Readonly {
    fn run(&self, _cx: &mut SessionContext<'_>, _out: &mut Encoder) -> Result<Flow, CommandError> {
        Err(DISABLED)
    }
}

/// Ends what READONLY began.
#[derive(Command)]
#[command(group = Cluster, since = "3.0.0", complexity = "O(1)")]
#[command(flags(loading, stale, fast), categories(Connection))]
struct Readwrite;

impl SessionCommand for Readwrite {
    fn run(&self, _cx: &mut SessionContext<'_>, _out: &mut Encoder) -> Result<Flow, CommandError> {
        Err(DISABLED)
    }
}
