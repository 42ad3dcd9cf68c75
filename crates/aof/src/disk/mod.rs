//! Files behind a trait: the real file system, and one in memory that fails on demand.
//!
//! Everything that must outlive a power cut goes through this door, so that tests can cut the power between any two
//! steps. A [`Disk`] is one folder (the server's `dir`); paths are relative to it, with at most one folder in front:
//! `dump.rdb`, `appendonlydir/appendonly.aof.manifest`.
//!
//! A rename outlives a power cut only after its folder was synced; [`replace_file`] is the one place that renames.

mod real;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod stream;

pub use real::RealDisk;
pub use stream::FileReader;

use std::fmt;
use std::io;
use std::sync::Arc;

/// Bytes that are copied at once.
const COPY_BYTES: usize = 256 * 1024;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// For reading; it must exist.
    Read,
    /// For reading and writing; it must exist.
    Write,
    /// For reading and writing; made when missing, left as it is otherwise.
    Create,
    /// For reading and writing; made when missing, emptied otherwise.
    Truncate,
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A file of so many bytes.
    File(u64),
    /// A folder.
    Folder,
}

/// An open file. Offsets and lengths are bytes; there is no file position.
pub trait DiskFile: Send + Sync + fmt::Debug {
    /// Reads at `at`; 0 means the end.
    ///
    /// # Errors
    /// Those of the file system.
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize>;

    /// Writes at `at` and says how many bytes it took, which may be fewer than given.
    ///
    /// # Errors
    /// Those of the file system.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize>;

    /// The length.
    ///
    /// # Errors
    /// Those of the file system.
    fn length(&self) -> io::Result<u64>;

    /// Cuts the file, or extends it with zeros.
    ///
    /// # Errors
    /// Those of the file system.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Takes room for `length` bytes at `at`, where the file system can; the length of the file stays.
    ///
    /// # Errors
    /// When there is no room.
    fn reserve(&self, at: u64, length: u64) -> io::Result<()>;

    /// Makes the content durable, and of the metadata what is needed to read it.
    ///
    /// # Errors
    /// When it is not known to be durable. A second call that succeeds proves nothing then.
    fn sync_data(&self) -> io::Result<()>;

    /// Tells that nobody will read these bytes soon, so that those of them that are durable need no memory of the
    /// system's. Only a hint: under a limit of memory, pages that nobody gives up are searched for and taken away by
    /// whoever asks for memory next, and that may be a client's command.
    fn forget(&self, _at: u64, _length: u64) {}
}

/// A folder of files.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Opens a file.
    ///
    /// # Errors
    /// Those of the file system.
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>>;

    /// Makes a folder; one that exists is fine.
    ///
    /// # Errors
    /// Those of the file system; a file of that name is one.
    fn create_folder(&self, path: &str) -> io::Result<()>;

    /// Removes an empty folder.
    ///
    /// # Errors
    /// Those of the file system; a file in it is one.
    fn remove_folder(&self, path: &str) -> io::Result<()>;

    /// Renames, replacing what is there. Everybody but [`replace_file`] leaves it alone.
    ///
    /// # Errors
    /// Those of the file system.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Gives a file a second name, which is not in use.
    ///
    /// # Errors
    /// Those of the file system.
    fn hard_link(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name.
    ///
    /// # Errors
    /// Those of the file system.
    fn unlink(&self, path: &str) -> io::Result<()>;

    /// The names in a folder, sorted; `""` is the disk's own.
    ///
    /// # Errors
    /// Those of the file system.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// What a path names, nothing if it names nothing.
    ///
    /// # Errors
    /// Those of the file system, a missing path excepted.
    fn entry(&self, path: &str) -> io::Result<Option<Entry>>;

    /// Makes the names of a folder durable; `""` is the disk's own.
    ///
    /// # Errors
    /// Those of the file system.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;
}

