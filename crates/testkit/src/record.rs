//! What the engine writes to the journal and to its log, kept for the test.

use std::sync::{Arc, Mutex, PoisonError};

use spinel_engine::journal::JournalSink;
use spinel_engine::log::{Log, LogLevel};
use spinel_resp::Args;
use spinel_store::DbIndex;

/// A command as the journal recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// The database it is for.
    pub db: DbIndex,
    /// Its words.
    pub words: Vec<Vec<u8>>,
}

impl JournalEntry {
    /// The words with blanks between them.
    #[must_use]
    pub fn text(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|word| String::from_utf8_lossy(word)).collect();
        words.join(" ")
    }
}

/// A list that grows; copies share it.
#[derive(Debug)]
pub(crate) struct Record<T>(Arc<Mutex<Vec<T>>>);

impl<T> Default for Record<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Record<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Record<T> {
    fn push(&self, item: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(item);
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl JournalSink for Record<JournalEntry> {
    fn append(&self, db: DbIndex, command: Args<'_>) {
        self.push(JournalEntry { db, words: command.iter().map(<[u8]>::to_vec).collect() });
    }
}

impl Log for Record<String> {
    fn write(&self, _level: LogLevel, line: &str) {
        self.push(line.to_owned());
    }
}
