//! Eviction, with a memory in which every key takes the same.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use spinel_engine::Engine;
use spinel_engine::config::MaxmemoryPolicy;
use spinel_engine::host::{Host, ProcessProbe};
use spinel_store::DbIndex;
use spinel_testkit::{TestClient, TestServer};

const KEY_BYTES: u64 = 1000;

/// Nothing takes memory but keys.
struct Probe(Weak<Engine>);

impl ProcessProbe for Probe {
    fn allocated(&self) -> u64 {
        let Some(engine) = self.0.upgrade() else { return 0 };
        let keyspace = &engine.keyspace;
        (0..keyspace.databases()).map(|db| keyspace.count(DbIndex(db as u16)).0 as u64 * KEY_BYTES).sum()
    }

    fn held_here(&self) -> i64 {
        self.allocated() as i64
    }
}

/// A server with room for so many keys.
fn server(policy: MaxmemoryPolicy, keys: u64) -> (TestServer, TestClient) {
    let server = TestServer::with(|settings| {
        settings.memory.maxmemory_policy = policy;
        settings.memory.maxmemory_eviction_tenacity = 100;
    });
    let engine = server.engine();
    engine.set_host(Host { probe: Box::new(Probe(Arc::downgrade(&engine))), ..Host::default() });
    let client = server.connect();
    assert_eq!(client.run(&format!("CONFIG SET maxmemory {}", keys * KEY_BYTES)), "+OK\r\n");
    (server, client)
}

fn keys(client: &TestClient) -> HashSet<String> {
    let reply = client.run("KEYS *");
    reply
        .split("\r\n")
        .filter(|line| !line.starts_with(['*', '$']) && !line.is_empty())
        .map(Into::into)
        .collect()
}

fn field(client: &TestClient, name: &str) -> u64 {
    client.info(name).parse().expect("a number")
}

const ALL_KEYS: [MaxmemoryPolicy; 4] = [
    MaxmemoryPolicy::AllkeysLru,
    MaxmemoryPolicy::AllkeysLfu,
    MaxmemoryPolicy::AllkeysRandom,
    MaxmemoryPolicy::AllkeysLrm,
];
const VOLATILE: [MaxmemoryPolicy; 5] = [
    MaxmemoryPolicy::VolatileLru,
    MaxmemoryPolicy::VolatileLfu,
    MaxmemoryPolicy::VolatileRandom,
    MaxmemoryPolicy::VolatileTtl,
    MaxmemoryPolicy::VolatileLrm,
];

#[test]
fn writes_go_on_under_every_policy_that_evicts_and_the_limit_holds() {
    for policy in ALL_KEYS.into_iter().chain(VOLATILE) {
        let (server, client) = server(policy, 100);
        for n in 0..500 {
            assert_eq!(client.run(&format!("SETEX key:{n} 1000 x")), "+OK\r\n", "{policy:?} {n}");
            let there = server.engine().keyspace.count(DbIndex(0)).0;
            assert!(there <= 101, "{policy:?} {there}");
        }
        assert!((396..=400).contains(&field(&client, "evicted_keys")), "{policy:?}");
        assert!(keys(&client).len() >= 99);
    }
}

#[test]
fn without_keys_that_may_go_commands_that_need_memory_are_refused_and_no_others() {
    const REFUSED: &str = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    for policy in [MaxmemoryPolicy::NoEviction].into_iter().chain(VOLATILE) {
        let (_server, client) = server(policy, 10);
        for n in 0..11 {
            assert_eq!(client.run(&format!("SET key:{n} x")), "+OK\r\n");
        }
        assert_eq!(client.run("SET more x"), REFUSED, "{policy:?}");
        assert_eq!(client.run("GET key:1"), "$1\r\nx\r\n");
        assert_eq!(client.run("MULTI"), "+OK\r\n");
        assert_eq!(client.run("GET key:1"), REFUSED, "queueing takes memory");
        assert!(client.run("EXEC").starts_with("-EXECABORT"), "{policy:?}");
        assert_eq!(client.run("EXPIRE key:1 100"), ":1\r\n");
        if policy == MaxmemoryPolicy::NoEviction {
            assert_eq!(client.run("DEL key:1"), ":1\r\n");
        }
        assert_eq!(client.run("SET more x"), "+OK\r\n", "{policy:?}");
        assert_eq!(keys(&client).len(), 11);
        assert!(!keys(&client).contains("key:1"));
        assert_eq!(client.run("CONFIG SET maxmemory 0"), "+OK\r\n");
        assert_eq!(client.run("SET evenmore x"), "+OK\r\n");
    }
}

