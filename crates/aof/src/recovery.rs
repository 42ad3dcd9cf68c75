//! Loading the log, and leaving its files so that they can be written again.
//!
//! It fails closed. A file that the manifest names must be there; damage is refused with the file, the place and the
//! command that repairs it. Only the end may be torn: then it is cut where the last whole command or transaction ends,
//! if `aof-load-truncated` allows it. The log lines are those of Redis.
//!
//! What was read is not yet known to be on the disk: the process before us may have met a sync that failed, and been killed.
//! The system shows such pages as if they were saved, and a sync now would succeed without saving them. So whatever the
//! seals do not know to be durable is written once more; after a clean end that is nothing.

use crate::annotation::{LINE_LEN, LineKind, SealLine, Stamp, checksum, sealed_front};
use crate::directory::{Directory, DirectoryError, system_text};
use crate::disk::{DiskFile, OpenMode, read_exact_at, write_all_at};
use crate::manifest::{FileInfo, FileKind};
use crate::reader::{LogReader, Problem, ReadError, Record};
use spinel_resp::Args;
use std::fmt;
use std::io;
use std::sync::Arc;

/// What snapshots begin with: that of Redis, and that of Valkey from version 9 on.
const SNAPSHOT_MAGICS: [&[u8]; 2] = [b"REDIS", b"VALKEY"];

/// Bytes that are copied at once.
const COPY_BYTES: usize = 256 * 1024;

/// How loud a line of the log is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// All is well.
    Notice,
    /// It is not.
    Warning,
}

/// Who takes the data.
pub trait Loader {
    /// Why data was not taken.
    type Error: fmt::Display;

    /// Takes the snapshot at the front of `file` and says where it ends.
    ///
    /// # Errors
    /// When it is damaged.
    fn snapshot(&mut self, name: &str, file: &Arc<dyn DiskFile>) -> Result<u64, Self::Error>;

    /// Takes a command. What comes between `MULTI` and `EXEC` has to wait for `EXEC`.
    ///
    /// # Errors
    /// When there is no such command.
    fn command(&mut self, name: &str, args: Args<'_>) -> Result<(), Self::Error>;

    /// Takes a command that only we know ([`encode_note`](crate::encode_note)).
    ///
    /// # Errors
    /// When it is not known: a newer version wrote it.
    fn note(&mut self, name: &str, args: Args<'_>) -> Result<(), Self::Error>;

    /// Drops what came after `MULTI`: its `EXEC` was never written.
    fn drop_transaction(&mut self);

    /// Learns that so many bytes of all were read; comes often.
    fn progress(&mut self, bytes_read: u64);

    /// Whether nobody wants the data any more; loading ends then with [`LoadError::CalledOff`] and no file is touched.
    fn is_called_off(&self) -> bool {
        false
    }

    /// Takes a line for the log.
    fn log(&mut self, level: Level, line: String);
}

/// A file to load.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned {
    /// Its line in the manifest.
    pub info: FileInfo,
    /// Bytes of it.
    pub length: u64,
    /// Bytes of it that count: a later file repeats the rest.
    pub end: u64,
    /// Nothing follows it, so its end may be torn.
    pub is_last: bool,
}

/// The files to load, in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// The files.
    pub files: Vec<Planned>,
}

impl Plan {
    /// Bytes of all files.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.length).sum()
    }
}

/// What was loaded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Loaded {
    /// Bytes of the files that are left.
    pub total_bytes: u64,
    /// Bytes of the base.
    pub base_bytes: u64,
    /// Where the writer stood, by the last seal.
    pub stamp: Option<Stamp>,
    /// The name of a file whose end was cut off or left out, and the bytes that it lost.
    pub cut: Option<(String, u64)>,
}

