//! The way out of a file that cannot be trusted: everything not durable again, in a new one.

use super::{Gap, LogWriter, Queued, Refusal, Rotation, Trouble, seal};
use crate::annotation::{LINE_LEN, LineKind, SealLine, Stamp, checksum, sealed_front};
use crate::buffer::{Batch, LogPosition};
use crate::directory::{Directory, DirectoryError, NewIncrement};
use crate::disk::read_exact_at;
use crate::segment::Segment;
use std::io;

impl LogWriter {
    /// Writes all that is not durable into a new increment and goes on there.
    pub(super) fn resume(&mut self, directory: &mut Directory) -> Result<(), Refusal> {
        if let Gap::Before(_) = self.gap {
            return Err(self.fail(Trouble::Sync, &lost()));
        }
        if !self.kept_is_whole {
            match self.read_back() {
                Ok(read) => self.kept = read.into(),
                Err(error) => {
                    self.gap = Gap::Open;
                    return Err(self.fail(Trouble::Sync, &error));
                }
            }
            self.gap = Gap::None;
            self.kept_bytes = self.kept.iter().map(|queued| queued.batch.bytes.len()).sum();
            self.kept_is_whole = true;
        }
        if self.segment.name == directory.names().temporary_increment() {
            return self.resume_in_place();
        }
        let increment = directory.prepare_increment().map_err(|error| self.fail_with(error))?;
        let segment = match self.write_again(&increment) {
            Ok(segment) => segment,
            Err(error) => {
                directory.discard(&increment);
                return Err(self.fail(Trouble::Write, &error));
            }
        };
        directory.adopt(&increment, self.next.as_ref()).map_err(|error| self.fail_with(error))?;
        self.leave(segment);
        Ok(())
    }

    /// Whether it can go on only after a new base, which everything before the next cut is part of.
    #[must_use]
    pub fn needs_base(&self) -> bool {
        self.gap != Gap::None
    }

    /// Leaves out what is before the cut, for a base holds it, and turns to the file that was begun for what follows. False
    /// if it was given nothing with a cut.
    ///
    /// It stays in trouble: other files count, not the base, until [`base_is_installed`](Self::base_is_installed).
    pub fn skip_to_cut(&mut self) -> bool {
        let cut = if self.rotation_is_due {
            Some((0, self.written))
        } else {
            let at = self.queue.iter().position(|queued| queued.batch.ends_file());
            at.map(|at| (at + 1, self.queue[at].batch.end()))
        };
        let (Some((count, end)), Rotation::Waiting) = (cut, &self.rotation) else { return false };
        let Some(next) = self.next.take() else { unreachable!("a rotation that waits has a file") };
        self.queue.drain(..count);
        self.forget_kept(LogPosition(u64::MAX));
        self.kept_is_whole = true;
        self.rotation_is_due = false;
        self.rotation = Rotation::Done(next.name.clone());
        self.go_on_with(Segment::new(next.name, next.file, next.written, next.written));
        self.gap = Gap::Before(end);
        true
    }

    /// The base that was needed counts from now on: goes on with what follows the cut.
    ///
    /// # Errors
    /// When that cannot be written now.
    pub fn base_is_installed(&mut self) -> Result<(), Refusal> {
        let Gap::Before(end) = self.gap else { return self.flush() };
        (self.gap, self.stuck) = (Gap::None, None);
        (self.written, self.durable) = (end, end);
        self.flush()
    }

    /// Writes and syncs the increment, which no manifest names yet.
    fn write_again(&mut self, increment: &NewIncrement) -> io::Result<Segment> {
        let mut segment = Segment::new(increment.name.clone(), increment.file.clone(), 0, 0);
        let (stamp, durable) = (self.stamp, self.segment.durable);
        let line = SealLine { kind: LineKind::Resume, stamp, at: 0, durable, length: 0 };
        segment.append(&line.encode(b""))?;
        write_and_sync(&mut segment, self.kept.iter_mut().chain(&mut self.queue))?;
        Ok(segment)
    }

