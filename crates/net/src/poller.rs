//! Waiting for sockets: the only place that knows the polling library.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};

/// Connections are registered under their slot; these are the other two kinds of tokens.
const WAKE: Token = Token(usize::MAX);
const LISTENER_BASE: usize = usize::MAX / 2;

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// A listener has connections to accept.
    Listener(usize),
    /// A connection can be read or written (or was closed, which reading tells).
    Connection {
        /// Its slot.
        slot: usize,
        /// It may have bytes to read.
        readable: bool,
        /// It may take bytes.
        writable: bool,
        /// The other side sends no more: what is there to be read has an end, of which no other event will tell.
        is_ending: bool,
    },
}

/// A poller for one loop. Edge-triggered: after an event, read or write until it would block.
pub(crate) struct Poller {
    poll: Poll,
    events: Events,
}

/// Wakes a poller from another thread.
#[derive(Clone)]
pub(crate) struct Waker(Arc<mio::Waker>);

impl Waker {
    pub(crate) fn wake(&self) {
        // The only failure is a full eventfd, which is awake already.
        let _ = self.0.wake();
    }
}

/// Adds listeners to a poller; a listener that is closed is forgotten by itself.
pub(crate) struct Registrar(mio::Registry);

impl Registrar {
    pub(crate) fn add_listener(&self, source: &mut impl Source, index: usize) -> io::Result<()> {
        self.0.register(source, Token(LISTENER_BASE + index), Interest::READABLE)
    }
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { poll: Poll::new()?, events: Events::with_capacity(1024) })
    }

    pub(crate) fn waker(&self) -> io::Result<Waker> {
        Ok(Waker(Arc::new(mio::Waker::new(self.poll.registry(), WAKE)?)))
    }

    /// What adds listeners later, from another thread too.
    pub(crate) fn registrar(&self) -> io::Result<Registrar> {
        self.poll.registry().try_clone().map(Registrar)
    }

    pub(crate) fn add_connection(&self, source: &mut impl Source, slot: usize) -> io::Result<()> {
        self.poll.registry().register(source, Token(slot), Interest::READABLE | Interest::WRITABLE)
    }

    pub(crate) fn remove(&self, source: &mut impl Source) -> io::Result<()> {
        self.poll.registry().deregister(source)
    }

    /// Waits and appends what happened to `ready`.
    pub(crate) fn wait(&mut self, timeout: Duration, ready: &mut Vec<Ready>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in &self.events {
            match event.token() {
                WAKE => {}
                Token(token) if token >= LISTENER_BASE => ready.push(Ready::Listener(token - LISTENER_BASE)),
                Token(slot) => ready.push(Ready::Connection {
                    slot,
                    readable: event.is_readable() || event.is_read_closed() || event.is_error(),
                    writable: event.is_writable(),
                    is_ending: event.is_read_closed(),
                }),
            }
        }
        Ok(())
    }
}
