//! The log is switched, rewritten and loaded again while several threads write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use spinel_aof::disk::sim::{Chance, SimDisk};
use spinel_engine::config::AppendFsync;
use spinel_testkit::{SharedServer, TestClient, TestServer, TestWorker};

use crate::opened::{PAGE_BYTES, digest, left_over, logged, open};

/// Threads, and shards that they share.
const THREADS: usize = 4;
const SHARDS: usize = 64;
/// How often something is done to the log.
const CHANGES: u64 = 60;
/// How long anything that is awaited may take.
const LIMIT: Duration = Duration::from_secs(60);

/// One write, to keys that all threads share.
fn write(client: &TestClient, chance: &mut Chance) {
    let (key, other) = (chance.below(40), chance.below(40));
    let reply = match chance.below(5) {
        0 => client.run(&format!("INCR counter:{key}")),
        1 => client.run(&format!("RPUSH list:{key} {other}")),
        2 => client.run(&format!("LMOVE list:{key} list:{other} LEFT RIGHT")),
        3 => client.run(&format!("SET text:{key} {other} PX {}", 1 + other)),
        _ => client.run_all(&[
            "MULTI",
            &format!("INCR counter:{key}"),
            &format!("SPOP set:{other}"),
            &format!("SADD set:{key} {key} {other}"),
            "EXEC",
        ]),
    };
    // While the log is loaded again nobody is served.
    assert!(!reply.is_empty() && !reply.contains("-ERR"), "{reply}");
}

/// Does something to the log.
fn change(client: &TestClient, chance: &mut Chance, number: u64) {
    let commands: &[&str] = match number % 6 {
        0 | 3 => &["BGREWRITEAOF"],
        1 => &["CONFIG SET appendonly no", "CONFIG SET appendonly yes"],
        2 => &["DEBUG RELOAD"],
        4 => &["BGSAVE"],
        _ => &["DEBUG LOADAOF"],
    };
    for command in commands {
        let reply = client.run(command);
        let is_busy = reply.contains("in progress") || reply.contains("is active");
        let is_beginning = *command == "DEBUG LOADAOF" && reply.starts_with("-ERR Error trying to load");
        assert!(reply.starts_with('+') || is_busy || is_beginning, "{command}: {reply}");
        if chance.below(2) == 0 {
            std::thread::sleep(Duration::from_micros(chance.below(3000)));
        }
    }
}

/// Lets everything that was begun come to its end.
fn settle(server: &SharedServer, worker: &TestWorker, client: &TestClient) {
    let fields = ["rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled"];
    let start = Instant::now();
    while !worker.is_safe() || fields.iter().any(|field| client.info(field) != "0") {
        assert!(start.elapsed() < LIMIT, "it does not come to rest: {}", client.run("INFO persistence"));
        server.advance(Duration::from_millis(20));
        worker.upkeep();
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The digest at a time after that of the server before, whose clock this one does not share: a key that had expired when
/// the data set was loaded again is not said to be gone in the log.
fn digest_later(server: &TestServer) -> String {
    server.advance(Duration::from_secs(3600));
    server.upkeep();
    digest(server)
}

fn survives_a_crowd(fsync: AppendFsync) {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = SharedServer::open(Arc::new(disk.clone()), |settings| {
        logged(fsync)(settings);
        settings.process.shards = SHARDS;
        settings.process.threads = THREADS;
    });
    let server = server.expect("the disk is empty");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (1..THREADS)
            .map(|index| {
                let (server, is_over) = (&server, &is_over);
                scope.spawn(move || {
                    let worker = server.worker(index);
                    let client = worker.connect();
                    let mut chance = Chance(index as u64 + 3);
                    while !is_over.load(Ordering::Relaxed) {
                        write(&client, &mut chance);
                        worker.upkeep();
                    }
                })
            })
            .collect();
        let worker = server.worker(0);
        let client = worker.connect();
        let mut chance = Chance(99);
        for number in 0..CHANGES {
            change(&client, &mut chance, number);
            write(&client, &mut chance);
            server.advance(Duration::from_millis(7));
            worker.upkeep();
            if number % 10 == 0 {
                settle(&server, &worker, &client);
            }
        }
        is_over.store(true, Ordering::Relaxed);
        writers.into_iter().for_each(|writer| writer.join().expect("no assertion failed"));
        settle(&server, &worker, &client);
        // What has not expired by now never does.
        (0..40).for_each(|key| drop(client.run(&format!("PERSIST text:{key}"))));
        settle(&server, &worker, &client);
        let expected = client.run("DEBUG DIGEST");
        let killed = open(&disk.after_kill(), logged(fsync));
        assert_eq!(digest_later(&killed), expected, "{fsync:?}");
        if fsync == AppendFsync::Always {
            assert_eq!(digest_later(&open(&disk.after_power_cut(8), logged(fsync))), expected);
        }
        assert_eq!(left_over(&disk), [""; 0]);
    });
    assert!(server.engine().finish());
}

#[test]
fn a_log_that_is_changed_under_a_crowd_holds_everything() {
    for fsync in [AppendFsync::EverySecond, AppendFsync::Always, AppendFsync::No] {
        survives_a_crowd(fsync);
    }
}
