//! Helper threads: long commands, with the locks they hold, and the freeing of what is large.

mod gradual;
mod queue;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};

use spinel_family::{
    Attempt, CallOptions, CommandEntry, CommandError, Effects, Encoder, LOOP_BYTES_LIMIT, OwnedArgs,
    QueryContext, Run, Scratch, SweepContext, UpdateContext, Words,
};
use spinel_store::{Entry, Held, LockToken, OwnedValue};

pub(crate) use self::gradual::GradualProgress;
use self::queue::{Garbage, Job, Queue, Rank};
use crate::aftermath::{self, Origin};
use crate::apart::Apart;
use crate::clients::Client;
use crate::cores::Work;
use crate::data::{Call, ShardSet, hold_to_write_beside, keys_to_remove, name_words};
use crate::dispatch::COMMAND_FAILED;
use crate::engine::Published;
use crate::eviction::Tally;
use crate::inbox::FinishedCall;
use crate::log::LogLevel;
use crate::registry::Command;
use crate::session::Session;
use crate::{Engine, Message, panics};

/// Threads for long commands and for freeing: several, for what one command waits for another may hold (see [`Rank`]).
const THREADS: usize = 4;
/// Elements freed between two looks at the queue.
const FREE_SLICE: usize = 4096;

struct LongCommand {
    client: Arc<Client>,
    command: &'static Command,
    entry: &'static CommandEntry,
    args: Arc<OwnedArgs>,
    options: CallOptions,
    published: Arc<Published>,
    ground: Ground,
    silent: bool,
}

impl LongCommand {
    fn rank(&self) -> Rank {
        match self.ground {
            Ground::Held(_) => Rank::Holding,
            Ground::Apart(_) => Rank::Storing,
            Ground::Sweep => Rank::Sweeping,
        }
    }
}

/// What a long command runs on.
enum Ground {
    /// The shards it locks by itself, one after the other, to read or to change.
    Sweep,
    /// The shards it holds.
    Held(LockToken),
    /// The values it shares.
    Apart(Apart),
}

/// The helper threads of an engine.
#[derive(Default)]
pub(crate) struct Helpers {
    queue: Arc<Queue>,
}

impl Helpers {
    pub(crate) fn start(&self, engine: &Arc<Engine>) {
        self.queue.open(THREADS, (engine.workers() / 2).clamp(1, THREADS - 1));
        for n in 0..THREADS {
            let queue = Arc::clone(&self.queue);
            let cores = engine.cores_for(Work::Background);
            let engine = Arc::downgrade(engine);
            let body = move || {
                cores.keep();
                panics::catching_those_of_commands(|| work(&queue, &engine, n));
            };
            std::thread::Builder::new()
                .name(format!("helper-{n}"))
                .spawn(body)
                .expect("the system can start some threads more");
        }
    }

    pub(crate) fn stop(&self) {
        self.queue.stop();
    }

    /// Runs a command that holds its shards and is too long for a loop: without them if it can.
    pub(crate) fn run_long(
        &self,
        session: &mut Session,
        call: Call<'_>,
        options: CallOptions,
        published: &Arc<Published>,
        mut held: Held<'_>,
    ) {
        session.moved = true;
        let ground = match Apart::new(call, (&options, published.for_commands.recording), &mut held) {
            Some(apart) => Ground::Apart(apart),
            None => Ground::Held(held.into_token()),
        };
        self.queue.push_command(Box::new(long_command(session, call, options, published, ground)));
    }

    /// Runs a command that goes through all shards: a sweep that is too long for a loop, or a gradual one.
    pub(crate) fn run_long_sweep(
        &self,
        session: &mut Session,
        call: Call<'_>,
        options: CallOptions,
        published: &Arc<Published>,
    ) {
        session.moved = true;
        self.queue.push_command(Box::new(long_command(session, call, options, published, Ground::Sweep)));
    }

    /// Sends a large buffer to be freed.
    pub(crate) fn free(&self, engine: &Engine, buffer: Vec<u8>) {
        engine.memory.expect_freed(buffer.capacity() as u64);
        self.queue.push_garbage(Garbage::Buffer(buffer));
    }

    /// Sends the words of a command to be freed, if they are large.
    pub(crate) fn free_words(&self, words: Arc<OwnedArgs>) {
        if words.args().extent() > LOOP_BYTES_LIMIT {
            self.queue.push_garbage(Garbage::Words(words));
        }
    }

