//! The logs of commands that were slow, or whose requests or replies were large.
//!
//! Commands that are timed by themselves are looked at when they are counted: any that may be slow, and all with many bytes
//! of words. The others are short, and only their replies may be large: an event loop looks at the replies of a connection
//! anyway when they are many bytes ([`Worker::note_large_output`]). Below a threshold at which that would not be enough every
//! command is timed by itself.

use std::collections::VecDeque;
use std::sync::Mutex;

use spinel_family::Args;
use spinel_family::spec::CommandFlags;

use crate::Worker;
use crate::config::Observation;
use crate::dispatch::Outcome;
use crate::look_ahead::Prepared;
use crate::redaction::{REDACTED, hides_word};
use crate::registry::Command;
use crate::session::{ReplyMode, Session};

/// Words of a command that are kept.
const MAX_WORDS: usize = 32;
/// Bytes of a word that are kept.
const MAX_WORD: usize = 128;

/// The most bytes of a request that lie before its first word or behind its last.
const FRAME_BYTES: usize = 48;

/// One command of a log.
#[derive(Clone, Debug)]
pub(crate) struct LoggedCommand {
    pub(crate) id: u64,
    pub(crate) unix_seconds: i64,
    /// Microseconds that it took, or bytes of its request or reply.
    pub(crate) value: u64,
    pub(crate) words: Vec<Vec<u8>>,
    pub(crate) peer: String,
    pub(crate) name: Vec<u8>,
}

/// What a command is logged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoggedFor {
    Time,
    Request,
    Reply,
}

impl LoggedFor {
    /// How many entries the log of it may have.
    pub(crate) fn max_len(self, observation: &Observation) -> u64 {
        match self {
            Self::Time => observation.slowlog_max_len,
            Self::Request => observation.large_request_max_len,
            Self::Reply => observation.large_reply_max_len,
        }
    }
}

/// The logs of a server.
#[derive(Debug, Default)]
pub(crate) struct CommandLogs {
    slow: CommandLog,
    large_requests: CommandLog,
    large_replies: CommandLog,
}

impl CommandLogs {
    pub(crate) fn of(&self, what: LoggedFor) -> &CommandLog {
        match what {
            LoggedFor::Time => &self.slow,
            LoggedFor::Request => &self.large_requests,
            LoggedFor::Reply => &self.large_replies,
        }
    }
}

/// Commands worth a look, newest first.
#[derive(Debug, Default)]
pub(crate) struct CommandLog {
    /// Protects itself.
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<LoggedCommand>,
    next_id: u64,
}

impl CommandLog {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn push(&self, mut entry: LoggedCommand, max_len: u64) {
        let mut inner = self.inner();
        entry.id = inner.next_id;
        inner.next_id += 1;
        inner.entries.push_front(entry);
        inner.entries.truncate(usize::try_from(max_len).unwrap_or(usize::MAX));
    }

    /// Drops what a lower limit of the length leaves no room for. With a limit of 0 nothing is logged, and nothing dropped.
    pub(crate) fn shorten(&self, max_len: u64) {
        if max_len > 0 {
            self.inner().entries.truncate(usize::try_from(max_len).unwrap_or(usize::MAX));
        }
    }

    /// The newest `count` entries.
    pub(crate) fn newest(&self, count: usize) -> Vec<LoggedCommand> {
        self.inner().entries.iter().take(count).cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.inner().entries.len()
    }

    pub(crate) fn reset(&self) {
        self.inner().entries.clear();
    }
}

/// The words that the log keeps.
fn kept_words(command: &Command, args: Args<'_>) -> Vec<Vec<u8>> {
    let kept = if args.len() > MAX_WORDS { MAX_WORDS - 1 } else { args.len() };
    let mut words: Vec<Vec<u8>> = (0..kept)
        .map(|at| if hides_word(command, args, at) { REDACTED.to_vec() } else { kept_bytes(args.at(at)) })
        .collect();
    if args.len() > MAX_WORDS {
        words.push(format!("... ({} more arguments)", args.len() - kept).into_bytes());
    }
    words
}

/// The bytes of a word that the log keeps.
fn kept_bytes(word: &[u8]) -> Vec<u8> {
    match word.len().checked_sub(MAX_WORD) {
        None | Some(0) => word.to_vec(),
        Some(more) => {
            let mut kept = word[..MAX_WORD].to_vec();
            kept.extend_from_slice(format!("... ({more} more bytes)").as_bytes());
            kept
        }
    }
}

