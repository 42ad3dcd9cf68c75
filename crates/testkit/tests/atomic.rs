//! Runs that leave nothing if they fail, as connections see them: `MULTI ATOMIC`, and scripts with the flag `atomic`.

use std::time::Duration;

use spinel_testkit::{TestClient, TestServer};

/// The small and the large shape of the server.
fn servers() -> [TestServer; 2] {
    [TestServer::sized(1, 1), TestServer::sized(64, 4)]
}

/// Runs commands as one transaction; gives the reply of EXEC.
fn exec(client: &TestClient, multi: &str, commands: &[&str]) -> String {
    client.send(multi);
    commands.iter().for_each(|command| client.send(command));
    let _ = client.read();
    client.run("EXEC")
}

fn eval(client: &TestClient, script: &str) -> String {
    client.run_words(["EVAL", &format!("#!lua flags=atomic\n{script}"), "0"])
}

const WRONG: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";

#[test]
fn an_error_in_one_command_takes_back_all_and_names_the_command() {
    for server in servers() {
        let client = server.connect();
        client.send("SET a 1");
        let reply = exec(
            &client,
            "MULTI ATOMIC",
            &["SET a 2", "SELECT 1", "SET b 1", "SELECT 0", "LPUSH a x", "SET c 1"],
        );
        assert_eq!(
            reply,
            format!("-EXECABORT Transaction rolled back because of command 5 'lpush': {WRONG}\r\n")
        );
        assert_eq!(client.run("GET a"), "$1\r\n1\r\n");
        assert_eq!(client.run("EXISTS c"), ":0\r\n");
        assert_eq!(client.run_all(&["SELECT 1", "DBSIZE"]), "+OK\r\n:0\r\n");
        assert_eq!(server.journal_lines(), ["SET a 1"]);
    }
}

#[test]
fn without_an_error_it_is_a_transaction_as_any() {
    for server in servers() {
        let client = server.connect();
        let reply = exec(&client, "multi atomic", &["SET a 1", "INCR a", "GET a"]);
        assert_eq!(reply, "*3\r\n+OK\r\n:2\r\n$1\r\n2\r\n");
        assert_eq!(server.journal_lines(), ["MULTI", "SET a 1", "INCR a", "EXEC"]);
        assert_eq!(exec(&client, "MULTI", &["INCR a", "LPUSH a x"]), format!("*2\r\n:3\r\n-{WRONG}\r\n"));
        assert_eq!(exec(&client, "MULTI ATOMIC", &[]), "*0\r\n");
    }
}

#[test]
fn the_word_of_multi_is_atomic_or_none() {
    let server = TestServer::new();
    let client = server.connect();
    let arity = "-ERR wrong number of arguments for 'multi' command\r\n";
    for line in ["MULTI x", "MULTI ATOMIC x", "MULTI ''"] {
        assert_eq!(client.run(line), arity);
    }
    client.send("MULTI");
    assert!(client.run("MULTI y").ends_with(arity));
    assert_eq!(client.run("EXEC"), "-EXECABORT Transaction discarded because of previous errors.\r\n");
}

#[test]
fn settings_make_every_transaction_and_every_script_atomic() {
    let server = TestServer::new();
    let client = server.connect();
    assert_eq!(client.run("CONFIG SET multi-atomic yes script-atomic yes"), "+OK\r\n");
    assert!(
        exec(&client, "MULTI", &["SET a 1", "LPUSH a x"]).starts_with("-EXECABORT Transaction rolled back")
    );
    let reply =
        client.run_words(["EVAL", "redis.call('SET', 'a', 1) return redis.call('LPUSH', 'a', 1)", "0"]);
    assert!(reply.starts_with(&format!("-{WRONG} script: ")), "{reply}");
    assert_eq!(client.run("DBSIZE"), ":0\r\n");
    assert_eq!(server.journal_lines(), [""; 0]);
}

