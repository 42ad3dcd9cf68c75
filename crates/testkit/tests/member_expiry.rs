//! Members of sets and sorted sets that expire: never seen after their time, gone by themselves, in bounded steps, told to those
//! who listen and to the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use spinel_testkit::{TestClient, TestServer};

const TICK: Duration = Duration::from_millis(8);
/// The time at which servers of tests begin.
const START: i64 = 1_700_000_000_000;

/// The lines of a reply that are no lengths.
fn words(reply: &str) -> BTreeSet<String> {
    reply
        .split("\r\n")
        .filter(|line| !line.is_empty() && !line.starts_with(['*', '$']))
        .map(String::from)
        .collect()
}

#[test]
fn members_go_by_themselves_with_an_event_and_a_word_in_the_journal() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let (client, listening) = (server.connect(), server.connect());
        listening.send("CONFIG SET notify-keyspace-events Egsz");
        listening.send("PSUBSCRIBE __keyevent*__:*");
        let _ = listening.read();
        let _ = client.run("SADD s a");
        let _ = client.run("ZADD z 1 a 2 b");
        let _ = client.run("SPEXPIRE s 100 MEMBERS 1 a");
        let _ = client.run("ZPEXPIRE z 100 MEMBERS 1 a");
        let _ = listening.read();
        assert_eq!(client.subexpiry(), "2");
        server.advance(Duration::from_millis(100));
        server.advance(TICK);
        server.upkeep();
        let heard = words(&listening.read());
        for event in ["sexpired", "zexpired", "del"] {
            assert!(heard.contains(&format!("__keyevent@0__:{event}")), "{heard:?}");
        }
        assert_eq!(client.run("EXISTS s"), ":0\r\n");
        assert_eq!(client.run("ZRANGE z 0 -1"), "*1\r\n$1\r\nb\r\n");
        let lines = server.journal_lines();
        assert_eq!(
            lines[2..4],
            ["SPEXPIREAT s 1700000000100 MEMBERS 1 a", "ZPEXPIREAT z 1700000000100 MEMBERS 1 a"]
        );
        let removed: BTreeSet<&str> = lines[4..].iter().map(String::as_str).collect();
        assert_eq!(removed, BTreeSet::from(["SREM s a", "ZREM z a"]));
        assert_eq!((client.info("expired_members"), client.subexpiry()), ("2".into(), "0".into()));
    }
}

#[test]
fn very_many_that_are_due_together_are_never_seen_and_go_in_steps_between_others() {
    let server = TestServer::sized(1, 1);
    let (client, other) = (server.connect(), server.connect());
    for from in (0..10_000).step_by(100) {
        let names: Vec<String> = (from..from + 100).map(|i| format!("m{i}")).collect();
        let _ = client.run(&format!("SADDEX s PXAT 1700000060000 MEMBERS 100 {}", names.join(" ")));
        let pairs: Vec<String> = (from..from + 100).map(|i| format!("{i} m{i}")).collect();
        let _ = client.run(&format!("ZADDEX z PXAT 1700000060000 MEMBERS 100 {}", pairs.join(" ")));
    }
    let _ = client.run("SADD s stays");
    let _ = client.run("ZADD z 99999 stays");
    server.advance(Duration::from_secs(3600 * 24));
    client.send("SCARD s");
    client.send("ZRANK z stays");
    assert_eq!(other.run("PING"), "+PONG\r\n");
    let mut reply = client.read();
    for _ in 0..100 {
        if reply.len() >= ":1\r\n:0\r\n".len() {
            break;
        }
        reply.push_str(&client.read());
    }
    assert_eq!(reply, ":1\r\n:0\r\n");
    assert_eq!((client.info("expired_members"), client.subexpiry()), ("20000".into(), "0".into()));
    let most = server.journal_lines().iter().map(|line| line.split(' ').count()).max();
    assert!(most < Some(1100), "in steps: {most:?}");
}

