//! What the stream commands leave behind beside their replies, which the reference is asked about elsewhere: journal,
//! events, and how they wait.

use crate::testing::Server;

fn entry(id: &str) -> String {
    format!("*2\r\n${}\r\n{id}\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n", id.len())
}

#[test]
fn the_journal_has_the_id_that_was_found_and_the_length_that_was_reached() {
    let mut server = Server::new();
    let id = server.run("XADD s * a 1");
    let id = id.split("\r\n").nth(1).unwrap().to_owned();
    assert_eq!(id, "1700000000000-0");
    assert_eq!(server.propagated(), [format!("XADD s {id} a 1")]);
    assert_eq!((server.event_names(), server.effects.dirty), (vec!["new", "xadd"], 1));
    assert_eq!(server.run("XADD s 1700000000000-* a 1"), "$15\r\n1700000000000-1\r\n");
    assert_eq!(server.propagated(), ["XADD s 1700000000000-1 a 1"]);
    server.settings.encodings.stream_blocks.entries = 2;
    (0..4).for_each(|_| drop(server.run("XADD s * a 1")));
    server.run("XADD s NOMKSTREAM MAXLEN ~ 1 LIMIT 3 1700000000001-5 a 1");
    assert_eq!(server.propagated(), ["XADD s NOMKSTREAM MAXLEN = 5 1700000000001-5 a 1"]);
    assert_eq!(server.event_names(), ["xadd", "xtrim"]);
    server.run("XTRIM s MINID ~ 1700000000001");
    assert_eq!(server.propagated(), ["XTRIM s MINID = 1700000000001-5"]);
    server.replayed = true;
    assert_eq!(server.run("XTRIM s MAXLEN = 0 LIMIT 3"), ":1\r\n");
    assert_eq!(server.run("XADD other NOMKSTREAM 5-1 a 1"), "$-1\r\n");
}

#[test]
fn what_a_group_reads_is_recorded_as_claims() {
    let mut server = Server::new();
    server.run("XADD s 1-1 a 1");
    server.run("XADD s 1-2 a 1");
    server.run("XGROUP CREATE s g 0");
    let reply = server.run("XREADGROUP GROUP g ann COUNT 1 STREAMS s >");
    assert_eq!(reply, format!("*1\r\n*2\r\n$1\r\ns\r\n*1\r\n{}", entry("1-1")));
    let claim = "XCLAIM s g ann 0 1-1 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1";
    assert_eq!(server.propagated(), [claim, "XGROUP SETID s g 1-1 ENTRIESREAD 1"]);
    assert_eq!((server.event_names(), server.effects.dirty), (vec!["xgroup-createconsumer"], 2));
    server.run("XREADGROUP GROUP g bob NOACK STREAMS s >");
    assert_eq!(server.propagated(), ["XGROUP CREATECONSUMER s g bob", "XGROUP SETID s g 1-2 ENTRIESREAD 2"]);
    server.advance_ms(7);
    server.run("XREADGROUP GROUP g ann STREAMS s 0");
    assert!(server.propagated().is_empty() && !server.effects.propagation.is_verbatim());
    assert_eq!(server.run("XPENDING s g - + 9"), "*1\r\n*4\r\n$3\r\n1-1\r\n$3\r\nann\r\n:0\r\n:2\r\n");
    server.run("XDEL s 1-1");
    assert_eq!(server.run("XAUTOCLAIM s g bob 0 0"), "*3\r\n$3\r\n0-0\r\n*0\r\n*1\r\n$3\r\n1-1\r\n");
    assert_eq!(server.propagated().len(), 1);
    assert_eq!(server.run("XACK s g 1-1"), ":0\r\n");
    assert!(server.effects.is_quiet());
}

#[test]
fn a_reader_waits_for_what_comes_after_the_end_it_saw() {
    let mut server = Server::new();
    server.run("XADD s 1-1 a 1");
    assert_eq!(server.run("XREAD BLOCK 0 STREAMS s none $ $"), "+BLOCKED\r\n");
    let words = server.effects.waits_as.take().unwrap();
    let words: Vec<_> = words.args().iter().map(String::from_utf8_lossy).collect();
    assert_eq!(words.join(" "), "XREAD BLOCK 0 STREAMS s none 1-1 0-0");
    server.deny_blocking = true;
    server.run("XREAD BLOCK 0 STREAMS s $");
    assert!(server.effects.waits_as.is_none());
    server.deny_blocking = false;
    assert_eq!(server.run("XREAD STREAMS s $"), "*-1\r\n");
    server.run("XADD s 1-2 a 1");
    server.retried = true;
    let reply = server.run("XREAD BLOCK 0 STREAMS s none 1-1 0-0");
    assert_eq!(reply, format!("*1\r\n*2\r\n$1\r\ns\r\n*1\r\n{}", entry("1-2")));
}

#[test]
fn who_waits_in_a_group_hears_when_it_goes() {
    let mut server = Server::new();
    server.run("XGROUP CREATE s g $ MKSTREAM");
    assert_eq!(server.run("XREADGROUP GROUP g ann BLOCK 0 STREAMS s >"), "+BLOCKED\r\n");
    server.retried = true;
    assert_eq!(server.run("XREADGROUP GROUP g ann BLOCK 0 STREAMS s >"), "+BLOCKED\r\n");
    server.run("XGROUP DESTROY s g");
    assert_eq!(
        server.run("XREADGROUP GROUP g ann BLOCK 0 STREAMS s >"),
        "-NOGROUP the consumer group this client was blocked on no longer exists\r\n"
    );
    for line in ["DEL s", "SET s x"] {
        server.run(line);
        assert_eq!(
            server.run("XREADGROUP GROUP g ann BLOCK 0 STREAMS s >"),
            "-UNBLOCKED the stream key no longer exists\r\n"
        );
    }
}

#[test]
fn removing_a_stream_somebody_waits_for_is_news() {
    let mut server = Server::new();
    for line in ["DEL s", "SET s x", "RENAME s t", "FLUSHDB", "SWAPDB 0 1", "XGROUP DESTROY s g"] {
        server.run("FLUSHALL");
        server.run("XGROUP CREATE s g $ MKSTREAM");
        server.wait_for("s");
        server.run(line);
        assert!(server.effects.ready.iter().any(|(_, key)| **key == *b"s"), "{line}");
    }
}
