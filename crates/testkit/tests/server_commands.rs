//! Commands about the server itself: the slow log, the latency monitor, roles, the end.

use std::time::Duration;

use spinel_engine::config::ProtectedAction;
use spinel_testkit::{TestClient, TestServer};

#[test]
fn wait_gives_up_at_its_time_and_counts_no_replica() {
    let server = TestServer::new();
    let client = server.connect();
    assert_eq!(client.run("WAIT 0 0"), ":0\r\n");
    assert_eq!(client.run("WAIT 1 200"), "");
    server.advance(Duration::from_millis(199));
    assert!(client.is_waiting());
    server.advance(Duration::from_millis(1));
    assert_eq!(client.read(), ":0\r\n");
    assert_eq!(client.run_all(&["MULTI", "WAIT 1 0", "EXEC"]).lines().last(), Some(":0"));
    assert_eq!(client.run("WAIT 1 -1"), "-ERR timeout is negative\r\n");
    assert_eq!(client.run("WAIT x y"), "-ERR value is not an integer or out of range\r\n");
}

#[test]
fn a_client_that_waits_for_replicas_can_be_unblocked() {
    let server = TestServer::new();
    let (client, other) = (server.connect(), server.connect());
    let id = client.run("CLIENT ID").trim_start_matches(':').trim_end().to_owned();
    for (how, reply) in
        [("TIMEOUT", ":0\r\n"), ("ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")]
    {
        assert_eq!(client.run("WAIT 1 0"), "");
        assert!(other.run("INFO clients").contains("blocked_clients:1\r\n"));
        assert_eq!(other.run(&format!("CLIENT UNBLOCK {id} {how}")), ":1\r\n");
        assert_eq!(client.read(), reply);
        assert!(other.run("INFO clients").contains("blocked_clients:0\r\n"));
    }
}

