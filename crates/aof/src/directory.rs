//! The folder of the log and its manifest: which files there are, and the steps by which they change.
//!
//! The order of the steps is that of Redis, so a crash between any two of them leaves a folder that loads: a file is
//! whole and synced before the manifest names it, and nothing is deleted before the manifest that no longer needs it is
//! durable. A failed step leaves the manifest as it was, in memory and on the disk.

mod keeping;

pub(crate) use keeping::NewEnd;

use crate::annotation::{LineKind, SealLine, Stamp};
use crate::disk::{Disk, DiskFile, Entry, OpenMode, read_file, replace_file, write_all_at, write_file};
use crate::manifest::{FileInfo, Manifest, ManifestError};
use crate::names::{BaseFormat, Names, temporary_base_writer};
use std::fmt;
use std::io;
use std::sync::Arc;

/// Bytes of the longest manifest: some ten thousand files.
const MAX_MANIFEST: u64 = 1024 * 1024;

/// Why the folder cannot be used.
#[derive(Debug)]
pub enum DirectoryError {
    /// The manifest makes no sense: mend it by hand.
    Manifest(ManifestError),
    /// A file or folder cannot be used: see to the disk, the rights, or bring the file back.
    Io {
        /// What was tried, in the words of Redis's log, with the name.
        what: String,
        /// Why it failed.
        error: io::Error,
    },
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DirectoryError::Manifest(error) => error.fmt(f),
            DirectoryError::Io { what, error } => write!(f, "{what}: {}", system_text(error)),
        }
    }
}

impl std::error::Error for DirectoryError {}

impl DirectoryError {
    /// The lines that Redis logs for it.
    #[must_use]
    pub fn log_lines(&self) -> Vec<String> {
        match self {
            DirectoryError::Manifest(error) => error.log_lines(),
            DirectoryError::Io { .. } => vec![self.to_string()],
        }
    }
}

/// A system error as C says it: without the number that Rust adds.
pub(crate) fn system_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => return "No such file or directory".to_owned(),
        io::ErrorKind::StorageFull => return "No space left on device".to_owned(),
        _ => {}
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// A manifest that was not made the one that counts.
struct Unpersisted {
    error: DirectoryError,
    /// The one before it counts for certain; otherwise either may, so files that either names have to stay.
    is_certain: bool,
}

impl From<Unpersisted> for DirectoryError {
    fn from(failure: Unpersisted) -> DirectoryError {
        failure.error
    }
}

/// Which increments a new base is followed by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Following<'a> {
    /// The one of this name, begun at the instant of the snapshot, and those after it.
    From(&'a str),
    /// The one that was begun as a temporary one; it gets its name together with the base.
    Temporary,
    /// None: commands are not logged.
    Nothing,
}

/// A file that commands will be written to, not used yet.
#[derive(Debug)]
pub struct NewIncrement {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Bytes of the line it begins with.
    pub(crate) written: u64,
}

impl NewIncrement {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The folder of the log.
#[derive(Debug)]
pub struct Directory {
    disk: Arc<dyn Disk>,
    names: Names,
    manifest: Manifest,
    /// Files of manifests that may count instead of `manifest`, since their names could not be synced.
    doubtful: Vec<String>,
}

impl Directory {
    /// Reads the manifest, if there is one. A folder of a server before Redis 7, which has none, is taken over: its single
    /// file becomes the base. Nothing else is touched.
    ///
    /// # Errors
    /// When the manifest makes no sense or the disk fails.
    pub fn open(disk: Arc<dyn Disk>, names: Names) -> Result<Directory, DirectoryError> {
        let mut directory = Directory::read(disk, names)?;
        if directory.needs_upgrade()? {
            directory.upgrade()?;
        }
        Ok(directory)
    }

    /// Reads the manifest, if there is one, and touches nothing.
    ///
    /// # Errors
    /// When the manifest makes no sense or the disk fails.
    pub fn read(disk: Arc<dyn Disk>, names: Names) -> Result<Directory, DirectoryError> {
        let mut directory = Directory { disk, names, manifest: Manifest::default(), doubtful: Vec::new() };
        let path = directory.names.path(&directory.names.manifest());
        if directory.is_file(&path)? {
            let fail = |error| {
                io_error(format!("Fatal error: can't open the AOF manifest file {path} for reading"), error)
            };
            let text = read_file(&*directory.disk, &path, MAX_MANIFEST).map_err(fail)?;
            directory.manifest = Manifest::parse(&text).map_err(DirectoryError::Manifest)?;
        }
        Ok(directory)
    }

