//! Elements of lists that expire: never seen after their time, gone by themselves, in bounded steps, told to those who listen,
//! and to the journal in words that every server knows.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use spinel_testkit::{TestClient, TestServer};

const TICK: Duration = Duration::from_millis(8);
/// The time at which servers of tests begin.
const START: i64 = 1_700_000_000_000;

/// The lines of a reply that are no lengths.
fn words(reply: &str) -> Vec<String> {
    let lines = reply.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with(['*', '$']));
    lines.map(String::from).collect()
}

fn elements(client: &TestClient, key: &str) -> Vec<String> {
    words(&client.run(&format!("LRANGE {key} 0 -1")))
}

/// The stand-ins of a journal's lines have no names that a test could know.
fn without_stand_ins(lines: &[String]) -> Vec<String> {
    let hide = |word: &str| if word.starts_with("spinel:expired:") { "X" } else { word }.to_owned();
    lines.iter().map(|line| line.split(' ').map(hide).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn elements_go_by_themselves_with_an_event_and_words_in_the_journal() {
    for server in [TestServer::sized(1, 1), TestServer::sized(64, 4)] {
        let (client, listening) = (server.connect(), server.connect());
        listening.send("CONFIG SET notify-keyspace-events Egl");
        listening.send("PSUBSCRIBE __keyevent*__:*");
        let _ = listening.read();
        let _ = client.run("RPUSH l a b c d e");
        let _ = client.run("LPEXPIRE l 100 INDEXES 3 0 2 -1");
        let _ = client.run("RPUSHEX m PX 200 ELEMENTS 2 x y");
        let heard: BTreeSet<String> = words(&listening.read()).into_iter().collect();
        assert!(heard.contains("__keyevent@0__:lexpire"), "{heard:?}");
        assert_eq!(client.subexpiry(), "2");
        server.advance(Duration::from_millis(100));
        server.advance(TICK);
        server.upkeep();
        assert_eq!(elements(&client, "l"), ["b", "d"]);
        let lines = without_stand_ins(&server.journal_lines());
        assert_eq!(lines[..2], ["RPUSH l a b c d e", "LPEXPIREAT l 1700000000100 INDEXES 3 0 2 4"]);
        assert_eq!(
            lines[lines.len() - 6..],
            ["MULTI", "LPOP l", "RPOP l", "LSET l 1 X", "LREM l 1 X", "EXEC"]
        );
        server.advance(Duration::from_millis(100));
        server.advance(TICK);
        server.upkeep();
        assert_eq!(client.run("EXISTS m"), ":0\r\n");
        assert_eq!(server.journal_lines().last().map(String::as_str), Some("LPOP m 2"));
        let heard: BTreeSet<String> = words(&listening.read()).into_iter().collect();
        for event in ["lexpired", "del"] {
            assert!(heard.contains(&format!("__keyevent@0__:{event}")), "{heard:?}");
        }
        assert_eq!((client.info("expired_members"), client.subexpiry()), ("5".into(), "0".into()));
    }
}

#[test]
fn very_many_that_are_due_together_are_never_seen_and_go_in_steps_between_others() {
    let server = TestServer::sized(1, 1);
    let (client, other) = (server.connect(), server.connect());
    for from in (0..10_000).step_by(100) {
        let names: Vec<String> = (from..from + 100).map(|i| format!("e{i}")).collect();
        let _ = client.run(&format!("RPUSHEX l PXAT 1700000060000 ELEMENTS 100 {}", names.join(" ")));
        let _ = client.run(&format!("RPUSH l stays{from}"));
    }
    server.advance(Duration::from_secs(3600 * 24));
    client.send("LLEN l");
    client.send("LINDEX l 99");
    assert_eq!(other.run("PING"), "+PONG\r\n");
    let mut reply = client.read();
    for _ in 0..100 {
        if reply.ends_with("stays9900\r\n") {
            break;
        }
        reply.push_str(&client.read());
    }
    assert_eq!(reply, ":100\r\n$9\r\nstays9900\r\n");
    assert_eq!((client.info("expired_members"), client.subexpiry()), ("10000".into(), "0".into()));
    let lines = server.journal_lines();
    let sets = lines
        .split(|line| line == "MULTI")
        .map(|run| run.iter().filter(|line| line.starts_with("LSET")).count());
    assert!(sets.max() <= Some(1024), "in steps");
    assert_eq!(elements(&client, "l").len(), 100);
}

#[test]
fn lists_keep_their_expiries_on_all_their_ways() {
    let server = TestServer::sized(16, 1);
    let client = server.connect();
    let _ = client.run("RPUSH c x a b");
    let _ = client.run("LPEXPIREAT c 4000000000000 INDEXES 1 1");
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
        let reply = client.run(&format!("LPEXPIRETIME {key} INDEXES 3 0 1 2"));
        assert_eq!(reply, "*3\r\n:-1\r\n:4000000000000\r\n:-1\r\n", "of {key}");
    }
    assert_eq!(client.subexpiry(), "2");
    let digest = client.run("DEBUG DIGEST-VALUE c");
    let _ = client.run("LPERSIST c INDEXES 1 1");
    assert_ne!(client.run("DEBUG DIGEST-VALUE c"), digest);
    assert_eq!(client.subexpiry(), "1");
}

#[test]
fn what_a_list_takes_for_times_counts_as_its_memory() {
    let server = TestServer::sized(1, 1);
    let client = server.connect();
    for i in 0..1000 {
        let _ = client.run(&format!("RPUSH l element{i}"));
    }
    let usage = || client.run("MEMORY USAGE l SAMPLES 0").trim_matches([':', '\r', '\n']).parse::<usize>();
    let plain = usage().expect("a number");
    for i in 0..1000 {
        let _ = client.run(&format!("LEXPIRE l 100 INDEXES 1 {i}"));
    }
    let timed = usage().expect("a number");
    assert!((48_000..50_000).contains(&(timed - plain)), "{plain} {timed}");
}

#[test]
fn transactions_and_scripts_meet_no_element_after_its_time() {
    let server = TestServer::sized(4, 1);
    let client = server.connect();
    let _ = client.run("RPUSH l a b");
    let _ = client.run("RPUSH m a b");
    let _ = client.run("LPEXPIRE l 50 INDEXES 1 0");
    let _ = client.run("LPEXPIRE m 50 INDEXES 1 0");
    server.advance(Duration::from_millis(50));
    let _ = client.run("MULTI");
    let _ = client.run("LPOP l");
    let _ = client.run("LPOP l");
    assert_eq!(client.run("EXEC"), "*2\r\n$1\r\nb\r\n$-1\r\n");
    let script = "return {redis.call('LINDEX', KEYS[1], 0), redis.call('RPUSHEX', KEYS[1], 'PX', 9, 'ELEMENTS', 1, 'c')}";
    assert_eq!(client.run_words(["EVAL", script, "1", "m"]), "*2\r\n$1\r\nb\r\n:2\r\n");
    assert_eq!(client.run("LPTTL m INDEXES 1 1"), "*1\r\n:9\r\n");
}

#[test]
fn a_transaction_that_fails_gives_the_times_of_elements_back() {
    let server = TestServer::sized(4, 1);
    let client = server.connect();
    let _ = client.run("RPUSHEX l PX 500 ELEMENTS 2 a b");
    let _ = client.run("RPUSHEX m PX 500 ELEMENTS 1 a");
    let _ = client.run("RPUSH n a");
    let _ = client.run("MULTI ATOMIC");
    for line in [
        "LPERSIST l INDEXES 1 0",
        "LPUSH l x",
        "RPOP l",
        "DEL m",
        "LEXPIRE n 0 INDEXES 1 0",
        "RPUSHEX l PX 900 ELEMENTS 1 c",
        "INCR l",
    ] {
        let _ = client.run(line);
    }
    assert!(client.run("EXEC").starts_with("-EXECABORT"));
    assert_eq!(client.run("LPTTL l INDEXES 3 0 1 2"), "*3\r\n:500\r\n:500\r\n:-2\r\n");
    assert_eq!(client.run("LPTTL m INDEXES 1 0"), "*1\r\n:500\r\n");
    assert_eq!(elements(&client, "n"), ["a"]);
    server.advance(Duration::from_millis(510));
    server.upkeep();
    assert_eq!(client.run("EXISTS l m n"), ":1\r\n");
}

#[test]
fn watchers_see_an_element_expire() {
    let server = TestServer::new();
    let (client, other) = (server.connect(), server.connect());
    let _ = other.run("RPUSH l a b");
    let _ = other.run("LPEXPIRE l 50 INDEXES 1 0");
    let _ = client.run("WATCH l");
    server.advance(Duration::from_millis(60));
    server.upkeep();
    let _ = client.run("MULTI");
    let _ = client.run("GET x");
    assert_eq!(client.run("EXEC"), "*-1\r\n");
}

#[test]
fn a_blocked_client_is_served_an_element_that_is_alive() {
    let server = TestServer::sized(4, 1);
    let (client, waiting) = (server.connect(), server.connect());
    let _ = client.run("SELECT 1");
    let _ = client.run("RPUSH l a b");
    let _ = client.run("LPEXPIRE l 50 INDEXES 1 0");
    waiting.send("BLPOP l 0");
    server.advance(Duration::from_millis(50));
    let _ = client.run("SWAPDB 0 1");
    assert_eq!(waiting.read(), "*2\r\n$1\r\nl\r\n$1\r\nb\r\n");
    waiting.send("BLMOVE l d LEFT RIGHT 0");
    let _ = client.run("SELECT 0");
    let _ = client.run("RPUSHEX l EX 5 ELEMENTS 1 c");
    assert_eq!(waiting.read(), "$1\r\nc\r\n");
    assert_eq!(client.run("LTTL d INDEXES 1 0"), "*1\r\n:-1\r\n");
}

#[test]
fn nothing_is_removed_during_a_pause_and_who_would_meet_it_waits() {
    let server = TestServer::sized(4, 1);
    let (client, reader) = (server.connect(), server.connect());
    let _ = client.run("RPUSH l a b");
    let _ = client.run("LPEXPIRE l 50 INDEXES 1 0");
    let _ = client.run("CLIENT PAUSE 1000 WRITE");
    server.advance(Duration::from_millis(60));
    server.upkeep();
    reader.send("LLEN l");
    assert_eq!(reader.read(), "");
    assert_eq!(server.journal_lines().len(), 2);
    server.advance(Duration::from_millis(1000));
    server.upkeep();
    assert_eq!(reader.read(), ":1\r\n");
}

#[derive(Clone, Debug)]
enum Step {
    Push(bool, u8, Option<i64>),
    Pop(bool, usize),
    Set(usize, u8),
    Insert(u8, u8),
    Remove(i64, u8),
    Trim(usize, usize),
    Rotate(bool, bool),
    Expire(usize, Option<i64>),
    Persist(usize),
    Pass(u64, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let element = || 0..6u8;
    let index = || 0..16usize;
    let time = || prop::option::weighted(0.7, 1..200i64);
    prop_oneof![
        6 => (any::<bool>(), element(), time()).prop_map(|(left, element, time)| Step::Push(left, element, time)),
        2 => (any::<bool>(), 1..3usize).prop_map(|(left, count)| Step::Pop(left, count)),
        1 => (index(), element()).prop_map(|(index, element)| Step::Set(index, element)),
        2 => (element(), element()).prop_map(|(pivot, element)| Step::Insert(pivot, element)),
        1 => (-2..3i64, element()).prop_map(|(count, element)| Step::Remove(count, element)),
        1 => (0..3usize, 6..20usize).prop_map(|(start, stop)| Step::Trim(start, stop)),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(from, to)| Step::Rotate(from, to)),
        6 => (index(), time()).prop_map(|(index, time)| Step::Expire(index, time)),
        1 => index().prop_map(Step::Persist),
        4 => (0..60u64, any::<bool>()).prop_map(|(ms, upkeep)| Step::Pass(ms, upkeep)),
    ]
}

/// The elements with their times.
type Model = Vec<(u8, Option<i64>)>;

fn side(left: bool) -> char {
    if left { 'L' } else { 'R' }
}

fn remove_equal(model: &mut Model, count: i64, element: u8) {
    let mut hits: Vec<usize> = (0..model.len()).filter(|&index| model[index].0 == element).collect();
    let all = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    if count < 0 {
        hits.drain(..hits.len().saturating_sub(all));
    }
    hits.truncate(all);
    for index in hits.into_iter().rev() {
        model.remove(index);
    }
}

/// A command, and what it does to the model.
fn apply(model: &mut Model, step: &Step, now: i64) -> String {
    let end = |model: &Model, left: bool| if left { 0 } else { model.len() - 1 };
    match *step {
        Step::Push(left, element, time) => {
            let index = if left { 0 } else { model.len() };
            model.insert(index, (element, time.map(|ms| now + ms)));
            match time {
                None => format!("{}PUSH l e{element}", side(left)),
                Some(ms) => format!("{}PUSHEX l PX {ms} ELEMENTS 1 e{element}", side(left)),
            }
        }
        Step::Pop(left, count) => {
            for _ in 0..count.min(model.len()) {
                model.remove(end(model, left));
            }
            format!("{}POP l {count}", side(left))
        }
        Step::Set(index, element) => {
            let Some(place) = model.get_mut(index) else { return "PING".into() };
            *place = (element, None);
            format!("LSET l {index} e{element}")
        }
        Step::Insert(pivot, element) => {
            if let Some(index) = model.iter().position(|(other, _)| *other == pivot) {
                model.insert(index + 1, (element, None));
            }
            format!("LINSERT l AFTER e{pivot} e{element}")
        }
        Step::Remove(count, element) => {
            remove_equal(model, count, element);
            format!("LREM l {count} e{element}")
        }
        Step::Trim(start, stop) => {
            model.truncate(stop + 1);
            model.drain(..start.min(model.len()));
            format!("LTRIM l {start} {stop}")
        }
        Step::Rotate(from, to) => {
            if !model.is_empty() {
                let (element, _) = model.remove(end(model, from));
                model.insert(if to { 0 } else { model.len() }, (element, None));
            }
            let name = |left| if left { "LEFT" } else { "RIGHT" };
            format!("LMOVE l l {} {}", name(from), name(to))
        }
        Step::Expire(index, time) => {
            match time {
                Some(ms) if index < model.len() => model[index].1 = Some(now + ms),
                None if index < model.len() => {
                    model.remove(index);
                }
                _ => {}
            }
            format!("LPEXPIRE l {} INDEXES 1 {index}", time.unwrap_or_default())
        }
        Step::Persist(index) => {
            if let Some(place) = model.get_mut(index) {
                place.1 = None;
            }
            format!("LPERSIST l INDEXES 1 {index}")
        }
        Step::Pass(..) => "PING".into(),
    }
}

fn times(client: &TestClient, len: usize) -> String {
    let indexes: Vec<String> = (0..len).map(|index| index.to_string()).collect();
    client.run(&format!("LPEXPIRETIME l INDEXES {len} {}", indexes.join(" ")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn at_any_time_there_is_what_a_model_has_and_the_journal_says_the_same(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let server = TestServer::sized(2, 1);
        let client = server.connect();
        let (mut model, mut now) = (Model::new(), START);
        for step in &steps {
            if let Step::Pass(ms, upkeep) = step {
                server.advance(Duration::from_millis(*ms));
                now += *ms as i64;
                if *upkeep {
                    server.upkeep();
                }
            }
            model.retain(|(_, at)| at.is_none_or(|at| at > now));
            let line = apply(&mut model, step, now);
            let reply = client.run(&line);
            prop_assert!(!reply.starts_with('-'), "{line}: {reply}");
            let expected: Vec<String> = model.iter().map(|(element, _)| format!("e{element}")).collect();
            prop_assert_eq!(&elements(&client, "l"), &expected, "after {:?}", step);
            if !model.is_empty() {
                let expected: String = model.iter().map(|(_, at)| format!(":{}\r\n", at.unwrap_or(-1))).collect();
                prop_assert_eq!(times(&client, model.len()), format!("*{}\r\n{expected}", model.len()));
            }
        }
        let again = TestServer::sized(2, 1);
        let (second, plain) = (again.connect(), TestServer::sized(2, 1));
        let without = plain.connect();
        for line in server.journal_lines() {
            let reply = second.run(&line);
            prop_assert!(!reply.starts_with('-'), "{line}: {reply}");
            // As a server that passes over the notes.
            if !line.starts_with("LPEXPIREAT") && !line.starts_with("LPERSIST") {
                let _ = without.run(&line);
            }
        }
        prop_assert_eq!(elements(&second, "l"), elements(&client, "l"));
        prop_assert_eq!(elements(&without, "l"), elements(&client, "l"));
        if !model.is_empty() {
            prop_assert_eq!(times(&second, model.len()), times(&client, model.len()));
        }
    }
}
