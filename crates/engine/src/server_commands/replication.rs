//! ROLE, WAIT, REPLICAOF: a server that is a primary without replicas says so.
//!
//! Replication itself is absent: becoming a replica is an error, and no replica ever acknowledges a write.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_family::spec::{ArgKind, ArgSpec};
use spinel_family::{Command, CommandError, Encoder, Lazy, OwnedArgs, is_token};
use spinel_store::Waiter;
use spinel_structs::number::parse_i64;

use crate::Flow;
use crate::arguments::{argument, one_of, token};
use crate::registry::REGISTRY;
use crate::session::{Blocked, ReplyMode, SessionCommand, SessionContext, session_commands};

session_commands! {
    /// ROLE, WAIT, REPLICAOF.
    pub(super) static COMMANDS;
    session Replicaof,
    session Role,
    session Slaveof,
    session Wait,
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

/// Waits until a number of replicas has acknowledged all writes of this connection.
#[derive(Command)]
#[command(group = Generic, since = "3.0.0", complexity = "O(1)", flags(noscript), categories(Connection))]
#[command(tips("request_policy:all_shards", "response_policy:agg_min"))]
struct Wait<'a> {
    numreplicas: i64,
    timeout: Lazy<'a, i64>,
}

impl SessionCommand for Wait<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let millis = parse_i64(self.timeout.raw())
            .ok_or(CommandError::text("ERR timeout is not an integer or out of range"))?;
        let millis = u64::try_from(millis).map_err(|_| CommandError::TimeoutNegative)?;
        if self.numreplicas <= 0 || cx.in_exec {
            out.integer(0);
            return Ok(Flow::Continue);
        }
        wait_for_nobody(cx, millis);
        Ok(Flow::Waiting)
    }
}

/// What a client that waits for replicas gets when its time is up: how many acknowledged.
pub(crate) fn reply_wait_over(out: &mut Encoder) {
    out.integer(0);
}

/// Blocks the session until its time is up, or for ever.
fn wait_for_nobody(cx: &mut SessionContext<'_>, millis: u64) {
    let engine = Arc::clone(&cx.worker.engine);
    let session = &mut *cx.session;
    let command = REGISTRY.find(Wait::NAME).expect("the registry has the commands of this table");
    let now_nanos = engine.clock.monotonic_nanos();
    let deadline_nanos = (millis > 0).then(|| now_nanos.saturating_add(millis.saturating_mul(1_000_000)));
    session.blockings += 1;
    let waiter = Arc::new(Waiter::new(None, Box::new(())));
    session.client.set_waiter(Some(Arc::clone(&waiter)));
    session.blocked = Some(Blocked {
        waiter,
        keys: Vec::new(),
        db: session.db,
        command: command.id,
        args: OwnedArgs::from_args(cx.args),
        deadline_nanos,
        serial: session.blockings,
        nanos: 0,
        silent: session.reply_mode != ReplyMode::On,
    });
    session.client.flags.blocked.store(true, Ordering::Relaxed);
    engine.stats.blocked_clients.fetch_add(1, Ordering::Relaxed);
    if deadline_nanos.is_some() {
        engine.stats.waiting_with_deadline.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wait<'_> {
    const NAME: &'static [u8] = b"wait";
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
