//! Steps that give up part of the log: first everything is kept under another folder, then the log ends elsewhere.
//!
//! ```text
//! everything synced ─▶ a link to every file in a new folder, to the manifest last ─▶ both folders synced
//!     ─▶ the front of the file with the cut, as a new file ─▶ manifest names it ─▶ what it replaces goes
//! ```
//!
//! A file that goes on being written is never one that is kept: the new file is a copy. A folder without a manifest is
//! what an interrupted attempt left; the log itself loads as before then.

use super::{Directory, DirectoryError, Unpersisted, io_error};
use crate::annotation::SealLine;
use crate::cut::cut_file;
use crate::disk::{Entry, OpenMode, copy_front, link_or_copy};
use crate::manifest::Restored;
use std::io;

/// Folders that are tried, if others have the name.
const MAX_NAMES: u32 = 100;

/// Where a log is to end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewEnd {
    /// The number of the increment, counted from 0.
    pub(crate) increment: usize,
    /// The boundary of its commands where it is to end.
    pub(crate) at: u64,
    /// The last seal in front of that.
    pub(crate) seal: Option<SealLine>,
}

impl Directory {
    /// Gives every file a second name in a new folder, and says which. Afterwards that outlives whatever becomes of the log.
    ///
    /// # Errors
    /// When a step fails; the log is as it was.
    pub fn keep_all(&self, now_ms: u64) -> Result<String, DirectoryError> {
        self.sync_all()?;
        let folder = self.names.folder();
        let what = || format!("Can't keep the files of the append-only dir {folder} under another name");
        let kept = self.unused_folder(now_ms).map_err(|error| io_error(what(), error))?;
        match self.link_all(&kept) {
            Ok(()) => Ok(kept),
            Err(error) => {
                self.discard_kept(&kept);
                Err(io_error(what(), error))
            }
        }
    }

    /// Removes a folder that was made in vain. The log has lost nothing.
    pub(crate) fn discard_kept(&self, kept: &str) {
        // What cannot be removed stays: names of files that the log has, too.
        let names = self.disk.list(kept).unwrap_or_default();
        for name in names.iter().filter(|name| **name == self.names.manifest()).chain(&names) {
            let _ = self.disk.unlink(&format!("{kept}/{name}"));
        }
        let _ = self.disk.remove_folder(kept);
    }

    /// Lets the log end elsewhere. Everything was kept before. An error with `is_certain` leaves it as it was.
    pub(crate) fn end_at(&mut self, end: &NewEnd, restored: Restored) -> Result<(), EndError> {
        let mut manifest = self.manifest.clone();
        let old = manifest.increments()[end.increment].name.clone();
        let name = manifest.replace_increments(end.increment, &self.names);
        manifest.note_restored(restored);
        let copied = self.open_file(&old, OpenMode::Read).and_then(|source| {
            let copy = copy_front(&*self.disk, &*source, end.at, &self.names.path(&name));
            let cut = copy.and_then(|copy| cut_file(&*copy, end.at, end.seal.as_ref()));
            cut.map_err(|error| io_error(format!("Can't write the append-only file {name}"), error))
        });
        if let Err(error) = copied {
            let _ = self.disk.unlink(&self.names.path(&name));
            return Err(EndError { error, is_certain: true });
        }
        // The manifest's step syncs the folder, and with it the new file's name.
        match self.persist(manifest) {
            Ok(()) => {
                // What stays is deleted by the next rewrite.
                let _ = self.delete_history();
                Ok(())
            }
            Err(Unpersisted { error, is_certain }) => {
                if is_certain {
                    let _ = self.disk.unlink(&self.names.path(&name));
                }
                Err(EndError { error, is_certain })
            }
        }
    }

    /// Notes a cut that had nothing to give up.
    pub(crate) fn note_restored(&mut self, restored: Restored) -> Result<(), DirectoryError> {
        let mut manifest = self.manifest.clone();
        manifest.note_restored(restored);
        Ok(self.persist(manifest)?)
    }

    /// The folder in which a cut kept everything, if it is there.
    pub(crate) fn kept_by(&self, restored: Restored) -> Option<String> {
        let kept = kept_folder(self.names.folder(), restored.at_ms, 0);
        matches!(self.disk.entry(&kept), Ok(Some(Entry::Folder))).then_some(kept)
    }

    fn unused_folder(&self, now_ms: u64) -> io::Result<String> {
        for number in 0..MAX_NAMES {
            let kept = kept_folder(self.names.folder(), now_ms, number);
            if self.disk.entry(&kept)?.is_none() {
                return Ok(kept);
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn link_all(&self, kept: &str) -> io::Result<()> {
        let (disk, manifest) = (&*self.disk, self.names.manifest());
        disk.create_folder(kept)?;
        for name in disk.list(self.names.folder())? {
            let path = self.names.path(&name);
            if name != manifest && matches!(disk.entry(&path)?, Some(Entry::File(_))) {
                link_or_copy(disk, &path, &format!("{kept}/{name}"))?;
            }
        }
        disk.sync_folder(kept)?;
        link_or_copy(disk, &self.names.path(&manifest), &format!("{kept}/{manifest}"))?;
        disk.sync_folder(kept)?;
        disk.sync_folder("")
    }
}

/// Why a log does not end elsewhere.
#[derive(Debug)]
pub(crate) struct EndError {
    pub(crate) error: DirectoryError,
    /// It is as it was before for certain; otherwise it may end there after the next start.
    pub(crate) is_certain: bool,
}

fn kept_folder(folder: &str, at_ms: u64, number: u32) -> String {
    match number {
        0 => format!("{folder}.before-restore-{at_ms}"),
        more => format!("{folder}.before-restore-{at_ms}-{more}"),
    }
}
