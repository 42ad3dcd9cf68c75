//! Turning the log on and off, rewriting and loading it again, while writes go on.

use spinel_aof::disk::sim::{SimDisk, Step};
use spinel_aof::disk::{Disk, OpenMode, read_file, write_all_at};
use spinel_engine::config::AppendFsync;

use crate::opened::{PAGE_BYTES, digest, left_over, logged, open, wait, wait_until_at_rest, wait_until_safe};

const POLICIES: [AppendFsync; 3] = [AppendFsync::Always, AppendFsync::EverySecond, AppendFsync::No];

#[test]
fn a_log_that_was_switched_and_rewritten_again_and_again_loads_what_there_was() {
    for fsync in POLICIES {
        let disk = SimDisk::new(PAGE_BYTES);
        let server = open(&disk, logged(fsync));
        let client = server.connect();
        for round in 0..40 {
            for number in 0..20 {
                assert!(client.run(&format!("INCR counter:{}", number % 7)).starts_with(':'));
                let _ = client.run(&format!("RPUSH list {round} {number}"));
            }
            let reply = match round % 5 {
                0 => client.run("BGREWRITEAOF"),
                1 => client.run("CONFIG SET appendonly no"),
                2 => client.run("CONFIG SET appendonly yes"),
                3 => client.run_all(&["CONFIG SET appendonly no", "CONFIG SET appendonly yes"]),
                _ => client.run("CONFIG SET appendonly yes"),
            };
            assert!(reply.starts_with('+') || reply.contains("already in progress"), "{reply}");
            if round % 7 == 0 {
                wait_until_at_rest(&server, &client);
            }
        }
        wait_until_at_rest(&server, &client);
        let _ = client.run("INCR counter:0");
        wait_until_safe(&server);
        let expected = digest(&server);
        assert_eq!(digest(&open(&disk.after_kill(), logged(fsync))), expected, "{:#?}", server.log_lines());
        drop(client);
        assert!(server.shut_down());
        assert_eq!(left_over(&disk), [""; 0]);
        assert_eq!(digest(&open(&disk.after_power_cut(5), logged(fsync))), expected);
    }
}

#[test]
fn turning_the_log_on_and_off_at_once_leaves_a_server_that_goes_on() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, |_| {});
    let client = server.connect();
    for _ in 0..50 {
        let _ = client.run_all(&["CONFIG SET appendonly yes", "CONFIG SET appendonly no"]);
        assert!(client.run("INCR counter").starts_with(':'));
        wait_until_safe(&server);
    }
    wait_until_at_rest(&server, &client);
    wait_until_safe(&server);
}

#[test]
fn a_log_that_cannot_begin_begins_later_without_what_was_logged_in_vain() {
    for (step, nth) in [(Step::Write, 4), (Step::Sync, 3), (Step::Rename, 0), (Step::SyncFolder, 2)] {
        let disk = SimDisk::new(PAGE_BYTES);
        let server = open(&disk, |_| {});
        let client = server.connect();
        let _ = client.run("SET counter 100");
        let _ = client.run("CONFIG SET rdb-key-save-delay 2000");
        disk.fail(step, nth, 8);
        if client.run("CONFIG SET appendonly yes") != "+OK\r\n" {
            disk.heal();
            assert_eq!(client.run("CONFIG SET appendonly yes"), "+OK\r\n");
        }
        for _ in 0..200 {
            let _ = client.run("INCR counter");
            std::thread::yield_now();
        }
        let failed = |word: &str| server.log_lines().iter().any(|line| line.contains(word));
        wait(&server, "nothing fails", || failed("rewrite terminated with error") || failed("success"));
        disk.heal();
        wait_until_at_rest(&server, &client);
        assert_eq!(client.run("SET last 1"), "+OK\r\n", "{:#?}", server.log_lines());
        wait_until_safe(&server);
        let expected = digest(&server);
        let copy = open(&disk.after_kill(), logged(AppendFsync::EverySecond));
        assert_eq!(digest(&copy), expected, "{step:?} {:#?} {:#?}", server.log_lines(), copy.log_lines());
    }
}

#[test]
fn a_second_epoch_of_the_log_that_fails_to_begin_does_not_go_on_without_files() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, logged(AppendFsync::Always));
    let client = server.connect();
    let _ = client.run("SET counter 1");
    wait_until_safe(&server);
    let _ = client.run("CONFIG SET appendonly no");
    let _ = client.run("INCR counter");
    let _ = client.run("CONFIG SET rdb-key-save-delay 2000");
    // The base cannot be put in its place, twice.
    disk.fail(Step::Rename, 0, 2);
    assert_eq!(client.run("CONFIG SET appendonly yes"), "+OK\r\n");
    let is_tried =
        || server.log_lines().iter().filter(|line| line.contains("terminated with error")).count() >= 1;
    wait(&server, "nothing fails", is_tried);
    let _ = client.run("INCR counter");
    wait_until_at_rest(&server, &client);
    let _ = client.run("INCR counter");
    wait_until_safe(&server);
    let copy = open(&disk.after_kill(), logged(AppendFsync::Always));
    assert_eq!(copy.connect().run("GET counter"), "$1\r\n4\r\n", "{:#?}", server.log_lines());
}

