//! The servers of a comparison: how they are called, started, placed on cores and got rid of.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::failure::Failure;
use crate::bench::target::{Address, Target};
use crate::bench::template::split_words;

/// How long a server may take to answer its first PING.
const START_LIMIT: Duration = Duration::from_secs(20);
/// The command line that stands for our own echo server.
pub(crate) const ECHO: &str = "echo-server";

/// One server to be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contestant {
    pub(crate) name: String,
    /// Program and first arguments.
    pub(crate) words: Vec<String>,
    /// The option that sets the number of workers, if the program has one.
    pub(crate) workers_option: Option<String>,
}

impl Contestant {
    /// Reads `NAME=COMMAND LINE`, or a command line alone, which is then called `name`.
    pub(crate) fn parse(text: &str, name: &str) -> Result<Contestant, Failure> {
        let (name, line) = match text.split_once('=') {
            Some((name, line))
                if name.chars().all(|letter| letter.is_alphanumeric() || "-_.".contains(letter)) =>
            {
                (name, line)
            }
            _ => (name, text),
        };
        Ok(Contestant { name: name.to_owned(), words: split_words(line)?, workers_option: None })
    }

    /// Whether it only echoes, so that replies say nothing and there is nothing to fill.
    pub(crate) fn echoes(&self) -> bool {
        self.words == [ECHO]
    }
}

/// Which cores the servers and the generator use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// The server on core 0, the generator on core 1.
    Apart,
    /// Wherever the kernel puts them.
    Free,
}

impl Placement {
    /// [`Placement::Apart`] if there are two cores and `taskset` for it.
    pub(crate) fn apart_if_possible() -> Placement {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let taskset = Command::new("taskset").arg("--version").stdout(Stdio::null()).status();
        if cores > 1 && taskset.is_ok_and(|status| status.success()) {
            Placement::Apart
        } else {
            Placement::Free
        }
    }

    /// Moves this process to where the generator belongs.
    pub(crate) fn settle(self, cores: &str) -> Result<(), Failure> {
        let cores = if self == Placement::Apart { "1" } else { cores };
        let pid = process::id().to_string();
        let moved =
            Command::new("taskset").args(["-a", "-c", "-p", cores, &pid]).stdout(Stdio::null()).status();
        match moved {
            Err(error) if self == Placement::Apart => Err(Failure::io("running taskset")(error)),
            _ => Ok(()),
        }
    }
}

/// All cores of this machine in the form `taskset` reads.
pub(crate) fn all_cores() -> String {
    let text = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    let text = text.trim();
    if text.is_empty() { "0-1023".to_owned() } else { text.to_owned() }
}

/// A running server; dropped, it is killed and its folder removed.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) folder: PathBuf,
    pub(crate) target: Target,
}

impl Server {
    /// Starts `contestant` on a port and in a folder of its own and waits until it answers.
    pub(crate) fn start(
        contestant: &Contestant,
        workers: usize,
        placement: Placement,
        extra: &[String],
    ) -> Result<Server, Failure> {
        let port = free_port()?;
        let folder = std::env::temp_dir().join(format!("spinel-bench-{}-{port}", process::id()));
        fs::create_dir_all(&folder).map_err(Failure::io(format!("creating {}", folder.display())))?;
        let mut words = Vec::new();
        if placement == Placement::Apart {
            words.extend(["taskset", "-c", "0"].map(str::to_owned));
        }
        if contestant.echoes() {
            let own = std::env::current_exe().map_err(Failure::io("finding this program"))?;
            words.push(own.to_string_lossy().into_owned());
            words.extend([ECHO.to_owned(), "--port".to_owned(), port.to_string()]);
        } else {
            words.extend(contestant.words.iter().cloned());
            words.extend(standard_arguments(port, &folder));
            if let Some(option) = &contestant.workers_option {
                words.extend([option.clone(), workers.to_string()]);
            }
            words.extend(extra.iter().cloned());
        }
        let doing = format!("starting {}", contestant.name);
        let log = fs::File::create(folder.join("log")).map_err(Failure::io(&doing))?;
        let errors = log.try_clone().map_err(Failure::io(&doing))?;
        let child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(Failure::io(format!("{doing}: {}", words[0])))?;
        let address = Address::Tcp { host: "127.0.0.1".into(), port };
        let target = Target { address, password: None, protocol: 2 };
        let mut server = Server { child, folder, target };
        server.await_answer(&contestant.name)?;
        Ok(server)
    }

    /// The process to watch.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn await_answer(&mut self, name: &str) -> Result<(), Failure> {
        let started = Instant::now();
        loop {
            let answered = self.target.connect().and_then(|mut client| client.call(&["PING"]));
            let Err(failure) = answered else { return Ok(()) };
            let ended = self.child.try_wait().map_err(Failure::io("asking after a server"))?;
            if ended.is_some() || started.elapsed() > START_LIMIT {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(5).collect();
                let tail: Vec<&str> = tail.into_iter().rev().collect();
                let state = ended.map_or_else(|| failure.to_string(), |status| status.to_string());
                return Err(Failure::Server(format!("{name} did not start ({state}):\n{}", tail.join("\n"))));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that is already gone, or a folder that cannot be removed, is no reason to fail a measurement.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What every server is told: its place, and to keep nothing on disk.
fn standard_arguments(port: u16, folder: &std::path::Path) -> Vec<String> {
    let (port, folder) = (port.to_string(), folder.to_string_lossy());
    let pairs: [(&str, &str); 6] = [
        ("--port", &port),
        ("--bind", "127.0.0.1"),
        ("--dir", &folder),
        ("--save", ""),
        ("--appendonly", "no"),
        ("--protected-mode", "no"),
    ];
    pairs.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]).collect()
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(Failure::io("looking for a free port"))?;
    Ok(listener.local_addr().map_err(Failure::io("looking for a free port"))?.port())
}

#[cfg(test)]
mod tests {
    use super::Contestant;

    #[test]
    fn a_name_may_stand_before_the_command_line() {
        let named = Contestant::parse("redis7=/usr/bin/redis-server --io-threads 1", "reference").unwrap();
        assert_eq!(named.name, "redis7");
        assert_eq!(named.words, ["/usr/bin/redis-server", "--io-threads", "1"]);
        let bare = Contestant::parse("/opt/x/server --a=b", "reference").unwrap();
        assert_eq!((bare.name.as_str(), bare.words.len()), ("reference", 2));
        assert!(Contestant::parse("echo=echo-server", "reference").unwrap().echoes());
        assert!(Contestant::parse("x=", "reference").is_err());
    }
}
