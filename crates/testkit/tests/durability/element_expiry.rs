//! Elements of lists that expire, and files: logs, rewritten or not, and snapshots keep the times, and while they are loaded
//! nothing expires, so that every index is what it was.

use std::time::Duration;

use spinel_aof::disk::sim::SimDisk;
use spinel_engine::config::AppendFsync;
use spinel_testkit::TestServer;

use crate::opened::{PAGE_BYTES, digest, logged, open, wait_until_at_rest, wait_until_safe};

/// Elements of a list that is saved in slices.
const MANY: usize = 3000;

fn fill(server: &TestServer) {
    let client = server.connect();
    let _ = client.run("RPUSH l a b c d e");
    let _ = client.run("LPEXPIRE l 60000 INDEXES 3 0 2 4");
    let _ = client.run("LPUSHEX l PX 60000 ELEMENTS 1 x");
    let _ = client.run("LPERSIST l INDEXES 1 1");
    // Some go before the files are read, in the middle too, and what is said of others after that is meant as it was.
    let _ = client.run("RPUSHEX soon PX 50 ELEMENTS 2 x y");
    let _ = client.run("RPUSH soon a b c");
    let _ = client.run("LPEXPIRE soon 50 INDEXES 1 3");
    server.advance(Duration::from_millis(60));
    server.upkeep();
    let _ = client.run("LPEXPIRE soon 60000 INDEXES 1 1");
    let _ = client.run_words(["RPUSHEX", "odd \r\n", "PX", "60000", "ELEMENTS", "2", "", "%\n*1"]);
    for i in 0..MANY {
        let _ = client.run(&format!("RPUSHEX large PX {} ELEMENTS 1 element{i}", 60_000 + i));
    }
    let _ = client.run("RPUSH later x");
}

fn check(server: &TestServer) {
    let client = server.connect();
    assert_eq!(client.run("LTTL l INDEXES 3 1 2 4"), "*3\r\n:-1\r\n:-1\r\n:-1\r\n");
    assert!(client.run("INFO keyspace").contains("subexpiry=4\r\n"), "{}", client.run("INFO keyspace"));
    assert_eq!(client.run("LRANGE soon 0 -1"), "*2\r\n$1\r\na\r\n$1\r\nc\r\n");
    assert_eq!(client.run("LLEN large"), format!(":{MANY}\r\n"));
    server.advance(Duration::from_secs(70));
    server.upkeep();
    assert_eq!(client.run("LRANGE l 0 -1"), "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nd\r\n");
    assert_eq!(client.run("LRANGE soon 0 -1"), "*1\r\n$1\r\na\r\n");
    assert_eq!(client.run("EXISTS large"), ":0\r\n");
    assert_eq!(client.run("DBSIZE"), ":3\r\n", "l, soon and later");
}

#[test]
fn logs_keep_the_times_of_elements() {
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
            let _ = client.run("RPUSH later y");
            wait_until_safe(&server);
            let expected = digest(&server);
            let server = open(&disk.after_kill(), change);
            assert_eq!(digest(&server), expected);
            check(&server);
        }
    }
}

#[test]
fn snapshots_keep_the_times_of_elements_also_of_those_that_change_meanwhile() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, |_| {});
    fill(&server);
    let client = server.connect();
    let expected = digest(&server);
    assert_eq!(client.run("DEBUG RELOAD"), "+OK\r\n");
    assert_eq!(digest(&server), expected);
    let _ = client.run("BGSAVE");
    let _ = client.run("LPOP l 2");
    let _ = client.run("LPERSIST large INDEXES 1 0");
    let _ = client.run("LPUSH large x");
    let _ = client.run("DEL soon");
    wait_until_at_rest(&server, &client);
    let server = open(&disk.after_kill(), |_| {});
    assert_eq!(digest(&server), expected);
    check(&server);
}