    /// A single file in a folder, a log of Redis before version 7 or a snapshot, as if it had been taken over. Only to be
    /// read.
    #[must_use]
    pub fn of_file(disk: Arc<dyn Disk>, folder: &str, name: &str) -> Directory {
        let mut manifest = Manifest::default();
        manifest.put_base(name.to_owned(), 1);
        Directory { disk, names: Names::new(folder, name), manifest, doubtful: Vec::new() }
    }

    /// What the manifest says.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// How files are called.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The disk.
    #[must_use]
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// The length of a file of the folder.
    ///
    /// # Errors
    /// When it is missing, in the words of Redis's log.
    pub fn length_of(&self, info: &FileInfo) -> Result<u64, DirectoryError> {
        let what = || format!("Unable to obtain the AOF file {} length. stat", info.name);
        match self.disk.entry(&self.names.path(&info.name)) {
            Ok(Some(Entry::File(length))) => Ok(length),
            Ok(Some(Entry::Folder)) => Err(io_error(what(), io::ErrorKind::IsADirectory.into())),
            Ok(None) => Err(io_error(what(), io::ErrorKind::NotFound.into())),
            Err(error) => Err(io_error(what(), error)),
        }
    }

    /// Opens a file of the folder.
    ///
    /// # Errors
    /// When that fails, in the words of Redis's log.
    pub fn open_file(&self, name: &str, mode: OpenMode) -> Result<Arc<dyn DiskFile>, DirectoryError> {
        self.disk
            .open(&self.names.path(name), mode)
            .map_err(|error| io_error(format!("Can't open the append-only file {name}"), error))
    }

    /// Makes durable all that was found: who wrote it may have been killed before it could.
    pub(crate) fn sync_all(&self) -> Result<(), DirectoryError> {
        for info in self.manifest.loaded() {
            let synced = self.open_file(&info.name, OpenMode::Write)?.sync_data();
            synced.map_err(|error| io_error(format!("Fail to fsync the AOF file {}", info.name), error))?;
        }
        let folder = self.names.folder();
        let synced = self.disk.sync_folder(folder).and_then(|()| self.disk.sync_folder(""));
        synced.map_err(|error| io_error(format!("Fail to fsync AOF directory {folder}"), error))
    }

    /// Makes the folder, if it is missing.
    ///
    /// # Errors
    /// When that fails.
    pub fn create_folder(&self) -> Result<(), DirectoryError> {
        let folder = self.names.folder();
        let made = self.disk.create_folder(folder).and_then(|()| self.disk.sync_folder(""));
        made.map_err(|error| io_error(format!("Can't open or create append-only dir {folder}"), error))
    }

    /// Makes the file of the next increment and names it in the manifest.
    ///
    /// # Errors
    /// When a step fails; then nothing has changed.
    pub fn begin_increment(&mut self, stamp: Stamp) -> Result<NewIncrement, DirectoryError> {
        let mut manifest = self.manifest.clone();
        let name = manifest.add_increment(&self.names);
        let increment = self.create_increment(name, stamp)?;
        let outcome = self.persist(manifest);
        if let Err(Unpersisted { is_certain: true, .. }) = outcome {
            self.discard(&increment);
        }
        outcome.map(|()| increment).map_err(DirectoryError::from)
    }

    /// Makes an increment that the manifest names only when the base is there: commands while the log is being turned on.
    ///
    /// # Errors
    /// When a step fails.
    pub fn begin_temporary_increment(&self, stamp: Stamp) -> Result<NewIncrement, DirectoryError> {
        self.create_increment(self.names.temporary_increment(), stamp)
    }

    /// Removes the increment that [`begin_temporary_increment`](Self::begin_temporary_increment) made, if it is there.
    pub fn discard_temporary_increment(&self) {
        // What cannot be removed now is emptied by the next one, or removed at the next start.
        let _ = self.disk.unlink(&self.names.path(&self.names.temporary_increment()));
    }

