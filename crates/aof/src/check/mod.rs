//! What `redis-check-aof` does, as a library: check a log, repair its end, or cut it at a point in time.
//!
//! It takes a manifest with its files, a single file of commands, or one that begins with a snapshot, and finds out by
//! itself which it is. The lines it says are those of Redis's tool where programs may look at them; where ours knows more
//! (seals, times, what is given up) it says that in lines of its own.
//!
//! Nothing is changed before the console confirmed it, except by [`Mode::TruncateTo`], like in Redis.

mod file;
mod torn_lines;

use crate::directory::system_text;
use crate::disk::{Disk, DiskFile, OpenMode, read_file};
use crate::manifest::{FileInfo, Manifest};
use crate::recovery::{begins_with_snapshot, end_of_file_before};
use file::{FileCheck, Outcome};
use std::io;
use std::sync::Arc;

/// Bytes of the longest manifest.
const MAX_MANIFEST: u64 = 1024 * 1024;
/// Redis takes nothing shorter for a snapshot.
const SHORTEST_SNAPSHOT: u64 = 8;

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Look only.
    Check,
    /// Cut off a broken end.
    Fix,
    /// Cut off what was written after this second since 1970.
    TruncateTo(i64),
}

/// Who is told.
pub trait Console {
    /// Says a line.
    fn say(&mut self, line: &str);

    /// Asks whether to go on with what was said last.
    fn confirms(&mut self) -> bool;
}

/// Checks the snapshot at the front of a file and says where it ends, or what is wrong with it.
pub type SnapshotCheck<'a> = &'a mut dyn FnMut(&Arc<dyn DiskFile>) -> Result<u64, String>;

/// It ended early, for a reason that was said.
#[derive(Debug, PartialEq, Eq)]
pub struct Aborted;

/// What a check works with.
pub struct Check<'a> {
    /// The folder of the file that was named, and of those its manifest names.
    pub disk: &'a dyn Disk,
    /// What to do.
    pub mode: Mode,
    /// Who is told.
    pub console: &'a mut dyn Console,
    /// Who knows snapshots.
    pub snapshot: SnapshotCheck<'a>,
}