#[test]
fn what_was_used_lately_or_often_stays() {
    for (policy, touch) in [
        (MaxmemoryPolicy::AllkeysLru, "GET"),
        (MaxmemoryPolicy::AllkeysLfu, "GET"),
        (MaxmemoryPolicy::AllkeysLrm, "INCR"),
    ] {
        let (server, client) = server(policy, 200);
        (0..200).for_each(|n| assert_eq!(client.run(&format!("SET key:{n} 1")), "+OK\r\n"));
        for _ in 0..50 {
            server.advance(Duration::from_secs(1));
            (0..50).for_each(|n| assert!(!client.run(&format!("{touch} key:{n}")).starts_with('-')));
        }
        (0..120).for_each(|n| assert_eq!(client.run(&format!("SET new:{n} 1")), "+OK\r\n"));
        let there = keys(&client);
        let lost = (0..50).filter(|n| !there.contains(&format!("key:{n}"))).count();
        assert!(lost <= 2, "{policy:?} lost {lost} of 50");
    }
}

#[test]
fn reading_keeps_no_key_from_going_as_not_modified() {
    let (server, client) = server(MaxmemoryPolicy::AllkeysLrm, 100);
    (0..100).for_each(|n| assert_eq!(client.run(&format!("SET key:{n} 1")), "+OK\r\n"));
    server.advance(Duration::from_secs(10));
    (50..100).for_each(|n| assert_eq!(client.run(&format!("INCR key:{n}")), ":2\r\n"));
    server.advance(Duration::from_secs(10));
    (0..50).for_each(|n| assert_eq!(client.run(&format!("GET key:{n}")), "$1\r\n1\r\n"));
    assert_eq!(client.run("OBJECT IDLETIME key:0"), ":20\r\n");
    assert_eq!(client.run("OBJECT IDLETIME key:99"), ":10\r\n");
    (0..30).for_each(|n| assert_eq!(client.run(&format!("SET new:{n} 1")), "+OK\r\n"));
    let there = keys(&client);
    let lost = (50..100).filter(|n| !there.contains(&format!("key:{n}"))).count();
    assert!(lost <= 2, "{lost} of those modified last");
}

#[test]
fn the_first_to_expire_goes_first() {
    let (_server, client) = server(MaxmemoryPolicy::VolatileTtl, 200);
    for n in 0..200 {
        assert_eq!(client.run(&format!("SETEX key:{n} {} 1", 1000 + n)), "+OK\r\n");
    }
    (0..100).for_each(|n| assert_eq!(client.run(&format!("SETEX new:{n} 100000 1")), "+OK\r\n"));
    let there = keys(&client);
    let gone = (0..120).filter(|n| !there.contains(&format!("key:{n}"))).count();
    assert!(gone >= 90, "{gone} of 100 evictions");
    let spared = (0..100).filter(|n| there.contains(&format!("new:{n}"))).count();
    assert_eq!(spared, 100);
}

