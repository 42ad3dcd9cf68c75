//! The limits that are configured hold.

use std::time::{Duration, Instant};

use crate::support::{Honest, Raw, first_client, resident_bytes, start, wait_until};

const MIB: u64 = 1 << 20;

#[test]
fn clients_beyond_the_limit_are_told_and_turned_away() {
    let server = start(&["--maxclients", "3"]);
    let mut clients = vec![first_client(&server)];
    clients.extend((0..2).map(|_| Raw::connect(&server)));
    for client in &mut clients {
        assert_eq!(client.ask("PING"), "+PONG");
    }
    assert_eq!(Raw::connect(&server).until_closed(), "-ERR max number of clients reached\r\n");
    assert_eq!(clients[0].info("stats", "rejected_connections"), 1);
    clients.pop();
    wait_until("a place is free again", || {
        let mut next = Raw::connect(&server);
        next.line("PING");
        let mut first = [0];
        std::io::Read::read_exact(&mut next.0, &mut first).expect("an answer");
        first == *b"+"
    });
    assert_eq!(clients[0].ask("CONFIG SET maxclients 2"), "+OK");
    let mut more = Raw::connect(&server);
    assert_eq!(more.until_closed(), "-ERR max number of clients reached\r\n");
}

#[test]
fn the_limit_holds_however_many_connect_at_once() {
    for threads in ["1", "3"] {
        let server = start(&["--maxclients", "40", "--threads", threads]);
        let mut first = first_client(&server);
        let mut others: Vec<Raw> = (0..200).map(|_| Raw::connect(&server)).collect();
        for refused in others.split_off(39) {
            assert_eq!({ refused }.until_closed(), "-ERR max number of clients reached\r\n");
        }
        for client in &mut others {
            assert_eq!(client.ask("PING"), "+PONG");
        }
        assert_eq!(first.info("stats", "rejected_connections"), 161);
        assert_eq!(first.info("clients", "connected_clients"), 40);
    }
}

#[test]
fn the_silent_are_closed_but_not_those_who_listen_or_wait() {
    let server = start(&["--timeout", "1", "--loglevel", "verbose"]);
    let mut listening = Raw::connect(&server);
    assert_eq!(listening.ask("SUBSCRIBE c"), "*3");
    let mut waiting = Raw::connect(&server);
    waiting.line("BLPOP l 0");
    let mut silent = Raw::connect(&server);
    assert_eq!(silent.ask("PING"), "+PONG");
    let start = Instant::now();
    assert_eq!(silent.until_closed(), "");
    assert!(start.elapsed() >= Duration::from_millis(900), "closed after {:?}", start.elapsed());
    assert!(server.log_tail().contains("Closing idle client"));
    let mut acting = Raw::connect(&server);
    assert_eq!(acting.ask("PUBLISH c x"), ":1");
    assert_eq!(acting.ask("RPUSH l x"), ":1");
    waiting.expect("*2\r\n$1\r\nl\r\n$1\r\nx\r\n");
}

/// The timer of the server's end of a connection, as the system shows it: kind and time left.
fn timer(server_port: u16, client_port: u16) -> Option<(u8, u64)> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux shows its connections");
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, remote, timer) = (fields.get(1)?, fields.get(2)?, fields.get(5)?);
        let is_it = local.ends_with(&format!(":{server_port:04X}"))
            && remote.ends_with(&format!(":{client_port:04X}"));
        let (kind, left) = timer.split_once(':').filter(|_| is_it)?;
        Some((u8::from_str_radix(kind, 16).ok()?, u64::from_str_radix(left, 16).ok()?))
    })
}

#[test]
fn dead_peers_are_probed_as_configured() {
    const KEEPALIVE: u8 = 2;
    const TICKS_PER_SECOND: u64 = 100;
    for (setting, expected) in [("0", None), ("300", Some(300)), ("60", Some(60))] {
        let server = start(&["--tcp-keepalive", setting]);
        let mut client = Raw::connect(&server);
        assert_eq!(client.ask("PING"), "+PONG");
        let port = client.0.local_addr().expect("connected").port();
        let mut found = None;
        wait_until("no byte is under way", || {
            found = timer(server.port(), port);
            found.is_some_and(|(kind, _)| kind == 0 || kind == KEEPALIVE)
        });
        let (kind, left) = found.expect("the connection is in the table");
        match expected {
            None => assert_eq!(kind, 0, "tcp-keepalive {setting}"),
            Some(seconds) => {
                assert_eq!(kind, KEEPALIVE, "tcp-keepalive {setting}");
                let seconds_left = left.div_ceil(TICKS_PER_SECOND);
                assert!(
                    seconds_left <= seconds && seconds_left + 20 >= seconds,
                    "{seconds_left} of {seconds}"
                );
            }
        }
    }
}

#[test]
fn a_command_larger_than_the_query_buffer_closes_its_client() {
    let server = start(&["--client-query-buffer-limit", "1mb"]);
    let honest = Honest::beside(&server, None);
    let before = resident_bytes(&server);
    for _ in 0..20 {
        let mut client = Raw::connect(&server);
        client.send(b"*2\r\n$4\r\nECHO\r\n$100000000\r\n");
        for _ in 0..50 {
            client.send(&[b'x'; 100_000]);
        }
        assert_eq!(client.until_closed(), "");
    }
    assert!(server.log_tail().contains("Closing client that reached max query buffer length"));
    let grown = resident_bytes(&server).saturating_sub(before);
    assert!(grown < 32 * MIB, "{grown} bytes more than before");
    honest.was_served();
}

