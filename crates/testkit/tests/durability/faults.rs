//! Every step of the disk fails once: nothing acknowledged is lost, reads go on, writes resume by themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use spinel_aof::disk::sim::{Chance, SimDisk, Step};
use spinel_engine::config::AppendFsync;
use spinel_testkit::{TestClient, TestServer};

use crate::opened::{PAGE_BYTES, digest, left_over, logged, open, wait, wait_until_at_rest, wait_until_safe};

/// Writes of a script.
const WRITES: u64 = 24;
/// Keys they go to.
const KEYS: u64 = 5;
/// Looks at whether a write is safe before the next one is sent.
const LOOKS: usize = 20;

/// A server whose writes are noted.
struct Script {
    disk: SimDisk,
    fsync: AppendFsync,
    server: TestServer,
    client: TestClient,
    /// The last number sent to each key, and the last one acknowledged.
    sent: BTreeMap<u64, u64>,
    acknowledged: BTreeMap<u64, u64>,
    refused: usize,
}

impl Script {
    fn new(fsync: AppendFsync) -> Self {
        let disk = SimDisk::new(PAGE_BYTES);
        let server = open(&disk, logged(fsync));
        let client = server.connect();
        let (sent, acknowledged) = (BTreeMap::new(), BTreeMap::new());
        Self { disk, fsync, server, client, sent, acknowledged, refused: 0 }
    }

    /// Writes a number to two keys at once, so that half of it would show.
    fn write(&mut self, number: u64) {
        let key = number % KEYS;
        let reply = self.client.run_all(&[
            "MULTI",
            &format!("SET left:{key} {number}"),
            &format!("SET right:{key} {number}"),
            "EXEC",
        ]);
        if reply.contains("MISCONF") {
            self.refused += 1;
        } else {
            assert!(reply.ends_with("*2\r\n+OK\r\n+OK\r\n"), "{reply}");
            self.sent.insert(key, number);
        }
        self.look();
        assert!(!self.client.run(&format!("GET left:{key}")).starts_with('-'), "reads go on");
    }

