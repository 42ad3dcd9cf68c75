//! The part of a file that is in memory: it slides forward and grows only by bytes that are really there.

use crate::disk::DiskFile;
use crc_fast::Digest;
use std::io;
use std::sync::Arc;

/// Bytes that are read at once, later on.
const CHUNK: usize = 256 * 1024;
/// Bytes that are read at once in the beginning: often a look is enough.
const FIRST_CHUNK: usize = 4096;

#[derive(Debug)]
pub(super) struct Window {
    file: Arc<dyn DiskFile>,
    bytes: Vec<u8>,
    /// How many of `bytes` were taken.
    taken: usize,
    /// Where in the file `bytes` begins.
    at: u64,
    end: u64,
    /// Bytes to read at once.
    chunk: usize,
}

impl Window {
    pub(super) fn new(file: Arc<dyn DiskFile>, start: u64, end: u64) -> Window {
        Window { file, bytes: Vec::new(), taken: 0, at: start.min(end), end, chunk: FIRST_CHUNK }
    }

    /// Where the first byte not taken is.
    pub(super) fn offset(&self) -> u64 {
        self.at + self.taken as u64
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn at_end(&self) -> bool {
        self.offset() >= self.end
    }

    /// Lets the file end at `end`, where it stands or later.
    pub(super) fn end_at(&mut self, end: u64) {
        self.end = end.max(self.offset());
    }

    /// The bytes in memory that were not taken, none at `limit` or behind.
    pub(super) fn available(&self, limit: u64) -> &[u8] {
        let rest = &self.bytes[self.taken..];
        let most = usize::try_from(limit.min(self.end) - self.offset()).unwrap_or(usize::MAX);
        &rest[..rest.len().min(most)]
    }

    /// Reads until `wanted` bytes are available. They must be there.
    pub(super) fn fill(&mut self, wanted: u64) -> io::Result<()> {
        let wanted = usize::try_from(wanted).map_err(|_| io::ErrorKind::OutOfMemory)?;
        if self.bytes.len() - self.taken >= wanted {
            return Ok(());
        }
        self.bytes.drain(..self.taken);
        self.at += self.taken as u64;
        self.taken = 0;
        while self.bytes.len() < wanted {
            let have = self.bytes.len();
            let from = self.at + have as u64;
            let room = self.chunk.max(wanted - have).min(CHUNK * 16).min((self.end - from) as usize);
            self.chunk = (self.chunk * 2).min(CHUNK);
            self.bytes.resize(have + room, 0);
            let count = read_some(&*self.file, &mut self.bytes[have..], from)?;
            self.bytes.truncate(have + count);
        }
        Ok(())
    }

    pub(super) fn first_byte(&mut self) -> io::Result<u8> {
        self.fill(1)?;
        Ok(self.bytes[self.taken])
    }

    /// Whether the rest begins with `prefix`, as far as it goes.
    pub(super) fn starts_like(&mut self, prefix: &[u8]) -> io::Result<bool> {
        let length = (prefix.len() as u64).min(self.end - self.offset());
        self.fill(length)?;
        Ok(self.bytes[self.taken..].starts_with(&prefix[..length as usize]))
    }

    /// Takes bytes that are available.
    pub(super) fn take(&mut self, length: usize) -> &[u8] {
        let start = self.taken;
        self.taken += length;
        &self.bytes[start..self.taken]
    }

    /// Adds bytes of the file to a checksum, from memory where they are short enough to stay there.
    pub(super) fn digest(&mut self, at: u64, length: u64, digest: &mut Digest) -> io::Result<()> {
        let ahead = at - self.offset() + length;
        if ahead <= CHUNK as u64 {
            self.fill(ahead)?;
            let start = (at - self.at) as usize;
            digest.update(&self.bytes[start..start + length as usize]);
            return Ok(());
        }
        self.scan(at, at + length, |piece| {
            digest.update(piece);
            true
        })
    }

    /// Whether nothing but zeros follows.
    pub(super) fn only_zeros(&self) -> io::Result<bool> {
        let mut zeros = true;
        self.scan(self.offset(), self.end, |piece| {
            zeros = piece.iter().all(|byte| *byte == 0);
            zeros
        })?;
        Ok(zeros)
    }

    /// Shows the bytes `from..to` in pieces, as long as they are wanted.
    pub(super) fn scan(&self, from: u64, to: u64, mut piece: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK.min((to - from) as usize)];
        let mut at = from;
        while at < to {
            let most = chunk.len().min((to - at) as usize);
            let count = read_some(&*self.file, &mut chunk[..most], at)?;
            if !piece(&chunk[..count]) {
                break;
            }
            at += count as u64;
        }
        Ok(())
    }
}

/// Reads at least one byte.
fn read_some(file: &dyn DiskFile, buf: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buf, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
