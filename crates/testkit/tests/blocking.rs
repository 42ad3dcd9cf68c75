//! Clients that wait for keys: who is served, when, and with what.

use std::time::Duration;

use spinel_testkit::{TestClient, TestServer};

const NOTHING: &str = "*-1\r\n";

fn popped(key: &str, element: &str) -> String {
    format!("*2\r\n${}\r\n{key}\r\n${}\r\n{element}\r\n", key.len(), element.len())
}

/// A client that waits.
fn waiting(server: &TestServer, line: &str) -> TestClient {
    let client = server.connect();
    assert_eq!(client.run(line), "", "{line}");
    assert!(client.is_waiting(), "{line}");
    client
}

#[test]
fn those_who_came_first_are_served_first() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let clients: Vec<TestClient> = (0..5).map(|_| waiting(&server, "BLPOP l 0")).collect();
        let pushing = server.connect();
        assert_eq!(pushing.run("RPUSH l a b c"), ":3\r\n");
        for (client, element) in clients.iter().zip(["a", "b", "c"]) {
            assert_eq!(client.read(), popped("l", element));
        }
        assert!(clients[3].is_waiting() && clients[4].is_waiting());
        assert_eq!(pushing.run("EXISTS l"), ":0\r\n");
        pushing.send("RPUSH l d e");
        assert_eq!((clients[3].read(), clients[4].read()), (popped("l", "d"), popped("l", "e")));
    }
}

#[test]
fn whoever_waits_again_goes_to_the_end_of_the_line() {
    let server = TestServer::new();
    let (first, second) = (waiting(&server, "BLPOP l 0"), waiting(&server, "BLPOP l 0"));
    let pushing = server.connect();
    pushing.send("RPUSH l a");
    assert_eq!(first.run("BLPOP l 0"), popped("l", "a"));
    pushing.send("RPUSH l b");
    assert_eq!((first.read(), second.read()), (String::new(), popped("l", "b")));
}

#[test]
fn a_client_that_waits_for_several_keys_is_served_once() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let client = waiting(&server, "BLPOP a b c 0");
        let pushing = server.connect();
        assert_eq!(pushing.run_all(&["MULTI", "RPUSH b 1", "RPUSH a 2", "EXEC"]).lines().last(), Some(":1"));
        assert_eq!(client.read(), popped("b", "1"));
        assert_eq!(pushing.run("LLEN a"), ":1\r\n");
        pushing.send("RPUSH c 3");
        assert_eq!(pushing.run("LLEN c"), ":1\r\n:1\r\n");
        assert!(!client.is_waiting());
    }
}

#[test]
fn a_served_move_serves_those_who_wait_for_its_destination() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let moving = waiting(&server, "BLMOVE source destination LEFT RIGHT 0");
        let popping = waiting(&server, "BLPOP destination 0");
        let pushing = server.connect();
        assert_eq!(pushing.run("RPUSH source x"), ":1\r\n");
        assert_eq!(moving.read(), "$1\r\nx\r\n");
        assert_eq!(popping.read(), popped("destination", "x"));
        assert_eq!(pushing.run("EXISTS source destination"), ":0\r\n");
    }
}

#[test]
fn info_counts_the_keys_that_somebody_waits_for() {
    // As Redis 8.0 counts them.
    let server = TestServer::sized(4, 1);
    let other = server.connect();
    let counts = || (other.info("total_blocking_keys"), other.info("total_blocking_keys_on_nokey"));
    let count = |all: &str, heeding: &str| (all.to_owned(), heeding.to_owned());
    assert_eq!(counts(), count("0", "0"));
    let popping = [waiting(&server, "BLPOP a b a 0"), waiting(&server, "BLPOP b c 0")];
    assert_eq!(counts(), count("3", "0"));
    other.send("XGROUP CREATE s g $ MKSTREAM");
    other.send("XGROUP CREATE s h $");
    let reading: Vec<_> = ["g", "h", "g"]
        .map(|group| waiting(&server, &format!("XREADGROUP GROUP {group} me BLOCK 0 STREAMS s >")))
        .into();
    let plain = waiting(&server, "XREAD BLOCK 0 STREAMS s $");
    assert_eq!(counts(), count("4", "1"));
    other.send("RPUSH b x y");
    assert_eq!(counts(), count("1", "1"));
    other.send("DEL s");
    assert_eq!(reading.len(), 3);
    assert_eq!(counts(), count("1", "0"), "who reads without a group waits on");
    other.send("XADD s * a b");
    assert_eq!(counts(), count("0", "0"));
    assert!(!popping[0].is_waiting() && !plain.is_waiting());
}

