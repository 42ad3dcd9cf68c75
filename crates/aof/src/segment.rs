//! The file that is written, and the two things that take long: making it durable, and taking room ahead.
//!
//! Room ahead is written with zeros, so that a later sync changes no size and no map of blocks. It is written by whoever
//! runs a [`Preallocation`], while others write the log: the place from where on zeros may be written only moves forward,
//! and moves past a write before the write happens.

use crate::annotation::{LINE_LEN, SealLine};
use crate::buffer::LogPosition;
use crate::disk::{DiskFile, read_exact_at, write_all_at};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Zeros that are written at once, while a writer may wait.
const ZEROS: usize = 128 * 1024;

/// Of what is durable, whole blocks of so many bytes are given up by the system's memory.
const FORGET_BYTES: u64 = 4 << 20;

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) name: String,
    room: Arc<Room>,
    /// Where the next batch goes.
    pub(crate) written: u64,
    /// Up to here everything is durable.
    pub(crate) durable: u64,
    /// Where the last line of ours begins.
    last_line: u64,
}

/// A file and how far it has room.
#[derive(Debug)]
struct Room {
    file: Arc<dyn DiskFile>,
    /// Protects: the place from where on only zeros may be written. Held during such a write, and by a writer just to
    /// move the place.
    zeros_from: Mutex<u64>,
}

impl Segment {
    pub(crate) fn new(name: String, file: Arc<dyn DiskFile>, written: u64, durable: u64) -> Segment {
        let room = Arc::new(Room { file, zeros_from: Mutex::new(written) });
        // A file that is begun ends with its first line.
        let last_line = written.saturating_sub(LINE_LEN as u64);
        Segment { name, room, written, durable, last_line }
    }

    pub(crate) fn file(&self) -> &Arc<dyn DiskFile> {
        &self.room.file
    }

    /// Writes at the end what begins with a line of ours. After an error the bytes count as not written, whatever of them the
    /// file holds.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.written + bytes.len() as u64;
        self.room.claim(end);
        write_all_at(&*self.room.file, bytes, self.written)?;
        self.last_line = self.written;
        self.written = end;
        Ok(())
    }

    /// Whether the last line of ours is gone: somebody else has written to the file.
    pub(crate) fn is_overwritten(&self) -> bool {
        let mut line = [0; LINE_LEN];
        match read_exact_at(&*self.room.file, &mut line, self.last_line) {
            Ok(()) => SealLine::decode(&line).is_none_or(|(line, _)| line.at != self.last_line),
            Err(error) => error.kind() == io::ErrorKind::UnexpectedEof,
        }
    }

    /// Cuts off whatever lies behind the last whole write.
    pub(crate) fn cut_off_rest(&self) -> io::Result<()> {
        let mut zeros_from = self.room.lock();
        self.room.file.set_length(self.written)?;
        *zeros_from = self.written;
        Ok(())
    }

    /// Cuts off the rest for good: nobody writes zeros behind it any more.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let mut zeros_from = self.room.lock();
        *zeros_from = u64::MAX;
        self.room.file.set_length(self.written)
    }

    /// How much room is left behind the last write.
    pub(crate) fn room_left(&self) -> u64 {
        self.room.lock().saturating_sub(self.written)
    }

    pub(crate) fn preallocation(&self, generation: u64, length: u64) -> Preallocation {
        Preallocation { room: Arc::clone(&self.room), generation, length }
    }
}

impl Room {
    fn lock(&self) -> std::sync::MutexGuard<'_, u64> {
        // A place is right whether or not somebody who held it panicked.
        self.zeros_from.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, end: u64) {
        let mut zeros_from = self.lock();
        *zeros_from = end.max(*zeros_from);
    }
}

/// Room to be taken ahead of the writer. Run it where waiting harms nobody.
#[derive(Debug)]
#[must_use = "the writer takes no other until it is told of this one's end"]
pub struct Preallocation {
    room: Arc<Room>,
    generation: u64,
    length: u64,
}

