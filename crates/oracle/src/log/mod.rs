//! Logs that cross over: ours are checked and loaded by the reference, those of the reference by us, and what our check
//! says of broken files is compared with what the reference's tool says.
//!
//! This is the one part of the crate that uses a part of the server, the log, since that is what it witnesses. Backups are
//! taken by a whole server.

mod backups;
mod broken;
mod ours;
mod theirs;

use crate::client::Client;
use crate::reference::Server;
use spinel_resp::Value;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The name all files of a log begin with.
const FILE: &str = "appendonly.aof";
/// The folder of a log.
const FOLDER: &str = "appendonlydir";

/// How long the reference may load.
const LOADING_LIMIT_MS: u32 = 10_000;

/// What was found: for each thing that should be equal, its name, how many were compared, and what differs.
pub type Findings = Vec<(&'static str, usize, Vec<String>)>;

/// The reference, and a folder to work in.
#[derive(Debug)]
pub struct Workshop {
    server: PathBuf,
    /// Spinel, for what only the whole of it does.
    subject: Option<PathBuf>,
    home: PathBuf,
}

impl Workshop {
    /// Works with the reference server at `server`, in a new temporary folder; with Spinel at `subject`, files are
    /// converted, too.
    ///
    /// # Errors
    /// When there can be no such folder.
    pub fn new(server: &Path, subject: Option<&Path>) -> io::Result<Workshop> {
        let home = std::env::temp_dir().join(format!("spinel-oracle-log-{}", std::process::id()));
        std::fs::create_dir_all(&home)?;
        Ok(Workshop { server: server.to_path_buf(), subject: subject.map(Path::to_path_buf), home })
    }

    /// Compares everything.
    ///
    /// # Errors
    /// When a server or the disk fails.
    pub fn run(&self) -> io::Result<Findings> {
        let mut findings = Findings::new();
        for (name, witness) in [
            (
                "logs of ours that were closed",
                ours::closed as fn(&Workshop) -> io::Result<(usize, Vec<String>)>,
            ),
            ("logs of ours that were interrupted", ours::interrupted),
            ("logs of ours with a base and history", ours::rewritten),
            ("logs of the reference", theirs::written),
            ("manifests of the reference", theirs::manifests),
            ("what is said of broken files", broken::compared),
        ] {
            let (compared, differences) = witness(self)?;
            findings.push((name, compared, differences));
        }
        if let Some(subject) = &self.subject {
            let (compared, differences) = backups::taken(self, subject)?;
            findings.push(("backups of ours", compared, differences));
            let (compared, differences) = crate::foreign::convert_with(&self.server, subject)?;
            findings.push(("files of the reference, converted there and back", compared, differences));
        }
        Ok(findings)
    }

    /// An empty folder.
    fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.home.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// What the reference's tool says of a file, and whether it is content.
    fn check(&self, file: &Path, option: Option<&str>, answer: &[u8]) -> io::Result<(bool, String)> {
        let words: Vec<&str> = option.into_iter().collect();
        self.tool(file, &words, answer)
    }

    /// What the reference's tool says when it cuts a file at a point in time.
    fn check_to(&self, file: &Path, seconds: i64) -> io::Result<(bool, String)> {
        self.tool(file, &["--truncate-to-timestamp", &seconds.to_string()], b"")
    }

    fn tool(&self, file: &Path, options: &[&str], answer: &[u8]) -> io::Result<(bool, String)> {
        let mut command = Command::new(&self.server);
        // The server is the tool when it is called so.
        command.arg0("redis-check-aof").args(options).arg(file);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // It ends before it reads the answer, unless it asks.
            let _ = io::Write::write_all(&mut stdin, answer);
        }
        let output = child.wait_with_output()?;
        Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// The reference with the log in `folder`.
    fn serve(&self, folder: &Path, args: &[&str]) -> io::Result<(Server, Client)> {
        self.serve_by(&self.server, folder, args)
    }

    /// A server with the log in `folder`.
    fn serve_by(&self, program: &Path, folder: &Path, args: &[&str]) -> io::Result<(Server, Client)> {
        let dir = folder.to_string_lossy().into_owned();
        let mut all = vec!["--dir", &dir, "--appendonly", "yes", "--appendfsync", "no"];
        all.extend_from_slice(args);
        let server = Server::start(program, &all).map_err(io::Error::other)?;
        let mut client = Client::connect(server.port())?;
        for _ in 0..LOADING_LIMIT_MS {
            match client.call(&["PING"])? {
                Value::SimpleString(_) => return Ok((server, client)),
                _ => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        Err(io::Error::other(format!("the server does not load the log:\n{}", server.log_tail())))
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // A folder that stays behind is a temporary one.
        let _ = std::fs::remove_dir_all(&self.home);
    }
}
