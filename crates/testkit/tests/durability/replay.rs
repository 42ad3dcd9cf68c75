//! A log that is loaded again makes the data set that there was, whatever was done.

use std::time::Duration;

use spinel_aof::disk::sim::SimDisk;
use spinel_engine::config::AppendFsync;
use spinel_oracle::generate::{FAMILIES, Generator, NEWER};
use spinel_testkit::TestServer;

use crate::opened::{PAGE_BYTES, digest, logged, open, wait_until_at_rest, wait_until_safe};

/// Commands of each family.
const STEPS: usize = 1_500;

/// The data set after a kill at this moment, and after a clean end.
fn assert_kept(what: &str, disk: &SimDisk, server: TestServer, shards: usize) {
    let change = |settings: &mut _| {
        logged(AppendFsync::EverySecond)(settings);
        settings.process.shards = shards;
    };
    wait_until_safe(&server);
    let expected = digest(&server);
    let killed = open(&disk.after_kill(), change);
    assert_eq!(digest(&killed), expected, "{what}, killed");
    assert!(server.shut_down(), "{what}");
    let ended = open(disk, change);
    assert_eq!(digest(&ended), expected, "{what}, ended");
    assert!(ended.shut_down(), "{what}");
    assert_eq!(digest(&open(&disk.after_power_cut(3), change)), expected, "{what}, the second time");
}

#[test]
fn whatever_was_done_is_there_after_the_log_was_loaded() {
    let families = FAMILIES.iter().chain(NEWER.iter().map(|newer| &newer.family));
    for (seed, family) in (1..).zip(families) {
        let disk = SimDisk::new(PAGE_BYTES);
        let server = open(&disk, |settings| {
            logged(AppendFsync::EverySecond)(settings);
            settings.process.shards = 64;
            settings.process.threads = 4;
        });
        let mut clients = [server.connect(), server.connect()];
        let mut generator = Generator::new(family, seed);
        let steps = std::iter::repeat_with(|| generator.next_steps()).flatten();
        for (number, step) in steps.take(STEPS).enumerate() {
            let client = &mut clients[step.connection];
            let _ = client.run_words(&step.words);
            if client.is_waiting() {
                server.advance(Duration::from_millis(2));
            }
            if client.is_closed() {
                *client = server.connect();
            }
            if number % 500 == 250 {
                let _ = server.connect().run("BGREWRITEAOF");
            }
        }
        drop(clients);
        let client = server.connect();
        wait_until_at_rest(&server, &client);
        assert_eq!(client.info("aof_last_bgrewrite_status"), "ok", "{}", family.name);
        drop(client);
        assert_kept(family.name, &disk, server, 16);
    }
}

/// What is done, one step after the other; `+MILLISECONDS` lets time pass, `*` removes what has expired.
const SCRIPT: &[&str] = &[
    "SET gone 1 PX 10",
    "SET kept 1 PX 10",
    "PERSIST kept",
    "SET seen 1 PX 10",
    "SET late 1 EX 100",
    "GETEX late PX 50",
    "SET moved 1 PX 10",
    "HSET hash a 1",
    "PEXPIRE hash 10",
    "RPUSH list 1 2 3",
    "PEXPIRE list 10 NX",
    "PEXPIRE list 5 GT",
    "PEXPIRE list 20 GT",
    "SADD set 1 2 3 4 5 6 7 8 9",
    "+15",
    "PERSIST gone",
    "GET seen",
    "RENAME moved elsewhere",
    "APPEND moved x",
    "HSET hash b 2",
    "RPUSH list 4",
    "SPOP set 3",
    "SPOP set",
    "MULTI",
    "SET in:multi 1 PX 5",
    "INCR counter",
    "SPOP set",
    "EXEC",
    "+10",
    "INCR in:multi",
    "GETSET late 2",
    "SET limited 1",
    "EXPIRE limited 100 XX",
    "EXPIRE limited 100 NX",
    "EXPIRE limited 10 LT",
    "SET same 1 PX 1000",
    "SET same 2 KEEPTTL",
    "SETRANGE same 3 x",
    "COPY same copy",
    "EXPIREAT copy 1",
    "RESTORE restored 5 \"\\x00\\xc0\\x01\\x0a\\x00\\x51\\x8b\\x41\\x2e\\x5b\\x34\\x6e\\x2d\" REPLACE",
    "SET plain value",
    "+20",
    "*",
    "INCR counter",
    "SELECT 3",
    "SETEX other 1 x",
    "MOVE other 4",
    "SWAPDB 3 4",
    "+2000",
    "INCR other",
];

#[test]
fn keys_that_expired_before_the_log_is_loaded_are_what_the_log_says() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, logged(AppendFsync::EverySecond));
    let client = server.connect();
    for line in SCRIPT {
        match line.strip_prefix('+') {
            Some(millis) => server.advance(Duration::from_millis(millis.parse().expect("a number"))),
            None if *line == "*" => server.upkeep(),
            None => drop(client.run(line)),
        }
        wait_until_safe_in_no_time(&server);
        assert_eq!(
            digest(&open(&disk.after_kill(), logged(AppendFsync::EverySecond))),
            digest(&server),
            "{line}"
        );
    }
    drop(client);
    assert_kept("the script", &disk, server, 8);
}

/// Waits while time stands still.
fn wait_until_safe_in_no_time(server: &TestServer) {
    while !server.is_safe() {
        std::thread::yield_now();
    }
}

#[test]
fn what_blocked_clients_took_is_gone_after_the_log_was_loaded() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, logged(AppendFsync::EverySecond));
    let waiting: Vec<_> =
        ["BLPOP a b 0", "BLMOVE a c LEFT RIGHT 0", "BZPOPMIN z 0", "BLMPOP 0 2 a b LEFT COUNT 2"]
            .map(|line| {
                let client = server.connect();
                client.send(line);
                client
            })
            .into();
    let client = server.connect();
    let _ = client.run("RPUSH a 1 2 3 4 5 6");
    let _ = client.run_all(&["MULTI", "ZADD z 1 one 2 two", "RPUSH b 7 8", "EXEC"]);
    assert!(waiting.iter().all(|client| !client.is_waiting()));
    drop((waiting, client));
    assert_kept("blocked clients", &disk, server, 8);
}
