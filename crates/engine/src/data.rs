//! Runs commands on data: locks the shards of their keys, runs, deals with what they leave behind.

use std::sync::Arc;

use smallvec::SmallVec;
use spinel_family::{
    Args, Attempt, CallOptions, CommandEntry, CommandError, DbIndex, Effects, Encoder, ExclusiveContext, Key,
    KeyRule, LOOP_BYTES_LIMIT, QueryContext, Run, Scratch, SweepContext, UpdateContext, Words,
};
use spinel_store::{Held, Keyspace, ShardIndex, Taken};

use crate::aftermath::{self, Origin};
use crate::engine::Published;
use crate::persistence::{Asker, Wish};
use crate::registry::{Action, Command};
use crate::session::Session;
use crate::{Engine, Flow, Message, Worker};

/// Shards in ascending order without repetition.
pub(crate) type ShardSet = SmallVec<[ShardIndex; 4]>;

/// The shards of a command's keys.
pub(crate) fn shards_of(
    keyspace: &Keyspace,
    command: &Command,
    args: Args<'_>,
    known: Option<(usize, u64)>,
) -> ShardSet {
    let mut shards = ShardSet::new();
    command.keys.each(args, |at| {
        let hash = match known {
            Some((place, hash)) if place == at => hash,
            _ => keyspace.key(args.at(at)).hash,
        };
        shards.push(keyspace.shard_of(hash));
    });
    normalise(&mut shards);
    shards
}

pub(crate) fn normalise(shards: &mut ShardSet) {
    if shards.len() > 1 {
        shards.sort_unstable();
        shards.dedup();
    }
}

/// The keys of a command.
pub(crate) fn keys_of<'a>(keyspace: &Keyspace, command: &Command, args: Args<'a>) -> SmallVec<[Key<'a>; 4]> {
    let mut keys = SmallVec::new();
    command.keys.each(args, |at| keys.push(keyspace.key(args.at(at))));
    keys
}

/// Whether a call runs with all shards held.
pub(crate) fn needs_every_shard(command: &Command, args: Args<'_>) -> bool {
    match command.action {
        Action::Data(entry) => matches!(entry.run, Run::Exclusive(_)) || command.reaches_beyond(args),
        Action::Session(_) | Action::Container => false,
    }
}

/// Words to skip to the first argument.
pub(crate) fn name_words(command: &Command) -> usize {
    command.name_words
}

/// A command of a family with its words.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) command: &'static Command,
    pub(crate) entry: &'static CommandEntry,
    pub(crate) args: Args<'a>,
    /// The place of a word whose hash is known, and the hash.
    pub(crate) known: Option<(usize, u64)>,
}

impl Worker {
    pub(crate) fn run_data(
        &mut self,
        session: &mut Session,
        call: Call<'_>,
        out: &mut Encoder,
    ) -> Result<Flow, CommandError> {
        match call.entry.run {
            Run::Sweep(_) => self.run_sweep(session, call, out),
            Run::Gradual(_) => {
                let options = self.options(session);
                self.engine.helpers.run_long_sweep(session, call, options, &self.published);
                Ok(Flow::Waiting)
            }
            _ if needs_every_shard(call.command, call.args) => {
                let start = out.len();
                let flow = self.with_world(|worker| worker.run_locked(session, call, None, out))?;
                let waits = call.command.spec.name == "flushall" && flow == Flow::Continue;
                Ok(if waits && self.wait_for_flush(session, call) {
                    out.truncate(start);
                    Flow::Waiting
                } else {
                    flow
                })
            }
            _ => {
                if let Some(result) = self.run_on_one_shard(session, call, out) {
                    return result;
                }
                let shards = shards_of(&self.engine.keyspace, call.command, call.args, call.known);
                self.run_locked(session, call, Some(shards), out)
            }
        }
    }

    /// Has a client who flushed everything wait until that is so on the disk, too; false if nothing is to be done there.
    fn wait_for_flush(&self, session: &mut Session, Call { command, args, .. }: Call<'_>) -> bool {
        let engine = &self.engine;
        let waits = engine.is_flush_unsaved() && {
            let asker = Asker::of(engine, session, Wish::Saved, (command.id, args));
            engine.save_flush(asker).is_ok()
        };
        session.moved |= waits;
        waits
    }

