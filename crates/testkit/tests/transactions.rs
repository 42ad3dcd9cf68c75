//! MULTI, EXEC and WATCH as connections see them.

use std::time::Duration;

use spinel_testkit::TestServer;

const ABORTED: &str = "*-1\r\n";

/// The small and the large shape of the server.
fn servers() -> [TestServer; 2] {
    [TestServer::sized(1, 1), TestServer::sized(64, 4)]
}

#[test]
fn exec_answers_every_command_and_records_one_transaction() {
    for server in servers() {
        let client = server.connect();
        let replies = client.run_all(&["MULTI", "SET a 1", "INCR a", "LPUSH a x", "GET a", "EXEC"]);
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
        let queued = "+QUEUED\r\n".repeat(4);
        assert_eq!(replies, format!("+OK\r\n{queued}*4\r\n+OK\r\n:2\r\n{wrong}$1\r\n2\r\n"));
        assert_eq!(server.journal_lines(), ["MULTI", "SET a 1", "INCR a", "EXEC"]);
    }
}

#[test]
fn a_transaction_with_a_single_change_is_recorded_as_that_change() {
    for server in servers() {
        let (client, waiting) = (server.connect(), server.connect());
        let _ = client.run_all(&["MULTI", "GET a", "SELECT 1", "SET a 1", "DEL none", "EXEC"]);
        let entry = &server.journal()[0];
        assert_eq!((entry.db.0, entry.text()), (1, "SET a 1".to_owned()));
        waiting.send("BLPOP l 0");
        let _ = client.run_all(&["SELECT 0", "MULTI", "RPUSH l x y", "EXEC"]);
        assert_eq!(server.journal_lines()[1..], ["RPUSH l x y", "LPOP l"]);
        let _ = client.run_all(&["MULTI", "MOVE l 2", "SET b 1", "EXEC"]);
        assert_eq!(server.journal_lines()[3..], ["MULTI", "MOVE l 2", "SET b 1", "EXEC"]);
    }
}

#[test]
fn a_transaction_that_only_reads_records_nothing() {
    let server = TestServer::new();
    let client = server.connect();
    assert_eq!(client.run_all(&["MULTI", "GET a", "EXEC"]), "+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n");
    assert_eq!(server.journal(), []);
}

#[test]
fn a_refused_command_breaks_the_transaction() {
    let server = TestServer::new();
    let client = server.connect();
    client.send("MULTI");
    client.send("GET");
    client.send("SET a 1");
    let aborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";
    assert!(client.run("EXEC").ends_with(aborted));
    assert_eq!(client.run("EXISTS a"), ":0\r\n");
}

#[test]
fn a_watched_key_that_another_changes_aborts() {
    let changes = [
        "SET k 2",
        "DEL k",
        "UNLINK k",
        "EXPIRE k 100",
        "RENAME k other",
        "RENAME other k",
        "COPY other k REPLACE",
        "MOVE k 1",
        "FLUSHDB",
        "FLUSHALL",
        "SWAPDB 0 1",
        "APPEND k x",
        "GETDEL k",
    ];
    for server in servers() {
        for change in changes {
            let (mine, others) = (server.connect(), server.connect());
            others.send("FLUSHALL");
            others.send("MSET k 1 other 1");
            mine.send("WATCH k");
            others.send(change);
            mine.send("MULTI");
            mine.send("PING");
            let _ = mine.read();
            assert_eq!(mine.run("EXEC"), ABORTED, "{change}");
        }
    }
}

#[test]
fn what_leaves_a_watched_key_as_it_is_does_not_abort() {
    for server in servers() {
        for neighbour in
            ["GET k", "EXPIRE none 10", "DEL none", "SET other 1", "SETNX k 5", "TOUCH k", "SADD s x"]
        {
            let (mine, others) = (server.connect(), server.connect());
            others.send("FLUSHALL");
            others.send("SET k 1");
            mine.send("WATCH k none");
            others.send(neighbour);
            mine.send("MULTI");
            mine.send("PING");
            let _ = mine.read();
            assert_eq!(mine.run("EXEC"), "*1\r\n+PONG\r\n", "{neighbour}");
        }
    }
}

#[test]
fn a_watched_key_that_expires_aborts() {
    for removed_first in [false, true] {
        let server = TestServer::new();
        let (mine, others) = (server.connect(), server.connect());
        others.send("SET k 1 PX 100");
        mine.send("WATCH k");
        server.advance(Duration::from_millis(120));
        if removed_first {
            server.upkeep();
        }
        mine.send("MULTI");
        mine.send("PING");
        let _ = mine.read();
        assert_eq!(mine.run("EXEC"), ABORTED);
    }
}