#[test]
fn collections_keep_their_expiries_on_all_their_ways() {
    let server = TestServer::sized(16, 1);
    let client = server.connect();
    for (add, letter) in [("SADD c a b", 'S'), ("ZADD c 1 a 2 b", 'Z')] {
        let _ = client.run("FLUSHALL");
        let _ = client.run(add);
        let _ = client.run(&format!("{letter}PEXPIREAT c 4000000000000 MEMBERS 1 a"));
        for line in [
            "COPY c copy",
            "RENAME c renamed",
            "MOVE copy 1",
            "SELECT 1",
            "COPY copy c DB 0",
            "SELECT 0",
            "SWAPDB 0 2",
            "SWAPDB 0 2",
        ] {
            let reply = client.run(line);
            assert!(!reply.starts_with('-'), "{line}: {reply}");
        }
        for key in ["renamed", "c"] {
            let reply = client.run(&format!("{letter}PEXPIRETIME {key} MEMBERS 2 a b"));
            assert_eq!(reply, "*2\r\n:4000000000000\r\n:-1\r\n", "of {key}");
        }
        assert_eq!(client.subexpiry(), "2");
    }
}

#[test]
fn transactions_and_scripts_meet_no_member_after_its_time() {
    let server = TestServer::sized(4, 1);
    let client = server.connect();
    let _ = client.run("SADD s a b");
    let _ = client.run("ZADD z 1 a 2 b");
    let _ = client.run("SPEXPIRE s 50 MEMBERS 1 a");
    let _ = client.run("ZPEXPIRE z 50 MEMBERS 1 a");
    server.advance(Duration::from_millis(50));
    let _ = client.run("MULTI");
    let _ = client.run("SCARD s");
    assert_eq!(client.run("EXEC"), "*1\r\n:1\r\n");
    assert_eq!(client.run_words(["EVAL", "return redis.call('ZCARD', KEYS[1])", "1", "z"]), ":1\r\n");
}

#[test]
fn a_transaction_that_fails_gives_the_times_of_members_back() {
    let server = TestServer::sized(4, 1);
    let client = server.connect();
    let _ = client.run("SADDEX s PX 500 MEMBERS 1 a");
    let _ = client.run("ZADDEX z PX 500 MEMBERS 1 1 a");
    let _ = client.run("MULTI ATOMIC");
    let _ = client.run("SPERSIST s MEMBERS 1 a");
    let _ = client.run("DEL z");
    let _ = client.run("SADDEX s PX 900 MEMBERS 1 b");
    let _ = client.run("INCR s");
    assert!(client.run("EXEC").starts_with("-EXECABORT"));
    assert_eq!(client.run("SPTTL s MEMBERS 2 a b"), "*2\r\n:500\r\n:-2\r\n");
    assert_eq!(client.run("ZPTTL z MEMBERS 1 a"), "*1\r\n:500\r\n");
    server.advance(Duration::from_millis(510));
    server.upkeep();
    assert_eq!((client.run("EXISTS s z"), server.journal_lines().len()), (":0\r\n".into(), 10));
}

#[test]
fn watchers_see_a_member_expire() {
    let server = TestServer::new();
    let (client, other) = (server.connect(), server.connect());
    let _ = other.run("SADD s a b");
    let _ = other.run("SPEXPIRE s 50 MEMBERS 1 a");
    let _ = client.run("WATCH s");
    server.advance(Duration::from_millis(60));
    server.upkeep();
    let _ = client.run("MULTI");
    let _ = client.run("GET x");
    assert_eq!(client.run("EXEC"), "*-1\r\n");
}

#[test]
fn a_blocked_client_is_served_a_member_that_is_alive() {
    let server = TestServer::sized(4, 1);
    let (client, waiting) = (server.connect(), server.connect());
    let _ = client.run("SELECT 1");
    let _ = client.run("ZADD z 1 a 2 b");
    let _ = client.run("ZPEXPIRE z 50 MEMBERS 1 a");
    waiting.send("BZPOPMIN z 0");
    server.advance(Duration::from_millis(50));
    let _ = client.run("SWAPDB 0 1");
    assert_eq!(waiting.read(), "*3\r\n$1\r\nz\r\n$1\r\nb\r\n$1\r\n2\r\n");
}

#[test]
fn nothing_is_removed_during_a_pause_and_who_would_meet_it_waits() {
    let server = TestServer::sized(4, 1);
    let (client, reader) = (server.connect(), server.connect());
    let _ = client.run("SADD s a b");
    let _ = client.run("SPEXPIRE s 50 MEMBERS 1 a");
    let _ = client.run("CLIENT PAUSE 1000 WRITE");
    server.advance(Duration::from_millis(60));
    server.upkeep();
    reader.send("SCARD s");
    assert_eq!(reader.read(), "");
    assert_eq!(server.journal_lines().len(), 2);
    server.advance(Duration::from_millis(1000));
    server.upkeep();
    assert_eq!(reader.read(), ":1\r\n");
}

