//! Cutting a log where a tool was told to, seals included.

use crate::annotation::{LINE_LEN, SealLine};
use crate::disk::{DiskFile, read_exact_at, write_all_at};
use std::io;

/// Ends a file at `at`, a boundary of its commands. `seal` is the last seal in front of it: if the place is within its
/// batch, what is left of the batch is sealed anew.
///
/// # Errors
/// When the file cannot be changed.
pub(crate) fn cut_file(file: &dyn DiskFile, at: u64, seal: Option<&SealLine>) -> io::Result<()> {
    if let Some(seal) = seal
        && at > seal.at
        && at < seal.at + LINE_LEN as u64 + seal.length
    {
        let start = seal.at + LINE_LEN as u64;
        let length = at.checked_sub(start).ok_or(io::ErrorKind::InvalidInput)?;
        let mut commands = vec![0; usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?];
        read_exact_at(file, &mut commands, start)?;
        let line = SealLine { length, ..*seal }.encode(&commands);
        // First the line: if the rest stays, it is read as commands without a seal, and nothing is lost.
        write_all_at(file, &line, seal.at)?;
    }
    file.set_length(at)?;
    file.sync_data()
}