#[test]
fn evictions_are_recorded_and_notified_and_seen_by_watchers() {
    for (lazy, command) in [("no", "DEL"), ("yes", "UNLINK")] {
        let (server, client) = server(MaxmemoryPolicy::AllkeysLru, 3);
        let (listener, watcher) = (server.connect(), server.connect());
        let _ = client.run("CONFIG SET notify-keyspace-events Ee");
        let _ = client.run(&format!("CONFIG SET lazyfree-lazy-eviction {lazy}"));
        let _ = listener.run("SUBSCRIBE __keyevent@0__:evicted");
        for key in ["a", "b", "c"] {
            assert_eq!(client.run(&format!("SET {key} 1")), "+OK\r\n");
            server.advance(Duration::from_secs(1));
        }
        let _ = watcher.run("WATCH a");
        let _ = watcher.run("MULTI");
        let _ = watcher.run("PING");
        assert_eq!(client.run("SET d 1"), "+OK\r\n");
        assert_eq!(client.run("PING"), "+PONG\r\n");
        assert_eq!(watcher.run("EXEC"), "*-1\r\n");
        assert_eq!(server.journal_lines().last(), Some(&format!("{command} a")));
        assert!(listener.read().ends_with("$22\r\n__keyevent@0__:evicted\r\n$1\r\na\r\n"));
    }
}

#[test]
fn a_lower_limit_is_reached_without_anybody_asking() {
    let (server, client) = server(MaxmemoryPolicy::AllkeysRandom, 1000);
    (0..1000).for_each(|n| assert_eq!(client.run(&format!("SET key:{n} 1")), "+OK\r\n"));
    assert_eq!(client.run("CONFIG SET maxmemory 100000"), "+OK\r\n");
    server.upkeep();
    assert_eq!(server.engine().keyspace.count(DbIndex(0)).0, 100);
    let warned = server.log_lines().into_iter().filter(|line| {
        line.contains(
            "WARNING: the new maxmemory value set via CONFIG SET (100000) is smaller than the current memory",
        )
    });
    assert_eq!(warned.count(), 1);
}

#[test]
fn nothing_is_evicted_while_clients_are_paused() {
    let (server, client) = server(MaxmemoryPolicy::AllkeysLru, 10);
    (0..10).for_each(|n| assert_eq!(client.run(&format!("SET key:{n} 1")), "+OK\r\n"));
    assert_eq!(client.run("CLIENT PAUSE 1000 WRITE"), "+OK\r\n");
    assert_eq!(client.run("CONFIG SET maxmemory 5000"), "+OK\r\n");
    server.upkeep();
    assert_eq!(server.engine().keyspace.count(DbIndex(0)).0, 10);
    server.advance(Duration::from_secs(2));
    server.upkeep();
    server.upkeep();
    assert_eq!(server.engine().keyspace.count(DbIndex(0)).0, 5);
}

#[test]
fn the_time_above_the_limit_is_told() {
    let (server, client) = server(MaxmemoryPolicy::NoEviction, 1);
    server.advance(Duration::from_secs(1));
    assert_eq!(client.run("MSET a 1 b 2"), "+OK\r\n");
    server.upkeep();
    server.advance(Duration::from_millis(700));
    assert_eq!(field(&client, "current_eviction_exceeded_time"), 700);
    assert_eq!(client.run("DEL a"), ":1\r\n");
    server.upkeep();
    server.advance(Duration::from_millis(700));
    assert_eq!(field(&client, "current_eviction_exceeded_time"), 0);
    assert_eq!(field(&client, "total_eviction_exceeded_time"), 700);
}

