//! WAIT, WAITAOF: waiting until the writes of a connection are where it wants them.
//!
//! There is no replication, so no replica ever acknowledges a write; the disk does.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_family::{Command, CommandError, Encoder, Lazy, OwnedArgs};
use spinel_store::Waiter;
use spinel_structs::number::parse_i64;

use crate::persistence::{LOG_IS_OFF, Waiting};
use crate::registry::{self, REGISTRY};
use crate::session::{Blocked, ReplyMode, Session, SessionCommand, SessionContext, session_commands};
use crate::{Engine, Flow};

session_commands! {
    /// WAIT, WAITAOF.
    pub(super) static COMMANDS;
    session Wait,
    session Waitaof,
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
        let millis = parse_timeout(self.timeout.raw())?;
        if self.numreplicas <= 0 || cx.in_exec {
            out.integer(0);
            return Ok(Flow::Continue);
        }
        block(cx, Self::NAME, millis);
        Ok(Flow::Waiting)
    }
}

impl Wait<'_> {
    const NAME: &'static [u8] = b"wait";
}

/// Waits until all writes of this connection are durable: in the append-only file here, in that of a number of replicas,
/// or both.
#[derive(Command)]
#[command(group = Generic, since = "7.2.0", complexity = "O(1)", flags(blocking), categories(Connection))]
#[command(tips("request_policy:all_shards", "response_policy:agg_min"))]
struct Waitaof<'a> {
    numlocal: i64,
    numreplicas: Lazy<'a, i64>,
    timeout: Lazy<'a, i64>,
}

impl SessionCommand for Waitaof<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if !(0..=1).contains(&self.numlocal) {
            return Err(CommandError::text("ERR value is out of range, value must between 0 and 1"));
        }
        let wants_file = self.numlocal == 1;
        let replicas = parse_i64(self.numreplicas.raw()).filter(|number| *number >= 0);
        let replicas = replicas.ok_or(CommandError::NotPositive)?;
        let millis = parse_timeout(self.timeout.raw())?;
        let longest = i64::MAX - cx.worker.now().0;
        if i64::try_from(millis).is_ok_and(|millis| millis > longest) {
            return Err(CommandError::TimeoutOutOfRange);
        }
        if wants_file && !cx.worker.settings().persistence.aof.enabled {
            return Err(CommandError::text(LOG_IS_OFF));
        }
        let is_durable = cx.engine().journal.log.is_durable(cx.session.written_to);
        if cx.in_exec || replicas == 0 && (is_durable || !wants_file) {
            reply_acknowledged(is_durable, out);
            return Ok(Flow::Continue);
        }
        let engine = Arc::clone(&cx.worker.engine);
        let (waiter, serial) = block(cx, Self::NAME, millis);
        if wants_file {
            let client = Arc::clone(&cx.session.client);
            let position = (replicas == 0).then_some(cx.session.written_to);
            engine.journal.log.wait_until_durable(Waiting { client, waiter, serial, position });
        }
        Ok(Flow::Waiting)
    }
}

impl Waitaof<'_> {
    const NAME: &'static [u8] = b"waitaof";
}

/// The reply of WAITAOF: whether our file has it, and those of how many replicas.
pub(crate) fn reply_acknowledged(is_durable: bool, out: &mut Encoder) {
    out.array(2);
    out.integer(i64::from(is_durable));
    out.integer(0);
}

/// What a client gets whose time is up: what was acknowledged until then.
pub(crate) fn reply_wait_over(
    engine: &Engine,
    session: &Session,
    command: &registry::Command,
    out: &mut Encoder,
) {
    if command.spec.name.as_bytes() == Waitaof::NAME {
        reply_acknowledged(engine.journal.log.is_durable(session.written_to), out);
    } else {
        out.integer(0);
    }
}

/// Milliseconds.
fn parse_timeout(word: &[u8]) -> Result<u64, CommandError> {
    let millis =
        parse_i64(word).ok_or(CommandError::text("ERR timeout is not an integer or out of range"))?;
    u64::try_from(millis).map_err(|_| CommandError::TimeoutNegative)
}

/// Blocks the session until its time is up, or for ever. Returns by what somebody claims it who ends that, and which of its
/// blockings it is.
fn block(cx: &mut SessionContext<'_>, name: &[u8], millis: u64) -> (Arc<Waiter>, u64) {
    let engine = Arc::clone(&cx.worker.engine);
    let session = &mut *cx.session;
    let command = REGISTRY.find(name).expect("the registry has the commands of this table");
    let now_nanos = engine.clock.monotonic_nanos();
    let deadline_nanos = (millis > 0).then(|| now_nanos.saturating_add(millis.saturating_mul(1_000_000)));
    session.blockings += 1;
    let waiter = Arc::new(Waiter::new(None, Box::new(())));
    session.client.set_waiter(Some(Arc::clone(&waiter)));
    session.blocked = Some(Blocked {
        waiter: Arc::clone(&waiter),
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
    (waiter, session.blockings)
}
