//! MULTI, EXEC, DISCARD, WATCH and UNWATCH.
//!
//! EXEC locks the shards of all its commands' keys and of all watched keys before the first one runs, so it is
//! one step to everybody else. A transaction with a command that reaches every shard has the world to itself.

mod commands;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_family::{
    Args, CallOptions, CommandError, DbIndex, Encoder, ExclusiveContext, OwnedArgs, QueryContext, Run,
    SweepContext, UpdateContext, Words,
};
use spinel_store::{Held, WatchFlag};

pub(crate) use self::commands::COMMANDS;
use crate::aftermath::{self, Origin};
use crate::apart::waits_for_kept_key;
use crate::data::{
    ShardSet, hold_to_write_beside, keys_of, keys_to_remove, name_words, needs_every_shard, normalise,
    shards_of,
};
use crate::dispatch::Outcome;
use crate::registry::{Action, Command, CommandId, REGISTRY};
use crate::replay::is_relative;
use crate::scripting::Invocation;
use crate::session::{Session, Transaction, Watched};
use crate::{Engine, Flow, Worker};

impl Worker {
    /// Runs the queued commands as one step.
    pub(crate) fn exec(&mut self, session: &mut Session, out: &mut Encoder) -> Result<Flow, CommandError> {
        let Some(transaction) = session.transaction.take() else {
            return Err(CommandError::text("ERR EXEC without MULTI"));
        };
        if transaction.broken {
            self.unwatch_all(session);
            session.publish_transaction();
            return Err(CommandError::text("EXECABORT Transaction discarded because of previous errors."));
        }
        let has_scripts = transaction.queue.iter().any(|(id, _)| is_script(REGISTRY.get(*id)));
        if has_scripts && !self.runs_scripts() {
            session.transaction = Some(transaction);
            return Ok(self.send_transaction_to_scripts(session));
        }
        let result = if has_scripts {
            // Not in the world alone: others are to be told that a script is at work.
            self.exec_locked(session, &transaction, None, out)
        } else if transaction.queue.iter().any(|(id, args)| needs_world(REGISTRY.get(*id), args.args())) {
            self.with_world(|worker| worker.exec_locked(session, &transaction, None, out))
        } else {
            let shards = self.shards_of_transaction(session, &transaction);
            self.exec_locked(session, &transaction, Some(shards), out)
        };
        if matches!(result, Ok(Flow::Parked)) {
            session.transaction = Some(transaction);
            return result;
        }
        session.publish_transaction();
        result
    }

    fn shards_of_transaction(&self, session: &Session, transaction: &Transaction) -> ShardSet {
        let keyspace = &self.engine.keyspace;
        let mut shards = ShardSet::new();
        for (id, args) in &transaction.queue {
            shards.extend(shards_of(keyspace, REGISTRY.get(*id), args.args(), None));
        }
        for watched in &session.watched {
            shards.push(keyspace.shard_of(keyspace.key(&watched.key).hash));
        }
        normalise(&mut shards);
        shards
    }

    /// Locks `shards`, or all of them, and runs.
    fn exec_locked(
        &mut self,
        session: &mut Session,
        transaction: &Transaction,
        shards: Option<ShardSet>,
        out: &mut Encoder,
    ) -> Result<Flow, CommandError> {
        let engine = Arc::clone(&self.engine);
        let held = match shards {
            None => engine.keyspace.hold_all(),
            Some(shards) => hold_to_write_beside(&engine.keyspace, shards),
        };
        let held = match held {
            Ok(held) => held,
            Err(taken) => return Ok(self.park(session, taken)),
        };
        let commands = transaction.queue.iter().map(|(id, args)| (REGISTRY.get(*id), args.args()));
        let mut held = match self.make_ready(session, held, commands) {
            Ok(held) => held,
            Err(flow) => return Ok(flow),
        };
        for watched in &session.watched {
            if waits_for_kept_key(&mut held, session, engine.keyspace.key(&watched.key).hash) {
                return Ok(Flow::Parked);
            }
        }
        self.exec_held(session, transaction, held, out)
    }

    fn exec_held(
        &mut self,
        session: &mut Session,
        transaction: &Transaction,
        mut held: Held<'_>,
        out: &mut Encoder,
    ) -> Result<Flow, CommandError> {
        let broken = session.watch_flag.is_raised() || self.watched_expired(session, &held);
        forget_watches(session, &mut held);
        if broken {
            out.null_array();
            return Ok(Flow::Continue);
        }
        if transaction.is_atomic {
            return self.exec_or_undo(session, transaction, held, out);
        }
        out.array(transaction.queue.len());
        let engine = Arc::clone(&self.engine);
        Ok(self.run_as_one(&engine, session, held, |execution, session, cx| {
            for (id, args) in &transaction.queue {
                execution.step(session, *id, args.args(), cx, out);
            }
        }))
    }

