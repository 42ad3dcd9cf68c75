//! Reads one file of commands from front to back: an increment, a base of commands, or the tail behind an RDB preamble.
//!
//! Three things end a file: its end, zeros up to its end (room that was never used), or an error. The errors differ in
//! what may be done about them:
//!
//! - [`ReadError::Torn`]: the writer was interrupted. Nobody was told that what is lost was kept, so the file may be cut
//!   at the place given and used.
//! - [`ReadError::Damage`]: what was once whole is not any more. Nothing is guessed around it.
//!
//! Where the seals of [`annotation`](crate::annotation) stand, a batch that does not match its seal is damage if a later
//! seal proves that the place was durable once, and torn otherwise. Commands of other servers carry no seals: there,
//! like in Redis, a command that the file's end cuts is torn and anything unreadable is damage.
//!
//! Memory is bounded by the longest command that is really there, never by a number read from the file.

mod command;
mod evidence;
mod window;

use crate::annotation::{LINE_LEN, LineKind, PREFIX, SealLine, sealed_front};
use crate::disk::DiskFile;
use crate::note::{NOTE_PREFIX, NoteLine, NoteReader};
use command::Parsed;
use crc_fast::{CrcAlgorithm, Digest};
use spinel_resp::{Args, Span};
use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use window::Window;

/// Bytes of the longest comment line, as in Redis.
const MAX_COMMENT: u64 = 1024;

/// What the reader met.
#[derive(Debug)]
pub enum Record<'a> {
    /// A command that is whole.
    Command {
        /// Its words, at least one.
        args: Args<'a>,
        /// Where it begins.
        at: u64,
        /// Just behind it.
        end: u64,
    },
    /// A command that only we know and other servers pass over, whole.
    Note {
        /// Its words, at least one.
        args: Args<'a>,
        /// Where its first line begins.
        at: u64,
        /// Just behind its last line.
        end: u64,
    },
    /// What follows was written at this second since 1970 or later.
    Timestamp {
        /// The second.
        seconds: i64,
        /// Where the line begins.
        at: u64,
    },
    /// A seal that was proved.
    Seal(SealLine),
}

/// What is wrong at some place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// The file ends within a command or a line.
    Short,
    /// The file ends between MULTI and EXEC.
    OpenTransaction,
    /// No command begins here.
    Format,
    /// MULTI within MULTI, or EXEC without.
    Nesting,
    /// A seal is missing, misplaced or misspelled.
    Seal,
    /// A batch is not what its seal says.
    Checksum,
    /// A line of a note is missing or misspelled.
    Note,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Problem::Short => "the file ends within a command",
            Problem::OpenTransaction => "the file ends within a transaction",
            Problem::Format => "this is no command",
            Problem::Nesting => "a transaction within a transaction, or the end of one that did not begin",
            Problem::Seal => "a line that seals a batch is broken",
            Problem::Checksum => "the checksum of a batch does not match",
            Problem::Note => "a note of what only Spinel knows is broken",
        })
    }
}

/// Why reading ended early.
#[derive(Debug)]
pub enum ReadError {
    /// The writer was interrupted: what is behind `boundary` was never acknowledged.
    Torn {
        /// Just behind the last command outside of, or the last end of, a transaction.
        boundary: u64,
        /// Where the problem is.
        at: u64,
        /// What it is.
        problem: Problem,
    },
    /// What was whole is not any more.
    Damage {
        /// Just behind the last command outside of, or the last end of, a transaction.
        boundary: u64,
        /// Where the problem is.
        at: u64,
        /// What it is.
        problem: Problem,
    },
    /// The file cannot be read: see to the disk.
    Io(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Torn { at, problem, .. } => write!(f, "torn at offset {at}: {problem}"),
            ReadError::Damage { at, problem, .. } => write!(f, "damaged at offset {at}: {problem}"),
            ReadError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        ReadError::Io(error)
    }
}

/// Reads the commands of one file.
#[derive(Debug)]
pub struct LogReader {
    window: Window,
    spans: Vec<Span>,
    /// Seals are expected: the last thing outside of batches was one, and no `Close`.
    sealed: bool,
    /// The end of the batch that is being read; it was proved.
    batch_end: Option<u64>,
    in_transaction: bool,
    note: NoteReader,
    note_at: u64,
    boundary: u64,
    unused_from: Option<u64>,
    last_seal: Option<SealLine>,
}

impl LogReader {
    /// A reader of the whole file, or of what lies behind byte `start`.
    ///
    /// # Errors
    /// When the file does not say how long it is.
    pub fn new(file: Arc<dyn DiskFile>, start: u64) -> io::Result<LogReader> {
        let size = file.length()?;
        Ok(Self::of_part(file, start, size))
    }

