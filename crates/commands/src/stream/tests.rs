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

/// The times are those of Redis 8.0; that a consumer is not created in vain is as in 7.0.
#[test]
fn a_consumer_is_seen_when_it_asks_and_active_when_it_is_given_something() {
    let mut server = Server::new();
    let lines = ["XADD s 1-1 a 1", "XGROUP CREATE s g 0", "XGROUP CREATECONSUMER s g c"];
    lines.iter().for_each(|line| drop(server.run(line)));
    // A command, and how long after it the consumer is idle and inactive, if 5 milliseconds pass before each.
    for (line, idle, inactive) in [
        ("EXISTS s", 5, -1),
        ("XREADGROUP GROUP g c NOACK STREAMS s >", 0, -1),
        ("XGROUP SETID s g 0", 5, -1),
        ("XREADGROUP GROUP g c STREAMS s >", 0, 0),
        ("XREADGROUP GROUP g c STREAMS s >", 0, 5),
        ("XREADGROUP GROUP g c STREAMS s 0", 0, 10),
        ("XREADGROUP GROUP g c BLOCK 0 STREAMS s >", 0, 15),
        ("XPENDING s g - + 10 c", 5, 20),
        ("XCLAIM s g c 100 1-1", 0, 25),
        ("XCLAIM s g c 0 9-9", 0, 30),
        ("XCLAIM s g c 0 1-1 JUSTID", 0, 0),
        ("XAUTOCLAIM s g c 100 0", 0, 5),
        ("XAUTOCLAIM s g c 0 0", 0, 0),
        ("XACK s g 1-1", 5, 5),
        ("XREADGROUP GROUP g other STREAMS s >", 10, 10),
        ("XCLAIM s g other 0 9-9", 15, 15),
    ] {
        server.advance_ms(5);
        server.run(line);
        let reply = server.run("XINFO CONSUMERS s g");
        let times = format!("$4\r\nidle\r\n:{idle}\r\n$8\r\ninactive\r\n:{inactive}\r\n");
        assert!(reply.starts_with("*1\r\n") && reply.ends_with(&times), "{line}: {reply}");
    }
    let seen =
        "$9\r\nseen-time\r\n:1700000000065\r\n$11\r\nactive-time\r\n:1700000000065\r\n$9\r\npel-count\r\n";
    let full = server.run("XINFO STREAM s FULL");
    assert!(full.contains(seen), "{full}");
    server.run("XGROUP CREATECONSUMER s g new");
    assert!(server.run("XINFO STREAM s FULL").contains("$11\r\nactive-time\r\n:-1\r\n"));
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

/// The replies are those of Redis 8.6.3.
#[test]
fn what_groups_refer_to_is_deleted_as_one_says() {
    let mut server = Server::new();
    for id in ["1-1", "1-2", "1-3", "1-4"] {
        server.run(&format!("XADD s {id} a 1"));
    }
    for line in ["XGROUP CREATE s g 0", "XGROUP CREATE s h 0"] {
        server.run(line);
    }
    server.run("XREADGROUP GROUP g c COUNT 3 STREAMS s >");
    server.run("XREADGROUP GROUP h c COUNT 2 STREAMS s >");
    for (line, reply) in [
        ("XDELEX s ACKED IDS 2 1-1 9-9", "*2\r\n:2\r\n:2\r\n"),
        ("XACK s g 1-1", ":1\r\n"),
        ("XDELEX s ACKED IDS 1 1-1", "*1\r\n:2\r\n"),
        ("XACKDEL s h ACKED IDS 3 1-1 1-4 9-9", "*3\r\n:1\r\n:-1\r\n:-1\r\n"),
        ("XACKDEL s h DELREF IDS 1 1-2", "*1\r\n:1\r\n"),
        ("XACKDEL s h DELREF IDS 1 1-3", "*1\r\n:-1\r\n"),
        ("XLEN s", ":2\r\n"),
        ("XDELEX s KEEPREF IDS 1 1-3", "*1\r\n:1\r\n"),
        ("XPENDING s g - + 10 none", "*0\r\n"),
        ("XDELEX s DELREF IDS 1 1-3", "*1\r\n:-1\r\n"),
        ("XPENDING s g - + 10", "*0\r\n"),
        ("XDELEX none IDS 1 zz", "*1\r\n:-1\r\n"),
        ("XACKDEL s none IDS 1 zz", "*1\r\n:-1\r\n"),
        ("XDELEX s IDS 1 zz", "-ERR Invalid stream ID specified as stream command argument\r\n"),
        ("XDELEX s IDS 2 1-1", "-ERR The `numids` parameter must match the number of arguments\r\n"),
        ("XDELEX s IDS 0 1-1", "-ERR Number of IDs must be a positive integer\r\n"),
        ("XDELEX s IDS 1 1-1 2-2", "-ERR syntax error\r\n"),
        ("XDELEX s KEEPREF ACKED IDS 1 1-1", "-ERR syntax error\r\n"),
        ("XDELEX s IDS 1 1-1 KEEPREF", "*1\r\n:-1\r\n"),
    ] {
        assert_eq!(server.run(line), reply, "{line}");
    }
}

/// The replies are those of Redis 8.6.3.
#[test]
fn trimming_leaves_what_groups_have_not_acknowledged_or_takes_it_from_them() {
    let mut server = Server::new();
    for number in 1..=6 {
        server.run(&format!("XADD s 1-{number} a 1"));
    }
    server.run("XGROUP CREATE s g 0");
    server.run("XREADGROUP GROUP g c COUNT 4 STREAMS s >");
    for (line, reply) in [
        ("XACK s g 1-2 1-4", ":2\r\n"),
        ("XTRIM s MAXLEN 4 ACKED", ":2\r\n"),
        ("XTRIM s MAXLEN 2 ACKED", ":0\r\n"),
        ("XLEN s", ":4\r\n"),
        ("XTRIM s DELREF MAXLEN 1", ":3\r\n"),
        ("XPENDING s g - + 10", "*0\r\n"),
        ("XTRIM s MAXLEN 0 ACKED DELREF", "-ERR syntax error\r\n"),
        ("XADD s ACKED DELREF 9-3 a b", "-ERR Invalid stream ID specified as stream command argument\r\n"),
        ("XADD s KEEPREF MAXLEN 5 9-1 a b", "$3\r\n9-1\r\n"),
    ] {
        assert_eq!(server.run(line), reply, "{line}");
    }
}

/// The replies are those of Redis 8.6.3.
#[test]
fn who_reads_may_take_over_what_is_pending_for_too_long() {
    let mut server = Server::new();
    for id in ["1-1", "1-2", "1-3"] {
        server.run(&format!("XADD s {id} a 1"));
    }
    server.run("XGROUP CREATE s g 0");
    server.run("XREADGROUP GROUP g c COUNT 2 STREAMS s >");
    server.advance_ms(7);
    let claimed = |id: &str, idle: u32, count: u32| {
        entry(id).replacen("*2", "*4", 1) + &format!(":{idle}\r\n:{count}\r\n")
    };
    let reply =
        |entries: &[String]| format!("*1\r\n*2\r\n$1\r\ns\r\n*{}\r\n{}", entries.len(), entries.concat());
    let expected = reply(&[claimed("1-1", 7, 1), claimed("1-2", 7, 1), claimed("1-3", 0, 0)]);
    assert_eq!(server.run("XREADGROUP GROUP g d CLAIM 5 STREAMS s >"), expected);
    assert_eq!(server.propagated().len(), 4, "three claims and how far the group has come");
    assert_eq!(server.run("XREADGROUP GROUP g d CLAIM 5 STREAMS s >"), "*-1\r\n");
    let expected = reply(&[claimed("1-1", 0, 2)]);
    assert_eq!(server.run("XREADGROUP GROUP g e CLAIM 0 COUNT 1 STREAMS s >"), expected);
    assert_eq!(server.run("XREADGROUP GROUP g f CLAIM 0 STREAMS s 0"), reply(&[]));
    for (words, error) in [
        ("CLAIM -1", "min-idle-time must be a positive integer"),
        ("CLAIM x", "min-idle-time is not an integer or out of range"),
    ] {
        let said = server.run(&format!("XREADGROUP GROUP g c {words} STREAMS s >"));
        assert_eq!(said, format!("-ERR {error}\r\n"));
    }
}

#[test]
fn a_message_that_is_sent_again_is_added_once_and_recorded_once() {
    let mut server = Server::new();
    let first = server.run("XADD s IDMP p 1 MAXLEN 5 * a 1");
    assert_eq!(server.propagated(), ["XADD s IDMP p 1 MAXLEN 5 1700000000000-0 a 1"]);
    assert_eq!(server.run("XADD s IDMP p 1 MAXLEN 0 * a 2"), first);
    assert!(server.propagated().is_empty() && server.effects.is_quiet());
    assert_ne!(server.run("XADD s IDMP q 1 * a 1"), first);
    // Fields in another order are the same content; the log names the content by itself.
    let auto = server.run("XADD s IDMPAUTO p * a 1 b 2");
    assert_eq!(server.propagated(), ["XADD s IDMPAUTO p 1700000000000-2 a 1 b 2"]);
    assert_eq!(server.run("XADD s IDMPAUTO p * b 2 a 1"), auto);
    server.run("DEL s");
    server.replayed = true;
    server.run("XADD s IDMPAUTO p 1700000000000-2 a 1 b 2");
    server.run("XADD s IDMP LIMIT 1 MAXLEN ~ 100 1700000000000-3 a 1");
    server.replayed = false;
    assert_eq!(server.run("XADD s IDMPAUTO p * b 2 a 1"), auto);
    assert_eq!(server.run("XADD s IDMP LIMIT 1 * b 2"), "$15\r\n1700000000000-3\r\n");
    server.propagated();
    server.run("XADD s IDMP LIMIT 2 MAXLEN ~ 100 LIMIT 7 * a 1");
    assert_eq!(server.propagated(), ["XADD s IDMP LIMIT 2 MAXLEN = 3 1700000000000-4 a 1"]);
}

#[test]
fn a_message_is_forgotten_after_its_time() {
    let mut server = Server::new();
    server.run("XADD s IDMP p 1 * a 1");
    assert_eq!(server.run("XCFGSET s IDMP-DURATION 2 IDMP-MAXSIZE 3"), "+OK\r\n");
    assert!(server.effects.propagation.is_verbatim() && server.effects.dirty == 1);
    let first = server.run("XADD s IDMP p 1 * a 1");
    server.advance_ms(1999);
    assert_eq!(server.run("XADD s IDMP p 1 * a 1"), first);
    let told = |server: &mut Server| {
        let info = server.run("XINFO STREAM s");
        info.split("\r\n").skip_while(|line| *line != "idmp-duration").take(18).collect::<Vec<_>>().join(" ")
    };
    let expected = "idmp-duration :2 $12 idmp-maxsize :3 $12 pids-tracked :1 $12 iids-tracked :1 $10 iids-added \
                    :2 $15 iids-duplicates :1 $6";
    assert_eq!(told(&mut server), expected);
    server.advance_ms(1);
    let expected =
        expected.replace("pids-tracked :1", "pids-tracked :0").replace("iids-tracked :1", "iids-tracked :0");
    assert_eq!(told(&mut server), expected);
    assert_ne!(server.run("XADD s IDMP p 1 * a 1"), first);
    // Nothing is told of a stream whose producers never said anything.
    server.run("XADD plain 1-1 a 1");
    assert!(server.run("XINFO STREAM plain").starts_with("*20\r\n"));
}

#[test]
fn what_a_message_became_can_be_noted_where_the_entry_is() {
    let mut server = Server::new();
    server.run("XADD s 1-1 a 1");
    server.run("XADD s 2-1 a 1");
    for (call, reply) in [
        ("XIDMPRECORD s p i 1-1", "+OK\r\n"),
        ("XIDMPRECORD s p i 1-1", "+OK\r\n"),
        ("XIDMPRECORD s p i 2-1", "-ERR IID already exists for this producer with a different stream ID\r\n"),
        ("XIDMPRECORD s p i 3-1", "-ERR No such message in stream\r\n"),
        ("XIDMPRECORD none p i 3", "-ERR no such key\r\n"),
        ("XCFGSET none IDMP-MAXSIZE 0", "-ERR no such key\r\n"),
        ("XCFGSET s", "-ERR At least one parameter must be specified\r\n"),
        ("XCFGSET s IDMP-MAXSIZE 0", "-ERR IDMP-MAXSIZE must be between 1 and 10000 entries\r\n"),
        ("XCFGSET s IDMP-DURATION 86401", "-ERR IDMP-DURATION must be between 1 and 86400 seconds\r\n"),
        ("XCFGSET s IDMP-DURATION 1 IDMP-DURATION 1", "-ERR IDMP-DURATION specified multiple times\r\n"),
        (
            "XADD s IDMP p i 5-1 a 1",
            "-ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs\r\n",
        ),
        ("XADD s IDMP p i IDMPAUTO p * a 1", "-ERR syntax error, IDMP/IDMPAUTO specified multiple times\r\n"),
    ] {
        assert_eq!(server.run(call), reply, "{call}");
    }
}

/// The expectations are those of the public documentation of `XNACK` (Redis 8.8), and of the tests of go-redis.
#[test]
fn what_is_released_belongs_to_nobody_and_is_claimed_first() {
    let mut server = Server::new();
    (1..=4).for_each(|n| drop(server.run(&format!("XADD s {n}-0 a 1"))));
    server.run("XGROUP CREATE s g 0");
    server.run("XREADGROUP GROUP g ann COUNT 3 STREAMS s >");
    server.propagated();
    assert_eq!(server.run("XNACK s g FAIL IDS 2 3-0 9-0"), ":1\r\n");
    assert_eq!(server.propagated(), ["XNACK s g FAIL IDS 1 3-0 RETRYCOUNT 1 FORCE"]);
    assert_eq!(server.run("XNACK s g silent IDS 1 1-0"), ":1\r\n");
    assert_eq!(server.propagated(), ["XNACK s g FAIL IDS 1 1-0 RETRYCOUNT 0 FORCE"]);
    let listed = "*3\r\n*4\r\n$3\r\n1-0\r\n$0\r\n\r\n:-1\r\n:0\r\n*4\r\n$3\r\n2-0\r\n$3\r\nann\r\n:0\r\n:1\r\n\
                  *4\r\n$3\r\n3-0\r\n$0\r\n\r\n:-1\r\n:1\r\n";
    assert_eq!(server.run("XPENDING s g - + 9"), listed);
    let summary = "*4\r\n:3\r\n$3\r\n1-0\r\n$3\r\n3-0\r\n*1\r\n*2\r\n$3\r\nann\r\n$1\r\n1\r\n";
    assert_eq!(server.run("XPENDING s g"), summary);
    assert!(server.run("XINFO STREAM s FULL").contains("nacked-count\r\n:2\r\n"));
    let ids = |reply: &str| {
        let ids = reply.split("\r\n").filter(|line| line.ends_with("-0")).map(str::to_owned);
        ids.collect::<Vec<_>>().join(" ")
    };
    let claimed = server.run("XREADGROUP GROUP g bob COUNT 3 CLAIM 60000 STREAMS s >");
    assert_eq!(ids(&claimed), "3-0 1-0 4-0");
    server.propagated();
    assert_eq!(server.run("XNACK s g FATAL IDS 1 3-0"), ":1\r\n");
    assert_eq!(server.run("XNACK s g FAIL IDS 1 2-0 RETRYCOUNT 7 FORCE"), ":1\r\n");
    let claimed = server.run("XCLAIM s g ann 99999999999999 3-0 2-0 JUSTID");
    assert_eq!(ids(&claimed), "3-0 2-0");
    assert!(server.run("XPENDING s g 3-0 3-0 1").contains(":9223372036854775807\r\n"));
    server.run("XCLAIM s g ann 0 3-0");
    assert!(server.run("XPENDING s g 3-0 3-0 1").contains(":9223372036854775807\r\n"));
}

#[test]
fn who_waits_to_claim_is_given_what_is_released() {
    let mut server = Server::new();
    server.run("XADD s 1-1 a 1");
    server.run("XGROUP CREATE s g 0");
    server.run("XREADGROUP GROUP g ann STREAMS s >");
    server.wait_for("s");
    server.run("XNACK s g FAIL IDS 1 1-1");
    assert_eq!(server.effects.ready.len(), 1);
    server.retried = true;
    assert_eq!(server.run("XREADGROUP GROUP g bob BLOCK 0 STREAMS s >"), "+BLOCKED\r\n");
    assert!(server.run("XREADGROUP GROUP g bob CLAIM 9000 BLOCK 0 STREAMS s >").contains("1-1"));
    assert!(server.run("XPENDING s g").contains("bob"));
}

#[test]
fn what_is_released_is_acknowledged_deleted_and_forced_like_anything_else() {
    let mut server = Server::new();
    (1..=3).for_each(|n| drop(server.run(&format!("XADD s {n}-0 a 1"))));
    server.run("XGROUP CREATE s g 0");
    assert_eq!(server.run("XNACK s g FAIL IDS 2 1-0 5-0"), ":0\r\n");
    assert_eq!(server.run("XNACK s g FAIL FORCE IDS 3 1-0 2-0 5-0"), ":2\r\n");
    assert!(server.run("XPENDING s g - + 9").contains("$3\r\n2-0\r\n$0\r\n\r\n:-1\r\n:0\r\n"));
    assert_eq!(server.run("XACK s g 1-0"), ":1\r\n");
    server.run("XDEL s 2-0");
    server.propagated();
    assert_eq!(server.run("XAUTOCLAIM s g ann 0 0"), "*3\r\n$3\r\n0-0\r\n*0\r\n*1\r\n$3\r\n2-0\r\n");
    assert_eq!(server.propagated(), ["XACK s g 2-0"]);
    assert!(server.run("XPENDING s g").starts_with("*4\r\n:0\r\n"));
    for (call, reply) in [
        ("XNACK s g NONE IDS 1 1-0", "-ERR mode must be SILENT, FAIL, or FATAL\r\n"),
        ("XNACK s none FAIL IDS 1 1-0", "-NOGROUP No such key 's' or consumer group 'none'\r\n"),
        ("XNACK none g FAIL IDS 1 1-0", "-NOGROUP No such key 'none' or consumer group 'g'\r\n"),
        ("XNACK s g FAIL IDS 0 1-0", "-ERR Number of IDs must be a positive integer\r\n"),
        ("XNACK s g FAIL IDS 2 1-0", "-ERR The `numids` parameter must match the number of arguments\r\n"),
        ("XNACK s g FAIL FORCE FORCE FORCE", "-ERR syntax error\r\n"),
        ("XNACK s g FAIL IDS 1 x", "-ERR Invalid stream ID specified as stream command argument\r\n"),
    ] {
        assert_eq!(server.run(call), reply, "{call}");
    }
}

/// The expectations are those of the public documentation of `XREAD` (Redis 8.10).
#[test]
fn a_reply_about_several_streams_has_bounds_of_its_own() {
    let mut server = Server::new();
    for n in 1..=3 {
        (1..=4).for_each(|m| drop(server.run(&format!("XADD s{n} {m}-{n} a 1"))));
        server.run(&format!("XGROUP CREATE s{n} g 0"));
    }
    let ids = |reply: &str| {
        let is_id = |line: &&str| line.len() == 3 && line.contains('-');
        reply.split("\r\n").filter(is_id).map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    let mut read = |options: &str| ids(&server.run(&format!("XREAD {options} STREAMS s1 s2 s3 0 0 0")));
    assert_eq!(read("COUNT 2 MAXCOUNT 3"), "1-1 2-1 1-2");
    assert_eq!(read("MAXCOUNT 5"), "1-1 2-1 3-1 4-1 1-2");
    assert_eq!(read("MAXSIZE 1"), "1-1");
    assert_eq!(read("MAXSIZE 100"), "1-1 2-1");
    assert_eq!(read("MAXCOUNT 1 MAXSIZE 1000"), "1-1");
    let group = "XREADGROUP GROUP g ann MAXCOUNT 3 COUNT 2 STREAMS s1 s2 s3";
    assert_eq!(ids(&server.run(&format!("{group} > > >"))), "1-1 2-1 1-2");
    assert_eq!(ids(&server.run("XREADGROUP GROUP g ann MAXSIZE 1 STREAMS s3 s1 > >")), "1-3");
    // What did not fit was not given to anybody.
    assert!(server.run("XPENDING s3 g").starts_with("*4\r\n:1\r\n"));
    assert_eq!(ids(&server.run(&format!("{group} 0 0 0"))), "1-1 2-1 1-2");
    for (call, reply) in [
        ("XREAD MAXCOUNT 0 STREAMS s1 0", "-ERR MAXCOUNT must be a positive integer\r\n"),
        ("XREAD MAXSIZE -1 STREAMS s1 0", "-ERR MAXSIZE must be a positive integer\r\n"),
        ("XREAD COUNT 5 MAXCOUNT 4 STREAMS s1 0", "-ERR MAXCOUNT must be greater than or equal to COUNT\r\n"),
        ("XREAD MAXCOUNT 9 STREAMS s1 9", "*-1\r\n"),
    ] {
        assert_eq!(server.run(call), reply, "{call}");
    }
    // The last entry, whatever the count; asked of Redis 8.6.
    assert_eq!(ids(&server.run("XREAD COUNT 3 STREAMS s1 s2 + 2-2")), "4-1 3-2 4-2");
}
