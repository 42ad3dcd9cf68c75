//! What servers that were killed left behind goes; what others are writing stays.

use std::path::Path;

use rustix::process::Signal;
use spinel_oracle::reference::Server;

use crate::ending::signal;
use crate::support::{Raw, names, start, wait_until};

/// The number of a process that is no more.
fn dead_process() -> u32 {
    let mut child = std::process::Command::new("true").spawn().expect("a program that every system has");
    child.wait().expect("it ends");
    child.id()
}

fn temporary_files(home: &Path) -> Vec<String> {
    names(home).into_iter().filter(|name| name.starts_with("temp-")).collect()
}

fn start_and_load(args: &[&str]) -> Server {
    let server = start(args);
    let mut client = Raw::connect(&server);
    wait_until("it has loaded", || client.ask("DBSIZE").starts_with(':'));
    server
}

#[test]
fn a_server_removes_what_dead_servers_left_and_nothing_of_living_ones() {
    let home = std::env::temp_dir().join(format!("spinel-leftovers-{}", std::process::id()));
    std::fs::create_dir_all(&home).expect("a directory");
    let dir = home.to_str().expect("text");
    let (dead, living) = (dead_process(), std::process::id());
    for appendonly in ["no", "yes"] {
        let names = |process| {
            [
                format!("temp-{process}.rdb"),
                format!("temp-bg-{process}.rdb"),
                format!("temp-rewriteaof-bg-{process}.aof"),
                format!("temp-rewriteaof-{process}.aof"),
            ]
        };
        let mut kept = [names(living).to_vec(), vec!["temp-of-somebody.rdb".to_owned()]].concat();
        kept.sort();
        for name in names(dead).iter().chain(&kept) {
            std::fs::write(home.join(name), "half a snapshot").expect("a file");
        }
        let server = start_and_load(&["--dir", dir, "--appendonly", appendonly]);
        assert_eq!(temporary_files(&home), kept);
        assert!(
            server.log_tail().contains(&format!("Removed temp-bg-{dead}.rdb, ")),
            "{}",
            server.log_tail()
        );
    }
    std::fs::remove_dir_all(&home).expect("it was made above");
}

#[test]
fn a_server_killed_while_it_saves_leaves_nothing_to_the_next_one() {
    let home = std::env::temp_dir().join(format!("spinel-killed-{}", std::process::id()));
    std::fs::create_dir_all(&home).expect("a directory");
    let dir = home.to_str().expect("text");
    let args = ["--dir", dir, "--save", "", "--rdb-key-save-delay", "1000", "--enable-debug-command", "yes"];
    let mut server = start(&args);
    let mut client = Raw::connect(&server);
    assert_eq!(client.ask("DEBUG POPULATE 100000"), "+OK");
    assert_eq!(client.ask("BGSAVE"), "+Background saving started");
    wait_until("it saves", || !temporary_files(&home).is_empty());
    signal(&server, Signal::KILL);
    server.wait().expect("it ends");
    assert_eq!(temporary_files(&home), [format!("temp-bg-{}.rdb", server.pid())]);
    let _next = start_and_load(&args);
    assert_eq!(temporary_files(&home), [""; 0]);
    std::fs::remove_dir_all(&home).expect("it was made above");
}
