//! A snapshot is of one instant, whatever is written meanwhile, by however many threads.
//!
//! Every kind of write keeps something the same: units move between keys, but there are as many; two keys are written
//! together and are equal. So one look at the loaded file tells whether it holds the data set of one instant.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use spinel_aof::disk::sim::{Chance, SimDisk};
use spinel_engine::config::{AppendFsync, Settings};
use spinel_testkit::{SharedServer, TestClient, TestServer, TestWorker};

use crate::opened::{PAGE_BYTES, left_over, logged, open};

/// Keys that units move between.
const ACCOUNTS: u64 = 200;
/// Units in each at the beginning.
const UNITS: u64 = 100;
/// Elements of large values: more than can be saved in passing.
const ELEMENTS: u64 = 2500;
/// Keys in each of two databases that are exchanged.
const NAMED: u64 = 50;
/// Snapshots that are taken.
const SNAPSHOTS: usize = 6;

/// Everything there is at the beginning.
fn beginning() -> Vec<String> {
    let each = |word: &dyn Fn(u64) -> String| (0..ELEMENTS).map(word).collect::<Vec<_>>().join(" ");
    let numbers = each(&|number| number.to_string());
    let mut lines: Vec<String> = (0..ACCOUNTS).map(|key| format!("SET account:{key} {UNITS}")).collect();
    lines.push(format!("RPUSH list:a {numbers}"));
    lines.push(format!("RPUSH list:b {numbers}"));
    lines.push(format!("SADD set:a {numbers}"));
    lines.push(format!("HSET hash:a {}", each(&|number| format!("{number} 1"))));
    lines.push(format!("HSET hash:b {}", each(&|number| format!("{number} 1"))));
    lines.push(format!("ZADD zset:a {}", each(&|number| format!("1 {number}"))));
    lines.push(format!("ZADD zset:b {}", each(&|number| format!("-1 {number}"))));
    for (db, name) in [(2, "two"), (3, "three")] {
        lines.push(format!("SELECT {db}"));
        lines.extend((0..NAMED).map(|key| format!("SET {name}:{key} x")));
    }
    lines.push("SELECT 0".to_owned());
    lines
}

/// One of those who write.
struct Writer {
    client: TestClient,
    name: usize,
    turn: u64,
    /// Which name its token has.
    token: u64,
    /// The database its traveller is in.
    place: u64,
    chance: Chance,
}

impl Writer {
    fn new(client: TestClient, name: usize) -> Self {
        let writer = Self { client, name, turn: 0, token: 0, place: 0, chance: Chance(name as u64 + 77) };
        writer.run(&[format!("SET token:{name}:0 x"), format!("SET traveller:{name} x")]);
        writer
    }