#[test]
fn a_key_of_another_type_wakes_nobody() {
    let server = TestServer::new();
    let client = waiting(&server, "BLPOP k 0");
    let other = server.connect();
    other.send("SET k 1");
    assert!(client.is_waiting());
    assert_eq!(other.run_all(&["DEL k", "RPUSH k x"]), "+OK\r\n:1\r\n:1\r\n");
    assert_eq!(client.read(), popped("k", "x"));
}

#[test]
fn a_sorted_set_serves_its_clients_in_order() {
    let server = TestServer::new();
    let lowest = waiting(&server, "BZPOPMIN z 0");
    let highest = waiting(&server, "BZPOPMAX z 0");
    let several = waiting(&server, "BZMPOP 0 1 z MIN COUNT 2");
    let adding = server.connect();
    adding.send("ZADD z 1 a 2 b 3 c 4 d");
    assert_eq!(lowest.read(), "*3\r\n$1\r\nz\r\n$1\r\na\r\n$1\r\n1\r\n");
    assert_eq!(highest.read(), "*3\r\n$1\r\nz\r\n$1\r\nd\r\n$1\r\n4\r\n");
    let both = "*2\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n*2\r\n$1\r\nc\r\n$1\r\n3\r\n";
    assert_eq!(several.read(), format!("*2\r\n$1\r\nz\r\n{both}"));
}

#[test]
fn time_ends_the_waiting_not_a_moment_before() {
    let server = TestServer::new();
    let client = waiting(&server, "BLPOP l 1.5");
    server.advance(Duration::from_millis(1499));
    assert!(client.is_waiting());
    server.advance(Duration::from_millis(1));
    assert_eq!(client.read(), NOTHING);
    let pushing = server.connect();
    assert_eq!(pushing.run_all(&["RPUSH l x", "LLEN l"]), ":1\r\n:1\r\n");
}

