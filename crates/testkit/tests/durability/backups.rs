//! BACKUP: copies taken while writes go on, with and without an append-only file, whatever the disk does.

use std::sync::Arc;
use std::time::Duration;

use spinel_aof::disk::sim::{SimDisk, Step};
use spinel_aof::disk::{Disk, OpenMode, copy_front};
use spinel_engine::config::{AppendFsync, Settings};
use spinel_testkit::{TestClient, TestServer};

use crate::opened::{PAGE_BYTES, digest, left_over, logged, open, wait, wait_until_at_rest, wait_until_safe};

/// Looks at whether a backup whose disk may be gone comes to something.
const LOOKS: usize = 100;

/// Settings of a server with a log, with one whose bases are commands, and without one.
fn kinds() -> [fn(&mut Settings); 3] {
    [
        |settings| logged(AppendFsync::EverySecond)(settings),
        |settings| {
            logged(AppendFsync::Always)(settings);
            settings.persistence.aof.rdb_preamble = false;
        },
        |_| {},
    ]
}

pub(crate) fn status(client: &TestClient, field: &str) -> String {
    let reply = client.run("BACKUP STATUS");
    let lines: Vec<&str> = reply.lines().collect();
    let at = lines.iter().position(|line| *line == field).expect("there is such a field");
    match lines[at + 1].strip_prefix(':') {
        Some(number) => number.to_owned(),
        None => lines[at + 2].to_owned(),
    }
}

fn wait_for_state(server: &TestServer, client: &TestClient, state: &str) {
    wait(server, state, || status(client, "state") == state);
}

fn start(server: &TestServer, client: &TestClient) {
    assert_eq!(client.run("BACKUP START"), "+OK\r\n");
    wait_for_state(server, client, "incrementing");
}

/// The digest of what a backup holds.
fn digest_of(disk: &SimDisk, folder: &str) -> String {
    digest(&restored(disk, folder))
}

/// A server with what is in a backup's folder as its log.
pub(crate) fn restored(disk: &SimDisk, folder: &str) -> TestServer {
    let copy = SimDisk::new(PAGE_BYTES);
    copy.create_folder("appendonlydir").expect("a disk in memory");
    for name in disk.list(folder).expect("the folder is there") {
        let file = disk.open(&format!("{folder}/{name}"), OpenMode::Read).expect("it is there");
        let length = file.length().expect("a disk in memory");
        copy_front(&copy, &*file, length, &format!("appendonlydir/{name}")).expect("a disk in memory");
    }
    open(&copy, |settings| {
        logged(AppendFsync::EverySecond)(settings);
        settings.persistence.aof.load_truncated = false;
    })
}

fn files(disk: &SimDisk, folder: &str) -> Vec<String> {
    disk.list(folder).unwrap_or_default()
}

/// Nothing of a backup or of the log that is kept for it.
pub(crate) fn is_clean(disk: &SimDisk) -> bool {
    let folders = disk.list("").expect("a disk in memory");
    files(disk, "backupdir").is_empty() && !folders.contains(&"temp-backupdir".to_owned())
}

#[test]
fn a_backup_holds_what_was_there_when_it_was_sealed() {
    for kind in kinds() {
        let disk = SimDisk::new(PAGE_BYTES);
        let server = open(&disk, kind);
        let client = server.connect();
        for key in 0..200 {
            let _ = client.run(&format!("SET key:{key} {key}"));
        }
        assert_eq!(status(&client, "state"), "idle");
        start(&server, &client);
        assert_eq!(client.info("backup_in_progress"), "1");
        assert_eq!(client.run("BACKUP LIST").lines().next(), Some("*1"));
        for key in 100..300 {
            let _ = client.run(&format!("INCR key:{key}"));
            let _ = client.run_all(&["MULTI", "SELECT 3", &format!("RPUSH list {key}"), "EXEC"]);
        }
        let expected = digest(&server);
        assert_eq!(client.run("BACKUP SEAL"), "+OK\r\n", "{:#?}", server.log_lines());
        assert_eq!((status(&client, "state").as_str(), status(&client, "error").as_str()), ("sealed", ""));
        let _ = client.run("SET later 1");
        wait_until_safe(&server);
        let held = files(&disk, "backupdir");
        assert_eq!(held.len(), 3, "{held:?}");
        assert!(client.run("BACKUP LIST").contains(&format!("backupdir/{}\r\n", held[2])));
        assert_eq!(digest_of(&disk, "backupdir"), expected, "{:#?}", server.log_lines());
        if server.engine().settings().persistence.aof.enabled {
            assert_eq!(digest(&open(&disk.after_kill(), kind)), digest(&server));
        }
        // It is known again after a crash, and durable.
        let left = disk.after_power_cut(7);
        let again = open(&left, kind);
        let client_again = again.connect();
        assert_eq!(status(&client_again, "state"), "sealed");
        assert_eq!(status(&client_again, "start_time"), status(&client, "start_time"));
        assert_eq!(digest_of(&left, "backupdir"), expected);
        assert!(client_again.run("BACKUP START").contains("A sealed backup exists, CLEANUP it first"));
        assert_eq!(client_again.run("BACKUP CLEANUP"), "+OK\r\n");
        assert!(is_clean(&left));
        assert_eq!(status(&client_again, "state"), "idle");
        start(&again, &client_again);
    }
}

