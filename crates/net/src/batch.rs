//! The pipeline of a batch: parse, ask for buckets, ask for entries, ask for values, execute.
//!
//! Commands go through it in groups, and two groups are under way at the same time. While one is executed, the buckets
//! of the next are on their way from memory; while the one after is parsed, its entries are, and the few buckets that hang
//! from those, whose entries are asked for then. So a group finds its data in the cache, and the loop has work to do instead
//! of waiting for memory:
//!
//! ```text
//! group 1   parse |      | buckets |         | entries |       | rest |         | values, execute |
//! group 2                                              | parse |      | buckets |                 | entries |       | rest | ...
//! group 3                                                                                                   | parse |      | ...
//! ```
//!
//! What stands behind an entry (a collection, in it an element, a long string) takes several steps, each of which waits for the one
//! before; but it does so for all commands of a group at once.
//!
//! A connection that has to stop (blocked, closed) loses those of its commands that were parsed ahead; their bytes are
//! still in its buffer and are parsed again when it goes on.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::slice;
use std::sync::Arc;

use slab::Slab;
use spinel_engine::log::LogLevel;
use spinel_engine::{Flow, LOOP_BYTES_LIMIT, Lookahead, Prepared, Progress, Worker};
use spinel_resp::{Args, OwnedArgs, Parsed, ProtocolError, RequestLimits, Span};

use crate::broken_input::protocol_error_line;
use crate::connection::{Connection, State, TakenInput, Unparsed};
use crate::limits;

/// Commands of a group. Enough to have many reads of memory under way, few enough that none gets in the way of
/// another: 16 was better than 8 and 32 by 5 %, than 64 by 10 %.
pub(crate) const DEPTH: usize = 16;

/// Spans of words for which room is kept from one batch to the next.
const KEPT_SPANS: usize = 4096;

/// Where the words of a parsed command are.
enum Place {
    /// In the connection's buffer, at these spans.
    Spans { from: usize, to: usize },
    /// On their own.
    Inline(Box<OwnedArgs>),
}

struct Ready {
    slot: usize,
    place: Place,
    /// Bytes of the buffer it takes.
    consumed: usize,
    prepared: Prepared,
}

/// Commands parsed and not executed.
#[derive(Default)]
struct Group {
    ready: Vec<Ready>,
    spans: Vec<Span>,
    lookahead: Lookahead,
}

/// The commands in flight of one loop.
#[derive(Default)]
pub(crate) struct Batch {
    /// To be executed next.
    due: Group,
    /// After those.
    next: Group,
}

/// Commands of one connection that are ready, one after the other.
struct Upcoming<'a> {
    slot: usize,
    ready: slice::Iter<'a, Ready>,
    /// Where the next begins.
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Iterator for Upcoming<'a> {
    type Item = (Args<'a>, Prepared);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let ready = self.ready.next().filter(|ready| ready.slot == self.slot)?;
        let args = ready.place.args(self.bytes, self.spans);
        self.bytes = &self.bytes[ready.consumed..];
        Some((args, ready.prepared))
    }
}

/// Why the parsing of a connection paused.
#[derive(PartialEq, Eq)]
enum Pause {
    /// Nothing more to parse for now.
    Done,
    /// The group is full, or what comes next has to wait for what was parsed.
    Full,
}

impl Batch {
    /// Runs everything that the connections listed have received. Those that must not go on stop by their state.
    pub(crate) fn run(&mut self, worker: &mut Worker, connections: &mut Slab<Connection>, listed: &[usize]) {
        let mut listed = listed;
        loop {
            listed = self.next.fill(worker, connections, listed);
            worker.prefetch_rest(&mut self.due.lookahead);
            worker.prefetch_buckets(&self.next.lookahead);
            worker.prefetch_values(&mut self.due.lookahead);
            self.due.execute(worker, connections);
            if self.next.ready.is_empty() && listed.is_empty() {
                return;
            }
            worker.prefetch_entries(&mut self.next.lookahead);
            worker.make_room();
            std::mem::swap(&mut self.due, &mut self.next);
        }
    }
}