    /// A command with one key whose shard is free. `None`: nothing was done.
    fn run_on_one_shard(
        &mut self,
        session: &mut Session,
        call: Call<'_>,
        out: &mut Encoder,
    ) -> Option<Result<Flow, CommandError>> {
        let options = self.options(session);
        let Self { engine, published, effects, scratch, .. } = self;
        let (KeyRule::One { .. }, Some((_, hash))) = (call.command.keys, call.known) else { return None };
        let held = engine.keyspace.hold_one(hash)?;
        let shard = held.shard(hash);
        let is_due = shard.db(options.db).has_due_members(hash, options.now);
        if is_due || call.command.writes && shard.writers_take_care() {
            return None;
        }
        let ground = Ground { engine, published, effects, scratch };
        let result = run_held(ground, session, call, options, held, out);
        self.count_effects();
        Some(result)
    }

    /// Locks `shards`, or all of them, and runs the command; parks it if one is taken.
    #[inline(never)]
    pub(crate) fn run_locked(
        &mut self,
        session: &mut Session,
        call: Call<'_>,
        shards: Option<ShardSet>,
        out: &mut Encoder,
    ) -> Result<Flow, CommandError> {
        let mut options = self.options(session);
        // Who has all shards stays here: a helper may have to wait for one before it takes up anything else.
        options.may_move &= shards.is_some();
        let engine = Arc::clone(&self.engine);
        let held = match hold(&engine.keyspace, call.command, shards) {
            Ok(held) => held,
            Err(taken) => return Ok(park(&engine, session, taken)),
        };
        let held = match self.make_ready(session, held, [(call.command, call.args)]) {
            Ok(held) => held,
            Err(flow) => return Ok(flow),
        };
        let Self { published, effects, scratch, .. } = self;
        let ground = Ground { engine: &engine, published, effects, scratch };
        let result = run_held(ground, session, call, options, held, out);
        self.count_effects();
        result
    }

    /// Leaves a ticket with a taken shard; the client's command is tried again when it is free.
    pub(crate) fn park(&self, session: &Session, taken: Taken) -> Flow {
        park(&self.engine, session, taken)
    }

    #[inline]
    pub(crate) fn options(&self, session: &Session) -> CallOptions {
        CallOptions {
            db: session.db,
            now: self.now,
            protocol: session.protocol,
            no_touch: session.no_touch,
            may_move: self.may_move,
            retried: false,
            deny_blocking: false,
            in_script: false,
            replayed_at: self.replaying.then(|| self.engine.clock.unix_millis()),
            recorded: self.engine.journal.is_on(),
        }
    }

    /// Adds what a command left to the counters, sends garbage away and makes room for the next.
    #[inline]
    pub(crate) fn count_effects(&mut self) {
        let effects = &mut self.effects;
        if effects.hits > 0 {
            self.stats.hits.add(effects.hits);
            effects.hits = 0;
        }
        if effects.misses > 0 {
            self.stats.misses.add(effects.misses);
            effects.misses = 0;
        }
        if effects.is_quiet() {
            effects.propagation = spinel_family::Propagation::Verbatim;
            return;
        }
        if effects.is_only_dirty() {
            self.stats.dirty.add(effects.dirty);
            effects.dirty = 0;
            effects.propagation = spinel_family::Propagation::Verbatim;
            return;
        }
        self.count_other_effects();
    }

    #[cold]
    fn count_other_effects(&mut self) {
        let effects = &mut self.effects;
        self.stats.dirty.add(effects.dirty);
        self.stats.expired.add(effects.expired_recorded);
        self.stats.expired_fields.add(effects.expired_fields);
        self.stats.expired_members.add(effects.expired_members);
        self.engine.helpers.reclaim(&self.engine, effects);
        effects.clear();
    }

