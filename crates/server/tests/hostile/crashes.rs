//! Bugs end the server with a report, and with nothing lost that was acknowledged.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;

use rustix::process::Signal;

use crate::ending::signal;
use crate::support::{Raw, start};

const BEGIN: &str = "\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n";
const END: &str = "\n=== REDIS BUG REPORT END.";

/// A folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("spinel-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a directory");
    folder
}

/// What a server crashes by.
enum By {
    Command(&'static str),
    Signal(Signal),
}

/// Has a server crash; how it ended and the report in its log.
fn crash(name: &str, args: &[&str], by: By) -> (ExitStatus, Option<String>) {
    let home = folder(name);
    let log = home.join("log");
    let file = log.to_str().expect("text");
    let common = ["--enable-debug-command", "yes", "--logfile", file];
    let mut server = start(&[&common, args].concat());
    match by {
        By::Command(command) => {
            let mut client = Raw::connect(&server);
            client.line(command);
            assert_eq!(client.until_closed(), "");
        }
        By::Signal(sent) => signal(&server, sent),
    }
    let status = server.wait().expect("it ends");
    let text = std::fs::read_to_string(&log).expect("a log");
    let report = text.split_once(BEGIN).map(|(_, report)| {
        assert!(report.contains(END), "{report}");
        report.to_owned()
    });
    std::fs::remove_dir_all(&home).expect("it was made above");
    (status, report)
}

#[test]
fn a_fault_is_reported_and_ends_the_process_by_its_signal() {
    let (status, report) = crash("fault", &[], By::Command("DEBUG SEGFAULT"));
    assert_eq!(status.signal(), Some(11));
    let report = report.expect("a report");
    for part in [
        "Redis 7.4.6 crashed by signal: 11, si_code: 2\n",
        "Accessing address: 0x",
        "Crashed running the instruction at: 0x",
        ", thread loop-",
        "\n------ STACK TRACE ------\n",
    ] {
        assert!(report.contains(part), "no {part:?} in {report}");
    }
    // The handler, what called it, and the loop at least.
    let program = env!("CARGO_BIN_EXE_spinel");
    assert!(report.matches(&format!("{program}(+0x")).count() > 5, "{report}");
}

#[test]
fn signals_sent_are_reported_unless_reports_are_switched_off() {
    for (name, sent) in [("abort", Signal::ABORT), ("segv", Signal::SEGV), ("bus", Signal::BUS)] {
        let (status, report) = crash(name, &[], By::Signal(sent));
        assert_eq!(status.signal(), Some(sent.as_raw()));
        let report = report.expect("a report");
        let raw = sent.as_raw();
        assert!(report.contains(&format!("crashed by signal: {raw}, si_code: 0\n")), "{report}");
        assert!(report.contains(&format!("Killed by PID: {}, UID: ", std::process::id())), "{report}");
    }
    let (status, report) = crash("quiet", &["--crash-log-enabled", "no"], By::Signal(Signal::ABORT));
    assert_eq!((status.signal(), report), (Some(6), None));
}

#[test]
fn a_panic_is_reported_and_ends_the_process() {
    let (status, report) = crash("panic", &[], By::Command("DEBUG PANIC"));
    assert_eq!(status.signal(), Some(6));
    let report = report.expect("a report");
    assert!(report.contains("Guru Meditation: called at Unix time "), "{report}");
    assert!(report.contains("------ STACK TRACE ------"), "{report}");
    // One report, not another one of the abort.
    assert!(!report.contains("crashed by signal"), "{report}");
    let (status, report) = crash("assert", &["--use-exit-on-panic", "yes"], By::Command("DEBUG ASSERT"));
    assert_eq!(status.code(), Some(1));
    assert!(report.expect("a report").contains("=== ASSERTION FAILED ==="));
}

#[test]
fn reports_can_be_switched_on_and_off_while_the_server_runs() {
    let mut server = start(&["--crash-log-enabled", "no"]);
    let mut client = Raw::connect(&server);
    for value in ["yes", "no", "yes", "no"] {
        assert_eq!(client.ask(&format!("CONFIG SET crash-log-enabled {value}")), "+OK");
    }
    signal(&server, Signal::ABORT);
    assert_eq!(server.wait().expect("it ends").signal(), Some(6));
    assert!(!server.log_tail().contains("BUG REPORT"));
}

#[test]
fn what_was_acknowledged_before_a_crash_is_there_afterwards() {
    const WRITES: usize = 2000;
    let home = folder("crashed");
    let dir = home.to_str().expect("text");
    let args = ["--dir", dir, "--appendonly", "yes", "--save", "", "--enable-debug-command", "yes"];
    for (round, command) in ["DEBUG SEGFAULT", "DEBUG PANIC"].into_iter().enumerate() {
        let mut server = start(&args);
        let mut client = Raw::connect(&server);
        for number in 1..=WRITES {
            assert_eq!(client.ask("INCR counter"), format!(":{}", round * WRITES + number));
        }
        client.line(command);
        assert_eq!(client.until_closed(), "");
        assert!(server.wait().expect("it ends").signal().is_some());
    }
    let server = start(&args);
    assert_eq!(Raw::connect(&server).ask("GET counter"), (2 * WRITES).to_string());
    drop(server);
    std::fs::remove_dir_all(&home).expect("it was made above");
}
