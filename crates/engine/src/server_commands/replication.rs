//! ROLE, REPLICAOF: a server that is a primary without replicas says so.
//!
//! Replication itself is absent: becoming a replica is an error.

use spinel_family::spec::{ArgKind, ArgSpec};
use spinel_family::{Command, CommandError, Encoder, is_token};
use spinel_structs::number::parse_i64;

use crate::Flow;
use crate::arguments::{argument, one_of, token};
use crate::session::{SessionCommand, SessionContext, session_commands};

session_commands! {
    /// ROLE, REPLICAOF.
    pub(super) static COMMANDS;
    session Replicaof,
    session Role,
    session Slaveof,
}

/// Tells the role in replication, how far it got, and the other side.
#[derive(Command)]
#[command(group = Server, since = "2.8.12", complexity = "O(1)")]
#[command(flags(noscript, loading, stale, fast), categories(Admin, Dangerous))]
struct Role;

impl SessionCommand for Role {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.array(3);
        out.bulk(b"master");
        out.integer(0);
        out.array(0);
        Ok(Flow::Continue)
    }
}

const REPLICAOF_ARGUMENTS: &[ArgSpec] = &[one_of(
    "args",
    "",
    &[
        ArgSpec {
            children: &[argument("host", ArgKind::String, ""), argument("port", ArgKind::Integer, "")],
            ..argument("host-port", ArgKind::Block, "")
        },
        ArgSpec {
            children: &[token("no", "NO"), token("one", "ONE")],
            ..argument("no-one", ArgKind::Block, "")
        },
    ],
)];

/// Makes the server a replica of another, or a primary.
#[derive(Command)]
#[command(group = Server, since = "5.0.0", complexity = "O(1)", args = REPLICAOF_ARGUMENTS)]
#[command(flags(admin, noscript, stale, no_async_loading))]
struct Replicaof<'a> {
    host: &'a [u8],
    port: &'a [u8],
}

/// Makes the server a replica of another, or a primary.
#[derive(Command)]
#[command(group = Server, since = "1.0.0", complexity = "O(1)", args = REPLICAOF_ARGUMENTS)]
#[command(flags(admin, noscript, stale, no_async_loading))]
#[command(doc_flags(Deprecated), deprecated_since = "5.0.0", replaced_by = "`REPLICAOF`")]
struct Slaveof<'a> {
    host: &'a [u8],
    port: &'a [u8],
}

/// A primary stays one at `NO ONE`; it cannot become a replica.
fn replicate(host: &[u8], port: &[u8], out: &mut Encoder) -> Result<Flow, CommandError> {
    if is_token(host, "NO") && is_token(port, "ONE") {
        out.ok();
        return Ok(Flow::Continue);
    }
    let is_port = parse_i64(port).is_some_and(|port| (0..=i64::from(u16::MAX)).contains(&port));
    Err(CommandError::text(if is_port {
        "ERR this server cannot be a replica: replication is not supported"
    } else {
        "ERR Invalid master port"
    }))
}

impl SessionCommand for Replicaof<'_> {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        replicate(self.host, self.port, out)
    }
}

impl SessionCommand for Slaveof<'_> {
    fn run(&self, _cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        replicate(self.host, self.port, out)
    }
}
