//! The thread of scripts, and what it is given to do.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use spinel_family::{Args, CommandError, DbIndex, Encoder, OwnedArgs, Protocol, Scratch};
use spinel_store::WatchFlag;

use super::run::How;
use super::script_command::NO_DEBUGGER;
use super::{Invocation, Machine};
use crate::clients::Client;
use crate::cores::Work;
use crate::dispatch::COMMAND_FAILED;
use crate::inbox::FinishedCall;
use crate::registry::{Action, Command, REGISTRY};
use crate::session::{ReplyMode, Session, Transaction, Watched};
use crate::{Engine, Flow, Message, Worker, panics};

/// How long the thread rests when a long command holds a shard.
const REST: Duration = Duration::from_micros(100);

/// A command to be run on the thread of scripts, and what of its session it needs.
struct Job {
    client: Arc<Client>,
    command: &'static Command,
    args: Arc<OwnedArgs>,
    db: DbIndex,
    protocol: Protocol,
    no_touch: bool,
    is_silent: bool,
    transaction: Option<Transaction>,
    watched: Vec<Watched>,
    watch_flag: Arc<WatchFlag>,
}

/// What is to be done; protects itself.
#[derive(Default)]
pub(super) struct Queue {
    jobs: Mutex<(VecDeque<Job>, bool)>,
    wake: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, (VecDeque<Job>, bool)> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn start(self: &Arc<Self>, engine: &Arc<Engine>) {
        let cores = engine.cores_for(Work::Commands);
        let (queue, engine) = (Arc::clone(self), Arc::downgrade(engine));
        let body = move || {
            cores.keep();
            panics::catching_those_of_commands(|| work(&queue, &engine));
        };
        std::thread::Builder::new()
            .name("scripts".to_owned())
            .spawn(body)
            .expect("the system can start one thread more");
    }

    pub(super) fn stop(&self) {
        self.lock().1 = true;
        self.wake.notify_all();
    }

    fn push(&self, job: Job) {
        self.lock().0.push_back(job);
        self.wake.notify_one();
    }