impl Check<'_> {
    /// Checks the file `name`, which is called `shown` where it is spoken of.
    ///
    /// # Errors
    /// When it is not valid, and was not made so.
    pub fn run(&mut self, name: &str, shown: &str) -> Result<(), Aborted> {
        let file = self.open(name, shown, OpenMode::Read, "")?;
        if is_manifest(self.disk, name).map_err(|error| self.cannot_read(shown, &error))? {
            return self.manifest(name, shown);
        }
        let has_preamble = self.is_snapshot(&file, shown)?;
        self.say("Start checking Old-Style AOF");
        let outcome = self.file(name, shown, shown, None, true, has_preamble)?;
        self.conclude("AOF", shown, outcome);
        Ok(())
    }

    fn manifest(&mut self, name: &str, shown: &str) -> Result<(), Aborted> {
        self.say("Start checking Multi Part AOF");
        let text =
            read_file(self.disk, name, MAX_MANIFEST).map_err(|error| self.cannot_read(shown, &error))?;
        let manifest = Manifest::parse(&text).map_err(|error| {
            error.log_lines().iter().for_each(|line| self.say(line));
            Aborted
        })?;
        let folder = shown.rsplit_once('/').map_or(".", |(folder, _)| folder).to_owned();
        let infos: Vec<&FileInfo> = manifest.loaded().collect();
        for (index, info) in infos.iter().enumerate() {
            let path = format!("{folder}/{}", info.name);
            let file = self.open(&info.name, &path, OpenMode::Read, ", aborting...")?;
            let is_base = index == 0 && manifest.base().is_some();
            let has_preamble = is_base && self.is_snapshot(&file, &path)?;
            if is_base {
                let format = if has_preamble { "RDB" } else { "RESP" };
                self.say(&format!("Start to check BASE AOF ({format} format)."));
            }
            if index == usize::from(manifest.base().is_some()) {
                self.say("Start to check INCR files.");
            }
            let end = match infos.get(index + 1) {
                Some(next) => self.end_before(&next.name, &folder)?,
                None => None,
            };
            let is_last = index + 1 == infos.len();
            let outcome = self.file(&info.name, &info.name, &path, end, is_last, has_preamble)?;
            self.conclude(if is_base { "BASE AOF" } else { "INCR AOF" }, &info.name, outcome);
        }
        self.say("All AOF files and manifest are valid");
        Ok(())
    }

    /// Up to where the file in front of `name` counts, if `name` repeats the rest.
    fn end_before(&mut self, name: &str, folder: &str) -> Result<Option<u64>, Aborted> {
        let path = format!("{folder}/{name}");
        let file = self.open(name, &path, OpenMode::Read, ", aborting...")?;
        end_of_file_before(&*file).map_err(|error| self.cannot_read(&path, &error))
    }

    fn file(
        &mut self,
        name: &str,
        shown: &str,
        path: &str,
        end: Option<u64>,
        is_last: bool,
        has_preamble: bool,
    ) -> Result<Outcome, Aborted> {
        let mode = if self.mode == Mode::Check { OpenMode::Read } else { OpenMode::Write };
        let file = self.open(name, path, mode, ", aborting...")?;
        let size = file.length().map_err(|error| self.cannot_read(path, &error))?;
        let start = if has_preamble { self.preamble(&file)? } else { 0 };
        let end = end.unwrap_or(size).clamp(start, size.max(start));
        FileCheck { mode: self.mode, console: self.console, file, shown, path, size, is_last }.run(start, end)
    }

    fn preamble(&mut self, file: &Arc<dyn DiskFile>) -> Result<u64, Aborted> {
        match (self.snapshot)(file) {
            Ok(end) => {
                self.say("RDB preamble is OK, proceeding with AOF tail...");
                Ok(end)
            }
            Err(reason) => {
                self.say(&reason);
                self.say("RDB preamble of AOF file is not sane, aborting.");
                Err(Aborted)
            }
        }
    }

    fn conclude(&mut self, what: &str, shown: &str, outcome: Outcome) {
        let line = match (outcome, self.mode) {
            (Outcome::Valid, _) => format!("{what} {shown} is valid"),
            (Outcome::Empty, _) => format!("{what} {shown} is empty"),
            (Outcome::Truncated, Mode::TruncateTo(seconds)) => {
                format!("Successfully truncated AOF {shown} to timestamp {seconds}")
            }
            (Outcome::Truncated, _) => format!("Successfully truncated AOF {shown}"),
        };
        self.say(&line);
    }

    fn is_snapshot(&mut self, file: &Arc<dyn DiskFile>, shown: &str) -> Result<bool, Aborted> {
        let found = file
            .length()
            .and_then(|length| Ok(length >= SHORTEST_SNAPSHOT && begins_with_snapshot(&**file)?));
        found.map_err(|error| self.cannot_read(shown, &error))
    }

    fn open(
        &mut self,
        name: &str,
        shown: &str,
        mode: OpenMode,
        tail: &str,
    ) -> Result<Arc<dyn DiskFile>, Aborted> {
        self.disk.open(name, mode).map_err(|error| {
            self.say(&format!("Cannot open file {shown}: {}{tail}", system_text(&error)));
            Aborted
        })
    }

    fn cannot_read(&mut self, shown: &str, error: &io::Error) -> Aborted {
        self.say(&format!("Cannot read file {shown}: {}", system_text(error)));
        Aborted
    }

    fn say(&mut self, line: &str) {
        self.console.say(line);
    }
}

/// Whether a file is a manifest: some line that is no comment begins with the word that its lines begin with.
fn is_manifest(disk: &dyn Disk, name: &str) -> io::Result<bool> {
    match read_file(disk, name, MAX_MANIFEST) {
        Ok(text) => Ok(text.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"file"))),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
