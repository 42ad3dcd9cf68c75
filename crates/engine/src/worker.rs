//! What one event loop owns of the engine.

use std::sync::Arc;

use spinel_family::{ArgsBuffer, Effects, Scratch, UnixMillis};

use crate::engine::Published;
use crate::eviction::Evictor;
use crate::inbox::{Inbox, Message};
use crate::look_ahead::Traffic;
use crate::scripting::Machine;
use crate::session::Session;
use crate::stats::WorkerStats;
use crate::timing::Timing;
use crate::undo::Undecided;
use crate::{Client, ClientId, Endpoint, Engine};

/// What one event loop owns of the engine. Between [`Worker::begin`] and [`Worker::end`] it is inside the world.
pub struct Worker {
    pub(crate) engine: Arc<Engine>,
    pub(crate) index: usize,
    pub(crate) published: Arc<Published>,
    generation: u64,
    pub(crate) effects: Effects,
    pub(crate) scratch: Scratch,
    pub(crate) now: UnixMillis,
    /// The same moment in microseconds.
    pub(crate) now_micros: i64,
    pub(crate) stats: Arc<WorkerStats>,
    pub(crate) timing: Timing,
    pub(crate) traffic: Traffic,
    is_inside: bool,
    /// Long commands go to another thread.
    pub(crate) may_move: bool,
    /// A command of the log is run again.
    pub(crate) replaying: bool,
    /// The machine for scripts.
    pub(crate) machine: Option<Box<Machine>>,
    /// Room for the words of the commands of scripts.
    pub(crate) script_words: ArgsBuffer,
    /// What it keeps for evicting keys.
    pub(crate) evictor: Evictor,
    /// What monitors are to be shown of a script that may step back yet.
    pub(crate) held_lines: Option<Vec<Arc<[u8]>>>,
    /// What is held back of a run that may be taken back.
    pub(crate) undecided: Option<Box<Undecided>>,
}

impl Worker {
    /// Worker number `index` of an engine.
    #[must_use]
    pub fn new(engine: &Arc<Engine>, index: usize) -> Self {
        let published = engine.published();
        let mut timing = Timing::default();
        timing.set_precise(&published.settings.observation);
        let now_micros = engine.clock.unix_micros();
        Self {
            engine: Arc::clone(engine),
            index,
            published,
            generation: engine.generation(),
            effects: Effects::default(),
            scratch: Scratch::new(engine.seed(index)),
            now: UnixMillis(now_micros / 1000),
            now_micros,
            stats: Arc::clone(&engine.worker_stats()[index]),
            timing,
            traffic: Traffic::default(),
            is_inside: false,
            may_move: true,
            replaying: false,
            machine: None,
            script_words: ArgsBuffer::default(),
            evictor: Evictor::default(),
            held_lines: None,
            undecided: None,
        }
    }

    /// The worker that runs the commands of a log again. It is never inside the world, and its connections are nobody's.
    pub(crate) fn for_loading(engine: &Arc<Engine>) -> Self {
        Self::new(engine, engine.workers())
    }

    /// The worker that runs scripts. It is never inside the world either.
    pub(crate) fn for_scripts(engine: &Arc<Engine>) -> Self {
        Self::new(engine, engine.workers() + 1)
    }

    /// Whether it runs scripts itself instead of sending them to their thread.
    pub(crate) fn runs_scripts(&self) -> bool {
        self.index >= self.engine.workers()
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Which worker.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its counters, for whoever moves the bytes.
    #[must_use]
    pub fn stats(&self) -> &WorkerStats {
        &self.stats
    }

    /// Its letter box.
    #[must_use]
    pub fn inbox(&self) -> &Arc<Inbox> {
        self.engine.inbox(self.index)
    }

    /// Writes down what the journal holds, and says up to where it must be safe before anybody may be told of the commands
    /// run until now; `None` if it is.
    pub fn write_journal(&self) -> Option<crate::journal::JournalPosition> {
        self.engine.write_log()
    }

    /// Has a large buffer freed by another thread.
    pub fn free_elsewhere(&self, buffer: Vec<u8>) {
        self.engine.helpers.free(&self.engine, buffer);
    }

    /// The settings in force for this batch.
    #[must_use]
    pub fn settings(&self) -> &crate::config::Settings {
        &self.published.settings
    }

    /// The time of this batch.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.now
    }