    /// The next job; nothing when all is over.
    fn next(&self) -> Option<Job> {
        let mut jobs = self.lock();
        loop {
            if jobs.1 {
                return None;
            }
            if let Some(job) = jobs.0.pop_front() {
                return Some(job);
            }
            jobs = self.wake.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Answers all that waits with an error.
    pub(super) fn refuse_all(&self, engine: &Engine, text: &str) {
        let refused = std::mem::take(&mut self.lock().0);
        for job in refused {
            let text = match job.transaction {
                Some(_) => format!("EXECABORT Transaction discarded because of: {text}"),
                None => text.to_owned(),
            };
            engine.stats.count_error(text.as_bytes());
            let mut out = Encoder::new(job.protocol);
            out.error(&text);
            job.finish(out.into_inner(), 0, true, None);
        }
    }
}

fn work(queue: &Queue, engine: &Weak<Engine>) {
    /// Seeds of jobs begin behind those of the other threads.
    const FIRST_SEED: usize = 2000;
    let mut count = 0;
    let mut machine: Option<Box<Machine>> = None;
    while let Some(job) = queue.next() {
        let Some(engine) = engine.upgrade() else { return };
        let mut worker = Worker::for_scripts(&engine);
        worker.machine = machine;
        worker.scratch = Scratch::new(engine.seed(FIRST_SEED + count));
        count += 1;
        worker.tell_memory();
        run(&engine, &mut worker, job);
        worker.tell_memory();
        machine = worker.machine.take();
        engine.keyspace.wake_missed();
    }
}

/// Runs a job and answers it.
fn run(engine: &Arc<Engine>, worker: &mut Worker, mut job: Job) {
    let start = worker.start_single();
    let mut session = job.session();
    let mut out = Encoder::new(job.protocol);
    let failed = loop {
        let run = AssertUnwindSafe(|| {
            worker.run_script_command(&mut session, job.command, job.args.args(), &mut out)
        });
        match catch_unwind(run) {
            Ok(Some(failed)) => break failed,
            Ok(None) => {
                out.clear();
                std::thread::sleep(REST);
            }
            Err(_) => {
                engine.stats.panics.fetch_add(1, Ordering::Relaxed);
                out.clear();
                out.error(COMMAND_FAILED);
                break true;
            }
        }
    };
    if job.command.spec.name == "exec" {
        worker.show_monitors(&session, job.command, job.args.args());
    }
    worker.count_lookups();
    let nanos = worker.finish_single(start);
    let reply = if job.is_silent { Vec::new() } else { out.into_inner() };
    job.finish(reply, nanos, failed, Some(session.db));
}

impl Job {
    /// A session for the thread, with what the job was given of the client's.
    fn session(&mut self) -> Session {
        let mut session = Session::new(Arc::clone(&self.client), true);
        session.db = self.db;
        session.protocol = self.protocol;
        session.no_touch = self.no_touch;
        session.transaction = self.transaction.take();
        session.watched = std::mem::take(&mut self.watched);
        session.watch_flag = Arc::clone(&self.watch_flag);
        session
    }

    fn finish(self, reply: Vec<u8>, nanos: u64, failed: bool, db: Option<DbIndex>) {
        let call = Box::new(FinishedCall { command: self.command.id, args: self.args, nanos, failed, db });
        self.client.post(Message::Finished { reply, call });
    }
}

impl Worker {
    /// Runs a script on this event loop, or sends it to its thread.
    pub(crate) fn run_script_or_send(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        out: &mut Encoder,
    ) -> Result<Flow, CommandError> {
        if let Some(invocation) = Invocation::of(command) {
            if invocation.how != How::Function && std::mem::take(&mut session.wants_debugger) {
                return Err(NO_DEBUGGER);
            }
            let start = out.len();
            let result = self.run_script_here(session, invocation, args, out);
            if result.is_err() {
                // It was refused before it began.
                self.show_script(session, args);
            }
            if let Some(flow) = result? {
                if out.as_bytes()[start..].starts_with(b"-") {
                    self.stats.by_command[usize::from(command.id.0)].failed.add(1);
                }
                return Ok(flow);
            }
        }
        Ok(self.send_to_scripts(session, command, args))
    }

    /// Sends a command to the thread of scripts.
    pub(crate) fn send_to_scripts(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
    ) -> Flow {
        self.show_script(session, args);
        session.moved = true;
        let args = session.large.take().unwrap_or_else(|| Arc::new(OwnedArgs::from_args(args)));
        self.engine.scripts.queue.push(Job {
            client: Arc::clone(&session.client),
            command,
            args,
            db: session.db,
            protocol: session.protocol,
            no_touch: session.no_touch,
            is_silent: session.reply_mode != ReplyMode::On,
            transaction: None,
            watched: Vec::new(),
            watch_flag: Arc::default(),
        });
        Flow::Waiting
    }

    /// Sends the open transaction of a session, which has scripts in it, to their thread.
    pub(crate) fn send_transaction_to_scripts(&self, session: &mut Session) -> Flow {
        let exec = REGISTRY.find(b"exec").expect("EXEC is a command");
        let watch_flag = std::mem::take(&mut session.watch_flag);
        let (transaction, watched) = (session.transaction.take(), std::mem::take(&mut session.watched));
        session.watched_bytes = 0;
        session.moved = true;
        self.engine.scripts.queue.push(Job {
            client: Arc::clone(&session.client),
            command: exec,
            args: Arc::new(OwnedArgs::from_words(["EXEC"])),
            db: session.db,
            protocol: session.protocol,
            no_touch: session.no_touch,
            is_silent: session.reply_mode != ReplyMode::On,
            transaction,
            watched,
            watch_flag,
        });
        session.client.set_watch_flag(&session.watch_flag);
        Flow::Waiting
    }

    /// Runs a command of the thread: whether it failed; nothing if a shard was not to be had.
    fn run_script_command(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        out: &mut Encoder,
    ) -> Option<bool> {
        self.refresh();
        let Action::Session(entry) = command.action else { return Some(true) };
        let result: Result<Flow, CommandError> = self.run_session(session, entry, args, false, out);
        match result {
            Ok(Flow::Parked) => None,
            Ok(_) => Some(out.as_bytes().starts_with(b"-")),
            Err(error) => {
                out.clear();
                self.reply_error(&error.wire(command.spec.name), out);
                Some(true)
            }
        }
    }
}
