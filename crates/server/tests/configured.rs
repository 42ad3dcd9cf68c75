//! What the configuration says of the process comes true: its log, its socket's group, the cores of its threads.

#[path = "hostile/support.rs"]
#[expect(dead_code, reason = "the hostile tests use the rest")]
mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use spinel_oracle::reference::Server;
use support::{Raw, start, wait_until};

/// The lines of the log that contain a text.
fn lines(server: &Server, text: &str) -> Vec<String> {
    server.log_tail().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

/// The cores of the threads of a process, by name.
fn cores(server: &Server) -> BTreeMap<String, String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).expect("it runs");
    let about = |task: std::io::Result<std::fs::DirEntry>| {
        let path = task.expect("an entry").path();
        let name = std::fs::read_to_string(path.join("comm")).ok()?;
        Some((name.trim().to_owned(), allowed(&std::fs::read_to_string(path.join("status")).ok()?)))
    };
    // A thread may have ended since it was listed.
    tasks.filter_map(about).collect()
}

fn allowed(status: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    line.expect("a line of the status").trim().to_owned()
}

#[test]
fn threads_keep_to_the_cores_that_they_are_given() {
    let all = allowed(&std::fs::read_to_string("/proc/thread-self/status").expect("it runs"));
    let first: String = all.chars().take_while(char::is_ascii_digit).collect();
    let last: String =
        all.chars().rev().take_while(char::is_ascii_digit).collect::<String>().chars().rev().collect();
    let lists = ["--server_cpulist", &first, "--bgsave-cpulist", &last, "--aof-rewrite-cpulist", &last];
    let server = start(&[&["--threads", "2", "--rdb-key-save-delay", "1000000"], &lists[..]].concat());
    let mut client = Raw::connect(&server);
    // Connections are taken before the loops begin.
    assert_eq!(client.ask("PING"), "+PONG");
    let cores_now = cores(&server);
    for (name, expected) in [("loop-0", &first), ("loop-1", &first), ("scripts", &first), ("helper-0", &all)]
    {
        assert_eq!(cores_now.get(name), Some(expected), "{name} of {cores_now:?}");
    }
    for i in 0..20 {
        assert_eq!(client.ask(&format!("SET {i} x")), "+OK");
    }
    for (command, name, expected) in [
        ("BGSAVE", "snapshot", &last),
        ("CONFIG SET rdb-key-save-delay 0 appendonly yes", "log-writer", &all),
    ] {
        assert!(client.ask(command).starts_with('+'), "{command}");
        wait_until(name, || cores(&server).get(name) == Some(expected));
    }
    let server = start(&["--bio-cpulist", &first, "--server-cpulist", "1023"]);
    assert_eq!(Raw::connect(&server).ask("PING"), "+PONG");
    assert_eq!(cores(&server).get("helper-1"), Some(&first));
    assert_eq!(lines(&server, "server_cpulist names no CPU").len(), 1);
}

#[test]
fn the_log_has_the_form_that_is_set() {
    let server = start(&["--log-format", "logfmt", "--log-timestamp-format", "milliseconds"]);
    let mut client = Raw::connect(&server);
    let pid = server.pid();
    let line = lines(&server, "Configuration loaded").pop().expect("the second line of every log");
    assert!(line.starts_with(&format!("pid={pid} role=primary timestamp=\"1")), "{line}");
    assert!(line.ends_with("level=warning message=\"Configuration loaded\""), "{line}");
    assert_eq!(client.ask("CONFIG SET log-format json log-timestamp-format iso8601"), "+OK");
    assert!(client.ask("CONFIG SET rdb-key-save-delay 0").starts_with('+'));
    client.line("BGSAVE");
    wait_until("a line of the snapshot", || !lines(&server, "DB saved on disk").is_empty());
    let line = lines(&server, "DB saved on disk").pop().expect("it is there");
    let head = format!("{{\"pid\":{pid},\"role\":\"primary\",\"timestamp\":\"20");
    assert!(line.starts_with(&head), "{line}");
    assert!(line.ends_with("\",\"level\":\"notice\",\"message\":\"DB saved on disk\"}"), "{line}");
}

