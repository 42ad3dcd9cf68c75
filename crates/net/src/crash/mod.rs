//! The report of a crash, and the end of the process: by the signals that only bugs and broken hardware send (and whoever
//! sends SIGABRT to have a core dumped), and by panics that nobody catches.
//!
//! ```text
//!  fault ─▶ handler ─▶ report: signal, address, registers, addresses of the stack ─▶ the default action, core dump included
//!  panic ─▶ hook ────▶ report: message, stack with names ─▶ abort
//! ```
//!
//! What a handler may do is little: here it formats into a buffer on its stack and writes to the log's file. No lock, no
//! allocation. Only the last part is a matter of luck, the unwinder's: everything else is written by then, and an alarm ends
//! the process should it hang. Names of functions would need files to be read; `addr2line` finds them later, as the report
//! says.
//!
//! It is here because a handler cannot do without unsafe code, and this is the outermost crate that may have some. All of it
//! is in `signals`.
//!
//! What is deliberately absent: INFO, the list of clients and the last command, which lie behind locks, and a test of the
//! memory.

mod modules;
mod report;
mod signals;

use std::backtrace::Backtrace;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};

pub use signals::{catch_signals, segfault};

use report::Report;

/// Whether a panic ends the process with code 1 rather than with SIGABRT.
static EXITS_ON_PANIC: AtomicBool = AtomicBool::new(false);
/// Whether reports say more than what happened.
static IS_FULL: AtomicBool = AtomicBool::new(true);

/// Says where reports go, which is also standard error if that is another place, and what the program calls itself. Once,
/// before the first signal is caught.
pub fn prepare(log: RawFd, program: String) {
    signals::warm_up();
    report::set_place(log, program, modules::loaded());
}

/// Whether panics end the process with code 1 (`use-exit-on-panic`).
pub fn exit_on_panic(exits: bool) {
    EXITS_ON_PANIC.store(exits, Ordering::Relaxed);
}

/// Ends the process because of a bug that was noticed: reports these lines and the stack.
pub fn die(lines: &[&str]) -> ! {
    signals::be_the_one_to_report();
    let mut report = Report::begin();
    lines.iter().for_each(|line| report.line(format_args!("{line}")));
    if IS_FULL.load(Ordering::Relaxed) {
        report.about();
        report.plain(format_args!("\n------ STACK TRACE ------\n{}\n", Backtrace::force_capture()));
    }
    report.end();
    signals::stop_catching();
    if EXITS_ON_PANIC.load(Ordering::Relaxed) {
        signals::exit_at_once(1);
    }
    std::process::abort()
}
