//! One connection: its socket, its buffers and its session.

use std::io::{self, Read, Write};
use std::sync::atomic::Ordering;

use spinel_engine::clients::Client;
use spinel_engine::journal::JournalPosition;
use spinel_engine::session::Session;
use spinel_resp::{Encoder, Protocol, RequestParser};

use crate::gates::Gates;
use crate::stream::Stream;

/// Bytes of a fresh receive buffer.
const READ_BYTES: usize = 16 * 1024;
/// The most a receive buffer grows in one step ahead of a large word, in bytes. For a word beyond that room is taken at
/// once, but touched step by step.
const MAX_GROWTH: usize = 1 << 20;
/// The most that is read in one turn, in bytes: the other connections wait for it.
const MAX_READ: usize = 1 << 20;
/// The most that is read behind a command that waits, about, in bytes. Were it without end, what comes behind many large
/// commands would be moved again for each of them.
const READ_AHEAD: usize = 64 * 1024;
/// Reply buffers larger than this are given back to the allocator when they were sent.
const KEPT_OUTPUT: usize = 64 * 1024;
/// The most that is sent in one turn, in bytes: the other connections wait for it.
pub(crate) const MAX_SENT: usize = 256 * 1024;
/// Buffers larger than this take so long to free that another thread does it, in bytes.
const LARGE_BUFFER: usize = 1 << 20;

/// What a connection is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Runs its commands.
    Running,
    /// A command waits to be tried again.
    Parked,
    /// A command will be answered by a message.
    Waiting,
    /// To be closed once its replies are sent.
    Closing,
    /// To be closed now.
    Dead,
}

/// A receive buffer taken out of its connection.
pub(crate) struct TakenInput {
    pub(crate) bytes: Vec<u8>,
    /// Where its first command begins.
    pub(crate) done: usize,
    /// Up to where bytes were received.
    pub(crate) filled: usize,
}

/// Buffers that idle connections do not need.
#[derive(Default)]
pub(crate) struct Pool {
    inputs: Vec<Vec<u8>>,
    outputs: Vec<Vec<u8>>,
}

impl Pool {
    const MAX: usize = 256;

    fn input(&mut self) -> Vec<u8> {
        self.inputs.pop().unwrap_or_else(|| vec![0; READ_BYTES])
    }

    fn put_input(&mut self, buffer: Vec<u8>) {
        if buffer.len() == READ_BYTES && self.inputs.len() < Self::MAX {
            self.inputs.push(buffer);
        }
    }

    fn output(&mut self) -> Vec<u8> {
        self.outputs.pop().unwrap_or_default()
    }

    fn put_output(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT_OUTPUT && self.outputs.len() < Self::MAX {
            buffer.clear();
            self.outputs.push(buffer);
        }
    }
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    pub(crate) session: Session,
    pub(crate) state: State,
    parser: RequestParser,
    /// Bytes received: `input[done..filled]` are not executed yet.
    input: Vec<u8>,
    done: usize,
    filled: usize,
    /// Bytes after `done` that were parsed ahead of execution.
    ahead: usize,
    pub(crate) out: Encoder,
    sent: usize,
    /// What stands before this came in earlier turns.
    settled: usize,
    gates: Gates,
    /// The socket may have more bytes than were read.
    pub(crate) may_read: bool,
    /// The other side sends no more: the end is to be read, too.
    pub(crate) is_ending: bool,
    /// The socket took no more bytes; a writable event will come.
    pub(crate) write_blocked: bool,
    /// It is on the list of those with work in this turn.
    pub(crate) is_listed: bool,
    /// It is on the list of those whose replies are held back.
    pub(crate) is_held: bool,
    /// Since when its output is above the soft limit, in milliseconds.
    pub(crate) over_soft_since_ms: Option<i64>,
}

/// What the next commands of a connection are parsed from, and what that takes.
pub(crate) struct Unparsed<'c> {
    /// The bytes not parsed yet.
    pub(crate) bytes: &'c [u8],
    pub(crate) parser: &'c mut RequestParser,
    pub(crate) session: &'c Session,
    /// Grows by what is parsed.
    pub(crate) ahead: &'c mut usize,
}

impl Connection {
    pub(crate) fn new(stream: Stream, session: Session) -> Self {
        Self {
            stream,
            session,
            state: State::Running,
            parser: RequestParser::default(),
            input: Vec::new(),
            done: 0,
            filled: 0,
            ahead: 0,
            out: Encoder::new(Protocol::Resp2),
            sent: 0,
            settled: 0,
            gates: Gates::default(),
            may_read: false,
            is_ending: false,
            write_blocked: false,
            is_listed: false,
            is_held: false,
            over_soft_since_ms: None,
        }
    }