/// The folder a path lies in, `""` for the disk's own.
#[must_use]
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Renames a file whose content is synced, replacing `to`, and makes the change of names durable.
///
/// # Errors
/// When the rename failed, or may not outlive a power cut.
pub fn replace_file(disk: &dyn Disk, from: &str, to: &str) -> io::Result<()> {
    disk.rename(from, to)?;
    disk.sync_folder(folder_of(to))?;
    if folder_of(from) != folder_of(to) {
        disk.sync_folder(folder_of(from))?;
    }
    Ok(())
}

/// Puts a file under a second name, which is not in use: as a link, or where the file system cannot do that, as a synced
/// copy. The change of names is not synced.
///
/// # Errors
/// Those of the file system.
pub fn link_or_copy(disk: &dyn Disk, from: &str, to: &str) -> io::Result<()> {
    match disk.hard_link(from, to) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::CrossesDevices | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
            ) =>
        {
            let source = disk.open(from, OpenMode::Read)?;
            copy_front(disk, &*source, source.length()?, to).map(|_| ())
        }
        outcome => outcome,
    }
}

/// Writes the first `length` bytes of a file into a new one and syncs that; the new one.
///
/// # Errors
/// Those of the file system; the new file is gone then, if that is possible.
pub fn copy_front(
    disk: &dyn Disk,
    source: &dyn DiskFile,
    length: u64,
    to: &str,
) -> io::Result<Arc<dyn DiskFile>> {
    let copy = disk.open(to, OpenMode::Truncate)?;
    let mut chunk = vec![0; COPY_BYTES];
    let mut at = 0;
    let outcome = loop {
        let count = chunk.len().min(usize::try_from(length - at).unwrap_or(usize::MAX));
        if count == 0 {
            break copy.sync_data();
        }
        let piece = &mut chunk[..count];
        if let Err(error) = read_exact_at(source, piece, at).and_then(|()| write_all_at(&*copy, piece, at)) {
            break Err(error);
        }
        at += count as u64;
    };
    match outcome {
        Ok(()) => Ok(copy),
        Err(error) => {
            // What stays is a file that nobody knows, and emptied by the next of its name.
            let _ = disk.unlink(to);
            Err(error)
        }
    }
}

/// Writes a small file whole, under a temporary name first: afterwards `to` holds either what it held or `content`.
///
/// # Errors
/// Those of the steps; the temporary file is gone then, if that is possible.
pub fn write_file(disk: &dyn Disk, temporary: &str, to: &str, content: &[u8]) -> io::Result<()> {
    let outcome = write_and_sync(disk, temporary, content).and_then(|()| replace_file(disk, temporary, to));
    if outcome.is_err() {
        // What cannot be removed now is removed by the next one that writes under this name.
        let _ = disk.unlink(temporary);
    }
    outcome
}

fn write_and_sync(disk: &dyn Disk, path: &str, content: &[u8]) -> io::Result<()> {
    let file = disk.open(path, OpenMode::Truncate)?;
    write_all_at(&*file, content, 0)?;
    file.sync_data()
}

/// Writes all of `bytes` at `at`.
///
/// # Errors
/// The first that a write met; some of the bytes may be in the file then.
pub fn write_all_at(file: &dyn DiskFile, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                at += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads as many bytes as fit.
///
/// # Errors
/// Those of the file system, and `UnexpectedEof`.
pub fn read_exact_at(file: &dyn DiskFile, mut buf: &mut [u8], mut at: u64) -> io::Result<()> {
    while !buf.is_empty() {
        match file.read_at(buf, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                buf = &mut buf[count..];
                at += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// Those of the file system, and `FileTooLarge`.
pub fn read_file(disk: &dyn Disk, path: &str, limit: u64) -> io::Result<Vec<u8>> {
    let file = disk.open(path, OpenMode::Read)?;
    if file.length()? > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut content = Vec::new();
    io::Read::read_to_end(&mut FileReader::new(file), &mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests;
