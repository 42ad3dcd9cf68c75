//! The worker as a process: started when it is needed, and ended whenever that is the surest way to stop a script.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::wire::{Frame, Inbox};
use super::worker::LIMIT_VARIABLE;

/// How often whoever waits for the worker looks at what else there is.
pub(super) const TICK: Duration = Duration::from_millis(5);
/// How long a frame may take to be sent.
const SENDING: Duration = Duration::from_secs(10);

/// How to start a worker: the program has to call [`serve_if_asked`](super::worker::serve_if_asked) first of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonWorker {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, which are for people who look at a list of processes.
    pub args: Vec<OsString>,
}

impl Default for PythonWorker {
    /// This program itself, even if its file was replaced in the meantime.
    fn default() -> Self {
        Self { program: "/proc/self/exe".into(), args: vec!["--python-worker".into()] }
    }
}

/// A worker that runs.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    stream: UnixStream,
    pub(super) inbox: Inbox,
    /// The units that it has compiled.
    pub(super) compiled: HashSet<u32>,
}

impl Process {
    /// Starts a worker whose scripts may take so much memory.
    ///
    /// # Errors
    /// If the system does not start it.
    pub(super) fn start(worker: &PythonWorker, limit_bytes: usize) -> io::Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        let child = Command::new(&worker.program)
            .arg0("spinel-python")
            .args(&worker.args)
            .env_clear()
            .env(LIMIT_VARIABLE, limit_bytes.to_string())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        stream.set_read_timeout(Some(TICK))?;
        stream.set_write_timeout(Some(SENDING))?;
        Ok(Self { child, stream, inbox: Inbox::default(), compiled: HashSet::new() })
    }

    /// Whether it has not ended.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// If the worker is gone.
    pub(super) fn send(&mut self, frame: Frame) -> io::Result<()> {
        frame.send(&mut self.stream)
    }

    /// The socket and what came from it.
    pub(super) fn parts(&mut self) -> (&mut UnixStream, &mut Inbox) {
        (&mut self.stream, &mut self.inbox)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