#[test]
fn use_is_told_by_the_policy_in_force() {
    const NO_IDLE_TIME: &str = "-ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
         switching between policies at runtime LRU and LFU data will take some time to adjust.\r\n";
    let (server, client) = server(MaxmemoryPolicy::AllkeysLfu, 100);
    assert_eq!(client.run("SET a 1"), "+OK\r\n");
    assert_eq!(client.run("OBJECT FREQ a"), ":5\r\n");
    assert_eq!(client.run("OBJECT IDLETIME a"), NO_IDLE_TIME);
    assert_eq!(client.run("OBJECT REFCOUNT a"), ":1\r\n");
    (0..2).for_each(|_| assert_eq!(client.run("GET a"), "$1\r\n1\r\n"));
    let count = client.run("OBJECT FREQ a");
    assert!([":6\r\n", ":7\r\n"].contains(&&*count), "{count}");
    assert_eq!(client.run("CLIENT NO-TOUCH ON"), "+OK\r\n");
    (0..200).for_each(|_| assert_eq!(client.run("GET a"), "$1\r\n1\r\n"));
    assert_eq!(client.run("OBJECT FREQ a"), count);
    server.advance(Duration::from_secs(180));
    assert_eq!(client.run("OBJECT FREQ a"), format!(":{}\r\n", count[1..2].parse::<u8>().unwrap() - 3));
    client.send("DUMP a");
    let reply = client.read_bytes();
    let start = reply.iter().position(|&byte| byte == b'\n').expect("a header") + 1;
    let dump = &reply[start..reply.len() - 2];
    assert_eq!(client.run_words([&b"RESTORE"[..], b"b", b"0", dump, b"FREQ", b"200"]), "+OK\r\n");
    assert_eq!(client.run("OBJECT FREQ b"), ":200\r\n");
    assert_eq!(client.run("CONFIG SET maxmemory-policy allkeys-lru"), "+OK\r\n");
    assert_eq!(client.run_words([&b"RESTORE"[..], b"c", b"0", dump, b"IDLETIME", b"1000"]), "+OK\r\n");
    assert_eq!(client.run("OBJECT IDLETIME c"), ":1000\r\n");
    assert!(client.run("OBJECT FREQ c").starts_with("-ERR An LFU maxmemory policy is not selected"));
}

#[test]
fn touch_counts_as_one_use_and_also_for_a_client_that_asked_not_to_touch() {
    let (_server, client) = server(MaxmemoryPolicy::AllkeysLfu, 100);
    assert_eq!(client.run("CONFIG SET lfu-log-factor 0"), "+OK\r\n");
    assert_eq!(client.run("SET a 1"), "+OK\r\n");
    assert_eq!(client.run("TOUCH a"), ":1\r\n");
    assert_eq!(client.run("OBJECT FREQ a"), ":6\r\n");
    assert_eq!(client.run("CLIENT NO-TOUCH ON"), "+OK\r\n");
    assert_eq!(client.run("TOUCH a"), ":1\r\n");
    assert_eq!(client.run("OBJECT FREQ a"), ":7\r\n");
}

/// As in Redis 8.0 and Valkey 9.1.
#[test]
fn nothing_counts_as_a_use_for_a_client_that_asked_not_to_touch() {
    let (_server, client) = server(MaxmemoryPolicy::AllkeysLfu, 100);
    assert_eq!(client.run("CONFIG SET lfu-log-factor 0"), "+OK\r\n");
    assert_eq!(client.run("SET s 1"), "+OK\r\n");
    assert_eq!(client.run("CLIENT NO-TOUCH ON"), "+OK\r\n");
    for line in [
        "SET s 3",
        "SET s 4 XX",
        "GET s",
        "INCR s",
        "INCRBYFLOAT s 1",
        "GETSET s 1",
        "MSET s 5",
        "SETEX s 100 4",
    ] {
        assert!(!client.run(line).starts_with('-'), "{line}");
        assert_eq!(client.run("OBJECT FREQ s"), ":5\r\n", "{line}");
    }
}

