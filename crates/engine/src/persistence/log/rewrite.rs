//! Rewriting: a new base for the append-only file, taken as a snapshot while the log goes on in a new increment.
//!
//! ```text
//! next increment made ─▶ an instant: marks turned, log cut ─▶ walker writes the base ─▶ manifest names both ─▶ history goes
//! ```
//!
//! Whatever fails in between, the manifest names files that hold everything.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use spinel_aof::{BaseFormat, Directory, DirectoryError, Following, Names, Rotation};

use super::{Drain, Writing};
use crate::Engine;
use crate::config::Settings;
use crate::cores::Work;
use crate::log::LogLevel;
use crate::persistence::BackupPhase;
use crate::persistence::format::Format;
use crate::persistence::saving::NotBegun;
use crate::persistence::state::{Outcome, Purpose};
use crate::persistence::target::Target;
use crate::persistence::walker;

/// How often it is looked whether the log has come to its new file.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Why a rewrite ended without a new base.
#[derive(Debug)]
enum RewriteError {
    Disk(io::Error),
    Directory(DirectoryError),
    /// It was called off, or the log had to change its file for other reasons.
    CalledOff,
    /// The log has not come yet to the file that the last rewrite made for it.
    Unfinished,
}

impl fmt::Display for RewriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(f),
            Self::Directory(error) => error.fmt(f),
            Self::CalledOff => f.write_str("called off"),
            Self::Unfinished => f.write_str("the log still waits for the disk to change its file"),
        }
    }
}

impl From<io::Error> for RewriteError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<DirectoryError> for RewriteError {
    fn from(error: DirectoryError) -> Self {
        Self::Directory(error)
    }
}

/// What the log does when the new base is there, and which log it is.
enum Log {
    /// It goes on in this increment.
    In { name: String, serial: u64 },
    /// It begins in the increment that has no name yet.
    Begins { serial: u64 },
    /// It is off.
    Off(Box<Directory>),
}

impl Log {
    /// Whether the log is still the one that it was when the rewrite began.
    fn is_current(&self, log: &super::Log) -> bool {
        match self {
            Self::In { serial, .. } | Self::Begins { serial } => *serial == log.serial(),
            Self::Off(_) => true,
        }
    }
}

pub(super) fn names(settings: &Settings) -> Names {
    let aof = &settings.persistence.aof;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Names::new(text(&aof.dirname), text(&aof.filename))
}

/// The form of a base.
fn base_format(engine: &Engine, settings: &Settings) -> (Format, BaseFormat) {
    if settings.persistence.aof.rdb_preamble {
        (Format::rdb(engine, settings, true), BaseFormat::Rdb)
    } else {
        (Format::commands(engine), BaseFormat::Resp)
    }
}

impl Engine {
    /// Begins to rewrite in the background.
    ///
    /// # Errors
    /// [`NotBegun`]
    pub(crate) fn begin_rewrite(self: &Arc<Self>) -> Result<(), NotBegun> {
        self.begin_rewrite_if(|| true)
    }

    /// Begins to rewrite for a backup, unless the rewrite that ended just now has made the base that the backup waited for.
    ///
    /// # Errors
    /// [`NotBegun`]
    pub(in crate::persistence) fn begin_rewrite_for_backup(self: &Arc<Self>) -> Result<(), NotBegun> {
        self.begin_rewrite_if(|| self.backup_stands().0.wants_base())
    }

    fn begin_rewrite_if(self: &Arc<Self>, is_wanted: impl FnOnce() -> bool) -> Result<(), NotBegun> {
        if self.journal.log.is_for_backup() && !self.backup_stands().0.wants_base() {
            // What is logged for a backup only has one base.
            return Err(NotBegun::Busy(Purpose::Rewrite));
        }
        self.reserve_snapshot_if(Purpose::Rewrite, is_wanted)?;
        {
            let mut state = self.persistence.state.lock();
            state.rewrite_scheduled = false;
            state.rewrites.tried = self.unix_seconds();
        }
        self.log.write(LogLevel::Notice, "Background append only file rewriting started");
        let engine = Arc::clone(self);
        self.spawn_snapshot(Work::Rewrite, move || {
            let begun = engine.begin_log_for_backup().map_err(RewriteError::Directory);
            let result = begun.and_then(|()| engine.rewrite());
            engine.end_rewrite(&result);
        })
    }

