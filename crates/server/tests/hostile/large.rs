//! Words of many MiB: in any company, in any pieces, refused, taken back.

use std::io::Read;

use crate::support::{Raw, start};

const MIB: usize = 1 << 20;

/// Bytes that tell where they stand.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn expect_bulk(raw: &mut Raw, expected: &[u8]) {
    raw.expect(&format!("${}\r\n", expected.len()));
    let mut bytes = vec![0; expected.len() + 2];
    raw.0.read_exact(&mut bytes).expect("the whole string");
    assert!(bytes[..expected.len()] == *expected, "the value as it was set");
}

#[test]
fn large_requests_and_replies_are_listed_whichever_way_they_go() {
    let server = start(&[
        "--threads",
        "1",
        "--commandlog-request-larger-than",
        "200000",
        "--commandlog-reply-larger-than",
        "200000",
    ]);
    let (mut raw, mut other) = (Raw::connect(&server), Raw::connect(&server));
    // Too small for a look, run on the loop, and run on another thread.
    for (len, count) in [(199_900, 0), (300_000, 1), (2 * MIB, 1)] {
        let value = pattern(len);
        raw.send(&command(&[b"SET", b"k", &value]));
        raw.expect("+OK\r\n");
        raw.send(&command(&[b"HSET", b"h", b"f", &value]));
        let _ = raw.read_line();
        raw.send(&[command(&[b"PING"]), command(&[b"GET", b"k"]), command(&[b"PING"])].concat());
        raw.expect("+PONG\r\n");
        expect_bulk(&mut raw, &value);
        raw.expect("+PONG\r\n");
        assert_eq!(other.ask("COMMANDLOG LEN large-request"), format!(":{}", 2 * count), "{len}");
        assert_eq!(other.ask("COMMANDLOG LEN large-reply"), format!(":{count}"), "{len}");
        raw.send(&command(&[b"HGET", b"h", b"f"]));
        expect_bulk(&mut raw, &value);
        raw.send(&command(&[b"HMGET", b"h", b"f", b"g"]));
        raw.expect("*2\r\n");
        expect_bulk(&mut raw, &value);
        raw.expect("$-1\r\n");
        assert_eq!(other.ask("COMMANDLOG LEN large-reply"), format!(":{}", 3 * count), "{len}");
        other.line("COMMANDLOG GET 1 large-reply");
        match count {
            0 => other.expect("*0\r\n"),
            _ => {
                other.expect("*1\r\n*6\r\n");
                let (_, _) = (other.read_line(), other.read_line());
                let bytes = format!("*2\r\n${len}\r\n").len() + len + 2 + "$-1\r\n".len();
                other.expect(&format!(":{bytes}\r\n*4\r\n$5\r\nHMGET\r\n$1\r\nh\r\n$1\r\nf\r\n$1\r\ng\r\n"));
                let _ = (0..4).map(|_| other.read_line()).collect::<Vec<_>>();
            }
        }
        for log in ["large-request", "large-reply"] {
            assert_eq!(other.ask(&format!("COMMANDLOG RESET {log}")), "+OK");
        }
    }
}