#[derive(Clone, Debug)]
enum Step {
    Run(String, u8, Option<i64>),
    Pass(u64, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let member = 0..12u8;
    let run = |name: &str| {
        let name = name.to_owned();
        move |(member, time)| Step::Run(name.clone(), member, time)
    };
    let time = || prop::option::weighted(0.8, 1..200i64);
    prop_oneof![
        4 => (member.clone(), time()).prop_map(run("ADD")),
        4 => (member.clone(), time()).prop_map(run("ADDEX")),
        2 => (member.clone(), time()).prop_map(run("REM")),
        6 => (member.clone(), time()).prop_map(run("EXPIRE")),
        1 => (member, time()).prop_map(run("PERSIST")),
        3 => (0..60u64, any::<bool>()).prop_map(|(ms, upkeep)| Step::Pass(ms, upkeep)),
    ]
}

/// A command for a set (`S`) or a sorted set (`Z`), and what it does to a model.
fn command(name: &str, letter: char, member: u8, time: Option<i64>) -> String {
    let score = if letter == 'Z' { "1 " } else { "" };
    match (name, time) {
        ("ADD", _) => format!("{letter}ADD {letter} {score}m{member}"),
        ("ADDEX", None) => format!("{letter}ADDEX {letter} MEMBERS 1 {score}m{member}"),
        ("ADDEX", Some(ms)) => format!("{letter}ADDEX {letter} PX {ms} MEMBERS 1 {score}m{member}"),
        ("REM", _) => format!("{letter}REM {letter} m{member}"),
        ("EXPIRE", time) => {
            format!("{letter}PEXPIRE {letter} {} MEMBERS 1 m{member}", time.unwrap_or_default())
        }
        _ => format!("{letter}PERSIST {letter} MEMBERS 1 m{member}"),
    }
}

fn change(model: &mut BTreeMap<u8, Option<i64>>, name: &str, member: u8, at: Option<i64>) {
    match name {
        "ADD" => drop(model.entry(member).or_insert(None)),
        "ADDEX" => drop(model.insert(member, at)),
        "REM" => drop(model.remove(&member)),
        "EXPIRE" if at.is_none() => drop(model.remove(&member)),
        "EXPIRE" => drop(model.entry(member).and_modify(|old| *old = at)),
        _ => drop(model.entry(member).and_modify(|old| *old = None)),
    }
}

fn members(client: &TestClient, letter: char) -> BTreeSet<String> {
    let line = if letter == 'S' { "SMEMBERS S" } else { "ZRANGE Z 0 -1" };
    words(&client.run(line))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn at_any_time_there_is_what_a_model_has_and_the_journal_says_the_same(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let server = TestServer::sized(2, 1);
        let client = server.connect();
        let (mut model, mut now) = (BTreeMap::<u8, Option<i64>>::new(), START);
        for step in &steps {
            match step {
                Step::Pass(ms, upkeep) => {
                    server.advance(Duration::from_millis(*ms));
                    now += *ms as i64;
                    if *upkeep {
                        server.upkeep();
                    }
                }
                Step::Run(name, member, time) => {
                    for letter in ['S', 'Z'] {
                        let reply = client.run(&command(name, letter, *member, *time));
                        prop_assert!(!reply.starts_with('-'), "{name}: {reply}");
                    }
                    change(&mut model, name, *member, time.map(|ms| now + ms));
                }
            }
            model.retain(|_, at| at.is_none_or(|at| at > now));
            let expected: BTreeSet<String> = model.keys().map(|member| format!("m{member}")).collect();
            for letter in ['S', 'Z'] {
                prop_assert_eq!(&members(&client, letter), &expected, "after {:?}", step);
            }
        }
        let again = TestServer::sized(2, 1);
        let second = again.connect();
        for line in server.journal_lines() {
            let reply = second.run(&line);
            prop_assert!(!reply.starts_with('-'), "{line}: {reply}");
        }
        for letter in ['S', 'Z'] {
            prop_assert_eq!(members(&second, letter), members(&client, letter));
            for (member, at) in &model {
                let line = format!("{letter}PEXPIRETIME {letter} MEMBERS 1 m{member}");
                prop_assert_eq!(second.run(&line), format!("*1\r\n:{}\r\n", at.unwrap_or(-1)));
            }
        }
    }
}