    /// Gives the log some time; what is safe then is acknowledged.
    fn look(&mut self) {
        for _ in 0..LOOKS {
            if self.server.is_safe() {
                self.acknowledged.clone_from(&self.sent);
                return;
            }
            self.server.advance(Duration::from_millis(30));
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    fn run(&mut self) {
        for number in 1..=WRITES {
            self.write(number);
            let also = match number {
                8 => "BGREWRITEAOF",
                16 => "BGSAVE",
                _ => continue,
            };
            // Where the disk fails it is refused or fails later.
            let _ = self.client.run(also);
        }
    }

    /// What a server finds that is started on what is left.
    fn check(&self, what: &str, left: &SimDisk) {
        let server = open(left, logged(self.fsync));
        let client = server.connect();
        for (key, acknowledged) in &self.acknowledged {
            let (left, right) =
                (client.run(&format!("GET left:{key}")), client.run(&format!("GET right:{key}")));
            assert_eq!(left, right, "{what}");
            let found = left.lines().nth(1).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
            let log = self.server.log_lines();
            assert!(found >= *acknowledged, "{what}: {found} where {acknowledged} was acknowledged {log:#?}");
        }
    }

    /// The disk is well again: everything resumes.
    fn recover(&mut self, what: &str) {
        self.disk.heal();
        let (server, client) = (&self.server, &self.client);
        wait(server, what, || client.run("SET resumed 1") == "+OK\r\n");
        wait_until_safe(server);
        wait_until_at_rest(server, client);
        assert_eq!(left_over(&self.disk), [""; 0], "{what}");
        let expected = digest(server);
        assert_eq!(digest(&open(&self.disk.after_kill(), logged(self.fsync))), expected, "{what}");
        if self.fsync == AppendFsync::Always {
            assert_eq!(digest(&open(&self.disk.after_power_cut(9), logged(self.fsync))), expected, "{what}");
        }
    }
}

fn survives(fsync: AppendFsync, step: Step, nth: u64, times: u64) {
    let what = format!("{fsync:?}: {step:?} {nth} fails {times} times");
    let mut script = Script::new(fsync);
    script.disk.fail(step, nth, times);
    script.run();
    script.check(&format!("{what}, killed"), &script.disk.after_kill());
    if fsync == AppendFsync::Always {
        script.check(&format!("{what}, power cut"), &script.disk.after_power_cut(nth));
    }
    script.recover(&what);
}

#[test]
fn a_sync_that_fails_loses_nothing_whichever_it_is() {
    for nth in 0..30 {
        survives(AppendFsync::Always, Step::Sync, nth, 1 + nth % 3);
    }
    for nth in 0..6 {
        survives(AppendFsync::EverySecond, Step::Sync, nth, 2);
    }
}

#[test]
fn a_write_that_fails_loses_nothing_whichever_it_is() {
    for nth in 0..30 {
        survives(AppendFsync::Always, Step::Write, nth, 1 + nth % 3);
    }
    for nth in 0..30 {
        survives(AppendFsync::EverySecond, Step::Write, nth, 2);
    }
}

#[test]
fn a_change_of_names_or_lengths_that_fails_loses_nothing_whichever_it_is() {
    for step in [Step::Create, Step::Length, Step::Rename, Step::Link, Step::SyncFolder] {
        for nth in 0..8 {
            survives(AppendFsync::Always, step, nth, 1 + nth % 2);
        }
        survives(AppendFsync::EverySecond, step, 0, 3);
    }
}

#[test]
fn a_disk_that_is_full_at_any_byte_loses_nothing_and_leaves_nothing() {
    let base = Script::new(AppendFsync::Always).disk.used_bytes();
    for fsync in [AppendFsync::Always, AppendFsync::EverySecond] {
        for more in (0..6000).step_by(if fsync == AppendFsync::Always { 37 } else { 149 }) {
            let what = format!("{fsync:?}: room for {more} bytes");
            let mut script = Script::new(fsync);
            script.disk.set_capacity(Some(base + more));
            script.run();
            script.check(&format!("{what}, killed"), &script.disk.after_kill());
            if fsync == AppendFsync::Always {
                script.check(&format!("{what}, power cut"), &script.disk.after_power_cut(more));
            }
            script.recover(&what);
        }
    }
}

#[test]
fn rewrites_that_fail_one_after_the_other_for_want_of_room_are_over_when_there_is_room() {
    // Without room taken ahead.
    let mut script = Script::new(AppendFsync::EverySecond);
    script.write(1);
    script.disk.set_capacity(Some(script.disk.used_bytes() + 3000));
    // Nothing that a base could compress.
    let mut chance = Chance(5);
    let large: Vec<u8> = (0..5000).map(|_| chance.below(256) as u8).collect();
    assert_eq!(script.client.run_words([&b"SET"[..], b"large", &large]), "+OK\r\n");
    let is_refused = || script.client.run("SET more 1").starts_with("-MISCONF");
    wait(&script.server, "the disk is not full", is_refused);
    // Each is begun while the log still waits for room to come to the file of the one before.
    for number in 1..=3 {
        assert!(script.client.run("BGREWRITEAOF").starts_with("+Background"));
        let has_failed = || {
            let lines = script.server.log_lines();
            lines.iter().filter(|line| line.contains("rewrite terminated with error")).count() >= number
        };
        wait_for(has_failed);
    }
    let lines = script.server.log_lines();
    assert!(lines.iter().any(|line| line.contains("still waits for the disk")), "{lines:#?}");
    assert_eq!(script.client.run("STRLEN large"), ":5000\r\n");
    script.recover("three rewrites failed");
}

#[test]
fn what_a_failed_sync_took_from_the_file_comes_back_with_a_new_base() {
    let alone = [(0, 1), (1, 1), (0, 2), (0, 5), (2, 3)].map(|fault| (fault, false));
    let rewriting = [(0, 3), (1, 4)].map(|fault| (fault, true));
    for ((nth, times), rewrites) in alone.into_iter().chain(rewriting) {
        let what = format!("sync {nth} fails {times} times, rewriting: {rewrites}");
        let mut script = Script::new(AppendFsync::EverySecond);
        (1..=6).for_each(|number| script.write(number));
        if rewrites {
            let _ = script.client.run_all(&["CONFIG SET rdb-key-save-delay 3000", "BGREWRITEAOF"]);
            wait_for(|| script.server.log_lines().iter().any(|line| line.contains(".2.incr.aof")));
        }
        // What the system has marked clean it may have thrown away.
        script.disk.fail(Step::Sync, nth, times);
        script.disk.fail(Step::Read, 0, u64::MAX);
        let is_refused = || script.client.run("RPUSH list a").starts_with("-MISCONF");
        wait(&script.server, &what, is_refused);
        assert_eq!(script.client.run("GET left:1"), "$1\r\n6\r\n", "reads go on");
        // Nothing is healed: the reads go on failing.
        wait(&script.server, &what, || script.client.run("SET resumed 1") == "+OK\r\n");
        (7..=9).for_each(|number| script.write(number));
        script.client.send("WAITAOF 1 0 0");
        wait(&script.server, &what, || script.client.read() == "*2\r\n:1\r\n:0\r\n");
        wait_until_at_rest(&script.server, &script.client);
        let expected = digest(&script.server);
        for left in [script.disk.after_kill(), script.disk.after_power_cut(nth + times)] {
            assert_eq!(digest(&open(&left, logged(AppendFsync::EverySecond))), expected, "{what}");
        }
        script.recover(&what);
    }
}

#[test]
fn a_server_killed_on_its_way_to_a_new_base_has_lost_nothing_that_is_in_the_file() {
    for steps in 0..24 {
        let mut script = Script::new(AppendFsync::EverySecond);
        (1..=6).for_each(|number| script.write(number));
        script.disk.fail(Step::Sync, 0, 1);
        script.disk.fail(Step::Read, 0, u64::MAX);
        wait(&script.server, "no trouble", || script.client.run("RPUSH list a").starts_with("-MISCONF"));
        script.disk.power_off_after(steps);
        let tried = || script.server.log_lines().iter().any(|line| line.contains("rewrite terminated"));
        wait(&script.server, "no rewrite", tried);
        script.check(&format!("killed after {steps} steps"), &script.disk.after_kill());
    }
}

/// Waits while the server's time stands still.
fn wait_for(mut done: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "it does not happen");
        std::thread::sleep(Duration::from_micros(200));
    }
}