#[test]
fn rewrites_between_start_and_seal_take_nothing_from_a_backup() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, logged(AppendFsync::Always));
    let client = server.connect();
    start(&server, &client);
    for round in 0..4 {
        let _ = client.run(&format!("SET round:{round} 1"));
        wait_until_safe(&server);
        assert!(client.run("BGREWRITEAOF").starts_with('+'));
        wait_until_at_rest(&server, &client);
        let _ = client.run("INCR counter");
    }
    let expected = digest(&server);
    assert_eq!(client.run("BACKUP SEAL"), "+OK\r\n");
    // The base, five increments and the manifest.
    assert_eq!(files(&disk, "backupdir").len(), 7);
    assert_eq!(digest_of(&disk, "backupdir"), expected);
    assert_eq!(digest(&open(&disk.after_kill(), logged(AppendFsync::Always))), expected);
}

#[test]
fn a_backup_waits_for_a_snapshot_and_shares_a_rewrite() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, logged(AppendFsync::EverySecond));
    let client = server.connect();
    for key in 0..300 {
        let _ = client.run(&format!("SET key:{key} value"));
    }
    let _ = client.run("CONFIG SET rdb-key-save-delay 2000");
    assert!(client.run("BGSAVE").starts_with('+'));
    assert_eq!(client.run("BACKUP START"), "+OK\r\n");
    assert_eq!(status(&client, "state"), "pending");
    assert!(client.run("BACKUP START").contains("A backup is already in progress, ABORT it first"));
    assert!(client.run("BACKUP CLEANUP").contains("Backup is in progress"));
    assert!(
        client.run("BACKUP SEAL").contains("No backup ready to seal (must be in the incrementing state)")
    );
    let _ = client.run("CONFIG SET rdb-key-save-delay 0");
    wait_for_state(&server, &client, "incrementing");
    assert_eq!(client.run("BACKUP ABORT"), "+OK\r\n");
    assert_eq!(
        (status(&client, "state").as_str(), status(&client, "error").as_str()),
        ("failed", "aborted by user")
    );
    assert!(is_clean(&disk));
    wait_until_at_rest(&server, &client);
    let rewrites = client.info("aof_rewrites");
    let _ = client.run("CONFIG SET rdb-key-save-delay 2000");
    assert!(client.run("BGREWRITEAOF").starts_with("+Background append only file rewriting started"));
    assert_eq!(client.run("BACKUP START"), "+OK\r\n");
    assert_eq!(status(&client, "state"), "snapshotting");
    let _ = client.run("CONFIG SET rdb-key-save-delay 0");
    wait_for_state(&server, &client, "incrementing");
    assert_eq!(
        client.info("aof_rewrites").parse::<u64>().ok(),
        rewrites.parse::<u64>().ok().map(|it| it + 1)
    );
    assert_eq!(client.run("BACKUP SEAL"), "+OK\r\n");
    assert_eq!(digest_of(&disk, "backupdir"), digest(&server));
}

#[test]
fn errors_of_states_are_those_of_redis() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, |_| {});
    let client = server.connect();
    assert_eq!(client.run("BACKUP ABORT"), "-ERR No backup in progress\r\n");
    assert_eq!(client.run("BACKUP CLEANUP"), "+OK\r\n");
    assert!(client.run("BACKUP").contains("wrong number of arguments"));
    assert!(client.run("BACKUP HELP").contains("BACKUP <subcommand> "));
    disk.create_folder("backupdir").expect("a disk in memory");
    let _ = disk.open("backupdir/notes", OpenMode::Create).expect("a disk in memory");
    assert!(client.run("BACKUP START").contains("not empty"));
    assert_eq!(status(&client, "state"), "idle");
    assert_eq!(files(&disk, "backupdir"), ["notes"]);
}