impl Group {
    /// Parses commands of the connections listed, and says which are not through.
    #[inline]
    fn fill<'l>(
        &mut self,
        worker: &Worker,
        connections: &mut Slab<Connection>,
        listed: &'l [usize],
    ) -> &'l [usize] {
        let mut rest = listed;
        while let [slot, others @ ..] = rest {
            if let Some(connection) = connections.get_mut(*slot)
                && self.parse(worker, *slot, connection) == Pause::Full
            {
                return rest;
            }
            rest = others;
        }
        rest
    }

    /// Parses commands of one connection until the group is full.
    #[inline(never)]
    fn parse(&mut self, worker: &Worker, slot: usize, connection: &mut Connection) -> Pause {
        if connection.state != State::Running {
            return Pause::Done;
        }
        let is_authenticated = connection.session.authenticated;
        if connection.is_ahead() && !is_authenticated {
            return Pause::Full;
        }
        let limits = RequestLimits {
            max_bulk_len: worker.settings().limits.proto_max_bulk_len,
            authenticated: is_authenticated,
            ..RequestLimits::default()
        };
        let Unparsed { mut bytes, parser, session, ahead } = connection.unparsed();
        while !bytes.is_empty() {
            if self.ready.len() >= DEPTH {
                return Pause::Full;
            }
            let from = self.spans.len();
            let (place, consumed) = match parser.parse(bytes, &limits, &mut self.spans) {
                Ok(Parsed::Incomplete) => return Pause::Done,
                Ok(Parsed::Complete { consumed }) => (Place::Spans { from, to: self.spans.len() }, consumed),
                Ok(Parsed::Inline { consumed, words }) => (Place::Inline(Box::new(words)), consumed),
                // The error is an answer too, and has to come after those before it.
                Err(_) if *ahead > 0 => return Pause::Full,
                Err(error) => {
                    refuse(worker, connection, error);
                    return Pause::Done;
                }
            };
            let prepared = worker.prepare(&mut self.lookahead, session, place.args(bytes, &self.spans));
            self.ready.push(Ready { slot, place, consumed, prepared });
            *ahead += consumed;
            bytes = &bytes[consumed..];
            if !is_authenticated {
                return Pause::Full;
            }
        }
        Pause::Done
    }

    /// Executes the commands. One that panics has a bug; it ends in an error reply and nothing else.
    fn execute(&mut self, worker: &mut Worker, connections: &mut Slab<Connection>) {
        let mut next = 0;
        loop {
            let mut under_way = None;
            let run = AssertUnwindSafe(|| self.execute_from(&mut next, &mut under_way, worker, connections));
            let Err(panic) = catch_unwind(run) else { break };
            match under_way {
                Some(progress) => next = self.recover(next, progress, worker, connections),
                None => resume_unwind(panic),
            }
        }
        self.ready.clear();
        self.forget_spans();
    }

    /// Executes the commands from number `next` on, which is raised with those that are through. `under_way` says how far
    /// those of the same connection are that are being executed; large ones, which catch their panics themselves, are not
    /// in it.
    #[inline(never)]
    fn execute_from(
        &self,
        next: &mut usize,
        under_way: &mut Option<Progress>,
        worker: &mut Worker,
        connections: &mut Slab<Connection>,
    ) {
        while let Some(ready) = self.ready.get(*next) {
            let connection = &mut connections[ready.slot];
            *next += if connection.state != State::Running {
                1
            } else {
                match self.execute_short(*next, under_way, worker, connection) {
                    0 => self.execute_long(ready, under_way, worker, connection),
                    executed => executed,
                }
            };
        }
    }

    /// Executes commands of a connection from number `first` on the short way; how many.
    #[inline]
    fn execute_short(
        &self,
        first: usize,
        under_way: &mut Option<Progress>,
        worker: &mut Worker,
        connection: &mut Connection,
    ) -> usize {
        let ready = &self.ready[first..];
        let slot = ready[0].slot;
        let (bytes, session, out) = connection.parts();
        let commands = Upcoming { slot, ready: ready.iter(), bytes, spans: &self.spans };
        let replied = out.len();
        let progress = under_way.insert(Progress::new(out));
        worker.run_short(session, commands, out, limits::LARGE_OUTPUT, progress);
        let Progress { executed, last_reply, flow } = *progress;
        *under_way = None;
        if let Some(last) = ready[..executed].last() {
            let consumed = consumed(&ready[..executed]);
            worker.note_traffic(executed, consumed + connection.out.len() - replied);
            connection.consume(consumed);
            conclude(connection, flow);
            if connection.out.len() >= limits::LARGE_OUTPUT {
                note_large_output(worker, connection, last, &self.spans, last_reply);
                limits::look_at_large_output(worker, connection);
            }
        }
        executed
    }

    /// Executes a command the long way; how many that are.
    #[inline(never)]
    fn execute_long(
        &self,
        ready: &Ready,
        under_way: &mut Option<Progress>,
        worker: &mut Worker,
        connection: &mut Connection,
    ) -> usize {
        let replied = connection.out.len();
        let (flow, is_consumed) = match ready.place {
            Place::Spans { from, to } if ready.consumed > LOOP_BYTES_LIMIT => {
                let spans = self.spans[from..to].to_vec();
                (execute_large(worker, connection, ready, spans), true)
            }
            _ => {
                *under_way = Some(Progress::new(&connection.out));
                let flow = execute_one(worker, connection, ready, &self.spans);
                *under_way = None;
                (flow, false)
            }
        };
        if !is_consumed && flow != Flow::Parked {
            connection.consume(ready.consumed);
        }
        conclude(connection, flow);
        worker.note_traffic(1, ready.consumed + connection.out.len().saturating_sub(replied));
        if connection.out.len() >= limits::LARGE_OUTPUT {
            if !is_consumed && flow != Flow::Parked {
                note_large_output(worker, connection, ready, &self.spans, replied);
            }
            limits::look_at_large_output(worker, connection);
        }
        1
    }

    /// After a command panicked that was being executed with those from number `first` on; the number of the next.
    #[cold]
    fn recover(
        &self,
        first: usize,
        progress: Progress,
        worker: &mut Worker,
        connections: &mut Slab<Connection>,
    ) -> usize {
        let at = first + progress.executed;
        let ready = &self.ready[at];
        let connection = &mut connections[ready.slot];
        let (_, session, out) = connection.parts();
        let flow = worker.recover(session, ready.prepared, progress.last_reply, out);
        connection.consume(consumed(&self.ready[first..=at]));
        conclude(connection, flow);
        at + 1
    }

    /// Makes room for the spans of the next commands; a huge command does not leave its room behind.
    fn forget_spans(&mut self) {
        self.spans.clear();
        self.spans.shrink_to(KEPT_SPANS);
    }
}

