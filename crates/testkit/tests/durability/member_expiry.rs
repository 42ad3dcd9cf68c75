//! Members that expire, and files: logs, rewritten or not, and snapshots keep the times, and while they are loaded nothing
//! expires.

use std::time::Duration;

use spinel_aof::disk::sim::SimDisk;
use spinel_engine::config::AppendFsync;
use spinel_testkit::TestServer;

use crate::opened::{PAGE_BYTES, digest, logged, open, wait_until_at_rest, wait_until_safe};

/// Members of a set that is saved in slices.
const MANY: usize = 3000;

fn fill(server: &TestServer) {
    let client = server.connect();
    let _ = client.run("SADD s a 2 3");
    let _ = client.run("SPEXPIRE s 60000 MEMBERS 2 a 2");
    let _ = client.run("ZADDEX z PX 60000 MEMBERS 2 1 a 2 b");
    let _ = client.run("ZPERSIST z MEMBERS 1 b");
    let _ = client.run_words(["SADDEX", "odd \r\n", "PX", "60000", "MEMBERS", "2", "", "%\n*1"]);
    for i in 0..MANY {
        let _ = client.run(&format!("SADDEX large PX {} MEMBERS 1 member{i}", 60_000 + i));
    }
    let long = "x".repeat(5000);
    let _ = client.run(&format!("ZADDEX long PX 60000 MEMBERS 1 1 {long}"));
    let _ = client.run("SADD later x");
}

fn check(server: &TestServer) {
    let client = server.connect();
    assert_eq!(client.run("SPTTL s MEMBERS 1 3"), "*1\r\n:-1\r\n");
    assert_eq!(client.run("ZTTL z MEMBERS 1 b"), "*1\r\n:-1\r\n");
    assert!(client.run("INFO keyspace").contains("subexpiry=5\r\n"), "{}", client.run("INFO keyspace"));
    assert_eq!(client.run("SCARD large"), format!(":{MANY}\r\n"));
    server.advance(Duration::from_secs(70));
    server.upkeep();
    assert_eq!(client.run("SMEMBERS s"), "*1\r\n$1\r\n3\r\n");
    assert_eq!(client.run("ZRANGE z 0 -1"), "*1\r\n$1\r\nb\r\n");
    assert_eq!(client.run("EXISTS large long"), ":0\r\n");
    assert_eq!(client.run("DBSIZE"), ":3\r\n", "s, z and later");
}

#[test]
fn logs_keep_the_times_of_members() {
    for rewrites in [false, true] {
        for preamble in [false, true] {
            let change = |settings: &mut _| {
                logged(AppendFsync::EverySecond)(settings);
                settings.persistence.aof.rdb_preamble = preamble;
            };
            let disk = SimDisk::new(PAGE_BYTES);
            let server = open(&disk, change);
            fill(&server);
            let client = server.connect();
            if rewrites {
                let _ = client.run("BGREWRITEAOF");
                wait_until_at_rest(&server, &client);
            }
            let _ = client.run("SADD later y");
            wait_until_safe(&server);
            let expected = digest(&server);
            let server = open(&disk.after_kill(), change);
            assert_eq!(digest(&server), expected);
            check(&server);
        }
    }
}

#[test]
fn snapshots_keep_the_times_of_members_also_of_those_that_change_meanwhile() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, |_| {});
    fill(&server);
    let client = server.connect();
    let expected = digest(&server);
    assert_eq!(client.run("DEBUG RELOAD"), "+OK\r\n");
    assert_eq!(digest(&server), expected);
    let _ = client.run("BGSAVE");
    let _ = client.run("SREM s a");
    let _ = client.run("SPERSIST large MEMBERS 1 member0");
    let _ = client.run("DEL z");
    wait_until_at_rest(&server, &client);
    let server = open(&disk.after_kill(), |_| {});
    assert_eq!(digest(&server), expected);
    check(&server);
}