/// Why the log was not loaded. Nothing was changed.
#[derive(Debug)]
pub enum LoadError {
    /// A file is missing or unreadable.
    Directory(DirectoryError),
    /// A file's end is torn, and that is not allowed here.
    Torn {
        /// The file.
        name: String,
        /// Where the problem is.
        at: u64,
        /// What it is.
        problem: Problem,
        /// Up to where the file is whole.
        boundary: u64,
    },
    /// A file is damaged.
    Damage {
        /// The file.
        name: String,
        /// Where the problem is.
        at: u64,
        /// What it is.
        problem: Problem,
    },
    /// The data was not taken, for reasons that are in the log.
    Refused {
        /// The file.
        name: String,
        /// Who did not take it says why.
        reason: String,
    },
    /// The loader called it off.
    CalledOff,
    /// A file cannot be read, cut or synced.
    Io {
        /// The file.
        name: String,
        /// Why.
        error: io::Error,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Directory(error) => error.fmt(f),
            LoadError::Torn { name, at, problem, boundary } => write!(
                f,
                "{name} is torn at offset {at}: {problem}. It is whole up to offset {boundary}: \
                 see 'spinel check aof --fix'"
            ),
            LoadError::Damage { name, at, problem } => {
                write!(f, "{name} is damaged at offset {at}: {problem}. See 'spinel check aof --fix'")
            }
            LoadError::Refused { name, reason } => write!(f, "{name}: {reason}"),
            LoadError::CalledOff => f.write_str("loading was called off"),
            LoadError::Io { name, error } => write!(f, "{name}: {}", system_text(error)),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<DirectoryError> for LoadError {
    fn from(error: DirectoryError) -> LoadError {
        LoadError::Directory(error)
    }
}

/// Says what is to be loaded.
///
/// # Errors
/// When a file that the manifest names is missing or cannot be opened.
pub fn plan(directory: &Directory) -> Result<Plan, LoadError> {
    let mut files: Vec<Planned> = Vec::new();
    for info in directory.manifest().loaded() {
        let length = directory.length_of(info)?;
        if let (Some(before), Some(end)) = (files.last_mut(), resumes_from(directory, info, length)?) {
            before.end = before.end.min(end);
        }
        files.push(Planned { info: info.clone(), length, end: length, is_last: false });
    }
    for file in files.iter_mut().rev() {
        file.is_last = true;
        if holds_data(directory, file)? {
            break;
        }
    }
    Ok(Plan { files })
}

/// Up to where the file before this one counts, if this one says so.
fn resumes_from(directory: &Directory, info: &FileInfo, length: u64) -> Result<Option<u64>, LoadError> {
    if info.kind != FileKind::Increment || length < LINE_LEN as u64 {
        return Ok(None);
    }
    let file = directory.open_file(&info.name, OpenMode::Read)?;
    end_of_file_before(&*file).map_err(|error| io_of(info, error))
}

/// Up to where the file before `file` counts, if `file` repeats the rest.
pub(crate) fn end_of_file_before(file: &dyn DiskFile) -> io::Result<Option<u64>> {
    let line = read_front(file, LINE_LEN)?;
    let seal = line.first_chunk().and_then(SealLine::decode).filter(|(seal, crc)| {
        let front = line.first_chunk().map_or(&[][..], sealed_front);
        seal.kind == LineKind::Resume && checksum(front, b"") == *crc
    });
    Ok(seal.map(|(seal, _)| seal.durable))
}

/// Whether a file begins with a snapshot.
pub(crate) fn begins_with_snapshot(file: &dyn DiskFile) -> io::Result<bool> {
    let longest = SNAPSHOT_MAGICS.iter().map(|magic| magic.len()).max().unwrap_or(0);
    let front = read_front(file, longest)?;
    Ok(SNAPSHOT_MAGICS.iter().any(|magic| front.starts_with(magic)))
}

/// Whether there is more in a file than lines that say it was opened.
fn holds_data(directory: &Directory, planned: &Planned) -> Result<bool, LoadError> {
    if planned.info.kind == FileKind::Base {
        return Ok(true);
    }
    let file = directory.open_file(&planned.info.name, OpenMode::Read)?;
    let mut reader = LogReader::of_part(file, 0, planned.length);
    loop {
        match reader.read() {
            Ok(None) | Err(ReadError::Torn { .. }) => return Ok(false),
            Ok(Some(Record::Seal(seal))) if seal.length == 0 && seal.kind != LineKind::Resume => {}
            _ => return Ok(true),
        }
    }
}

/// Loads everything the manifest names. Room that was never used is cut off, a torn end too if `cut_torn_end`
/// (`aof-load-truncated`) allows it.
///
/// # Errors
/// When anything is missing or damaged; part of the data may have been handed to the loader then.
pub fn load<L: Loader>(
    directory: &Directory,
    plan: &Plan,
    cut_torn_end: TornEnd,
    loader: &mut L,
) -> Result<Loaded, LoadError> {
    run(directory, plan, cut_torn_end, Files::Settle, loader)
}

/// Loads as [`load`] does, but changes no file: a torn end is left out, not cut off.
///
/// # Errors
/// As [`load`].
pub fn read<L: Loader>(
    directory: &Directory,
    plan: &Plan,
    torn_end: TornEnd,
    loader: &mut L,
) -> Result<Loaded, LoadError> {
    run(directory, plan, torn_end, Files::Leave, loader)
}

fn run<L: Loader>(
    directory: &Directory,
    plan: &Plan,
    torn_end: TornEnd,
    files: Files,
    loader: &mut L,
) -> Result<Loaded, LoadError> {
    let mut loaded = Loaded::default();
    let mut before = 0;
    let mode = match files {
        Files::Settle => OpenMode::Write,
        Files::Leave => OpenMode::Read,
    };
    for planned in &plan.files {
        let file = directory.open_file(&planned.info.name, mode)?;
        let mut load = FileLoad { planned, file, files, loader, before, loaded: &mut loaded };
        let end = load.run(torn_end)?;
        before += planned.length;
        loaded.total_bytes += end;
        if planned.info.kind == FileKind::Base {
            loaded.base_bytes = end;
        }
    }
    Ok(loaded)
}

/// What to do with a torn end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TornEnd {
    /// Cut it off.
    Cut,
    /// Refuse the file.
    Refuse,
}

/// What becomes of the files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Files {
    /// They are left so that they can be written again.
    Settle,
    /// They stay as they are.
    Leave,
}