#[test]
fn client_unblock_ends_the_waiting_as_asked() {
    let server = TestServer::new();
    let client = server.connect();
    let id = client.run("CLIENT ID").trim_start_matches(':').trim_end().to_owned();
    let other = server.connect();
    assert_eq!(other.run(&format!("CLIENT UNBLOCK {id}")), ":0\r\n");
    client.send("BLPOP l 0");
    assert_eq!(other.run(&format!("CLIENT UNBLOCK {id}")), ":1\r\n");
    assert_eq!(client.read(), NOTHING);
    client.send("BLMOVE l m LEFT LEFT 0");
    assert_eq!(other.run(&format!("CLIENT UNBLOCK {id} ERROR")), ":1\r\n");
    assert_eq!(client.read(), "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    assert_eq!(other.run(&format!("CLIENT UNBLOCK {id} TIMEOUT")), ":0\r\n");
    assert_eq!(other.run("RPUSH l x"), ":1\r\n");
    assert_eq!(client.run("LLEN l"), ":1\r\n");
}

#[test]
fn commands_behind_a_waiting_one_are_run_when_it_ends() {
    let server = TestServer::new();
    let client = server.connect();
    assert_eq!(client.run_all(&["BLPOP l 0", "PING", "LLEN l"]), "");
    server.connect().send("RPUSH l a b");
    assert_eq!(client.read(), popped("l", "a") + "+PONG\r\n:1\r\n");
}

#[test]
fn a_client_that_goes_away_takes_nothing_with_it() {
    let server = TestServer::new();
    let (first, second) = (waiting(&server, "BLPOP l 0"), waiting(&server, "BLPOP l 0"));
    drop(first);
    server.connect().send("RPUSH l x");
    assert_eq!(second.read(), popped("l", "x"));
}

#[test]
fn a_killed_client_takes_nothing_with_it() {
    let server = TestServer::new();
    let (first, second) = (server.connect(), server.connect());
    let id = first.run("CLIENT ID").trim_start_matches(':').trim_end().to_owned();
    first.send("BLPOP l 0");
    second.send("BLPOP l 0");
    let other = server.connect();
    assert_eq!(other.run_all(&[&format!("CLIENT KILL ID {id}"), "RPUSH l x"]), ":1\r\n:1\r\n");
    assert!(first.is_closed());
    assert_eq!(second.read(), popped("l", "x"));
}

#[test]
fn keys_that_appear_by_other_ways_serve_too() {
    for (prepare, appear) in [
        ("RPUSH other x", "RENAME other l"),
        ("RPUSH other x", "COPY other l"),
        ("RPUSH other x", "LMOVE other l LEFT LEFT"),
        ("RPUSH other x", "RPOPLPUSH other l"),
    ] {
        let server = TestServer::sized(64, 2);
        let acting = server.connect();
        acting.send(prepare);
        let client = waiting(&server, "BLPOP l 0");
        acting.send(appear);
        assert_eq!(client.read(), popped("l", "x"), "{appear}");
    }
}

#[test]
fn a_database_that_is_swapped_in_serves_those_who_wait() {
    let server = TestServer::new();
    let client = waiting(&server, "BLPOP l 0");
    let acting = server.connect();
    acting.send("SELECT 1");
    acting.send("RPUSH l x");
    assert!(client.is_waiting());
    acting.send("SWAPDB 0 1");
    assert_eq!(client.read(), popped("l", "x"));
}

#[test]
fn a_long_copy_serves_those_who_wait_for_the_copy_whatever_else_they_write_to() {
    let server = TestServer::sized(64, 2);
    let client = server.connect();
    let elements: String = (0..20_000).map(|n| format!(" {n}")).collect();
    client.send(&format!("RPUSH source{elements}"));
    let moving: Vec<TestClient> =
        (0..8).map(|n| waiting(&server, &format!("BLMOVE copy moved:{n} LEFT RIGHT 0"))).collect();
    assert_eq!(client.read(), ":20000\r\n");
    assert_eq!(client.run("COPY source copy"), ":1\r\n");
    for (n, moving) in moving.iter().enumerate() {
        assert_eq!(moving.read(), format!("$1\r\n{n}\r\n"));
        assert_eq!(client.run(&format!("LLEN moved:{n}")), ":1\r\n");
    }
    assert_eq!(client.run("LLEN copy"), ":19992\r\n");
    let journal = server.journal_lines();
    let copied = journal.iter().position(|line| line == "COPY source copy").expect("it is recorded");
    assert_eq!(journal[copied + 1..].len(), 8, "{:?}", &journal[copied + 1..]);
}

#[test]
fn a_client_waits_until_a_list_that_is_there_is_long_enough() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let (client, waiting) = (server.connect(), server.connect());
        let _ = client.run("RPUSH l 1");
        waiting.send("BLMOVEM l d LEFT RIGHT 0 EXACTLY 3 BULK");
        assert!(waiting.is_waiting());
        assert_eq!(client.run("RPUSH l 2"), ":2\r\n");
        assert!(waiting.is_waiting());
        assert_eq!(client.run("LINSERT l AFTER 2 3"), ":3\r\n");
        assert_eq!(waiting.read(), "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
        assert_eq!(client.run("EXISTS l d"), ":1\r\n");
        let lines = server.journal_lines();
        assert_eq!(lines[lines.len() - 4..], ["MULTI", "LPOP l 3", "RPUSH d 1 2 3", "EXEC"]);
    }
}

#[test]
fn what_goes_to_those_who_wait_counts_as_often_as_in_redis() {
    for (command, arrival, changes) in [
        ("BLPOP l 0", "RPUSH l a", 1),
        ("BLMOVE l m LEFT LEFT 0", "RPUSH l a", 1),
        ("BLMPOP 0 1 l LEFT", "RPUSH l a", 2),
        ("BZPOPMIN z 0", "ZADD z 1 a", 2),
        ("XREAD BLOCK 0 STREAMS x $", "XADD x * a b", 1),
        ("XREADGROUP GROUP g c BLOCK 0 STREAMS x >", "XADD x * a b", 2),
    ] {
        let server = TestServer::new();
        let client = server.connect();
        assert_eq!(client.run("XGROUP CREATE x g $ MKSTREAM"), "+OK\r\n");
        let counted = || client.info("rdb_changes_since_last_save").parse::<u64>().expect("a number");
        let (before, waiting) = (counted(), waiting(&server, command));
        let _ = client.run(arrival);
        assert!(!waiting.read().is_empty(), "{command}");
        assert_eq!(counted() - before, changes, "{command}");
    }
}
