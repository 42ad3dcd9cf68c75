//! What the program does under other names: links named after Redis's and Valkey's programs take their places.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Whatever takes longer than this is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until `found` is something.
fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_daemon_has_the_configuration_from_standard_input_and_the_name_of_the_link() {
    let home = std::env::temp_dir().join(format!("spinel-daemon-{}", std::process::id()));
    std::fs::create_dir_all(&home).expect("a directory");
    let [program, socket, pid_file] = ["redis-server", "socket", "pid"].map(|name| home.join(name));
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_spinel"), &program).expect("a link");
    let mut starting = Command::new(&program).arg("-").stdin(Stdio::piped()).spawn().expect("it starts");
    let configuration = format!(
        "port 0\nunixsocket {}\npidfile {}\ndir {}\nsave \"\"\nrequirepass secret\ndaemonize yes\n",
        socket.display(),
        pid_file.display(),
        home.display()
    );
    let mut stdin = starting.stdin.take().expect("it is piped");
    stdin.write_all(configuration.as_bytes()).expect("it reads");
    drop(stdin);
    assert!(starting.wait().expect("it ends").success());

    let mut client = wait_for("a server at the socket", || UnixStream::connect(&socket).ok());
    let pid = wait_for("the pid file", || {
        std::fs::read_to_string(&pid_file).ok().filter(|pid| pid.ends_with('\n'))
    });
    let about =
        |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", pid.trim())).expect("it runs");
    assert_eq!(about("comm"), "redis-server\n");
    assert!(about("cmdline").starts_with(program.to_str().expect("text")), "{}", about("cmdline"));
    client.write_all(b"PING\r\nAUTH secret\r\nPING\r\nSHUTDOWN NOSAVE\r\n").expect("it listens");
    let mut replies = String::new();
    client.read_to_string(&mut replies).expect("it closes");
    assert_eq!(replies, "-NOAUTH Authentication required.\r\n+OK\r\n+PONG\r\n");
    wait_for("its end", || (!pid_file.exists()).then_some(()));
    std::fs::remove_dir_all(&home).expect("it was made above");
}

#[test]
fn links_named_after_the_check_tools_are_these_and_none_named_after_sentinel_is_a_server() {
    let home = std::env::temp_dir().join(format!("spinel-names-{}", std::process::id()));
    std::fs::create_dir_all(&home).expect("a directory");
    let missing = home.join("missing");
    for (name, words) in [
        ("redis-check-aof", "Cannot open file "),
        ("valkey-check-aof", "Cannot open file "),
        ("redis-check-rdb", "Cannot open file "),
        ("valkey-check-rdb", "Cannot open file "),
        ("redis-sentinel", "sentinel mode is not supported"),
        ("valkey-sentinel", "sentinel mode is not supported"),
    ] {
        let program = home.join(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_spinel"), &program).expect("a link");
        let output = Command::new(&program).arg(&missing).output().expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(!output.status.success() && text.contains(words), "{name}: {text}");
    }
    std::fs::remove_dir_all(&home).expect("it was made above");
}
