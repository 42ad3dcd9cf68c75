//! A host without process and disk: what an engine has until it is given another.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use spinel_aof::disk::{DiskFile, Entry, OpenMode};

use super::{Dial, Link, OnChange, ProcessProbe};
use crate::config::{Change, Disk, SetError, Settings};

/// Knows nothing, accepts every change, has no files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bare;

impl ProcessProbe for Bare {}

impl Dial for Bare {
    fn dial(&self, _host: &str, _port: &str, _patience: Duration) -> io::Result<Box<dyn Link>> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }
}

impl OnChange for Bare {
    fn apply(&self, _change: &Change, _before: &Settings) -> Result<(), SetError> {
        Ok(())
    }
}

impl Disk for Bare {
    fn current_dir(&self) -> io::Result<PathBuf> {
        Ok(PathBuf::from("/"))
    }

    fn read(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Err(io::Error::from_raw_os_error(NO_SUCH_FILE))
    }

    fn matching(&self, _base: &Path, _pattern: &Path) -> Vec<PathBuf> {
        Vec::new()
    }

    fn resolve_dir(&self, _path: &Path) -> io::Result<PathBuf> {
        Err(io::Error::from_raw_os_error(NO_SUCH_FILE))
    }

    fn replace(&self, _path: &Path, _contents: &[u8]) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(READ_ONLY))
    }
}

/// A working directory without files, in which none can be made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NoFiles;

impl spinel_aof::disk::Disk for NoFiles {
    fn open(&self, _path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        Err(io::Error::from_raw_os_error(match mode {
            OpenMode::Read | OpenMode::Write => NO_SUCH_FILE,
            OpenMode::Create | OpenMode::Truncate => READ_ONLY,
        }))
    }

    fn create_folder(&self, _path: &str) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(READ_ONLY))
    }

    fn remove_folder(&self, _path: &str) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(NO_SUCH_FILE))
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(NO_SUCH_FILE))
    }

    fn hard_link(&self, _from: &str, _to: &str) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(NO_SUCH_FILE))
    }

    fn unlink(&self, _path: &str) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(NO_SUCH_FILE))
    }

    fn list(&self, _folder: &str) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn entry(&self, _path: &str) -> io::Result<Option<Entry>> {
        Ok(None)
    }

    fn sync_folder(&self, _folder: &str) -> io::Result<()> {
        Ok(())
    }
}

/// `ENOENT`.
const NO_SUCH_FILE: i32 = 2;
/// `EROFS`.
const READ_ONLY: i32 = 30;
