//! The way out of a file that cannot be trusted: everything not durable again, in a new one.

use super::{LogWriter, Queued, Refusal, Rotation, Trouble, seal};
use crate::annotation::{LINE_LEN, LineKind, SealLine, Stamp, checksum, sealed_front};
use crate::buffer::{Batch, LogPosition};
use crate::directory::{Directory, DirectoryError, NewIncrement};
use crate::disk::read_exact_at;
use crate::segment::Segment;
use std::io;

impl LogWriter {
    /// Writes all that is not durable into a new increment and goes on there.
    pub(super) fn resume(&mut self, directory: &mut Directory) -> Result<(), Refusal> {
        if !self.kept_is_whole {
            match self.read_back() {
                Ok(read) => self.kept = read.into(),
                Err(error) => return Err(self.fail(Trouble::Sync, &error)),
            }
            self.kept_bytes = self.kept.iter().map(|queued| queued.batch.bytes.len()).sum();
            self.kept_is_whole = true;
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
        self.next = None;
        self.rotation_is_due = false;
        if self.rotation == Rotation::Waiting {
            self.rotation = Rotation::Cancelled;
        }
        self.leave(segment);
        Ok(())
    }

    /// Writes and syncs the increment, which no manifest names yet.
    fn write_again(&mut self, increment: &NewIncrement) -> io::Result<Segment> {
        let mut segment = Segment::new(increment.name.clone(), increment.file.clone(), 0, 0);
        let (stamp, durable) = (self.stamp, self.segment.durable);
        let line = SealLine { kind: LineKind::Resume, stamp, at: 0, durable, length: 0 };
        segment.append(&line.encode(b""))?;
        for queued in self.kept.iter_mut().chain(&mut self.queue) {
            if !queued.batch.commands().is_empty() {
                seal(queued, segment.written, 0);
                segment.append(&queued.batch.bytes)?;
            }
        }
        segment.file().sync_data()?;
        segment.durable = segment.written;
        Ok(segment)
    }

    /// Goes on with a file that holds everything.
    fn leave(&mut self, segment: Segment) {
        let end = self.queue.back().map_or(self.written, |queued| queued.batch.end());
        if let Some(queued) = self.queue.back() {
            self.stamp = queued.stamp;
        }
        // For other readers; ours know from the new file that what is cut off here does not count.
        let old = &mut self.segment;
        old.written = old.durable;
        let _ = old.finish().and_then(|()| old.file().sync_data());
        self.queue.clear();
        self.forget_kept(LogPosition(u64::MAX));
        self.written = end;
        self.durable = end;
        self.stuck = None;
        self.go_on_with(segment);
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

impl Queued {
    fn read_back(bytes: Vec<u8>, end: LogPosition, stamp: Stamp) -> Queued {
        Queued { batch: Batch::of_sealed(bytes, end), stamp }
    }
}

/// Neither memory nor the file has what was not durable.
fn lost() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "what was written before a failed sync cannot be read back, run BGREWRITEAOF",
    )
}
