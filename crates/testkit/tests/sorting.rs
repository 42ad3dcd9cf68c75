//! `SORT` reaches for keys that it does not name, in every shape of the server.

use std::sync::Arc;

use spinel_aof::disk::sim::{Chance, SimDisk};
use spinel_testkit::{SharedServer, TestServer};

/// Threads, and shards that they share.
const THREADS: usize = 4;
const SHARDS: usize = 64;

#[test]
fn weights_and_fields_are_found_in_whatever_shard_they_are() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let client = server.connect();
        let _ = client.run_all(&["RPUSH l 1 2 3", "MSET w1 3 w2 2 w3 1", "HSET h1 f a", "HSET h3 f c"]);
        let sorted = "*3\r\n$1\r\nc\r\n$-1\r\n$1\r\na\r\n";
        assert_eq!(client.run("SORT l BY w* GET h*->f"), sorted);
        assert_eq!(client.run("SORT_RO l BY w* GET h*->f"), sorted);
        let replies = client.run_all(&["MULTI", "SORT l BY w* GET h*->f", "SORT l BY w* STORE d", "EXEC"]);
        assert_eq!(replies, format!("+OK\r\n{}*2\r\n{sorted}:3\r\n", "+QUEUED\r\n".repeat(2)));
        assert_eq!(client.run("LRANGE d 0 0"), "*1\r\n$1\r\n3\r\n");
        let waiting = server.connect();
        waiting.send("BLPOP other 0");
        assert_eq!(client.run("SORT l GET w* STORE other"), ":3\r\n");
        assert_eq!(waiting.read(), "*2\r\n$5\r\nother\r\n$1\r\n3\r\n");
    }
}

#[test]
fn a_long_sort_has_every_shard_to_its_end() {
    let server = TestServer::sized(64, 4);
    let client = server.connect();
    for lot in 0..20 {
        let numbers = (0..1000).map(|i| (lot * 1000 + i).to_string());
        let _ = client.run_words(["RPUSH".to_owned(), "l".to_owned()].into_iter().chain(numbers));
    }
    let _ = client.run("MSET w0 x w19999 y");
    let edges = "*4\r\n$5\r\n19999\r\n$1\r\ny\r\n$5\r\n19998\r\n$-1\r\n";
    assert_eq!(client.run("SORT l DESC LIMIT 0 2 GET # GET w*"), edges);
    assert_eq!(client.run("SORT_RO l DESC LIMIT 0 2 GET # GET w*"), edges);
    assert_eq!(client.run("SORT l BY nothing* GET w* STORE d"), ":20000\r\n");
    assert_eq!(client.run("LINDEX d 0"), "$1\r\nx\r\n");
}

#[test]
fn the_keys_of_a_pattern_are_read_at_one_moment() {
    let disk = SimDisk::new(4096);
    let server = SharedServer::open(Arc::new(disk), |settings| {
        settings.process.threads = THREADS;
        settings.process.shards = SHARDS;
    });
    let server = server.expect("the disk is empty");
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let server = &server;
            scope.spawn(move || {
                let worker = server.worker(thread);
                let client = worker.connect();
                let _ = client.run("SADD s 1 2 3 4");
                let mut chance = Chance(thread as u64 + 1);
                for _ in 0..2000 {
                    if thread % 2 == 0 {
                        let n = chance.below(1000);
                        let _ = client.run(&format!("MSET w1 {n} w2 {n} w3 {n} w4 {n}"));
                        continue;
                    }
                    let reply = client.run("SORT s BY w* GET w*");
                    let mut values: Vec<_> = reply.split("\r\n").skip(2).step_by(2).collect();
                    values.dedup();
                    assert!(values.len() <= 1 || reply.contains("$-1"), "{reply}");
                }
            });
        }
    });
}
