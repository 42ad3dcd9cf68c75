//! The server as a process on files that stay.

use super::Options;
use crate::client::Client;
use spinel_resp::Value;
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long loading may take.
const LOAD_LIMIT: Duration = Duration::from_secs(60);
/// Time between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A running server.
pub(super) struct Process {
    child: Child,
    port: u16,
    log: std::path::PathBuf,
}

impl Process {
    pub(super) fn spawn(options: &Options) -> io::Result<Process> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        // Beside the folder, which may lose its disk.
        let log = std::env::temp_dir().join(format!("spinel-crash-{}.log", std::process::id()));
        let output = File::create(&log)?;
        let child = Command::new(&options.program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(&options.folder)
            .args(["--appendonly", "yes", "--appendfsync", &options.appendfsync])
            .args(["--auto-aof-rewrite-min-size", "1mb"])
            .args(&options.server_args)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Process { child, port, log })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Waits until commands are served.
    pub(super) fn wait_until_loaded(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + LOAD_LIMIT;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failed(&format!("it ended with {status}")));
            }
            let reply = Client::connect(self.port).and_then(|mut client| client.call(&["DBSIZE"]));
            match reply {
                Ok(Value::Integer(_)) => return Ok(()),
                _ if Instant::now() > deadline => return Err(self.failed("it does not get ready")),
                _ => std::thread::sleep(LOOK_AGAIN),
            }
        }
    }

    fn failed(&self, what: &str) -> io::Error {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = text.lines().collect();
        io::Error::other(format!("{what}:\n{}", lines[lines.len().saturating_sub(30)..].join("\n")))
    }

    /// Lets all its threads stand still.
    pub(super) fn stop(&self) -> io::Result<()> {
        shell(&format!("kill -STOP {}", self.child.id()))
    }

    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that was killed cannot be killed again, and its log is a temporary file.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}

/// Runs a command by the shell.
pub(super) fn shell(command: &str) -> io::Result<()> {
    let status = Command::new("sh").args(["-c", command]).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("'{command}' ended with {status}"))) }
}
