//! The machine that writes the log. It waits for nothing but the writes themselves, and is driven by calls:
//!
//! ```text
//!  LogBuffer ── take ──▶ Batch ── write ──▶ queue ──▶ file ──▶ kept ── sync ──▶ gone
//!                                             │        │
//!                                    no room: wait     sync failed: all of it again, into a new file
//! ```
//!
//! It stands behind a lock. Whoever writes takes the lock first and the batch from the buffer then, so that batches come
//! in order. What takes long is handed out ([`SyncTicket`], [`Preallocation`]) and run without the lock; the writer is
//! told of its end.
//!
//! # When the disk fails
//! [`LogWriter::write`] keeps what it was given, whatever happens; nothing acknowledged may be forgotten. While it is in
//! trouble it refuses ([`Refusal`]): no further writes should be accepted from clients. [`LogWriter::retry`] gets out of
//! it as soon as the disk allows:
//!
//! - No room: what was written in part is cut off, and written again at the same place.
//! - A failed sync proves nothing about any page since the last one that succeeded, nor does a later one that succeeds. So
//!   the file is given up: all that is not durable is written again into a new increment, which begins by saying up to
//!   where the old one counts. What is not in memory any more is read back and must match its seals. If it does not, only
//!   the data set has it: a new base is needed ([`LogWriter::needs_base`]), and the log goes on in the file that follows it.

mod resume;

use crate::annotation::{LINE_LEN, LineKind, SealLine, Stamp};
use crate::buffer::{Batch, LogPosition};
use crate::directory::{Directory, DirectoryError, NewIncrement, system_text};
use crate::disk::OpenMode;
use crate::segment::{Preallocation, PreallocationOutcome, Segment, SyncOutcome, SyncTicket};
use std::collections::VecDeque;
use std::fmt;
use std::io;

/// Time between two attempts to get out of trouble.
const RETRY_MS: u64 = 250;

/// How the log is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WriterOptions {
    /// Room that is taken ahead at once, in bytes; 0 takes none.
    pub preallocate_bytes: u64,
    /// What is not durable is kept in memory up to so many bytes; what is beyond is read back when it is needed.
    pub keep_bytes: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { preallocate_bytes: 0, keep_bytes: 256 * 1024 * 1024 }
    }
}

/// Why no writes should be accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What failed.
    pub cause: Trouble,
    /// What the system said, as in `MISCONF Errors writing to the AOF file: ...`.
    pub system: String,
}

/// What failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// There is no room: free some, the rest happens by itself.
    NoRoom,
    /// A write failed: see to the disk.
    Write,
    /// A sync failed: see to the disk.
    Sync,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.system)
    }
}

impl std::error::Error for Refusal {}

/// How a change of files that was begun is going.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rotation {
    /// None was begun.
    None,
    /// The cut in the buffer was not reached.
    Waiting,
    /// The file of this name is written; it begins at the cut.
    Done(String),
    /// Trouble came in between: the cut is within a file, so nothing may rely on it.
    Cancelled,
}

/// What is in neither memory nor the file: the way on leads over a new base.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Gap {
    /// There is none.
    None,
    /// Somewhere in what is not durable.
    Open,
    /// Before this file; a base is to hold everything up to here.
    Before(LogPosition),
}

/// A batch and where the writer stood when it was taken.
#[derive(Debug)]
struct Queued {
    batch: Batch,
    stamp: Stamp,
}

/// Trouble, and when to try again.
#[derive(Debug)]
struct Stuck {
    refusal: Refusal,
    retry_at_ms: u64,
}

/// Writes the log.
#[derive(Debug)]
pub struct LogWriter {
    options: WriterOptions,
    segment: Segment,
    /// Counts files, so that what ends late is known to concern an earlier one.
    generation: u64,
    next: Option<NewIncrement>,
    rotation: Rotation,
    rotation_is_due: bool,
    queue: VecDeque<Queued>,
    kept: VecDeque<Queued>,
    kept_bytes: usize,
    /// `kept` begins at `durable`.
    kept_is_whole: bool,
    written: LogPosition,
    durable: LogPosition,
    stuck: Option<Stuck>,
    /// Only while it is stuck.
    gap: Gap,
    syncing: bool,
    preallocating: bool,
    /// No room is taken ahead before so much of the file is written.
    preallocate_from: u64,
    stamp: Stamp,
    freed: Vec<Vec<u8>>,
}

