//! `WAITAOF`: who was told that his writes are durable finds them after a power cut.

use std::time::Duration;

use spinel_aof::disk::sim::{SimDisk, Step};
use spinel_engine::config::AppendFsync;
use spinel_testkit::{TestClient, TestServer};

use crate::opened::{PAGE_BYTES, digest, logged, open, wait, wait_until_at_rest};

const LOCAL: &str = "*2\r\n:1\r\n:0\r\n";
const NOWHERE: &str = "*2\r\n:0\r\n:0\r\n";
const OFF: &str = "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n";

/// What a client is answered that waits.
fn answer(server: &TestServer, client: &TestClient) -> String {
    let mut reply = String::new();
    wait(server, "nobody answers", || {
        reply += &client.read();
        !reply.is_empty()
    });
    reply
}

/// Waits until a client's writes are durable.
fn wait_aof(server: &TestServer, client: &TestClient) {
    let reply = client.run("WAITAOF 1 0 0");
    let reply = if reply.is_empty() { answer(server, client) } else { reply };
    assert_eq!(reply, LOCAL);
}

#[test]
fn what_was_waited_for_survives_a_power_cut() {
    for fsync in [AppendFsync::Always, AppendFsync::EverySecond] {
        let disk = SimDisk::new(PAGE_BYTES);
        let server = open(&disk, logged(fsync));
        let client = server.connect();
        for number in 0..60 {
            let reply = match number % 3 {
                0 => client.run(&format!("SET key:{number} {number}")),
                1 => client.run_all(&["MULTI", &format!("RPUSH list {number}"), "INCR counter", "EXEC"]),
                _ => client.run(&format!("APPEND key:{} more", number - 2)),
            };
            assert!(!reply.contains('-'), "{reply}");
            wait_aof(&server, &client);
            if number % 9 == 0 {
                let _ = client.run("BGREWRITEAOF");
            }
            let left = disk.after_power_cut(number);
            assert_eq!(digest(&open(&left, logged(fsync))), digest(&server), "{fsync:?}: {number}");
        }
    }
}

#[test]
fn nobody_is_told_of_what_a_sync_that_failed_did_not_save() {
    for times in 1..4 {
        let disk = SimDisk::new(PAGE_BYTES);
        let server = open(&disk, logged(AppendFsync::EverySecond));
        let client = server.connect();
        disk.fail(Step::Sync, 0, u64::MAX);
        assert_eq!(client.run("SET key value"), "+OK\r\n");
        client.send("WAITAOF 1 0 0");
        let other = server.connect();
        wait(&server, "writes go on", || other.run("SET other value").starts_with("-MISCONF"));
        assert!(client.is_waiting());
        disk.heal();
        disk.fail(Step::Sync, 0, times);
        assert_eq!(answer(&server, &client), LOCAL);
        let found = open(&disk.after_power_cut(times), logged(AppendFsync::EverySecond));
        assert_eq!(found.connect().run("GET key"), "$5\r\nvalue\r\n");
    }
}

#[test]
fn a_client_waits_for_its_own_writes_only_and_gives_up_when_its_time_is_over() {
    let server = open(&SimDisk::new(PAGE_BYTES), logged(AppendFsync::No));
    let (writer, reader) = (server.connect(), server.connect());
    assert_eq!(writer.run("INCR counter"), ":1\r\n");
    assert_eq!(reader.run_all(&["GET counter", "WAITAOF 1 0 0"]), format!("$1\r\n1\r\n{LOCAL}"));
    assert_eq!(writer.run("WAITAOF 0 0 0"), NOWHERE);
    assert_eq!(writer.run("WAITAOF 1 0 50"), "");
    server.advance(Duration::from_millis(51));
    assert_eq!(writer.read(), NOWHERE);
    writer.send("WAITAOF 1 0 0");
    let id = reader
        .run("CLIENT LIST")
        .split("id=")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .map(str::to_owned);
    let id = id.expect("the writer is listed first");
    assert_eq!(reader.run(&format!("CLIENT UNBLOCK {id}")), ":1\r\n");
    assert_eq!(writer.read(), NOWHERE);
    writer.send("WAITAOF 1 0 0");
    assert_eq!(reader.run(&format!("CLIENT UNBLOCK {id} ERROR")), ":1\r\n");
    assert_eq!(writer.read(), "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    writer.send("WAITAOF 1 0 0");
    assert_eq!(reader.run("CONFIG SET appendfsync everysec"), "+OK\r\n");
    assert_eq!(answer(&server, &writer), LOCAL);
    // No replica ever answers.
    assert_eq!(writer.run("WAITAOF 1 1 50"), "");
    server.advance(Duration::from_millis(51));
    assert_eq!(writer.read(), LOCAL);
}

#[test]
fn a_transaction_does_not_wait() {
    let server = open(&SimDisk::new(PAGE_BYTES), logged(AppendFsync::No));
    let client = server.connect();
    let _ = client.run("INCR counter");
    let replies = client.run_all(&["MULTI", "WAITAOF 1 0 0", "WAITAOF 0 1 0", "EXEC"]);
    assert!(replies.ends_with(&format!("*2\r\n{NOWHERE}{NOWHERE}")), "{replies}");
}

#[test]
fn turning_the_log_off_ends_the_waiting_for_it() {
    let server = open(&SimDisk::new(PAGE_BYTES), logged(AppendFsync::No));
    let [client, both, replica] = [(); 3].map(|()| server.connect());
    for waiting in [&client, &both, &replica] {
        let _ = waiting.run("INCR counter");
    }
    client.send("WAITAOF 1 0 0");
    both.send("WAITAOF 1 1 0");
    replica.send("WAITAOF 0 1 0");
    assert_eq!(server.connect().run("CONFIG SET appendonly no"), "+OK\r\n");
    assert_eq!((client.read(), both.read()), (OFF.to_owned(), OFF.to_owned()));
    assert!(replica.is_waiting());
    assert_eq!(client.run("WAITAOF 1 0 0"), OFF);
    assert_eq!(client.run("WAITAOF 0 0 0"), NOWHERE);
}

#[test]
fn a_log_that_begins_counts_once_its_base_is_there() {
    let disk = SimDisk::new(PAGE_BYTES);
    let settings = logged(AppendFsync::EverySecond);
    let server = open(&disk, |_| {});
    let client = server.connect();
    let _ = client.run_all(&["SET before 1", "CONFIG SET rdb-key-save-delay 20000"]);
    assert_eq!(client.run_all(&["CONFIG SET appendonly yes", "SET after 1"]), "+OK\r\n+OK\r\n");
    client.send("WAITAOF 1 0 0");
    assert!(client.is_waiting());
    let reply = answer(&server, &client);
    let found = open(&disk.after_power_cut(3), settings).connect();
    assert_eq!(
        (reply.as_str(), found.run("MGET before after")),
        (LOCAL, "*2\r\n$1\r\n1\r\n$1\r\n1\r\n".to_owned())
    );
    wait_until_at_rest(&server, &client);
    assert_eq!(client.info("aof_last_bgrewrite_status"), "ok");
}