    /// Writes it again at the same place of a file that was begun without a name in the manifest: as long as it has none, no
    /// other can follow it.
    fn resume_in_place(&mut self) -> Result<(), Refusal> {
        let written = self.segment.written;
        self.segment.written = self.segment.durable;
        let again = self.kept.iter_mut().chain(&mut self.queue);
        if let Err(error) = write_and_sync(&mut self.segment, again) {
            self.segment.written = written;
            return Err(self.fail(Trouble::Write, &error));
        }
        self.everything_is_durable();
        Ok(())
    }

    /// Goes on with a file that holds everything.
    fn leave(&mut self, segment: Segment) {
        // For other readers; ours know from the new file that what is cut off here does not count.
        let old = &mut self.segment;
        old.written = old.durable;
        let _ = old.finish().and_then(|()| old.file().sync_data());
        self.everything_is_durable();
        self.go_on_with(segment);
    }

    /// Everything was written again without regard to cuts, so no file begins at one.
    fn everything_is_durable(&mut self) {
        self.next = None;
        self.rotation_is_due = false;
        if self.rotation == Rotation::Waiting {
            self.rotation = Rotation::Cancelled;
        }
        if let Some(queued) = self.queue.back() {
            (self.stamp, self.written) = (queued.stamp, queued.batch.end());
        }
        self.queue.clear();
        self.forget_kept(LogPosition(u64::MAX));
        self.durable = self.written;
        self.stuck = None;
    }

    /// Reads what was written and is not durable from the file, which still has it if the system does; seals prove it.
    fn read_back(&self) -> io::Result<Vec<Queued>> {
        let file = self.segment.file();
        let (mut at, mut position) = (self.segment.durable, self.durable.0);
        let mut read = Vec::new();
        while at < self.segment.written {
            let mut line = [0; LINE_LEN];
            read_exact_at(&**file, &mut line, at)?;
            let seal = SealLine::decode(&line).filter(|(seal, _)| {
                seal.at == at && seal.length <= self.segment.written - at - LINE_LEN as u64
            });
            let Some((seal, crc)) = seal else { return Err(lost()) };
            let mut bytes = vec![0; LINE_LEN + seal.length as usize];
            read_exact_at(&**file, &mut bytes[LINE_LEN..], at + LINE_LEN as u64)?;
            if checksum(sealed_front(&line), &bytes[LINE_LEN..]) != crc {
                return Err(lost());
            }
            at += bytes.len() as u64;
            position += seal.length;
            if seal.kind == LineKind::Batch {
                read.push(Queued::read_back(bytes, LogPosition(position), seal.stamp));
            }
        }
        if position != self.written.0 {
            return Err(lost());
        }
        Ok(read)
    }

    fn fail_with(&mut self, error: DirectoryError) -> Refusal {
        let error = match error {
            DirectoryError::Io { error, .. } => error,
            DirectoryError::Manifest(error) => io::Error::new(io::ErrorKind::InvalidData, error),
        };
        self.fail(Trouble::Sync, &error)
    }
}

/// Writes batches at the end of a file and makes all of it durable.
fn write_and_sync<'a>(
    segment: &mut Segment,
    batches: impl Iterator<Item = &'a mut Queued>,
) -> io::Result<()> {
    let durable = segment.durable;
    for queued in batches.filter(|queued| !queued.batch.commands().is_empty()) {
        seal(queued, segment.written, durable);
        segment.append(&queued.batch.bytes)?;
    }
    segment.file().sync_data()?;
    segment.durable = segment.written;
    Ok(())
}

impl Queued {
    fn read_back(bytes: Vec<u8>, end: LogPosition, stamp: Stamp) -> Queued {
        Queued { batch: Batch::of_sealed(bytes, end), stamp }
    }
}

/// Neither memory nor the file has what was not durable.
fn lost() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "what was written before a failed sync cannot be read back, the log is being rewritten",
    )
}