impl Place {
    /// The words, of a command that begins where `bytes` do.
    #[inline]
    fn args<'a>(&'a self, bytes: &'a [u8], spans: &'a [Span]) -> Args<'a> {
        match self {
            Self::Spans { from, to } => Args::new(bytes, &spans[*from..*to]),
            Self::Inline(words) => words.args(),
        }
    }
}

/// Bytes that commands take.
#[inline]
fn consumed(commands: &[Ready]) -> usize {
    commands.iter().map(|ready| ready.consumed).sum()
}

/// Notes what becomes of a connection after a command.
#[inline]
fn conclude(connection: &mut Connection, flow: Flow) {
    connection.state = match flow {
        Flow::Continue => State::Running,
        Flow::Parked => State::Parked,
        Flow::Waiting => State::Waiting,
        Flow::Close => State::Closing,
    };
    if flow != Flow::Continue {
        connection.fall_back();
    }
}

#[inline]
fn execute_one(worker: &mut Worker, connection: &mut Connection, ready: &Ready, spans: &[Span]) -> Flow {
    let (unread, session, out) = connection.parts();
    let args = ready.place.args(unread, spans);
    if !ready.prepared.is_known() {
        if args.is_empty() {
            return Flow::Continue;
        }
        if is_http(args) {
            log_attack(worker, &session.client.endpoint.peer);
            return Flow::Close;
        }
    }
    worker.run_long(session, args, ready.prepared, out)
}

/// Has the reply of a command looked at that was executed, where there are many bytes of replies.
#[cold]
fn note_large_output(
    worker: &Worker,
    connection: &mut Connection,
    ready: &Ready,
    spans: &[Span],
    replied: usize,
) {
    let reply_bytes = connection.out.len().saturating_sub(replied);
    let (consumed, session) = connection.consumed(ready.consumed);
    worker.note_large_output(session, ready.prepared, ready.place.args(consumed, spans), reply_bytes);
}

/// Executes a command whose bytes are too many to be copied here: it takes the receive buffer along, and the connection
/// goes on with another. A parked one gets it back.
#[cold]
fn execute_large(
    worker: &mut Worker,
    connection: &mut Connection,
    ready: &Ready,
    mut spans: Vec<Span>,
) -> Flow {
    let TakenInput { bytes, done, filled } = connection.take_input();
    for span in &mut spans {
        (span.start, span.end) = (span.start + done, span.end + done);
    }
    let words = Arc::new(OwnedArgs::from_buffer(bytes, spans));
    let (_, session, out) = connection.parts();
    session.large = Some(Arc::clone(&words));
    let flow = worker.execute(session, words.args(), ready.prepared, out);
    session.large = None;
    let words = match Arc::try_unwrap(words) {
        Ok(words) if flow == Flow::Parked => {
            connection.put_input_back(TakenInput { bytes: words.into_buffer(), done, filled });
            return flow;
        }
        Ok(words) => {
            connection.go_on_behind(ready.consumed, &words.buffer()[done + ready.consumed..filled]);
            worker.free_elsewhere(words.into_buffer());
            return flow;
        }
        Err(words) => words,
    };
    connection.go_on_behind(ready.consumed, &words.buffer()[done + ready.consumed..filled]);
    flow
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
    let log = &worker.settings().log;
    if log.level <= LogLevel::Verbose {
        let client = worker.engine().describe_for_log(&connection.session.client);
        let line = protocol_error_line(error, &client, connection.unread(), log.hides_user_data);
        worker.engine().log.write(LogLevel::Verbose, &line);
    }
    worker.engine().stats.count_error(b"ERR Protocol error");
    connection.out.protocol_error(error);
    connection.state = State::Closing;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_command_does_not_leave_its_room_behind() {
        let mut group = Group::default();
        group.spans.extend((0..100_000).map(|start| Span { start, end: start + 1 }));
        group.forget_spans();
        assert!(group.spans.is_empty() && group.spans.capacity() <= KEPT_SPANS);
        group.spans.extend((0..1000).map(|start| Span { start, end: start + 1 }));
        let room = group.spans.capacity();
        group.forget_spans();
        assert_eq!(group.spans.capacity(), room);
    }
}