#[test]
fn what_cannot_be_undone_is_refused_when_it_is_queued() {
    let server = TestServer::new();
    let client = server.connect();
    for line in [
        "CONFIG SET maxmemory 0",
        "FUNCTION FLUSH",
        "SUBSCRIBE x",
        "CLIENT SETNAME x",
        "SCRIPT FLUSH",
        "BGSAVE",
    ] {
        client.send("MULTI ATOMIC");
        let _ = client.read();
        let reply = client.run(line);
        assert!(
            reply.ends_with(" cannot be undone and is not allowed in an atomic transaction\r\n"),
            "{reply}"
        );
        assert_eq!(client.run("EXEC"), "-EXECABORT Transaction discarded because of previous errors.\r\n");
    }
    let reply = eval(&client, "redis.call('SET', 'a', 1) return redis.call('CONFIG', 'RESETSTAT')");
    assert!(reply.starts_with("-ERR "), "{reply}");
    assert_eq!(client.run("DBSIZE"), ":0\r\n");
}

#[test]
fn a_script_that_ends_in_an_error_leaves_nothing() {
    for server in servers() {
        let client = server.connect();
        assert_eq!(client.run("RPUSH l a b c"), ":3\r\n");
        for (end, begin) in [
            ("error('no')", "-ERR user_script:2: no"),
            ("return redis.error_reply('SOLDOUT none left')", "-SOLDOUT none left\r\n"),
            ("return redis.call('INCR', 'l')", "-WRONGTYPE "),
            ("return {err = 'NO way'}", "-NO way\r\n"),
            ("return ('x'):rep(2000000000)", "-ERR "),
        ] {
            let reply = eval(&client, &format!("redis.call('SET', 'a', 1) redis.call('LPOP', 'l') {end}"));
            assert!(reply.starts_with(begin), "{end}: {reply}");
            assert_eq!(client.run_all(&["DBSIZE", "LLEN l"]), ":1\r\n:3\r\n", "{end}");
        }
        assert_eq!(server.journal_lines(), ["RPUSH l a b c"]);
        let reply = eval(
            &client,
            "redis.pcall('INCR', 'l') redis.call('SET', 'a', 1) return {redis.error_reply('E x')}",
        );
        assert_eq!(reply, "*1\r\n-E x\r\n");
        assert_eq!(client.run("DBSIZE"), ":2\r\n");
    }
}

#[test]
fn a_script_without_the_flag_is_as_ever() {
    let server = TestServer::new();
    let client = server.connect();
    let _ = client.run_words(["EVAL", "redis.call('SET', 'a', 1) error('no')", "0"]);
    assert_eq!(client.run("DBSIZE"), ":1\r\n");
}

#[test]
fn a_function_may_be_atomic() {
    let server = TestServer::new();
    let client = server.connect();
    let library = "#!lua name=lib\n\
        local function f(keys) redis.call('SET', keys[1], 1) error('no') end\n\
        redis.register_function{function_name='careful', callback=f, flags={'atomic'}}\n\
        redis.register_function('careless', f)";
    assert_eq!(client.run_words(["FUNCTION", "LOAD", library]), "$3\r\nlib\r\n");
    assert!(
        client.run("FUNCTION LIST").contains("+atomic\r\n")
            || client.run("FUNCTION LIST").contains("$6\r\natomic\r\n")
    );
    assert!(client.run("FCALL careful 1 a").starts_with("-ERR "));
    assert_eq!(client.run("EXISTS a"), ":0\r\n");
    assert!(client.run("FCALL careless 1 a").starts_with("-ERR "));
    assert_eq!(client.run("EXISTS a"), ":1\r\n");
}

#[test]
fn scripts_within_a_transaction_are_taken_back_with_it() {
    for server in servers() {
        let client = server.connect();
        client.send("MULTI ATOMIC");
        client.send("SET a 1");
        let _ = client.run_words(["EVAL", "return redis.call('SET', 'b', 1)", "0"]);
        client.send("LPUSH a x");
        let _ = client.read();
        assert!(
            client
                .run("EXEC")
                .starts_with("-EXECABORT Transaction rolled back because of command 3 'lpush': ")
        );
        assert_eq!(client.run("DBSIZE"), ":0\r\n");
        client.send("MULTI");
        client.send("SET a 1");
        let _ = client.run_words(["EVAL", "#!lua flags=atomic\nredis.call('SET', 'b', 1) error('no')", "0"]);
        client.send("SET c 1");
        let _ = client.read();
        assert!(client.run("EXEC").starts_with("*3\r\n+OK\r\n-ERR "));
        assert_eq!(client.run("EXISTS a b c"), ":2\r\n");
        assert_eq!(server.journal_lines(), ["MULTI", "SET a 1", "SET c 1", "EXEC"]);
    }
}

