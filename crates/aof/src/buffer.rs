//! Where commands wait to be written: encoded under the locks of their keys, taken as a whole by who writes.
//!
//! The buffer knows what a reader of the file must be told besides the commands: which database they belong to, when
//! they ran (if `aof-timestamp-enabled`), and what belongs together. It is meant to stand behind a lock of its own that
//! is held for a command or a transaction, never for a write to the disk.

use crate::annotation::LINE_LEN;
use crate::encode::encode_command;
use crate::note::{append_record, encode_note, encode_record};
use std::collections::VecDeque;

use spinel_resp::{Args, Span};

/// Most memory that is kept for the next batch.
const MAX_SPARE: usize = 1024 * 1024;

/// Bytes of commands appended since the log was opened, counted on from where its opener began. Seals do not count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct LogPosition(pub u64);

/// Commands to be written at once.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    /// Room for the seal, then the commands.
    pub(crate) bytes: Vec<u8>,
    end: LogPosition,
    ends_file: bool,
}

impl Batch {
    /// A batch that was in a file: a seal and its commands.
    pub(crate) fn of_sealed(bytes: Vec<u8>, end: LogPosition) -> Batch {
        Batch { bytes, end, ends_file: false }
    }

    /// The position behind it.
    #[must_use]
    pub fn end(&self) -> LogPosition {
        self.end
    }

    /// Whether what follows belongs into another file.
    #[must_use]
    pub fn ends_file(&self) -> bool {
        self.ends_file
    }

    /// The commands.
    #[must_use]
    pub fn commands(&self) -> &[u8] {
        &self.bytes[LINE_LEN..]
    }

    /// Its memory, to be given back by [`LogBuffer::recycle`].
    #[must_use]
    pub fn into_memory(self) -> Vec<u8> {
        self.bytes
    }
}

/// A command encoded as a batch: room for the seal, then its words.
#[derive(Debug)]
pub struct LargeCommand(Vec<u8>);

impl LargeCommand {
    /// Encodes a command.
    #[must_use]
    pub fn new<'a, I>(words: I) -> Self
    where
        I: IntoIterator<Item = &'a [u8], IntoIter: ExactSizeIterator + Clone>,
    {
        let mut bytes = vec![0; LINE_LEN];
        encode_record(&mut bytes, words);
        Self(bytes)
    }
}

/// Collects commands.
#[derive(Debug)]
pub struct LogBuffer {
    /// Room for the seal, then the commands since the last cut.
    bytes: Vec<u8>,
    end: LogPosition,
    /// The database that a reader has selected.
    selected: Option<u32>,
    timestamps: bool,
    /// The second that a reader knows of.
    told_seconds: i64,
    in_transaction: bool,
    /// Batches in front of cuts, and of large commands, which are batches of their own.
    cut: VecDeque<Batch>,
    spare: Option<Vec<u8>>,
}

impl LogBuffer {
    /// An empty buffer whose first command begins at `position`.
    #[must_use]
    pub fn new(position: LogPosition) -> Self {
        Self {
            bytes: vec![0; LINE_LEN],
            end: position,
            selected: None,
            timestamps: false,
            told_seconds: 0,
            in_transaction: false,
            cut: VecDeque::new(),
            spare: None,
        }
    }

    /// Sets whether commands are annotated with the second they ran in (`aof-timestamp-enabled`).
    pub fn set_timestamps(&mut self, on: bool) {
        self.timestamps = on;
    }

    /// The position behind the last command.
    #[must_use]
    pub fn end(&self) -> LogPosition {
        self.end
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == LINE_LEN && self.cut.is_empty()
    }

    /// Whether the next batch ends with a change of files, which waits for the disk.
    #[must_use]
    pub fn has_cut(&self) -> bool {
        self.cut.front().is_some_and(Batch::ends_file)
    }

