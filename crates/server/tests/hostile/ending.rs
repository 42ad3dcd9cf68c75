//! A signal ends the server cleanly.

use std::os::unix::process::ExitStatusExt;

use rustix::process::{Signal, kill_process};
use spinel_oracle::reference::Server;

use crate::support::{Raw, process, start, wait_until};

/// Sends a signal to a server.
pub(crate) fn signal(server: &Server, signal: Signal) {
    kill_process(process(server), signal).expect("it runs");
}

#[test]
fn sigterm_answers_what_was_asked_and_leaves_nothing_behind() {
    let home = std::env::temp_dir().join(format!("spinel-ending-{}", std::process::id()));
    std::fs::create_dir_all(&home).expect("a directory");
    let (socket, pid_file) = (home.join("socket"), home.join("pid"));
    let socket_path = socket.to_str().expect("text").to_owned();
    let pid_path = pid_file.to_str().expect("text").to_owned();
    let mut server = start(&["--unixsocket", &socket_path, "--pidfile", &pid_path, "--threads", "2"]);
    let mut busy = Raw::connect(&server);
    assert_eq!(busy.ask("SET k v"), "+OK");
    let mut waiting = Raw::connect(&server);
    waiting.line("BLPOP l 0");
    wait_until("it waits", || busy.info("clients", "blocked_clients") == 1);
    assert!(socket.exists() && pid_file.exists());
    signal(&server, Signal::TERM);
    assert_eq!(busy.until_closed(), "");
    assert_eq!(waiting.until_closed(), "");
    let status = server.wait().expect("it ends");
    assert_eq!((status.code(), status.signal()), (Some(0), None));
    let log = server.log_tail();
    assert!(log.contains("Received SIGTERM scheduling shutdown..."), "{log}");
    assert!(log.contains("ready to exit, bye bye..."), "{log}");
    assert!(!socket.exists() && !pid_file.exists());
    std::fs::remove_dir_all(&home).expect("it was made above");
}

#[test]
fn sigint_ends_it_too() {
    let mut server = start(&[]);
    signal(&server, Signal::INT);
    assert_eq!(server.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_server_that_ends_while_it_loads_leaves_the_files_as_they_are() {
    let home = std::env::temp_dir().join(format!("spinel-half-{}", std::process::id()));
    std::fs::create_dir_all(&home).expect("a directory");
    let dir = home.to_str().expect("text").to_owned();
    let end_with = |server: &mut Server| {
        signal(server, Signal::TERM);
        server.wait().expect("it ends").code()
    };
    let mut server = start(&["--dir", &dir, "--save", "1000 1000", "--enable-debug-command", "yes"]);
    assert_eq!(Raw::connect(&server).ask("DEBUG POPULATE 200000 key 30"), "+OK");
    assert_eq!(end_with(&mut server), Some(0));
    let dump = std::fs::read(home.join("dump.rdb")).expect("it was saved");
    // Half the data set is neither saved nor made the base of a log.
    let slowly = ["--dir", &dir, "--key-load-delay", "500", "--appendonly", "yes", "--save", "1000 1000"];
    let mut server = start(&slowly);
    let mut client = Raw::connect(&server);
    wait_until("some was loaded", || client.info("persistence", "loading_loaded_bytes") > 0);
    assert_eq!(end_with(&mut server), Some(0));
    assert!(!home.join("appendonlydir").exists(), "{}", server.log_tail());
    assert!(std::fs::read(home.join("dump.rdb")).expect("it is still there") == dump);
    // The same with a log that has a snapshot as its base and commands behind it.
    let mut server = start(&["--dir", &dir, "--appendonly", "yes"]);
    let mut client = Raw::connect(&server);
    wait_until("all was loaded", || client.ask("DBSIZE") == ":200000");
    (0..100).for_each(|key| assert_eq!(client.ask(&format!("SET more:{key} v")), "+OK"));
    assert_eq!(end_with(&mut server), Some(0));
    let before = contents_of(&home.join("appendonlydir"));
    let mut server = start(&slowly);
    let mut client = Raw::connect(&server);
    wait_until("some was loaded", || client.info("persistence", "loading_loaded_bytes") > 0);
    assert_eq!(end_with(&mut server), Some(0));
    assert!(contents_of(&home.join("appendonlydir")) == before, "{}", server.log_tail());
    std::fs::remove_dir_all(&home).expect("it was made above");
}

#[test]
fn a_script_of_a_log_that_never_ends_keeps_no_server_from_its_end() {
    let home = std::env::temp_dir().join(format!("spinel-endless-{}", std::process::id()));
    let folder = home.join("appendonlydir");
    std::fs::create_dir_all(&folder).expect("a directory");
    let mut log = Vec::new();
    // As long as nothing was read, clients wait.
    spinel_aof::encode_command(&mut log, [&b"SET"[..], b"large", &[b'x'; 3 << 20]]);
    spinel_aof::encode_command(
        &mut log,
        [&b"EVAL"[..], b"redis.call('SET', 'k', 'v') while true do end", b"0"],
    );
    std::fs::write(folder.join("appendonly.aof.1.incr.aof"), &log).expect("there is room");
    let manifest = "file appendonly.aof.1.incr.aof seq 1 type i\n";
    std::fs::write(folder.join("appendonly.aof.manifest"), manifest).expect("there is room");
    let before = contents_of(&folder);
    let dir = home.to_str().expect("text").to_owned();
    let args = ["--dir", &dir, "--appendonly", "yes", "--busy-reply-threshold", "1", "--save", "1 1"];
    let mut server = start(&args);
    let mut client = Raw::connect(&server);
    wait_until("the script runs", || client.ask("INFO").starts_with("-BUSY"));
    assert!(client.ask("SCRIPT KILL").starts_with("-LOADING"));
    signal(&server, Signal::TERM);
    assert_eq!(server.wait().expect("it ends").code(), Some(0), "{}", server.log_tail());
    assert!(server.log_tail().contains("Slow script detected"), "{}", server.log_tail());
    assert!(contents_of(&folder) == before && !home.join("dump.rdb").exists());
    std::fs::remove_dir_all(&home).expect("it was made above");
}

/// The files of a folder.
fn contents_of(folder: &std::path::Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut all: Vec<_> =
        entries.map(|entry| (entry.file_name(), std::fs::read(entry.path()).expect("a file"))).collect();
    all.sort();
    all
}
