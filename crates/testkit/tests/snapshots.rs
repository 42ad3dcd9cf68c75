//! Snapshots and rewrites that fail or are called off. The suites of Redis look at this by killing the forked child that
//! writes them; here a thread does, and the disk fails instead.

use std::sync::Arc;
use std::time::{Duration, Instant};

use spinel_aof::disk::Disk;
use spinel_aof::disk::sim::{SimDisk, Step};
use spinel_engine::config::SavePoint;
use spinel_engine::host::Host;
use spinel_testkit::{TestClient, TestServer};

/// How long a snapshot may take before the test fails.
const LIMIT: Duration = Duration::from_secs(20);
/// A rest for each key that no test waits for, in microseconds.
const FOR_EVER: &str = "CONFIG SET rdb-key-save-delay 100000000";

fn start() -> (TestServer, SimDisk, TestClient) {
    let server = TestServer::with(|settings| {
        settings.persistence.save = vec![SavePoint { seconds: 3600, changes: 1_000_000 }];
    });
    let disk = SimDisk::new(4096);
    server.engine().set_host(Host { files: Arc::new(disk.clone()), ..Host::default() });
    let client = server.connect();
    (server, disk, client)
}

fn is(client: &TestClient, field: &str) -> bool {
    client.run("INFO everything").contains(&format!("\r\n{field}\r\n"))
}

