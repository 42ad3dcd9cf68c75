//! What the journal records rebuilds the data set.

use std::time::Duration;

use spinel_oracle::compare::elements;
use spinel_oracle::generate::{FAMILIES, Generator, NEWER};
use spinel_testkit::{TestClient, TestServer};

/// Runs what a server recorded on an empty one of another shape.
fn rebuilt(server: &TestServer, later: Duration) -> TestServer {
    let copy = TestServer::sized(16, 2);
    copy.advance(later);
    let client = copy.connect();
    let mut selected = 0;
    for entry in server.journal() {
        if entry.db.0 != selected {
            selected = entry.db.0;
            client.send(&format!("SELECT {selected}"));
        }
        let _ = client.read();
        let reply = client.run_words(&entry.words);
        assert!(!reply.starts_with('-'), "{}: {reply}", entry.text());
        assert!(!client.is_waiting(), "{} waits", entry.text());
    }
    copy
}

/// Contents of all databases, and when each key of the first two expires.
fn picture(server: &TestServer) -> Vec<String> {
    let client = server.connect();
    let mut picture = vec![client.run("DEBUG DIGEST")];
    for db in 0..2 {
        client.send(&format!("SELECT {db}"));
        let _ = client.read();
        client.send("KEYS *");
        let reply = client.read_bytes();
        let mut keys: Vec<&[u8]> = elements(&reply).into_iter().map(content).collect();
        keys.sort_unstable();
        for key in keys {
            let time = client.run_words([b"PEXPIRETIME", key]);
            picture.push(format!("{db} {} {time}", key.escape_ascii()));
        }
    }
    picture
}

/// The bytes of an encoded string.
fn content(string: &[u8]) -> &[u8] {
    let start = string.iter().position(|&byte| byte == b'\n').expect("a header") + 1;
    &string[start..string.len() - 2]
}

fn send_all(client: &TestClient, lines: &[&str]) {
    for line in lines {
        client.send(line);
        let reply = client.read();
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
}

/// Commands of every family, among them all that choose at random or depend on the time.
const SCRIPT: &[&str] = &[
    "SET a 1 EX 100",
    "SETEX b 50 x",
    "PSETEX c 70000 x",
    "SET d x PX 1",
    "GETEX a PX 90000",
    "INCRBYFLOAT f 0.1",
    "INCRBYFLOAT f 0.2",
    "APPEND f 0",
    "SETRANGE g 5 x",
    "MSETNX m 1 n 2",
    "EXPIRE m 1000",
    "EXPIREAT n 1800000000",
    "PEXPIRE n 5000 XX",
    "RPUSH l 1 2 3 4 5 6",
    "LINSERT l BEFORE 3 x",
    "LMPOP 2 none l RIGHT COUNT 2",
    "RPOPLPUSH l l2",
    "HSET h a 1 b 2 c 3",
    "HINCRBYFLOAT h a 1.5",
    "SADD s 1 2 3 4 5 6 7 8",
    "SPOP s",
    "SPOP s 3",
    "SMOVE s s2 1",
    "SADD t x y z",
    "SPOP t 100",
    "SDIFFSTORE s3 s s2",
    "ZADD z 1 a 2 b 3 c 4 d",
    "ZINCRBY z 0.1 a",
    "ZPOPMAX z",
    "ZMPOP 1 z MIN",
    "ZUNIONSTORE z2 2 z s WEIGHTS 2 3",
    "ZRANGESTORE z3 z2 0 1",
    "MSET w2 5 w3 4 w4 3 w5 2 w6 1",
    "SORT l BY w* STORE sorted",
    "SORT s BY nosort GET # GET w* STORE sorted2",
    "GEOADD geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
    "GEOSEARCHSTORE near geo FROMMEMBER Catania BYRADIUS 200 km STOREDIST",
    "GEORADIUS geo 15 37 100 km STORE nearer",
    "SET a3 1 IFNE 0",
    "SET a3 2 IFEQ 1 PX 900000",
    "MSETEX 2 a4 1 a5 2 EX 1000",
    "DELEX a4 IFEQ 1",
    "INCREX a5 BYFLOAT 0.5 UBOUND 2 SATURATE",
    "INCREX a6 BYINT 7 EX 1000 ENX",
    "RPUSH l4 1 2 3 4",
    "LMOVEM l4 l5 LEFT RIGHT COUNT 3 BULK",
    "LMOVEM l5 l5 LEFT LEFT COUNT 2 OBO",
    "COPY a a2",
    "COPY z z DB 1",
    "RENAME b b2",
    "MOVE h 1",
    "SWAPDB 0 1",
    "SELECT 1",
    "UNLINK s3",
    "GETDEL f",
    "PERSIST n",
    "EXPIRE l -1",
];

#[test]
fn the_recorded_commands_rebuild_the_data_set() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let client = server.connect();
        send_all(&client, SCRIPT);
        server.advance(Duration::from_millis(5));
        server.upkeep();
        let copy = rebuilt(&server, Duration::from_secs(3));
        assert_eq!(picture(&copy), picture(&server));
    }
}