    /// Sends a large value to be freed, which does not count any more.
    pub(crate) fn free_value(&self, engine: &Engine, value: OwnedValue) {
        let leaving_bytes = value.estimated_bytes() as u64;
        engine.memory.expect_freed(leaving_bytes);
        engine.stats.lazily_pending.fetch_add(1, Ordering::Relaxed);
        self.queue.push_garbage(Garbage::Value { value, leaving_bytes });
    }

    /// Sends large values to be freed, has what was flushed forgotten on disk, too, and writes into the log what commands
    /// had to say.
    pub(crate) fn reclaim(&self, engine: &Engine, effects: &mut Effects) {
        if std::mem::take(&mut effects.flushed_all) {
            engine.note_flushed();
        }
        for line in effects.remarks.drain(..) {
            engine.log.write(LogLevel::Verbose, &line);
        }
        for value in effects.garbage.drain(..) {
            self.free_value(engine, value);
        }
        let databases = effects.garbage_dbs.len() as u64;
        if databases == 0 {
            return;
        }
        engine.stats.lazily_pending.fetch_add(databases, Ordering::Relaxed);
        engine.memory.expect_flushed(databases);
        for db in effects.garbage_dbs.drain(..) {
            self.queue.push_garbage(Garbage::Db(Box::new(db)));
        }
    }
}

fn long_command(
    session: &mut Session,
    call: Call<'_>,
    options: CallOptions,
    published: &Arc<Published>,
    ground: Ground,
) -> LongCommand {
    LongCommand {
        client: Arc::clone(&session.client),
        command: call.command,
        entry: call.entry,
        args: session.large.take().unwrap_or_else(|| Arc::new(OwnedArgs::from_args(call.args))),
        options: CallOptions { may_move: false, ..options },
        published: Arc::clone(published),
        ground,
        silent: session.reply_mode != crate::session::ReplyMode::On,
    }
}

fn work(queue: &Queue, engine: &Weak<Engine>, n: usize) {
    let mut scratch: Option<Scratch> = None;
    let mut has_freed = false;
    let mut tally = Tally::default();
    let rest = || {
        if let Some(engine) = engine.upgrade() {
            engine.host().probe.rest();
        }
    };
    while let Some(job) = queue.next(has_freed.then_some(rest)) {
        has_freed = matches!(job, Job::Free(_));
        // A thread that tells for the first time since memory is counted says nothing of what it did before. It has rested.
        tell(engine, &mut tally);
        match job {
            Job::Free(garbage) => queue.freed(free(queue, engine, garbage, &mut tally)),
            Job::Command(job) => {
                let Some(engine) = engine.upgrade() else { return };
                let rank = job.rank();
                run(&engine, *job, scratch.get_or_insert_with(|| Scratch::new(engine.seed(1000 + n))));
                engine.keyspace.wake_missed();
                queue.ended(rank);
            }
        }
        tell(engine, &mut tally);
    }
}

/// Tells what the thread has allocated and freed.
fn tell(engine: &Weak<Engine>, tally: &mut Tally) {
    if let Some(engine) = engine.upgrade() {
        engine.memory.tell(&*engine.host().probe, tally);
    }
}

/// Frees in slices. A command that comes meanwhile and finds no thread may hold shards: it goes before what is left.
fn free(queue: &Queue, engine: &Weak<Engine>, garbage: Garbage, tally: &mut Tally) -> Option<Garbage> {
    match garbage {
        Garbage::Buffer(buffer) => {
            let bytes = buffer.capacity();
            drop(buffer);
            tell_freed(engine, tally, bytes as u64);
            return None;
        }
        Garbage::Words(words) => {
            drop(words);
            return None;
        }
        Garbage::Value { mut value, leaving_bytes } => {
            let mut left = leaving_bytes;
            while free_slice(&mut value) {
                if let Some(engine) = engine.upgrade() {
                    left -= engine.memory.tell_of_leaving(&*engine.host().probe, tally, left);
                }
                if queue.has_command() {
                    return Some(Garbage::Value { value, leaving_bytes: left });
                }
            }
            drop(value);
            tell_freed(engine, tally, left);
        }
        // What of it a snapshot still wants, it gets first.
        Garbage::Db(mut db) => {
            while db.hand_over_some(FREE_SLICE) {
                if queue.has_command() {
                    return Some(Garbage::Db(db));
                }
            }
            while db.take_chunk(FREE_SLICE, free_entry) > 0 {
                if queue.has_command() {
                    return Some(Garbage::Db(db));
                }
                std::thread::yield_now();
            }
            drop(db);
            if let Some(engine) = engine.upgrade() {
                engine.memory.tell(&*engine.host().probe, tally);
                engine.memory.was_flushed();
            }
        }
    }
    if let Some(engine) = engine.upgrade() {
        engine.stats.lazily_pending.fetch_sub(1, Ordering::Relaxed);
        engine.stats.lazily_freed.fetch_add(1, Ordering::Relaxed);
    }
    None
}

