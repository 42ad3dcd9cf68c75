//! Bytes that are no commands, and commands that never end.

use crate::support::{Honest, Raw, resident_bytes, start, wait_until};

const MIB: u64 = 1 << 20;

#[test]
fn what_is_no_command_is_answered_and_closed() {
    let server = start(&[]);
    let honest = Honest::beside(&server, None);
    for (bytes, reply) in [
        (&b"*2147483648\r\n"[..], "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*99999999999999999999\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*1\r\n$536870913\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$9223372036854775808\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\nx\r\n", "-ERR Protocol error: expected '$', got 'x'\r\n"),
        (b"set k \"unbalanced\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
        (b"PING\r\n*1\r\n!1\r\nx\r\nPING\r\n", "+PONG\r\n-ERR Protocol error: expected '$', got '!'\r\n"),
    ] {
        let mut client = Raw::connect(&server);
        client.send(bytes);
        assert_eq!(client.until_closed(), reply, "{}", bytes.escape_ascii());
    }
    honest.was_served();
}

#[test]
fn a_line_or_header_without_end_is_given_up() {
    let server = start(&[]);
    for (start, reply) in [
        (&b""[..], "-ERR Protocol error: too big inline request\r\n"),
        (b"*", "-ERR Protocol error: too big mbulk count string\r\n"),
        (b"*1\r\n$", "-ERR Protocol error: too big bulk count string\r\n"),
    ] {
        let mut client = Raw::connect(&server);
        client.send(start);
        client.send(&vec![b'1'; 80 * 1024]);
        assert_eq!(client.until_closed(), reply);
    }
}

#[test]
fn announced_sizes_take_no_memory_before_the_bytes_come() {
    let server = start(&[]);
    let honest = Honest::beside(&server, None);
    let before = resident_bytes(&server);
    let mut clients: Vec<Raw> = (0..100).map(|_| Raw::connect(&server)).collect();
    for client in &mut clients {
        client.send(b"PING\r\n*2147483647\r\n$500000000\r\nonly this");
        client.expect("+PONG\r\n");
    }
    let grown = resident_bytes(&server).saturating_sub(before);
    assert!(grown < 32 * MIB, "100 clients that announced 500 MB each took {grown} bytes");
    honest.was_served();
}

#[test]
fn counts_beyond_all_measure_are_answered_at_once_and_take_no_memory() {
    let server = start(&[]);
    let honest = Honest::beside(&server, None);
    let before = resident_bytes(&server);
    let mut client = Raw::connect(&server);
    const HUGE: &str = "9223372036854775807";
    for fill in ["RPUSH l a b c", "SADD s a b c", "HSET h a 1 b 2", "ZADD z 1 a 2 b 3 c"] {
        assert!(client.ask(fill).starts_with(':'));
    }
    for (line, head) in [
        (format!("SRANDMEMBER s -{HUGE}"), "-ERR value is out of range"),
        ("SRANDMEMBER s -1000000000".to_owned(), "-ERR value is out of range"),
        (format!("HRANDFIELD h -{HUGE} WITHVALUES"), "-ERR value is out of range"),
        ("ZRANDMEMBER z -1000000000".to_owned(), "-ERR value is out of range"),
        (format!("SETRANGE k {HUGE} x"), "-ERR string exceeds maximum allowed size"),
        (format!("LMPOP {HUGE} l LEFT"), "-ERR syntax error"),
        (format!("SINTERCARD {HUGE} s"), "-ERR Number of keys can't be greater than number of args"),
        (format!("ZUNION {HUGE} z"), "-ERR syntax error"),
        (format!("BZMPOP 0 {HUGE} z MIN"), "-ERR syntax error"),
        (format!("LPOS l c RANK {HUGE} MAXLEN {HUGE}"), "$-1"),
        (format!("GETRANGE l {HUGE} {HUGE}"), "-WRONGTYPE"),
        (format!("SRANDMEMBER s {HUGE}"), "*3"),
        (format!("SPOP s {HUGE}"), "*3"),
        (format!("LPOP l {HUGE}"), "*3"),
        (format!("ZPOPMIN z {HUGE}"), "*6"),
        (format!("SCAN 0 COUNT {HUGE}"), "*2"),
    ] {
        let mut client = Raw::connect(&server);
        let reply = client.ask(&line);
        assert!(reply.starts_with(head), "{line}: {reply}");
    }
    let grown = resident_bytes(&server).saturating_sub(before);
    assert!(grown < 16 * MIB, "{grown} bytes more than before");
    honest.was_served();
}

#[test]
fn half_commands_wait_for_their_rest_or_vanish_with_their_client() {
    let server = start(&[]);
    let honest = Honest::beside(&server, None);
    let whole = b"*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$5\r\nvalue\r\n";
    for cut in 1..whole.len() {
        let mut client = Raw::connect(&server);
        client.send(&whole[..cut]);
        drop(client);
        let mut client = Raw::connect(&server);
        client.send(&whole[..cut]);
        client.send(&whole[cut..]);
        client.expect("+OK\r\n");
        assert_eq!(client.ask("DEL half"), ":1");
    }
    honest.was_served();
    let mut client = Raw::connect(&server);
    assert_eq!(client.ask("EXISTS half"), ":0");
}

#[test]
fn who_sends_half_a_command_and_leaves_at_once_is_not_remembered() {
    let server = start(&["--threads", "1", "--enable-debug-command", "yes"]);
    let mut control = Raw::connect(&server);
    let mut clients: Vec<Raw> = (0..50).map(|_| Raw::connect(&server)).collect();
    for client in &mut clients {
        assert_eq!(client.ask("PING"), "+PONG");
    }
    // While the server looks elsewhere, so that it hears of their words and of their leaving at the same time.
    control.send(b"DEBUG SLEEP 0.3\r\n");
    for mut client in clients {
        client.send(b"*2\r\n$3\r\nGET\r\n");
    }
    control.expect("+OK\r\n");
    wait_until("all have gone", || control.info("clients", "connected_clients") == 1);
}

#[test]
fn a_browser_that_is_made_to_talk_to_us_is_cut_off_and_reported() {
    let server = start(&[]);
    for request in [
        &b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET stolen 1\r\n"[..],
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nSET stolen 1\r\n",
        b"*1\r\n$4\r\npost\r\nSET stolen 1\r\n",
    ] {
        let mut client = Raw::connect(&server);
        client.send(request);
        let received = client.until_closed();
        assert!(
            received.is_empty() || received.starts_with("-ERR wrong number of arguments for 'get'"),
            "{received}"
        );
    }
    let log = server.log_tail();
    assert_eq!(log.matches("Possible SECURITY ATTACK detected.").count(), 3, "{log}");
    assert_eq!(Raw::connect(&server).ask("EXISTS stolen"), ":0");
}
