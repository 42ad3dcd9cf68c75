//! A server that does nothing: the price of the system calls alone.
//!
//! One thread reads whatever is there, counts the RESP requests in it and answers each with the same bytes. No server
//! can need less CPU time per operation than this one, so its figures are the floor of a comparison. It understands
//! arrays of bulk strings only, and PING sent inline.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};

use super::args::{self, Args, Flag};
use super::failure::Failure;
use super::scan::Scanner;
use super::template::split_words;

const FLAGS: &[Flag] = &[
    Flag { name: "--port", value: "N", help: "port on the loopback interface (6380)" },
    Flag { name: "--reply", value: "TEXT", help: "the reply; \\r and \\n are understood (+OK\\r\\n)" },
    Flag { name: "--help", value: "", help: "this text" },
];

const LISTENER: Token = Token(0);

#[derive(Debug)]
struct Peer {
    stream: TcpStream,
    scanner: Scanner,
    /// An unfinished line of requests.
    unfinished: Vec<u8>,
    /// Replies not yet written.
    out: Vec<u8>,
    written: usize,
}

/// Understands `words` and serves until killed.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let args = Args::parse(words, FLAGS)?;
    if args.has("--help") {
        print!("usage: spinel-bench echo-server [OPTIONS]\n\n{}", args::help(FLAGS));
        return Ok(());
    }
    let reply = args.text("--reply").unwrap_or("+OK\\r\\n").replace("\\r", "\r").replace("\\n", "\n");
    if split_words(&reply).is_err() {
        return Err(Failure::Usage("the reply is empty".into()));
    }
    let port = args.value("--port")?.unwrap_or(6380);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listener = TcpListener::bind(address).map_err(Failure::io(format!("listening on {address}")))?;
    serve(listener, reply.as_bytes())
}

/// Answers every request on every connection with `reply`; returns only when something breaks.
pub(crate) fn serve(mut listener: TcpListener, reply: &[u8]) -> Result<(), Failure> {
    let mut poll = Poll::new().map_err(Failure::io("creating a poller"))?;
    let watched = poll.registry().register(&mut listener, LISTENER, Interest::READABLE);
    watched.map_err(Failure::io("watching the listener"))?;
    let (mut peers, mut next) = (HashMap::new(), 1);
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 256 * 1024]);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(Failure::io("polling")(error));
            }
            _ => {}
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, poll.registry(), &mut peers, &mut next)?;
            } else if let Some(peer) = peers.get_mut(&event.token()) {
                // Whatever goes wrong with a peer ends the peer only.
                if peer.answer(&mut buffer, reply).is_err() {
                    peers.remove(&event.token());
                }
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    registry: &Registry,
    peers: &mut HashMap<Token, Peer>,
    next: &mut usize,
) -> Result<(), Failure> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(Failure::io("accepting")(error)),
        };
        let token = Token(*next);
        *next += 1;
        stream.set_nodelay(true).map_err(Failure::io("setting TCP_NODELAY"))?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, token, interest).map_err(Failure::io("watching a connection"))?;
        let (scanner, unfinished, out) = (Scanner::default(), Vec::new(), Vec::new());
        peers.insert(token, Peer { stream, scanner, unfinished, out, written: 0 });
    }
}

impl Peer {
    /// Reads all there is, answers each request, writes what the kernel takes.
    fn answer(&mut self, buffer: &mut [u8], reply: &[u8]) -> io::Result<()> {
        loop {
            let kept = self.unfinished.len();
            let read = match self.stream.read(&mut buffer[kept..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            let full = kept + read == buffer.len();
            buffer[..kept].copy_from_slice(&self.unfinished);
            self.unfinished.clear();
            let consumed =
                count(&mut self.scanner, &buffer[..kept + read], || self.out.extend_from_slice(reply))?;
            self.unfinished.extend_from_slice(&buffer[consumed..kept + read]);
            if !full {
                break;
            }
        }
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }
}

/// Calls `each` for every whole request and returns how many bytes need not be shown again.
fn count(scanner: &mut Scanner, bytes: &[u8], mut each: impl FnMut()) -> io::Result<usize> {
    let mut at = 0;
    while at < bytes.len() {
        if scanner.at_boundary() && bytes[at..].starts_with(b"PING\r\n") {
            at += 6;
            each();
            continue;
        }
        let progress =
            scanner.advance(&bytes[at..]).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        at += progress.consumed;
        match progress.finished {
            Some(_) => each(),
            None => break,
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::count;
    use crate::bench::scan::Scanner;

    #[test]
    fn requests_are_counted_wherever_they_are_cut() {
        let requests = b"*1\r\n$4\r\nPING\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
        for cut in 0..requests.len() {
            // An inline command is recognised only when it is whole, as the generator sends it.
            if (15..20).contains(&cut) {
                continue;
            }
            let (mut scanner, mut found) = (Scanner::default(), 0);
            let first = count(&mut scanner, &requests[..cut], || found += 1).unwrap();
            count(&mut scanner, &requests[first..], || found += 1).unwrap();
            assert_eq!(found, 3, "cut at {cut}");
        }
    }
}