fn wait_for(client: &TestClient, field: &str) {
    let since = Instant::now();
    while !is(client, field) {
        assert!(since.elapsed() < LIMIT, "no {field} in {}", client.run("INFO persistence"));
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn temporary_files(disk: &SimDisk) -> Vec<String> {
    let mut names = disk.list("").expect("the disk lists its files");
    names.retain(|name| name.starts_with("temp-"));
    names
}

fn has_logged(server: &TestServer, words: &str) -> bool {
    server.log_lines().iter().any(|line| line.contains(words))
}

/// Sends a command whose reply is of no interest.
fn tell(client: &TestClient, line: &str) {
    let _ = ask(client, line);
}

/// Sends a command that may be answered by another thread.
fn ask(client: &TestClient, line: &str) -> String {
    let since = Instant::now();
    let mut reply = client.run(line);
    while reply.is_empty() {
        assert!(since.elapsed() < LIMIT, "{line} is not answered");
        std::thread::sleep(Duration::from_millis(1));
        reply = client.run_all(&[]);
    }
    reply
}

#[test]
fn the_time_of_the_last_save_is_told_to_those_who_poll_for_it() {
    for save in ["SAVE", "BGSAVE"] {
        let (server, _disk, client) = start();
        let number =
            || ask(&client, "LASTSAVE").trim_matches([':', '\r', '\n']).parse::<i64>().expect("a number");
        let before = number();
        server.advance(Duration::from_secs(5));
        assert_eq!(number(), before, "nothing was saved");
        tell(&client, save);
        wait_for(&client, &format!("rdb_last_save_time:{}", before + 5));
        assert_eq!(number(), before + 5);
    }
}

#[test]
fn a_failed_snapshot_refuses_writes_until_one_succeeds() {
    let (server, disk, client) = start();
    tell(&client, "SET x x");
    disk.fail(Step::Sync, 0, 1);
    assert_eq!(ask(&client, "BGSAVE"), "+Background saving started\r\n");
    wait_for(&client, "rdb_last_bgsave_status:err");
    wait_for(&client, "rdb_bgsave_in_progress:0");
    assert_eq!(client.run("GET x"), "$1\r\nx\r\n");
    assert!(client.run("SET x y").starts_with("-MISCONF "), "a write was taken");
    assert!(has_logged(&server, "Background saving error"));
    assert_eq!(temporary_files(&disk), [""; 0]);
    assert_eq!(ask(&client, "BGSAVE"), "+Background saving started\r\n");
    wait_for(&client, "rdb_last_bgsave_status:ok");
    assert_eq!(client.run("SET x y"), "+OK\r\n");
}

#[test]
fn a_snapshot_given_up_leaves_no_file_and_its_entries_are_in_the_next() {
    let (server, disk, client) = start();
    for key in 0..1000 {
        tell(&client, &format!("SET {key} value"));
    }
    tell(&client, FOR_EVER);
    assert_eq!(ask(&client, "BGSAVE"), "+Background saving started\r\n");
    assert_eq!(temporary_files(&disk).len(), 1);
    tell(&client, "FLUSHALL");
    wait_for(&client, "rdb_bgsave_in_progress:0");
    assert_eq!(temporary_files(&disk), [""; 0]);
    assert!(has_logged(&server, "Background saving stopped"));
    tell(&client, "CONFIG SET rdb-key-save-delay 0");
    tell(&client, "SET after flush");
    assert_eq!(ask(&client, "BGSAVE"), "+Background saving started\r\n");
    wait_for(&client, "rdb_changes_since_last_save:0");
    assert_eq!(ask(&client, "DEBUG RELOAD NOSAVE"), "+OK\r\n");
    assert_eq!(client.run("GET after"), "$5\r\nflush\r\n");
    assert_eq!(client.run("DBSIZE"), ":1\r\n");
}

#[test]
fn a_snapshot_that_rests_goes_on_when_it_need_not_rest_any_more() {
    let (_server, disk, client) = start();
    tell(&client, "SET k v");
    tell(&client, FOR_EVER);
    assert_eq!(ask(&client, "BGSAVE"), "+Background saving started\r\n");
    assert!(is(&client, "rdb_bgsave_in_progress:1"));
    tell(&client, "CONFIG SET rdb-key-save-delay 0");
    wait_for(&client, "rdb_bgsave_in_progress:0");
    assert!(is(&client, "rdb_last_bgsave_status:ok"));
    assert_eq!(disk.list("").expect("the disk lists its files"), ["dump.rdb"]);
}

/// The replies are those of Valkey 9.1.
#[test]
fn a_save_that_is_cancelled_leaves_no_file_and_no_error() {
    let (_server, disk, client) = start();
    let none = "-ERR Background saving is currently not in progress or scheduled\r\n";
    assert_eq!(client.run("BGSAVE CANCEL"), none);
    for words in ["BGSAVE NEVER", "BGSAVE CANCEL SCHEDULE"] {
        assert_eq!(client.run(words), "-ERR syntax error\r\n");
    }
    tell(&client, "SET k v");
    tell(&client, FOR_EVER);
    assert_eq!(ask(&client, "BGSAVE"), "+Background saving started\r\n");
    assert_eq!(client.run("bgsave cancel"), "+Background saving cancelled\r\n");
    wait_for(&client, "rdb_bgsave_in_progress:0");
    assert!(is(&client, "rdb_last_bgsave_status:ok"));
    assert!(is(&client, "rdb_changes_since_last_save:1"));
    assert_eq!(disk.list("").expect("the disk lists its files"), [""; 0]);
    assert_eq!(client.run("BGSAVE CANCEL"), none);

    assert_eq!(client.run("BGREWRITEAOF"), "+Background append only file rewriting started\r\n");
    assert_eq!(client.run("BGSAVE SCHEDULE"), "+Background saving scheduled\r\n");
    assert_eq!(client.run("BGSAVE CANCEL"), "+Scheduled background saving cancelled\r\n");
    assert_eq!(client.run("BGSAVE CANCEL"), none);
    tell(&client, "CONFIG SET rdb-key-save-delay 0");
    wait_for(&client, "aof_rewrites:1");
}

#[test]
fn a_rewrite_waits_for_the_snapshot_in_progress() {
    let (server, _disk, client) = start();
    tell(&client, "SET k v");
    tell(&client, FOR_EVER);
    assert_eq!(ask(&client, "BGSAVE"), "+Background saving started\r\n");
    assert_eq!(client.run("BGREWRITEAOF"), "+Background append only file rewriting scheduled\r\n");
    assert!(is(&client, "aof_rewrite_scheduled:1"));
    tell(&client, "CONFIG SET rdb-key-save-delay 0");
    wait_for(&client, "rdb_bgsave_in_progress:0");
    server.advance(Duration::from_secs(2));
    server.upkeep();
    wait_for(&client, "aof_rewrites:1");
}

#[test]
fn turning_the_log_off_calls_its_rewrite_off() {
    let (server, disk, client) = start();
    tell(&client, "SET k v");
    assert_eq!(client.run("CONFIG SET appendonly yes"), "+OK\r\n");
    wait_for(&client, "aof_rewrites:1");
    wait_for(&client, "aof_rewrite_in_progress:0");
    tell(&client, FOR_EVER);
    assert_eq!(client.run("BGREWRITEAOF"), "+Background append only file rewriting started\r\n");
    wait_for(&client, "current_save_keys_total:1");
    assert_eq!(client.run("CONFIG SET appendonly no"), "+OK\r\n");
    wait_for(&client, "aof_rewrite_in_progress:0");
    assert!(has_logged(&server, "Killing running AOF rewrite child"));
    assert_eq!(temporary_files(&disk), [""; 0]);
}

#[test]
fn a_failed_rewrite_opens_another_increment_and_loses_nothing() {
    let (server, disk, client) = start();
    assert_eq!(client.run("CONFIG SET appendonly yes"), "+OK\r\n");
    wait_for(&client, "aof_rewrites:1");
    wait_for(&client, "aof_rewrite_in_progress:0");
    tell(&client, "CONFIG SET rdb-key-save-delay 300000");
    for round in 0..2 {
        assert_eq!(ask(&client, "INCR rounds"), format!(":{}\r\n", round + 1));
        assert_eq!(client.run("BGREWRITEAOF"), "+Background append only file rewriting started\r\n");
        wait_for(&client, "current_save_keys_total:1");
        disk.fail(Step::Rename, 0, 1);
        tell(&client, "CONFIG SET rdb-key-save-delay 0");
        wait_for(&client, "aof_rewrite_in_progress:0");
        disk.heal();
        tell(&client, "CONFIG SET rdb-key-save-delay 300000");
    }
    assert!(is(&client, "aof_last_bgrewrite_status:err"));
    assert!(has_logged(&server, "Background AOF rewrite terminated with error"));
    assert_eq!(
        disk.list("appendonlydir").expect("the disk lists its files").len(),
        5,
        "a base, three increments and the manifest"
    );
    assert_eq!(ask(&client, "DEBUG LOADAOF"), "+OK\r\n");
    assert_eq!(client.run("GET rounds"), "$1\r\n2\r\n");
}

#[test]
fn a_log_that_could_not_begin_begins_anew_with_nothing_twice() {
    let (server, disk, client) = start();
    tell(&client, "SET n 1");
    tell(&client, "CONFIG SET rdb-key-save-delay 300000");
    assert_eq!(client.run("CONFIG SET appendonly yes"), "+OK\r\n");
    wait_for(&client, "current_save_keys_total:1");
    assert_eq!(ask(&client, "INCR n"), ":2\r\n");
    disk.fail(Step::Rename, 0, 1);
    tell(&client, "CONFIG SET rdb-key-save-delay 0");
    wait_for(&client, "aof_rewrite_in_progress:0");
    disk.heal();
    assert!(has_logged(&server, "Removing the temp incr aof file"));
    assert!(is(&client, "aof_rewrite_scheduled:1"));
    server.advance(Duration::from_secs(2));
    server.upkeep();
    wait_for(&client, "aof_rewrites:1");
    wait_for(&client, "aof_rewrite_in_progress:0");
    assert_eq!(ask(&client, "INCR n"), ":3\r\n");
    assert_eq!(ask(&client, "DEBUG LOADAOF"), "+OK\r\n");
    assert_eq!(client.run("GET n"), "$1\r\n3\r\n");
}

#[test]
fn a_rewrite_called_off_before_its_instant_does_not_turn_the_log_on() {
    let (_server, disk, client) = start();
    tell(&client, "SET k v");
    tell(&client, FOR_EVER);
    for _ in 0..20 {
        let replies = client.run_all(&["CONFIG SET appendonly yes", "CONFIG SET appendonly no"]);
        assert_eq!(replies, "+OK\r\n+OK\r\n");
        wait_for(&client, "aof_rewrite_in_progress:0");
        assert_eq!(client.run("SET k w"), "+OK\r\n");
        assert_eq!(temporary_files(&disk), [""; 0]);
    }
}

#[test]
fn what_follows_a_flush_does_not_find_its_snapshot_in_the_way() {
    let (server, _disk, client) = start();
    for command in ["BGSAVE", "SAVE", "BGREWRITEAOF"] {
        tell(&client, "CONFIG SET rdb-key-save-delay 20000");
        // Who flushes in a transaction does not wait for the disk.
        let _ = client.run_all(&["MULTI", "FLUSHALL", "EXEC"]);
        tell(&client, "SET k v");
        server.upkeep();
        assert!(is(&client, "rdb_bgsave_in_progress:1"), "the flush is being saved");
        let reply = ask(&client, command);
        assert!(reply.ends_with("started\r\n") || reply == "+OK\r\n", "{command}: {reply}");
        tell(&client, "CONFIG SET rdb-key-save-delay 0");
        wait_for(&client, "rdb_bgsave_in_progress:0");
        wait_for(&client, "aof_rewrite_in_progress:0");
    }
}

#[test]
fn what_was_flushed_is_gone_from_the_disk_when_that_is_said() {
    let (_server, disk, client) = start();
    for command in ["FLUSHALL", "FLUSHALL ASYNC", "FLUSHALL SYNC"] {
        tell(&client, "SET k v");
        assert_eq!(ask(&client, "SAVE"), "+OK\r\n");
        // A snapshot that is under way is called off.
        tell(&client, "CONFIG SET rdb-key-save-delay 1000000");
        tell(&client, "BGSAVE");
        assert_eq!(ask(&client, command), "+OK\r\n");
        tell(&client, "CONFIG SET rdb-key-save-delay 0");
        assert!(is(&client, "rdb_bgsave_in_progress:0"));
        assert_eq!(ask(&client, "DEBUG RELOAD NOSAVE"), "+OK\r\n");
        assert_eq!(client.run("DBSIZE"), ":0\r\n", "{command}");
    }
    // A disk that fails does not keep anybody from flushing, nor from writing.
    tell(&client, "SET k v");
    disk.fail(Step::Rename, 0, 1);
    assert_eq!(ask(&client, "FLUSHALL"), "+OK\r\n");
    disk.heal();
    assert_eq!(client.run("DBSIZE"), ":0\r\n");
    assert_eq!(client.run("SET k v"), "+OK\r\n");
}

#[test]
fn a_reload_breaks_transactions_that_watch_keys_which_are_there() {
    let (_server, _disk, client) = start();
    assert_eq!(client.run("SET k v"), "+OK\r\n");
    for (watched, reply) in [("k", "*-1\r\n"), ("nothing", "*1\r\n$1\r\nv\r\n")] {
        assert_eq!(client.run(&format!("WATCH {watched}")), "+OK\r\n");
        assert_eq!(client.run("DEBUG RELOAD"), "+OK\r\n");
        assert_eq!(client.run("MULTI"), "+OK\r\n");
        assert_eq!(client.run("GET k"), "+QUEUED\r\n");
        assert_eq!(client.run("EXEC"), reply, "{watched} is watched");
    }
}

#[test]
fn the_count_of_snapshots_begins_anew_with_the_other_statistics() {
    let (_server, _disk, client) = start();
    let _ = client.run("BGSAVE");
    wait_for(&client, "rdb_bgsave_in_progress:0");
    wait_for(&client, "rdb_saves:1");
    assert!(is(&client, "total_forks:1"));
    let saved = client.info("rdb_last_save_time");
    assert_eq!(client.run("CONFIG RESETSTAT"), "+OK\r\n");
    for field in ["rdb_saves:0", "aof_rewrites:0", "total_forks:0", "rdb_last_bgsave_status:ok"] {
        assert!(is(&client, field), "{field}");
    }
    assert_eq!(client.info("rdb_last_save_time"), saved);
}

#[test]
fn what_redis_writes_within_the_command_is_no_save_in_the_background() {
    let (server, _disk, client) = start();
    for (command, saves, forks) in [("FLUSHALL", 0, 0), ("SAVE", 1, 0), ("BGSAVE", 2, 1), ("FLUSHALL", 2, 1)]
    {
        tell(&client, "SET k v");
        tell(&client, command);
        server.upkeep();
        wait_for(&client, "rdb_bgsave_in_progress:0");
        wait_for(&client, "rdb_changes_since_last_save:0");
        let counted = (client.info("rdb_saves"), client.info("total_forks"));
        assert_eq!(counted, (saves.to_string(), forks.to_string()), "{command}");
        assert_eq!(client.info("rdb_last_bgsave_time_sec") == "-1", forks == 0, "{command}");
    }
}
