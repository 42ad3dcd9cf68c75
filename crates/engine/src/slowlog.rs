//! The log of slow commands.

use std::collections::VecDeque;
use std::sync::Mutex;

use spinel_family::Args;
use spinel_family::spec::CommandFlags;

use crate::Worker;
use crate::redaction::{REDACTED, hides_word};
use crate::registry::Command;
use crate::session::Session;

/// Words of a command that are kept.
const MAX_WORDS: usize = 32;
/// Bytes of a word that are kept.
const MAX_WORD: usize = 128;

/// One slow command.
#[derive(Clone, Debug)]
pub(crate) struct SlowCommand {
    pub(crate) id: u64,
    pub(crate) unix_seconds: i64,
    pub(crate) micros: u64,
    pub(crate) words: Vec<Vec<u8>>,
    pub(crate) peer: String,
    pub(crate) name: Vec<u8>,
}

/// The slow commands of a server, newest first.
#[derive(Debug, Default)]
pub(crate) struct SlowLog {
    /// Protects itself.
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<SlowCommand>,
    next_id: u64,
}

impl SlowLog {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn push(&self, mut entry: SlowCommand, max_len: u64) {
        let mut inner = self.inner();
        entry.id = inner.next_id;
        inner.next_id += 1;
        inner.entries.push_front(entry);
        inner.entries.truncate(usize::try_from(max_len).unwrap_or(usize::MAX));
    }

    /// The newest `count` entries.
    pub(crate) fn newest(&self, count: usize) -> Vec<SlowCommand> {
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

impl Worker {
    /// Puts a command into the slow log if it was slow enough, and into the latency monitor.
    pub(crate) fn note_slow(&self, session: &Session, command: &Command, args: Args<'_>, nanos: u64) {
        self.note_command_latency(command, nanos);
        let observation = &self.published.settings.observation;
        let micros = nanos / 1000;
        let threshold = observation.slowlog_log_slower_than_us;
        if command.flags.has(CommandFlags::SKIP_SLOWLOG) || threshold < 0 || micros < threshold.unsigned_abs()
        {
            return;
        }
        let entry = SlowCommand {
            id: 0,
            unix_seconds: self.now.0 / 1000,
            micros,
            words: kept_words(command, args),
            peer: session.client.endpoint.peer.clone(),
            name: session.client.name.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone(),
        };
        self.engine.slow_log.push(entry, observation.slowlog_max_len);
    }
}