impl LogWriter {
    /// Goes on writing the last increment, or a new one if there is none. What the files hold must have been loaded, and
    /// what is torn or unused cut off. The next command will have the position `start`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn open(
        directory: &mut Directory,
        options: WriterOptions,
        start: LogPosition,
        stamp: Stamp,
    ) -> Result<LogWriter, DirectoryError> {
        // What was loaded may be in memory only; the line that calls it durable comes after.
        directory.sync_all()?;
        let Some(last) = directory.manifest().increments().last() else {
            let increment = directory.begin_increment(stamp)?;
            return Ok(Self::begin(increment, options, start, stamp));
        };
        let name = last.name.clone();
        let file = directory.open_file(&name, OpenMode::Create)?;
        let outcome = file.length().and_then(|length| {
            let line =
                SealLine { kind: LineKind::Open, stamp, at: length, durable: length, length: 0 }.encode(b"");
            let mut segment = Segment::new(name.clone(), file, length, length);
            segment.append(&line)?;
            segment.file().sync_data()?;
            segment.durable = segment.written;
            Ok(segment)
        });
        let segment = outcome.map_err(|error| {
            crate::directory::io_error(format!("Can't open the append-only file {name}"), error)
        })?;
        Ok(Self::of_segment(segment, options, start, stamp))
    }

    /// Begins with a new increment.
    #[must_use]
    pub fn begin(
        increment: NewIncrement,
        options: WriterOptions,
        start: LogPosition,
        stamp: Stamp,
    ) -> LogWriter {
        let NewIncrement { name, file, written } = increment;
        Self::of_segment(Segment::new(name, file, written, written), options, start, stamp)
    }

    fn of_segment(segment: Segment, options: WriterOptions, start: LogPosition, stamp: Stamp) -> LogWriter {
        LogWriter {
            options,
            segment,
            generation: 0,
            next: None,
            rotation: Rotation::None,
            rotation_is_due: false,
            queue: VecDeque::new(),
            kept: VecDeque::new(),
            kept_bytes: 0,
            kept_is_whole: true,
            written: start,
            durable: start,
            stuck: None,
            gap: Gap::None,
            syncing: false,
            preallocating: false,
            preallocate_from: 0,
            stamp,
            freed: Vec::new(),
        }
    }

    /// Sets how it writes from here on.
    pub fn set_options(&mut self, options: WriterOptions) {
        self.options = options;
    }

    /// Up to where commands are in the file: they outlive the process.
    #[must_use]
    pub fn written(&self) -> LogPosition {
        self.written
    }

    /// Up to where commands are durable: they outlive a power cut.
    #[must_use]
    pub fn durable(&self) -> LogPosition {
        self.durable
    }

    /// Why no writes should be accepted, if so.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.stuck.as_ref().map(|stuck| &stuck.refusal)
    }

    /// When the next attempt to get out of trouble is due, in milliseconds since 1970.
    #[must_use]
    pub fn retry_at_ms(&self) -> Option<u64> {
        self.stuck.as_ref().map(|stuck| stuck.retry_at_ms)
    }

    /// The name of the file that is being written.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.segment.name
    }

    /// Whether somebody else has written to the file, and nothing of ours waits to be written: whoever closes the log leaves
    /// such a file alone, since it was put there to be loaded.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.queue.is_empty() && self.segment.is_overwritten()
    }

    /// Bytes of the file that are used.
    #[must_use]
    pub fn file_length(&self) -> u64 {
        self.segment.written
    }

    /// Whether a sync runs that was handed out: until it ends, the writer must be neither closed nor replaced.
    #[must_use]
    pub fn is_syncing(&self) -> bool {
        self.syncing
    }

    /// How the last change of files is going.
    #[must_use]
    pub fn rotation(&self) -> &Rotation {
        &self.rotation
    }

    /// Memory of batches that are done with, for [`LogBuffer::recycle`](crate::LogBuffer::recycle).
    pub fn take_freed(&mut self) -> Option<Vec<u8>> {
        self.freed.pop()
    }

    /// Writes a batch, and before it whatever waits.
    ///
    /// A batch in front of a cut ends with a change of files, which waits for the disk.
    ///
    /// # Errors
    /// When it cannot be written now; it is kept and written by a later call.
    pub fn write(&mut self, batch: Batch, stamp: Stamp) -> Result<(), Refusal> {
        self.queue.push_back(Queued { batch, stamp });
        self.flush()
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// When it cannot be written now.
    pub fn flush(&mut self) -> Result<(), Refusal> {
        if let Some(stuck) = &self.stuck {
            return Err(stuck.refusal.clone());
        }
        loop {
            if self.rotation_is_due {
                if self.syncing {
                    return Ok(());
                }
                self.rotate()?;
            }
            let Some(queued) = self.queue.pop_front() else { return Ok(()) };
            self.write_one(queued)?;
        }
    }

    fn write_one(&mut self, mut queued: Queued) -> Result<(), Refusal> {
        if !queued.batch.commands().is_empty() {
            let (at, durable) = (self.segment.written, self.segment.durable);
            seal(&mut queued, at, durable);
            if let Err(error) = self.segment.append(&queued.batch.bytes) {
                // If this fails too, what is left over is recognised as torn until it is written over.
                let _ = self.segment.cut_off_rest();
                self.queue.push_front(queued);
                return Err(self.fail(write_trouble(&error), &error));
            }
        }
        self.stamp = queued.stamp;
        self.written = queued.batch.end();
        self.rotation_is_due = queued.batch.ends_file() && self.rotation == Rotation::Waiting;
        self.keep(queued);
        Ok(())
    }

    /// Keeps a written batch until it is durable.
    fn keep(&mut self, queued: Queued) {
        self.kept_bytes += queued.batch.bytes.len();
        self.kept.push_back(queued);
        if self.kept_bytes > self.options.keep_bytes {
            self.kept_is_whole = false;
            self.forget_kept(LogPosition(u64::MAX));
        }
    }

    /// Gives up the memory of batches up to `position`.
    fn forget_kept(&mut self, position: LogPosition) {
        while self.kept.front().is_some_and(|queued| queued.batch.end() <= position) {
            let Some(queued) = self.kept.pop_front() else { return };
            self.kept_bytes -= queued.batch.bytes.len();
            if self.freed.is_empty() {
                self.freed.push(queued.batch.into_memory());
            }
        }
    }

    fn fail(&mut self, cause: Trouble, error: &io::Error) -> Refusal {
        let refusal = Refusal { cause, system: system_text(error) };
        self.stuck = Some(Stuck { refusal: refusal.clone(), retry_at_ms: self.stamp.time_ms + RETRY_MS });
        refusal
    }
}