    fn run(&self, lines: &[String]) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let reply = self.client.run_all(&lines);
        assert!(
            !reply.is_empty() && !reply.contains("-ERR") && !reply.contains("-EXEC"),
            "{lines:?}: {reply}"
        );
    }

    fn transact(&self, lines: &[String]) {
        let all = [&["MULTI".to_owned()], lines, &["EXEC".to_owned()]].concat();
        self.run(&all);
    }

    /// A transaction that would break what stays the same, and fails at its end.
    fn fail(&self, lines: &[String]) {
        let end = ["SET fails x", "LPUSH fails x", "EXEC"].map(str::to_owned);
        let all = [&["MULTI ATOMIC".to_owned()], lines, &end].concat();
        let lines: Vec<&str> = all.iter().map(String::as_str).collect();
        let reply = self.client.run_all(&lines);
        assert!(reply.contains("-EXECABORT Transaction rolled back because of "), "{lines:?}: {reply}");
    }

    /// A write of any kind.
    fn write(&mut self) {
        self.turn += 1;
        let (name, turn) = (self.name, self.turn);
        let kind = self.chance.below(14);
        let (from, to) = (self.chance.below(ACCOUNTS), self.chance.below(ACCOUNTS));
        let (number, other) = (self.chance.below(ELEMENTS), self.chance.below(ELEMENTS));
        let (left, right) = if self.chance.below(2) == 0 { ("a", "b") } else { ("b", "a") };
        match kind {
            0..=2 => self.transact(&[format!("DECR account:{from}"), format!("INCR account:{to}")]),
            3 => self.run(&[format!("LMOVE list:{left} list:{right} LEFT RIGHT")]),
            4 => self.run(&[format!("SMOVE set:{left} set:{right} {number}")]),
            5 => self.transact(&[
                format!("HINCRBY hash:a {number} 1"),
                format!("HINCRBY hash:b {other} -1"),
                format!("ZINCRBY zset:a 1 {number}"),
                format!("ZINCRBY zset:b -1 {other}"),
            ]),
            6 => self.transact(&[
                format!("SET source:{name} {turn}"),
                format!("COPY source:{name} copy:{name} REPLACE"),
            ]),
            7 => {
                self.run(&[format!("RENAME token:{name}:{} token:{name}:{turn}", self.token)]);
                self.token = turn;
            }
            8 => {
                let next = 1 - self.place;
                let (select, back) = (format!("SELECT {}", self.place), "SELECT 0".to_owned());
                self.run(&[select, format!("MOVE traveller:{name} {next}"), back]);
                self.place = next;
            }
            9 => self.run(&["SWAPDB 2 3".to_owned()]),
            10 => self.flush_or_fill(),
            11 => self.fail(&[
                format!("DECR account:{from}"),
                format!("LPOP list:{left}"),
                format!("HINCRBY hash:a {number} 1"),
                format!("ZADD zset:b 7 new:{number}"),
                format!("SREM set:{left} {number} {other}"),
                format!("SET source:{name} x"),
                format!("RENAME token:{name}:{} token:{name}:x", self.token),
                format!("DEL account:{to} traveller:{name}"),
            ]),
            12 => self.fail(&[
                "SWAPDB 2 4".to_owned(),
                format!("INCR account:{from}"),
                "FLUSHALL".to_owned(),
                format!("SET left:{name} x"),
                "SWAPDB 0 2".to_owned(),
                format!("RPUSH list:{left} x"),
            ]),
            _ => self.transact(&[
                format!("SET brief:{name} {turn} PX 5"),
                format!("SET lasting:{name} {turn}"),
                format!("SET also:{name} {turn}"),
            ]),
        }
    }

    /// Two keys of a database that are there together or not at all.
    fn flush_or_fill(&self) {
        let (name, turn) = (self.name, self.turn);
        let (select, back) = ("SELECT 4".to_owned(), "SELECT 0".to_owned());
        if turn.is_multiple_of(3) {
            self.run(&[select, if turn % 2 == 0 { "FLUSHDB" } else { "FLUSHDB ASYNC" }.to_owned(), back]);
        } else {
            self.transact(&[
                select,
                format!("SET left:{name} {turn}"),
                format!("SET right:{name} {turn}"),
                back,
            ]);
        }
    }
}

/// Whether a data set is one that there was at an instant.
fn check(server: &TestServer, writers: usize) {
    let client = server.connect();
    let integer = |line: &str| -> i64 {
        let reply = client.run(line);
        reply.trim_start_matches(':').trim_end().parse().unwrap_or_else(|_| panic!("{line}: {reply}"))
    };
    let texts = |line: &str| -> Vec<String> {
        let reply = client.run(line);
        reply.lines().filter(|line| !line.starts_with(['*', '$'])).map(str::to_owned).collect()
    };
    let sum =
        |words: Vec<String>| -> i64 { words.iter().map(|word| word.parse::<i64>().expect("a number")).sum() };
    let accounts: Vec<String> = (0..ACCOUNTS).map(|key| format!("account:{key}")).collect();
    assert_eq!(sum(texts(&format!("MGET {}", accounts.join(" ")))), (ACCOUNTS * UNITS) as i64);
    assert_eq!(integer("LLEN list:a") + integer("LLEN list:b"), 2 * ELEMENTS as i64);
    assert_eq!(integer("SCARD set:a") + integer("SCARD set:b"), ELEMENTS as i64);
    assert_eq!(sum(texts("HVALS hash:a")) + sum(texts("HVALS hash:b")), 2 * ELEMENTS as i64);
    let scores = |key: &str| {
        let words = texts(&format!("ZRANGE {key} 0 -1 WITHSCORES"));
        sum(words.into_iter().skip(1).step_by(2).collect())
    };
    assert_eq!(scores("zset:a") + scores("zset:b"), 0);
    assert_eq!(scores("zset:a"), sum(texts("HVALS hash:a")), "the same transaction wrote both");
    for name in 0..writers {
        assert_eq!(client.run(&format!("GET source:{name}")), client.run(&format!("GET copy:{name}")));
        assert_eq!(client.run(&format!("GET lasting:{name}")), client.run(&format!("GET also:{name}")));
        assert_eq!(texts(&format!("KEYS token:{name}:*")).len(), 1);
        let here = integer(&format!("EXISTS traveller:{name}"));
        let _ = client.run("SELECT 1");
        assert_eq!(here + integer(&format!("EXISTS traveller:{name}")), 1);
        let _ = client.run("SELECT 4");
        assert_eq!(client.run(&format!("GET left:{name}")), client.run(&format!("GET right:{name}")));
        let _ = client.run("SELECT 0");
    }
    let mut names = Vec::new();
    for db in [2, 3] {
        let _ = client.run(&format!("SELECT {db}"));
        names.push((
            integer("DBSIZE"),
            texts("RANDOMKEY")[0].split(':').next().unwrap_or_default().to_owned(),
        ));
    }
    names.sort();
    assert_eq!(names, [(NAMED as i64, "three".to_owned()), (NAMED as i64, "two".to_owned())]);
}

