//! MIGRATE against a server that says what the test wants.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::config::Settings;
use crate::host::{Dial, Host, Link};
use crate::testing::{Peer, Server};

/// The other side: what it was sent, and what it will say.
#[derive(Default)]
struct Other {
    state: Mutex<(Vec<u8>, Vec<u8>)>,
    may_answer: Condvar,
}

impl Other {
    fn answer(&self, replies: &str) {
        self.state.lock().unwrap().1.extend_from_slice(replies.as_bytes());
        self.may_answer.notify_all();
    }

    fn received(&self) -> String {
        String::from_utf8_lossy(&self.state.lock().unwrap().0).into_owned()
    }
}

#[derive(Clone)]
struct OtherServer(Arc<Other>);

impl Read for OtherServer {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let state = self.0.state.lock().unwrap();
        let wait = Duration::from_millis(5);
        let (mut state, _) = self.0.may_answer.wait_timeout_while(state, wait, |s| s.1.is_empty()).unwrap();
        if state.1.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        // A few bytes at a time, as a network may.
        let n = state.1.len().min(buf.len()).min(3);
        buf[..n].copy_from_slice(&state.1[..n]);
        state.1.drain(..n);
        Ok(n)
    }
}

impl Write for OtherServer {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = buf.len().min(7);
        self.0.state.lock().unwrap().0.extend_from_slice(&buf[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Dial for OtherServer {
    fn dial(&self, host: &str, _port: &str, _patience: Duration) -> io::Result<Box<dyn Link>> {
        if host == "nobody" { Err(ErrorKind::ConnectionRefused.into()) } else { Ok(Box::new(self.clone())) }
    }
}

fn start() -> (Server, Arc<Other>, Peer) {
    let mut server = Server::new(Settings::default());
    let other = Arc::new(Other::default());
    server.engine.set_host(Host { dial: Box::new(OtherServer(Arc::clone(&other))), ..Host::default() });
    let peer = server.connect("127.0.0.1:1");
    (server, other, peer)
}

/// The reply of the thread.
fn reply(server: &mut Server) -> String {
    for _ in 0..10_000 {
        if let Some((_, text)) = server.deliver().pop() {
            return text;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no reply");
}

#[test]
fn what_was_taken_is_deleted_and_what_was_refused_stays() {
    let (mut server, other, peer) = start();
    server.run(peer, "MSET a 1 b 2 c 3");
    server.run(peer, "PEXPIRE b 100000");
    other.answer("+OK\r\n+OK\r\n+OK\r\n-BUSYKEY Target key name already exists.\r\n");
    server.run(peer, "MIGRATE host 6379  3 1000 AUTH secret KEYS a b missing");
    let expected = "-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n";
    assert_eq!(reply(&mut server), expected);
    assert_eq!(server.run(peer, "EXISTS a"), ":0\r\n");
    assert_eq!(server.run(peer, "EXISTS b c"), ":2\r\n");
    let sent = other.received();
    assert!(
        sent.starts_with("*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"),
        "{sent}"
    );
    assert_eq!(sent.matches("RESTORE").count(), 2);
    assert!(!sent.contains("REPLACE"));
}

#[test]
fn a_copy_deletes_nothing_and_a_replacement_says_so() {
    let (mut server, other, peer) = start();
    server.run(peer, "SET a 1");
    other.answer("+OK\r\n+OK\r\n");
    server.run(peer, "MIGRATE host 6379 a 0 1000 COPY REPLACE");
    assert_eq!(reply(&mut server), "+OK\r\n");
    assert_eq!(server.run(peer, "GET a"), "$1\r\n1\r\n");
    assert!(other.received().ends_with("REPLACE\r\n"));
}

#[test]
fn a_wrong_password_leaves_every_key_here() {
    let (mut server, other, peer) = start();
    server.run(peer, "SET a 1");
    other.answer("-WRONGPASS invalid\r\n+OK\r\n+OK\r\n");
    server.run(peer, "MIGRATE host 6379 a 0 1000 AUTH2 user secret");
    assert_eq!(reply(&mut server), "-ERR Target instance replied with error: WRONGPASS invalid\r\n");
    assert_eq!(server.run(peer, "GET a"), "$1\r\n1\r\n");
}

#[test]
fn silence_and_absence_are_errors_and_lose_nothing() {
    let (mut server, other, peer) = start();
    server.run(peer, "MSET a 1 b 2");
    server.run(peer, "MIGRATE nobody 6379 a 0 1000");
    assert_eq!(reply(&mut server), "-IOERR error or timeout writing to target instance\r\n");
    other.answer("+OK\r\n+OK\r\n");
    server.run(peer, "MIGRATE host 6379  0 20 KEYS a b");
    assert_eq!(reply(&mut server), "-IOERR error or timeout reading to target instance\r\n");
    assert_eq!(server.run(peer, "EXISTS a"), ":0\r\n");
    assert_eq!(server.run(peer, "GET b"), "$1\r\n2\r\n");
}

#[test]
fn others_read_a_key_on_its_way_and_a_flush_takes_it_along() {
    let (mut server, other, peer) = start();
    let reader = server.connect("127.0.0.1:2");
    server.run(peer, "SET a 1");
    server.run(peer, "MIGRATE host 6379 a 0 10000");
    assert_eq!(server.run(reader, "GET a"), "$1\r\n1\r\n");
    assert_eq!(server.run(reader, "CONFIG SET save "), "+OK\r\n");
    assert_eq!(server.run(reader, "FLUSHALL"), "+OK\r\n");
    other.answer("+OK\r\n+OK\r\n");
    assert_eq!(reply(&mut server), "+OK\r\n");
    assert_eq!(server.run(peer, "SET a 2"), "+OK\r\n");
}

#[test]
fn words_are_checked_in_the_order_of_redis() {
    let (mut server, _, peer) = start();
    assert_eq!(server.run(peer, "MIGRATE host 6379 a 0 1000"), "+NOKEY\r\n");
    assert_eq!(server.run(peer, "MIGRATE host 6379 a 0 1000 SOON"), "-ERR syntax error\r\n");
    assert_eq!(
        server.run(peer, "MIGRATE host 6379 a 0 1000 KEYS b"),
        "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string\r\n"
    );
    let not_integer = "-ERR value is not an integer or out of range\r\n";
    assert_eq!(server.run(peer, "MIGRATE host 6379 a 0 soon"), not_integer);
    assert_eq!(server.run(peer, "MIGRATE host 6379 a first 10"), not_integer);
}
