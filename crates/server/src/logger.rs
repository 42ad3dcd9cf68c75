//! The log: lines to standard output or a file, and to the system's log if that is wished.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spinel_engine::config::Settings;
use spinel_engine::log::{Log, LogLevel};

use crate::log_line::{Style, render};
use crate::process;
use crate::syslog::Syslog;

#[derive(Debug)]
struct Shared {
    /// Where the clock hangs; found once, at the start.
    zone: jiff::tz::TimeZone,
    /// The least level that is written, as a number.
    level: AtomicU8,
    /// Protects itself.
    style: Mutex<Style>,
    syslog: Option<Syslog>,
    /// Protects itself: one line at a time. `None` is standard output.
    file: Mutex<Option<File>>,
}

/// The log. Copies write to the same place.
#[derive(Clone, Debug)]
pub(crate) struct Logger(Arc<Shared>);

impl Logger {
    /// Opens the log that the settings name.
    pub(crate) fn open(settings: &Settings) -> io::Result<Self> {
        let file = match settings.log.file.as_slice() {
            b"" => None,
            name => Some(OpenOptions::new().append(true).create(true).open(process::path(name))?),
        };
        Ok(Self(Arc::new(Shared {
            zone: jiff::tz::TimeZone::system(),
            level: AtomicU8::new(settings.log.level as u8),
            style: Mutex::new(style_of(settings)),
            syslog: Syslog::open(&settings.log.syslog),
            file: Mutex::new(file),
        })))
    }

    /// Writes the lines that the settings ask for from now on, in their form.
    pub(crate) fn follow(&self, settings: &Settings) {
        self.0.level.store(settings.log.level as u8, Ordering::Relaxed);
        *self.style() = style_of(settings);
    }

    fn style(&self) -> MutexGuard<'_, Style> {
        self.0.style.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a person is watching.
    pub(crate) fn is_terminal(&self) -> bool {
        self.file().is_none() && io::stdout().is_terminal()
    }

    /// Where it goes to.
    pub(crate) fn file_descriptor(&self) -> RawFd {
        self.file().as_ref().map_or(io::stdout().as_raw_fd(), AsRawFd::as_raw_fd)
    }

    fn file(&self) -> MutexGuard<'_, Option<File>> {
        self.0.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes text as it is.
    pub(crate) fn write_plain(&self, text: &str) {
        // A log that cannot be written must not stop the server.
        let _ = match &mut *self.file() {
            Some(file) => file.write_all(text.as_bytes()),
            None => io::stdout().lock().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()),
        };
    }
}

impl Log for Logger {
    fn write(&self, level: LogLevel, line: &str) {
        if (level as u8) < self.0.level.load(Ordering::Relaxed) {
            return;
        }
        let now = jiff::Timestamp::now().to_zoned(self.0.zone.clone());
        let style = *self.style();
        self.write_plain(&render(style, std::process::id(), &now, level, line));
        if let Some(syslog) = &self.0.syslog {
            syslog.write(&now, level, line);
        }
    }
}

fn style_of(settings: &Settings) -> Style {
    Style { format: settings.log.format, timestamps: settings.log.timestamps }
}