/// Takes snapshots for saves and for bases of the log, in turn, while everybody writes.
fn take_snapshots(
    server: &SharedServer,
    worker: &TestWorker,
    disk: &SimDisk,
    mut write: impl FnMut(),
    writers: usize,
) {
    let client = worker.connect();
    for number in 0..SNAPSHOTS {
        let is_base = number % 2 == 1;
        let reply = client.run(if is_base { "BGREWRITEAOF" } else { "BGSAVE" });
        assert!(reply.starts_with("+Background"), "{reply}");
        let field = if is_base { "aof_rewrite_in_progress" } else { "rdb_bgsave_in_progress" };
        while client.info(field) != "0" {
            write();
            server.advance(Duration::from_millis(1));
            worker.upkeep();
        }
        let status = if is_base { "aof_last_bgrewrite_status" } else { "rdb_last_bgsave_status" };
        assert_eq!(client.info(status), "ok");
        let left = disk.after_kill();
        let copy = if is_base { open(&left, logged(AppendFsync::No)) } else { open(&left, |_| {}) };
        check(&copy, writers);
    }
    assert_eq!(left_over(disk), [""; 0]);
}

fn snapshots_are_of_one_instant(shards: usize, threads: usize) {
    let disk = SimDisk::new(PAGE_BYTES);
    let settings = |settings: &mut Settings| {
        settings.process.shards = shards;
        settings.process.threads = threads;
        settings.persistence.rdb.key_save_delay = 200;
    };
    let server = SharedServer::open(Arc::new(disk.clone()), settings).expect("the disk is empty");
    let (is_over, begun, ready) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for index in 1..threads {
            let (server, is_over, begun, ready) = (&server, &is_over, &begun, &ready);
            scope.spawn(move || {
                let worker = server.worker(index);
                while !begun.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                let mut writer = Writer::new(worker.connect(), index);
                ready.fetch_add(1, Ordering::SeqCst);
                while !is_over.load(Ordering::Relaxed) {
                    writer.write();
                    if writer.turn.is_multiple_of(64) {
                        worker.upkeep();
                    }
                }
            });
        }
        let worker = server.worker(0);
        let client = worker.connect();
        for line in beginning() {
            assert!(!client.run(&line).starts_with('-'));
        }
        begun.store(true, Ordering::SeqCst);
        let mut writer = Writer::new(worker.connect(), 0);
        while ready.load(Ordering::SeqCst) + 1 < threads as u64 {
            std::thread::yield_now();
        }
        take_snapshots(&server, &worker, &disk, || writer.write(), threads);
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn snapshots_of_one_shard_are_of_one_instant() {
    snapshots_are_of_one_instant(1, 1);
}

#[test]
fn snapshots_of_many_shards_and_threads_are_of_one_instant() {
    snapshots_are_of_one_instant(64, 4);
}