#[test]
fn large_values_come_back_as_they_were_set_in_any_company() {
    let server = start(&["--threads", "2", "--appendonly", "yes", "--enable-debug-command", "yes"]);
    let mut raw = Raw::connect(&server);
    let (large, other) = (pattern(5 * MIB + 3), pattern(2 * MIB));
    let mut bytes = command(&[b"SET", b"before", b"1"]);
    bytes.extend(command(&[b"SET", b"large", &large]));
    bytes.extend(command(&[b"GET", b"before"]));
    bytes.extend(command(&[b"SET", b"other", &other]));
    bytes.extend(command(&[b"GET", b"large"]));
    bytes.extend(command(&[b"STRLEN", b"other"]));
    bytes.extend(b"PING\r\n");
    // What is sent in one piece and what comes byte by byte at the seams are the same to the server.
    for piece in [bytes.len(), 3 * MIB + 1, 100_003] {
        let mut sender = raw.0.try_clone().expect("a second handle");
        let sent = bytes.clone();
        let thread = std::thread::spawn(move || {
            for part in sent.chunks(piece) {
                std::io::Write::write_all(&mut sender, part).expect("the server reads");
            }
        });
        raw.expect("+OK\r\n+OK\r\n$1\r\n1\r\n+OK\r\n");
        expect_bulk(&mut raw, &large);
        raw.expect(&format!(":{}\r\n+PONG\r\n", other.len()));
        thread.join().expect("sent");
    }
    raw.send(&command(&[b"APPEND", b"other", &large]));
    raw.expect(&format!(":{}\r\n", other.len() + large.len()));
    raw.send(&command(&[b"SET", b"large", &large, b"NX"]));
    raw.expect("$-1\r\n");
    raw.send(&command(&[b"LPUSH", b"large", &large]));
    raw.expect("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
    raw.send(&command(&[b"GETSET", b"large", b"small"]));
    expect_bulk(&mut raw, &large);
    let digest = raw.ask("DEBUG DIGEST");
    assert_eq!(raw.ask("DEBUG LOADAOF"), "+OK");
    assert_eq!(raw.ask("DEBUG DIGEST"), digest);
}

#[test]
fn a_large_command_waits_in_a_transaction_and_during_a_pause() {
    let server = start(&["--threads", "2"]);
    let (mut raw, mut other) = (Raw::connect(&server), Raw::connect(&server));
    let large = pattern(3 * MIB);
    raw.send(&command(&[b"MULTI"]));
    raw.send(&command(&[b"SET", b"large", &large]));
    raw.send(&command(&[b"GET", b"large"]));
    raw.send(&command(&[b"EXEC"]));
    raw.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n");
    expect_bulk(&mut raw, &large);
    assert_eq!(other.ask("CLIENT PAUSE 100000 WRITE"), "+OK");
    let mut bytes = command(&[b"SET", b"paused", &large]);
    bytes.extend(command(&[b"STRLEN", b"paused"]));
    raw.send(&bytes);
    assert_eq!(other.ask("EXISTS paused"), ":0");
    assert_eq!(other.ask("CLIENT UNPAUSE"), "+OK");
    raw.expect(&format!("+OK\r\n:{}\r\n", large.len()));
}

#[test]
fn a_word_may_be_as_long_as_is_allowed_and_no_longer() {
    let server = start(&["--proto-max-bulk-len", "4mb"]);
    let mut raw = Raw::connect(&server);
    let large = pattern(4 * MIB);
    raw.send(&command(&[b"SET", b"large", &large]));
    raw.expect("+OK\r\n");
    raw.send(&command(&[b"APPEND", b"large", b"x"]));
    raw.expect("-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n");
    raw.line("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4194305");
    raw.expect("-ERR Protocol error: invalid bulk length\r\n");
    assert_eq!(raw.until_closed(), "");
}

#[test]
fn who_announces_more_than_he_sends_takes_no_memory_for_it() {
    let server = start(&["--proto-max-bulk-len", "8gb"]);
    let mut honest = Raw::connect(&server);
    let before = honest.info("memory", "used_memory_rss");
    let idle: Vec<Raw> = (0..64)
        .map(|_| {
            let mut raw = Raw::connect(&server);
            raw.line("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$500000000");
            raw.send(&pattern(1000));
            raw
        })
        .collect();
    assert_eq!(honest.ask("PING"), "+PONG");
    let grown = honest.info("memory", "used_memory_rss").saturating_sub(before);
    assert!(grown < 256 * MIB as u64, "{grown} bytes for {} announcements", idle.len());
    drop(idle);
    assert_eq!(honest.ask("SET a b"), "+OK");
}

#[test]
fn no_more_is_read_behind_a_large_value_than_is_needed_soon() {
    let server = start(&["--threads", "1"]);
    let mut watching = Raw::connect(&server);
    let mut sending = Raw::connect(&server);
    assert_eq!(sending.ask("CLIENT SETNAME sending"), "+OK");
    let value = vec![b'x'; 1 << 20];
    let mut writer = Raw(sending.0.try_clone().expect("another handle"));
    let thread = std::thread::spawn(move || {
        for key in 0..100 {
            writer.send(format!("*3\r\n$3\r\nSET\r\n$3\r\n{:03}\r\n${}\r\n", key, value.len()).as_bytes());
            writer.send(&value);
            writer.send(b"\r\n");
        }
    });
    let buffered = |list: &str| {
        let line = list.lines().find(|line| line.contains("name=sending")).expect("it is connected");
        let bytes = line.split(" qbuf=").nth(1).and_then(|rest| rest.split(' ').next());
        bytes.and_then(|bytes| bytes.parse::<u64>().ok()).expect("a number")
    };
    let mut most = 0;
    while watching.ask("DBSIZE") != ":100" {
        most = most.max(buffered(&watching.ask("CLIENT LIST")));
    }
    thread.join().expect("everything is sent");
    assert!(most <= 4 << 20, "{most} bytes were buffered");
    sending.expect(&"+OK\r\n".repeat(100));
}
