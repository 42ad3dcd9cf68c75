//! The servers, what their versions can do, and how they are started on a folder.

use crate::client::Client;
use crate::reference::Server;
use spinel_resp::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a server may load.
const LOADING_LIMIT_MS: u32 = 20_000;
/// Databases of every server here; values lie in some of them.
const DATABASES: &str = "20";

/// A version, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

/// A server of somebody else's.
#[derive(Clone, Debug)]
pub struct Foreign {
    path: PathBuf,
    text: String,
    is_valkey: bool,
    version: Version,
}

impl Foreign {
    /// The server at `path`, which says its version.
    ///
    /// # Errors
    /// When it cannot be run, or says none.
    pub fn new(path: &Path) -> io::Result<Self> {
        let output = Command::new(path).arg("--version").output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let word = said.split_whitespace().find_map(|word| word.strip_prefix("v="));
        let text = word.ok_or_else(|| io::Error::other(format!("{}: {said}", path.display())))?;
        let mut numbers = text.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        let version = Version(numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let is_valkey = said.to_ascii_lowercase().starts_with("valkey");
        Ok(Self { path: path.to_path_buf(), text: text.to_owned(), is_valkey, version })
    }

    /// As it is called in findings.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", if self.is_valkey { "Valkey" } else { "Redis" }, self.text)
    }

    /// The program.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration file of the package that it was unpacked from, if it was.
    pub(super) fn packaged_configuration(&self) -> Option<PathBuf> {
        let place = self.path.parent()?.parent()?;
        let name = if self.is_valkey { "valkey" } else { "redis" };
        let file = place.join(format!("tree/etc/{name}/{name}.conf"));
        file.exists().then_some(file)
    }

    /// Whether its version is at least this one of Redis; Valkey began as 7.2.
    pub(super) fn is_at_least(&self, major: u32, minor: u32) -> bool {
        if self.is_valkey { (7, 2) >= (major, minor) } else { self.version >= Version(major, minor) }
    }

    /// The versions of RDB files that we write and it reads.
    pub(super) fn rdb_versions(&self) -> &'static [&'static str] {
        if self.is_valkey {
            return if self.version.0 >= 9 { &["9", "10", "11", "80"] } else { &["9", "10", "11"] };
        }
        match self.version {
            Version(..=4, _) => &[],
            Version(5..=6, _) => &["9"],
            Version(7, 0..=1) => &["9", "10"],
            Version(7, 2..=3) => &["9", "10", "11"],
            Version(..) => &["9", "10", "11", "12"],
        }
    }

    /// Whether its digests go over the same texts of scores as those of Redis 7.0: 17 digits, where later servers take
    /// the shortest text.
    pub(super) fn digests_scores_as_we_do(&self) -> bool {
        !self.is_valkey && self.version < Version(8, 0)
    }

    /// Whether its streams remember what producers said.
    pub(super) fn has_producers(&self) -> bool {
        !self.is_valkey && self.version >= Version(8, 6)
    }

    /// Starts it on a folder.
    ///
    /// # Errors
    /// When it does not start or load what is there.
    pub(super) fn serve(&self, folder: &Path, args: &[&str]) -> Result<(Server, Client), String> {
        let mut all = vec!["--databases", DATABASES];
        if self.is_at_least(7, 0) {
            all.extend(["--enable-debug-command", "yes"]);
        }
        all.extend_from_slice(args);
        serve(&self.path, folder, &all)
    }
}

/// Starts Spinel on a folder, which it is not to load if a command of a log fails.
///
/// # Errors
/// When it does not start or load what is there.
pub(super) fn serve_spinel(spinel: &Path, folder: &Path, args: &[&str]) -> Result<(Server, Client), String> {
    let mut all = vec!["--databases", DATABASES, "--enable-debug-command", "yes"];
    all.extend(["--propagation-error-behavior", "panic"]);
    all.extend_from_slice(args);
    serve(spinel, folder, &all)
}

fn serve(program: &Path, folder: &Path, args: &[&str]) -> Result<(Server, Client), String> {
    let dir = folder.to_string_lossy().into_owned();
    let mut all = vec!["--dir", &dir];
    all.extend_from_slice(args);
    let server = Server::start(program, &all).map_err(|error| error.to_string())?;
    let mut client = Client::connect(server.port()).map_err(|error| error.to_string())?;
    for _ in 0..LOADING_LIMIT_MS {
        // PING may be answered meanwhile.
        match client.call(&["INFO", "persistence"]) {
            Ok(reply) if says_it_is_loaded(&reply) => return Ok((server, client)),
            Ok(_) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => return Err(format!("it ended while loading: {error}\n{}", server.log_tail())),
        }
    }
    Err(format!("it does not load:\n{}", server.log_tail()))
}

fn says_it_is_loaded(info: &Value) -> bool {
    info.as_bytes().is_some_and(|info| String::from_utf8_lossy(info).contains("\nloading:0"))
}

/// Sends a command that must succeed.
///
/// # Errors
/// When the connection fails or the server refuses it.
pub(super) fn ask(client: &mut Client, words: &[&[u8]]) -> io::Result<Value> {
    match client.call(words)? {
        Value::Error(text) => {
            let text = String::from_utf8_lossy(&text).into_owned();
            Err(io::Error::other(format!("{} answers {text}", words[0].escape_ascii())))
        }
        reply => Ok(reply),
    }
}

/// Ends a server without saving.
///
/// # Errors
/// When the connection fails.
pub(super) fn end(mut server: Server, mut client: Client) -> io::Result<()> {
    client.queue(&["SHUTDOWN", "NOSAVE"]);
    client.flush()?;
    server.wait().map(drop)
}