/// Tells that the thread has freed what it has; so many bytes of that did not count any more.
fn tell_freed(engine: &Weak<Engine>, tally: &mut Tally, bytes: u64) {
    if let Some(engine) = engine.upgrade() {
        engine.memory.tell(&*engine.host().probe, tally);
        engine.memory.was_freed(bytes);
    }
}

/// Frees a part of a value, and lets others go on; false if it was the last.
fn free_slice(value: &mut OwnedValue) -> bool {
    let is_more = value.free_some(FREE_SLICE);
    if is_more {
        std::thread::yield_now();
    }
    is_more
}

fn free_entry(entry: Entry) {
    let mut value = entry.into_value();
    while free_slice(&mut value) {}
}

/// Runs a long command and answers it. A panic inside is a bug; it ends in an error reply and nothing else.
fn run(engine: &Engine, mut job: LongCommand, scratch: &Scratch) {
    let start = engine.clock.monotonic_nanos();
    let mut out = Encoder::new(job.options.protocol);
    let mut effects = Effects::default();
    let ground = std::mem::replace(&mut job.ground, Ground::Sweep);
    let run = Running { engine, job: &job, scratch };
    let reading = match &ground {
        Ground::Apart(apart) => Some(apart.reading()),
        Ground::Sweep | Ground::Held(_) => None,
    };
    let attempt = AssertUnwindSafe(|| match ground {
        Ground::Sweep => run.sweep(&mut out),
        Ground::Held(token) => run.on(engine.keyspace.adopt(token), &mut effects, &mut out),
        Ground::Apart(apart) => run.apart(apart, &mut effects, &mut out),
    });
    let result = catch_unwind(attempt).unwrap_or_else(|_| {
        engine.stats.panics.fetch_add(1, Ordering::Relaxed);
        effects.clear();
        scratch.forget();
        if let Some(reading) = reading {
            reading.end(&engine.keyspace);
        }
        Err(CommandError::text(COMMAND_FAILED))
    });
    let failed = result.is_err();
    if let Err(error) = result {
        out.clear();
        let text = error.wire(job.command.spec.name);
        out.error(&text);
        engine.stats.count_error(&text);
    }
    count(engine, &mut effects);
    let nanos = engine.clock.monotonic_nanos().saturating_sub(start);
    let call = Box::new(FinishedCall { command: job.command.id, args: job.args, nanos, failed, db: None });
    let reply = if job.silent { Vec::new() } else { out.into_inner() };
    job.client.post(Message::Finished { reply, call });
}

/// A long command on its helper thread.
struct Running<'a> {
    engine: &'a Engine,
    job: &'a LongCommand,
    scratch: &'a Scratch,
}