    /// Enters the world for a batch of commands and reads the clock.
    pub fn begin(&mut self) {
        debug_assert!(!self.is_inside);
        self.enter();
        self.make_room();
        self.timing.start(self.engine.clock.monotonic_nanos());
    }

    /// Leaves the world after a batch.
    pub fn end(&mut self) {
        self.count_lookups();
        self.flush_timing();
        self.leave();
    }

    /// Adds the look-ups of queries since the last call to the counters.
    pub(crate) fn count_lookups(&self) {
        let (hits, misses) = self.scratch.take_counts();
        self.stats.hits.add(hits);
        self.stats.misses.add(misses);
    }

    fn enter(&mut self) {
        self.engine.world.enter(self.index);
        self.is_inside = true;
        self.refresh();
    }

    fn leave(&mut self) {
        self.engine.keyspace.wake_missed();
        self.engine.world.leave(self.index);
        self.is_inside = false;
    }

    /// Reads the clock and, if they changed, the settings.
    pub fn refresh(&mut self) {
        self.now_micros = self.engine.clock.unix_micros();
        self.now = UnixMillis(self.now_micros / 1000);
        self.engine.journal.log.tell_time(self.now);
        let generation = self.engine.generation();
        if generation != self.generation {
            self.generation = generation;
            self.published = self.engine.published();
            self.timing.set_precise(&self.published.settings.observation);
        }
    }

    /// Lets somebody who wants the world have it; called between commands.
    #[inline]
    pub(crate) fn give_way(&mut self) {
        if self.engine.world.is_wanted() && self.is_inside {
            self.leave();
            self.enter();
        }
    }

    /// Runs `with` while nobody else is in the world.
    pub(crate) fn with_world<R>(&mut self, with: impl FnOnce(&mut Self) -> R) -> R {
        let was_inside = self.is_inside;
        if was_inside {
            self.leave();
        }
        let engine = Arc::clone(&self.engine);
        let world = engine.world.exclusive();
        self.refresh();
        let result = with(self);
        self.engine.keyspace.wake_missed();
        drop(world);
        if was_inside {
            self.enter();
        }
        result
    }

    /// A session for a new connection of this worker.
    pub fn connect(&mut self, endpoint: Endpoint) -> Session {
        let client = self.register(endpoint, self.index);
        self.begin_session(client)
    }

    /// Makes a connection that was accepted a client, who counts and is listed from now on, of the worker that is to serve it.
    pub fn register(&self, endpoint: Endpoint, worker: usize) -> Arc<Client> {
        self.stats.connections.add(1);
        let now_ms = self.engine.clock.unix_millis().0;
        self.engine.clients.add(endpoint, self.engine.inbox(worker), now_ms)
    }

    /// The session of a client that was registered for this worker. Its letters are for its connection from now on.
    pub fn begin_session(&mut self, client: Arc<Client>) -> Session {
        if client.is_killed() || self.engine.is_shutting_down() {
            // A letter that said so before found no connection.
            self.engine.clients.kill(&client);
        }
        let authenticated = self.published.settings.security.requirepass.is_empty();
        Session::new(client, authenticated)
    }

    /// Ends a session: its subscriptions, watches and waiting go.
    pub fn disconnect(&mut self, session: &mut Session) {
        self.stop_waiting(session);
        self.unwatch_all(session);
        self.unsubscribe_silently(session);
        self.stop_monitoring(session);
        self.engine.clients.remove(session.id());
    }

    /// Takes the letters of this worker's clients out.
    pub fn letters(&mut self) -> Vec<(ClientId, Message)> {
        self.inbox().drain()
    }
}
