//! Atomic scripts that are killed, and servers that are, in the middle of one.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use spinel_oracle::reference::Server;

/// Whatever takes longer than this is broken, even on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(30);
/// Writes to keys of many shards, and goes on for ever.
const ENDLESS: &str = r##"EVAL "#!lua flags=atomic\nfor i = 1, 200 do redis.call('INCR', 'a' .. i) end redis.call('FLUSHDB') redis.call('SET', 'b', 1) while true do end" 0"##;

struct Client(BufReader<TcpStream>);

impl Client {
    fn of(server: &Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port())).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
        Self(BufReader::new(stream))
    }

    fn send(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).expect("the server reads");
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(line);
        let mut reply = String::new();
        self.0.read_line(&mut reply).expect("a reply");
        reply.trim_end().to_owned()
    }
}

fn spinel(dir: &Path) -> Server {
    let program = Path::new(env!("CARGO_BIN_EXE_spinel"));
    let dir = dir.to_str().expect("a path of plain letters");
    let args = ["--threads", "4", "--shards", "64", "--appendonly", "yes", "--appendfsync", "always"];
    let limits = ["--busy-reply-threshold", "50", "--enable-debug-command", "yes", "--dir", dir];
    Server::start(program, &[&args[..], &limits].concat()).unwrap_or_else(|error| panic!("{error}"))
}

/// Waits until the server has made or loaded its log.
fn await_loaded(client: &mut Client) {
    let start = Instant::now();
    while client.ask("PING").starts_with("-LOADING ") {
        assert!(start.elapsed() < PATIENCE, "it does not load");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until the server says that it is busy with a script: that one has written by then.
fn await_busy(client: &mut Client) {
    let start = Instant::now();
    while !client.ask("DBSIZE").starts_with("-BUSY ") {
        assert!(start.elapsed() < PATIENCE, "no script runs");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn fill(client: &mut Client) -> String {
    for n in 1..=300 {
        assert_eq!(client.ask(&format!("SET a{n} {n}")), "+OK");
    }
    client.ask("DEBUG DIGEST")
}

#[test]
fn an_atomic_script_that_has_written_is_killed_and_nothing_is_left_of_it_in_memory_or_in_the_log() {
    let dir = own_directory();
    let digest;
    {
        let server = spinel(&dir);
        let (mut client, mut running) = (Client::of(&server), Client::of(&server));
        await_loaded(&mut client);
        digest = fill(&mut client);
        running.send(ENDLESS);
        await_busy(&mut client);
        assert_eq!(client.ask("SCRIPT KILL"), "+OK");
        let reply = running.ask("PING");
        assert!(reply.starts_with("-ERR Script killed by user"), "{reply}");
        assert_eq!(client.ask("DEBUG DIGEST"), digest);
        // And again, with the process.
        running.send(ENDLESS);
        let mut other = Client::of(&server);
        await_busy(&mut other);
        // Which is not asked to end, but killed, when it goes out of scope.
    }
    let server = spinel(&dir);
    let mut client = Client::of(&server);
    await_loaded(&mut client);
    assert_eq!(client.ask("DEBUG DIGEST"), digest);
    assert_eq!(client.ask("DBSIZE"), ":300");
    drop(server);
    std::fs::remove_dir_all(&dir).expect("it was made");
}

/// A directory of this test.
fn own_directory() -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("spinel-atomic-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory for temporary files");
    dir
}