    /// Makes an increment that the manifest does not name yet, without its first line; see [`adopt`](Self::adopt).
    pub(crate) fn prepare_increment(&self) -> Result<NewIncrement, DirectoryError> {
        let name = self.manifest.clone().add_increment(&self.names);
        let file = self.open_file(&name, OpenMode::Truncate)?;
        Ok(NewIncrement { name, file, written: 0 })
    }

    /// Names a prepared increment, whole and synced, in the manifest, and forgets `unused`, which is named there.
    pub(crate) fn adopt(
        &mut self,
        increment: &NewIncrement,
        unused: Option<&NewIncrement>,
    ) -> Result<(), DirectoryError> {
        let mut manifest = self.manifest.clone();
        let next = manifest.add_increment(&self.names);
        assert_eq!(next, increment.name, "another increment was begun meanwhile");
        if let Some(unused) = unused {
            manifest.remove_increment(&unused.name);
        }
        let outcome = self.persist(manifest);
        match (&outcome, unused) {
            (Ok(()), Some(unused)) => self.discard(unused),
            (Err(Unpersisted { is_certain: true, .. }), _) => self.discard(increment),
            _ => {}
        }
        Ok(outcome?)
    }

    /// Makes a finished and synced base the base; increments that do not follow it are history then.
    ///
    /// # Errors
    /// When a step fails; then the log loads as before.
    pub fn install_base(
        &mut self,
        temporary: &str,
        format: BaseFormat,
        following: Following<'_>,
    ) -> Result<(), DirectoryError> {
        let mut manifest = self.manifest.clone();
        let base = self.names.path(&manifest.replace_base(&self.names, format));
        let failed = |from: &str, to: &str, error| {
            io_error(format!("Error trying to rename the temporary AOF base file {from} into {to}"), error)
        };
        replace_file(&*self.disk, temporary, &base).map_err(|error| failed(temporary, &base, error))?;
        let mut renamed = vec![(temporary.to_owned(), base)];
        if following == Following::Temporary {
            let from = self.names.path(&self.names.temporary_increment());
            let to = self.names.path(&manifest.add_increment(&self.names));
            if let Err(error) = replace_file(&*self.disk, &from, &to) {
                self.rename_back(&renamed);
                let what = format!("Error trying to rename the temporary AOF incr file {from} into {to}");
                return Err(io_error(what, error));
            }
            renamed.push((from, to));
        }
        manifest.retire_increments(match following {
            Following::Nothing => 0,
            Following::Temporary => 1,
            Following::From(first) => manifest.increments_from(first),
        });
        let outcome = self.persist(manifest);
        if let Err(Unpersisted { is_certain: true, .. }) = outcome {
            self.rename_back(&renamed);
        }
        Ok(outcome?)
    }

    /// Deletes what the manifest calls history and forgets it; the names of what was deleted.
    ///
    /// # Errors
    /// When the manifest cannot be written: then the names stay in it, which harms nobody.
    pub fn delete_history(&mut self) -> Result<Vec<String>, DirectoryError> {
        if self.manifest.history().is_empty() {
            return Ok(Vec::new());
        }
        let mut manifest = self.manifest.clone();
        let history = manifest.take_history();
        // First the files, then the names: nobody opens what is history, and a file without a name would stay for ever.
        for info in &history {
            let _ = self.disk.unlink(&self.names.path(&info.name));
        }
        self.persist(manifest)?;
        Ok(history.into_iter().map(|info| info.name).collect())
    }

    /// Deletes what an interrupted rewrite left behind; the paths of what was deleted. Other files are left alone, and so
    /// are bases that a process of another server may still be writing.
    ///
    /// # Errors
    /// When the disk cannot be listed.
    pub fn delete_temporary(&self, is_gone: impl Fn(u32) -> bool) -> io::Result<Vec<String>> {
        let is_left = |name: &String| temporary_base_writer(name).is_some_and(&is_gone);
        let mut paths: Vec<String> = self.disk.list("")?.into_iter().filter(is_left).collect();
        let ours = [self.names.temporary_increment(), self.names.temporary_manifest()];
        if self.disk.entry(self.names.folder())? == Some(Entry::Folder) {
            let names = self.disk.list(self.names.folder())?;
            paths.extend(names.iter().filter(|name| ours.contains(name)).map(|name| self.names.path(name)));
        }
        paths.retain(|path| self.disk.unlink(path).is_ok());
        Ok(paths)
    }