#[test]
fn the_log_is_loaded_again_and_again_while_it_is_synced_and_rewritten() {
    for fsync in POLICIES {
        let disk = SimDisk::new(PAGE_BYTES);
        let server = open(&disk, logged(fsync));
        let client = server.connect();
        for key in 0..500 {
            let _ = client.run(&format!("SET key:{key} value"));
        }
        let _ = client.run("BGREWRITEAOF");
        for round in 0..20 {
            let _ = client.run(&format!("SET round {round}"));
            let _ = client.run("INCR counter");
            if round % 3 == 0 {
                let _ = client.run("BGREWRITEAOF");
            }
            let before = digest(&server);
            let command = if round % 2 == 0 { "DEBUG LOADAOF" } else { "DEBUG RELOAD" };
            assert_eq!(client.run(command), "+OK\r\n", "{:#?}", server.log_lines());
            assert_eq!(digest(&server), before, "{command} in round {round}");
        }
        wait_until_at_rest(&server, &client);
        wait_until_safe(&server);
        let expected = digest(&server);
        assert_eq!(digest(&open(&disk.after_kill(), logged(fsync))), expected);
        drop(client);
        assert!(server.shut_down());
        assert_eq!(digest(&open(&disk, logged(fsync))), expected);
    }
}

#[test]
fn a_log_that_is_off_is_loaded_while_it_is_rewritten() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, |_| {});
    let client = server.connect();
    for key in 0..500 {
        let _ = client.run(&format!("SET key:{key} value"));
    }
    let _ = client.run("BGREWRITEAOF");
    wait_until_at_rest(&server, &client);
    for round in 0..20 {
        assert!(client.run("BGREWRITEAOF").starts_with('+'));
        if round % 2 == 0 {
            // It has written more or less of its base by then.
            let _ = client.run("CONFIG SET rdb-key-save-delay 20");
        }
        assert_eq!(client.run("DEBUG LOADAOF"), "+OK\r\n", "{:#?}", server.log_lines());
        assert_eq!(client.run("DBSIZE"), ":500\r\n", "round {round}: {:#?}", server.log_lines());
    }
}

#[test]
fn a_reload_while_a_base_or_a_snapshot_is_written_takes_nothing_from_it() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, logged(AppendFsync::EverySecond));
    let client = server.connect();
    for key in 0..300 {
        let _ = client.run(&format!("SET key:{key} value"));
    }
    let _ = client.run("CONFIG SET rdb-key-save-delay 300");
    for command in ["BGREWRITEAOF", "BGSAVE"] {
        assert!(client.run(command).starts_with('+'));
        wait(&server, "nothing begins", || client.info("current_save_keys_total") != "0");
        let _ = client.run("CONFIG SET rdb-key-save-delay 300");
        assert_eq!(client.run("DEBUG RELOAD"), "+OK\r\n");
        wait_until_at_rest(&server, &client);
    }
    wait_until_safe(&server);
    let expected = digest(&server);
    let from_log = open(&disk.after_kill(), logged(AppendFsync::EverySecond));
    assert_eq!(digest(&from_log), expected, "{:#?}", server.log_lines());
    assert_eq!(digest(&open(&disk.after_kill(), |_| {})), expected);
    assert_eq!(left_over(&disk), [""; 0]);
}

#[test]
fn a_log_that_does_not_hold_everything_is_not_loaded_again() {
    let disk = SimDisk::new(PAGE_BYTES);
    let server = open(&disk, logged(AppendFsync::Always));
    let client = server.connect();
    let _ = client.run("SET key value");
    wait_until_safe(&server);
    disk.fail(Step::Sync, 0, 1000);
    let _ = client.run("SET key newer");
    assert!(client.run("DEBUG LOADAOF").starts_with("-ERR"));
    assert_eq!(client.run("GET key"), "$5\r\nnewer\r\n");
    disk.heal();
    wait_until_safe(&server);
    assert_eq!(client.run("DEBUG LOADAOF"), "+OK\r\n");
    assert_eq!(client.run("GET key"), "$5\r\nnewer\r\n");
}

#[test]
fn a_file_that_was_put_in_place_of_the_log_is_left_alone_and_loaded_next() {
    let disk = SimDisk::new(PAGE_BYTES);
    let path = "appendonlydir/appendonly.aof.1.incr.aof";
    let server = open(&disk, logged(AppendFsync::EverySecond));
    let _ = server.connect().run("SET before 1");
    wait_until_safe(&server);
    let foreign = b"*3\r\n$3\r\nSET\r\n$5\r\nafter\r\n$1\r\n2\r\n".repeat(20);
    let file = disk.open(path, OpenMode::Truncate).expect("it is there");
    write_all_at(&*file, &foreign, 0).expect("there is room");
    assert!(server.shut_down());
    assert_eq!(read_file(&disk, path, 10_000).expect("it is there"), foreign);
    let again = open(&disk, logged(AppendFsync::EverySecond));
    assert_eq!(again.connect().run("GET after"), "$1\r\n2\r\n");
}
