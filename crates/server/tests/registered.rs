//! Registered scripts in files: through kills, rewrites and snapshots, beside other servers, and damaged.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use spinel_oracle::reference::{self, Server, StartError};

/// Whatever takes longer than this is broken, even on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(30);
const LOG: [&str; 2] = ["--appendonly", "yes"];
/// Only registered scripts run, and nobody may register any.
const CLOSED: [&str; 4] = ["--script-mode", "registered", "--enable-script-register", "no"];

/// A folder that servers work in, one after the other.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("spinel-registered-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }

    fn try_start(&self, program: &Path, args: &[&[&str]]) -> Result<Server, StartError> {
        let dir = self.0.to_string_lossy().into_owned();
        let args = [&["--dir", &dir][..], &args.concat()].concat();
        Server::start(program, &args)
    }

    fn start(&self, args: &[&[&str]]) -> (Server, Client) {
        let server = self.try_start(spinel(), args).unwrap_or_else(|error| panic!("{error}"));
        let client = Client::of(&server);
        (server, client)
    }

    /// What the log says of a server that does not start.
    fn refusal(&self, args: &[&[&str]]) -> String {
        match self.try_start(spinel(), args) {
            Err(StartError::Ended(_, log)) => log,
            // It listens before it loads.
            Ok(mut server) => {
                let status = server.wait().expect("a process that ends");
                assert!(!status.success());
                server.log_tail()
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// The only file whose name ends so.
    fn file(&self, folder: &str, end: &str) -> PathBuf {
        let names =
            fs::read_dir(self.0.join(folder)).expect("a folder").map(|entry| entry.expect("a file").path());
        let mut found: Vec<PathBuf> = names.filter(|path| path.to_string_lossy().ends_with(end)).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn spinel() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_spinel"))
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn of(server: &Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port())).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
        let mut client = Self(BufReader::new(stream));
        let deadline = Instant::now() + PATIENCE;
        while client.ask(&["PING"]) != "+PONG" {
            assert!(Instant::now() < deadline, "the server loads for ever");
            std::thread::sleep(Duration::from_millis(10));
        }
        client
    }

    /// A status, an error, a number or the bytes of a string.
    fn ask(&mut self, words: &[&str]) -> String {
        let mut command = format!("*{}\r\n", words.len());
        words.iter().for_each(|word| command += &format!("${}\r\n{word}\r\n", word.len()));
        self.0.get_mut().write_all(command.as_bytes()).expect("the server reads");
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a reply");
        let line = line.trim_end().to_owned();
        let Some(length) = line.strip_prefix('$').and_then(|length| length.parse::<usize>().ok()) else {
            return line;
        };
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes).expect("the rest of the reply");
        String::from_utf8(bytes[..length].to_vec()).expect("a text")
    }

    /// Asks until the reply holds a text.
    fn ask_until(&mut self, words: &[&str], text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reply = self.ask(words);
            if reply.contains(text) {
                return;
            }
            assert!(Instant::now() < deadline, "{words:?}: {reply}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn rewrite(&mut self) {
        assert!(self.ask(&["BGREWRITEAOF"]).starts_with('+'));
        self.ask_until(&["INFO", "persistence"], "aof_rewrite_in_progress:0\r\n");
        self.ask_until(&["INFO", "persistence"], "aof_last_bgrewrite_status:ok");
    }
}

const OLD: &str = "return 'old'";
const NEW: &str = "#!lua flags=no-writes\n-- \u{e4}\u{1F600} 'quoted' \\ #SPINEL-NOTE:.:\nreturn redis.call('GET', KEYS[1])";

/// A script that takes some hundred lines of the log.
fn long() -> String {
    format!("local text = '{}'\nreturn #text", "0123456789\u{e4}".repeat(20_000))
}

/// Registers some scripts, and removes one; the digest of that.
fn register(client: &mut Client) -> String {
    let old = client.ask(&["SCRIPT", "REGISTER", "pay", "1", OLD]);
    assert_eq!(old.len(), 40, "{old}");
    assert_eq!(client.ask(&["SET", "k", "value"]), "+OK");
    assert_eq!(client.ask(&["SCRIPT", "REGISTER", "pay", "2", NEW]).len(), 40);
    assert_eq!(client.ask(&["SCRIPT", "REGISTER", "long", "1", &long()]).len(), 40);
    assert_eq!(client.ask(&["SCRIPT", "UNREGISTER", "pay", "1"]), ":1");
    old
}

/// The scripts of [`register`] are there, and no others.
fn check(client: &mut Client, gone: &str) {
    assert_eq!(client.ask(&["EVALSHA", "pay", "1", "k"]), "value");
    assert_eq!(client.ask(&["EVALSHA", "pay@2", "1", "k"]), "value");
    assert_eq!(client.ask(&["EVALSHA", "long", "0"]), ":240000");
    for word in ["pay@1", gone] {
        assert!(client.ask(&["EVALSHA", word, "0"]).starts_with("-NOSCRIPT"), "{word}");
    }
    assert_eq!(client.ask(&["SCRIPT", "REGISTERED"]), "*2");
}

#[test]
fn registered_scripts_outlive_kills_rewrites_and_restarts_in_every_file() {
    let home = Home::new();
    let (server, mut client) = home.start(&[&LOG]);
    let gone = register(&mut client);
    drop(server);
    // The log alone.
    let (server, mut client) = home.start(&[&LOG, &CLOSED]);
    check(&mut client, &gone);
    for (words, error) in [
        (&["EVAL", "return 1", "0"][..], "-NOPERM Only registered scripts run here"),
        (&["SCRIPT", "LOAD", OLD], "-NOPERM Only registered scripts run here"),
        (&["SCRIPT", "REGISTER", "a", "1", OLD], "-NOPERM Registering scripts is not allowed"),
    ] {
        let mut other = Client::of(&server);
        let said = other.ask(words);
        assert!(said.starts_with(error), "{said}");
    }
    let log = server.log_tail();
    assert!(log.contains("Refused: EVAL by default at 127.0.0.1:"), "{log}");
    assert!(log.contains("Refused: SCRIPT LOAD by") && log.contains("Refused: SCRIPT REGISTER by"), "{log}");
    // A base in the format of snapshots, then one of commands.
    let mut client = Client::of(&server);
    client.rewrite();
    drop(server);
    let (server, mut client) = home.start(&[&LOG, &CLOSED, &["--aof-use-rdb-preamble", "no"]]);
    check(&mut client, &gone);
    let mut client = Client::of(&server);
    client.rewrite();
    drop(server);
    let base = fs::read(home.file("appendonlydir", ".base.aof")).expect("a base of commands");
    assert!(String::from_utf8_lossy(&base).contains("#SPINEL-NOTE:"));
    let (server, mut client) = home.start(&[&LOG, &CLOSED]);
    check(&mut client, &gone);
    let mut client = Client::of(&server);
    assert_eq!(client.ask(&["SAVE"]), "+OK");
    drop(server);
    // A snapshot alone.
    let (_server, mut client) = home.start(&[&CLOSED]);
    check(&mut client, &gone);
}

#[test]
fn other_servers_load_files_with_registered_scripts() {
    let home = Home::new();
    let (server, mut client) = home.start(&[&LOG, &["--aof-use-rdb-preamble", "no"]]);
    register(&mut client);
    let mut client = Client::of(&server);
    client.rewrite();
    register(&mut client);
    assert_eq!(client.ask(&["SAVE"]), "+OK");
    drop(server);
    for args in [&LOG[..], &["--appendonly", "no"]] {
        let theirs = home.try_start(&reference::redis(), &[args]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Client::of(&theirs).ask(&["GET", "k"]), "value");
    }
}

#[test]
fn damaged_files_are_refused() {
    let home = Home::new();
    let (server, mut client) = home.start(&[&LOG, &["--appendfsync", "always"]]);
    register(&mut client);
    let mut client = Client::of(&server);
    assert_eq!(client.ask(&["SAVE"]), "+OK");
    drop(server);
    let damage = |path: &Path, text: &[u8]| {
        let mut bytes = fs::read(path).expect("a file");
        let at = bytes.windows(text.len()).position(|found| found == text).expect("the text is in the file");
        bytes[at] ^= 1;
        fs::write(path, bytes).expect("a file");
    };
    let snapshot = home.0.join("dump.rdb");
    damage(&snapshot, b"redis.call('GET'");
    let log = home.refusal(&[&["--rdbchecksum", "no"]]);
    assert!(log.contains("RDB field spinel-script cannot be read: its checksum is wrong"), "{log}");
    let increment = home.file("appendonlydir", ".incr.aof");
    damage(&increment, b"redis.call('GET'");
    let log = home.refusal(&[&LOG]);
    assert!(log.contains("Bad file format reading the append only file"), "{log}");
    // Without the seals of batches the note proves itself.
    let bytes = fs::read(&increment).expect("a file");
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#SPINEL:1:"));
    fs::write(&increment, lines.collect::<Vec<_>>().concat()).expect("a file");
    let log = home.refusal(&[&LOG]);
    assert!(log.contains("A registered script cannot be read: its checksum is wrong"), "{log}");
}

#[test]
fn a_broken_file_of_the_directory_keeps_the_server_from_starting() {
    let home = Home::new();
    let scripts = home.0.join("approved");
    fs::create_dir(&scripts).expect("a folder");
    fs::write(scripts.join("sum@3.lua"), "return 1 + 2").expect("a file");
    let directory = ["--script-directory", "approved"];
    let (server, mut client) = home.start(&[&CLOSED, &directory]);
    assert_eq!(client.ask(&["EVALSHA", "sum", "0"]), ":3");
    assert_eq!(
        client.ask(&["CONFIG", "SET", "script-mode", "any"]),
        "-ERR CONFIG SET failed (possibly related to argument 'script-mode') - can't set immutable config"
    );
    drop(server);
    fs::write(scripts.join("broken.lua"), "local x = 1\nreturn return").expect("a file");
    let log = home.refusal(&[&CLOSED, &directory]);
    assert!(log.contains("approved/broken.lua:2: "), "{log}");
}
