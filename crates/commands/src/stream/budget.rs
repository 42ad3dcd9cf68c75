//! `MAXCOUNT` and `MAXSIZE`: what a reply about several streams may hold altogether.

use spinel_family::{CommandError, Encoder, Words};
use spinel_structs::number::parse_i64;

const MAX_COUNT_NOT_POSITIVE: CommandError = CommandError::text("ERR MAXCOUNT must be a positive integer");
const MAX_SIZE_NOT_POSITIVE: CommandError = CommandError::text("ERR MAXSIZE must be a positive integer");
const BELOW_COUNT: CommandError = CommandError::text("ERR MAXCOUNT must be greater than or equal to COUNT");

/// The bounds of a reply, as they were given.
#[derive(Clone, Copy, Default)]
pub(super) struct Bounds {
    entries: Option<usize>,
    bytes: Option<usize>,
}

/// What is left of them while a reply is written.
pub(super) struct Budget {
    entries: usize,
    /// Where the reply began, and how long it may become.
    begin: usize,
    bytes: Option<usize>,
    is_begun: bool,
    is_spent: bool,
}

fn positive(words: &mut Words<'_>, otherwise: CommandError) -> Result<Option<usize>, CommandError> {
    let number = parse_i64(words.take()?).and_then(|number| usize::try_from(number).ok());
    number.filter(|number| *number > 0).map(Some).ok_or(otherwise)
}

impl Bounds {
    /// Reads the entries of `MAXCOUNT`.
    pub(super) fn take_entries(&mut self, words: &mut Words<'_>) -> Result<(), CommandError> {
        self.entries = positive(words, MAX_COUNT_NOT_POSITIVE)?;
        Ok(())
    }

    /// Reads the bytes of `MAXSIZE`.
    pub(super) fn take_bytes(&mut self, words: &mut Words<'_>) -> Result<(), CommandError> {
        self.bytes = positive(words, MAX_SIZE_NOT_POSITIVE)?;
        Ok(())
    }

    /// Looks whether they fit the count of each stream.
    pub(super) fn check(&self, count: Option<usize>) -> Result<(), CommandError> {
        match (self.entries, count) {
            (Some(entries), Some(count)) if entries < count => Err(BELOW_COUNT),
            _ => Ok(()),
        }
    }

    /// All that the reply may hold which begins here.
    pub(super) fn budget(self, out: &Encoder) -> Budget {
        Budget {
            entries: self.entries.unwrap_or(usize::MAX),
            begin: out.len(),
            bytes: self.bytes,
            is_begun: false,
            is_spent: false,
        }
    }

    /// The most entries of one stream, of which no more than `count` are wanted.
    pub(super) fn most(self, count: Option<usize>) -> usize {
        self.entries.unwrap_or(usize::MAX).min(count.unwrap_or(usize::MAX))
    }
}

impl Budget {
    /// Entries that may still come.
    pub(super) fn entries(&self) -> usize {
        if self.is_spent { 0 } else { self.entries }
    }

    /// Whether nothing more may come.
    pub(super) fn is_spent(&self) -> bool {
        self.entries() == 0
    }

    /// Writes one more entry, unless that would make the reply too long; the first is written however long it is. Says
    /// whether it was.
    pub(super) fn put(&mut self, out: &mut Encoder, write: impl FnOnce(&mut Encoder)) -> bool {
        if self.is_spent() {
            return false;
        }
        let before = out.len();
        write(out);
        let is_too_long = self.bytes.is_some_and(|bytes| out.len() - self.begin > bytes);
        if is_too_long && self.is_begun {
            out.truncate(before);
            self.is_spent = true;
            return false;
        }
        self.is_begun = true;
        self.entries -= 1;
        true
    }
}
