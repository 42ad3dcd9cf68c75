//! Server processes for tests: started on a free port in a directory of their own, killed when dropped.
//!
//! The reference and Spinel are started by the same lines, since both take redis-server's command line.

use std::fs::{File, TryLockError};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take until it accepts connections.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How many ports are tried, when another process takes the chosen one first.
const PORT_ATTEMPTS: usize = 5;

/// The reference server: where `SPINEL_REFERENCE` says, which the test run sets, or the one on the search path.
#[must_use]
pub fn redis() -> PathBuf {
    std::env::var_os("SPINEL_REFERENCE").map_or_else(|| PathBuf::from("redis-server"), PathBuf::from)
}

/// Why a server is not there.
#[derive(Debug)]
pub enum StartError {
    /// The program or its directory cannot be used: check the path and the rights.
    Io(PathBuf, io::Error),
    /// It ended at once; the end of its log says why.
    Ended(PathBuf, String),
    /// It runs but accepts no connection.
    Silent(PathBuf, String),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::Io(program, error) => write!(f, "cannot start {}: {error}", program.display()),
            StartError::Ended(program, log) => write!(f, "{} ended at once:\n{log}", program.display()),
            StartError::Silent(program, log) => write!(f, "{} accepts nothing:\n{log}", program.display()),
        }
    }
}

impl std::error::Error for StartError {}

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: Port,
    home: PathBuf,
}

/// A local port that no other server started from here listens on, in whatever process of the tests. Without that a server
/// could take the port between its choice and its use, and would be taken for the one that could not have it.
#[derive(Debug)]
struct Port {
    number: u16,
    /// Locked as long as this lives.
    _lock: File,
}

impl Port {
    fn choose() -> io::Result<Self> {
        loop {
            let number = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            let lock = File::create(Self::path(number))?;
            match lock.try_lock() {
                Ok(()) => return Ok(Self { number, _lock: lock }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    fn path(number: u16) -> PathBuf {
        std::env::temp_dir().join(format!("spinel-oracle-port-{number}"))
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // A file that stays behind is an empty one.
        let _ = std::fs::remove_file(Self::path(self.number));
    }
}

impl Server {
    /// Starts `program` on a free local port with further arguments, without any persistence.
    ///
    /// # Errors
    /// When it does not start or accepts no connection within 20 seconds.
    pub fn start(program: &Path, args: &[&str]) -> Result<Server, StartError> {
        Self::start_from(program, None, args)
    }

    /// Starts `program` likewise with a configuration file, which the arguments override.
    ///
    /// # Errors
    /// Those of [`start`](Self::start).
    pub fn start_from(program: &Path, file: Option<&Path>, args: &[&str]) -> Result<Server, StartError> {
        let io_error = |error| StartError::Io(program.to_path_buf(), error);
        let mut last = None;
        for _ in 0..PORT_ATTEMPTS {
            let home = make_home().map_err(io_error)?;
            let port = Port::choose().map_err(io_error)?;
            let child = match spawn((program, file), args, port.number, &home) {
                Ok(child) => child,
                Err(error) => {
                    // A directory that stays behind is a temporary one.
                    let _ = std::fs::remove_dir_all(&home);
                    return Err(io_error(error));
                }
            };
            let mut server = Server { child, port, home };
            match server.wait_for_start(program) {
                Ok(()) => return Ok(server),
                Err(error) => last = Some(error),
            }
        }
        Err(last.expect("at least one port was tried"))
    }

    /// The local port it listens on.
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When the system does not say how it ended.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let log = std::fs::read(self.home.join("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    fn wait_for_start(&mut self, program: &Path) -> Result<(), StartError> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let ended =
                self.child.try_wait().map_err(|error| StartError::Io(program.to_path_buf(), error))?;
            if ended.is_some() {
                return Err(StartError::Ended(program.to_path_buf(), self.log_tail()));
            }
            if TcpStream::connect(("127.0.0.1", self.port.number)).is_ok() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(StartError::Silent(program.to_path_buf(), self.log_tail()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that ended by itself cannot be killed, and a directory that stays behind is a temporary one.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn make_home() -> io::Result<PathBuf> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let home = std::env::temp_dir().join(format!("spinel-oracle-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&home)?;
    Ok(home)
}

fn spawn(
    (program, file): (&Path, Option<&Path>),
    args: &[&str],
    port: u16,
    home: &Path,
) -> io::Result<Child> {
    let log = File::create(home.join("log"))?;
    Command::new(program)
        .args(file)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(home)
        .args(args)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

#[cfg(test)]
mod tests {
    use super::{Server, StartError};
    use std::path::Path;

    #[test]
    fn a_program_that_is_missing_or_ends_is_an_error() {
        let missing = Server::start(Path::new("/nonexistent/server"), &[]);
        assert!(matches!(missing, Err(StartError::Io(..))));
        let ended = Server::start(Path::new("/bin/false"), &[]);
        assert!(matches!(ended, Err(StartError::Ended(..))));
    }
}