    /// A reader of the bytes `start..end`; the file ends there for it.
    #[must_use]
    pub fn of_part(file: Arc<dyn DiskFile>, start: u64, end: u64) -> LogReader {
        LogReader {
            window: Window::new(file, start, end),
            spans: Vec::new(),
            sealed: false,
            batch_end: None,
            in_transaction: false,
            note: NoteReader::default(),
            note_at: start,
            boundary: start,
            unused_from: None,
            last_seal: None,
        }
    }

    /// Just behind the last command outside of, or the last end of, a transaction.
    #[must_use]
    pub fn boundary(&self) -> u64 {
        self.boundary
    }

    /// Where it stands.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// Whether MULTI was read and EXEC was not.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Where the zeros begin that the file ends with, if it does and the end was reached.
    #[must_use]
    pub fn unused_from(&self) -> Option<u64> {
        self.unused_from
    }

    /// The last seal, which says where the writer stood.
    #[must_use]
    pub fn last_seal(&self) -> Option<&SealLine> {
        self.last_seal.as_ref()
    }

    /// Shows the seals behind `from` that prove themselves, for a file that cannot be read any further.
    ///
    /// # Errors
    /// When the file cannot be read at all.
    pub fn seals_behind(&self, from: u64, mut visit: impl FnMut(&SealLine)) -> io::Result<()> {
        evidence::proven_seals(
            &self.window,
            from,
            |_| true,
            |seal| {
                visit(seal);
                ControlFlow::Continue(())
            },
        )?;
        Ok(())
    }

    /// What comes next, nothing at the end.
    ///
    /// # Errors
    /// See [`ReadError`]; nothing can be read after one.
    pub fn read(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        loop {
            let at = self.window.offset();
            if self.batch_end == Some(at) {
                self.batch_end = None;
                if self.in_transaction {
                    return Err(self.damage(at, Problem::OpenTransaction));
                }
                if self.note.is_open() {
                    return Err(self.damage(at, Problem::Note));
                }
            }
            if self.window.at_end() {
                return if self.note.is_open() {
                    Err(self.torn(at, Problem::Short))
                } else if self.in_transaction {
                    Err(self.torn(at, Problem::OpenTransaction))
                } else {
                    Ok(None)
                };
            }
            match self.window.first_byte()? {
                _ if self.note.is_open() => {
                    if self.read_note_line(at)? == NoteLine::Last {
                        return Ok(Some(self.finish_note()));
                    }
                }
                b'#' if (self.batch_end.is_some() || !self.sealed)
                    && self.window.starts_like(NOTE_PREFIX)? =>
                {
                    self.note_at = at;
                    if self.read_note_line(at)? == NoteLine::Last {
                        return Ok(Some(self.finish_note()));
                    }
                }
                b'*' => return self.read_command(at).map(Some),
                b'#' if self.batch_end.is_some() => {
                    if let Some(seconds) = self.read_comment(at)? {
                        return Ok(Some(Record::Timestamp { seconds, at }));
                    }
                }
                b'#' if self.window.starts_like(PREFIX)? => return self.read_seal(at).map(Some),
                b'#' => match self.read_comment(at)? {
                    Some(seconds) => return Ok(Some(Record::Timestamp { seconds, at })),
                    // Nobody but us writes other comments between our batches.
                    None if self.sealed => return Err(self.broken(at, Problem::Seal)?),
                    None => {}
                },
                0 if self.batch_end.is_none() && self.window.only_zeros()? => {
                    self.unused_from = Some(at);
                    self.window.end_at(at);
                }
                _ if self.batch_end.is_some() => return Err(self.damage(at, Problem::Format)),
                _ => return Err(self.broken(at, Problem::Format)?),
            }
        }
    }