impl Running<'_> {
    fn words(&self) -> Words<'_> {
        let job = self.job;
        Words::new(job.args.args(), name_words(job.command), self.engine.keyspace.hash_key(), None)
    }

    fn sweep(&self, out: &mut Encoder) -> Result<(), CommandError> {
        let Self { engine, job, scratch } = self;
        let Run::Sweep(run) = job.entry.run else { return self.gradual(out) };
        let settings = &job.published.for_commands;
        let mut cx = SweepContext::new(&engine.keyspace, None, job.options, settings, scratch.random_state());
        run(&mut cx, &mut self.words(), out)
    }

    /// Runs the command on shards held, and what follows a command.
    fn on(&self, held: Held<'_>, effects: &mut Effects, out: &mut Encoder) -> Result<(), CommandError> {
        let mut cx = self.context(held, effects);
        let result = self.run_in(&mut cx, out);
        cx.settle(|| keys_to_remove(self.engine, self.job.command, self.job.args.args()));
        self.settle(&mut cx);
        result
    }

    /// Runs the command on the values it shares; see [`crate::apart`].
    fn apart(&self, mut apart: Apart, effects: &mut Effects, out: &mut Encoder) -> Result<(), CommandError> {
        let Self { engine, job, .. } = self;
        let result = {
            let place = apart.keyspace().hold_all().expect("nobody else knows this keyspace");
            let mut cx = self.context(place, effects);
            let result = self.run_in(&mut cx, out);
            cx.settle(std::iter::empty);
            if !apart.stores() {
                aftermath::settle(engine, &mut cx, None);
            }
            result
        };
        if !apart.stores() || result.is_err() {
            apart.end(&engine.keyspace);
            return result;
        }
        let is_done = {
            let mut cx = self.context(apart.lock(&engine.keyspace), effects);
            let is_done = apart.commit(job.args.args(), job.command, &mut cx);
            if is_done {
                self.settle(&mut cx);
            }
            is_done
        };
        let result = if is_done {
            result
        } else {
            effects.clear();
            out.clear();
            self.on(apart.lock(&engine.keyspace), effects, out)
        };
        apart.end(&engine.keyspace);
        result
    }

    fn context<'k>(&'k self, held: Held<'k>, effects: &'k mut Effects) -> UpdateContext<'k> {
        let job = self.job;
        UpdateContext::new(
            QueryContext::new(held, job.options, &job.published.for_commands, self.scratch),
            effects,
        )
    }

    fn run_in(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Result<(), CommandError> {
        match self.job.entry.run {
            Run::Query(run) => run(cx.as_query(), &mut self.words(), out),
            Run::Update(run) => run(cx, &mut self.words(), out),
            // It was moved because it will be served.
            Run::Blocking(run) => match (run.attempt)(cx, self.words(), out)? {
                Attempt::Served => Ok(()),
                Attempt::NotReady => {
                    (run.timed_out)(self.words(), out);
                    Ok(())
                }
            },
            _ => Err(CommandError::Syntax),
        }
    }

    fn settle(&self, cx: &mut UpdateContext<'_>) {
        let origin = Origin { db: self.job.options.db, args: self.job.args.args() };
        aftermath::settle(self.engine, cx, Some(origin));
        aftermath::serve(self.engine, cx);
    }
}

/// Waits for shards and runs `with` on them as if it were a command of nobody's, whose keys it reads apart, so that no script
/// keeps them. Not for threads of the event loops.
pub(crate) fn update_elsewhere(
    engine: &Engine,
    options: CallOptions,
    shards: &ShardSet,
    with: impl FnOnce(&mut UpdateContext<'_>),
) {
    let held = loop {
        match hold_to_write_beside(&engine.keyspace, shards.clone()) {
            Ok(held) => break held,
            Err(_) => std::thread::yield_now(),
        }
        engine.keyspace.wake_missed();
    };
    let options = CallOptions { now: engine.clock.unix_millis(), may_move: false, ..options };
    let scratch = Scratch::new(engine.seed(2000));
    run_for_nobody(engine, (&engine.published(), &scratch), (held, options), with);
}

/// Runs `with` on shards held as if it were a command of nobody's, and deals with what it leaves.
fn run_for_nobody(
    engine: &Engine,
    (published, scratch): (&Published, &Scratch),
    (held, options): (Held<'_>, CallOptions),
    with: impl FnOnce(&mut UpdateContext<'_>),
) {
    let mut effects = Effects::default();
    let mut cx =
        UpdateContext::new(QueryContext::new(held, options, &published.for_commands, scratch), &mut effects);
    with(&mut cx);
    cx.settle(std::iter::empty);
    aftermath::settle(engine, &mut cx, None);
    aftermath::serve(engine, &mut cx);
    drop(cx);
    count(engine, &mut effects);
    engine.keyspace.wake_missed();
}

fn count(engine: &Engine, effects: &mut Effects) {
    // The helpers take turns: their counters have one writer at a time.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let stats = engine.helper_stats();
    stats.hits.add(effects.hits);
    stats.misses.add(effects.misses);
    stats.dirty.add(effects.dirty);
    stats.expired.add(effects.expired_recorded);
    stats.expired_fields.add(effects.expired_fields);
    stats.expired_members.add(effects.expired_members);
    engine.helpers.reclaim(engine, effects);
}

#[cfg(test)]
#[path = "offload_tests.rs"]
mod tests;
