//! The words of a report. Signal handlers write it: nothing here allocates or locks.

use std::fmt::{self, Write};
use std::os::fd::RawFd;
use std::sync::OnceLock;
use std::time::Instant;

use super::modules::{Module, place};
use super::signals;

/// Standard error.
const STDERR: RawFd = 2;
/// Standard output, where the log goes that has no file.
const STDOUT: RawFd = 1;
/// Bytes written at a time.
const PIECE: usize = 256;

/// Where reports go, and what they say of the program.
struct Place {
    log: RawFd,
    program: String,
    modules: Vec<Module>,
    since: Instant,
}

static PLACE: OnceLock<Place> = OnceLock::new();

/// Says where reports go; the first time counts.
pub(super) fn set_place(log: RawFd, program: String, modules: Vec<Module>) {
    PLACE.get_or_init(|| Place { log, program, modules, since: Instant::now() });
}

/// A report being written.
pub(super) struct Report {
    bytes: [u8; PIECE],
    length: usize,
}

impl Report {
    pub(super) fn begin() -> Self {
        let mut report = Self { bytes: [0; PIECE], length: 0 };
        report.plain(format_args!("\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n"));
        report
    }

    /// A line with the marks of a handler's: what time it is by the wall takes files to find out.
    pub(super) fn line(&mut self, text: fmt::Arguments<'_>) {
        let (process, time) = (std::process::id(), signals::unix_seconds());
        self.plain(format_args!("{process}:signal-handler ({time}) {text}\n"));
    }

    /// Text as it is.
    pub(super) fn plain(&mut self, text: fmt::Arguments<'_>) {
        // Who reports can do nothing about a report that cannot be written.
        let _ = self.write_fmt(text);
        self.flush();
    }

    /// What crashed.
    pub(super) fn about(&mut self) {
        let Some(place) = PLACE.get() else { return };
        let (program, seconds) = (&place.program, place.since.elapsed().as_secs());
        let name = signals::thread_name();
        let name = std::str::from_utf8(&name).unwrap_or_default().trim_end_matches('\0');
        let thread = signals::thread_id();
        self.line(format_args!("{program}, thread {name} ({thread}), up {seconds} seconds"));
    }

    /// An address, and where it is found in a file.
    pub(super) fn address(&mut self, address: usize) {
        let modules = PLACE.get().map_or(&[][..], |place| &place.modules);
        match place(modules, address) {
            Some((path, at)) => self.plain(format_args!("{path}(+{at:#x})[{address:#x}]\n")),
            None => self.plain(format_args!("[{address:#x}]\n")),
        }
    }

    /// How names are found for addresses.
    pub(super) fn explain_addresses(&mut self) {
        self.plain(format_args!(
            "\nNames and lines: addr2line -Cfie FILE +0xPLACE, of each FILE(+0xPLACE).\n"
        ));
    }

    pub(super) fn end(&mut self) {
        self.plain(format_args!(
            "\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n"
        ));
    }

    fn flush(&mut self) {
        let bytes = &self.bytes[..self.length];
        let log = PLACE.get().map_or(STDERR, |place| place.log);
        signals::write_all(log, bytes);
        if log != STDERR && log != STDOUT {
            signals::write_all(STDERR, bytes);
        }
        self.length = 0;
    }
}

impl Write for Report {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.length == PIECE {
                self.flush();
            }
            self.bytes[self.length] = byte;
            self.length += 1;
        }
        Ok(())
    }
}