    fn read_command(&mut self, at: u64) -> Result<Record<'_>, ReadError> {
        let limit = self.batch_end.unwrap_or(self.window.end());
        let length = loop {
            let available = self.window.available(limit);
            match command::parse(available, limit - at, &mut self.spans) {
                Parsed::Complete(length) => break length,
                Parsed::Incomplete(wanted) => {
                    let known = available.len() as u64;
                    if known == limit - at {
                        return Err(self.short(at)?);
                    }
                    self.window.fill(wanted.max(known * 2).min(limit - at))?;
                }
                Parsed::TooShort => return Err(self.short(at)?),
                Parsed::Bad if self.batch_end.is_some() => return Err(self.damage(at, Problem::Format)),
                Parsed::Bad => return Err(self.broken(at, Problem::Format)?),
            }
        };
        let end = at + length as u64;
        let command = self.window.take(length);
        let args = Args::new(command, &self.spans);
        let opens = args.at(0).eq_ignore_ascii_case(b"MULTI");
        let closes = args.at(0).eq_ignore_ascii_case(b"EXEC");
        if opens && self.in_transaction || closes && !self.in_transaction {
            return Err(ReadError::Damage { boundary: self.boundary, at, problem: Problem::Nesting });
        }
        self.in_transaction = opens || self.in_transaction && !closes;
        if !self.in_transaction {
            self.boundary = end;
        }
        // Whoever appends commands without a seal is another server.
        self.sealed &= self.batch_end.is_some();
        Ok(Record::Command { args, at, end })
    }

    /// Skips a comment line; the second it tells of, if it does.
    fn read_comment(&mut self, at: u64) -> Result<Option<i64>, ReadError> {
        let length = self.find_line(at)?;
        let seconds = timestamp(self.window.take(length));
        if !self.in_transaction && (seconds.is_some() || !self.sealed) {
            self.boundary = self.window.offset();
        }
        Ok(seconds)
    }

    /// Takes a line of a note.
    fn read_note_line(&mut self, at: u64) -> Result<NoteLine, ReadError> {
        let length = self.find_line(at)?;
        match self.note.take(self.window.take(length)) {
            Some(line) => Ok(line),
            None => Err(self.damage(at, Problem::Note)),
        }
    }

    fn finish_note(&mut self) -> Record<'_> {
        let end = self.window.offset();
        if !self.in_transaction {
            self.boundary = end;
        }
        Record::Note { args: self.note.words(), at: self.note_at, end }
    }

    /// The bytes of the line of a comment.
    fn find_line(&mut self, at: u64) -> Result<usize, ReadError> {
        let limit = self.batch_end.unwrap_or(self.window.end());
        self.window.fill(MAX_COMMENT.min(limit - at))?;
        let available = self.window.available(limit.min(at + MAX_COMMENT));
        match memchr::memchr(b'\n', available) {
            Some(end) => Ok(end + 1),
            None if limit - at < MAX_COMMENT => Err(self.short(at)?),
            None => Err(self.broken(at, Problem::Format)?),
        }
    }

    fn read_seal(&mut self, at: u64) -> Result<Record<'_>, ReadError> {
        let rest = self.window.end() - at;
        self.window.fill((LINE_LEN as u64).min(rest))?;
        let available = self.window.available(self.window.end());
        let line: Option<&[u8; LINE_LEN]> = available.first_chunk();
        let Some((seal, crc)) = line.and_then(SealLine::decode) else {
            return Err(self.broken(at, Problem::Seal)?);
        };
        let line = *line.expect("a line was decoded");
        let misplaced = seal.kind == LineKind::Resume && at != 0;
        if seal.at != at || misplaced || seal.durable > at && seal.kind != LineKind::Resume {
            return Err(self.broken(at, Problem::Seal)?);
        }
        if self.in_transaction {
            return Err(self.damage(at, Problem::OpenTransaction));
        }
        let end = at + LINE_LEN as u64 + seal.length;
        if end > self.window.end() || self.checksum_of(&line, at, seal.length)? != crc {
            return Err(self.broken(at, Problem::Checksum)?);
        }
        self.window.take(LINE_LEN);
        self.sealed = seal.kind != LineKind::Close;
        self.batch_end = Some(end);
        self.boundary = at + LINE_LEN as u64;
        self.last_seal = Some(seal);
        Ok(Record::Seal(seal))
    }

    fn checksum_of(&mut self, line: &[u8; LINE_LEN], at: u64, length: u64) -> io::Result<u32> {
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        digest.update(sealed_front(line));
        self.window.digest(at + LINE_LEN as u64, length, &mut digest)?;
        Ok(digest.finalize() as u32)
    }

    fn torn(&self, at: u64, problem: Problem) -> ReadError {
        ReadError::Torn { boundary: self.boundary, at, problem }
    }

    fn damage(&self, at: u64, problem: Problem) -> ReadError {
        ReadError::Damage { boundary: self.boundary, at, problem }
    }

    /// What a command or line means that its limit cuts.
    fn short(&self, at: u64) -> Result<ReadError, io::Error> {
        match self.batch_end {
            Some(_) => Ok(self.damage(at, Problem::Short)),
            None => Ok(self.torn(at, Problem::Short)),
        }
    }

    /// What something unreadable outside of batches means.
    fn broken(&mut self, at: u64, problem: Problem) -> Result<ReadError, io::Error> {
        let is_ours = self.sealed || problem == Problem::Seal || problem == Problem::Checksum;
        if !is_ours || self.in_transaction || evidence::was_durable(&self.window, at)? {
            return Ok(self.damage(at, problem));
        }
        Ok(self.torn(at, problem))
    }
}

/// The second a comment line tells of.
fn timestamp(line: &[u8]) -> Option<i64> {
    let digits = line.strip_prefix(b"#TS:")?.strip_suffix(b"\r\n")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
