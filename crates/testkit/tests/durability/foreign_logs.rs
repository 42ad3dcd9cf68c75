//! Logs of other servers: calls of scripts, which those before Redis 7.0 record instead of what they did, and commands that fail.

use std::sync::Arc;
use std::time::Duration;

use spinel_aof::disk::sim::SimDisk;
use spinel_aof::disk::{Disk, write_file};
use spinel_aof::encode_command;
use spinel_engine::config::{AppendFsync, PropagationErrors, ScriptMode, Settings};
use spinel_testkit::TestServer;

use crate::opened::{PAGE_BYTES, digest, logged, open, wait_until_safe};

const COUNTING: &str =
    "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('EXPIRE', KEYS[1], 100) end return n";

const COUNTING_DIGEST: &str = "9571fd205a92cc7fb991a0914810c72eee7a3970";
const ADDING: &str = "return redis.call('INCRBY', KEYS[1], 5)";
const ADDING_DIGEST: &str = "0cc4ca8b1719d6503032155b39d39102d86913bb";

/// A disk with a log of these commands.
fn disk_with(commands: &[&[&str]]) -> SimDisk {
    let disk = SimDisk::new(PAGE_BYTES);
    let mut log = Vec::new();
    for words in commands {
        encode_command(&mut log, words.iter().map(|word| word.as_bytes()));
    }
    disk.create_folder("appendonlydir").expect("the disk is empty");
    let manifest = b"file appendonly.aof.1.incr.aof seq 1 type i\n";
    write_file(&disk, "temp", "appendonlydir/appendonly.aof.1.incr.aof", &log).expect("there is room");
    write_file(&disk, "temp", "appendonlydir/appendonly.aof.manifest", manifest).expect("there is room");
    disk
}

/// Where clients could not do what the log tells.
fn strict(settings: &mut Settings) {
    logged(AppendFsync::EverySecond)(settings);
    settings.scripts.mode = ScriptMode::Registered;
    settings.scripts.are_atomic = true;
    settings.scripts.time_limit_ms = 1;
    settings.replication.min_replicas_to_write = 1;
    settings.replication.min_replicas_max_lag = 10;
    settings.memory.maxmemory = 1;
}

#[test]
fn scripts_are_run_again_whatever_the_settings_ask_of_clients() {
    let disk = disk_with(&[
        &["SELECT", "2"],
        &["EVAL", "redis.call('SET', KEYS[1] .. 'x', ARGV[1]) redis.call('PING')", "1", "a", "1"],
        &["EVAL", COUNTING, "1", "counter"],
        &["EVALSHA", COUNTING_DIGEST, "1", "counter"],
        &["MULTI"],
        &["SET", "in", "1"],
        &["EVAL", "redis.call('INCR', KEYS[1])", "1", "in"],
        &["EXEC"],
        &["EVAL", "redis.call('SET', KEYS[1], 'half') redis.call('INCR', KEYS[1])", "1", "half"],
        &["SCRIPT", "FLUSH"],
        &["SCRIPT", "LOAD", ADDING],
        &["EVALSHA", ADDING_DIGEST, "1", "in"],
        &["EVAL", "for i = 1, 200000 do redis.call('LLEN', 'x') end redis.call('SET', 'late', 1)", "0"],
        &["PUBLISH", "channel", "x"],
    ]);
    let check = |server: &TestServer| {
        let client = server.connect();
        let _ = client.run("SELECT 2");
        let replies = ["GET ax", "GET counter", "GET in", "GET half", "GET late", "DBSIZE"]
            .map(|line| client.run(line));
        assert_eq!(
            replies,
            ["$1\r\n1\r\n", "$1\r\n2\r\n", "$1\r\n7\r\n", "$4\r\nhalf\r\n", "$1\r\n1\r\n", ":5\r\n"],
            "{:#?}",
            server.log_lines()
        );
        assert_eq!(client.run("TTL counter"), ":100\r\n");
    };
    let plain: fn(&mut Settings) = |settings| logged(AppendFsync::EverySecond)(settings);
    for change in [plain, strict] {
        let disk = disk.clone();
        let server = open(&disk, change);
        check(&server);
        wait_until_safe(&server);
        let again = open(&disk.after_kill(), change);
        check(&again);
        assert_eq!(digest(&again), digest(&server));
    }
}

#[test]
fn keys_whose_time_has_come_since_are_there_for_scripts() {
    let disk = disk_with(&[
        &["SET", "gone", "1", "PXAT", "1000"],
        &[
            "EVAL",
            "redis.call('INCR', KEYS[1]) redis.call('EXPIRE', 'other', 10) redis.call('INCR', KEYS[1])",
            "2",
            "gone",
            "other",
        ],
        &["PERSIST", "gone"],
    ]);
    let server =
        TestServer::open_later(Arc::new(disk), Duration::from_secs(1000), logged(AppendFsync::EverySecond));
    let server = server.expect("the log is whole");
    assert_eq!(server.connect().run("GET gone"), "$1\r\n3\r\n");
}

#[test]
fn a_call_that_cannot_be_made_again_refuses_the_log() {
    for words in [
        &["EVALSHA", "ffffffffffffffffffffffffffffffffffffffff", "0"][..],
        &["EVAL", "this is no script", "0"],
        &["EVAL", "return 1", "2", "a"],
        &["EVAL", "return 1"],
        &["SCRIPT", "LOAD", "return return"],
        &["FCALL", "unknown", "0"],
        &["FUNCTION", "RESTORE", "damaged"],
        &["FUNCTION", "DELETE"],
    ] {
        let disk = disk_with(&[&["SET", "a", "1"], words]);
        let opened = TestServer::open(Arc::new(disk.clone()), logged(AppendFsync::EverySecond));
        assert!(opened.is_err(), "{words:?}");
        assert_eq!(disk.list("appendonlydir").expect("it is there").len(), 2, "nothing is touched");
    }
}

#[test]
fn commands_that_fail_are_told_of_and_refuse_the_log_if_one_wishes() {
    let disk =
        disk_with(&[&["SET", "a", "x"], &["INCR", "a"], &["SET", "b", "1", "FUTURE"], &["SET", "c", "1"]]);
    let open_with = |errors| {
        TestServer::open(Arc::new(disk.clone()), |settings| {
            logged(AppendFsync::EverySecond)(settings);
            settings.persistence.aof.propagation_errors = errors;
        })
    };
    assert!(open_with(PropagationErrors::Panic).is_err());
    let server = open_with(PropagationErrors::Ignore).expect("the rest can be loaded");
    let told: Vec<_> = server.log_lines().into_iter().filter(|line| line.contains("CRITICAL")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].ends_with(
        "sending an error to its AOF-loading-client: 'ERR value is not an integer or out of range' after processing the \
         command 'incr'"
    ));
    let client = server.connect();
    assert_eq!(
        (client.run("DBSIZE"), client.info("unexpected_error_replies")),
        (":2\r\n".into(), "2".into())
    );
}