    /// What the next commands are parsed from.
    #[inline]
    pub(crate) fn unparsed(&mut self) -> Unparsed<'_> {
        Unparsed {
            bytes: &self.input[self.done + self.ahead..self.filled],
            parser: &mut self.parser,
            session: &self.session,
            ahead: &mut self.ahead,
        }
    }

    /// Whether commands were parsed that are not executed yet.
    #[inline]
    pub(crate) fn is_ahead(&self) -> bool {
        self.ahead > 0
    }

    /// Forgets what was parsed ahead: it is parsed again when the connection goes on.
    pub(crate) fn fall_back(&mut self) {
        self.ahead = 0;
        self.parser.reset();
    }

    /// Bytes received and not executed.
    #[inline]
    pub(crate) fn unread(&self) -> &[u8] {
        &self.input[self.done..self.filled]
    }

    /// The bytes to execute, the session that does and where its replies go.
    #[inline]
    pub(crate) fn parts(&mut self) -> (&[u8], &mut Session, &mut Encoder) {
        (&self.input[self.done..self.filled], &mut self.session, &mut self.out)
    }

    /// Marks bytes as executed.
    #[inline]
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.done += bytes;
        self.ahead = self.ahead.saturating_sub(bytes);
        debug_assert!(self.done <= self.filled);
    }

    /// The bytes that were marked as executed last, and the session that has.
    pub(crate) fn consumed(&self, bytes: usize) -> (&[u8], &Session) {
        (&self.input[self.done - bytes..self.filled], &self.session)
    }

    /// Whether no more is read for now: its next commands are here, and wait for one that others will be through with soon.
    /// One that waits for what other clients do may wait for ever, and behind all that is sent meanwhile its end may come.
    pub(crate) fn has_enough(&self) -> bool {
        let waits_briefly = match self.state {
            State::Parked => true,
            State::Waiting => self.session.moved,
            State::Running | State::Closing | State::Dead => false,
        };
        waits_briefly && self.filled - self.done >= READ_AHEAD && !self.is_ending
    }

    /// Whether it goes on reading in the next turn.
    pub(crate) fn reads_on(&self) -> bool {
        let is_open = !matches!(self.state, State::Closing | State::Dead);
        is_open && self.may_read && !self.has_enough()
    }

    /// Reads what the socket has, up to the room in the buffer. Returns the bytes read; `None` at the end of the stream.
    pub(crate) fn read(&mut self, pool: &mut Pool) -> io::Result<Option<usize>> {
        self.make_room(pool)?;
        let room = (self.input.len() - self.filled).min(MAX_READ);
        match self.stream.read(&mut self.input[self.filled..self.filled + room]) {
            Ok(0) => Ok(None),
            Ok(n) => {
                self.filled += n;
                self.may_read = n == room || self.is_ending;
                self.session.client.query_bytes.store(self.unread().len() as u64, Ordering::Relaxed);
                Ok(Some(n))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.may_read = false;
                Ok(Some(0))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Some(0)),
            Err(error) => Err(error),
        }
    }

    fn make_room(&mut self, pool: &mut Pool) -> io::Result<()> {
        if self.input.is_empty() {
            self.input = pool.input();
            (self.done, self.filled) = (0, 0);
        }
        if self.done > 0 && (self.done == self.filled || self.filled == self.input.len()) {
            self.input.copy_within(self.done..self.filled, 0);
            self.filled -= self.done;
            self.done = 0;
        }
        if self.filled == self.input.len() {
            let missing = self.parser.missing_hint(self.filled - self.done);
            if missing > MAX_GROWTH {
                // As long as nothing is written there, the system gives no memory.
                self.input.try_reserve_exact(missing)?;
            }
            let len = self.input.len();
            let reserved = self.input.capacity() - len;
            let more = if reserved >= missing.max(1) {
                reserved.min(MAX_GROWTH)
            } else {
                missing.clamp(len, MAX_GROWTH.max(len))
            };
            self.input.resize(len + more, 0);
        }
        Ok(())
    }

    /// Takes the receive buffer out, for a large command at its beginning whose words are not to be copied.
    pub(crate) fn take_input(&mut self) -> TakenInput {
        let taken =
            TakenInput { bytes: std::mem::take(&mut self.input), done: self.done, filled: self.filled };
        (self.done, self.filled) = (0, 0);
        taken
    }

    /// The receive buffer, if it takes long to free, of a connection that is being closed.
    pub(crate) fn take_large_input(&mut self) -> Option<Vec<u8>> {
        (self.input.len() > LARGE_BUFFER).then(|| self.take_input().bytes)
    }

    /// Puts the receive buffer back: its command has not been run.
    pub(crate) fn put_input_back(&mut self, taken: TakenInput) {
        TakenInput { bytes: self.input, done: self.done, filled: self.filled } = taken;
    }

    /// Goes on with the bytes behind a command whose buffer was taken.
    pub(crate) fn go_on_behind(&mut self, command_bytes: usize, rest: &[u8]) {
        self.input = rest.to_vec();
        (self.done, self.filled) = (0, rest.len());
        self.ahead = self.ahead.saturating_sub(command_bytes);
    }

    /// Gives buffers back that hold nothing; a large one is handed out, to be freed elsewhere.
    #[must_use = "a large buffer is freed elsewhere"]
    pub(crate) fn release(&mut self, pool: &mut Pool) -> Option<Vec<u8>> {
        if self.done == self.filled && !self.input.is_empty() {
            pool.put_input(std::mem::take(&mut self.input));
            (self.done, self.filled) = (0, 0);
        }
        if self.pending_output() == 0 && self.out.buffer_mut().capacity() > 0 {
            self.sent = 0;
            let protocol = self.session.protocol;
            let out = std::mem::replace(&mut self.out, Encoder::new(protocol)).into_inner();
            if out.capacity() > LARGE_BUFFER {
                return Some(out);
            }
            pool.put_output(out);
        }
        None
    }

    /// Makes sure there is a buffer for replies.
    pub(crate) fn prepare_output(&mut self, pool: &mut Pool) {
        if self.out.is_empty() && self.out.buffer_mut().capacity() == 0 {
            self.out = Encoder::with_buffer(pool.output(), self.session.protocol);
        }
    }

    /// Bytes of replies not sent yet.
    pub(crate) fn pending_output(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Whether there are replies to send and the socket may take some.
    pub(crate) fn may_write(&self) -> bool {
        self.state != State::Dead && !self.write_blocked && self.sendable() > self.sent
    }

    /// How far replies may be sent.
    fn sendable(&self) -> usize {
        self.gates.released().unwrap_or(self.out.len())
    }

    /// Holds the replies of this turn back until the journal is safe up to `position`. True if there are any.
    pub(crate) fn hold(&mut self, position: JournalPosition) -> bool {
        let has_new = self.out.len() > self.settled;
        if has_new {
            self.gates.close(self.settled, self.out.len(), position);
        }
        has_new
    }

    /// The replies there are belong to this turn and those before.
    pub(crate) fn settle(&mut self) {
        self.settled = self.out.len();
    }

    /// Lets the replies go that waited for what is safe now. True if others are still held back.
    pub(crate) fn let_go(&mut self, safe: JournalPosition) -> bool {
        self.gates.open(safe);
        self.gates.released().is_some()
    }

    /// Sends replies until they are sent, the socket takes no more or `limit` bytes went. Returns the bytes sent.
    pub(crate) fn write(&mut self, limit: usize) -> io::Result<usize> {
        let before = self.sent;
        let sendable = self.sendable();
        while self.sent < sendable {
            let end = sendable.min(before.saturating_add(limit));
            if self.sent == end {
                return Ok(limit);
            }
            match self.stream.write(&self.out.as_bytes()[self.sent..end]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.write_blocked = true;
                    return Ok(self.sent - before);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let written = self.sent - before;
        self.write_blocked = false;
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
        }
        Ok(written)
    }

    /// Copies the sizes of its buffers to its shared face; says by how many bytes it has grown.
    pub(crate) fn publish_sizes(&mut self) -> i64 {
        let reply_room = self.out.buffer_mut().capacity();
        let client = &self.session.client;
        let pending = self.pending_output() as u64;
        client.query_bytes.store(self.unread().len() as u64, Ordering::Relaxed);
        client.query_room.store((self.input.len() - self.filled) as u64, Ordering::Relaxed);
        client.output_bytes.store(pending, Ordering::Relaxed);
        let total = match client.is_killed() {
            // Whoever evicted it has counted that it goes.
            true => 0,
            false => {
                let own = size_of::<Self>() + size_of::<Client>();
                (own + self.input.len() + reply_room + self.session.state_bytes()) as u64
            }
        };
        if client.total_bytes.load(Ordering::Relaxed) == total {
            return 0;
        }
        total as i64 - client.total_bytes.swap(total, Ordering::Relaxed) as i64
    }
}
