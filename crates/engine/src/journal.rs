//! The door to the log: every write becomes journal words by this one path, taken under the locks of its keys,
//! so conflicting writes and their positions agree.

use spinel_family::{Args, DbIndex, OwnedArgs};

use crate::persistence::Log;

/// A place in the journal: what was recorded before it, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalPosition(pub u64);

/// Sees journal words. Called under the locks of the keys concerned; must not block.
pub trait JournalSink: Send + Sync {
    /// Records one command. Commands of one transaction come between `MULTI` and `EXEC`.
    fn append(&self, db: DbIndex, command: Args<'_>);
}

/// The journal of a server: the append-only file, if it is on, and whoever else wants to see the words.
#[derive(Default)]
pub struct Journal {
    pub(crate) log: Log,
    sink: Option<Box<dyn JournalSink>>,
}

impl Journal {
    /// A journal whose words `sink` sees, too.
    #[must_use]
    pub fn new(sink: Option<Box<dyn JournalSink>>) -> Self {
        Self { log: Log::default(), sink }
    }

    /// Whether anybody reads the words.
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.log.is_on() || self.sink.is_some()
    }

    /// Records one command, and says where it ends; 0 without a log.
    pub fn append(&self, db: DbIndex, command: Args<'_>) -> JournalPosition {
        let end = if self.log.is_on() { self.log.append(db, command) } else { JournalPosition::default() };
        if let Some(sink) = &self.sink {
            sink.append(db, command);
        }
        end
    }

    /// Records a command that only we know, outside of transactions, and says where it ends; 0 without a log. Who sees
    /// the words besides is not shown it.
    pub(crate) fn append_note(&self, command: Args<'_>) -> JournalPosition {
        if self.log.is_on() { self.log.append_note(command) } else { JournalPosition::default() }
    }

    /// Records commands that belong together, as one transaction if there are several, and says where they end; 0 without
    /// a log or commands.
    pub fn append_all(&self, commands: &[(DbIndex, OwnedArgs)]) -> JournalPosition {
        let [(first_db, _), _, ..] = commands else {
            let only = commands.first();
            return only
                .map_or_else(JournalPosition::default, |(db, command)| self.append(*db, command.args()));
        };
        let end =
            if self.log.is_on() { self.log.append_transaction(commands) } else { JournalPosition::default() };
        if let Some(sink) = &self.sink {
            sink.append(*first_db, OwnedArgs::from_words(["MULTI"]).args());
            commands.iter().for_each(|(db, command)| sink.append(*db, command.args()));
            sink.append(*first_db, OwnedArgs::from_words(["EXEC"]).args());
        }
        end
    }

    /// Up to where the journal is safe: what was replied about it will not be lost.
    #[inline]
    #[must_use]
    pub fn safe(&self) -> JournalPosition {
        self.log.safe()
    }

    /// Somebody waits until the journal is safe beyond `position`: his worker is to be woken then. False if it is already.
    #[must_use]
    pub fn wait_beyond(&self, position: JournalPosition) -> bool {
        self.log.wait_beyond(position)
    }
}
