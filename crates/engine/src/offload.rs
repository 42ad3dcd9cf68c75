//! Helper threads: long commands, with the locks they hold, and the freeing of what is large.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, Weak};

use spinel_family::{
    Args, CallOptions, CommandEntry, CommandError, Effects, Encoder, OwnedArgs, QueryContext, Run, Scratch,
    SweepContext, UpdateContext, Words,
};
use spinel_store::{Db, Held, LockToken, OwnedValue};

use crate::aftermath::{self, Origin};
use crate::clients::Client;
use crate::data::{keys_to_remove, name_words};
use crate::engine::Published;
use crate::inbox::FinishedCall;
use crate::registry::Command;
use crate::session::Session;
use crate::{Engine, Message};

/// Threads for long commands and for freeing.
const THREADS: usize = 2;
/// Elements freed between two looks at the queue.
const FREE_SLICE: usize = 4096;

enum Job {
    Command(Box<LongCommand>),
    Free(OwnedValue),
    FreeDb(Box<Db>),
}

struct LongCommand {
    client: Arc<Client>,
    command: &'static Command,
    entry: &'static CommandEntry,
    args: OwnedArgs,
    options: CallOptions,
    published: Arc<Published>,
    token: Option<LockToken>,
    silent: bool,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    stopped: bool,
}

/// The helper threads of an engine.
#[derive(Default)]
pub(crate) struct Helpers {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Protects itself.
    queue: Mutex<Queue>,
    filled: Condvar,
}

impl Shared {
    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn push(&self, job: Job) {
        let mut queue = self.queue();
        // Clients wait for commands; nobody waits for freeing.
        match job {
            Job::Command(_) => queue.jobs.push_front(job),
            Job::Free(_) | Job::FreeDb(_) => queue.jobs.push_back(job),
        }
        self.filled.notify_one();
    }

    /// Waits for a job; before it does so calls `rest`, if given.
    fn next(&self, mut rest: Option<impl FnOnce()>) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.stopped {
                return None;
            }
            if let Some(rest) = rest.take() {
                drop(queue);
                rest();
                queue = self.queue();
                continue;
            }
            queue = self.filled.wait(queue).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

impl Helpers {
    pub(crate) fn start(&self, engine: &Arc<Engine>) {
        for n in 0..THREADS {
            let shared = Arc::clone(&self.shared);
            let engine = Arc::downgrade(engine);
            std::thread::Builder::new()
                .name(format!("helper-{n}"))
                .spawn(move || work(&shared, &engine, n))
                .expect("the system can start two threads more");
        }
    }

    pub(crate) fn stop(&self) {
        self.shared.queue().stopped = true;
        self.shared.filled.notify_all();
    }

    /// Runs a command that holds its shards and is too long for a loop.
    #[allow(clippy::too_many_arguments, reason = "the pieces of one call, packed up once")]
    pub(crate) fn run_long(
        &self,
        session: &mut Session,
        command: &'static Command,
        entry: &'static CommandEntry,
        args: Args<'_>,
        options: CallOptions,
        published: &Arc<Published>,
        held: Held<'_>,
    ) {
        session.moved = true;
        let mut job = long_command(session, command, entry, args, options, published);
        job.token = Some(held.into_token());
        self.shared.push(Job::Command(Box::new(job)));
    }

    /// Runs a sweep that is too long for a loop.
    pub(crate) fn run_long_sweep(
        &self,
        session: &mut Session,
        command: &'static Command,
        entry: &'static CommandEntry,
        args: Args<'_>,
        options: CallOptions,
        published: &Arc<Published>,
    ) {
        session.moved = true;
        let job = long_command(session, command, entry, args, options, published);
        self.shared.push(Job::Command(Box::new(job)));
    }

