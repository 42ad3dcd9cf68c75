//! Clients that wait for keys: registering, giving up, being unblocked.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_family::{
    Args, BlockingEntry, CommandError, DbIndex, Encoder, OwnedArgs, Protocol, UpdateContext, Words,
};
use spinel_store::Waiter;

use crate::clients::Client;
use crate::data::name_words;
use crate::dispatch::Outcome;
use crate::registry::{Action, Command, REGISTRY};
use crate::session::{Blocked, ReplyMode, Session};
use crate::{Engine, Worker};

/// What the engine keeps with a waiter.
pub(crate) struct WaitingCommand {
    pub(crate) client: Arc<Client>,
    pub(crate) serial: u64,
    pub(crate) command: &'static Command,
    pub(crate) args: OwnedArgs,
    pub(crate) protocol: Protocol,
    pub(crate) db: DbIndex,
    pub(crate) no_touch: bool,
}

/// Registers a session's blocked command under its keys, whose shards are held.
pub(crate) fn wait(
    engine: &Engine,
    session: &mut Session,
    command: &'static Command,
    blocking: &BlockingEntry,
    args: Args<'_>,
    words: Words<'_>,
    cx: &mut UpdateContext<'_>,
) -> Result<(), CommandError> {
    let db = session.db;
    session.blockings += 1;
    let serial = session.blockings;
    let now_nanos = engine.clock.monotonic_nanos();
    let mut registered = None;
    let mut waits_as = cx.effects().waits_as.take();
    (blocking.wait_for)(words, &mut |wait| {
        let words = waits_as.take().unwrap_or_else(|| OwnedArgs::from_args(args));
        let payload = WaitingCommand {
            client: Arc::clone(&session.client),
            serial,
            command,
            args: words,
            protocol: session.protocol,
            db,
            no_touch: session.no_touch,
        };
        let destination = wait.destination.map(|key| Box::from(key.bytes));
        let waiter = Waiter::new(destination, Box::new(payload));
        let waiter = Arc::new(waiter.heeding_removal(wait.heeds_removal));
        let mut keys: Vec<Box<[u8]>> = Vec::new();
        for key in wait.keys.iter() {
            cx.held_mut().shard_mut(key.hash).waiters.add(db, key.bytes, &waiter);
            keys.push(key.bytes.into());
        }
        let deadline_nanos =
            wait.timeout.millis.map(|ms| now_nanos.saturating_add(ms.saturating_mul(1_000_000)));
        registered = Some((waiter, keys, deadline_nanos));
    })?;
    let (waiter, keys, deadline_nanos) = registered.ok_or(CommandError::Syntax)?;
    if deadline_nanos.is_some() {
        engine.stats.waiting_with_deadline.fetch_add(1, Ordering::Relaxed);
    }
    session.client.set_waiter(Some(Arc::clone(&waiter)));
    session.client.argument_bytes.store(args.bytes_len() as u64, Ordering::Relaxed);
    session.blocked = Some(Blocked {
        waiter,
        keys,
        db,
        command: command.id,
        args: OwnedArgs::from_args(args),
        deadline_nanos,
        serial,
        nanos: 0,
        silent: session.reply_mode != ReplyMode::On,
    });
    session.client.flags.blocked.store(true, Ordering::Relaxed);
    engine.stats.blocked_clients.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

impl Worker {
    /// Takes a session's blocked command out of the waiting lists. The caller has claimed its waiter, or somebody
    /// who serves it has.
    pub(crate) fn forget_blocked(&mut self, session: &mut Session) -> Option<Blocked> {
        let blocked = session.blocked.take()?;
        session.client.set_waiter(None);
        session.client.argument_bytes.store(0, Ordering::Relaxed);
        if blocked.keys.is_empty() {
            self.engine.journal.log.durability.forget(session.id());
        }
        let keyspace = &self.engine.keyspace;
        for bytes in &blocked.keys {
            let shard = keyspace.shard_of(keyspace.key(bytes).hash);
            // A shard that is taken keeps the claimed waiter until somebody meets it there and passes over it.
            if let Some(mut guard) = keyspace.spin_lock_beside(shard) {
                guard.waiters.remove(blocked.db, bytes, &blocked.waiter);
            }
        }
        session.client.flags.blocked.store(false, Ordering::Relaxed);
        self.engine.stats.blocked_clients.fetch_sub(1, Ordering::Relaxed);
        if blocked.deadline_nanos.is_some() {
            self.engine.stats.waiting_with_deadline.fetch_sub(1, Ordering::Relaxed);
        }
        Some(blocked)
    }

    /// Ends a session's waiting without a reply: it goes away.
    pub(crate) fn stop_waiting(&mut self, session: &mut Session) {
        if let Some(blocked) = &session.blocked {
            blocked.waiter.claim();
            self.forget_blocked(session);
        } else if session.client.flags.blocked.swap(false, Ordering::Relaxed) {
            self.engine.stats.blocked_clients.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// When the session's blocked command ends without success, in monotonic nanoseconds.
    #[must_use]
    pub fn deadline_nanos(&self, session: &Session) -> Option<u64> {
        session.blocked.as_ref().and_then(|blocked| blocked.deadline_nanos)
    }

    /// Ends a blocked command whose time is up; false if it is being served.
    pub fn time_out(&mut self, session: &mut Session, out: &mut Encoder) -> bool {
        let claimed = session.blocked.as_ref().is_some_and(|blocked| blocked.waiter.claim());
        if !claimed {
            return false;
        }
        let Some(blocked) = self.forget_blocked(session) else { return false };
        self.end_timed_out(session, &blocked, out);
        true
    }

    /// Counts a blocked command that ended; the time it waited is not counted.
    pub(crate) fn count_unblocked(
        &mut self,
        session: &Session,
        blocked: &Blocked,
        failed: bool,
        reply_bytes: usize,
    ) {
        let outcome = Outcome { failed, reply_bytes, is_request: true };
        self.count_call(session, blocked.command, blocked.args.args(), blocked.nanos, outcome);
    }

    /// Counts and answers a blocked command that found nothing.
    pub(crate) fn end_timed_out(&mut self, session: &Session, blocked: &Blocked, out: &mut Encoder) {
        self.count_unblocked(session, blocked, false, 0);
        let start = out.len();
        reply_timed_out(&self.engine, session, REGISTRY.get(blocked.command), blocked.args.args(), out);
        blocked.silence(start, out);
    }
}

/// The reply of a blocking command that found nothing.
fn reply_timed_out(engine: &Engine, session: &Session, command: &Command, args: Args<'_>, out: &mut Encoder) {
    let words = Words::new(args, name_words(command), engine.keyspace.hash_key(), None);
    match command.action {
        Action::Data(entry) => {
            if let spinel_family::Run::Blocking(blocking) = entry.run {
                (blocking.timed_out)(words, out);
            }
        }
        // The only commands of the engine's own that block are WAIT and WAITAOF.
        Action::Session(_) => crate::server_commands::reply_wait_over(engine, session, command, out),
        Action::Container => {}
    }
}