    /// Bytes that wait.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.bytes.len() - LINE_LEN + self.cut.iter().map(|batch| batch.commands().len()).sum::<usize>()
    }

    /// Appends a command that ran on database `db` in the second `now_seconds` since 1970; the position behind it.
    ///
    /// `MULTI` and `EXEC` may be appended like others; the lock of the buffer must be held from the one to the other.
    #[inline]
    pub fn append(&mut self, db: u32, now_seconds: i64, command: Args<'_>) -> LogPosition {
        let before = self.bytes.len();
        if self.timestamps && self.told_seconds < now_seconds && !self.in_transaction {
            self.tell_time(now_seconds);
        }
        if self.selected != Some(db) {
            self.select(db);
        }
        append_record(&mut self.bytes, command);
        self.end.0 += (self.bytes.len() - before) as u64;
        self.end
    }

    /// Appends a command that only we know, for which no database is selected; the position behind it.
    pub fn append_note<'a>(
        &mut self,
        now_seconds: i64,
        words: impl IntoIterator<Item = &'a [u8]>,
    ) -> LogPosition {
        let before = self.bytes.len();
        if self.timestamps && self.told_seconds < now_seconds && !self.in_transaction {
            self.tell_time(now_seconds);
        }
        encode_note(&mut self.bytes, words);
        self.end.0 += (self.bytes.len() - before) as u64;
        self.end
    }

    /// Appends a large command as [`append`](Self::append) does, outside transactions: encoded before the lock is taken, it is
    /// not copied here but becomes a batch of its own.
    pub fn append_large(&mut self, db: u32, now_seconds: i64, command: LargeCommand) -> LogPosition {
        debug_assert!(!self.in_transaction);
        let before = self.bytes.len();
        if self.timestamps && self.told_seconds < now_seconds {
            self.tell_time(now_seconds);
        }
        if self.selected != Some(db) {
            self.select(db);
        }
        self.end.0 += (self.bytes.len() - before) as u64;
        if self.bytes.len() > LINE_LEN {
            let bytes = self.replace_bytes();
            self.cut.push_back(Batch { bytes, end: self.end, ends_file: false });
        }
        self.end.0 += (command.0.len() - LINE_LEN) as u64;
        self.cut.push_back(Batch { bytes: command.0, end: self.end, ends_file: false });
        self.end
    }

    /// Begins a transaction: what is appended until its end is read whole or not at all.
    pub fn begin_transaction(&mut self, db: u32, now_seconds: i64) {
        debug_assert!(!self.in_transaction);
        self.append(db, now_seconds, Args::new(b"*1\r\n$5\r\nMULTI\r\n", &[Span { start: 8, end: 13 }]));
        self.in_transaction = true;
    }

    /// Ends a transaction; the position behind it.
    pub fn end_transaction(&mut self, db: u32, now_seconds: i64) -> LogPosition {
        debug_assert!(self.in_transaction);
        self.append(db, now_seconds, Args::new(b"*1\r\n$4\r\nEXEC\r\n", &[Span { start: 8, end: 12 }]));
        self.in_transaction = false;
        self.end
    }

    /// Lets what follows begin another file, and says where: at the instant of a snapshot.
    pub fn cut(&mut self) -> LogPosition {
        let bytes = self.replace_bytes();
        self.cut.push_back(Batch { bytes, end: self.end, ends_file: true });
        self.selected = None;
        self.told_seconds = 0;
        self.end
    }

    /// Takes what there is up to the next cut; nothing if there is none.
    ///
    /// # Panics
    /// Within a transaction.
    pub fn take(&mut self) -> Option<Batch> {
        assert!(!self.in_transaction, "half a transaction was about to be written");
        if let Some(batch) = self.cut.pop_front() {
            return Some(batch);
        }
        if self.bytes.len() == LINE_LEN {
            return None;
        }
        let bytes = self.replace_bytes();
        Some(Batch { bytes, end: self.end, ends_file: false })
    }

    /// Drops everything: nobody wants to keep it.
    pub fn clear(&mut self) {
        self.cut.clear();
        self.bytes.truncate(LINE_LEN);
        self.selected = None;
        self.told_seconds = 0;
    }

    /// Takes back the memory of a batch that is durable.
    pub fn recycle(&mut self, mut memory: Vec<u8>) {
        if memory.capacity() <= MAX_SPARE
            && self.spare.as_ref().is_none_or(|spare| spare.len() < memory.len())
        {
            memory.clear();
            self.spare = Some(memory);
        }
    }

    fn replace_bytes(&mut self) -> Vec<u8> {
        let mut next = self.spare.take().unwrap_or_default();
        next.resize(LINE_LEN, 0);
        std::mem::replace(&mut self.bytes, next)
    }

    #[cold]
    fn select(&mut self, db: u32) {
        let mut digits = itoa::Buffer::new();
        encode_command(&mut self.bytes, [b"SELECT", digits.format(db).as_bytes()]);
        self.selected = Some(db);
    }

    #[cold]
    fn tell_time(&mut self, now_seconds: i64) {
        let mut digits = itoa::Buffer::new();
        self.bytes.extend_from_slice(b"#TS:");
        self.bytes.extend_from_slice(digits.format(now_seconds).as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
        self.told_seconds = now_seconds;
    }
}

