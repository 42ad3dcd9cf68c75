//! Why a benchmark stopped.
//!
//! A load generator that goes on after a wrong answer measures nothing, so there is no recovery: every failure ends
//! the run and is printed with what the operator needs to find its cause.

use std::fmt;
use std::io;

/// The reason a run was abandoned.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line cannot be understood; correct it.
    Usage(String),
    /// The operating system refused something; `doing` says what was attempted.
    Io { doing: String, source: io::Error },
    /// The server answered with an error, or with something else than the workload expects.
    Reply { request: String, answer: String },
    /// A server could not be started, died, or went silent.
    Server(String),
}

impl Failure {
    /// Wraps an operating error with what was being done; made for `map_err`.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Failure {
        let doing = doing.into();
        move |source| Failure::Io { doing, source }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(text) => write!(out, "{text} (see --help)"),
            Failure::Io { doing, source } => write!(out, "{doing}: {source}"),
            Failure::Reply { request, answer } => write!(out, "wrong reply to `{request}`: {answer}"),
            Failure::Server(text) => out.write_str(text),
        }
    }
}

impl std::error::Error for Failure {}