    /// Sends large values to be freed.
    pub(crate) fn reclaim(&self, engine: &Engine, effects: &mut Effects) {
        let count = effects.garbage.len() + effects.garbage_dbs.len();
        if count == 0 {
            return;
        }
        engine.stats.lazily_pending.fetch_add(count as u64, Ordering::Relaxed);
        for value in effects.garbage.drain(..) {
            self.shared.push(Job::Free(value));
        }
        for db in effects.garbage_dbs.drain(..) {
            self.shared.push(Job::FreeDb(Box::new(db)));
        }
    }
}

fn long_command(
    session: &Session,
    command: &'static Command,
    entry: &'static CommandEntry,
    args: Args<'_>,
    options: CallOptions,
    published: &Arc<Published>,
) -> LongCommand {
    LongCommand {
        client: Arc::clone(&session.client),
        command,
        entry,
        args: OwnedArgs::from_args(args),
        options: CallOptions { may_move: false, ..options },
        published: Arc::clone(published),
        token: None,
        silent: session.reply_mode != crate::session::ReplyMode::On,
    }
}

fn work(shared: &Shared, engine: &Weak<Engine>, n: usize) {
    let mut scratch: Option<Scratch> = None;
    let mut has_freed = false;
    let rest = || {
        if let Some(engine) = engine.upgrade() {
            engine.host().probe.rest();
        }
    };
    while let Some(job) = shared.next(has_freed.then_some(rest)) {
        has_freed = !matches!(job, Job::Command(_));
        match job {
            Job::Free(value) => free(engine, value),
            Job::FreeDb(mut db) => {
                while db.take_chunk(FREE_SLICE, drop) > 0 {}
                freed(engine);
            }
            Job::Command(job) => {
                let Some(engine) = engine.upgrade() else { return };
                run(&engine, *job, scratch.get_or_insert_with(|| Scratch::new(engine.seed(1000 + n))));
                engine.keyspace.wake_missed();
            }
        }
    }
}

fn free(engine: &Weak<Engine>, mut value: OwnedValue) {
    while value.free_some(FREE_SLICE) {
        std::thread::yield_now();
    }
    freed(engine);
}

fn freed(engine: &Weak<Engine>) {
    if let Some(engine) = engine.upgrade() {
        engine.stats.lazily_pending.fetch_sub(1, Ordering::Relaxed);
        engine.stats.lazily_freed.fetch_add(1, Ordering::Relaxed);
    }
}

fn run(engine: &Engine, job: LongCommand, scratch: &Scratch) {
    let start = engine.clock.monotonic_nanos();
    let mut out = Encoder::new(job.options.protocol);
    let mut effects = Effects::default();
    let args = job.args.args();
    let words = Words::new(args, name_words(job.command), engine.keyspace.hash_key(), None);
    let result = match (job.entry.run, job.token) {
        (Run::Sweep(run), _) => {
            let settings = &job.published.for_commands;
            let mut cx =
                SweepContext::new(&engine.keyspace, None, job.options, settings, scratch.random_state());
            run(&mut cx, words, &mut out)
        }
        (how, Some(token)) => {
            let held = engine.keyspace.adopt(token);
            let query = QueryContext::new(held, job.options, &job.published.for_commands, scratch);
            let mut cx = UpdateContext::new(query, &mut effects);
            let result = match how {
                Run::Query(run) => run(cx.as_query(), words, &mut out),
                Run::Update(run) => run(&mut cx, words, &mut out),
                _ => Err(CommandError::Syntax),
            };
            cx.settle(|| keys_to_remove(engine, job.command, args));
            aftermath::settle(engine, &mut cx, Some(Origin { db: job.options.db, args }));
            aftermath::serve(engine, &mut cx);
            result
        }
        _ => Err(CommandError::Syntax),
    };
    let failed = result.is_err();
    if let Err(error) = result {
        out.clear();
        let text = error.wire(job.command.spec.name);
        out.error(&text);
        engine.stats.count_error(&text);
    }
    count(engine, &mut effects);
    let nanos = engine.clock.monotonic_nanos().saturating_sub(start);
    let call = Box::new(FinishedCall { command: job.command.id, args: job.args, nanos, failed });
    let reply = if job.silent { Vec::new() } else { out.into_inner() };
    job.client.post(Message::Finished { reply, call });
}

fn count(engine: &Engine, effects: &mut Effects) {
    // The helpers take turns: their counters have one writer at a time.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let stats = engine.helper_stats();
    stats.hits.add(effects.hits);
    stats.misses.add(effects.misses);
    stats.dirty.add(effects.dirty);
    stats.expired.add(effects.expired.len() as u64);
    engine.helpers.reclaim(engine, effects);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use crate::config::Settings;
    use crate::host::{About, CpuTimes, Host, MemoryFigures, ProcessProbe};
    use crate::testing::Server;

    /// Tells when a thread rests.
    struct Probe(Sender<()>);

    impl ProcessProbe for Probe {
        fn memory(&self) -> MemoryFigures {
            MemoryFigures::default()
        }

        fn cpu(&self) -> CpuTimes {
            CpuTimes::default()
        }

        fn about(&self) -> About {
            About::default()
        }

        fn purge(&self) {}

        fn rest(&self) {
            self.0.send(()).expect("the test waits for it");
        }

        fn allocator_report(&self) -> String {
            String::new()
        }
    }

    #[test]
    fn memory_freed_by_a_helper_is_not_kept_at_hand() {
        let mut server = Server::new(Settings::default());
        let (rested, wait) = channel();
        server.engine.set_host(Host { probe: Box::new(Probe(rested)), ..Host::default() });
        let peer = server.connect("127.0.0.1:1");
        let members: Vec<String> = (0..1000).map(|n| format!("member:{n}")).collect();
        server.run(peer, &format!("SADD s {}", members.join(" ")));
        assert_eq!(server.run(peer, "UNLINK s"), ":1\r\n");
        wait.recv_timeout(Duration::from_secs(30)).expect("a helper rests after it freed");
    }
}
