//! DEBUG through the door that connections use, on an engine without sockets.

use spinel_family::Protocol;

use crate::config::{ProtectedAction, Settings};
use crate::testing::{Peer, Server};

/// The only connection of a server.
struct Connection {
    server: Server,
    peer: Peer,
}

impl Connection {
    fn new(allowed: ProtectedAction, peer: &str) -> Self {
        let mut settings = Settings::default();
        settings.security.enable_debug_command = allowed;
        let mut server = Server::new(settings);
        let peer = server.connect(peer);
        Self { server, peer }
    }

    fn allowed() -> Self {
        Self::new(ProtectedAction::Yes, "127.0.0.1:1")
    }

    fn run(&mut self, line: &str) -> String {
        self.server.run(self.peer, line)
    }
}

#[test]
fn the_setting_says_who_may_debug() {
    let refused = "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can \
                   run it from a local connection, otherwise you need to set this option in the configuration \
                   file, and then restart the server.\r\n";
    for (allowed, peer, may) in [
        (ProtectedAction::No, "127.0.0.1:1", false),
        (ProtectedAction::Local, "127.0.0.1:1", true),
        (ProtectedAction::Local, "10.0.0.7:1", false),
        (ProtectedAction::Yes, "10.0.0.7:1", true),
    ] {
        let mut connection = Connection::new(allowed, peer);
        for line in ["DEBUG SLEEP 0", "DEBUG OBJECT a", "DEBUG DIGEST", "DEBUG NONSENSE"] {
            assert_eq!(connection.run(line) != refused, may, "{line} from {peer} with {allowed:?}");
        }
    }
}

#[test]
fn whatever_fits_no_subcommand_is_one_error() {
    let mut connection = Connection::allowed();
    for (line, word) in [
        ("DEBUG nonsense", "nonsense"),
        ("DEBUG SLEEP", "SLEEP"),
        ("DEBUG help me", "help"),
        ("DEBUG OBJECT a b", "OBJECT"),
        ("DEBUG POPULATE 1 2 3 4", "POPULATE"),
    ] {
        let error =
            format!("-ERR unknown subcommand or wrong number of arguments for '{word}'. Try DEBUG HELP.\r\n");
        assert_eq!(connection.run(line), error);
    }
    assert_eq!(connection.run("DEBUG"), "-ERR wrong number of arguments for 'debug' command\r\n");
}

#[test]
fn clients_see_a_single_command() {
    let mut connection = Connection::allowed();
    connection.run("DEBUG SLEEP 0");
    connection.run("DEBUG OBJECT a");
    connection.run("DEBUG nonsense");
    let stats = connection.run("INFO commandstats");
    let lines: Vec<_> = stats.lines().filter(|line| line.contains("debug")).collect();
    assert!(lines.len() == 1 && lines[0].starts_with("cmdstat_debug:calls=3,"), "{lines:?}");
    assert_eq!(connection.run("COMMAND LIST FILTERBY PATTERN debug*"), "*1\r\n$5\r\ndebug\r\n");
    assert!(connection.run("COMMAND INFO debug").ends_with("*0\r\n"));
    assert!(!connection.run("COMMAND DOCS debug").contains("subcommands"));
    let error = "-ERR The command has no key arguments\r\n";
    assert_eq!(connection.run("COMMAND GETKEYS DEBUG OBJECT a"), error);
}

#[test]
fn none_of_it_counts_as_a_write() {
    let mut connection = Connection::allowed();
    assert_eq!(connection.run("CLIENT PAUSE 100000 WRITE"), "+OK\r\n");
    assert_eq!(connection.run("DEBUG POPULATE 1"), "+OK\r\n");
    assert_eq!(connection.run("CONFIG SET min-replicas-to-write 1"), "+OK\r\n");
    assert_eq!(connection.run("DEBUG POPULATE 2"), "+OK\r\n");
    assert_eq!(connection.run("GET key:1"), "$7\r\nvalue:1\r\n");
}

/// The digests are those of Redis 7.0.15 for the same data.
#[test]
fn digests_are_those_of_redis() {
    let mut connection = Connection::allowed();
    assert_eq!(connection.run("DEBUG DIGEST"), format!("+{}\r\n", "0".repeat(40)));
    for line in [
        "SET i 5",
        "SET m -0",
        "RPUSH l a b 5 -7",
        "SADD s 1 2 3",
        "SADD t a b 3",
        "HSET h f v g 55",
        "ZADD z 1 a 2.5 b -0 c 1e300 d inf e 1e17 f 0.1 g",
        "PEXPIRE h 1000000",
        "SELECT 3",
        "SET i 5",
        "SELECT 0",
    ] {
        assert!(!connection.run(line).starts_with('-'), "{line}");
    }
    let compact = connection.run("DEBUG DIGEST");
    let values = connection.run("DEBUG DIGEST-VALUE i m l s t h z none");
    assert_eq!(compact, "+42a36b1a80c5d39ba5d22afada72828b21a4420f\r\n");
    let expected = [
        "f8c2498ca74cdde7d02de23246736a661485b50e",
        "e0600d2d16ffd1e26d9d7a86abf93583ae69b961",
        "98199ffa2be3e3eb34930bdbef74f482491fce05",
        "2a462a3f51a1db89738ebbeef0c47ce1bbc85246",
        "aa475a4a8f122ca5936aa41d911aacf8c93b827d",
        "d36670797c1740399830b9e42d23dd6ca6f88d1e",
        "93b2f318f4283c9f959d144f2ba79216faaf7f74",
        "0000000000000000000000000000000000000000",
    ];
    assert_eq!(values, format!("*8\r\n{}", expected.map(|digest| format!("+{digest}\r\n")).concat()));
}