#[test]
fn others_hear_of_a_run_that_succeeds_and_of_none_that_fails() {
    for server in servers() {
        let (client, listener, waiting, watching) =
            (server.connect(), server.connect(), server.connect(), server.connect());
        client.send("CONFIG SET notify-keyspace-events KEA");
        listener.send("PSUBSCRIBE *");
        waiting.send("BLPOP l 0");
        watching.send("WATCH k");
        let _ = (client.read(), listener.read(), watching.read());
        let commands = ["SET k 1", "PUBLISH news x", "SPUBLISH shard x", "RPUSH l a", "FLUSHALL"];
        let failing = [&commands[..], &["LPUSH k x", "INCR k"]].concat();
        assert!(exec(&client, "MULTI ATOMIC", &failing).starts_with("-EXECABORT "));
        assert_eq!((listener.read(), waiting.read()), (String::new(), String::new()));
        let info = client.run("INFO persistence");
        assert!(info.contains("rdb_changes_since_last_save:0\r\n"), "{info}");
        assert_eq!(watching.run_all(&["MULTI", "PING", "EXEC"]), "+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n");
        watching.send("WATCH k");
        let _ = watching.read();
        let reply = exec(&client, "MULTI ATOMIC", &commands[..4]);
        assert_eq!(reply, "*4\r\n+OK\r\n:1\r\n:0\r\n:1\r\n");
        let heard = listener.read();
        for word in ["__keyevent@0__:set", "news", "__keyevent@0__:rpush"] {
            assert!(heard.contains(word), "{heard}");
        }
        assert!(heard.find("keyevent@0__:set") < heard.find("news"));
        assert_eq!(waiting.read(), "*2\r\n$1\r\nl\r\n$1\r\na\r\n");
        assert_eq!(watching.run_all(&["MULTI", "PING", "EXEC"]), "+OK\r\n+QUEUED\r\n*-1\r\n");
    }
}

#[test]
fn whole_databases_come_back() {
    for server in servers() {
        let client = server.connect();
        (0..50).for_each(|i| client.send(&format!("SET k{i} {i}")));
        client.send("SELECT 3");
        client.send("SET there 1 EX 100");
        client.send("SELECT 0");
        let _ = client.read();
        let digest = client.run("DEBUG DIGEST");
        for commands in [
            &["FLUSHALL", "SET a 1", "FLUSHALL", "SWAPDB 0 3", "SET b 1"][..],
            &["SWAPDB 0 3", "SWAPDB 3 7", "FLUSHDB", "SET x 1", "SWAPDB 7 1"],
            &["MOVE k1 3", "COPY k2 k3 REPLACE", "COPY k2 k4 DB 3", "RENAME k5 k6", "FLUSHDB"],
            &["SET k1 x", "SWAPDB 0 3", "DEL there", "FLUSHDB", "SWAPDB 0 3", "INCR k1"],
        ] {
            let failing = [commands, &["SELECT 3", "SET last 1", "INCR last", "LPOP last"]].concat();
            assert!(exec(&client, "MULTI ATOMIC", &failing).starts_with("-EXECABORT "), "{commands:?}");
            assert_eq!(client.run("DEBUG DIGEST"), digest, "{commands:?}");
            assert_eq!(client.run("DBSIZE"), ":50\r\n");
            assert_eq!(client.run_all(&["SELECT 3", "TTL there", "SELECT 0"]), "+OK\r\n:100\r\n+OK\r\n");
        }
    }
}

#[test]
fn what_expired_within_a_run_that_fails_goes_later_and_the_journal_tells_of_it_once() {
    let server = TestServer::new();
    let client = server.connect();
    client.send("SET k 1 PX 10");
    server.advance(Duration::from_millis(20));
    let _ = client.read();
    assert!(exec(&client, "MULTI ATOMIC", &["SET k 2", "LPUSH k x"]).starts_with("-EXECABORT "));
    assert_eq!(client.run("EXISTS k"), ":0\r\n");
    server.upkeep();
    assert_eq!(client.run("DBSIZE"), ":0\r\n");
    let lines = server.journal_lines();
    assert_eq!(lines.iter().filter(|line| *line == "DEL k").count(), 1, "{lines:?}");
    assert!(!lines.iter().any(|line| line == "SET k 2"));
}