#[test]
fn what_users_sent_is_not_in_the_log_if_it_is_to_be_hidden() {
    let server = start(&["--loglevel", "verbose", "--client-query-buffer-limit", "1mb"]);
    let mut admin = Raw::connect(&server);
    for (hides, shown, quoted) in [
        ("no", "name=bob", "Query buffer during protocol error: 'secret..'"),
        ("yes", "name=*redacted*", "Query buffer: *redacted*"),
    ] {
        assert_eq!(admin.ask(&format!("CONFIG SET hide-user-data-from-log {hides}")), "+OK");
        let mut client = Raw::connect(&server);
        assert_eq!(client.ask("CLIENT SETNAME bob"), "+OK");
        client.send(b"*1\r\nsecret\r\n");
        assert_eq!(client.until_closed(), "-ERR Protocol error: expected '$', got 's'\r\n");
        let line = lines(&server, "Protocol error").pop().expect("it is in the log");
        assert!(
            line.contains("Protocol error (expected $ but got something else) from client: id="),
            "{line}"
        );
        assert!(line.contains(shown) && line.ends_with(quoted), "{line}");

        let mut client = Raw::connect(&server);
        client.send(b"*2\r\n$3\r\nSET\r\n$100000000\r\n");
        client.send(&vec![b'y'; 3 << 20]);
        client.until_closed();
        let line = lines(&server, "max query buffer length").pop().expect("it is in the log");
        assert_eq!(line.contains("(qbuf initial bytes: \"*2\\r\\n$3\\r\\nSET"), hides == "no", "{line}");
    }
    assert!(lines(&server, "secret").len() == 1, "{}", server.log_tail());
}

#[test]
fn a_unix_socket_belongs_to_its_group() {
    // Whoever runs this may give files to this group.
    let id = rustix::process::getegid().as_raw();
    let id = if rustix::process::geteuid().is_root() { 1 } else { id };
    let groups = std::fs::read_to_string("/etc/group").expect("every system has groups");
    let is_it = |line: &&str| line.split(':').nth(2) == Some(&id.to_string());
    let line = groups.lines().find(is_it).expect("the group of whoever runs this has a name");
    let name = line.split(':').next().expect("a line has words");
    let socket = std::env::temp_dir().join(format!("spinel-group-{}", std::process::id()));
    let path = socket.to_str().expect("text");
    let server = start(&["--unixsocket", path, "--unixsocketperm", "770", "--unixsocketgroup", name]);
    // It listens on TCP before it has made the socket.
    assert_eq!(Raw::connect(&server).ask("PING"), "+PONG");
    let about = std::fs::metadata(&socket).expect("the socket");
    assert_eq!((about.gid(), about.mode() & 0o777), (id, 0o770));
    drop(server);
    let program = env!("CARGO_BIN_EXE_spinel");
    let args = ["--port", "0", "--unixsocket", path, "--unixsocketgroup", "no-such-group", "--dir", "/tmp"];
    let refused = Command::new(program).args(args).stdin(Stdio::null()).output().expect("it starts");
    let log = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(!refused.status.success());
    assert!(log.contains("Failed opening Unix socket: getgrnam error for group 'no-such-group': "), "{log}");
    assert!(!socket.exists());
}

#[test]
fn connections_that_come_at_once_are_all_accepted_however_few_in_a_turn() {
    for limit in ["1", "10", "1000"] {
        let server = start(&["--max-new-connections-per-cycle", limit, "--threads", "2"]);
        let mut clients: Vec<Raw> = (0..200).map(|_| Raw::connect(&server)).collect();
        for client in &mut clients {
            assert_eq!(client.ask("PING"), "+PONG");
        }
    }
}

#[test]
fn servers_with_the_same_seed_have_their_keys_in_the_same_order() {
    let order = |args: &[&str]| {
        let server = start(&[&["--shards", "16"], args].concat());
        let mut client = Raw::connect(&server);
        for i in 0..100 {
            assert_eq!(client.ask(&format!("SET key:{i} x")), "+OK");
        }
        client.ask("EVAL \"return table.concat(redis.call('keys', '*'), ',')\" 0")
    };
    let one = order(&["--hash-seed", "one"]);
    assert_eq!(order(&["--hash-seed", "one"]), one);
    assert_ne!(order(&["--hash-seed", "two"]), one);
    assert_ne!(order(&[]), one);
}
