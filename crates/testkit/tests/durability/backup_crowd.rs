//! Backups while several threads write, and while everything else is done to the log at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use spinel_aof::disk::sim::{Chance, SimDisk};
use spinel_engine::config::{AppendFsync, Settings};
use spinel_testkit::{SharedServer, TestClient, TestWorker};

use crate::backups::{is_clean, restored, status};
use crate::opened::{PAGE_BYTES, digest, logged, open};

/// Threads, and shards that they share.
const THREADS: usize = 4;
const SHARDS: usize = 64;
/// How long anything that is awaited may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How far each thread has come: numbers that it began to write, and that were written.
#[derive(Default)]
struct Progress {
    begun: [AtomicU64; THREADS],
    done: [AtomicU64; THREADS],
}

/// Lets the writers end, whatever happened.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `with` on the first worker while the others write numbers, each to two keys in one transaction, and
/// count them in a third.
fn under_a_crowd(
    disk: &SimDisk,
    change: impl FnOnce(&mut Settings),
    with: impl FnOnce(&SharedServer, &TestWorker, &TestClient, &Progress),
) {
    let server = SharedServer::open(Arc::new(disk.clone()), |settings| {
        change(settings);
        settings.process.shards = SHARDS;
        settings.process.threads = THREADS;
    });
    let server = server.expect("the disk is empty");
    let (is_over, progress) = (AtomicBool::new(false), Progress::default());
    std::thread::scope(|scope| {
        for index in 1..THREADS {
            let (server, is_over, progress) = (&server, &is_over, &progress);
            scope.spawn(move || {
                let worker = server.worker(index);
                let client = worker.connect();
                let mut number = 0;
                while !is_over.load(Ordering::Relaxed) {
                    number += 1;
                    progress.begun[index].store(number, Ordering::SeqCst);
                    let (left, right) =
                        (format!("SET left:{index} {number}"), format!("SET right:{index} {number}"));
                    let count = format!("INCR count:{index}");
                    let reply = client.run_all(&["MULTI", &left, &right, &count, "EXEC"]);
                    if reply.contains("*3\r\n+OK\r\n+OK\r\n:") {
                        progress.done[index].store(number, Ordering::SeqCst);
                    }
                    worker.upkeep();
                }
            });
        }
        let _end = End(&is_over);
        let worker = server.worker(0);
        let client = worker.connect();
        with(&server, &worker, &client, &progress);
    });
    assert!(server.engine().finish());
}

fn wait(server: &SharedServer, worker: &TestWorker, what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LIMIT, "{what}");
        server.advance(Duration::from_millis(5));
        worker.upkeep();
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn number(client: &TestClient, key: &str) -> u64 {
    client.run(&format!("GET {key}")).lines().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn all(numbers: &[AtomicU64; THREADS]) -> Vec<u64> {
    numbers.iter().map(|number| number.load(Ordering::SeqCst)).collect()
}

#[test]
fn a_backup_under_a_crowd_is_of_one_moment_during_seal() {
    for enabled in [true, false] {
        let disk = SimDisk::new(PAGE_BYTES);
        let change = |settings: &mut Settings| settings.persistence.aof.enabled = enabled;
        under_a_crowd(&disk, change, |server, worker, client, progress| {
            for round in 0..12 {
                assert_eq!(client.run("BACKUP START"), "+OK\r\n");
                wait(server, worker, "it does not begin", || status(client, "state") == "incrementing");
                if round % 2 == 1 {
                    let reply = client.run("BGREWRITEAOF");
                    assert!(reply.starts_with('+'), "{reply}");
                    std::thread::sleep(Duration::from_millis(round));
                }
                let before = all(&progress.done);
                assert_eq!(client.run("BACKUP SEAL"), "+OK\r\n", "{}", status(client, "error"));
                let after = all(&progress.begun);
                let copy = restored(&disk, "backupdir");
                let copy = copy.connect();
                for index in 1..THREADS {
                    let left = number(&copy, &format!("left:{index}"));
                    assert_eq!(left, number(&copy, &format!("right:{index}")));
                    assert_eq!(
                        left,
                        number(&copy, &format!("count:{index}")),
                        "something is missing in between"
                    );
                    assert!((before[index]..=after[index]).contains(&left), "{before:?} {left} {after:?}");
                }
                assert_eq!(client.run("BACKUP CLEANUP"), "+OK\r\n");
            }
        });
    }
}

#[test]
fn backups_amid_everything_that_is_done_to_a_log_harm_nothing() {
    let disk = SimDisk::new(PAGE_BYTES);
    let mut chance = Chance(77);
    let (mut sealed, mut failed, mut is_logged) = (0, 0, true);
    under_a_crowd(&disk, logged(AppendFsync::EverySecond), |server, worker, client, _| {
        for _ in 0..400 {
            let command = match chance.below(12) {
                0..=2 => "BACKUP START",
                3 | 4 => "BACKUP SEAL",
                5 => "BACKUP ABORT",
                6 => "BACKUP CLEANUP",
                7 => "BGREWRITEAOF",
                8 => "BGSAVE",
                9 => "CONFIG SET appendonly no",
                11 if is_logged => "DEBUG LOADAOF",
                _ => "CONFIG SET appendonly yes",
            };
            let reply = client.run(command);
            if command.starts_with("CONFIG SET") && reply == "+OK\r\n" {
                is_logged = command.ends_with("yes");
            }
            let is_known =
                reply.starts_with('+') || reply.starts_with("-ERR") || reply.starts_with("-LOADING");
            assert!(is_known, "{command}: {reply}");
            if command == "BACKUP SEAL" && reply == "+OK\r\n" {
                sealed += 1;
                drop(restored(&disk, "backupdir"));
            }
            failed += u64::from(reply.contains("Backup failed"));
            server.advance(Duration::from_millis(3));
            worker.upkeep();
            std::thread::sleep(Duration::from_micros(chance.below(4000)));
        }
        // The last command may have been one that loads everything again; nobody is served meanwhile.
        let is_done = |command: &str| client.run(command) == "+OK\r\n";
        wait(server, worker, "the log is not turned on", || is_done("CONFIG SET appendonly yes"));
        wait(server, worker, "nothing is cleaned", || {
            let _ = client.run("BACKUP ABORT");
            is_done("BACKUP CLEANUP")
        });
    });
    assert!(sealed > 0, "none was sealed, {failed} failed");
    assert!(is_clean(&disk));
    let again = open(&disk.after_kill(), logged(AppendFsync::EverySecond));
    let client = again.connect();
    for index in 1..THREADS {
        assert_eq!(number(&client, &format!("left:{index}")), number(&client, &format!("right:{index}")));
    }
    assert_eq!(client.info("backup_in_progress"), "0");
    let _ = digest(&again);
}