#[test]
fn a_transaction_that_starts_a_backup_is_whole_in_it() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, |_| {});
    let client = server.connect();
    let reply = client.run_all(&["MULTI", "SET before 1", "BACKUP START", "SET after 1", "EXEC"]);
    assert!(reply.ends_with("*3\r\n+OK\r\n+OK\r\n+OK\r\n"), "{reply}");
    wait_for_state(&server, &client, "incrementing");
    assert_eq!(client.run("BACKUP SEAL"), "+OK\r\n");
    assert_eq!(digest_of(&disk, "backupdir"), digest(&server));
    let reply = client.run_all(&["MULTI", "BACKUP CLEANUP", "BACKUP STATUS", "EXEC"]);
    assert!(reply.contains("idle"), "{reply}");
    wait(&server, "nothing is removed", || is_clean(&disk));
}

#[test]
fn a_sealed_backup_goes_after_its_time() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, |_| {});
    let client = server.connect();
    start(&server, &client);
    assert_eq!(client.run("BACKUP SEAL"), "+OK\r\n");
    assert_eq!(client.run("CONFIG SET backup-sealed-ttl 3600"), "+OK\r\n");
    server.advance(Duration::from_secs(1800));
    server.upkeep();
    assert_eq!(status(&client, "state"), "sealed");
    server.advance(Duration::from_secs(1801));
    wait(&server, "it stays", || status(&client, "state") == "idle" && is_clean(&disk));
}

#[test]
fn turning_the_log_on_or_off_ends_a_backup() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, |_| {});
    let client = server.connect();
    let _ = client.run("SET key value");
    start(&server, &client);
    assert!(client.run("BGREWRITEAOF").contains("scheduled"));
    assert_eq!(client.run("CONFIG SET appendonly yes"), "+OK\r\n");
    assert_eq!(status(&client, "error"), "appendonly is started");
    wait(&server, "files stay", || is_clean(&disk));
    wait_until_at_rest(&server, &client);
    wait_until_safe(&server);
    assert_eq!(digest(&open(&disk.after_kill(), logged(AppendFsync::EverySecond))), digest(&server));
    start(&server, &client);
    assert_eq!(client.run("CONFIG SET appendonly no"), "+OK\r\n");
    assert_eq!(
        (status(&client, "state").as_str(), status(&client, "error").as_str()),
        ("failed", "appendonly is stopped")
    );
    wait(&server, "files stay", || is_clean(&disk));
}

/// A backup from START to its end, with writes in between; true if it was sealed. A step of the disk fails.
fn run_with_fault(server: &TestServer, client: &TestClient, inject: impl FnOnce()) -> (bool, String) {
    for key in 0..20 {
        let _ = client.run(&format!("SET key:{key} value"));
    }
    wait_until_safe(server);
    inject();
    if client.run("BACKUP START") != "+OK\r\n" {
        return (false, String::new());
    }
    let mut number = 0;
    wait(server, "it stands still", || {
        number += 1;
        if number % 50 == 0 {
            let _ = client.run("INCR counter");
        }
        matches!(status(client, "state").as_str(), "incrementing" | "failed")
    });
    let _ = client.run("INCR counter");
    let expected = digest(server);
    (client.run("BACKUP SEAL") == "+OK\r\n", expected)
}

#[test]
fn a_disk_that_fails_at_any_step_harms_no_log_and_leaves_no_half_backup() {
    for kind in kinds() {
        for step in
            [Step::Write, Step::Sync, Step::Create, Step::Length, Step::Rename, Step::Link, Step::SyncFolder]
        {
            for nth in 0..14 {
                let what = format!("{step:?} {nth}");
                let disk = SimDisk::new(PAGE_BYTES);
                let server = open(&disk, kind);
                let client = server.connect();
                let (is_sealed, expected) = run_with_fault(&server, &client, || disk.fail(step, nth, 1));
                disk.heal();
                after_fault(&server, &client, &disk, kind, is_sealed.then_some(expected), &what);
            }
        }
    }
}