struct FileLoad<'a, L> {
    planned: &'a Planned,
    file: Arc<dyn DiskFile>,
    files: Files,
    loader: &'a mut L,
    /// Bytes of the files before this one.
    before: u64,
    loaded: &'a mut Loaded,
}

impl<L: Loader> FileLoad<'_, L> {
    /// Loads the file; its length afterwards.
    fn run(&mut self, torn_end: TornEnd) -> Result<u64, LoadError> {
        let start = self.load_snapshot()?;
        let mut reader = LogReader::of_part(Arc::clone(&self.file), start, self.planned.end);
        let outcome = self.load_commands(&mut reader)?;
        if let Some(seal) = reader.last_seal() {
            self.loaded.stamp = Some(seal.stamp);
        }
        let end = match outcome {
            Ok(()) => reader.offset(),
            Err(error) => self.torn(error, torn_end)?,
        };
        if self.files == Files::Settle {
            let settled = self.settle(end, doubtful_from(&reader).unwrap_or(end));
            settled.map_err(|error| io_of(&self.planned.info, error))?;
        }
        Ok(end)
    }

    /// Cuts the file at `end`, and writes again what was read behind `doubtful`: a sync of the writer before us may have
    /// failed, and then what the system shows is not what the disk holds, and no sync will ever say so.
    fn settle(&self, end: u64, doubtful: u64) -> io::Result<()> {
        if end < self.planned.length {
            self.file.set_length(end)?;
        } else if doubtful >= end {
            return Ok(());
        }
        let mut at = doubtful;
        let mut chunk = vec![0; COPY_BYTES];
        while at < end {
            let length = chunk.len().min((end - at) as usize);
            read_exact_at(&*self.file, &mut chunk[..length], at)?;
            write_all_at(&*self.file, &chunk[..length], at)?;
            at += length as u64;
        }
        self.file.sync_data()
    }

    /// Loads what is at the front, if it is a snapshot; where it ends.
    fn load_snapshot(&mut self) -> Result<u64, LoadError> {
        let info = &self.planned.info;
        if info.kind != FileKind::Base
            || !begins_with_snapshot(&*self.file).map_err(|error| io_of(info, error))?
        {
            return Ok(0);
        }
        let is_old = !info.name.contains(".base.");
        self.loader.log(
            Level::Notice,
            if is_old {
                "Reading RDB preamble from AOF file..."
            } else {
                "Reading RDB base file on AOF loading..."
            }
            .to_owned(),
        );
        let name = &info.name;
        match self.loader.snapshot(name, &self.file) {
            _ if self.loader.is_called_off() => Err(LoadError::CalledOff),
            Ok(end) => {
                if is_old {
                    self.loader.log(Level::Notice, "Reading the remaining AOF tail...".to_owned());
                }
                Ok(end)
            }
            Err(reason) => {
                let what = if is_old { "preamble of the AOF" } else { "base" };
                let line = format!("Error reading the RDB {what} file {name}, AOF loading aborted");
                self.loader.log(Level::Warning, line);
                Err(LoadError::Refused { name: name.clone(), reason: reason.to_string() })
            }
        }
    }

    fn load_commands(&mut self, reader: &mut LogReader) -> Result<Result<(), ReadError>, LoadError> {
        let name = &self.planned.info.name;
        loop {
            match reader.read() {
                Ok(None) => return Ok(Ok(())),
                Ok(Some(Record::Command { args, end, .. })) => {
                    let taken = self.loader.command(name, args);
                    self.went_on(taken, end)?;
                }
                Ok(Some(Record::Note { args, end, .. })) => {
                    let taken = self.loader.note(name, args);
                    self.went_on(taken, end)?;
                }
                Ok(Some(Record::Timestamp { .. } | Record::Seal(_))) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// After the loader was given what ends at `end`.
    fn went_on(&mut self, taken: Result<(), L::Error>, end: u64) -> Result<(), LoadError> {
        let name = &self.planned.info.name;
        taken.map_err(|reason| LoadError::Refused { name: name.clone(), reason: reason.to_string() })?;
        self.loader.progress(self.before + end);
        if self.loader.is_called_off() { Err(LoadError::CalledOff) } else { Ok(()) }
    }

    /// Says what is wrong, then as Redis does what can be done: its line comes last.
    fn refuse(&mut self, error: LoadError, advice: String) -> LoadError {
        self.loader.log(Level::Warning, error.to_string());
        self.loader.log(Level::Warning, advice);
        error
    }

    /// What is to be done about an error; where the file has to end.
    fn torn(&mut self, error: ReadError, torn_end: TornEnd) -> Result<u64, LoadError> {
        let name = self.planned.info.name.clone();
        let (boundary, at, problem) = match error {
            ReadError::Io(error) => return Err(io_of(&self.planned.info, error)),
            ReadError::Damage { at, problem, .. } => {
                let advice = format!(
                    "Bad file format reading the append only file {name}: make a backup of your AOF file, then use \
                     ./redis-check-aof --fix <filename.manifest>"
                );
                return Err(self.refuse(LoadError::Damage { name, at, problem }, advice));
            }
            ReadError::Torn { boundary, at, problem } => (boundary, at, problem),
        };
        if problem == Problem::OpenTransaction {
            let line = format!("Revert incomplete MULTI/EXEC transaction in AOF file {name}");
            self.loader.log(Level::Warning, line);
        }
        if torn_end == TornEnd::Refuse {
            let advice = format!(
                "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, \
                 then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the \
                 'aof-load-truncated' configuration option to yes and restart the server."
            );
            return Err(self.refuse(LoadError::Torn { name, at, problem, boundary }, advice));
        }
        if !self.planned.is_last {
            let advice = "Fatal error: the truncated file is not the last file".to_owned();
            return Err(self.refuse(LoadError::Torn { name, at, problem, boundary }, advice));
        }
        if self.files == Files::Settle {
            let mut warn = |line| self.loader.log(Level::Warning, line);
            warn(format!("!!! Warning: short read while loading the AOF file {name}!!!"));
            warn(format!("!!! Truncating the AOF {name} at offset {boundary} !!!"));
            warn(format!("AOF {name} loaded anyway because aof-load-truncated is enabled"));
        }
        self.loader.drop_transaction();
        self.loaded.cut = Some((name, self.planned.length - boundary));
        Ok(boundary)
    }
}

/// From where on a file was not known to be durable by who wrote it, if that was us and we were interrupted.
fn doubtful_from(reader: &LogReader) -> Option<u64> {
    let seal = reader.last_seal()?;
    match seal.kind {
        LineKind::Close if seal.durable == seal.at => None,
        LineKind::Resume => Some(LINE_LEN as u64),
        LineKind::Open | LineKind::Batch | LineKind::Close => Some(seal.durable),
    }
}

fn io_of(info: &FileInfo, error: io::Error) -> LoadError {
    LoadError::Io { name: info.name.clone(), error }
}

/// The first bytes of a file, fewer if it is shorter.
fn read_front(file: &dyn DiskFile, length: usize) -> io::Result<Vec<u8>> {
    let mut front = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut front[filled..], filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    front.truncate(filled);
    Ok(front)
}

#[cfg(test)]
mod tests;