    /// Runs several commands on shards held, as one step to everybody else and to the journal.
    pub(crate) fn run_as_one(
        &mut self,
        engine: &Engine,
        session: &mut Session,
        held: Held<'_>,
        with: impl FnOnce(&mut Execution<'_>, &mut Session, &mut UpdateContext<'_>),
    ) -> Flow {
        let published = Arc::clone(&self.published);
        let scratch = self.scratch.fork();
        let mut effects = std::mem::take(&mut self.effects);
        let query = QueryContext::new(held, self.options(session), &published.for_commands, &scratch);
        let mut cx = UpdateContext::new(query, &mut effects);
        let mut run =
            Execution { worker: self, recorded: Vec::new(), in_script: false, flow: Flow::Continue };
        run.guarded(&mut cx, |run, cx| with(run, session, cx));
        let Execution { recorded, flow, .. } = run;
        session.note_written(engine.journal.append_all(&recorded));
        if !cx.effects().ready.is_empty() {
            // Those who wait look at the keys after the transaction, in which time may have passed (DEBUG SLEEP).
            cx.set_options(CallOptions { now: engine.clock.unix_millis(), ..*cx.options() });
        }
        aftermath::serve(engine, &mut cx);
        drop(cx);
        self.effects = effects;
        self.count_effects();
        flow
    }

    /// Whether a watched key's time has come since. One that was not there at the beginning cannot change so: if it
    /// is there now without the flag being raised, an expired key came in its place by SWAPDB.
    fn watched_expired(&self, session: &Session, held: &Held<'_>) -> bool {
        session.watched.iter().filter(|watched| watched.was_there).any(|watched| {
            let key = self.engine.keyspace.key(&watched.key);
            held.shard(key.hash).db(watched.db).find(key).is_some_and(|entry| entry.is_expired(self.now))
        })
    }

    /// Watches keys. One whose time has come is removed first, so that its removal later is no change.
    pub(crate) fn watch<'a>(
        &mut self,
        session: &mut Session,
        keys: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), Flow> {
        for bytes in keys {
            let engine = Arc::clone(&self.engine);
            let key = engine.keyspace.key(bytes);
            let db = session.db;
            if session.watched.iter().any(|watched| watched.db == db && *watched.key == *bytes) {
                continue;
            }
            let shard = engine.keyspace.shard_of(key.hash);
            let mut held = match engine.keyspace.hold_beside(&[shard]) {
                Ok(held) => held,
                Err(taken) => return Err(self.park(session, taken)),
            };
            if waits_for_kept_key(&mut held, session, key.hash) {
                return Err(Flow::Parked);
            }
            let mut was_there = false;
            let flag = Arc::clone(&session.watch_flag);
            self.with_update(held, db, |cx| {
                cx.remove_if_expired(db, key);
                was_there = cx.peek_in(db, key).is_some();
                cx.held_mut().shard_mut(key.hash).watches.add(db, bytes, &flag);
            });
            session.add_watched(Watched { db, key: bytes.into(), was_there });
        }
        session.client.set_watch_flag(&session.watch_flag);
        Ok(())
    }

    /// Watches nothing any more.
    pub(crate) fn unwatch_all(&mut self, session: &mut Session) {
        let keyspace = &self.engine.keyspace;
        for watched in session.watched.drain(..) {
            let shard = keyspace.shard_of(keyspace.key(&watched.key).hash);
            // A shard that is taken keeps the flag, which nobody looks at any more, until the key is touched.
            if let Some(mut guard) = keyspace.spin_lock_beside(shard) {
                guard.watches.remove(watched.db, &watched.key, &session.watch_flag);
            }
        }
        renew_watch_flag(session);
    }

    pub(crate) fn discard_transaction(&mut self, session: &mut Session) {
        session.transaction = None;
        self.unwatch_all(session);
        session.publish_transaction();
    }
}

/// Whether a command reaches more than keys it names.
fn needs_world(command: &Command, args: Args<'_>) -> bool {
    match command.action {
        Action::Data(entry) => matches!(entry.run, Run::Sweep(_)) || needs_every_shard(command, args),
        Action::Session(entry) => entry.is_exclusive,
        Action::Container => false,
    }
}

fn forget_watches(session: &mut Session, held: &mut Held<'_>) {
    for watched in std::mem::take(&mut session.watched) {
        let key = held.keyspace().key(&watched.key);
        held.shard_mut(key.hash).watches.remove(watched.db, &watched.key, &session.watch_flag);
    }
    renew_watch_flag(session);
}

/// The old flag may still be raised by whoever holds it; nobody looks at it any more.
fn renew_watch_flag(session: &mut Session) {
    session.watched_bytes = 0;
    session.client.watched.store(0, Ordering::Relaxed);
    session.watch_flag = Arc::new(WatchFlag::default());
    session.client.set_watch_flag(&session.watch_flag);
}

/// Whether a command runs on the thread of scripts.
fn is_script(command: &Command) -> bool {
    matches!(command.action, Action::Session(entry) if entry.is_script)
}

/// One EXEC, or one script, under way.
pub(crate) struct Execution<'w> {
    pub(crate) worker: &'w mut Worker,
    /// What the journal will record, as a whole.
    pub(crate) recorded: Vec<(DbIndex, OwnedArgs)>,
    /// A script is at work.
    pub(crate) in_script: bool,
    flow: Flow,
}

