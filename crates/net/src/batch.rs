//! The phases of a batch: parse, prefetch, execute.

use slab::Slab;
use spinel_engine::log::LogLevel;
use spinel_engine::{Flow, Prepared, Worker};
use spinel_resp::{Args, OwnedArgs, Parsed, ProtocolError, RequestLimits, Span};

use crate::connection::{Connection, State};

/// Commands in flight between parsing and execution. Enough to hide the latency of memory, few enough that what
/// was fetched is still in the cache.
pub(crate) const DEPTH: usize = 32;

/// Where the words of a parsed command are.
enum Place {
    /// In the connection's buffer, at these spans.
    Spans { from: usize, to: usize },
    /// On their own.
    Inline(OwnedArgs),
}

struct Ready {
    slot: usize,
    place: Place,
    /// Bytes of the buffer it takes.
    consumed: usize,
    prepared: Prepared,
}

/// The commands in flight of one loop.
#[derive(Default)]
pub(crate) struct Batch {
    ready: Vec<Ready>,
    spans: Vec<Span>,
}

/// Why the parsing of a connection paused.
#[derive(PartialEq, Eq)]
enum Pause {
    /// Nothing more to parse for now.
    Done,
    /// The batch is full.
    Full,
}

impl Batch {
    /// Runs everything that the connections listed have received. Those that must not go on stop by their state.
    pub(crate) fn run(&mut self, worker: &mut Worker, connections: &mut Slab<Connection>, listed: &[usize]) {
        let mut next = 0;
        while next < listed.len() {
            while next < listed.len() {
                let slot = listed[next];
                let Some(connection) = connections.get_mut(slot) else {
                    next += 1;
                    continue;
                };
                if self.parse(worker, slot, connection) == Pause::Full {
                    break;
                }
                next += 1;
            }
            worker.prefetch();
            self.execute(worker, connections);
        }
    }

    /// Parses commands of one connection until the batch is full.
    fn parse(&mut self, worker: &mut Worker, slot: usize, connection: &mut Connection) -> Pause {
        if connection.state != State::Running {
            return Pause::Done;
        }
        let limits = RequestLimits {
            max_bulk_len: worker.settings().limits.proto_max_bulk_len,
            authenticated: connection.session.authenticated,
            ..RequestLimits::default()
        };
        let mut start = 0;
        loop {
            let bytes = &connection.unread()[start..];
            if bytes.is_empty() {
                return Pause::Done;
            }
            let from = self.spans.len();
            let parsed = connection.parse_next(start, &limits, &mut self.spans);
            let (place, consumed) = match parsed {
                Ok(Parsed::Incomplete) => return Pause::Done,
                Ok(Parsed::Complete { consumed }) => (Place::Spans { from, to: self.spans.len() }, consumed),
                Ok(Parsed::Inline { consumed, words }) => (Place::Inline(words), consumed),
                Err(error) => {
                    if start > 0 {
                        return Pause::Full;
                    }
                    refuse(worker, connection, error);
                    return Pause::Done;
                }
            };
            let args = match &place {
                Place::Spans { from, to } => {
                    Args::new(&connection.unread()[start..], &self.spans[*from..*to])
                }
                Place::Inline(words) => words.args(),
            };
            let prepared = worker.prepare(&connection.session, args);
            self.ready.push(Ready { slot, place, consumed, prepared });
            start += consumed;
            if self.ready.len() >= DEPTH || !connection.session.authenticated {
                return Pause::Full;
            }
        }
    }

    /// Executes the commands in flight. A connection that must not go on loses the rest of its own; their bytes are
    /// still in its buffer and are parsed again later.
    fn execute(&mut self, worker: &mut Worker, connections: &mut Slab<Connection>) {
        for ready in self.ready.drain(..) {
            let connection = &mut connections[ready.slot];
            if connection.state != State::Running {
                continue;
            }
            let (unread, session, out) = connection.parts();
            let args = match &ready.place {
                Place::Spans { from, to } => Args::new(unread, &self.spans[*from..*to]),
                Place::Inline(words) => words.args(),
            };
            let flow = if args.is_empty() {
                Flow::Continue
            } else if !ready.prepared.is_known() && is_http(args) {
                log_attack(worker, &session.client.endpoint.peer);
                connection.state = State::Dead;
                continue;
            } else {
                worker.execute(session, args, ready.prepared, out)
            };
            connection.state = match flow {
                Flow::Continue => State::Running,
                Flow::Parked => State::Parked,
                Flow::Waiting => State::Waiting,
                Flow::Close => State::Closing,
            };
            if flow != Flow::Parked {
                connection.consume(ready.consumed);
            }
            if flow != Flow::Continue {
                connection.parser.reset();
            }
        }
        self.spans.clear();
    }
}

/// Whether a command is in truth the beginning of an HTTP request: somebody makes a browser talk to us.
fn is_http(args: Args<'_>) -> bool {
    let name = args.at(0);
    name.eq_ignore_ascii_case(b"POST") || name.eq_ignore_ascii_case(b"host:")
}

fn log_attack(worker: &Worker, peer: &str) {
    let line = format!(
        "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. \
         This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis \
         instance. Connection from {peer} aborted."
    );
    worker.engine().log.write(LogLevel::Warning, &line);
}

fn refuse(worker: &Worker, connection: &mut Connection, error: ProtocolError) {
    let peer = &connection.session.client.endpoint.peer;
    worker
        .engine()
        .log
        .write(LogLevel::Verbose, &format!("Protocol error ({error}) from client: addr={peer}"));
    worker.engine().stats.count_error(b"ERR Protocol error");
    connection.out.protocol_error(error);
    connection.state = State::Closing;
}