    fn rewrite(&self) -> Result<(), RewriteError> {
        let settings = self.settings();
        let (format, base_format) = base_format(self, &settings);
        let temporary = names(&settings).temporary_base(self.host().probe.about().process_id);
        let mut target = Target::temporary(self, &settings, &temporary)?;
        let log = self.prepare_log(&settings)?;
        let mut has_turned = false;
        let snapshot = self.take_snapshot(format, || has_turned = self.turn_log(&log));
        if !has_turned {
            snapshot.abort();
        }
        walker::walk(self, &snapshot, &mut target)?;
        if snapshot.is_aborted() {
            target.abandon()?;
            return Err(RewriteError::CalledOff);
        }
        let base_bytes = target.complete(&snapshot.format)?;
        self.wait_for_rotation(&log)?;
        if let Log::In { name, .. } = &log {
            self.pin_increments_before(name);
        }
        let is_of_log = !matches!(log, Log::Off(_));
        self.install(log, &temporary, base_format)?;
        target.keep();
        if is_of_log {
            self.pin_base();
        }
        let figures = &self.journal.log.figures;
        figures.others.store(base_bytes, Ordering::Relaxed);
        let increment_bytes = figures.increment.load(Ordering::Relaxed);
        figures.base_size.store(base_bytes + increment_bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Makes the file that the log goes on in.
    fn prepare_log(&self, settings: &Settings) -> Result<Log, RewriteError> {
        let log = &self.journal.log;
        let now = self.clock.unix_millis();
        let mut guard = log.writing_at_rest();
        let serial = log.serial();
        let Some(writing) = guard.as_mut() else {
            if self.published().settings.persistence.aof.enabled {
                // The log is being loaded again: the data set is not what it says.
                return Err(RewriteError::CalledOff);
            }
            let directory = Directory::open(Arc::clone(&self.host().files), names(settings))?;
            directory.create_folder()?;
            return Ok(Log::Off(Box::new(directory)));
        };
        if !writing.has_begun {
            let mut buffer = log.buffer();
            buffer.clear();
            // What an earlier attempt left in the file does not follow this one's base.
            writing.begin_again(settings, buffer.end(), now)?;
            self.forget_log_trouble();
            return Ok(Log::Begins { serial });
        }
        if *writing.writer.rotation() == Rotation::Waiting && !self.skip_to_cut(writing) {
            return Err(RewriteError::Unfinished);
        }
        let stamp = writing.stamp(log.buffer().end(), now);
        let next = writing.directory.begin_increment(stamp)?;
        let name = next.name().to_owned();
        self.log.write(LogLevel::Notice, &format!("Creating AOF incr file {name} on background rewrite"));
        writing.writer.begin_rotation(next);
        Ok(Log::In { name, serial })
    }

    /// At the instant of the snapshot; false if the log has ended meanwhile.
    fn turn_log(&self, log: &Log) -> bool {
        let shared = &self.journal.log;
        if !log.is_current(shared) {
            return false;
        }
        match log {
            Log::In { .. } => {
                shared.buffer().cut();
                shared.write_bell.ring();
            }
            Log::Begins { .. } => shared.turn_on(),
            Log::Off(_) => {}
        }
        true
    }

    /// Lets a log that can go on only after a new base turn to its next file. False if it can go on without, or is not told
    /// where the base ends.
    fn skip_to_cut(&self, writing: &mut Writing) -> bool {
        if !writing.writer.needs_base() {
            return false;
        }
        self.drain_log(writing, Drain::Anyhow);
        writing.writer.skip_to_cut()
    }

    fn wait_for_rotation(&self, log: &Log) -> Result<(), RewriteError> {
        let Log::In { .. } = log else { return Ok(()) };
        loop {
            let writing = self.journal.log.writing();
            if writing.as_ref().is_some_and(|writing| writing.writer.needs_base()) {
                // The file is changed when the base is installed.
                return Ok(());
            }
            let rotation = writing.as_ref().map(|writing| writing.writer.rotation().clone());
            drop(writing);
            match rotation {
                Some(Rotation::Done(_)) => return Ok(()),
                Some(Rotation::Waiting) if !self.is_shutting_down() => std::thread::sleep(LOOK_AGAIN),
                _ => return Err(RewriteError::CalledOff),
            }
        }
    }

    /// Makes the new base the base.
    fn install(&self, log: Log, temporary: &str, format: BaseFormat) -> Result<(), RewriteError> {
        let keeps_history = self.published().settings.persistence.aof.keep_history;
        let install = |directory: &mut Directory, following: Following<'_>| {
            directory.install_base(temporary, format, following)?;
            self.log.write(LogLevel::Notice, "Successfully renamed the temporary AOF base file");
            if !keeps_history {
                for name in directory.delete_history()? {
                    self.log.write(
                        LogLevel::Notice,
                        &format!("Removing the history file {name} in the background"),
                    );
                }
            }
            Ok(())
        };
        let mut guard = self.journal.log.writing();
        if !log.is_current(&self.journal.log) {
            return Err(RewriteError::CalledOff);
        }
        match (log, guard.as_mut()) {
            (Log::Off(mut directory), _) => install(&mut directory, Following::Nothing),
            (Log::In { name, .. }, Some(writing)) => {
                self.skip_to_cut(writing);
                if !matches!(writing.writer.rotation(), Rotation::Done(file) if *file == name) {
                    return Err(RewriteError::CalledOff);
                }
                install(&mut writing.directory, Following::From(&name))?;
                // A refusal is published.
                let _ = writing.writer.base_is_installed();
                self.publish_log(writing);
                Ok(())
            }
            (Log::Begins { .. }, Some(writing)) => {
                // After a failed sync it goes on in another file, which the base would forget.
                if writing.writer.file_name() != writing.directory.names().temporary_increment() {
                    return Err(RewriteError::CalledOff);
                }
                install(&mut writing.directory, Following::Temporary)?;
                writing.has_begun = true;
                self.publish_durability(writing);
                Ok(())
            }
            (Log::In { .. } | Log::Begins { .. }, None) => Err(RewriteError::CalledOff),
        }
    }

    /// Makes the base of a new log from the data set as it is.
    pub(super) fn write_first_base(&self, directory: &mut Directory, settings: &Settings) -> io::Result<()> {
        let (format, base_format) = base_format(self, settings);
        let temporary = names(settings).temporary_base(self.host().probe.about().process_id);
        let mut target = Target::temporary(self, settings, &temporary)?;
        self.at_an_instant(|held| self.write_all(held, &format, &mut target))?;
        target.complete(&format)?;
        let failed = |error: DirectoryError| io::Error::other(error.to_string());
        directory.create_folder().map_err(failed)?;
        directory.install_base(&temporary, base_format, Following::Nothing).map_err(failed)?;
        target.keep();
        if let Some(base) = directory.manifest().base() {
            self.log
                .write(LogLevel::Notice, &format!("Creating AOF base file {} on server start", base.name));
        }
        Ok(())
    }

    fn end_rewrite(&self, result: &Result<(), RewriteError>) {
        let now = self.unix_seconds();
        self.persistence.current.set(None);
        if let Err(error) = result {
            if self.backup_stands().0 == BackupPhase::Snapshotting {
                self.fail_backup(&format!("the base cannot be written: {error}"));
            }
            self.drop_backup_log_without_base();
            // The increment begun for it stays, unless the log never came to it.
            self.journal.log.forget_beginning(self);
        }
        let outcome = if result.is_ok() { Outcome::Ok } else { Outcome::Failed };
        let mut state = self.persistence.state.lock();
        let running = state.running.take().expect("this one ran");
        self.go_on_with_backup();
        state.rewrites.took = now - running.since;
        if !matches!(result, Err(RewriteError::CalledOff)) {
            state.rewrites.end(outcome);
        }
        state.rewrites.done += u64::from(outcome == Outcome::Ok);
        let pause_minutes = state.rewrite_pause() / 60;
        drop(state);
        match result {
            Ok(()) => {
                self.log.write(LogLevel::Notice, "Background AOF rewrite terminated with success");
                self.log.write(LogLevel::Notice, "Background AOF rewrite finished successfully");
            }
            Err(error) => {
                self.log.write(
                    LogLevel::Warning,
                    &format!("Background AOF rewrite terminated with error: {error}"),
                );
                if pause_minutes > 0 {
                    let line = format!(
                        "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in \
                         {pause_minutes} minutes"
                    );
                    self.log.write(LogLevel::Warning, &line);
                }
            }
        }
    }
}
