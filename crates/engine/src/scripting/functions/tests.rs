//! Functions through the commands that load and call them. The replies are those of Redis 7.0.15.

use crate::scripting::tests::{run, server};
use crate::testing::{Peer, Server};

const HELLO: &str =
    "#!lua name=lib\nredis.register_function('hello', function(keys, args) return {keys[1], args[1]} end)";

#[test]
fn a_library_is_loaded_listed_called_and_removed() {
    let (mut server, peer) = server();
    let mut say = |words: &[&str]| run(&mut server, peer, words);
    assert_eq!(say(&["FUNCTION", "LOAD", HELLO]), "$3\r\nlib\r\n");
    assert_eq!(say(&["FUNCTION", "LOAD", HELLO]), "-ERR Library 'lib' already exists\r\n");
    assert_eq!(say(&["FUNCTION", "LOAD", "REPLACE", HELLO]), "$3\r\nlib\r\n");
    assert_eq!(say(&["FCALL", "hello", "1", "k", "a"]), "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    assert_eq!(say(&["FCALL", "HELLO", "0", "a"]), "*0\r\n");
    let listed = "*1\r\n*6\r\n$12\r\nlibrary_name\r\n$3\r\nlib\r\n$6\r\nengine\r\n$3\r\nLUA\r\n$9\r\nfunctions\r\n*1\r\n\
                  *6\r\n$4\r\nname\r\n$5\r\nhello\r\n$11\r\ndescription\r\n$-1\r\n$5\r\nflags\r\n*0\r\n";
    assert_eq!(say(&["FUNCTION", "LIST"]), listed);
    assert_eq!(say(&["FUNCTION", "LIST", "LIBRARYNAME", "x*"]), "*0\r\n");
    let stats = "*4\r\n$14\r\nrunning_script\r\n$-1\r\n$7\r\nengines\r\n*2\r\n$3\r\nLUA\r\n\
                 *4\r\n$15\r\nlibraries_count\r\n:1\r\n$15\r\nfunctions_count\r\n:1\r\n";
    assert_eq!(say(&["FUNCTION", "STATS"]), stats);
    assert_eq!(say(&["FUNCTION", "DELETE", "lib"]), "+OK\r\n");
    assert_eq!(say(&["FUNCTION", "DELETE", "lib"]), "-ERR Library not found\r\n");
    assert_eq!(say(&["FCALL", "hello", "0"]), "-ERR Function not found\r\n");
}

#[test]
fn wrong_calls_are_refused_in_the_words_of_redis() {
    let (mut server, peer) = server();
    run(&mut server, peer, &["FUNCTION", "LOAD", HELLO]);
    for (words, reply) in [
        (&["FUNCTION", "FLUSH", "now"][..], "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option\r\n"),
        (
            &["FUNCTION", "flush", "ASYNC", "SYNC"],
            "-ERR unknown subcommand or wrong number of arguments for 'flush'. Try FUNCTION HELP.\r\n",
        ),
        (&["FUNCTION", "LIST", "LIBRARYNAME"], "-ERR library name argument was not given\r\n"),
        (&["FUNCTION", "LIST", "withcode", "WithCode"], "-ERR Unknown argument WithCode\r\n"),
        (&["FUNCTION", "LOAD", "foo", "bar", HELLO], "-ERR Unknown option given: foo\r\n"),
        (&["FUNCTION", "LOAD", "#!bad name=x\nreturn 1"], "-ERR Engine 'bad' not found\r\n"),
        (&["FUNCTION", "LOAD", "#!lua name=x\nreturn 1"], "-ERR No functions registered\r\n"),
        (
            &["FUNCTION", "LOAD", "#!lua name=x\nredis.register_function('hello', 1)"],
            "-ERR Error registering functions: ERR second argument to redis.register_function must be a function\r\n",
        ),
        (
            &["FUNCTION", "LOAD", "#!lua name=x\nredis.register_function('hello', function() end)"],
            "-ERR Function hello already exists\r\n",
        ),
        (&["FUNCTION", "RESTORE", "x"], "-ERR DUMP payload version or checksum are wrong\r\n"),
        (
            &["FUNCTION", "RESTORE", "x", "WHAT"],
            "-ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.\r\n",
        ),
        (&["FUNCTION", "KILL"], "-NOTBUSY No scripts in execution right now.\r\n"),
        (&["FCALL", "hello", "x"], "-ERR Bad number of keys provided\r\n"),
        (&["FCALL", "hello", "-1"], "-ERR Number of keys can't be negative\r\n"),
        (&["FCALL", "hello", "5"], "-ERR Number of keys can't be greater than number of args\r\n"),
        (
            &["FCALL_RO", "hello", "0"],
            "-ERR Can not execute a script with write flag using *_ro command.\r\n",
        ),
        (
            &["EVAL", "return redis.pcall('fcall', 'hello', 0)", "0"],
            "-ERR This Redis command is not allowed from script\r\n",
        ),
    ] {
        assert_eq!(run(&mut server, peer, words), reply, "{words:?}");
    }
}

#[test]
fn what_a_library_keeps_is_shared_by_its_functions_and_hidden_from_others() {
    let (mut server, peer) = server();
    let counter = "#!lua name=counter\nlocal n = 0\n\
                   redis.register_function('up', function() n = n + 1 return n end)\n\
                   redis.register_function('now', function() return n end)";
    run(&mut server, peer, &["FUNCTION", "LOAD", counter]);
    assert_eq!(run(&mut server, peer, &["FCALL", "up", "0"]), ":1\r\n");
    assert_eq!(run(&mut server, peer, &["FCALL", "up", "0"]), ":2\r\n");
    assert_eq!(run(&mut server, peer, &["FCALL", "now", "0"]), ":2\r\n");
    assert_eq!(run(&mut server, peer, &["FUNCTION", "LOAD", "REPLACE", counter]), "$7\r\ncounter\r\n");
    assert_eq!(run(&mut server, peer, &["FCALL", "now", "0"]), ":0\r\n");
}

#[test]
fn a_library_of_a_file_that_cannot_be_loaded_is_kept() {
    let (server, _) = server();
    let libraries = &server.engine.scripts.libraries;
    libraries.keep(&server.engine, b"#!js name=other\nwhatever".to_vec());
    libraries.keep(&server.engine, HELLO.as_bytes().to_vec());
    libraries.keep(&server.engine, b"#!lua name=endless\nwhile".to_vec());
    assert_eq!(
        libraries.list(),
        [
            b"#!lua name=endless\nwhile".to_vec(),
            HELLO.as_bytes().to_vec(),
            b"#!js name=other\nwhatever".to_vec()
        ]
    );
    assert_eq!(libraries.counts()["LUA"].functions, 1);
}

/// The counts of INFO COMMANDSTATS, without times.
fn counts(server: &mut Server, peer: Peer, command: &str) -> String {
    let stats = run(server, peer, &["INFO", "COMMANDSTATS"]);
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")));
    let fields = line.into_iter().flat_map(|line| line.split(','));
    fields.filter(|field| !field.starts_with("usec")).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_says_that_it_writes_is_refused_where_writes_are_before_it_is_called() {
    let (mut server, peer) = server();
    let library = "#!lua name=lib\n\
                   redis.register_function('writes', function() return redis.call('SET', 'k', 1) end)\n\
                   redis.register_function{function_name='reads', flags={'no-writes'},\n\
                   callback=function() return redis.call('GET', 'k') end}";
    run(&mut server, peer, &["FUNCTION", "LOAD", library]);
    run(&mut server, peer, &["CONFIG", "SET", "min-replicas-to-write", "2"]);
    let refusal = "-NOREPLICAS Not enough good replicas to write.\r\n";
    for words in [
        &["EVAL", "#!lua\nreturn redis.call('GET', KEYS[1])", "1", "k"][..],
        &["EVAL_RO", "#!lua\nreturn redis.call('GET', KEYS[1])", "1", "k"],
        &["FCALL", "writes", "0"],
        &["FCALL_RO", "writes", "0"],
    ] {
        assert_eq!(run(&mut server, peer, words), refusal, "{words:?}");
        let counted = counts(&mut server, peer, &words[0].to_lowercase());
        assert_eq!(counted, "calls=0 rejected_calls=1 failed_calls=0", "{words:?}");
    }
    let reads = ["EVAL", "#!lua flags=no-writes\nreturn redis.call('GET', KEYS[1])", "1", "k"];
    assert_eq!(run(&mut server, peer, &reads), "$-1\r\n");
    assert_eq!(run(&mut server, peer, &["FCALL", "reads", "0"]), "$-1\r\n");
    // One that says nothing of itself is refused at its first write.
    let silent = ["EVAL", "return redis.call('SET', KEYS[1], 1)", "1", "k"];
    assert!(
        run(&mut server, peer, &silent)
            .starts_with("-NOREPLICAS Not enough good replicas to write. script: ")
    );
    assert_eq!(counts(&mut server, peer, "eval"), "calls=2 rejected_calls=1 failed_calls=1");
    assert_eq!(counts(&mut server, peer, "set"), "calls=0 rejected_calls=1 failed_calls=0");
}

#[test]
fn commands_that_functions_call_are_counted_wherever_they_run() {
    let (mut server, peer) = server();
    let library = "#!lua name=lib\n\
                   redis.register_function('set', function() return redis.call('SET', 'k', 1) end)\n\
                   redis.register_function('push', function() return redis.call('LPUSH', 'k', 1) end)";
    run(&mut server, peer, &["FUNCTION", "LOAD", library]);
    // Without its key declared such a function moves to the thread of scripts.
    for words in [&["FCALL", "set", "0"][..], &["FCALL", "set", "1", "k"], &["FCALL", "set", "0"]] {
        assert_eq!(run(&mut server, peer, words), "+OK\r\n");
    }
    assert!(run(&mut server, peer, &["FCALL", "push", "0"]).starts_with("-WRONGTYPE "));
    assert_eq!(counts(&mut server, peer, "set"), "calls=3 rejected_calls=0 failed_calls=0");
    assert_eq!(counts(&mut server, peer, "lpush"), "calls=1 rejected_calls=0 failed_calls=1");
    assert_eq!(counts(&mut server, peer, "fcall"), "calls=4 rejected_calls=0 failed_calls=1");
}