#[test]
fn a_key_that_had_expired_before_it_was_watched_does_not_abort() {
    let server = TestServer::new();
    let (mine, others) = (server.connect(), server.connect());
    others.send("DEBUG SET-ACTIVE-EXPIRE 0");
    others.send("SET k 1 PX 100");
    server.advance(Duration::from_millis(120));
    mine.send("WATCH k");
    assert_eq!(others.run("GET k"), "+OK\r\n+OK\r\n$-1\r\n");
    mine.send("MULTI");
    mine.send("PING");
    let _ = mine.read();
    assert_eq!(mine.run("EXEC"), "*1\r\n+PONG\r\n");
}

#[test]
fn flushing_without_the_watched_key_does_not_abort() {
    let server = TestServer::new();
    let (mine, others) = (server.connect(), server.connect());
    for flush in ["FLUSHDB", "FLUSHALL", "SWAPDB 0 1"] {
        mine.send("WATCH k");
        others.send("SET other 1");
        others.send(flush);
        mine.send("MULTI");
        mine.send("PING");
        let _ = mine.read();
        assert_eq!(mine.run("EXEC"), "*1\r\n+PONG\r\n", "{flush}");
    }
}

#[test]
fn a_watch_ends_with_exec_discard_unwatch_and_reset() {
    let server = TestServer::new();
    let (mine, others) = (server.connect(), server.connect());
    for end in [&["MULTI", "EXEC"][..], &["MULTI", "DISCARD"], &["UNWATCH"], &["RESET"]] {
        mine.send("WATCH k");
        others.send("INCR k");
        end.iter().for_each(|line| mine.send(line));
        mine.send("MULTI");
        mine.send("PING");
        let _ = mine.read();
        assert_eq!(mine.run("EXEC"), "*1\r\n+PONG\r\n", "{end:?}");
    }
}

#[test]
fn a_blocking_command_does_not_block_inside_a_transaction() {
    let server = TestServer::new();
    let client = server.connect();
    client.send("MULTI");
    client.send("BLPOP l 0");
    client.send("BZPOPMIN z 0");
    client.send("BLMOVE l m LEFT LEFT 0");
    let _ = client.read();
    assert_eq!(client.run("EXEC"), "*3\r\n*-1\r\n*-1\r\n$-1\r\n");
}

#[test]
fn waiting_clients_are_served_behind_the_whole_transaction() {
    for server in servers() {
        let (waiting, pushing) = (server.connect(), server.connect());
        waiting.send("BLPOP l 0");
        pushing.send("MULTI");
        pushing.send("RPUSH l a b c");
        pushing.send("LPOP l");
        pushing.send("LLEN l");
        let _ = pushing.read();
        assert_eq!(pushing.run("EXEC"), "*3\r\n:3\r\n$1\r\na\r\n:2\r\n");
        assert_eq!(waiting.read(), "*2\r\n$1\r\nl\r\n$1\r\nb\r\n");
    }
}

#[test]
fn no_time_passes_within_a_transaction_or_a_script() {
    for server in servers() {
        let client = server.connect();
        let _ = client.run_all(&["MULTI", "TIME", "DEBUG SLEEP 0.01", "TIME"]);
        let replies = client.run("EXEC");
        let [first, second] = [&replies["*3\r\n".len()..], &replies[replies.rfind("*2").expect("a time")..]];
        assert!(first.starts_with(second), "{replies}");
        assert_eq!(client.run("DEBUG SET-DISABLE-DENY-SCRIPTS 1"), "+OK\r\n");
        let script = "local a = redis.call('TIME') redis.call('DEBUG', 'SLEEP', 0.01) \
                      local b = redis.call('TIME') return a[1] == b[1] and a[2] == b[2]";
        assert_eq!(client.run_words(["EVAL", script, "0"]), ":1\r\n");
    }
}

#[test]
fn info_counts_who_watches_and_what() {
    // As Redis 8.0 counts them.
    for server in servers() {
        let [first, second, other] = [server.connect(), server.connect(), server.connect()];
        let counts = || (other.info("watching_clients"), other.info("total_watched_keys"));
        let count = |clients: &str, keys: &str| (clients.to_owned(), keys.to_owned());
        assert_eq!(counts(), count("0", "0"));
        let _ = first.run_all(&["WATCH a b a", "SELECT 1", "WATCH a"]);
        let _ = second.run("WATCH a");
        assert_eq!(counts(), count("2", "3"));
        let _ = first.run_all(&["MULTI", "PING", "EXEC"]);
        assert_eq!(counts(), count("1", "1"));
        let _ = second.run("UNWATCH");
        assert_eq!(counts(), count("0", "0"));
        for ending in [&["MULTI", "DISCARD"][..], &["RESET"]] {
            let _ = first.run("WATCH a");
            assert_eq!(counts(), count("1", "1"));
            let _ = first.run_all(ending);
            assert_eq!(counts(), count("0", "0"));
        }
        let _ = first.run("SUBSCRIBE c");
        let _ = second.run("PSUBSCRIBE p");
        assert_eq!(other.info("pubsub_clients"), "2");
        let _ = second.run("PUNSUBSCRIBE");
        assert_eq!(other.info("pubsub_clients"), "1");
    }
}