#[test]
fn a_primary_stays_one_and_cannot_become_a_replica() {
    let server = TestServer::new();
    let client = server.connect();
    assert_eq!(client.run("REPLICAOF NO ONE"), "+OK\r\n");
    assert_eq!(client.run("SLAVEOF no one"), "+OK\r\n");
    assert_eq!(client.run("REPLICAOF host port"), "-ERR Invalid master port\r\n");
    assert!(client.run("REPLICAOF host 6379").starts_with("-ERR this server cannot be a replica"));
    assert_eq!(client.run("ROLE"), "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
}

#[test]
fn a_server_that_is_no_part_of_a_cluster_says_so() {
    let server = TestServer::new();
    let client = server.connect();
    for line in ["CLUSTER INFO", "cluster slots", "CLUSTER KEYSLOT k", "READONLY", "READWRITE", "ASKING"] {
        assert_eq!(client.run(line), "-ERR This instance has cluster support disabled\r\n", "{line}");
    }
    assert_eq!(client.run("CLUSTER none"), "-ERR unknown subcommand 'none'. Try CLUSTER HELP.\r\n");
    assert_eq!(client.run("CLUSTER"), "-ERR wrong number of arguments for 'cluster' command\r\n");
    assert_eq!(client.run("READONLY x"), "-ERR wrong number of arguments for 'readonly' command\r\n");
}

#[test]
fn the_slow_log_keeps_the_newest_and_gives_as_many_as_are_wanted() {
    let server = TestServer::with(|settings| {
        settings.observation.slowlog_log_slower_than_us = 0;
        settings.observation.slowlog_max_len = 12;
    });
    let client = server.connect();
    client.send("CLIENT SETNAME me");
    for number in 0..20 {
        client.send(&format!("ECHO {number}"));
    }
    let _ = client.read();
    assert_eq!(client.run("SLOWLOG LEN"), ":12\r\n");
    assert!(client.run("SLOWLOG GET").starts_with("*10\r\n"));
    assert!(client.run("SLOWLOG GET -1").starts_with("*12\r\n"));
    let newest = client.run("SLOWLOG GET 1");
    assert!(newest.contains("$7\r\nSLOWLOG\r\n$3\r\nGET\r\n$2\r\n-1\r\n"), "{newest}");
    assert!(newest.ends_with("$2\r\nme\r\n"), "{newest}");
    let refused = "-ERR count should be greater than or equal to -1\r\n";
    assert_eq!((client.run("SLOWLOG GET -2"), client.run("SLOWLOG GET x")), (refused.into(), refused.into()));
    assert_eq!(client.run("SLOWLOG RESET"), "+OK\r\n");
    assert_eq!(client.run("SLOWLOG LEN"), ":1\r\n");
}

/// The names of the clients that `CLIENT LIST` shows with a filter.
fn listed(client: &TestClient, filter: &str) -> String {
    let reply = client.run(&format!("CLIENT LIST {filter}"));
    if reply.starts_with('-') {
        return reply.trim_end().to_owned();
    }
    let names = reply.lines().filter_map(|line| line.split_once(" name=")?.1.split(' ').next());
    names.map(|name| if name.is_empty() { "?" } else { name }).collect::<Vec<_>>().join(" ")
}

/// Clients of all kinds, each with a name that says what is its own. All were silent for five seconds, but for the first.
fn clients_of_all_kinds(server: &TestServer) -> Vec<TestClient> {
    let names = ["me", "lib", "db", "multi", "sub", "spared", "capa", "blocked", ""];
    let clients: Vec<TestClient> = names.iter().map(|_| server.connect()).collect();
    for (client, name) in clients.iter().zip(names) {
        client.send(&format!("CLIENT SETNAME \"{name}\""));
    }
    for (at, line) in [
        (1, "CLIENT SETINFO LIB-NAME jedis"),
        (1, "CLIENT SETINFO LIB-VER 1.0"),
        (2, "SELECT 3"),
        (2, "CLIENT SETINFO LIB-NAME jedis"),
        (3, "MULTI"),
        (4, "SUBSCRIBE c"),
        (5, "CLIENT NO-EVICT ON"),
        (5, "CLIENT NO-TOUCH ON"),
        (6, "CLIENT CAPA other redirect"),
        (7, "BLPOP none 0"),
    ] {
        clients[at].send(line);
    }
    server.advance(Duration::from_secs(5));
    let _ = clients[0].run("PING");
    clients
}

/// As Valkey 9.1 answers, and Redis 7.0.15 where it knows the filter.
#[test]
fn clients_are_listed_by_filters_that_must_all_fit() {
    let server = TestServer::sized(1, 1);
    let clients = clients_of_all_kinds(&server);
    for (filter, found) in [
        ("NAME lib", "lib"),
        ("NAME \"\"", ""),
        ("NOT-NAME me TYPE normal DB 0 FLAGS N", "lib capa ?"),
        ("lib-name jedis", "lib db"),
        ("LIB-NAME jedis LIB-VER 1.0", "lib"),
        ("NOT-LIB-NAME jedis FLAGS N", "me capa ?"),
        ("LIB-NAME jedis NOT-LIB-VER 1.0", "db"),
        ("DB 3", "db"),
        ("DB 1 DB 3", "db"),
        ("FLAGS x", "multi"),
        ("FLAGS P", "sub"),
        ("FLAGS b", "blocked"),
        ("FLAGS eT", "spared"),
        ("FLAGS xP", ""),
        ("NOT-FLAGS N", "multi sub spared blocked"),
        ("NOT-FLAGS \"\"", ""),
        ("CAPA r", "capa"),
        ("NOT-CAPA r FLAGS N DB 0", "me lib ?"),
        ("IP 127.0.0.1 FLAGS x", "multi"),
        ("IP 127.0.0", ""),
        ("NOT-IP 127.0.0.1", ""),
        ("ADDR 127.0.0.1:40003", "multi"),
        ("NOT-LADDR 127.0.0.1:6379", ""),
        ("NOT-TYPE normal", "sub"),
        ("TYPE primary", ""),
        ("NOT-USER default", ""),
        ("SKIPME yes DB 0 FLAGS N", "lib capa ?"),
        ("IDLE 5 FLAGS N", "lib db capa ?"),
        ("IDLE 6", ""),
        ("MAXAGE 5 FLAGS x", "multi"),
        ("ID 3 1", "db me"),
        ("ID 3 1 NOT-NAME db", "me"),
        ("ID 3 ID 1", "me db"),
        ("NOT-ID 1 2 3 FLAGS N", "capa ?"),
        ("NAME me ID", ""),
        ("NAME me NOT-ID", "me"),
    ] {
        assert_eq!(listed(&clients[0], filter), found, "{filter}");
    }
}

/// As Valkey 9.1 answers, and Redis 7.0.15 where it knows the filter.
#[test]
fn filters_that_are_wrong_are_told_apart() {
    let server = TestServer::new();
    let client = server.connect();
    for (filter, error) in [
        ("DB 16", "-ERR DB number should be between 0 and 15"),
        ("NOT-DB -1", "-ERR NOT-DB number should be between 0 and 15"),
        ("NOT-DB x", "-ERR NOT-DB is not an integer or out of range"),
        ("DB 99999999999", "-ERR DB is not an integer or out of range"),
        ("FLAGS NZ", "-ERR Unknown flags found in the provided filter: NZ"),
        ("NOT-FLAGS Z", "-ERR Unknown flags found in the NOT-FLAGS filter: Z"),
        ("CAPA x", "-ERR Unknown capa found in the provided filter: x"),
        ("NOT-CAPA x", "-ERR Unknown capa found in the NOT-CAPA filter: x"),
        ("NOT-TYPE none", "-ERR Unknown client type 'none'"),
        ("USER none", "-ERR No such user 'none'"),
        ("SKIPME x", "-ERR syntax error"),
        ("IDLE 0", "-ERR idle should be greater than 0"),
        ("MAXAGE x", "-ERR maxage is not an integer or out of range"),
        ("ID 3 x", "-ERR Invalid client ID"),
        ("NOT-ID 0", "-ERR client-id should be greater than 0"),
        ("NAME", "-ERR syntax error"),
        ("NAME me NAME", "-ERR syntax error"),
        ("NOT-SKIPME yes", "-ERR syntax error"),
    ] {
        assert_eq!(listed(&client, filter), error, "{filter}");
    }
}

/// As Valkey 9.1 answers, and Redis 7.0.15 where it knows the filter.
#[test]
fn clients_are_closed_by_filters_that_must_all_fit() {
    let server = TestServer::sized(1, 1);
    let clients = clients_of_all_kinds(&server);
    let me = &clients[0];
    for (filter, reply) in [
        ("ID x", "-ERR client-id should be greater than 0\r\n"),
        ("NAME x ID", "-ERR syntax error\r\n"),
        ("NAME me", ":0\r\n"),
        ("FLAGS b", ":1\r\n"),
        ("ID 2 3 NOT-DB 3", ":1\r\n"),
        ("ID 6 ID 7", ":1\r\n"),
        ("NOT-TYPE pubsub NOT-NAME spared", ":3\r\n"),
    ] {
        assert_eq!(me.run(&format!("CLIENT KILL {filter}")), reply, "{filter}");
    }
    assert_eq!(listed(me, ""), "me sub spared");
}

/// Values and errors are those of Valkey 9.1.
#[test]
fn large_requests_and_replies_are_listed_with_their_bytes() {
    let server = TestServer::with(|settings| {
        settings.observation.large_request_bytes = 1000;
        settings.observation.large_request_max_len = 2;
        settings.observation.large_reply_bytes = 1000;
        settings.observation.large_reply_max_len = 3;
    });
    let client = server.connect();
    let newest = |log: &str| {
        let entries = client.run(&format!("COMMANDLOG GET 1 {log}"));
        let mut lines = entries.lines().skip(2).map(str::to_owned);
        (lines.next().unwrap_or_default(), lines.nth(1).unwrap_or_default())
    };
    let entry = |number: u64, bytes: u64| (format!(":{number}"), format!(":{bytes}"));
    let value = "x".repeat(1000);
    client.send("CLIENT SETNAME me");
    client.send(&format!("SET k {value}"));
    client.send(&format!("SET other {}", "y".repeat(964)));
    let _ = client.read();
    assert_eq!(newest("large-request"), entry(0, 1029));
    client.send(&format!("SET other {}", "y".repeat(968)));
    let _ = client.read();
    assert_eq!(newest("LARGE-REQUEST"), entry(1, 1000));
    assert_eq!(client.run("COMMANDLOG LEN large-reply"), ":0\r\n");
    let _ = client.run("GET k");
    assert_eq!(newest("large-reply"), entry(0, 1009));
    let shown = client.run("COMMANDLOG GET -1 large-reply");
    assert!(
        shown.ends_with("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n$15\r\n127.0.0.1:40000\r\n$2\r\nme\r\n"),
        "{shown}"
    );
    let _ = client.run_all(&["MULTI", &format!("SET k {value}"), "GET k", "EXEC"]);
    assert_eq!((newest("large-reply"), newest("large-request")), (entry(1, 1009), entry(1, 1000)));
    let waiting = server.connect();
    assert_eq!(waiting.run("BLPOP l 0"), "");
    let _ = client.run(&format!("RPUSH l {value}"));
    assert_eq!(newest("large-reply"), entry(2, 1020));
    let _ = client.run("EVAL \"return redis.call('GET', 'k')\" 0");
    assert!(client.run("COMMANDLOG GET 1 large-reply").contains("EVAL"));
    let _ = client.run("CONFIG SET commandlog-large-reply-max-len 1");
    assert_eq!(client.run("COMMANDLOG LEN large-reply"), ":1\r\n");
    assert_eq!(client.run("COMMANDLOG RESET large-reply"), "+OK\r\n");
    for off in ["commandlog-large-reply-max-len 0", "commandlog-reply-larger-than -1"] {
        let _ = client.run_all(&[
            "CONFIG SET commandlog-large-reply-max-len 1",
            &format!("CONFIG SET {off}"),
            "GET k",
        ]);
        assert_eq!(client.run("COMMANDLOG LEN large-reply"), ":0\r\n", "{off}");
    }
    let _ = client.run(&format!("AUTH {value}"));
    assert!(client.run("COMMANDLOG GET 1 large-request").contains("$10\r\n(redacted)\r\n"));
    assert_eq!(client.run("COMMANDLOG LEN large-request"), ":2\r\n");
}

/// As Valkey 9.1 answers.
#[test]
fn the_logs_of_commands_are_named_and_counted_in_the_right_way() {
    let server = TestServer::with(|settings| settings.observation.slowlog_log_slower_than_us = 0);
    let client = server.connect();
    let bad_count = "-ERR count should be greater than or equal to -1\r\n";
    let bad_type = "-ERR type should be one of the following: slow, large-request, large-reply\r\n";
    let arity = |name: &str| format!("-ERR wrong number of arguments for '{name}' command\r\n");
    for (line, reply) in [
        ("COMMANDLOG", arity("commandlog")),
        ("COMMANDLOG GET 1", arity("commandlog|get")),
        ("COMMANDLOG GET 1 slow x", arity("commandlog|get")),
        ("COMMANDLOG GET x foo", bad_count.to_owned()),
        ("COMMANDLOG GET -2 slow", bad_count.to_owned()),
        ("COMMANDLOG GET 1 foo", bad_type.to_owned()),
        ("COMMANDLOG LEN", arity("commandlog|len")),
        ("COMMANDLOG LEN foo", bad_type.to_owned()),
        ("COMMANDLOG RESET", arity("commandlog|reset")),
        ("COMMANDLOG RESET foo", bad_type.to_owned()),
        ("COMMANDLOG none", "-ERR unknown subcommand 'none'. Try COMMANDLOG HELP.\r\n".to_owned()),
        ("COMMANDLOG GET 0 Large-Reply", "*0\r\n".to_owned()),
    ] {
        assert_eq!(client.run(line), reply, "{line}");
    }
    assert!(client.run("COMMANDLOG HELP").starts_with("*16\r\n+COMMANDLOG <subcommand>"));
    assert_eq!(client.run("COMMANDLOG RESET slow"), "+OK\r\n");
    assert_eq!(
        (client.run("SLOWLOG LEN"), client.run("COMMANDLOG LEN slow")),
        (":1\r\n".into(), ":2\r\n".into())
    );
    let newest = client.run("COMMANDLOG GET 1 slow");
    assert!(newest.contains("$10\r\nCOMMANDLOG\r\n$3\r\nLEN\r\n$4\r\nslow\r\n"), "{newest}");
}

#[test]
fn a_slow_command_is_a_latency_event_until_it_is_reset() {
    let server = TestServer::with(|settings| settings.observation.latency_monitor_threshold_ms = 50);
    let client = server.connect();
    assert_eq!(client.run("LATENCY LATEST"), "*0\r\n");
    client.send("DEBUG SLEEP 0.1");
    let _ = client.read();
    let latest = client.run("LATENCY LATEST");
    assert!(latest.starts_with("*1\r\n*4\r\n$7\r\ncommand\r\n"), "{latest}");
    assert!(client.run("LATENCY HISTORY command").starts_with("*1\r\n*2\r\n"));
    assert!(client.run("LATENCY GRAPH command").contains("command - high 1"));
    assert_eq!(client.run("LATENCY GRAPH fork"), "-ERR No samples available for event 'fork'\r\n");
    assert_eq!(client.run("LATENCY RESET fork"), ":0\r\n");
    assert_eq!(client.run("LATENCY RESET fork COMMAND"), ":1\r\n");
    assert_eq!(client.run("LATENCY HISTORY command"), "*0\r\n");
}

#[test]
fn histograms_are_given_for_commands_that_ran_and_for_all_subcommands_of_a_container() {
    let server = TestServer::new();
    let client = server.connect();
    client.send("CONFIG RESETSTAT");
    client.send("SET a b");
    client.send("CONFIG GET hz");
    let _ = client.read();
    assert_eq!(client.run("LATENCY HISTOGRAM get nosuch"), "*0\r\n");
    let of_set = client.run("LATENCY HISTOGRAM set");
    assert!(of_set.starts_with("*2\r\n$3\r\nset\r\n*4\r\n$5\r\ncalls\r\n:1\r\n"), "{of_set}");
    let of_config = client.run("LATENCY HISTOGRAM config");
    assert!(of_config.contains("config|get") && of_config.contains("config|resetstat"), "{of_config}");
}

#[test]
fn shutdown_ends_the_server_unless_it_is_to_save_what_cannot_be_saved() {
    let server = TestServer::new();
    let client = server.connect();
    assert_eq!(client.run("SHUTDOWN ABORT"), "-ERR No shutdown in progress.\r\n");
    assert_eq!(client.run("SHUTDOWN SAVE"), "-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    assert!(server.log_lines().iter().any(|line| line.contains("can't exit")));
    assert!(!server.engine().is_shutting_down());
    assert_eq!(client.run("SHUTDOWN SAVE FORCE"), "");
    assert!(server.engine().is_shutting_down());
}

#[test]
fn a_planned_shutdown_can_be_called_off_until_the_upkeep_takes_it_up() {
    let server = TestServer::new();
    let client = server.connect();
    server.engine().plan_shutdown(Default::default());
    assert_eq!(client.run("SHUTDOWN ABORT"), "+OK\r\n");
    server.upkeep();
    assert!(!server.engine().is_shutting_down());
    server.engine().plan_shutdown(Default::default());
    server.upkeep();
    assert!(server.engine().is_shutting_down());
}

#[test]
fn the_clock_is_told() {
    let server = TestServer::new();
    let client = server.connect();
    let before = client.run("TIME");
    server.advance(Duration::from_secs(5));
    assert_ne!(client.run("TIME"), before);
}

#[test]
fn output_that_no_client_reads_is_counted_beyond_what_every_client_has_room_for() {
    use spinel_engine::clients::counted_output;
    assert_eq!((counted_output(16 * 1024), counted_output(16 * 1024 + 1)), (0, 16 * 1024 + 1));
}

#[test]
fn the_rules_of_the_default_user_tell_the_digest_of_its_password() {
    let server = TestServer::new();
    let client = server.connect();
    assert_eq!(client.run("ACL LIST"), "*1\r\n$34\r\nuser default on nopass ~* &* +@all\r\n");
    assert_eq!(client.run("ACL GETUSER nobody"), "$-1\r\n");
    assert!(
        client.run("ACL GETUSER default").starts_with("*12\r\n$5\r\nflags\r\n*2\r\n$2\r\non\r\n$6\r\nnopass")
    );
    client.send("CONFIG SET requirepass foo");
    let _ = client.read();
    let digest = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    assert!(client.run("ACL LIST").contains(&format!("user default on #{digest} ~* &* +@all")));
    assert!(
        client
            .run("ACL GETUSER default")
            .contains(&format!("*1\r\n$2\r\non\r\n$9\r\npasswords\r\n*1\r\n$64\r\n{digest}"))
    );
}

#[test]
fn what_is_being_loaded_from_does_not_move_meanwhile() {
    let server =
        TestServer::with(|settings| settings.security.enable_protected_configs = ProtectedAction::Yes);
    let client = server.connect();
    server.engine().begin_loading();
    for pair in ["dir /", "appendonly yes", "loglevel debug dir /"] {
        let reply = client.run(&format!("CONFIG SET {pair}"));
        assert_eq!(reply, "-LOADING Redis is loading the dataset in memory\r\n");
    }
    assert_eq!(client.run("CONFIG SET loglevel debug"), "+OK\r\n");
}

#[test]
fn clients_are_told_the_availability_zone_if_it_is_set() {
    let server = TestServer::new();
    let client = server.connect();
    assert!(client.run("HELLO").starts_with("*14\r\n"));
    assert!(!client.run("INFO server").contains("availability_zone"));
    assert_eq!(client.run("CONFIG SET availability-zone zone-1"), "+OK\r\n");
    let hello = client.run("HELLO");
    assert!(hello.starts_with("*16\r\n"), "{hello}");
    assert!(
        hello.ends_with("$7\r\nmodules\r\n*0\r\n$17\r\navailability_zone\r\n$6\r\nzone-1\r\n"),
        "{hello}"
    );
    assert!(client.run("HELLO 3").starts_with("%8\r\n"));
    assert!(client.run("INFO server").contains("\r\navailability_zone:zone-1\r\n"));
}

#[test]
fn the_log_has_the_names_that_clients_chose_unless_they_are_to_be_hidden() {
    let server = TestServer::new();
    let client = server.connect();
    assert_eq!(client.run("CLIENT SETNAME bob"), "+OK\r\n");
    let told = || {
        let engine = server.engine();
        engine.describe_for_log(&engine.clients.list()[0])
    };
    assert!(told().contains(" name=bob ") && told().contains(" user=default "), "{}", told());
    assert_eq!(client.run("CONFIG SET hide-user-data-from-log yes"), "+OK\r\n");
    assert!(told().contains(" name=*redacted* ") && told().contains(" user=*redacted* "), "{}", told());
    assert!(client.run("CLIENT INFO").contains(" name=bob "));
}

#[test]
fn what_runs_in_a_transaction_is_exec_to_whoever_looks() {
    let server = TestServer::new();
    let client = server.connect();
    assert_eq!(client.run_all(&["MULTI", "CLIENT INFO", "CLIENT LIST"]), "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    let reply = client.run("EXEC");
    assert_eq!(reply.matches(" cmd=exec ").count(), 2, "{reply}");
    assert!(client.run("CLIENT INFO").contains(" cmd=client|info "));
}

#[test]
fn the_keys_of_a_call_are_all_there() {
    let server = TestServer::new();
    let client = server.connect();
    for line in ["MIGRATE h 1 k 0 10", "MIGRATE h 1  0 10 KEYS k"] {
        let reply = client.run_words(format!("COMMAND GETKEYSANDFLAGS {line}").split(' '));
        let expected = "*1\r\n*2\r\n$1\r\nk\r\n*3\r\n+RW\r\n+access\r\n+delete\r\n";
        assert_eq!(reply, expected, "{line}");
    }
    assert!(client.run("COMMAND INFO MIGRATE").contains("incomplete"));
}