#[cfg(test)]
mod tests {
    use spinel_resp::OwnedArgs;

    use super::{LargeCommand, LogBuffer, LogPosition};

    fn set(buffer: &mut LogBuffer, db: u32, seconds: i64) -> LogPosition {
        buffer.append(db, seconds, OwnedArgs::from_words(["SET", "k", "v"]).args())
    }

    const SET: &str = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";

    fn text(buffer: &mut LogBuffer) -> String {
        String::from_utf8(buffer.take().unwrap().commands().to_vec()).unwrap()
    }

    #[test]
    fn a_large_command_is_a_batch_of_its_own_in_its_order_and_ends_no_file() {
        let mut buffer = LogBuffer::new(LogPosition(7));
        let select = "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n";
        set(&mut buffer, 0, 0);
        let large = || LargeCommand::new([&b"SET"[..], b"k", b"v"]);
        buffer.append_large(3, 0, large());
        let end = buffer.append_large(3, 0, large());
        let last = set(&mut buffer, 3, 0);
        assert_eq!(last.0 - end.0, SET.len() as u64);
        assert!(!buffer.has_cut() && !buffer.is_empty());
        let first = text(&mut buffer);
        assert!(first.ends_with(&format!("{SET}{select}")), "{first}");
        let batch = buffer.take().unwrap();
        assert_eq!((batch.commands(), batch.ends_file()), (SET.as_bytes(), false));
        assert_eq!(batch.end(), LogPosition(7 + (first.len() + SET.len()) as u64));
        assert_eq!((text(&mut buffer), text(&mut buffer)), (SET.to_owned(), SET.to_owned()));
        assert_eq!((buffer.end(), buffer.is_empty()), (last, true));
    }

    #[test]
    fn a_database_is_selected_once_and_again_in_every_file() {
        let mut buffer = LogBuffer::new(LogPosition(100));
        let select = "*2\r\n$6\r\nSELECT\r\n$2\r\n11\r\n";
        set(&mut buffer, 11, 0);
        let end = set(&mut buffer, 11, 0);
        let expected = format!("{select}{SET}{SET}");
        assert_eq!(end, LogPosition(100 + expected.len() as u64));
        assert_eq!(text(&mut buffer), expected);
        set(&mut buffer, 11, 0);
        assert_eq!(text(&mut buffer), SET);
        let at = buffer.cut();
        assert_eq!(at, buffer.end());
        set(&mut buffer, 11, 0);
        let before = buffer.take().unwrap();
        assert!(before.ends_file() && before.commands().is_empty());
        assert_eq!(text(&mut buffer), format!("{select}{SET}"));
        assert!(buffer.is_empty() && buffer.take().is_none());
    }

    #[test]
    fn seconds_are_told_when_they_change_and_never_within_a_transaction() {
        let mut buffer = LogBuffer::new(LogPosition(0));
        buffer.set_timestamps(true);
        set(&mut buffer, 0, 5);
        set(&mut buffer, 0, 5);
        buffer.begin_transaction(0, 5);
        set(&mut buffer, 0, 6);
        buffer.end_transaction(0, 6);
        set(&mut buffer, 0, 6);
        let select = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
        let multi = "*1\r\n$5\r\nMULTI\r\n";
        let exec = "*1\r\n$4\r\nEXEC\r\n";
        assert_eq!(text(&mut buffer), format!("#TS:5\r\n{select}{SET}{SET}{multi}{SET}{exec}#TS:6\r\n{SET}"));
    }

    #[test]
    #[should_panic(expected = "half a transaction")]
    fn half_a_transaction_is_never_taken() {
        let mut buffer = LogBuffer::new(LogPosition(0));
        buffer.begin_transaction(0, 0);
        buffer.take();
    }
}
