//! Deleting by pattern while others go on: what is in the log, who hears of it, and what stops it.

use std::time::Duration;

use spinel_testkit::{TestClient, TestServer};

fn fill(client: &TestClient, prefix: &str, keys: usize) {
    for start in (0..keys).step_by(500) {
        let words: Vec<String> =
            (start..keys.min(start + 500)).flat_map(|i| [format!("{prefix}{i}"), "x".to_owned()]).collect();
        assert_eq!(client.run(&format!("MSET {}", words.join(" "))), "+OK\r\n");
    }
}

/// The reply of what runs on a helper thread.
fn await_reply(client: &TestClient) -> String {
    for _ in 0..30_000 {
        let reply = client.read();
        if !reply.is_empty() {
            return reply;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no reply");
}

#[test]
fn what_is_removed_is_in_the_journal_key_by_key() {
    for (shards, workers) in [(1, 1), (64, 4)] {
        let server = TestServer::sized(shards, workers);
        let client = server.connect();
        fill(&client, "user:", 20_000);
        fill(&client, "other:", 100);
        let _ = client.run("SELECT 1");
        let _ = client.run("SET user:1 y");
        let _ = client.run("SELECT 0");
        let before = server.journal().len();
        client.send("SCANDEL PREFIX user:");
        assert_eq!(await_reply(&client), ":20000\r\n");
        assert_eq!(client.run("DBSIZE"), ":100\r\n");
        let mut removed: Vec<Vec<u8>> = Vec::new();
        for entry in &server.journal()[before..] {
            assert_eq!((entry.db.0, entry.words[0].as_ref()), (0, &b"UNLINK"[..]));
            removed.extend(entry.words[1..].iter().map(|word| word.to_vec()));
        }
        removed.sort_unstable();
        removed.dedup();
        assert_eq!(removed.len(), 20_000);
        let _ = client.run("SELECT 1");
        assert_eq!(client.run("GET user:1"), "$1\r\ny\r\n");
    }
}

#[test]
fn it_is_refused_inside_a_transaction_and_seen_by_those_who_watch_or_listen() {
    let server = TestServer::new();
    let (client, watcher, listener) = (server.connect(), server.connect(), server.connect());
    let _ = client.run("MULTI");
    assert_eq!(client.run("SCANDEL MATCH *"), "-ERR Command not allowed inside a transaction\r\n");
    assert!(client.run("EXEC").starts_with("-EXECABORT"));
    let _ = client.run("CONFIG SET notify-keyspace-events Kg");
    let _ = client.run("SET a 1");
    listener.send("SUBSCRIBE __keyspace@0__:a");
    let _ = listener.read();
    let _ = watcher.run("WATCH a");
    client.send("SCANDEL MATCH a* TYPE string");
    assert_eq!(await_reply(&client), ":1\r\n");
    assert!(listener.read().ends_with("$3\r\ndel\r\n"));
    let _ = watcher.run("MULTI");
    assert_eq!(watcher.run("PING"), "+QUEUED\r\n");
    assert_eq!(watcher.run("EXEC"), "*-1\r\n");
}

#[test]
fn a_dry_run_changes_nothing_and_a_limit_stops_it() {
    let server = TestServer::new();
    let client = server.connect();
    fill(&client, "k", 5000);
    let before = server.journal().len();
    client.send("SCANDEL MATCH k* DRYRUN");
    assert_eq!(await_reply(&client), ":5000\r\n");
    assert_eq!(server.journal().len(), before);
    client.send("SCANDEL MATCH k* LIMIT 1234");
    assert_eq!(await_reply(&client), ":1234\r\n");
    assert_eq!(client.run("DBSIZE"), ":3766\r\n");
    let info = client.run("INFO stats");
    assert!(info.contains("scandel_running:0\r\nscandel_keys_total:0\r\n"), "{info}");
}

#[test]
fn a_pause_of_writes_holds_it_up_and_killing_the_client_ends_it() {
    let server = TestServer::new();
    let (client, other) = (server.connect(), server.connect());
    fill(&client, "k", 1000);
    let id = client.run("CLIENT ID");
    client.send("SCANDEL PREFIX k");
    let _ = other.run("CLIENT PAUSE 100000 WRITE");
    server.advance(Duration::from_millis(1));
    let _ = other.run("CLIENT UNPAUSE");
    assert_eq!(await_reply(&client), ":1000\r\n");

    fill(&client, "k", 1000);
    let _ = other.run("CLIENT PAUSE 100000 WRITE");
    client.send("SCANDEL PREFIX k");
    assert_eq!(client.read(), "");
    assert_eq!(other.run(&format!("CLIENT KILL ID {}", id[1..].trim())), ":1\r\n");
    let _ = other.run("CLIENT UNPAUSE");
    assert_eq!(other.run("DBSIZE"), ":1000\r\n");
}