/// Commands, and how much more they count the keys as used, by Redis, which looks for some of them twice; but blocking
/// commands that need not wait count one use only.
const USES: &[(&str, &str)] = &[
    ("SET s 5", "s+1"),
    ("SET s 5 XX", "s+1"),
    ("SET s 5 NX", "s+1"),
    ("SET s 5 XX GET", "s+2"),
    ("SET l 5 XX", "l+1"),
    ("SET s 10 IFEQ 10", "s+1"),
    ("SET s 10 IFEQ 11", "s+1"),
    ("INCRBYFLOAT s 1.5", "s+1"),
    ("INCRBYFLOAT l 1.5", "l+1"),
    ("LPUSH l a", "l+1"),
    ("LPUSHX l a", "l+1"),
    ("RPUSHX l a", "l+1"),
    ("RPUSHX s a", "s+1"),
    ("LMOVE l l2 LEFT RIGHT", "l+1 l2+1"),
    ("LMOVE l l LEFT RIGHT", "l+2"),
    ("RPOPLPUSH l l2", "l+1 l2+1"),
    ("BLMOVE l l2 LEFT RIGHT 0", "l+1 l2+1"),
    ("BRPOPLPUSH l l2 0", "l+1 l2+1"),
    ("BLPOP l 0", "l+1"),
    ("SMOVE t t2 a", "t+1 t2+1"),
    ("SMOVE t t2 zz", "t+1 t2+1"),
    ("SMOVE t s a", "t+1 s+1"),
    ("ZPOPMIN z", "z+1"),
    ("ZPOPMAX z 1", "z+1"),
    ("ZPOPMIN z 0", "z+1"),
    ("ZMPOP 2 none z MIN", "z+1"),
    ("BZPOPMIN z 0", "z+1"),
    ("BZMPOP 0 2 none z MIN", "z+1"),
    ("HSETEX h FXX FIELDS 1 f 5", "h+1"),
    ("HSETEX h PXAT 1 FIELDS 1 f 5", "h+1"),
    ("XADD x * a b", "x+1"),
    ("XADD x NOMKSTREAM * a b", "x+1"),
    ("XGROUP CREATE x g2 0", "x+1"),
    ("XGROUP CREATE x g 0", "x+1"),
    ("XREAD STREAMS x 0", "x+2"),
    ("XREADGROUP GROUP g c STREAMS x >", "x+2"),
    ("XREADGROUP GROUP g c STREAMS x 0", "x+2"),
    ("XREADGROUP GROUP none c STREAMS x >", "x+1"),
    ("XACK x g 1-1", "x+1"),
    ("XCLAIM x g c 0 1-1", "x+1"),
    ("XAUTOCLAIM x g c 0 0", "x+1"),
    ("PFCOUNT p", "p+1"),
    ("PFCOUNT p p2", "p+1 p2+1"),
    ("PFMERGE p p2", "p+2 p2+1"),
    ("RESTORE s 0 x", "s+1"),
    ("RESTORE s 0 x REPLACE", ""),
    ("MIGRATE host 1 s 0 10", "s+1"),
];

#[test]
fn a_command_counts_as_one_use_of_a_key_however_often_it_looks_for_it() {
    const SETUP: [&str; 12] = [
        "FLUSHALL",
        "SET s 10",
        "RPUSH l 1 2 3",
        "RPUSH l2 1 2 3",
        "SADD t a b",
        "SADD t2 c",
        "ZADD z 1 a 2 b",
        "HSET h f 1 g 2",
        "XADD x 1-1 a b",
        "XGROUP CREATE x g 0",
        "PFADD p a b",
        "PFADD p2 a c",
    ];
    const KEYS: [&str; 10] = ["s", "l", "l2", "t", "t2", "z", "h", "x", "p", "p2"];
    let (_server, client) = server(MaxmemoryPolicy::AllkeysLfu, 1000);
    assert_eq!(client.run("CONFIG SET lfu-log-factor 0"), "+OK\r\n");
    let count = |key: &str| -> u64 {
        let reply = client.run(&format!("OBJECT FREQ {key}"));
        reply.trim().trim_start_matches(':').parse().expect("a number")
    };
    for (command, expected) in USES {
        assert!(SETUP.iter().all(|line| !client.run(line).starts_with('-')));
        let before = KEYS.map(count);
        let _ = client.run(command);
        let more = KEYS.iter().zip(before).map(|(key, before)| (key, count(key) - before));
        let uses: HashSet<String> =
            more.filter(|(_, more)| *more > 0).map(|(key, more)| format!("{key}+{more}")).collect();
        let expected: HashSet<String> = expected.split_whitespace().map(Into::into).collect();
        assert_eq!(uses, expected, "{command}");
    }
}
