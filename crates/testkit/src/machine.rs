//! The engine's workers and the connections to them, moved step by step.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use spinel_engine::session::Session;
use spinel_engine::{Endpoint, Engine, Flow, Worker};
use spinel_resp::{Encoder, OwnedArgs, Protocol};

/// How long a helper thread may take with a command before the test fails.
const HELPER_LIMIT: Duration = Duration::from_secs(60);

/// What a connection is up to, as an event loop would see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Runs the commands it is sent.
    Running,
    /// Its first command waits to be tried again.
    Parked,
    /// Its last command will be answered by a message.
    Waiting,
    /// Gone.
    Closed,
}

impl From<Flow> for State {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::Continue => Self::Running,
            Flow::Parked => Self::Parked,
            Flow::Waiting => Self::Waiting,
            Flow::Close => Self::Closed,
        }
    }
}

/// One connection.
pub(crate) struct Connection {
    worker: usize,
    session: Session,
    pub(crate) state: State,
    pub(crate) pending: VecDeque<OwnedArgs>,
    out: Encoder,
}

impl Connection {
    /// Takes what was sent to the client since the last time.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        let protocol = self.session.protocol;
        std::mem::replace(&mut self.out, Encoder::new(protocol)).into_inner()
    }
}

/// Wakes a machine that waits for its helper threads.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(rung, HELPER_LIMIT, |rung| !*rung);
        let (mut rung, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "a helper thread did not answer within {HELPER_LIMIT:?}");
        *rung = false;
    }
}

/// The workers and all connections.
pub(crate) struct Machine {
    pub(crate) engine: Arc<Engine>,
    /// Threads beside this one hold shards: those of the persistence, or other machines.
    has_company: bool,
    workers: Vec<Worker>,
    connections: Vec<Connection>,
    bell: Arc<Bell>,
}

impl Machine {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        let all = 0..engine.workers();
        Self::of_workers(engine, all, false)
    }

    /// Some of the workers; others are moved elsewhere.
    pub(crate) fn of_workers(engine: Arc<Engine>, indexes: Range<usize>, has_company: bool) -> Self {
        let bell = Arc::new(Bell::default());
        let workers = indexes
            .map(|index| {
                let bell = Arc::clone(&bell);
                engine.inbox(index).set_waker(Box::new(move || bell.ring()));
                Worker::new(&engine, index)
            })
            .collect();
        Self { engine, has_company, workers, connections: Vec::new(), bell }
    }

    /// A new connection; connections go to the workers in turn.
    pub(crate) fn connect(&mut self) -> usize {
        let place = self.connections.len();
        let worker = place % self.workers.len();
        let endpoint = Endpoint {
            peer: format!("127.0.0.1:{}", 40_000 + place),
            local: "127.0.0.1:6379".to_owned(),
            ..Endpoint::default()
        };
        let session = self.workers[worker].connect(endpoint);
        self.connections.push(Connection {
            worker,
            session,
            state: State::Running,
            pending: VecDeque::new(),
            out: Encoder::new(Protocol::Resp2),
        });
        place
    }

    pub(crate) fn connection(&mut self, place: usize) -> &mut Connection {
        &mut self.connections[place]
    }

    pub(crate) fn disconnect(&mut self, place: usize) {
        let connection = &mut self.connections[place];
        if connection.state != State::Closed {
            connection.state = State::Closed;
            self.workers[connection.worker].disconnect(&mut connection.session);
        }
    }

    /// Runs what was sent and delivers what is on its way until nothing moves any more. As in an event loop, the commands
    /// that a client sent together are run before anything is delivered.
    pub(crate) fn settle(&mut self) {
        loop {
            let mut moved = false;
            for place in 0..self.connections.len() {
                moved |= self.run_pending(place);
            }
            for worker in 0..self.workers.len() {
                moved |= self.deliver(worker);
            }
            if moved {
                continue;
            }
            // Whoever waits for a shard waits for a helper thread that has it, and is roused before that one answers.
            let waits = |connection: &Connection| {
                connection.session.moved || self.has_company && connection.state == State::Parked
            };
            if !self.connections.iter().any(waits) {
                return;
            }
            self.bell.wait();
        }
    }

    fn run_pending(&mut self, place: usize) -> bool {
        let mut moved = false;
        let connection = &mut self.connections[place];
        let worker = &mut self.workers[connection.worker];
        worker.begin();
        while connection.state == State::Running
            && let Some(command) = connection.pending.pop_front()
        {
            moved = true;
            let args = command.args();
            if args.is_empty() {
                continue;
            }
            let flow = worker.execute_alone(&mut connection.session, args, &mut connection.out);
            connection.state = flow.into();
            if flow == Flow::Parked {
                connection.pending.push_front(command);
            }
        }
        worker.end();
        // Nothing is held back: a test asks what is safe.
        let _ = worker.write_journal();
        if moved && connection.state == State::Closed {
            worker.disconnect(&mut connection.session);
        }
        moved
    }

    /// Delivers what lies in a worker's inbox.
    fn deliver(&mut self, worker: usize) -> bool {
        if !self.workers[worker].inbox().is_pending() {
            return false;
        }
        self.workers[worker].begin();
        for (client, message) in self.workers[worker].letters() {
            let reached = self.connections.iter_mut().find(|connection| connection.session.id() == client);
            let Some(connection) = reached.filter(|connection| connection.state != State::Closed) else {
                continue;
            };
            let flow = self.workers[worker].receive(&mut connection.session, message, &mut connection.out);
            connection.state = flow.into();
            if flow == Flow::Close {
                self.workers[worker].disconnect(&mut connection.session);
            }
        }
        self.workers[worker].end();
        let _ = self.workers[worker].write_journal();
        true
    }

    /// Whether everything that the journal was told is safe; has it written if it is not.
    pub(crate) fn is_safe(&self) -> bool {
        self.workers.iter().all(|worker| worker.write_journal().is_none())
    }

    /// Ends blocked commands whose time is up, the earliest first.
    pub(crate) fn time_out(&mut self) {
        let now = self.engine.clock.monotonic_nanos();
        let mut due: Vec<(u64, usize)> = (0..self.connections.len())
            .filter_map(|place| {
                let connection = &self.connections[place];
                let deadline = self.workers[connection.worker].deadline_nanos(&connection.session)?;
                (deadline <= now).then_some((deadline, place))
            })
            .collect();
        due.sort_unstable();
        for (_, place) in due {
            let connection = &mut self.connections[place];
            let worker = &mut self.workers[connection.worker];
            if worker.time_out(&mut connection.session, &mut connection.out) {
                connection.state = State::Running;
            }
        }
        self.settle();
    }

    /// One turn of upkeep of every worker.
    pub(crate) fn upkeep(&mut self) {
        for worker in &mut self.workers {
            worker.upkeep();
        }
        self.settle();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for place in 0..self.connections.len() {
            self.disconnect(place);
        }
    }
}
