//! The server under test, and one started instance of it.

use crate::workspace::{Scratch, read};
use crate::{Outcome, process};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A server program with the arguments every start of it gets.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// The binary.
    pub(crate) server: PathBuf,
    /// Arguments added to every start.
    pub(crate) args: Vec<String>,
    /// Whether this is the reference itself.
    pub(crate) is_reference: bool,
}

/// A running server in a directory of its own; killed when dropped.
#[derive(Debug)]
pub(crate) struct Instance {
    child: Child,
    /// Where it listens.
    pub(crate) port: u16,
    home: Scratch,
}

impl Instance {
    /// Starts the subject on `port` with further arguments and waits until it answers PING.
    pub(crate) fn start(subject: &Subject, port: u16, args: &[&str]) -> Outcome<Instance> {
        let home = Scratch::new()?;
        let log = home.path().join("log");
        let file = std::fs::File::create(&log).map_err(|error| format!("cannot create a log: {error}"))?;
        let errors = file.try_clone().map_err(|error| format!("cannot share a log: {error}"))?;
        let child = Command::new(&subject.server)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(home.path())
            .args(args)
            .args(&subject.args)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", subject.server.display()))?;
        let mut instance = Instance { child, port, home };
        let deadline = Instant::now() + START_LIMIT;
        while !answers(port) {
            if let Some(death) = instance.death() {
                return Err(format!("{} did not start: {death}", subject.server.display()));
            }
            if Instant::now() > deadline {
                return Err(format!("{} does not answer: {}", subject.server.display(), instance.log_tail()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(instance)
    }

    /// If the server is dead: how it ended and the end of its log.
    pub(crate) fn death(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(format!("the server ended with {status}; its log ends with\n{}", self.log_tail()))
    }

    /// The server's own directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    fn log_tail(&self) -> String {
        process::tail(&read(&self.home().join("log")).unwrap_or_default(), 40)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // A server that ended by itself cannot be killed; that is no error here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether something answers PING on a local port.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut reply = [0; 1];
    stream.set_read_timeout(Some(Duration::from_secs(2))).is_ok()
        && stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut reply).is_ok()
        && matches!(reply[0], b'+' | b'-')
}