    fn run_sweep(
        &mut self,
        session: &mut Session,
        call: Call<'_>,
        out: &mut Encoder,
    ) -> Result<Flow, CommandError> {
        let Call { command, entry, args, .. } = call;
        let Run::Sweep(run) = entry.run else { return Err(CommandError::Syntax) };
        let engine = Arc::clone(&self.engine);
        let options = self.options(session);
        let mut words = Words::new(args, name_words(command), engine.keyspace.hash_key(), None);
        let published = Arc::clone(&self.published);
        let mut cx = SweepContext::new(
            &engine.keyspace,
            None,
            options,
            &published.for_commands,
            self.scratch.random_state(),
        );
        match run(&mut cx, &mut words, out) {
            Err(CommandError::Busy(taken)) => return Ok(self.park(session, taken)),
            Err(CommandError::Move) => {
                engine.helpers.run_long_sweep(session, call, options, &published);
                return Ok(Flow::Waiting);
            }
            other => other?,
        }
        let expired = cx.expired;
        if self.engine.pause.is_active() {
            return Ok(Flow::Continue);
        }
        self.remove_expired_keys(session.db, &expired);
        Ok(Flow::Continue)
    }

    /// Removes keys that a sweep met after their time; those whose shard is taken are left to the upkeep.
    fn remove_expired_keys(&mut self, db: DbIndex, keys: &[Box<[u8]>]) {
        for bytes in keys {
            let engine = Arc::clone(&self.engine);
            let key = engine.keyspace.key(bytes);
            let Ok(held) = engine.keyspace.hold(&[engine.keyspace.shard_of(key.hash)]) else { continue };
            self.with_update(held, db, |cx| {
                cx.remove_if_expired(db, key);
            });
        }
    }

    /// How a command is called that nobody sent.
    pub(crate) fn options_of_nobody(&self, db: DbIndex) -> CallOptions {
        CallOptions {
            db,
            now: self.now,
            protocol: spinel_family::Protocol::Resp2,
            no_touch: true,
            may_move: false,
            retried: false,
            deny_blocking: true,
            in_script: false,
            replayed_at: None,
            recorded: self.engine.journal.is_on(),
        }
    }

    /// Runs `with` on shards held, as if it were a command of nobody's, deals with what it leaves, and gives the shards back.
    pub(crate) fn with_update<'k>(
        &mut self,
        held: Held<'k>,
        db: DbIndex,
        with: impl FnOnce(&mut UpdateContext<'_>),
    ) -> Held<'k> {
        self.with_update_as(held, self.options_of_nobody(db), with)
    }

    /// As [`with_update`](Self::with_update), called in a way of its own.
    pub(crate) fn with_update_as<'k>(
        &mut self,
        held: Held<'k>,
        options: CallOptions,
        with: impl FnOnce(&mut UpdateContext<'_>),
    ) -> Held<'k> {
        let engine = Arc::clone(&self.engine);
        let published = Arc::clone(&self.published);
        let keyspace = held.keyspace();
        let query = QueryContext::new(held, options, &published.for_commands, &self.scratch);
        let mut cx = UpdateContext::new(query, &mut self.effects);
        with(&mut cx);
        cx.settle(std::iter::empty);
        aftermath::settle(&engine, &mut cx, None);
        aftermath::serve(&engine, &mut cx);
        let token = cx.into_held().into_token();
        self.count_effects();
        keyspace.adopt(token)
    }
}

fn park(engine: &Engine, session: &Session, taken: Taken) -> Flow {
    let client = Arc::clone(&session.client);
    if !engine.keyspace.wake_when_free(taken, Box::new(move || client.post(Message::Retry))) {
        session.client.post(Message::Retry);
    }
    Flow::Parked
}

/// Locks the shards of a command, or all of them. Keys of its shards may be kept.
fn hold<'k>(keyspace: &'k Keyspace, command: &Command, shards: Option<ShardSet>) -> Result<Held<'k>, Taken> {
    match shards {
        None => keyspace.hold_all(),
        Some(shards) if command.writes => hold_to_write_beside(keyspace, shards),
        Some(shards) => keyspace.hold_beside(&shards),
    }
}

/// Locks whole shards, and with them those that serving blocked clients may write to.
pub(crate) fn hold_to_write(keyspace: &Keyspace, shards: ShardSet) -> Result<Held<'_>, Taken> {
    let held = hold_to_write_beside(keyspace, shards)?;
    match held.has_kept_keys() {
        Some(shard) => Err(Taken::Kept(shard)),
        None => Ok(held),
    }
}