impl Execution<'_> {
    /// Runs one command, and writes its reply.
    pub(crate) fn step(
        &mut self,
        session: &mut Session,
        id: CommandId,
        args: Args<'_>,
        cx: &mut UpdateContext<'_>,
        out: &mut Encoder,
    ) {
        let command = REGISTRY.get(id);
        let start_len = out.len();
        // Short commands of a script are timed as a whole, as those of a pipeline are.
        let is_single =
            !self.in_script || self.worker.timing.is_single(command, args.len(), args.bytes_len());
        let start = if is_single { self.worker.start_single() } else { 0 };
        let mut failed = false;
        let result = match command.action {
            Action::Session(_) if let Some(kind) = Invocation::of(command) => {
                self.worker.show_script(session, args);
                self.run_script(session, kind, args, cx, out).map(|has_failed| failed = has_failed)
            }
            Action::Session(entry) => self.worker.run_session(session, entry, args, true, out).map(|flow| {
                if flow == Flow::Close {
                    self.flow = flow;
                }
            }),
            Action::Data(_) => {
                let mut options = self.worker.options(session);
                options.may_move = false;
                options.deny_blocking = true;
                options.in_script = self.in_script;
                if let Some(now) = options.replayed_at
                    && is_relative(command.spec.name, args)
                {
                    options.now = now;
                }
                cx.set_options(options);
                self.settle_members(session.db, command, args, cx);
                let result = self.run_data(command, args, cx, out);
                self.settle(session.db, command, args, cx);
                result
            }
            Action::Container => Err(CommandError::Syntax),
        };
        if self.in_script {
            self.worker.show_call_of_script(session, command, args);
        } else {
            self.worker.show_monitors(session, command, args);
        }
        self.worker.stats.commands.add(1);
        failed |= result.is_err();
        if is_single {
            let nanos = self.worker.finish_single(start);
            let outcome = Outcome { failed, reply_bytes: out.len() - start_len, is_request: false };
            self.worker.count_call(session, id, args, nanos, outcome);
        } else {
            self.worker.count_fast_call(id, failed);
        }
        if let Err(error) = result {
            out.truncate(start_len);
            self.worker.reply_error(&error.wire(command.spec.name), out);
        }
    }

    /// Removes the due members of a command's keys, however many: those that nobody could know of beforehand.
    fn settle_members(&mut self, db: DbIndex, command: &Command, args: Args<'_>, cx: &mut UpdateContext<'_>) {
        if self.worker.replaying || !cx.held().iter().any(|shard| shard.db(db).timed_others() > 0) {
            return;
        }
        let engine = Arc::clone(&self.worker.engine);
        for key in keys_of(&engine.keyspace, command, args) {
            if cx.held().holds(key.hash) {
                cx.settle_members(key, usize::MAX);
            }
        }
    }

    fn run_data(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        cx: &mut UpdateContext<'_>,
        out: &mut Encoder,
    ) -> Result<(), CommandError> {
        let Action::Data(entry) = command.action else { return Err(CommandError::Syntax) };
        let engine = &self.worker.engine;
        let mut words = Words::new(args, name_words(command), engine.keyspace.hash_key(), None);
        match entry.run {
            Run::Query(run) => run(cx.as_query(), &mut words, out),
            Run::Update(run) => run(cx, &mut words, out),
            Run::Blocking(blocking) => match (blocking.attempt)(cx, words, out) {
                Ok(spinel_family::Attempt::NotReady) => {
                    (blocking.timed_out)(words, out);
                    Ok(())
                }
                other => other.map(|_| ()),
            },
            Run::Sweep(run) => {
                let options = *cx.options();
                let settings = cx.settings();
                let mut sweep = SweepContext::new(
                    &engine.keyspace,
                    Some(cx.held()),
                    options,
                    settings,
                    self.worker.scratch.random_state(),
                );
                run(&mut sweep, &mut words, out)
            }
            Run::Exclusive(run) => run(&mut ExclusiveContext::new(cx), &mut words, out),
            // Refused inside a transaction, by its flags.
            Run::Gradual(_) | Run::Container(_) => Err(CommandError::Syntax),
        }
    }

    fn settle(&mut self, db: DbIndex, command: &Command, args: Args<'_>, cx: &mut UpdateContext<'_>) {
        let engine = &self.worker.engine;
        cx.settle(|| keys_to_remove(engine, command, args));
        if let Some(undecided) = &mut self.worker.undecided {
            undecided.hold_events(cx.effects());
        }
        let record = |db, command: Args<'_>| self.recorded.push((db, OwnedArgs::from_args(command)));
        aftermath::settle_into(&self.worker.engine, cx, Some(Origin { db, args }), record);
        if let Some(undecided) = &mut self.worker.undecided {
            undecided.hold_counts(cx.effects());
            return;
        }
        self.worker.stats.dirty.add(std::mem::take(&mut cx.effects().dirty));
        let expired = std::mem::take(&mut cx.effects().expired_recorded);
        self.worker.stats.expired.add(expired);
    }
}
