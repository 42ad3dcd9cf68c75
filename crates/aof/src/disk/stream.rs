//! A file as a stream, for codecs that read or write from front to back.

use super::DiskFile;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// Reads a file from front to back. It does not buffer.
#[derive(Debug)]
pub struct FileReader {
    file: Arc<dyn DiskFile>,
    at: u64,
}

impl FileReader {
    /// A reader that begins at the front.
    #[must_use]
    pub fn new(file: Arc<dyn DiskFile>) -> Self {
        Self { file, at: 0 }
    }

    /// How many bytes were read.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.at
    }
}

impl Read for FileReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buf, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Writes a file from front to back. It does not buffer, and does not sync.
#[derive(Debug)]
pub struct FileWriter {
    file: Arc<dyn DiskFile>,
    at: u64,
}

impl FileWriter {
    /// A writer that begins at the front.
    #[must_use]
    pub fn new(file: Arc<dyn DiskFile>) -> Self {
        Self { file, at: 0 }
    }

    /// How many bytes were written.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.at
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write_at(bytes, self.at)?;
        self.at += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
