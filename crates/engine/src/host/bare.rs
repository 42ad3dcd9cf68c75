//! A host without process and disk: what an engine has until it is given another.

use std::io;
use std::path::{Path, PathBuf};

use super::{OnChange, ProcessProbe};
use crate::config::{Change, Disk, SetError, Settings};

/// Knows nothing, accepts every change, has no files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bare;

impl ProcessProbe for Bare {}

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

/// `ENOENT`.
const NO_SUCH_FILE: i32 = 2;
/// `EROFS`.
const READ_ONLY: i32 = 30;
