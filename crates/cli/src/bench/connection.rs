//! One connection of the load: bytes to write, requests in flight, replies checked as they come.
//!
//! The socket is watched edge-triggered for reading, and for writing only while the kernel's buffer is full. Replies
//! are read into a buffer that all connections of a thread share; a connection keeps only an unfinished line.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token, event::Source};

use super::expect::Objection;
use super::failure::Failure;
use super::latency::Latencies;
use super::pauses::Span;
use super::scan::{Refusal, Scanner};
use super::target::{Client, Socket};
use super::template::Template;

/// A request whose reply is awaited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InFlight {
    /// When it was sent, or should have been; nanoseconds since the run began.
    pub(crate) since_ns: u64,
    /// Its index among the templates.
    pub(crate) template: u32,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    token: Token,
    /// Requests to write; those before `written` are gone.
    pub(crate) out: Vec<u8>,
    written: usize,
    /// Requests without a complete reply, oldest first.
    pub(crate) in_flight: VecDeque<InFlight>,
    scanner: Scanner,
    unfinished: Vec<u8>,
    awaits_room: bool,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Connection {
    /// Takes over a connected client and watches it under `token`.
    pub(crate) fn adopt(
        client: Client,
        token: Token,
        registry: &Registry,
        pipeline: usize,
    ) -> Result<Connection, Failure> {
        let mut stream = match client.socket {
            Socket::Tcp(stream) => {
                stream.set_nonblocking(true).map_err(Failure::io("making a socket non-blocking"))?;
                Stream::Tcp(TcpStream::from_std(stream))
            }
            Socket::Unix(stream) => {
                stream.set_nonblocking(true).map_err(Failure::io("making a socket non-blocking"))?;
                Stream::Unix(UnixStream::from_std(stream))
            }
        };
        let watched = registry.register(stream.source(), token, Interest::READABLE);
        watched.map_err(Failure::io("watching a socket"))?;
        Ok(Connection {
            stream,
            token,
            out: Vec::new(),
            written: 0,
            in_flight: VecDeque::with_capacity(pipeline),
            scanner: Scanner::default(),
            unfinished: Vec::new(),
            awaits_room: false,
        })
    }

    /// Writes what is pending, as far as the kernel takes it.
    #[inline]
    pub(crate) fn flush(&mut self, registry: &Registry) -> Result<(), Failure> {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return self.watch(registry, true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::io("writing requests")(error)),
            }
        }
        self.out.clear();
        self.written = 0;
        if self.awaits_room { self.watch(registry, false) } else { Ok(()) }
    }

    fn watch(&mut self, registry: &Registry, awaits_room: bool) -> Result<(), Failure> {
        self.awaits_room = awaits_room;
        let interest = if awaits_room { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        registry
            .reregister(self.stream.source(), self.token, interest)
            .map_err(Failure::io("watching a socket"))
    }

    /// Reads and checks all replies that are there; `clock` is read once after each read. Returns how many ended.
    pub(crate) fn receive(
        &mut self,
        templates: &[Template],
        buffer: &mut [u8],
        latencies: &mut Latencies,
        clock: impl Fn() -> u64,
    ) -> Result<u64, Failure> {
        let mut ended = 0;
        loop {
            let kept = self.unfinished.len();
            let read = match self.stream.read(&mut buffer[kept..]) {
                Ok(0) => return Err(Failure::Server("the server closed a connection".into())),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(ended),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::io("reading replies")(error)),
            };
            let full = kept + read == buffer.len();
            if kept > 0 {
                buffer[..kept].copy_from_slice(&self.unfinished);
                self.unfinished.clear();
            }
            ended += self.digest(templates, &buffer[..kept + read], clock(), latencies)?;
            if !full {
                return Ok(ended);
            }
        }
    }

    /// Checks replies against the requests in flight and keeps an unfinished line.
    fn digest(
        &mut self,
        templates: &[Template],
        bytes: &[u8],
        now_ns: u64,
        latencies: &mut Latencies,
    ) -> Result<u64, Failure> {
        let (mut at, mut ended) = (0, 0);
        // Requests of one batch share their time, so their latencies are counted together.
        let (mut since_ns, mut alike) = (0, 0);
        while at < bytes.len() {
            let Some(front) = self.in_flight.front() else {
                return Err(unasked(&bytes[at..]));
            };
            let template = &templates[front.template as usize];
            let progress = template
                .check
                .advance(&mut self.scanner, &bytes[at..])
                .map_err(|objection| wrong(template, objection))?;
            at += progress.consumed;
            if progress.finished.is_none() {
                break;
            }
            if front.since_ns != since_ns {
                if alike > 0 {
                    latencies.record_wait(Span { from: since_ns, until: now_ns }, alike);
                }
                (since_ns, alike) = (front.since_ns, 0);
            }
            alike += 1;
            ended += 1;
            self.in_flight.pop_front();
        }
        if alike > 0 {
            latencies.record_wait(Span { from: since_ns, until: now_ns }, alike);
        }
        self.unfinished.extend_from_slice(&bytes[at..]);
        Ok(ended)
    }
}

impl Stream {
    fn source(&mut self) -> &mut dyn Source {
        match self {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
        }
    }

    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(buffer),
            Stream::Unix(stream) => stream.read(buffer),
        }
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Unix(stream) => stream.write(bytes),
        }
    }
}

fn unasked(bytes: &[u8]) -> Failure {
    let answer = bytes[..bytes.len().min(60)].escape_ascii().to_string();
    Failure::Reply { request: "nothing".into(), answer }
}

fn wrong(template: &Template, objection: Objection) -> Failure {
    let answer = match objection {
        Objection::Refused(Refusal::ErrorReply(text) | Refusal::Malformed(text)) => text,
        Objection::Unexpected { expected, got } => format!("{got:?} instead of {expected:?}"),
    };
    Failure::Reply { request: template.line.clone(), answer }
}
