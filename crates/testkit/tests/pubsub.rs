//! Publishing and subscribing, and the order in which a connection hears of things.

use spinel_testkit::TestServer;

fn message(channel: &str, payload: &str) -> String {
    format!("*3\r\n$7\r\nmessage\r\n${}\r\n{channel}\r\n${}\r\n{payload}\r\n", channel.len(), payload.len())
}

fn confirmed(kind: &str, channel: &str, count: usize) -> String {
    format!("*3\r\n${}\r\n{kind}\r\n${}\r\n{channel}\r\n:{count}\r\n", kind.len(), channel.len())
}

fn pushed(resp2: &str) -> String {
    resp2.replacen('*', ">", 1)
}

#[test]
fn a_message_comes_behind_the_replies_owed() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let client = server.connect();
        client.send("HELLO 3");
        client.send("SUBSCRIBE c");
        let _ = client.read();
        let received = client.run_all(&["PING", "PUBLISH c x", "PING"]);
        assert_eq!(received, "+PONG\r\n:1\r\n+PONG\r\n".to_owned() + &pushed(&message("c", "x")));
    }
}

#[test]
fn messages_keep_the_order_in_which_they_were_published() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let (listening, publishing) = (server.connect(), server.connect());
        listening.send("SUBSCRIBE a b");
        let _ = listening.read();
        let _ = publishing.run_all(&[
            "PUBLISH a 1",
            "PUBLISH b 2",
            "MULTI",
            "PUBLISH a 3",
            "EXEC",
            "PUBLISH b 4",
        ]);
        let expected = [("a", "1"), ("b", "2"), ("a", "3"), ("b", "4")].map(|(c, p)| message(c, p)).concat();
        assert_eq!(listening.read(), expected);
    }
}

#[test]
fn nothing_is_heard_after_the_subscription_ended() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let (listening, publishing) = (server.connect(), server.connect());
        listening.send("SUBSCRIBE c");
        let _ = listening.read();
        assert_eq!(listening.run("UNSUBSCRIBE c"), confirmed("unsubscribe", "c", 0));
        assert_eq!(publishing.run("PUBLISH c x"), ":0\r\n");
        assert_eq!(listening.run("PING"), "+PONG\r\n");
    }
}

#[test]
fn unsubscribing_without_names_ends_everything_of_its_kind() {
    for (begin, end, publish) in [
        ("SUBSCRIBE a b c", "UNSUBSCRIBE", "PUBLISH a x"),
        ("PSUBSCRIBE a* b* c*", "PUNSUBSCRIBE", "PUBLISH a x"),
        ("SSUBSCRIBE a b c", "SUNSUBSCRIBE", "SPUBLISH a x"),
    ] {
        let server = TestServer::sized(64, 4);
        let (listening, publishing) = (server.connect(), server.connect());
        listening.send(begin);
        assert_eq!(publishing.run(publish), ":1\r\n", "{begin}");
        let _ = listening.read();
        let ended = listening.run(end);
        assert_eq!(ended.matches(&format!("{}\r\n", end.to_lowercase())).count(), 3, "{ended}");
        assert_eq!(publishing.run(publish), ":0\r\n", "{end}");
        assert_eq!(listening.run("PING"), "+PONG\r\n");
    }
}

#[test]
fn what_was_published_before_the_subscription_ended_is_heard() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let client = server.connect();
        client.send("HELLO 3");
        client.send("SUBSCRIBE c");
        let _ = client.read();
        let received = client.run_all(&["PUBLISH c x", "UNSUBSCRIBE c", "PUBLISH c y"]);
        let expected =
            [":1\r\n", &pushed(&message("c", "x")), &pushed(&confirmed("unsubscribe", "c", 0)), ":0\r\n"];
        assert_eq!(received, expected.concat());
    }
}

