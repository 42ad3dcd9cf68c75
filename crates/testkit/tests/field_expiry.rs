//! Fields of hashes that expire: by themselves, promptly, in bounded steps, told to those who listen.

use std::time::Duration;

use spinel_testkit::{TestClient, TestServer};

const TICK: Duration = Duration::from_millis(8);

fn listener(server: &TestServer) -> TestClient {
    let client = server.connect();
    client.send("CONFIG SET notify-keyspace-events Egh");
    client.send("PSUBSCRIBE __keyevent*__:*");
    let _ = client.read();
    client
}

/// The events heard, each as `event key`.
fn heard(client: &TestClient) -> Vec<String> {
    let text = client.read();
    let words: Vec<&str> = text.split("\r\n").collect();
    let event = |lines: &[&str]| format!("{} {}", lines[6].rsplit(':').next().unwrap_or_default(), lines[8]);
    words.chunks(9).filter(|lines| lines.len() == 9).map(event).collect()
}

#[test]
fn fields_go_by_themselves_with_an_event_and_a_word_in_the_journal() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let (client, listening) = (server.connect(), listener(&server));
        let _ = client.run("HSET h a 1 b 2 c 3");
        let _ = client.run("HPEXPIRE h 100 FIELDS 2 a b");
        let _ = client.run("HPEXPIRE h 200 FIELDS 1 c");
        assert_eq!(heard(&listening), ["hset h", "hexpire h", "hexpire h"]);
        assert_eq!(client.subexpiry(), "1");
        server.advance(Duration::from_millis(100));
        server.advance(TICK);
        server.upkeep();
        assert_eq!(heard(&listening), ["hexpired h"]);
        assert_eq!(client.run("HLEN h"), ":1\r\n");
        server.advance(Duration::from_millis(100));
        server.upkeep();
        assert_eq!(heard(&listening), ["hexpired h", "del h"]);
        assert_eq!(client.run("EXISTS h"), ":0\r\n");
        let lines = server.journal_lines();
        assert!(lines[1].starts_with("HPEXPIREAT h ") && lines[1].ends_with(" FIELDS 2 a b"), "{lines:?}");
        assert!(["HDEL h a b", "HDEL h b a"].contains(&lines[3].as_str()), "{lines:?}");
        assert_eq!(lines[4..], ["HDEL h c"]);
        assert!(client.run("INFO stats").contains("expired_subkeys:3\r\n"));
    }
}

#[test]
fn many_fields_that_expire_together_go_in_steps() {
    let server = TestServer::sized(1, 1);
    let client = server.connect();
    for from in (0..10_000).step_by(100) {
        let fields: Vec<String> = (from..from + 100).map(|i| format!("f{i} v")).collect();
        let _ = client.run(&format!("HSET h {}", fields.join(" ")));
        let names: Vec<String> = (from..from + 100).map(|i| format!("f{i}")).collect();
        let _ = client.run(&format!("HPEXPIREAT h 1700000060000 FIELDS 100 {}", names.join(" ")));
    }
    let _ = client.run("HSET h stays 1");
    server.advance(Duration::from_secs(3600 * 24 * 365 * 10));
    let mut steps = 0;
    while client.run("HLEN h") != ":1\r\n" {
        server.upkeep();
        steps += 1;
        assert!(steps < 20, "all go in the end");
    }
    assert!(steps > 1, "not all at once");
    assert_eq!(client.subexpiry(), "0");
}

#[test]
fn a_field_that_is_set_anew_or_removed_leaves_no_expiry_behind() {
    let server = TestServer::new();
    let client = server.connect();
    for line in [
        "HSET h a 2",
        "HDEL h a",
        "HPERSIST h FIELDS 1 a",
        "HGETEX h PERSIST FIELDS 1 a",
        "HGETDEL h FIELDS 1 a",
    ] {
        let _ = client.run("HSET h a 1 b 2");
        let _ = client.run("HEXPIRE h 100 FIELDS 1 a");
        assert_eq!(client.subexpiry(), "1");
        let _ = client.run(line);
        assert_eq!(client.subexpiry(), "0", "after {line}");
    }
}

#[test]
fn a_hash_keeps_its_expiries_on_all_its_ways() {
    let server = TestServer::sized(16, 1);
    let client = server.connect();
    let _ = client.run("HSET h a 1 b 2");
    let _ = client.run("HPEXPIREAT h 4000000000000 FIELDS 1 a");
    for line in [
        "COPY h copy",
        "RENAME h renamed",
        "MOVE copy 1",
        "SELECT 1",
        "COPY copy h DB 0",
        "SELECT 0",
        "SWAPDB 0 2",
        "SWAPDB 0 2",
    ] {
        let reply = client.run(line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
    for key in ["renamed", "h"] {
        let reply = client.run(&format!("HPEXPIRETIME {key} FIELDS 2 a b"));
        assert_eq!(reply, "*2\r\n:4000000000000\r\n:-1\r\n", "of {key}");
    }
    assert_eq!(client.subexpiry(), "2");
}

#[test]
fn watchers_see_a_field_expire() {
    let server = TestServer::new();
    let (client, other) = (server.connect(), server.connect());
    let _ = other.run("HSET h a 1 b 2");
    let _ = other.run("HPEXPIRE h 50 FIELDS 1 a");
    let _ = client.run("WATCH h");
    server.advance(Duration::from_millis(60));
    server.upkeep();
    let _ = client.run("MULTI");
    let _ = client.run("GET x");
    assert_eq!(client.run("EXEC"), "*-1\r\n");
}
