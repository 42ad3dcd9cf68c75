//! A backup: links to the files of a log that do not change any more, in a folder with a manifest of its own.
//!
//! ```text
//! backupdir/temp-appendonly.aof.backup       there until the backup is whole: what is in the folder is worth nothing yet
//!           appendonly.aof.3.base.rdb        a link to the log's base
//!           appendonly.aof.5.incr.aof        links to increments that are closed
//!           appendonly.aof.manifest          names these only, and says when the backup was begun and sealed
//! ```
//!
//! The folder is a log that any server loads. It is never the log of the server that made it, and nothing in it is ever
//! written again. Only what this module made is removed by it: a folder that somebody else filled is left alone.

use crate::directory::Directory;
use crate::disk::{Disk, DiskFile, Entry, OpenMode, link_or_copy, read_file, write_file};
use crate::manifest::{FileInfo, FileKind, Manifest, Sealed};
use crate::names::{Names, is_file_of_log};
use crate::reader::LogReader;
use crate::recovery::{begins_with_snapshot, plan};
use std::io;
use std::sync::Arc;

/// Bytes of the longest manifest.
const MAX_MANIFEST: u64 = 1024 * 1024;

/// Checks the snapshot at the front of a file and says where it ends, or what is wrong with it.
pub type SnapshotCheck<'a> = &'a mut dyn FnMut(&Arc<dyn DiskFile>) -> Result<u64, String>;

/// The folder of a backup.
#[derive(Clone, Debug)]
pub struct BackupFolder {
    disk: Arc<dyn Disk>,
    names: Names,
}

/// What a folder holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// Nothing, or what others put there.
    NoBackup,
    /// What an interrupted backup left.
    Unfinished,
    /// A whole one, with the names of its files.
    Sealed(Sealed, Vec<String>),
}

