//! The loop of one worker: its connections and the turns it takes.

mod accept;
mod timers;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use slab::Slab;
use spinel_engine::cores::Work;
use spinel_engine::journal::JournalPosition;
use spinel_engine::log::LogLevel;
use spinel_engine::{Client, ClientId, Engine, Flow, Worker, panics};

use self::accept::Left;
use self::timers::Timers;
use crate::batch::Batch;
use crate::connection::{Connection, MAX_SENT, Pool, State};
use crate::limits;
use crate::listen::Listeners;
use crate::poller::{Poller, Ready};
use crate::stream::Stream;

/// How loops are run.
pub struct LoopOptions {
    /// The engine; it says how many loops there are.
    pub engine: Arc<Engine>,
    /// Where to listen; the first loop accepts for all.
    pub listeners: Arc<Listeners>,
}

/// A connection that was accepted for a loop, and is a client already: `maxclients` holds however many come at once.
struct Arrival {
    stream: Stream,
    client: Arc<Client>,
}

/// Connections accepted for one loop.
#[derive(Default)]
struct Arrivals(Mutex<Vec<Arrival>>);

impl Arrivals {
    fn lock(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Running loops.
pub struct Loops {
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Loops {
    /// Waits until all have ended.
    pub fn join(self) {
        for thread in self.threads {
            // A panic of a loop was reported by its thread already.
            let _ = thread.join();
        }
    }
}

/// Starts one thread for each worker of the engine.
///
/// # Errors
/// If a poller or a thread cannot be made.
pub fn run(options: LoopOptions) -> io::Result<Loops> {
    let LoopOptions { engine, listeners } = options;
    let workers = engine.workers();
    let arrivals: Arc<[Arrivals]> = (0..workers).map(|_| Arrivals::default()).collect();
    let mut loops = Vec::with_capacity(workers);
    for index in 0..workers {
        let poller = Poller::new()?;
        let waker = poller.waker()?;
        engine.inbox(index).set_waker(Box::new(move || waker.wake()));
        if index == 0 {
            listeners.register(&poller)?;
        }
        loops.push(EventLoop::new(&engine, index, poller, Arc::clone(&listeners), Arc::clone(&arrivals)));
    }
    let threads = loops
        .into_iter()
        .enumerate()
        .map(|(index, mut event_loop)| {
            let cores = engine.cores_for(Work::Commands);
            let body = move || {
                cores.keep();
                panics::catching_those_of_commands(|| event_loop.run());
            };
            std::thread::Builder::new().name(format!("loop-{index}")).spawn(body)
        })
        .collect::<io::Result<_>>()?;
    Ok(Loops { threads })
}

struct EventLoop {
    worker: Worker,
    poller: Poller,
    /// Watched by the first loop; closed by whichever ends first, before any connection is.
    listeners: Arc<Listeners>,
    arrivals: Arc<[Arrivals]>,
    next_arrival: usize,
    /// Listeners at which somebody may still wait.
    left: Left,
    connections: Slab<Connection>,
    slots: HashMap<ClientId, usize>,
    pool: Pool,
    batch: Batch,
    /// Connections with work in this turn.
    listed: Vec<usize>,
    /// Connections whose replies are held back until the journal is safe.
    held: Vec<usize>,
    timers: Timers,
    /// By how much the buffers of its connections have grown in this turn.
    more_bytes: i64,
}

impl EventLoop {
    fn new(
        engine: &Arc<Engine>,
        index: usize,
        poller: Poller,
        listeners: Arc<Listeners>,
        arrivals: Arc<[Arrivals]>,
    ) -> Self {
        Self {
            worker: Worker::new(engine, index),
            poller,
            listeners,
            arrivals,
            next_arrival: 0,
            left: Left::default(),
            connections: Slab::new(),
            slots: HashMap::new(),
            pool: Pool::default(),
            batch: Batch::default(),
            listed: Vec::new(),
            held: Vec::new(),
            timers: Timers::default(),
            more_bytes: 0,
        }
    }

    fn run(&mut self) {
        let mut ready = Vec::new();
        while !self.worker.engine().is_shutting_down() {
            ready.clear();
            if let Err(error) = self.poller.wait(self.next_timeout(), &mut ready) {
                let line = format!("The event loop ends: polling failed: {error}");
                self.worker.engine().log.write(LogLevel::Warning, &line);
                self.worker.engine().request_shutdown();
                break;
            }
            self.turn(&ready);
        }
        self.close_all();
    }

    /// Nothing to wait for if bytes are left over from the last turn.
    fn next_timeout(&self) -> Duration {
        if !self.listed.is_empty() || self.worker.inbox().is_pending() || self.left.is_due() {
            return Duration::ZERO;
        }
        self.timers.next_timeout(&self.worker)
    }

    fn turn(&mut self, ready: &[Ready]) {
        self.worker.stats().turns.add(1);
        for event in ready {
            let Ready::Connection { slot, readable, writable, is_ending } = *event else { continue };
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            connection.may_read |= readable;
            connection.write_blocked &= !writable;
            connection.is_ending |= is_ending;
            self.list(slot);
        }
        self.let_held_go();
        self.read_listed();
        // Those who hung up have made room.
        self.accept_left();
        for event in ready {
            if let Ready::Listener(index) = *event {
                self.accept(index);
            }
        }
        self.welcome_arrivals();
        self.worker.begin();
        self.read_letters();
        let listed = std::mem::take(&mut self.listed);
        self.batch.run(&mut self.worker, &mut self.connections, &listed);
        self.worker.end();
        self.hold_replies(&listed);
        for &slot in &listed {
            self.finish(slot);
        }
        self.worker.end_turn(std::mem::take(&mut self.more_bytes));
        self.relist(listed);
        self.run_timers();
    }

    /// Puts a connection on the list of this turn.
    fn list(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot)
            && !connection.is_listed
        {
            connection.is_listed = true;
            self.listed.push(slot);
        }
    }

    /// Reads what has come. Connections that have ended are closed at once: nothing that the commands of this turn make is for
    /// a client that waits and is gone.
    fn read_listed(&mut self) {
        let mut at = 0;
        while let Some(&slot) = self.listed.get(at) {
            at += 1;
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            connection.prepare_output(&mut self.pool);
            if !connection.may_read || connection.state == State::Dead || connection.has_enough() {
                continue;
            }
            match connection.read(&mut self.pool) {
                Ok(Some(bytes)) => {
                    self.worker.stats().reads.add(1);
                    self.worker.stats().input_bytes.add(bytes as u64);
                    limits::look_at_large_input(&mut self.worker, connection);
                }
                Ok(None) | Err(_) => {
                    at -= 1;
                    self.listed.swap_remove(at);
                    self.close(slot);
                }
            }
        }
    }

    /// Deals with messages to this loop's clients.
    fn read_letters(&mut self) {
        if !self.worker.inbox().is_pending() {
            return;
        }
        for (client, message) in self.worker.letters() {
            let Some(&slot) = self.slots.get(&client) else { continue };
            let connection = &mut self.connections[slot];
            if matches!(connection.state, State::Closing | State::Dead) {
                continue;
            }
            connection.prepare_output(&mut self.pool);
            let flow = self.worker.receive(&mut connection.session, message, &mut connection.out);
            connection.state = match flow {
                Flow::Continue => State::Running,
                Flow::Parked => State::Parked,
                Flow::Waiting => State::Waiting,
                Flow::Close => State::Dead,
            };
            limits::look_at_large_output(&mut self.worker, connection);
            self.list(slot);
        }
    }

    /// Holds replies back that tell of what the journal has not written down safely yet.
    fn hold_replies(&mut self, listed: &[usize]) {
        let Some(position) = self.worker.write_journal() else { return };
        for &slot in listed {
            if let Some(connection) = self.connections.get_mut(slot)
                && connection.hold(position)
                && !connection.is_held
            {
                connection.is_held = true;
                self.held.push(slot);
            }
        }
    }

    /// Puts connections on the list of this turn whose replies waited for what is safe now.
    fn let_held_go(&mut self) {
        while !self.held.is_empty() {
            let safe = self.worker.engine().journal.safe();
            self.let_go(safe);
            if self.held.is_empty() || self.worker.engine().journal.wait_beyond(safe) {
                return;
            }
        }
    }

    fn let_go(&mut self, safe: JournalPosition) {
        for slot in std::mem::take(&mut self.held) {
            // Another connection may have the slot by now.
            let Some(connection) = self.connections.get_mut(slot).filter(|connection| connection.is_held)
            else {
                continue;
            };
            connection.is_held = connection.let_go(safe);
            if connection.is_held {
                self.held.push(slot);
            }
            if connection.may_write() {
                self.list(slot);
            }
        }
    }

    /// After a connection's commands were executed: sends replies, watches limits, closes.
    fn finish(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        // Before anything is sent: what a client may leave unread is what its commands made, not what its socket takes.
        if connection.state != State::Dead
            && let Some(excess) = limits::check(connection, self.worker.settings(), self.worker.now().0)
        {
            limits::report(&self.worker, connection, excess);
            connection.state = State::Dead;
        }
        if connection.may_write() {
            match connection.write(MAX_SENT) {
                Ok(bytes) => {
                    self.worker.stats().writes.add(1);
                    self.worker.stats().output_bytes.add(bytes as u64);
                }
                Err(_) => connection.state = State::Dead,
            }
        }
        connection.settle();
        if let Some(deadline) = self.worker.deadline_nanos(&connection.session) {
            self.timers.add(deadline, connection.session.id());
        }
        let is_over = match connection.state {
            State::Dead => true,
            State::Closing => connection.pending_output() == 0,
            State::Running | State::Parked | State::Waiting => false,
        };
        if is_over {
            self.close(slot);
            return;
        }
        if let Some(large) = connection.release(&mut self.pool) {
            self.worker.free_elsewhere(large);
        }
        self.more_bytes += connection.publish_sizes();
    }

    /// Keeps those on the list whose sockets may have more to read or take more of what is to be sent.
    fn relist(&mut self, listed: Vec<usize>) {
        let mut again = std::mem::replace(&mut self.listed, listed);
        for at in 0..self.listed.len() {
            let slot = self.listed[at];
            if let Some(connection) = self.connections.get_mut(slot) {
                connection.is_listed = connection.reads_on() || connection.may_write();
                if connection.is_listed {
                    again.push(slot);
                }
            }
        }
        self.listed.clear();
        self.listed.append(&mut again);
    }

    fn close(&mut self, slot: usize) {
        let mut connection = self.connections.remove(slot);
        self.worker.count_closed(&connection.session.client);
        if let Some(large) = connection.take_large_input() {
            self.worker.free_elsewhere(large);
        }
        self.slots.remove(&connection.session.id());
        // A socket that cannot be deregistered is closed below, which deregisters it.
        let _ = self.poller.remove(&mut connection.stream);
        self.worker.disconnect(&mut connection.session);
        let client = Arc::clone(&connection.session.client);
        drop(connection);
        self.worker.gave_back(&client);
    }

    fn close_all(&mut self) {
        self.listeners.close();
        let safe = self.worker.engine().journal.safe();
        let slots: Vec<usize> = self.connections.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.connections[slot].let_go(safe);
            // The last replies are sent if the socket takes them; nobody waits for those that are slow.
            let _ = self.connections[slot].write(usize::MAX);
            self.close(slot);
        }
    }
}
