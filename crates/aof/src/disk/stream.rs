//! A file as a stream, for codecs that read from front to back.

use super::DiskFile;
use std::io::{self, Read};
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
}

impl Read for FileReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buf, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