/// Making durable.
impl LogWriter {
    /// A sync of all that is written; none if there is nothing to make durable, or another sync runs.
    pub fn begin_sync(&mut self) -> Option<SyncTicket> {
        // Where there is no room, what is written can be made durable nevertheless.
        let distrusted = self.stuck.as_ref().is_some_and(|stuck| stuck.refusal.cause != Trouble::NoRoom);
        if self.syncing || distrusted || self.durable == self.written {
            return None;
        }
        self.syncing = true;
        Some(SyncTicket {
            file: self.segment.file().clone(),
            generation: self.generation,
            file_start: self.segment.durable,
            file_end: self.segment.written,
            position: self.written,
        })
    }

    /// Learns how a sync went. What waited for its end is done then.
    ///
    /// # Errors
    /// When the sync failed, or what waited for it.
    pub fn end_sync(&mut self, outcome: SyncOutcome) -> Result<(), Refusal> {
        debug_assert!(
            self.syncing && outcome.generation == self.generation,
            "files change between syncs only"
        );
        self.syncing = false;
        match outcome.result {
            Ok(()) => {
                self.made_durable(outcome.file_end, outcome.position);
                if self.stuck.is_none() { self.flush() } else { Ok(()) }
            }
            Err(error) => Err(self.fail(Trouble::Sync, &error)),
        }
    }

    /// Writes what waits, and waits until all of it is durable.
    ///
    /// # Errors
    /// When that fails, or another sync runs.
    pub fn sync(&mut self) -> Result<(), Refusal> {
        self.flush()?;
        if let Some(ticket) = self.begin_sync() {
            return self.end_sync(ticket.run());
        }
        assert!(!self.syncing, "another sync runs");
        Ok(())
    }