/// As [`hold_to_write`]; keys of the shards may be kept, and the caller sees to it that it does not reach for them. (No
/// client waits for a key that would be written to a kept one: that was looked at before it was kept.)
pub(crate) fn hold_to_write_beside(keyspace: &Keyspace, mut shards: ShardSet) -> Result<Held<'_>, Taken> {
    loop {
        let held = keyspace.hold_beside(&shards)?;
        if !held.iter().any(|shard| shard.waiters.has_destinations()) {
            return Ok(held);
        }
        let before = shards.len();
        aftermath::add_destinations(&held, &mut shards);
        if shards.len() == before {
            return Ok(held);
        }
    }
}

/// What of a worker a running command stands on.
struct Ground<'w> {
    engine: &'w Arc<Engine>,
    published: &'w Arc<Published>,
    effects: &'w mut Effects,
    scratch: &'w Scratch,
}

/// Runs a command whose shards are held, and deals with what it leaves behind.
#[inline]
fn run_held(
    ground: Ground<'_>,
    session: &mut Session,
    call: Call<'_>,
    options: CallOptions,
    held: Held<'_>,
    out: &mut Encoder,
) -> Result<Flow, CommandError> {
    let Ground { engine, published, effects, scratch } = ground;
    let Call { command, entry, args, .. } = call;
    let mut words = words_of(engine, &call);
    let query = QueryContext::new(held, options, &published.for_commands, scratch);
    let mut cx = UpdateContext::new(query, effects);
    let done = |()| Flow::Continue;
    let copies_much = options.may_move && args.extent() > LOOP_BYTES_LIMIT;
    let result = match entry.run {
        Run::Query(_) | Run::Update(_) if copies_much => Err(CommandError::Move),
        Run::Query(run) => run(cx.as_query(), &mut words, out).map(done),
        Run::Update(run) => run(&mut cx, &mut words, out).map(done),
        Run::Exclusive(run) => run(&mut ExclusiveContext::new(&mut cx), &mut words, out).map(done),
        Run::Blocking(blocking) => match (blocking.attempt)(&mut cx, words, out) {
            Ok(Attempt::Served) => Ok(Flow::Continue),
            Ok(Attempt::NotReady) => {
                crate::blocking::wait(engine, session, command, &blocking, args, words, &mut cx)
                    .map(|()| Flow::Waiting)
            }
            Err(error) => Err(error),
        },
        Run::Sweep(_) | Run::Gradual(_) | Run::Container(_) => Err(CommandError::Syntax),
    };
    settle_call(engine, published, session, call, cx, result)
}

/// Deals with what a command leaves behind, still under its locks; sends it to another thread if it asked for that.
pub(crate) fn settle_call(
    engine: &Arc<Engine>,
    published: &Arc<Published>,
    session: &mut Session,
    call: Call<'_>,
    mut cx: UpdateContext<'_>,
    result: Result<Flow, CommandError>,
) -> Result<Flow, CommandError> {
    let Call { command, args, .. } = call;
    cx.settle(|| keys_to_remove(engine, command, args));
    if matches!(result, Err(CommandError::Move)) {
        aftermath::settle(engine, &mut cx, None);
        let options = *cx.options();
        engine.helpers.run_long(session, call, options, published, cx.into_held());
        return Ok(Flow::Waiting);
    }
    if !cx.effects().is_quiet() {
        session.note_written(aftermath::settle(engine, &mut cx, Some(Origin { db: session.db, args })));
        aftermath::serve(engine, &mut cx);
    }
    result
}

/// The words of a command from its first argument on.
#[inline]
fn words_of<'a>(engine: &'a Engine, call: &Call<'a>) -> Words<'a> {
    Words::new(call.args, call.command.name_words, engine.keyspace.hash_key(), call.known)
}

/// The keys of a command that are removed if it met them after their time, lazily: most commands met none and
/// nobody asks. During a pause no key is removed because of its time.
pub(crate) fn keys_to_remove<'a>(
    engine: &'a Engine,
    command: &'a Command,
    args: Args<'a>,
) -> impl Iterator<Item = Key<'a>> {
    let may_remove = !engine.pause.is_active();
    may_remove.then_some(()).into_iter().flat_map(move |()| keys_of(&engine.keyspace, command, args))
}