/// How taking room went.
#[derive(Debug)]
#[must_use = "the writer takes no more room until it is told"]
pub struct PreallocationOutcome {
    pub(crate) generation: u64,
    pub(crate) result: io::Result<()>,
}

impl Preallocation {
    /// Writes the zeros.
    pub fn run(self) -> PreallocationOutcome {
        PreallocationOutcome { generation: self.generation, result: self.write() }
    }

    fn write(&self) -> io::Result<()> {
        let start = *self.room.lock();
        if start == u64::MAX {
            return Ok(());
        }
        self.room.file.reserve(start, self.length)?;
        let zeros = vec![0; ZEROS];
        let end = start + self.length;
        loop {
            let mut zeros_from = self.room.lock();
            if *zeros_from >= end {
                return Ok(());
            }
            let count = zeros.len().min((end - *zeros_from) as usize);
            write_all_at(&*self.room.file, &zeros[..count], *zeros_from)?;
            *zeros_from += count as u64;
        }
    }
}

/// A sync to be run: what it proves is what had been written when it was made.
#[derive(Debug)]
#[must_use = "the writer syncs no more until it is told of this one's end"]
pub struct SyncTicket {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) generation: u64,
    /// Up to here the file is durable already.
    pub(crate) file_start: u64,
    pub(crate) file_end: u64,
    pub(crate) position: LogPosition,
}

/// How a sync went.
#[derive(Debug)]
#[must_use = "nothing is durable until the writer is told"]
pub struct SyncOutcome {
    pub(crate) generation: u64,
    pub(crate) file_end: u64,
    pub(crate) position: LogPosition,
    pub(crate) result: io::Result<()>,
}

impl SyncTicket {
    /// What is durable if it succeeds.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        self.position
    }

    /// Waits for the disk.
    pub fn run(self) -> SyncOutcome {
        let result = self.file.sync_data();
        if result.is_ok() {
            self.forget();
        }
        let SyncTicket { generation, file_end, position, .. } = self;
        SyncOutcome { generation, file_end, position, result }
    }

    /// Gives up the blocks that this sync completed: what a log holds is read when a server starts.
    fn forget(&self) {
        let start = self.file_start - self.file_start % FORGET_BYTES;
        let end = self.file_end - self.file_end % FORGET_BYTES;
        if start < end {
            self.file.forget(start, end - start);
        }
    }
}

impl SyncOutcome {
    /// What the disk said.
    #[must_use]
    pub fn error(&self) -> Option<&io::Error> {
        self.result.as_ref().err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::{SimDisk, Step};
    use crate::disk::{Disk, OpenMode};

    #[test]
    fn whole_blocks_that_are_durable_are_forgotten() {
        let disk = SimDisk::new(4096);
        let mut segment = Segment::new("log".into(), disk.open("log", OpenMode::Create).unwrap(), 0, 0);
        let mut sync = |bytes: u64| {
            segment.append(&vec![b'x'; bytes as usize]).unwrap();
            let (file_start, file_end) = (segment.durable, segment.written);
            let file = segment.file().clone();
            let ticket = SyncTicket { file, generation: 0, file_start, file_end, position: LogPosition(0) };
            if ticket.run().error().is_none() {
                segment.durable = file_end;
            }
        };
        sync(FORGET_BYTES - 1);
        assert_eq!(disk.forgotten(), []);
        disk.fail(Step::Sync, 0, 1);
        sync(2);
        assert_eq!(disk.forgotten(), [], "a sync that failed proves nothing");
        sync(FORGET_BYTES);
        assert_eq!(disk.forgotten(), [(0, 2 * FORGET_BYTES)]);
        sync(FORGET_BYTES);
        assert_eq!(disk.forgotten().last(), Some(&(2 * FORGET_BYTES, 3 * FORGET_BYTES)));
    }
}