    fn made_durable(&mut self, file_end: u64, position: LogPosition) {
        self.segment.durable = file_end.max(self.segment.durable);
        self.durable = position.max(self.durable);
        self.forget_kept(self.durable);
        self.kept_is_whole |= self.durable == self.written;
    }

    /// Room to be taken ahead, if it is time.
    pub fn begin_preallocation(&mut self) -> Option<Preallocation> {
        let chunk = self.options.preallocate_bytes;
        let idle = chunk > 0 && !self.preallocating && self.stuck.is_none();
        if !idle || self.segment.written < self.preallocate_from || self.segment.room_left() > chunk / 2 {
            return None;
        }
        self.preallocating = true;
        Some(self.segment.preallocation(self.generation, chunk))
    }

    /// Learns how taking room went. Without room ahead the log is written nevertheless.
    pub fn end_preallocation(&mut self, outcome: PreallocationOutcome) {
        self.preallocating = false;
        if outcome.result.is_err() && outcome.generation == self.generation {
            self.preallocate_from = self.segment.written + self.options.preallocate_bytes;
        }
    }
}

/// Changing files.
impl LogWriter {
    /// Lets what follows the next cut of the buffer go into `next`.
    ///
    /// # Panics
    /// If another change was begun and is not done.
    pub fn begin_rotation(&mut self, next: NewIncrement) {
        assert!(self.next.is_none(), "another change of files was begun");
        self.next = Some(next);
        self.rotation = Rotation::Waiting;
    }

    /// Finishes the file and goes on with the next one.
    fn rotate(&mut self) -> Result<(), Refusal> {
        self.finish_segment(self.segment.durable)?;
        let Some(next) = self.next.take() else { unreachable!("a rotation that waits has a file") };
        self.rotation_is_due = false;
        self.rotation = Rotation::Done(next.name.clone());
        self.go_on_with(Segment::new(next.name, next.file, next.written, next.written));
        Ok(())
    }

    /// Writes the last line, cuts off the room that is left and makes all of it durable.
    fn finish_segment(&mut self, known_durable: u64) -> Result<(), Refusal> {
        let at = self.segment.written;
        let line =
            SealLine { kind: LineKind::Close, stamp: self.stamp, at, durable: known_durable, length: 0 }
                .encode(b"");
        // The line is worth nothing where there is no room for it.
        let _ = self.segment.append(&line);
        self.segment.finish().map_err(|error| self.fail(Trouble::Write, &error))?;
        self.segment.file().sync_data().map_err(|error| self.fail(Trouble::Sync, &error))?;
        self.made_durable(self.segment.written, self.written);
        Ok(())
    }

    fn go_on_with(&mut self, segment: Segment) {
        self.segment = segment;
        self.generation += 1;
        self.preallocate_from = 0;
    }

    /// Writes what waits, makes it durable and leaves the file as other servers expect it.
    ///
    /// # Errors
    /// When not everything is durable.
    pub fn close(&mut self, stamp: Stamp) -> Result<(), Refusal> {
        self.sync()?;
        self.stamp = stamp;
        self.finish_segment(self.segment.written)
    }

    /// Tries to get out of trouble, if the time has come.
    ///
    /// # Errors
    /// When it is not out of it.
    pub fn retry(&mut self, directory: &mut Directory, now_ms: u64) -> Result<(), Refusal> {
        let Some(stuck) = &self.stuck else { return self.flush() };
        // A clock that was set back does not keep it from trying.
        let is_early = now_ms < stuck.retry_at_ms && stuck.retry_at_ms - now_ms <= RETRY_MS;
        if self.syncing || is_early {
            return Err(stuck.refusal.clone());
        }
        self.stamp.time_ms = self.stamp.time_ms.max(now_ms);
        if stuck.refusal.cause == Trouble::NoRoom {
            self.stuck = None;
            return self.flush();
        }
        self.resume(directory)
    }
}

/// Puts the seal in front of a batch.
fn seal(queued: &mut Queued, at: u64, durable: u64) {
    let Queued { batch, stamp } = queued;
    let length = batch.commands().len() as u64;
    let line =
        SealLine { kind: LineKind::Batch, stamp: *stamp, at, durable, length }.encode(batch.commands());
    batch.bytes[..LINE_LEN].copy_from_slice(&line);
}

fn write_trouble(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Trouble::NoRoom,
        _ => Trouble::Write,
    }
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
