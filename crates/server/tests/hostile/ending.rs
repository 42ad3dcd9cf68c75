//! A signal ends the server cleanly.

use std::os::unix::process::ExitStatusExt;

use rustix::process::{Pid, Signal, kill_process};
use spinel_oracle::reference::Server;

use crate::support::{Raw, start, wait_until};

fn signal(server: &Server, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(server.pid()).expect("a process id")).expect("not zero");
    kill_process(pid, signal).expect("it runs");
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
