//! Scripts through the commands that run them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use spinel_family::{Encoder, OwnedArgs};

use crate::config::Settings;
use crate::testing::{Peer, Server};

/// How long a reply may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Runs words, and waits for the reply.
pub(crate) fn run(server: &mut Server, peer: Peer, words: &[&str]) -> String {
    let reply = server.run_words(peer, OwnedArgs::from_words(words).args());
    if reply.is_empty() { wait(server, peer) } else { reply }
}

/// Waits for a reply that comes as a message.
pub(crate) fn wait(server: &mut Server, peer: Peer) -> String {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let said = server.deliver().into_iter().find(|(to, text)| *to == peer && !text.is_empty());
        if let Some((_, text)) = said {
            return text;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no reply");
}

pub(crate) fn server() -> (Server, Peer) {
    let mut server = Server::new(Settings::default());
    let peer = server.connect("127.0.0.1:1");
    (server, peer)
}

#[test]
fn a_script_gets_its_keys_and_arguments_and_calls_commands() {
    let (mut server, peer) = server();
    let script = "redis.call('SET', KEYS[1], ARGV[1]) return {redis.call('GET', KEYS[1]), #KEYS, #ARGV}";
    assert_eq!(run(&mut server, peer, &["EVAL", script, "1", "k", "v"]), "*3\r\n$1\r\nv\r\n:1\r\n:1\r\n");
    assert_eq!(run(&mut server, peer, &["GET", "k"]), "$1\r\nv\r\n");
}

#[test]
fn the_first_machine_draws_the_numbers_of_redis_and_each_other_one_its_own() {
    let (mut server, peer) = server();
    let here = "return math.random(1000000)";
    // Too long for an event loop.
    let on_the_thread = format!("{here} --{}", "x".repeat(5000));
    assert_eq!(run(&mut server, peer, &["EVAL", here, "0"]), ":396465\r\n");
    assert_ne!(run(&mut server, peer, &["EVAL", &on_the_thread, "0"]), ":396465\r\n");
    assert_eq!(run(&mut server, peer, &["EVAL", here, "0"]), ":840486\r\n");
}

#[test]
fn scripts_are_known_by_their_digests() {
    let (mut server, peer) = server();
    let digest = "4ca238f611c9d0ae4e9a75a5dbac22aedc379801";
    assert_eq!(
        run(&mut server, peer, &["EVALSHA", digest, "0"]),
        "-NOSCRIPT No matching script. Please use EVAL.\r\n"
    );
    assert_eq!(run(&mut server, peer, &["SCRIPT", "LOAD", "return 5"]), format!("$40\r\n{digest}\r\n"));
    assert_eq!(run(&mut server, peer, &["EVALSHA", &digest.to_uppercase(), "0"]), ":5\r\n");
    assert_eq!(run(&mut server, peer, &["SCRIPT", "EXISTS", digest, "x"]), "*2\r\n:1\r\n:0\r\n");
    for shown in [digest, &digest.to_uppercase()] {
        assert_eq!(run(&mut server, peer, &["SCRIPT", "SHOW", shown]), "$8\r\nreturn 5\r\n");
    }
    assert_eq!(run(&mut server, peer, &["SCRIPT", "FLUSH"]), "+OK\r\n");
    assert_eq!(run(&mut server, peer, &["SCRIPT", "EXISTS", digest]), "*1\r\n:0\r\n");
    for unknown in [digest, "4ca2"] {
        assert_eq!(run(&mut server, peer, &["SCRIPT", "SHOW", unknown]), "-NOSCRIPT No matching script.\r\n");
    }
}

#[test]
fn wrong_calls_are_refused_in_the_words_of_redis() {
    let (mut server, peer) = server();
    for (words, reply) in [
        (&["EVAL", "return 1", "x"][..], "-ERR value is not an integer or out of range\r\n"),
        (&["EVAL", "return 1", "1"], "-ERR Number of keys can't be greater than number of args\r\n"),
        (&["EVAL", "return 1", "-1"], "-ERR Number of keys can't be negative\r\n"),
        (&["EVAL", "#!lua bad=1\n", "0"], "-ERR Unknown lua shebang option: bad=1\r\n"),
        (
            &["EVAL_RO", "#!lua\nreturn 1", "0"],
            "-ERR Can not execute a script with write flag using *_ro command.\r\n",
        ),
        (&["SCRIPT", "KILL"], "-NOTBUSY No scripts in execution right now.\r\n"),
        (&["SCRIPT", "FLUSH", "NOW"], "-ERR SCRIPT FLUSH only support SYNC|ASYNC option\r\n"),
    ] {
        assert_eq!(run(&mut server, peer, words), reply, "{words:?}");
    }
    for (call, error) in [
        ("'nosuch'", "ERR Unknown Redis command called from script"),
        ("'get'", "ERR Wrong number of args calling Redis command from script"),
        ("'subscribe', 'x'", "ERR This Redis command is not allowed from script"),
    ] {
        let reply = run(&mut server, peer, &["EVAL", &format!("return redis.call({call})"), "0"]);
        assert!(reply.starts_with(&format!("-{error} script: ")), "{reply}");
    }
    let reply = run(&mut server, peer, &["EVAL_RO", "return redis.call('set', 'k', 'v')", "0"]);
    assert!(reply.starts_with("-ERR Write commands are not allowed from read-only scripts."), "{reply}");
}

#[test]
fn a_script_that_was_to_run_in_a_debugger_changes_nothing() {
    let (mut server, peer) = server();
    let other = server.connect("127.0.0.1:2");
    let script = ["EVAL", "return redis.call('INCR', KEYS[1])", "1", "n"];
    for mode in ["YES", "sync"] {
        let refused = "-ERR there is no debugger for scripts here\r\n";
        assert_eq!(run(&mut server, peer, &["SCRIPT", "DEBUG", mode]), refused);
        assert_eq!(run(&mut server, peer, &script), refused);
    }
    assert_eq!(run(&mut server, peer, &script), ":1\r\n");
    assert!(run(&mut server, peer, &["SCRIPT", "DEBUG", "YES"]).starts_with("-ERR "));
    assert_eq!(run(&mut server, other, &script), ":2\r\n");
    assert_eq!(run(&mut server, peer, &["SCRIPT", "DEBUG", "NO"]), "+OK\r\n");
    assert_eq!(run(&mut server, peer, &script), ":3\r\n");
}

#[test]
fn a_transaction_may_hold_scripts() {
    let (mut server, peer) = server();
    run(&mut server, peer, &["MULTI"]);
    run(&mut server, peer, &["EVAL", "return redis.call('INCR', KEYS[1])", "1", "n"]);
    run(&mut server, peer, &["SELECT", "3"]);
    run(&mut server, peer, &["SET", "here", "1"]);
    assert_eq!(run(&mut server, peer, &["EXEC"]), "*3\r\n:1\r\n+OK\r\n+OK\r\n");
    assert_eq!(run(&mut server, peer, &["EXISTS", "here"]), ":1\r\n");
}

#[test]
fn a_watched_key_breaks_a_transaction_with_scripts() {
    let (mut server, peer) = server();
    let other = server.connect("127.0.0.1:2");
    run(&mut server, peer, &["WATCH", "k"]);
    run(&mut server, other, &["SET", "k", "1"]);
    run(&mut server, peer, &["MULTI"]);
    run(&mut server, peer, &["EVAL", "return 1", "0"]);
    assert_eq!(run(&mut server, peer, &["EXEC"]), "*-1\r\n");
    run(&mut server, peer, &["MULTI"]);
    run(&mut server, peer, &["EVAL", "return 1", "0"]);
    assert_eq!(run(&mut server, peer, &["EXEC"]), "*1\r\n:1\r\n");
}

#[test]
fn a_script_that_does_not_end_is_killed_unless_it_has_written() {
    let (mut server, peer) = server();
    let other = server.connect("127.0.0.1:2");
    let words = OwnedArgs::from_words(["EVAL", "while true do pcall(error) end", "0"]);
    assert_eq!(server.run_words(peer, words.args()), "");
    let deadline = Instant::now() + PATIENCE;
    while run(&mut server, other, &["SCRIPT", "KILL"]) != "+OK\r\n" {
        assert!(Instant::now() < deadline, "it is not running");
    }
    let reply = wait(&mut server, peer);
    assert!(reply.starts_with("-ERR Script killed by user with SCRIPT KILL... script: "), "{reply}");
    let writer = "redis.call('SET', 'k', 'v') local n = 0 for i = 1, 3e7 do n = n + i end return 'done'";
    let words = OwnedArgs::from_words(["EVAL", writer, "0"]);
    assert_eq!(server.run_words(peer, words.args()), "");
    let refused = loop {
        let reply = run(&mut server, other, &["SCRIPT", "KILL"]);
        if reply == "+OK\r\n" {
            // It was killed before it had written.
            let reply = wait(&mut server, peer);
            assert!(reply.starts_with("-ERR Script killed"), "{reply}");
            assert_eq!(server.run_words(peer, words.args()), "");
        } else if !reply.starts_with("-NOTBUSY") {
            break reply;
        }
        assert!(Instant::now() < deadline, "it is not running");
    };
    assert!(refused.starts_with("-UNKILLABLE "), "{refused}");
    assert_eq!(wait(&mut server, peer), "$4\r\ndone\r\n");
}

#[test]
fn a_script_selects_for_itself_and_talks_as_it_asks() {
    let (mut server, peer) = server();
    run(&mut server, peer, &["EVAL", "redis.call('SELECT', 5) return redis.call('SET', 'k', 'v')", "0"]);
    assert_eq!(run(&mut server, peer, &["EXISTS", "k"]), ":0\r\n");
    let script = "redis.setresp(3) redis.call('HSET', 'h', 'f', 'v') return redis.call('HGETALL', 'h').map.f";
    assert_eq!(run(&mut server, peer, &["EVAL", script, "0"]), "$1\r\nv\r\n");
    let mut out = Encoder::new(spinel_resp::Protocol::Resp3);
    out.boolean(true);
    run(&mut server, peer, &["HELLO", "3"]);
    assert_eq!(
        run(&mut server, peer, &["EVAL", "redis.setresp(3) return true", "0"]).as_bytes(),
        out.as_bytes()
    );
}

#[test]
fn a_brief_script_runs_where_it_came_to() {
    let (mut server, peer) = server();
    let words = ["EVAL", "return redis.call('INCR', KEYS[1])", "1", "n"];
    for n in 1..=2 {
        assert_eq!(run(&mut server, peer, &words), format!(":{n}\r\n"));
    }
    // The habit is noted when the script has ended, its reply may come a moment before.
    let deadline = Instant::now() + PATIENCE;
    for n in 3.. {
        let reply = server.run_words(peer, OwnedArgs::from_words(words).args());
        if !reply.is_empty() {
            assert_eq!(reply, format!(":{n}\r\n"));
            break;
        }
        assert_eq!(wait(&mut server, peer), format!(":{n}\r\n"));
        assert!(Instant::now() < deadline, "it never came to run there");
    }
}

#[test]
fn a_script_reaches_keys_that_it_did_not_declare_before_and_after_it_has_written() {
    let mut settings = Settings::default();
    settings.process.shards = 64;
    let mut server = Server::new(settings);
    let peer = server.connect("127.0.0.1:1");
    let reads_first =
        "local n = redis.call('GET', ARGV[1]) or 0 redis.call('SET', KEYS[1], n + 1) return n + 1";
    let writes_first =
        "redis.call('SET', KEYS[1], ARGV[1]) redis.call('INCR', ARGV[1]) return redis.call('GET', ARGV[1])";
    for n in 0..40 {
        let (key, other) = (format!("k{n}"), format!("other{n}"));
        assert_eq!(run(&mut server, peer, &["EVAL", reads_first, "1", &key, &other]), ":1\r\n");
        // A text of its own each time, so that nothing is known of its habits.
        let script = format!("{writes_first} -- {n}");
        assert_eq!(run(&mut server, peer, &["EVAL", &script, "1", &key, &other]), "$1\r\n1\r\n");
        assert_eq!(run(&mut server, peer, &["EVAL", &script, "1", &key, &other]), "$1\r\n2\r\n");
        assert_eq!(run(&mut server, peer, &["GET", &key]), format!("${}\r\n{other}\r\n", other.len()));
    }
}

#[test]
fn a_reader_that_waits_is_served_by_a_script_that_writes() {
    let (mut server, peer) = server();
    let reader = server.connect("127.0.0.1:2");
    assert_eq!(server.run(reader, "XREAD BLOCK 0 STREAMS s $"), "");
    run(&mut server, peer, &["EVAL", "return redis.call('XADD', KEYS[1], '1-1', 'a', 'b')", "1", "s"]);
    let entry = "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n";
    assert_eq!(wait(&mut server, reader), entry);
}

#[test]
fn a_script_that_became_brief_and_takes_long_leaves_the_event_loop() {
    let (mut server, peer) = server();
    let script =
        "local n = 0 for i = 1, ARGV[1] do n = n + i % 3 end return redis.call('INCRBY', KEYS[1], n)";
    let short = ["EVAL", script, "1", "n", "2"];
    let deadline = Instant::now() + PATIENCE;
    while server.run_words(peer, OwnedArgs::from_words(short).args()).is_empty() {
        wait(&mut server, peer);
        assert!(Instant::now() < deadline, "it never came to run there");
    }
    server.run(peer, "SET n 0");
    let long = ["EVAL", script, "1", "n", "30000000"];
    assert_eq!(server.run_words(peer, OwnedArgs::from_words(long).args()), "");
    assert_eq!(wait(&mut server, peer), ":30000000\r\n");
}

/// Not a test: this program, started as a worker.
#[cfg(feature = "python")]
#[test]
fn python_worker() {
    spinel_script::serve_python_if_asked();
}

#[cfg(feature = "python")]
#[test]
fn scripts_may_be_in_python() {
    let (mut server, peer) = server();
    let script =
        "#!python\nredis.call('SET', KEYS[0], ARGV[0])\nreturn [redis.call('GET', KEYS[0]), len(KEYS)]";
    assert_eq!(run(&mut server, peer, &["EVAL", script, "1", "k", "v"]), "*2\r\n$1\r\nv\r\n:1\r\n");
    assert_eq!(run(&mut server, peer, &["GET", "k"]), "$1\r\nv\r\n");
    let digest = run(&mut server, peer, &["SCRIPT", "LOAD", "#!python\nreturn redis.call('LPUSH', 'k', 1)"]);
    let digest = digest.trim_start_matches("$40\r\n").trim_end();
    assert_eq!(
        run(&mut server, peer, &["EVALSHA", digest, "0"]),
        format!(
            "-WRONGTYPE Operation against a key holding the wrong kind of value script: {digest}, on @user_script:2.\r\n"
        )
    );
    let script = "#!python flags=no-writes\nredis.call('SET', 'k', 1)";
    let reply = run(&mut server, peer, &["EVAL", script, "0"]);
    assert!(
        reply.starts_with("-ERR Write commands are not allowed from read-only scripts. script: "),
        "{reply}"
    );
    assert_eq!(
        run(&mut server, peer, &["EVAL", "#!ruby\n1", "0"]),
        "-ERR Unexpected engine in script shebang: #!ruby\r\n"
    );
}

#[test]
fn a_script_ends_after_its_time_unless_it_has_written() {
    const LATE: &str = "-ERR Script killed because it ran for longer than script-time-limit... script: ";
    let (mut server, peer) = server();
    assert_eq!(run(&mut server, peer, &["CONFIG", "SET", "script-time-limit", "20"]), "+OK\r\n");
    for script in [
        "while true do end",
        "while true do pcall(error) end",
        "redis.call('GET', KEYS[1]) while true do end",
    ] {
        let reply = run(&mut server, peer, &["EVAL", script, "1", "k"]);
        assert!(reply.starts_with(LATE), "{script}: {reply}");
    }
    let library = "#!lua name=lib\nredis.register_function('f', function() while true do end end)";
    assert_eq!(run(&mut server, peer, &["FUNCTION", "LOAD", library]), "$3\r\nlib\r\n");
    let reply = run(&mut server, peer, &["FCALL", "f", "0"]);
    assert!(reply.starts_with("-ERR Script killed because it ran for longer"), "{reply}");
    let atomic = "#!lua flags=atomic\nredis.call('SET', KEYS[1], 'half') while true do end";
    let reply = run(&mut server, peer, &["EVAL", atomic, "1", "k"]);
    assert!(reply.starts_with(LATE), "{reply}");
    assert_eq!(run(&mut server, peer, &["EXISTS", "k"]), ":0\r\n");
    let writer = "redis.call('SET', KEYS[1], 'v') local n = 0 for i = 1, 2e7 do n = n + i end return 'done'";
    assert_eq!(run(&mut server, peer, &["EVAL", writer, "1", "k"]), "$4\r\ndone\r\n");
    assert_eq!(run(&mut server, peer, &["CONFIG", "SET", "script-time-limit", "0"]), "+OK\r\n");
    let long = "local n = 0 for i = 1, 2e7 do n = n + i end return 'done'";
    assert_eq!(run(&mut server, peer, &["EVAL", long, "0"]), "$4\r\ndone\r\n");
}

#[test]
fn a_script_has_the_memory_that_the_setting_says() {
    let mut settings = Settings::default();
    settings.scripts.memory_limit = 4 << 20;
    let mut server = Server::new(settings);
    let peer = server.connect("127.0.0.1:1");
    let grow = "local t = {} for i = 1, tonumber(ARGV[1]) do t[i] = ('x'):rep(1024) .. i end return #t";
    assert_eq!(run(&mut server, peer, &["EVAL", grow, "0", "100"]), ":100\r\n");
    let reply = run(&mut server, peer, &["EVAL", grow, "0", "10000"]);
    assert!(reply.starts_with("-ERR ") && reply.contains("not enough memory"), "{reply}");
    assert_eq!(run(&mut server, peer, &["EVAL", grow, "0", "100"]), ":100\r\n");
    assert_eq!(
        run(&mut server, peer, &["CONFIG", "SET", "script-memory-limit", "1gb"]),
        "-ERR CONFIG SET failed (possibly related to argument 'script-memory-limit') - can't set immutable config\r\n"
    );
}

#[cfg(feature = "python")]
#[test]
fn a_script_in_python_that_does_not_end_is_killed() {
    let (mut server, peer) = server();
    let other = server.connect("127.0.0.1:2");
    let words = OwnedArgs::from_words(["EVAL", "#!python\nwhile True:\n  pass", "0"]);
    assert_eq!(server.run_words(peer, words.args()), "");
    let deadline = Instant::now() + PATIENCE;
    while run(&mut server, other, &["SCRIPT", "KILL"]) != "+OK\r\n" {
        assert!(Instant::now() < deadline, "it is not running");
    }
    let reply = wait(&mut server, peer);
    assert!(reply.starts_with("-ERR Script killed by user with SCRIPT KILL... script: "), "{reply}");
    assert_eq!(run(&mut server, peer, &["EVAL", "#!python\nreturn 7", "0"]), ":7\r\n");
}

#[cfg(feature = "python")]
#[test]
fn a_script_in_python_is_known_on_event_loops_but_not_compiled_there() {
    let (mut server, peer) = server();
    let script = "#!python\nreturn 7";
    for _ in 0..3 {
        // Nothing is answered before the thread of scripts has.
        assert_eq!(server.run_words(peer, OwnedArgs::from_words(["EVAL", script, "0"]).args()), "");
        assert_eq!(wait(&mut server, peer), ":7\r\n");
    }
}

#[cfg(feature = "python")]
#[test]
fn libraries_may_be_in_python() {
    let (mut server, peer) = server();
    let library = "#!python name=lib\ndef f(keys, args):\n  return redis.call('INCRBY', keys[0], args[0])\nredis.register_function('f', f)";
    assert_eq!(run(&mut server, peer, &["FUNCTION", "LOAD", library]), "$3\r\nlib\r\n");
    assert_eq!(run(&mut server, peer, &["FCALL", "f", "1", "n", "5"]), ":5\r\n");
    let listed = run(&mut server, peer, &["FUNCTION", "LIST"]);
    assert!(listed.contains("PYTHON"), "{listed}");
}

#[test]
fn a_script_without_effects_makes_way_for_one_that_has_written_and_needs_its_key() {
    let mut settings = Settings::default();
    settings.process.shards = 64;
    let mut server = Server::new(settings);
    let endless = server.connect("127.0.0.1:1");
    let words = OwnedArgs::from_words(["EVAL", "while true do redis.call('GET', KEYS[1]) end", "1", "held"]);
    assert_eq!(server.run_words(endless, words.args()), "");
    let engine = Arc::clone(&server.engine);
    let is_free = |key: &str| {
        let hash = engine.keyspace.key(key.as_bytes()).hash;
        engine.keyspace.try_lock(engine.keyspace.shard_of(hash)).is_some()
    };
    let deadline = Instant::now() + PATIENCE;
    while is_free("held") {
        assert!(Instant::now() < deadline, "it is not running");
    }
    let peer = server.connect("127.0.0.1:2");
    let key = (0..).map(|n| format!("k{n}")).find(|key| is_free(key)).unwrap();
    // It goes straight on, so it runs here, where nothing else could be done in the meantime.
    let script = "redis.call('SET', KEYS[1], 'v') return redis.call('EXISTS', ARGV[1])";
    let words = OwnedArgs::from_words(["EVAL", script, "1", &key, "held"]);
    assert_eq!(server.run_words(peer, words.args()), ":0\r\n");
    while run(&mut server, peer, &["SCRIPT", "KILL"]) != "+OK\r\n" {
        assert!(Instant::now() < deadline, "it does not run again");
    }
    assert!(wait(&mut server, endless).starts_with("-ERR Script killed"));
}