#[test]
fn digests_do_not_depend_on_encodings() {
    let mut connection = Connection::allowed();
    let fill = |connection: &mut Connection| {
        for line in ["SADD s 1 2 3", "HSET h f v g 55", "ZADD z 1 a 2.5 b 1e17 c", "RPUSH l a 12 b"] {
            connection.run(line);
        }
        connection.run("DEBUG DIGEST")
    };
    let compact = fill(&mut connection);
    connection.run("FLUSHALL");
    for line in [
        "CONFIG SET set-max-intset-entries 0 hash-max-listpack-entries 0 zset-max-listpack-entries 0",
        "DEBUG QUICKLIST-PACKED-THRESHOLD 1b",
    ] {
        assert_eq!(connection.run(line), "+OK\r\n");
    }
    assert_eq!(fill(&mut connection), compact);
}

#[test]
fn populate_creates_what_is_not_there() {
    let mut connection = Connection::allowed();
    connection.run("SET key:1 mine");
    assert_eq!(connection.run("DEBUG POPULATE 3"), "+OK\r\n");
    assert_eq!(
        connection.run("MGET key:0 key:1 key:2"),
        "*3\r\n$7\r\nvalue:0\r\n$4\r\nmine\r\n$7\r\nvalue:2\r\n"
    );
    connection.run("DEBUG POPULATE 2 short 3");
    assert_eq!(connection.run("GET short:1"), "$3\r\nval\r\n");
    connection.run("DEBUG POPULATE 2 long 9");
    assert_eq!(connection.run("GET long:1"), "$9\r\nvalue:1\0\0\r\n");
    assert_eq!(connection.run("DBSIZE"), ":7\r\n");
    assert_eq!(connection.run("DEBUG POPULATE x"), "-ERR value is out of range, must be positive\r\n");
}

#[test]
fn subcommands_that_reach_data_run_inside_transactions() {
    let mut connection = Connection::allowed();
    for line in
        ["MULTI", "RPUSH l a b", "DEBUG OBJECT l", "DEBUG POPULATE 1", "DEBUG DIGEST", "DEBUG SLEEP 0"]
    {
        connection.run(line);
    }
    let replies = connection.run("EXEC");
    assert!(replies.starts_with("*5\r\n:2\r\n+Value at:"), "{replies}");
    assert!(
        replies.contains(" encoding:quicklist serializedlength:") && replies.ends_with("+OK\r\n"),
        "{replies}"
    );
    assert_eq!(connection.run("GET key:0"), "$7\r\nvalue:0\r\n");
}

#[test]
fn nodes_of_lists_are_told() {
    let mut connection = Connection::allowed();
    connection.run("DEBUG QUICKLIST-PACKED-THRESHOLD 3b");
    connection.run("RPUSH l a b long c");
    let line = connection.run("DEBUG OBJECT l");
    assert!(line.contains(" ql_nodes:3 ql_avg_node:1.33 ql_listpack_max:-2 "), "{line}");
    let error = connection.run("DEBUG QUICKLIST-PACKED-THRESHOLD 5gb");
    assert_eq!(error, "-ERR argument must be a memory value bigger than 1 and smaller than 4gb\r\n");
}

#[test]
fn hash_tables_tell_their_chains() {
    let mut connection = Connection::allowed();
    connection.run("DEBUG POPULATE 1000");
    let text = connection.run("DEBUG HTSTATS 0");
    assert!(text.contains(" number of elements: 1000\n"), "{text}");
    assert!(connection.run("DEBUG HTSTATS 1").contains("No stats available for empty dictionaries\n"));
    connection.run("SADD s a b c");
    assert!(connection.run("DEBUG HTSTATS-KEY s").contains(" number of elements: 3\n"));
    let error = "-ERR The value stored at the specified key is not represented using an hash table\r\n";
    assert_eq!(connection.run("DEBUG HTSTATS-KEY key:1"), error);
}

#[test]
fn every_type_of_reply_can_be_had() {
    let mut connection = Connection::allowed();
    assert_eq!(connection.run("DEBUG PROTOCOL map"), "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n");
    connection.server.session(connection.peer).set_protocol(Protocol::Resp3);
    for (kind, reply) in [
        ("bignum", "(1234567999999999999999999999999999999\r\n"),
        ("map", "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n"),
        (
            "attrib",
            "|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n$39\r\nSome real reply following the attribute\r\n",
        ),
        ("verbatim", "=29\r\ntxt:This is a verbatim\nstring\r\n"),
    ] {
        assert_eq!(connection.run(&format!("DEBUG PROTOCOL {kind}")), reply);
    }
    assert_eq!(connection.run("DEBUG ERROR SOME\ntext"), "-SOME text\r\n");
    assert_eq!(connection.server.engine.stats.errors().total, 0);
}

#[test]
fn listpacks_show_their_elements() {
    let mut connection = Connection::allowed();
    connection.run("HSET h field 300 f2 text");
    let report = "27 bytes, 4 entries\n{0} 7 bytes, string \"field\"\n{1} 3 bytes, integer \"300\"\n\
                  {2} 4 bytes, string \"f2\"\n{3} 6 bytes, string \"text\"\n";
    assert_eq!(connection.run("DEBUG LISTPACK h"), format!("${}\r\n{report}\r\n", report.len()));
    connection.run("ZADD z 1.5 a");
    assert!(connection.run("DEBUG LISTPACK z").contains("{1} 5 bytes, string \"1.5\"\n"));
    connection.run("SET s x");
    assert_eq!(connection.run("DEBUG LISTPACK s"), "-ERR Not a listpack encoded object.\r\n");
    assert_eq!(connection.run("DEBUG LISTPACK none"), "-ERR no such key\r\n");
}
