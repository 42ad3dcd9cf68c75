//! What a stream knows beside its entries is there after its log was loaded: who has which entries since when, what was given
//! back, what producers said.

use std::time::Duration;

use spinel_aof::disk::sim::SimDisk;
use spinel_engine::config::AppendFsync;
use spinel_testkit::TestServer;

use crate::opened::{PAGE_BYTES, logged, open, wait_until_at_rest, wait_until_safe};

/// What is asked of both.
const QUESTIONS: [&str; 4] = ["XPENDING s g - + 9", "XPENDING s g", "XINFO STREAM s", "XINFO GROUPS s"];

fn answers(server: &TestServer) -> Vec<String> {
    let client = server.connect();
    QUESTIONS.iter().map(|question| client.run(question)).collect()
}

/// The server's time, which begins anew with each server.
fn time(server: &TestServer) -> Duration {
    let reply = server.connect().run("TIME");
    let numbers: Vec<u64> = reply.lines().filter_map(|line| line.parse().ok()).collect();
    let [seconds, micros] = numbers[..] else { panic!("no time: {reply}") };
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}

#[test]
fn pending_entries_and_producers_outlive_a_restart() {
    for preamble in [false, true] {
        let change = |settings: &mut _| {
            logged(AppendFsync::EverySecond)(settings);
            settings.persistence.aof.rdb_preamble = preamble;
        };
        let disk = SimDisk::new(PAGE_BYTES);
        let server = open(&disk, change);
        let client = server.connect();
        for line in [
            "XADD s 1-1 a 1",
            "XADD s 2-1 a 1",
            "XADD s 3-1 a 1",
            "XADD s 4-1 a 1",
            "XGROUP CREATE s g 0",
            "XREADGROUP GROUP g ann COUNT 2 STREAMS s >",
        ] {
            let _ = client.run(line);
        }
        server.advance(Duration::from_millis(5_000));
        for line in [
            "XREADGROUP GROUP g bob STREAMS s >",
            "XNACK s g FAIL IDS 2 3-1 1-1",
            "XNACK s g FATAL IDS 1 4-1",
            "XCFGSET s IDMP-DURATION 1000 IDMP-MAXSIZE 2",
            "XADD s IDMP p 1 * a 1",
            "XADD s IDMP p 2 * a 1",
            "XADD s IDMP p 3 * a 1",
            "XADD s IDMPAUTO q * a 1 b 2",
        ] {
            let _ = client.run(line);
        }
        wait_until_safe(&server);
        let (mut expected, asked) = (answers(&server), time(&server));
        let later = || {
            let server = open(&disk.after_kill(), change);
            server.advance(asked - time(&server));
            server
        };
        let loaded = later();
        assert_eq!(answers(&loaded), expected);
        let claimed = |server: &TestServer| {
            let client = server.connect();
            let lines = ["XADD s IDMPAUTO q * b 2 a 1", "XREADGROUP GROUP g eve CLAIM 4000 STREAMS s >"];
            lines.map(|line| client.run(line))
        };
        let _ = client.run("BGREWRITEAOF");
        wait_until_at_rest(&server, &client);
        let rewritten = later();
        if !preamble {
            // Commands tell what is remembered, not how many messages there ever were.
            expected[2] = expected[2].replace("iids-added\r\n:4", "iids-added\r\n:3");
        }
        assert_eq!(answers(&rewritten), expected, "preamble: {preamble}");
        assert_eq!(claimed(&rewritten), claimed(&loaded));
    }
}
