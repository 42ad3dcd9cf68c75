//! Fields that expire, and the log: it tells of each, and while it is loaded nothing expires.

use std::time::Duration;

use spinel_aof::disk::sim::SimDisk;
use spinel_engine::config::AppendFsync;

use crate::opened::{PAGE_BYTES, digest, logged, open, wait_until_at_rest, wait_until_safe};

#[test]
fn what_had_expired_before_the_log_was_loaded_goes_after_and_not_while() {
    for rewrites in [false, true] {
        for preamble in [false, true] {
            let change = |settings: &mut _| {
                logged(AppendFsync::EverySecond)(settings);
                settings.persistence.aof.rdb_preamble = preamble;
            };
            let disk = SimDisk::new(PAGE_BYTES);
            let server = open(&disk, change);
            let client = server.connect();
            let _ = client.run("HSET h a 1 b 2");
            let _ = client.run("HPEXPIRE h 60000 FIELDS 1 a");
            let _ = client.run("HINCRBY h a 5");
            let _ = client.run("HINCRBYFLOAT h a 0.5");
            let _ = client.run("HSETEX g PX 60000 FIELDS 1 x 1");
            for i in 0..200 {
                let value = "v".repeat(70);
                let _ = client.run(&format!("HSETEX large PX {} FIELDS 1 f{i} {value}", 60_000 + i));
            }
            if rewrites {
                let _ = client.run("BGREWRITEAOF");
                wait_until_at_rest(&server, &client);
            }
            let _ = client.run("HSET h c 3");
            wait_until_safe(&server);
            let expected = digest(&server);
            let server = open(&disk.after_kill(), change);
            assert_eq!(digest(&server), expected);
            let client = server.connect();
            assert_eq!(client.run("HGET h a"), "$3\r\n6.5\r\n");
            assert!(client.run("INFO keyspace").contains("subexpiry=3\r\n"));
            server.advance(Duration::from_secs(62));
            server.upkeep();
            assert_eq!(client.run("HLEN h"), ":2\r\n");
            assert_eq!(client.run("EXISTS g large"), ":0\r\n");
        }
    }
}
