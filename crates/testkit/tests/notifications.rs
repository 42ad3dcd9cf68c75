//! Keyspace notifications: which event a change sends, where, and that nothing else does.

use std::time::Duration;

use spinel_testkit::{TestClient, TestServer};

/// A client that hears every event of every database.
fn listener(server: &TestServer, classes: &str) -> TestClient {
    let client = server.connect();
    client.send(&format!("CONFIG SET notify-keyspace-events {classes}"));
    client.send("PSUBSCRIBE __key*__:*");
    let _ = client.read();
    client
}

/// The events heard, each as `channel payload`.
fn heard(client: &TestClient) -> Vec<String> {
    let text = client.read();
    let words: Vec<&str> = text.split("\r\n").collect();
    // Each message has nine lines: its length, and kind, pattern, channel and payload with theirs.
    words
        .chunks(9)
        .filter(|lines| lines.len() == 9)
        .map(|lines| format!("{} {}", lines[6], lines[8]))
        .collect()
}

#[test]
fn a_change_is_told_by_key_and_by_event() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let listening = listener(&server, "KEA");
        server.connect().send("SET k v");
        assert_eq!(heard(&listening), ["__keyspace@0__:k set", "__keyevent@0__:set k"]);
    }
}

#[test]
fn events_name_what_happened_in_its_order() {
    let cases: &[(&str, &[&str])] = &[
        ("SET k v EX 100", &["set k", "expire k"]),
        ("GETSET k w", &["set k"]),
        ("GETDEL k", &["del k"]),
        ("RPUSH l a b", &["rpush l"]),
        ("LMOVE l m LEFT RIGHT", &["rpush m", "lpop l"]),
        ("RPOP l", &["rpop l", "del l"]),
        ("RENAME m n", &["rename_from m", "rename_to n"]),
        ("HSET h f 1", &["hset h"]),
        ("HDEL h f", &["hdel h", "del h"]),
        ("SADD s a", &["sadd s"]),
        ("SADD s a", &[]),
        ("SMOVE s t a", &["srem s", "del s", "sadd t"]),
        ("ZADD z 1 a", &["zadd z"]),
        ("ZINCRBY z 1 a", &["zincr z"]),
        ("ZPOPMIN z", &["zpopmin z", "del z"]),
        ("INCR i", &["incrby i"]),
        ("EXPIRE i 100", &["expire i"]),
        ("PERSIST i", &["persist i"]),
        ("EXPIRE i -1", &["del i"]),
        ("COPY n c", &["copy_to c"]),
        ("MOVE c 1", &["move_from c", "move_to c"]),
        ("SUNIONSTORE u t none", &["sunionstore u"]),
        ("SUNIONSTORE u none", &["del u"]),
        ("DEL n none", &["del n"]),
        ("GET n", &[]),
        ("FLUSHALL", &[]),
    ];
    let server = TestServer::new();
    let (listening, acting) = (listener(&server, "EA"), server.connect());
    for (line, events) in cases {
        acting.send(line);
        let heard: Vec<String> = heard(&listening)
            .iter()
            .map(|event| event.split_once(':').expect("a channel").1.to_owned())
            .collect();
        assert_eq!(heard, *events, "{line}: {}", acting.read());
    }
}

#[test]
fn only_the_classes_that_were_asked_for_are_told() {
    let server = TestServer::new();
    let (listening, acting) = (listener(&server, "Elg"), server.connect());
    acting.send("SET k v");
    acting.send("RPUSH l a");
    acting.send("DEL k l");
    assert_eq!(heard(&listening), ["__keyevent@0__:rpush l", "__keyevent@0__:del k", "__keyevent@0__:del l"]);
}

#[test]
fn misses_and_new_keys_are_told_only_when_named() {
    let server = TestServer::new();
    let (listening, acting) = (listener(&server, "Emn"), server.connect());
    acting.send("GET k");
    acting.send("SET k v");
    acting.send("SET k w");
    assert_eq!(heard(&listening), ["__keyevent@0__:keymiss k", "__keyevent@0__:new k"]);
}

#[test]
fn an_expired_key_is_told_when_it_is_removed_by_whoever_removes_it() {
    for looked_at in [false, true] {
        let server = TestServer::new();
        let (listening, acting) = (listener(&server, "Ex"), server.connect());
        acting.send("SET k v PX 100");
        server.advance(Duration::from_millis(120));
        assert_eq!(heard(&listening), [""; 0]);
        if looked_at {
            acting.send("GET k");
        } else {
            server.upkeep();
        }
        assert_eq!(heard(&listening), ["__keyevent@0__:expired k"]);
    }
}

#[test]
fn serving_a_waiting_client_is_told_behind_what_served_it() {
    let server = TestServer::new();
    let (listening, waiting) = (listener(&server, "El"), server.connect());
    waiting.send("BLPOP l 0");
    server.connect().send("RPUSH l a");
    assert_eq!(heard(&listening), ["__keyevent@0__:rpush l", "__keyevent@0__:lpop l"]);
}

#[test]
fn an_empty_result_deletes_what_stood_in_its_place_even_if_its_time_had_come() {
    let server = TestServer::new();
    let (listening, acting) = (listener(&server, "EA"), server.connect());
    for line in ["SADD a 1", "SADD b 2", "ZADD z 1 m", "GEOADD g 13 38 p"] {
        acting.send(line);
    }
    for line in [
        "SINTERSTORE d a b",
        "SDIFFSTORE d a a",
        "ZINTERSTORE d 2 z none",
        "ZRANGESTORE d z 5 9",
        "BITOP AND d none",
        "GEOSEARCHSTORE d g FROMLONLAT 50 50 BYRADIUS 5 km",
        "SORT none STORE d",
    ] {
        acting.send("SET d x PXAT 1");
        let _ = (acting.read(), heard(&listening));
        let changes: u64 = acting.info("rdb_changes_since_last_save").parse().expect("a number");
        assert_eq!(acting.run(line), ":0\r\n", "{line}");
        assert_eq!(heard(&listening), ["__keyevent@0__:del d"], "{line}");
        assert_eq!(acting.info("rdb_changes_since_last_save"), (changes + 1).to_string(), "{line}");
        assert_eq!(server.journal_lines().last().map(String::as_str), Some(line));
    }
    assert_eq!(acting.info("expired_keys"), "0");
}

#[test]
fn keys_that_are_missing_where_they_should_go_to_another_server_are_told() {
    let server = TestServer::new();
    let (listening, acting) = (listener(&server, "Exm"), server.connect());
    acting.send("SET b x PXAT 1");
    let _ = acting.read();
    assert_eq!(acting.run_words("MIGRATE host 1  0 10 KEYS a b".split(' ')), "+NOKEY\r\n");
    let told = ["__keyevent@0__:keymiss a", "__keyevent@0__:expired b", "__keyevent@0__:keymiss b"];
    assert_eq!(heard(&listening), told);
    assert_eq!((acting.info("keyspace_misses"), acting.info("expired_keys")), ("2".into(), "1".into()));
}