impl BackupFolder {
    /// The folder and the files that `names` name.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, names: Names) -> Self {
        Self { disk, names }
    }

    /// Whether a backup may begin here.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn is_empty(&self) -> io::Result<bool> {
        match self.disk.entry(self.names.folder())? {
            None => Ok(true),
            Some(Entry::Folder) => Ok(self.disk.list(self.names.folder())?.is_empty()),
            Some(Entry::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Makes the folder, and in it the file that says that a backup is being made.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn begin(&self) -> io::Result<()> {
        self.disk.create_folder(self.names.folder())?;
        self.disk.sync_folder("")?;
        self.disk.open(&self.mark(), OpenMode::Truncate)?.sync_data()?;
        self.disk.sync_folder(self.names.folder())
    }

    /// Takes a file of the log in, which does not change any more.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn pin(&self, log: &Names, name: &str) -> io::Result<()> {
        link_or_copy(&*self.disk, &log.path(name), &self.names.path(name))?;
        self.disk.sync_folder(self.names.folder())
    }

    /// Writes the manifest; the backup is whole after [`finish`](Self::finish).
    ///
    /// # Errors
    /// Those of the disk.
    pub fn write_manifest(&self, base: &FileInfo, increments: &[FileInfo], sealed: Sealed) -> io::Result<()> {
        let mut text = sealed.line();
        text.push_str(&Manifest::of_files(base, increments).format());
        let temporary = self.names.path(&self.names.temporary_manifest());
        write_file(&*self.disk, &temporary, &self.names.path(&self.names.manifest()), text.as_bytes())
    }

    /// Reads all of it, as long as it is wanted: it must load, to the last byte.
    ///
    /// # Errors
    /// What is wrong, with the file's name.
    pub fn verify(&self, snapshot: SnapshotCheck<'_>, is_wanted: &dyn Fn() -> bool) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let directory =
            Directory::read(Arc::clone(&self.disk), self.names.clone()).map_err(|error| text(&error))?;
        for planned in plan(&directory).map_err(|error| text(&error))?.files {
            let name = &planned.info.name;
            let failed = |reason: String| format!("{name}: {reason}");
            let file = directory.open_file(name, OpenMode::Read).map_err(|error| text(&error))?;
            let is_base = planned.info.kind == FileKind::Base;
            let has_snapshot =
                is_base && begins_with_snapshot(&*file).map_err(|error| failed(text(&error)))?;
            let start = if has_snapshot { snapshot(&file).map_err(failed)? } else { 0 };
            let mut reader = LogReader::of_part(file, start, planned.end);
            while reader.read().map_err(|error| failed(text(&error)))?.is_some() {
                if !is_wanted() {
                    return Err(failed("nobody wants it any more".to_owned()));
                }
            }
            if reader.unused_from().is_some() {
                return Err(failed("it was not closed".to_owned()));
            }
        }
        Ok(())
    }

    /// It is whole: from now on it is kept until it is removed.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn finish(&self) -> io::Result<()> {
        self.disk.unlink(&self.mark())?;
        self.disk.sync_folder(self.names.folder())
    }

    /// Removes a backup, whole or not. The mark comes first and goes last, so that a half removed one is known as such.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn remove(&self) -> io::Result<()> {
        if self.disk.entry(self.names.folder())? != Some(Entry::Folder) {
            return Ok(());
        }
        let names = self.files()?;
        if names.is_empty() {
            return Ok(());
        }
        // Where there is no room for it, that is no reason to keep what takes the room.
        let _ = self.begin();
        let manifest = self.names.manifest();
        let (first, others): (Vec<_>, Vec<_>) = names.iter().partition(|name| **name == manifest);
        for name in first.into_iter().chain(others) {
            self.disk.unlink(&self.names.path(name))?;
        }
        self.disk.sync_folder(self.names.folder())?;
        if self.disk.entry(&self.mark())?.is_some() {
            self.finish()?;
        }
        Ok(())
    }

    /// Removes an empty folder, too.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn remove_folder(&self) -> io::Result<()> {
        self.remove()?;
        match self.disk.entry(self.names.folder())? {
            Some(Entry::Folder) if self.is_empty()? => self.disk.remove_folder(self.names.folder()),
            _ => Ok(()),
        }
    }

    /// What the folder holds.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn found(&self) -> io::Result<Found> {
        if self.disk.entry(self.names.folder())? != Some(Entry::Folder) {
            return Ok(Found::NoBackup);
        }
        if self.disk.entry(&self.mark())?.is_some() {
            return Ok(Found::Unfinished);
        }
        let manifest = self.names.path(&self.names.manifest());
        if self.disk.entry(&manifest)?.is_none() {
            return Ok(Found::NoBackup);
        }
        let text = read_file(&*self.disk, &manifest, MAX_MANIFEST)?;
        let (Some(sealed), Ok(manifest)) = (Sealed::of_manifest(&text), Manifest::parse(&text)) else {
            return Ok(Found::NoBackup);
        };
        let mut files: Vec<String> = manifest.loaded().map(|info| info.name.clone()).collect();
        files.push(self.names.manifest());
        Ok(Found::Sealed(sealed, files))
    }

    /// How its files are called.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// What is in the folder of what a backup makes, but for the mark.
    fn files(&self) -> io::Result<Vec<String>> {
        let names = &self.names;
        let is_ours = |name: &String| {
            is_file_of_log(names, name)
                || [names.manifest(), names.temporary_manifest(), names.temporary_increment()].contains(name)
        };
        let mut found = self.disk.list(names.folder())?;
        let mark = self.mark();
        let has_mark = found.iter().any(|name| names.path(name) == mark);
        found.retain(is_ours);
        if has_mark && found.is_empty() {
            self.finish()?;
        }
        Ok(found)
    }

    fn mark(&self) -> String {
        self.names.path(&format!("temp-{}.backup", self.names.old_file()))
    }
}

#[cfg(test)]
mod tests;
