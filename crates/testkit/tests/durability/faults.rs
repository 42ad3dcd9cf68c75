//! Every step of the disk fails once: nothing acknowledged is lost, reads go on, writes resume by themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use spinel_aof::disk::sim::{SimDisk, Step};
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
        for seed in 0..2 {
            script.check(&format!("{what}, power cut {seed}"), &script.disk.after_power_cut(seed));
        }
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