#[test]
fn a_full_disk_harms_no_log_and_leaves_no_half_backup() {
    for kind in kinds() {
        for room in (0..3000).step_by(130) {
            let disk = SimDisk::new(PAGE_BYTES);
            let server = open(&disk, kind);
            let client = server.connect();
            let fill = || disk.set_capacity(Some(disk.used_bytes() + room));
            let (is_sealed, expected) = run_with_fault(&server, &client, fill);
            disk.heal();
            let what = format!("room for {room} bytes");
            after_fault(&server, &client, &disk, kind, is_sealed.then_some(expected), &what);
        }
    }
}

fn after_fault(
    server: &TestServer,
    client: &TestClient,
    disk: &SimDisk,
    kind: fn(&mut Settings),
    sealed: Option<String>,
    what: &str,
) {
    let lines = || server.log_lines();
    wait(server, what, || client.run("SET resumed 1") == "+OK\r\n");
    wait_until_safe(server);
    if let Some(expected) = &sealed {
        assert_eq!(digest_of(disk, "backupdir"), *expected, "{what} {:#?}", lines());
    } else if status(client, "state") == "failed" {
        assert_ne!(status(client, "error"), "", "{what}");
        wait(server, what, || is_clean(disk));
    }
    wait_until_at_rest(server, client);
    // Before anything else: the live log, and what a crash leaves of the backup.
    let left = disk.after_kill();
    let again = open(&left, kind);
    if status(client, "state") != "incrementing" {
        assert_eq!(files(&left, "backupdir").is_empty(), sealed.is_none(), "{what} {:#?}", lines());
    }
    if server.engine().settings().persistence.aof.enabled {
        assert_eq!(digest(&again), digest(server), "{what} {:#?}", lines());
    }
    let _ = client.run("BACKUP ABORT");
    assert_eq!(client.run("BACKUP CLEANUP"), "+OK\r\n", "{what}");
    start(server, client);
    let expected = digest(server);
    assert_eq!(client.run("BACKUP SEAL"), "+OK\r\n", "{what} {:#?}", lines());
    assert_eq!(digest_of(disk, "backupdir"), expected, "{what}");
    wait_until_at_rest(server, client);
    assert_eq!(left_over(disk), [""; 0], "{what}");
}

#[test]
fn a_power_cut_at_any_step_leaves_a_whole_backup_or_none() {
    for kind in kinds() {
        let mut is_through = false;
        for steps in 0..90 {
            let disk = SimDisk::new(PAGE_BYTES);
            let server = open(&disk, kind);
            let client = server.connect();
            let _ = client.run("SET key value");
            wait_until_safe(&server);
            disk.power_off_after(steps);
            let mut expected = None;
            if client.run("BACKUP START") == "+OK\r\n" {
                // A rewrite waits until the disk is well, which it never is again.
                let is_over = || matches!(status(&client, "state").as_str(), "incrementing" | "failed");
                for _ in 0..LOOKS {
                    if is_over() {
                        break;
                    }
                    server.advance(Duration::from_millis(20));
                    server.upkeep();
                    std::thread::sleep(Duration::from_micros(200));
                }
                let now = digest(&server);
                if client.run("BACKUP SEAL") == "+OK\r\n" {
                    expected = Some(now);
                }
            }
            is_through |= expected.is_some();
            for left in [disk.after_power_cut(steps), disk.after_power_cut(steps + 77), disk.after_kill()] {
                let again = TestServer::open(Arc::new(left.clone()), kind).expect("the log loads");
                let client = again.connect();
                match (status(&client, "state").as_str(), &expected) {
                    ("sealed", Some(expected)) => assert_eq!(digest_of(&left, "backupdir"), *expected),
                    ("sealed", None) => drop(digest_of(&left, "backupdir")),
                    ("idle", None) => assert!(is_clean(&left), "{steps}: {:?}", files(&left, "backupdir")),
                    other => panic!("{steps}: {other:?}"),
                }
            }
        }
        assert!(is_through);
    }
}