/// From how many bytes on a command is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LargeFrom {
    /// Bytes from its first word to the end of its last.
    request: usize,
    reply: usize,
}

impl Default for LargeFrom {
    fn default() -> Self {
        Self { request: usize::MAX, reply: usize::MAX }
    }
}

impl LargeFrom {
    pub(crate) fn of(observation: &Observation) -> Self {
        let from = |threshold: i64, max_len: u64| match usize::try_from(threshold) {
            Ok(threshold) if max_len > 0 => threshold,
            _ => usize::MAX,
        };
        let request = from(observation.large_request_bytes, observation.large_request_max_len);
        Self {
            request: if request == usize::MAX { request } else { request.saturating_sub(FRAME_BYTES) },
            reply: from(observation.large_reply_bytes, observation.large_reply_max_len),
        }
    }

    /// Whether a command may be logged that has no more bytes than these.
    pub(crate) fn is_within(self, request: usize, reply: usize) -> bool {
        self.request <= request || self.reply < reply
    }
}

/// The bytes of a request as clients send it.
fn request_bytes(args: Args<'_>) -> usize {
    let line = |number: usize| 1 + number.checked_ilog10().unwrap_or(0) as usize + 1 + 2;
    line(args.len()) + args.iter().map(|word| line(word.len()) + word.len() + 2).sum::<usize>()
}

impl Worker {
    /// Puts a command that was timed by itself into the logs that it belongs to, and into the latency monitor.
    pub(crate) fn note_single(
        &self,
        session: &Session,
        command: &Command,
        args: Args<'_>,
        nanos: u64,
        outcome: Outcome,
    ) {
        self.note_command_latency(command, nanos);
        let observation = &self.published.settings.observation;
        let micros = nanos / 1000;
        let threshold = observation.slowlog_log_slower_than_us;
        if threshold >= 0 && micros >= threshold.unsigned_abs() {
            self.log_command(session, command, args, (LoggedFor::Time, micros));
        }
        let LargeFrom { request, reply } = self.timing.large_from;
        let request_bytes = if outcome.is_request { args.extent() } else { 0 };
        if request_bytes >= request || outcome.reply_bytes >= reply {
            self.note_large(session, command, args, outcome);
        }
    }

    #[cold]
    fn note_large(&self, session: &Session, command: &Command, args: Args<'_>, outcome: Outcome) {
        let observation = &self.published.settings.observation;
        let LargeFrom { request, reply } = self.timing.large_from;
        let bytes = request_bytes(args) as u64;
        let is_large = args.extent() >= request && bytes >= observation.large_request_bytes.unsigned_abs();
        if outcome.is_request && is_large {
            self.log_command(session, command, args, (LoggedFor::Request, bytes));
        }
        if outcome.reply_bytes >= reply && session.reply_mode == ReplyMode::On {
            self.log_command(session, command, args, (LoggedFor::Reply, outcome.reply_bytes as u64));
        }
    }

    /// Puts a command into the log of large replies that was not timed by itself, if its reply is one. For event loops, when
    /// there are many bytes of replies.
    #[cold]
    pub fn note_large_output(
        &self,
        session: &Session,
        prepared: Prepared,
        args: Args<'_>,
        reply_bytes: usize,
    ) {
        if reply_bytes >= self.timing.large_from.reply
            && let Some(command) = prepared.command
            && !self.timing.is_single(command, args.len(), args.extent())
        {
            // Its request is small.
            self.note_large(
                session,
                command,
                args,
                Outcome { failed: false, reply_bytes, is_request: false },
            );
        }
    }

    #[cold]
    fn log_command(
        &self,
        session: &Session,
        command: &Command,
        args: Args<'_>,
        (what, value): (LoggedFor, u64),
    ) {
        if command.flags.has(CommandFlags::SKIP_SLOWLOG) {
            return;
        }
        let max_len = what.max_len(&self.published.settings.observation);
        let entry = LoggedCommand {
            id: 0,
            unix_seconds: self.now.0 / 1000,
            value,
            words: kept_words(command, args),
            peer: session.client.endpoint.peer.clone(),
            name: session.client.name.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone(),
        };
        self.engine.command_logs.of(what).push(entry, max_len);
    }
}
