//! Scripts that are killed, or whose machine breaks, after they have written.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use spinel_family::{Encoder, OwnedArgs, Protocol};

use crate::registry::REGISTRY;
use crate::scripting::tests::{PATIENCE, run, server, wait};
use crate::testing::{Peer, Server};

const KILLED: &str = "Script killed by user with SCRIPT KILL... script: ";
const FOR_EVER: &str = "#!lua flags=atomic\nredis.call('SET', 'k', 'v') while true do pcall(error) end";

/// Kills what runs, as soon as there is something.
fn kill(server: &mut Server, peer: Peer, kind: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let reply = run(server, peer, &[kind, "KILL"]);
        if reply == "+OK\r\n" {
            return;
        }
        assert!(reply.starts_with("-NOTBUSY "), "{reply}");
        assert!(Instant::now() < deadline, "it is not running");
    }
}

#[test]
fn an_atomic_script_that_has_written_is_killed_and_leaves_nothing() {
    let (mut server, peer) = server();
    let other = server.connect("127.0.0.1:2");
    for round in 0..20 {
        let words = ["EVAL", FOR_EVER, "0"];
        assert_eq!(server.run_words(peer, OwnedArgs::from_words(words).args()), "");
        // Before or after it has written.
        std::thread::sleep(std::time::Duration::from_micros(100 * round));
        kill(&mut server, other, "SCRIPT");
        let reply = wait(&mut server, peer);
        assert!(reply.contains(KILLED), "{reply}");
        assert_eq!(run(&mut server, other, &["DBSIZE"]), ":0\r\n");
    }
}

#[test]
fn so_is_an_atomic_function() {
    let (mut server, peer) = server();
    let other = server.connect("127.0.0.1:2");
    let library = "#!lua name=lib\nredis.register_function{function_name='f', flags={'atomic'}, callback=function() \
        redis.call('SET', 'k', 'v') while true do pcall(error) end end}";
    run(&mut server, peer, &["FUNCTION", "LOAD", library]);
    assert_eq!(server.run_words(peer, OwnedArgs::from_words(["FCALL", "f", "0"]).args()), "");
    kill(&mut server, other, "FUNCTION");
    let reply = wait(&mut server, peer);
    assert!(reply.contains("killed by user"), "{reply}");
    assert_eq!(run(&mut server, other, &["DBSIZE"]), ":0\r\n");
}

#[test]
fn a_script_in_an_atomic_transaction_takes_it_along_when_it_is_killed() {
    let (mut server, peer) = server();
    let other = server.connect("127.0.0.1:2");
    let script = "redis.call('SET', 'k', 'v') while true do pcall(error) end";
    run(&mut server, peer, &["MULTI", "ATOMIC"]);
    run(&mut server, peer, &["SET", "before", "1"]);
    run(&mut server, peer, &["EVAL", script, "0"]);
    assert_eq!(server.run_words(peer, OwnedArgs::from_words(["EXEC"]).args()), "");
    kill(&mut server, other, "SCRIPT");
    let reply = wait(&mut server, peer);
    assert!(
        reply
            .starts_with("-EXECABORT Transaction rolled back because of command 2 'eval': ERR Script killed"),
        "{reply}"
    );
    assert_eq!(run(&mut server, other, &["DBSIZE"]), ":0\r\n");
}

#[test]
fn one_that_reaches_for_further_shards_after_it_has_written_leaves_nothing_there_either() {
    let mut settings = crate::config::Settings::default();
    settings.process.shards = 64;
    let mut server = Server::new(settings);
    let peer = server.connect("127.0.0.1:1");
    for n in 0..40 {
        let script = format!(
            "#!lua flags=atomic\nredis.call('SET', KEYS[1], 1) redis.call('SET', ARGV[1], 1) error('no') -- {n}"
        );
        let reply = run(&mut server, peer, &["EVAL", &script, "1", &format!("k{n}"), &format!("other{n}")]);
        assert!(reply.contains("no script: "), "{reply}");
        assert_eq!(run(&mut server, peer, &["DBSIZE"]), ":0\r\n");
    }
}

#[test]
fn a_brief_atomic_script_that_fails_on_an_event_loop_leaves_nothing() {
    let (mut server, peer) = server();
    let (deadline, mut at_once) = (Instant::now() + PATIENCE, 0);
    for n in 0.. {
        // A text of its own each time: one that was interrupted when it ran would go to the thread of scripts.
        let script = format!(
            "#!lua flags=atomic\nredis.call('INCR', KEYS[1]) return redis.call('LPUSH', KEYS[1], {n})"
        );
        let words = OwnedArgs::from_words(["EVAL", &script, "1", "n"]);
        let mut reply = server.run_words(peer, words.args());
        at_once += u32::from(!reply.is_empty());
        if reply.is_empty() {
            reply = wait(&mut server, peer);
        }
        assert!(reply.starts_with("-WRONGTYPE "), "{reply}");
        assert_eq!(run(&mut server, peer, &["DBSIZE"]), ":0\r\n");
        if at_once == 3 {
            return;
        }
        assert!(Instant::now() < deadline, "it does not come to run there");
    }
}

#[cfg(feature = "python")]
#[test]
fn so_does_a_script_in_python_that_fails_or_is_killed() {
    let (mut server, peer) = server();
    let other = server.connect("127.0.0.1:2");
    let failing = "#!python flags=atomic\nredis.call('SET', 'k', 1)\nreturn 1 // 0";
    let reply = run(&mut server, peer, &["EVAL", failing, "0"]);
    assert!(reply.starts_with("-ERR "), "{reply}");
    assert_eq!(run(&mut server, peer, &["DBSIZE"]), ":0\r\n");
    let endless = "#!python flags=atomic\nredis.call('SET', 'k', 1)\nwhile True:\n  pass";
    assert_eq!(server.run_words(peer, OwnedArgs::from_words(["EVAL", endless, "0"]).args()), "");
    kill(&mut server, other, "SCRIPT");
    let reply = wait(&mut server, peer);
    assert!(reply.contains(KILLED), "{reply}");
    assert_eq!(run(&mut server, other, &["DBSIZE"]), ":0\r\n");
    let greedy = "#!python flags=atomic\nredis.call('SET', 'k', 1)\na = ['x']\nwhile True:\n  a = a + a";
    let reply = run(&mut server, peer, &["EVAL", greedy, "0"]);
    assert!(reply.starts_with("-ERR "), "{reply}");
    assert_eq!(run(&mut server, peer, &["DBSIZE"]), ":0\r\n");
}

#[test]
fn a_panic_takes_back_what_can_be() {
    let (mut server, peer) = server();
    let engine = Arc::clone(&server.engine);
    let set = REGISTRY.find(b"set").expect("SET is a command").id;
    let words = OwnedArgs::from_words(["SET", "k", "1"]);
    let (worker, session) = server.worker_and_session(peer);
    let Ok(held) = engine.keyspace.hold_all() else { panic!("all are free") };
    let broken = AssertUnwindSafe(|| {
        worker.run_as_one(&engine, session, held, |execution, session, cx| {
            execution.begin_undo(cx);
            execution.step(session, set, words.args(), cx, &mut Encoder::new(Protocol::Resp2));
            panic!("a bug");
        });
    });
    assert!(catch_unwind(broken).is_err());
    assert_eq!(run(&mut server, peer, &["DBSIZE"]), ":0\r\n");
    assert_eq!(run(&mut server, peer, &["SET", "k", "1"]), "+OK\r\n");
    assert_eq!(run(&mut server, peer, &["DBSIZE"]), ":1\r\n");
}
