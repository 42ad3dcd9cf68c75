//! The server's own log, as far as the engine knows it: somewhere to put a line.

use std::fmt::Debug;

pub use crate::config::LogLevel;

/// Takes log lines.
pub trait Log: Debug + Send + Sync {
    /// Writes a line if its level is wanted.
    fn write(&self, level: LogLevel, line: &str);
}

/// A log that nobody reads.
#[derive(Debug)]
pub struct NoLog;

impl Log for NoLog {
    fn write(&self, _level: LogLevel, _line: &str) {}
}