#[test]
fn what_is_preloaded_takes_the_place_of_what_the_server_had() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, logged(AppendFsync::EverySecond));
    let client = server.connect();
    let _ = client.run("SET key 1");
    start(&server, &client);
    let _ = client.run("RPUSH list a b");
    let expected = digest(&server);
    assert_eq!(client.run("BACKUP SEAL"), "+OK\r\n");
    let _ = client.run("FLUSHALL");
    let _ = client.run("SET local 1");
    wait_until_safe(&server);
    let held: Vec<(String, u64)> = sizes(&disk);
    for enabled in [true, false] {
        let left = disk.after_kill();
        let preloaded = |settings: &mut Settings| {
            settings.persistence.aof.enabled = enabled;
            settings.persistence.preload_file = b"aof:/backupdir/appendonly.aof.manifest".to_vec();
        };
        let again = open(&left, preloaded);
        assert_eq!(digest(&again), expected);
        let _ = again.connect().run("SET more 1");
        wait_until_safe(&again);
        assert_eq!(sizes(&left), held, "a backup does not change");
        let kept =
            left.list("").expect("a disk in memory").iter().any(|name| name.contains("before-restore"));
        assert_eq!(kept, enabled);
        let own = open(&left.after_kill(), logged(AppendFsync::EverySecond));
        assert_eq!(digest(&own) == digest(&again), enabled);
    }
    let missing = |settings: &mut Settings| settings.persistence.preload_file = b"rdb:/missing.rdb".to_vec();
    assert!(TestServer::open(Arc::new(disk.after_kill()), missing).is_err());
    let torn = disk.after_kill();
    let incr =
        files(&torn, "backupdir").into_iter().find(|name| name.contains("incr")).expect("there is one");
    torn.open(&format!("backupdir/{incr}"), OpenMode::Write)
        .and_then(|file| file.set_length(200))
        .expect("a disk in memory");
    let preloaded = |settings: &mut Settings| {
        settings.persistence.preload_file = b"aof:/backupdir/appendonly.aof.manifest".to_vec();
    };
    assert!(TestServer::open(Arc::new(torn), preloaded).is_err());
    let _ = client.run("SAVE");
    let snapshot = |settings: &mut Settings| {
        logged(AppendFsync::EverySecond)(settings);
        settings.persistence.preload_file = b"rdb:/dump.rdb".to_vec();
    };
    assert_eq!(digest(&open(&disk.after_kill(), snapshot)), digest(&server));
}

/// The files of a backup with their lengths.
fn sizes(disk: &SimDisk) -> Vec<(String, u64)> {
    let length = |name: String| {
        let file = disk.open(&format!("backupdir/{name}"), OpenMode::Read).expect("it is there");
        let length = file.length().expect("a disk in memory");
        (name, length)
    };
    files(disk, "backupdir").into_iter().map(length).collect()
}

#[test]
fn damage_in_a_copy_is_noticed_by_seal() {
    for (which, bit) in [("base.rdb", 8 * 60), ("incr.aof", 8 * 300)] {
        let disk = SimDisk::new(PAGE_BYTES);
        let server = open(&disk, logged(AppendFsync::EverySecond));
        let client = server.connect();
        let _ = client.run("SET key:with:a:long:name a-value-that-is-not-short-either");
        start(&server, &client);
        for key in 0..20 {
            let _ = client.run(&format!("SET key:{key} value"));
        }
        wait_until_safe(&server);
        let folder = if which == "incr.aof" { "appendonlydir" } else { "backupdir" };
        let name = files(&disk, folder).into_iter().find(|name| name.ends_with(which)).expect("it is there");
        disk.flip_bit(&format!("{folder}/{name}"), bit);
        let reply = client.run("BACKUP SEAL");
        assert!(reply.starts_with(&format!("-ERR Backup failed: {name}: ")), "{reply}");
        assert_eq!(status(&client, "state"), "failed");
        assert!(status(&client, "error").starts_with(&name));
        assert!(is_clean(&disk));
    }
}

#[test]
fn a_backup_fails_whose_log_lost_what_only_the_data_set_has() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, logged(AppendFsync::EverySecond));
    let client = server.connect();
    let _ = client.run("SET key value");
    start(&server, &client);
    wait_until_safe(&server);
    // What the system has marked clean it may have thrown away.
    disk.fail(Step::Sync, 0, 1);
    disk.fail(Step::Read, 0, u64::MAX);
    wait(&server, "no trouble", || client.run("RPUSH list a").starts_with("-MISCONF"));
    wait(&server, "the log stays in trouble", || client.run("SET resumed 1") == "+OK\r\n");
    wait_until_at_rest(&server, &client);
    assert_eq!(status(&client, "state"), "failed", "{:#?}", server.log_lines());
    disk.heal();
    wait(&server, "files stay", || is_clean(&disk));
    start(&server, &client);
    let _ = client.run("RPUSH list b");
    assert_eq!(client.run("BACKUP SEAL"), "+OK\r\n", "{:#?}", server.log_lines());
    assert_eq!(digest_of(&disk, "backupdir"), digest(&server));
}