#[test]
fn a_subscriber_that_does_not_read_is_closed() {
    let server = start(&["--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let honest = Honest::beside(&server, None);
    let mut deaf = Raw::connect(&server);
    assert_eq!(deaf.ask("SUBSCRIBE c"), "*3");
    let mut publishing = Raw::connect(&server);
    let payload = "x".repeat(60_000);
    let mut heard = 0;
    wait_until("the subscriber is closed", || {
        heard += 1;
        publishing.ask(&format!("PUBLISH c {payload}")) == ":0"
    });
    assert!(heard > 16, "closed after {heard} messages");
    assert!(server.log_tail().contains("closed for overcoming of output buffer limits."));
    honest.was_served();
}

#[test]
fn a_client_that_asks_for_more_than_its_output_buffer_holds_is_closed() {
    let server = start(&["--client-output-buffer-limit", "normal 4mb 0 0"]);
    let honest = Honest::beside(&server, None);
    let mut greedy = Raw::connect(&server);
    assert_eq!(greedy.ask("SETRANGE big 1048575 x"), ":1048576");
    let before = resident_bytes(&server);
    // 600 MiB of replies by 9 KB of commands that arrive at once.
    greedy.send(&b"GET big\r\n".repeat(600));
    let received = greedy.until_closed();
    assert!(received.len() < 600 << 20);
    let grown = resident_bytes(&server).saturating_sub(before);
    assert!(grown < 96 * MIB, "{grown} bytes more than before");
    assert_eq!(server.log_tail().matches("closed for overcoming of output buffer limits.").count(), 1);
    honest.was_served();
}

#[test]
fn clients_that_take_too_much_go_before_any_key_does() {
    let server =
        start(&["--maxmemory", "64mb", "--maxmemory-clients", "8mb", "--maxmemory-policy", "allkeys-lru"]);
    let honest = Honest::beside(&server, None);
    let mut control = Raw::connect(&server);
    for n in 0..50 {
        assert_eq!(control.ask(&format!("SETRANGE {n} 99999 x")), ":100000");
    }
    // In each round 400 MiB of replies are asked for at once, or 40 MiB are sent in words without end.
    for bytes in [b"GET 1\r\n".repeat(400), [b"*1\r\n$9000000\r\n".as_slice(), &[b'x'; 4 << 20]].concat()] {
        assert_eq!(control.ask("CONFIG RESETSTAT"), "+OK");
        let mut greedy: Vec<Raw> = (0..10).map(|_| Raw::connect(&server)).collect();
        for client in &mut greedy {
            client.send(&bytes);
        }
        wait_until("some are evicted", || control.info("stats", "evicted_clients") >= 3);
        drop(greedy);
        wait_until("all have gone", || control.info("clients", "connected_clients") == 2);
        assert_eq!(control.info("stats", "evicted_keys"), 0);
    }
    assert_eq!(control.ask("DBSIZE"), ":51");
    honest.was_served();
}

#[test]
fn what_a_client_has_queued_watched_and_subscribed_to_counts_as_its_memory() {
    let server = start(&["--maxmemory-clients", "512kb"]);
    let mut control = Raw::connect(&server);
    let word = "x".repeat(20_000);
    let lines: [&dyn Fn(usize) -> String; 4] = [
        &|n| if n == 0 { "MULTI".to_owned() } else { format!("SET k {word}") },
        &|n| format!("WATCH {n}"),
        &|n| format!("SUBSCRIBE {n}"),
        &|n| format!("PSUBSCRIBE {n}"),
    ];
    for (evicted, line) in lines.into_iter().enumerate() {
        let mut greedy = Raw::connect(&server);
        for n in 0..20_000 {
            greedy.line(&line(n));
        }
        greedy.until_closed();
        assert_eq!(control.info("stats", "evicted_clients"), evicted as u64 + 1, "{}", line(1));
    }
}

#[test]
fn the_soft_limit_has_its_patience_and_no_more() {
    let server = start(&["--client-output-buffer-limit", "pubsub 0 100kb 1"]);
    let mut deaf = Raw::connect(&server);
    assert_eq!(deaf.ask("SUBSCRIBE c"), "*3");
    let mut publishing = Raw::connect(&server);
    let payload = "x".repeat(60_000);
    wait_until("more waits than the system holds", || {
        assert_eq!(publishing.ask(&format!("PUBLISH c {payload}")), ":1");
        let list = publishing.ask("CLIENT LIST TYPE pubsub");
        let waiting = list.split("omem=").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
        waiting.is_some_and(|bytes| bytes > 200_000)
    });
    let start = Instant::now();
    wait_until("the subscriber is closed", || {
        publishing.ask("PUBSUB NUMPAT") == ":0"
            && publishing.ask("PUBLISH other x") == ":0"
            && publishing.ask("CLIENT LIST TYPE pubsub").is_empty()
    });
    assert!(start.elapsed() >= Duration::from_millis(900), "closed after {:?}", start.elapsed());
}
