//! MIGRATE between processes: to another server of ours, to Redis, and back.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use spinel_oracle::reference::{self, Server};

struct Client(BufReader<TcpStream>);

impl Client {
    fn of(server: &Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port())).expect("the server accepts");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time that is not zero");
        Self(BufReader::new(stream))
    }

    fn send(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).expect("the server reads");
    }

    fn read(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a reply");
        line.trim_end().to_owned()
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(line);
        self.read()
    }
}

fn spinel() -> Server {
    let program = Path::new(env!("CARGO_BIN_EXE_spinel"));
    Server::start(program, &["--threads", "2", "--enable-debug-command", "yes"])
        .unwrap_or_else(|error| panic!("{error}"))
}

fn redis() -> Server {
    Server::start(&reference::redis(), &["--enable-debug-command", "yes"])
        .unwrap_or_else(|error| panic!("{error}"))
}

const FILL: &[&str] = &[
    "SET string some-text",
    "SET number 12345 PX 10000000",
    "RPUSH list a b c 1 2 3",
    "SADD set x y z",
    "SADD integers 1 2 3",
    "HSET hash f v g w",
    "ZADD zset 1 a 2.5 b",
    "SETBIT bits 100000 1",
    "PFADD hll a b c",
];
const KEYS: &str = "string number list set integers hash zset bits hll";

/// Moves everything and looks whether it has become the same there.
fn moves_all(from: &Server, to: &Server) {
    let (mut source, mut target) = (Client::of(from), Client::of(to));
    let digest = source.ask("DEBUG DIGEST");
    let line = format!("MIGRATE 127.0.0.1 {} \"\" 0 5000 KEYS {KEYS} missing", to.port());
    assert_eq!(source.ask(&line), "+OK");
    assert_eq!(source.ask("DBSIZE"), ":0");
    assert_eq!(target.ask("DEBUG DIGEST"), digest);
    assert_eq!(source.ask(&line), "+NOKEY");
}

#[test]
fn values_of_every_type_go_to_redis_to_us_and_back() {
    let (ours, redis, other) = (spinel(), redis(), spinel());
    let mut client = Client::of(&ours);
    for line in FILL {
        assert!(!client.ask(line).starts_with('-'), "{line}");
    }
    moves_all(&ours, &redis);
    moves_all(&redis, &other);
    moves_all(&other, &ours);
}

#[test]
fn errors_are_those_of_redis() {
    let (target, references) = (redis(), [spinel(), redis()]);
    let mut there = Client::of(&target);
    assert_eq!(there.ask("SET taken x"), "+OK");
    let port = target.port();
    let lines = [
        format!("MIGRATE 127.0.0.1 {port} taken 0 1000"),
        format!("MIGRATE 127.0.0.1 {port} taken 99 1000"),
        format!("MIGRATE 127.0.0.1 {port} taken 0 1000 AUTH secret"),
        format!("MIGRATE 127.0.0.1 {port} taken 0 1000 AUTH2 nobody secret"),
        "MIGRATE 127.0.0.1 1 taken 0 1000".to_owned(),
        format!("MIGRATE 127.0.0.1 {port} taken 0 1000 KEYS a"),
        format!("MIGRATE 127.0.0.1 {port} taken 0 x"),
        format!("MIGRATE 127.0.0.1 {port} nothing 0 1000"),
        format!("MIGRATE 127.0.0.1 {port} taken 0 -5 COPY REPLACE"),
        "EXISTS taken".to_owned(),
        format!("MIGRATE 127.0.0.1 {port} taken 0 1000 REPLACE"),
        "EXISTS taken".to_owned(),
    ];
    let said = references.map(|server| {
        let mut client = Client::of(&server);
        assert_eq!(client.ask("SET taken y"), "+OK");
        lines.iter().map(|line| client.ask(line)).collect::<Vec<_>>()
    });
    assert_eq!(said[0], said[1]);
}

#[test]
fn writers_of_a_key_wait_for_a_target_that_does_not_answer_and_others_do_not() {
    let ours = spinel();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("it has one").port();
    let (mut mover, mut writer, mut other) = (Client::of(&ours), Client::of(&ours), Client::of(&ours));
    assert_eq!(mover.ask("SET a 1"), "+OK");
    mover.send(&format!("MIGRATE 127.0.0.1 {port} a 0 300"));
    let (_link, _) = silent.accept().expect("it connects");
    writer.send("APPEND a 2");
    assert_eq!(other.ask("STRLEN a"), ":1");
    assert_eq!(mover.read(), "-IOERR error or timeout reading to target instance");
    assert_eq!(writer.read(), ":2");
}