#[test]
fn whatever_was_done_is_rebuilt_from_the_record() {
    const STEPS: usize = 3_000;
    let families = FAMILIES.iter().chain(NEWER.iter().map(|newer| &newer.family));
    for (seed, family) in (1..).zip(families) {
        let server = TestServer::sized(64, 4);
        let mut clients = [server.connect(), server.connect()];
        let mut generator = Generator::new(family, seed);
        let steps = std::iter::repeat_with(|| generator.next_steps()).flatten();
        for step in steps.take(STEPS) {
            let client = &mut clients[step.connection];
            let _ = client.run_words(&step.words);
            if client.is_waiting() {
                server.advance(Duration::from_millis(2));
            }
            if client.is_closed() {
                *client = server.connect();
            }
        }
        drop(clients);
        assert!(!server.journal().is_empty());
        let copy = rebuilt(&server, Duration::ZERO);
        assert_eq!(picture(&copy), picture(&server), "family {}", family.name);
    }
}

#[test]
fn random_choices_and_relative_times_are_recorded_as_what_came_of_them() {
    let server = TestServer::new();
    let client = server.connect();
    send_all(&client, &["SADD s a", "SPOP s", "SET k v EX 100", "EXPIRE k 5", "GETEX k PX 7", "SETEX k 1 w"]);
    assert_eq!(
        server.journal_lines(),
        [
            "SADD s a",
            "SREM s a",
            "SET k v PXAT 1700000100000",
            "PEXPIREAT k 1700000005000",
            "PEXPIREAT k 1700000000007",
            "SET k w PXAT 1700000001000",
        ]
    );
}

#[test]
fn a_removed_expired_key_is_recorded_before_what_removed_it() {
    let server = TestServer::new();
    let client = server.connect();
    send_all(&client, &["SET k v PX 10", "SET other v PX 10"]);
    server.advance(Duration::from_millis(30));
    send_all(&client, &["APPEND k x"]);
    assert_eq!(server.journal_lines()[2..], ["DEL k", "APPEND k x"]);
    server.upkeep();
    assert_eq!(server.journal_lines()[4..], ["DEL other"]);
}

#[test]
fn served_clients_are_recorded_behind_what_served_them() {
    let server = TestServer::sized(64, 4);
    let (first, second, acting) = (server.connect(), server.connect(), server.connect());
    first.send("BLPOP l 0");
    second.send("BLMOVE l m LEFT RIGHT 0");
    send_all(&acting, &["RPUSH l a b c"]);
    assert_eq!(server.journal_lines(), ["RPUSH l a b c", "LPOP l", "LMOVE l m LEFT RIGHT"]);
    let copy = rebuilt(&server, Duration::ZERO);
    assert_eq!(picture(&copy), picture(&server));
}

#[test]
fn what_changes_nothing_is_not_recorded() {
    let server = TestServer::new();
    let client = server.connect();
    send_all(
        &client,
        &["GET k", "DEL k", "SADD s a", "SADD s a", "EXPIRE none 5", "PERSIST s", "SETNX s x", "SREM s b"],
    );
    assert_eq!(server.journal_lines(), ["SADD s a"]);
}

#[test]
fn an_expired_key_in_the_way_of_a_waiting_client_is_removed_once() {
    let server = TestServer::new();
    let (waiting, writing) = (server.connect(), server.connect());
    waiting.send("BLPOP k 0");
    send_all(&writing, &["SET k x PX 10"]);
    server.advance(Duration::from_millis(11));
    send_all(&writing, &["RPUSH k a b"]);
    assert_eq!(waiting.read(), "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    assert_eq!(server.journal_lines()[1..], ["DEL k", "RPUSH k a b", "LPOP k"]);
    assert_eq!(picture(&rebuilt(&server, Duration::ZERO)), picture(&server));
}

#[test]
fn a_key_whose_time_comes_within_a_transaction_serves_nobody() {
    let server = TestServer::new();
    let (waiting, writing) = (server.connect(), server.connect());
    waiting.send("BRPOP k 0");
    send_all(&writing, &["MULTI", "LPUSH k a b", "PEXPIRE k 100", "DEBUG SLEEP 0.2", "EXEC"]);
    assert_eq!((waiting.read(), waiting.is_waiting()), (String::new(), true));
    let lines = server.journal_lines();
    assert_eq!(lines.first().map(String::as_str), Some("MULTI"));
    assert_eq!(lines[lines.len() - 2..], ["EXEC", "DEL k"]);
    send_all(&writing, &["RPUSH k c"]);
    assert_eq!(waiting.read(), "*2\r\n$1\r\nk\r\n$1\r\nc\r\n");
}