    fn create_increment(&self, name: String, stamp: Stamp) -> Result<NewIncrement, DirectoryError> {
        let file = self.open_file(&name, OpenMode::Truncate)?;
        let line = SealLine { kind: LineKind::Open, stamp, at: 0, durable: 0, length: 0 }.encode(b"");
        let outcome = write_all_at(&*file, &line, 0).and_then(|()| file.sync_data());
        let increment = NewIncrement { name, file, written: line.len() as u64 };
        match outcome {
            Ok(()) => Ok(increment),
            Err(error) => {
                self.discard(&increment);
                Err(io_error(format!("Can't open the append-only file {}", increment.name), error))
            }
        }
    }

    /// Removes an increment that nobody knows of.
    pub(crate) fn discard(&self, increment: &NewIncrement) {
        if !self.manifest.increments().iter().any(|info| info.name == increment.name) {
            // What stays is emptied by the next one of its name.
            let _ = self.disk.unlink(&self.names.path(&increment.name));
        }
    }

    fn rename_back(&self, renamed: &[(String, String)]) {
        for (from, to) in renamed {
            // Where this fails too, the file keeps a name that no manifest knows, and the next one replaces it.
            let _ = replace_file(&*self.disk, to, from);
        }
    }

    /// Makes a manifest the one that counts.
    fn persist(&mut self, manifest: Manifest) -> Result<(), Unpersisted> {
        let name = self.names.manifest();
        let path = self.names.path(&name);
        let temporary = self.names.path(&self.names.temporary_manifest());
        let text = manifest.format();
        match write_file(&*self.disk, &temporary, &path, text.as_bytes()) {
            Ok(()) => {
                self.manifest = manifest;
                self.delete_doubtful();
                Ok(())
            }
            Err(error) => {
                // Where the names could not be synced, the new one may be there nevertheless.
                let now = read_file(&*self.disk, &path, MAX_MANIFEST);
                let is_certain = match now {
                    Ok(now) => now != text.as_bytes(),
                    Err(error) => error.kind() == io::ErrorKind::NotFound,
                };
                if !is_certain {
                    // Its files have to stay as they are until another manifest counts for certain.
                    self.manifest.skip_names_of(&manifest);
                    self.doubtful.extend(manifest.loaded().map(|info| info.name.clone()));
                }
                let what = format!("Error trying to write the AOF manifest file {name}");
                Err(Unpersisted { error: io_error(what, error), is_certain })
            }
        }
    }

    /// Deletes the files of manifests that do not count, for certain now.
    fn delete_doubtful(&mut self) {
        for name in std::mem::take(&mut self.doubtful) {
            let is_named =
                self.manifest.loaded().chain(self.manifest.history()).any(|info| info.name == name);
            if !is_named {
                // What stays is a file that nobody knows.
                let _ = self.disk.unlink(&self.names.path(&name));
            }
        }
    }

    fn is_file(&self, path: &str) -> Result<bool, DirectoryError> {
        let entry = self.disk.entry(path);
        let entry =
            entry.map_err(|error| io_error(format!("Can't open the append-only file {path}"), error))?;
        Ok(matches!(entry, Some(Entry::File(_))))
    }

    /// A single file of a server before version 7 is taken over if the folder holds nothing, or if taking it over was
    /// interrupted after the manifest was written.
    fn needs_upgrade(&self) -> Result<bool, DirectoryError> {
        let old = self.names.old_file();
        if !self.is_file(old)? {
            return Ok(false);
        }
        let interrupted = self.manifest.base().is_some_and(|base| base.name == old)
            && self.manifest.increments().is_empty()
            && !self.is_file(&self.names.path(old))?;
        Ok(self.manifest.is_empty() || interrupted)
    }

    fn upgrade(&mut self) -> Result<(), DirectoryError> {
        self.create_folder()?;
        let old = self.names.old_file().to_owned();
        let mut manifest = Manifest::default();
        manifest.put_base(old.clone(), 1);
        self.persist(manifest)?;
        replace_file(&*self.disk, &old, &self.names.path(&old)).map_err(|error| {
            let folder = self.names.folder();
            io_error(format!("Error trying to move the old AOF file {old} into dir {folder}"), error)
        })
    }
}

pub(crate) fn io_error(what: String, error: io::Error) -> DirectoryError {
    DirectoryError::Io { what, error }
}

#[cfg(test)]
mod tests;
