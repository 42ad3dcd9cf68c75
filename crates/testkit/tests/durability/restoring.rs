//! `--restore-to`: the data set of a moment, whatever else the log holds.

use std::sync::Arc;
use std::time::Duration;

use spinel_aof::Moment;
use spinel_aof::disk::Disk;
use spinel_aof::disk::sim::SimDisk;
use spinel_engine::config::{AppendFsync, Settings};
use spinel_engine::persistence::NotLoaded;
use spinel_testkit::TestServer;

use crate::opened::{PAGE_BYTES, digest, logged, open, wait_until_at_rest, wait_until_safe};

/// What servers of tests begin with.
const BEGIN_MS: u64 = 1_700_000_000_000;
const HOUR: Duration = Duration::from_secs(3600);

fn restored(to_ms: u64) -> impl Fn(&mut Settings) {
    move |settings| {
        logged(AppendFsync::EverySecond)(settings);
        settings.persistence.aof.restore_to = Some(Moment(to_ms));
    }
}

fn open_restored(disk: &SimDisk, to_ms: u64) -> Result<TestServer, NotLoaded> {
    TestServer::open_later(Arc::new(disk.clone()), HOUR, restored(to_ms))
}

/// A server's log, and the data set at each of a few moments since the last base, first that of the base.
fn history(disk: &SimDisk, preamble: bool) -> Vec<(u64, String)> {
    let server = open(disk, |settings| {
        logged(AppendFsync::EverySecond)(settings);
        settings.persistence.aof.rdb_preamble = preamble;
    });
    let client = server.connect();
    let mut moments = Vec::new();
    for round in 0..12 {
        if round == 4 {
            assert!(client.run("BGREWRITEAOF").starts_with('+'));
            wait_until_at_rest(&server, &client);
            moments.clear();
        }
        // Waiting lets time pass, too.
        server.advance(Duration::from_millis(1700));
        let _ = client.run_all(&["MULTI", &format!("SET key:{round} {round}"), "INCR counter", "EXEC"]);
        let _ = client.run(&format!("RPUSH list {round}"));
        wait_until_safe(&server);
        let now = client.run("TIME");
        let words: Vec<u64> = now.lines().filter_map(|line| line.parse().ok()).collect();
        moments.push((words[0] * 1000 + words[1] / 1000, digest(&server)));
    }
    drop(client);
    assert!(server.shut_down());
    moments
}

#[test]
fn a_server_starts_with_the_data_of_any_moment_since_the_last_base() {
    for preamble in [true, false] {
        let whole = SimDisk::new(PAGE_BYTES);
        let moments = history(&whole, preamble);
        for (time_ms, expected) in &moments {
            let disk = whole.after_kill();
            let server = open_restored(&disk, *time_ms).expect("that moment is in the log");
            assert_eq!(digest(&server), *expected, "{:#?}", server.log_lines());
        }
        let first = moments[0].0;
        assert!(open_restored(&whole.after_kill(), first - 10_000).is_err(), "that was before the base");
    }
}

#[test]
fn what_was_written_after_a_restoration_outlives_further_starts_with_the_option() {
    let disk = SimDisk::new(PAGE_BYTES);
    let moments = history(&disk, true);
    let (time_ms, expected) = &moments[3];
    let server = open_restored(&disk, *time_ms).expect("that moment is in the log");
    assert_eq!(digest(&server), *expected);
    let lines = server.log_lines();
    let kept = format!("appendonlydir.before-restore-{}", BEGIN_MS + 3_600_000);
    for part in ["Restored to 2023-11-14 22:1", "Given up were ", " commands", &kept] {
        assert!(lines.iter().any(|line| line.contains(part)), "{part}: {lines:#?}");
    }
    let client = server.connect();
    let _ = client.run("SET new 1");
    assert!(client.run("BGREWRITEAOF").starts_with('+'));
    wait_until_at_rest(&server, &client);
    let _ = client.run("SET new 2");
    wait_until_safe(&server);
    let newer = digest(&server);
    let again = open_restored(&disk.after_kill(), *time_ms).expect("it is not restored again");
    assert_eq!(digest(&again), newer);
    assert!(again.log_lines().iter().any(|line| line.contains("That is not done twice")));
    assert_eq!(digest(&open(&disk.after_kill(), logged(AppendFsync::EverySecond))), newer);
    assert!(disk.list("").expect("it can be listed").contains(&kept));
}

#[test]
fn a_moment_that_cannot_be_restored_changes_nothing() {
    let disk = SimDisk::new(PAGE_BYTES);
    let moments = history(&disk, true);
    let expected = &moments.last().expect("there are some").1;
    assert!(open_restored(&disk, BEGIN_MS + 2 * 3_600_000).is_err(), "that is in the future");
    let without_log =
        |settings: &mut Settings| settings.persistence.aof.restore_to = Some(Moment(moments[3].0));
    assert!(TestServer::open_later(Arc::new(disk.clone()), HOUR, without_log).is_err());
    assert!(open_restored(&SimDisk::new(PAGE_BYTES), BEGIN_MS).is_err(), "there is no log");
    assert_eq!(digest(&open(&disk, logged(AppendFsync::EverySecond))), *expected);
    assert!(!disk.list("").expect("it can be listed").iter().any(|name| name.contains("before-restore")));
}
