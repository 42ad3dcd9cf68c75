//! A server process, raw connections, an honest client.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use spinel_oracle::reference::Server;

/// Whatever takes longer than this is broken, even on a machine with other work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Starts the server that was built with this test.
pub(crate) fn start(args: &[&str]) -> Server {
    let program = Path::new(env!("CARGO_BIN_EXE_spinel"));
    Server::start(program, args).unwrap_or_else(|error| panic!("{error}"))
}

/// The first client of a server that nobody else is connected to any more: not who found out whether it had started either.
pub(crate) fn first_client(server: &Server) -> Raw {
    let mut client = Raw::connect(server);
    wait_until("nobody else is there", || client.info("clients", "connected_clients") == 1);
    client
}

/// The process of a server.
pub(crate) fn process(server: &Server) -> Pid {
    Pid::from_raw(i32::try_from(server.pid()).expect("a process id")).expect("not zero")
}

/// What is in a folder.
pub(crate) fn names(home: &Path) -> Vec<String> {
    let entries =
        std::fs::read_dir(home).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().expect("text")).collect();
    names.sort();
    names
}

/// A connection that sends any bytes.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port())).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time that is not zero");
        Self(stream)
    }

    /// Sends bytes; a server that has closed the connection is no failure.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        if let Err(error) = self.0.write_all(bytes) {
            let closed = matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
            assert!(closed, "sending: {error}");
        }
    }

    /// Sends a command as a line.
    pub(crate) fn line(&mut self, line: &str) {
        self.send(format!("{line}\r\n").as_bytes());
    }

    /// Reads exactly these bytes.
    pub(crate) fn expect(&mut self, expected: &str) {
        let mut bytes = vec![0; expected.len()];
        let outcome = self.0.read_exact(&mut bytes);
        let found = String::from_utf8_lossy(&bytes);
        assert!(outcome.is_ok(), "{outcome:?} instead of {expected:?}, {found:?}");
        assert_eq!(found, expected);
    }

    /// Reads until the server closes; everything that came before.
    pub(crate) fn until_closed(&mut self) -> String {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("not closed: {error}, {}", String::from_utf8_lossy(&bytes)),
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The reply to a command that is one line, or a string.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.line(line);
        let head = self.read_line();
        let Some(length) = head.strip_prefix('$').and_then(|length| length.parse::<usize>().ok()) else {
            return head;
        };
        let mut body = vec![0; length + 2];
        self.0.read_exact(&mut body).expect("the whole string");
        String::from_utf8_lossy(&body[..length]).into_owned()
    }

    pub(crate) fn read_line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            self.0.read_exact(&mut byte).expect("a whole line");
            line.push(byte[0]);
        }
        String::from_utf8_lossy(&line[..line.len() - 2]).into_owned()
    }

    /// A number out of INFO.
    pub(crate) fn info(&mut self, section: &str, field: &str) -> u64 {
        let text = self.ask(&format!("INFO {section}"));
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {field} in {text}"))
    }
}

/// Asks again and again until the answer is the wished-for one.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::yield_now();
    }
}

/// Memory of the server that is in use, in bytes.
pub(crate) fn resident_bytes(server: &Server) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    let kib = text.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    1024 * kib.and_then(|kib| kib.trim().parse::<u64>().ok()).expect("a line of memory")
}

/// A client that does its work while others misbehave.
pub(crate) struct Honest {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Honest {
    /// The longest that an honest client may wait for a reply: two cores have other tests to run as well.
    const LIMIT: Duration = Duration::from_secs(5);

    pub(crate) fn beside(server: &Server, password: Option<&str>) -> Self {
        let mut client = Raw::connect(server);
        if let Some(password) = password {
            assert_eq!(client.ask(&format!("AUTH {password}")), "+OK");
        }
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut longest = Duration::ZERO;
            let mut count = 0;
            while !seen.load(Ordering::Relaxed) {
                count += 1;
                let start = Instant::now();
                assert_eq!(client.ask("INCR honest"), format!(":{count}"));
                longest = longest.max(start.elapsed());
            }
            longest
        });
        Self { stop, thread }
    }

    /// Every command was answered, none late.
    pub(crate) fn was_served(self) {
        self.stop.store(true, Ordering::Relaxed);
        let longest = self.thread.join().expect("the honest client got all its replies");
        assert!(longest < Self::LIMIT, "the honest client waited {longest:?}");
    }
}