#[test]
fn a_channel_and_its_patterns_are_heard_each() {
    let server = TestServer::new();
    let (listening, publishing) = (server.connect(), server.connect());
    listening.send("SUBSCRIBE news.sport");
    listening.send("PSUBSCRIBE news.* *.sport");
    let _ = listening.read();
    assert_eq!(publishing.run("PUBLISH news.sport goal"), ":3\r\n");
    let received = listening.read();
    assert!(received.starts_with(&message("news.sport", "goal")), "{received}");
    for pattern in ["news.*", "*.sport"] {
        let head =
            format!("*4\r\n$8\r\npmessage\r\n${}\r\n{pattern}\r\n$10\r\nnews.sport\r\n", pattern.len());
        assert!(received.contains(&head), "{received}");
    }
}

#[test]
fn who_unsubscribes_from_all_is_told_in_the_order_of_subscription() {
    let server = TestServer::new();
    let client = server.connect();
    let names: Vec<String> = (0..40).rev().map(|n| format!("n{n}")).collect();
    for (subscribe, unsubscribe) in
        [("SUBSCRIBE", "UNSUBSCRIBE"), ("PSUBSCRIBE", "PUNSUBSCRIBE"), ("SSUBSCRIBE", "SUNSUBSCRIBE")]
    {
        for name in names.iter().chain(["n7".to_owned()].iter()) {
            client.send(&format!("{subscribe} {name}"));
        }
        client.send(&format!("{unsubscribe} n30"));
        let _ = client.read();
        let told = client.run(unsubscribe);
        let told: Vec<&str> = told.lines().filter(|line| line.starts_with('n')).collect();
        let expected: Vec<&str> = names.iter().map(String::as_str).filter(|name| *name != "n30").collect();
        assert_eq!(told, expected, "{unsubscribe}");
    }
}

#[test]
fn a_subscriber_of_the_old_protocol_may_do_little() {
    let server = TestServer::new();
    let client = server.connect();
    client.send("SUBSCRIBE c");
    let _ = client.read();
    assert_eq!(
        client.run("GET k"),
        "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n"
    );
    assert_eq!(client.run("PING"), "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    assert_eq!(client.run("RESET"), "+RESET\r\n");
    assert_eq!(client.run("GET k"), "$-1\r\n");
}

#[test]
fn a_subscriber_of_the_new_protocol_may_do_everything_and_hears_pushes() {
    let server = TestServer::new();
    let (client, other) = (server.connect(), server.connect());
    client.send("HELLO 3");
    let _ = client.read();
    assert_eq!(client.run("SUBSCRIBE c"), pushed(&confirmed("subscribe", "c", 1)));
    assert_eq!(client.run("GET k"), "_\r\n");
    other.send("PUBLISH c x");
    assert_eq!(client.read(), pushed(&message("c", "x")));
}

#[test]
fn a_shard_channel_is_another_than_the_channel_of_its_name() {
    let server = TestServer::new();
    let (listening, publishing) = (server.connect(), server.connect());
    listening.send("SSUBSCRIBE c");
    assert_eq!(listening.read(), confirmed("ssubscribe", "c", 1));
    assert_eq!(publishing.run("PUBLISH c x"), ":0\r\n");
    assert_eq!(publishing.run("SPUBLISH c y"), ":1\r\n");
    assert_eq!(listening.read(), "*3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$1\r\ny\r\n");
}

#[test]
fn a_subscriber_that_waits_hears_messages_while_it_waits() {
    let server = TestServer::new();
    let (client, other) = (server.connect(), server.connect());
    client.send("HELLO 3");
    client.send("SUBSCRIBE c");
    client.send("BLPOP l 0");
    let _ = client.read();
    other.send("PUBLISH c x");
    assert_eq!(client.read(), pushed(&message("c", "x")));
    assert!(client.is_waiting());
    other.send("RPUSH l y");
    assert_eq!(client.read(), "*2\r\n$1\r\nl\r\n$1\r\ny\r\n");
}
