//! Turning the append-only file on and off, at the start, while running, and at the end.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use spinel_aof::annotation::Stamp;
use spinel_aof::recovery::{self, LoadError, TornEnd};
use spinel_aof::{Directory, DirectoryError, LogBuffer, LogPosition, LogWriter};
use spinel_family::UnixMillis;

use super::loading::CommandLoader;
use super::rewrite::names;
use super::{Drain, Log, Writing, replication_id, stamp_at, writer_options};
use crate::Engine;
use crate::config::Settings;
use crate::log::LogLevel;
use crate::persistence::{NoThread, NotLoaded, Purpose};

/// When the log is turned on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// Within a transaction: it begins with what the transaction leaves.
    InTransaction,
    /// By itself.
    Now,
}

impl When {
    pub(crate) fn of(in_transaction: bool) -> Self {
        if in_transaction { Self::InTransaction } else { Self::Now }
    }
}

impl Log {
    /// From now on commands are logged; at the instant of the snapshot that they follow.
    pub(super) fn turn_on(&self) {
        let mut buffer = self.buffer();
        buffer.clear();
        self.appended.store(buffer.end().0, Ordering::SeqCst);
        self.safe.store(buffer.end().0, Ordering::SeqCst);
        self.is_on.store(true, Ordering::SeqCst);
    }

    /// Whether the log is to be turned on, and the base that it follows is still missing.
    pub(crate) fn is_beginning(&self) -> bool {
        self.writing().as_ref().is_some_and(|writing| !writing.has_begun)
    }

    /// A rewrite failed: if the log was to begin with it, what was logged follows nothing. Another attempt begins with
    /// the next upkeep.
    pub(super) fn forget_beginning(&self, engine: &Engine) {
        if !self.is_beginning() {
            return;
        }
        engine.persistence.state.lock().rewrite_scheduled = true;
        engine.at_an_instant(|_| self.is_on.store(false, Ordering::SeqCst));
        engine.forget_log_trouble();
        engine.nudge_workers();
        engine.log.write(LogLevel::Notice, "Removing the temp incr aof file: what it holds follows no base");
    }

    /// Sets what the settings say.
    pub(crate) fn adjust(&self, settings: &Settings) {
        self.policy.store(settings.persistence.aof.fsync as u8, Ordering::Relaxed);
        self.buffer().set_timestamps(settings.persistence.aof.timestamps);
        if let Some(writing) = self.writing().as_mut() {
            writing.writer.set_options(writer_options(settings));
        }
    }

    fn start(&self, writing: Writing, start: LogPosition, settings: &Settings) {
        *self.buffer() = LogBuffer::new(start);
        self.figures.increment.store(writing.writer.file_length(), Ordering::Relaxed);
        *self.writing() = Some(writing);
        self.serial.fetch_add(1, Ordering::SeqCst);
        self.adjust(settings);
        self.turn_on();
    }
}

impl Writing {
    /// Empties the file of a log that is to begin at `start`.
    pub(super) fn begin_again(
        &mut self,
        settings: &Settings,
        start: LogPosition,
        now: UnixMillis,
    ) -> Result<(), DirectoryError> {
        let stamp = self.stamp(start, now);
        let first = self.directory.begin_temporary_increment(stamp)?;
        self.writer = LogWriter::begin(first, writer_options(settings), start, stamp);
        Ok(())
    }
}

impl Engine {
    /// Loads the log, if there is one, and goes on writing it.
    pub(crate) fn open_log(self: &Arc<Self>, settings: &Settings) -> Result<Opened, NotLoaded> {
        let warn = |line: &str| self.log.write(LogLevel::Warning, line);
        let directory =
            Directory::open(Arc::clone(&self.host().files), names(settings)).map_err(|error| {
                error.log_lines().iter().for_each(|line| warn(line));
                NotLoaded
            })?;
        let plan = recovery::plan(&directory).map_err(|error| {
            warn(&error.to_string());
            NotLoaded
        })?;
        if plan.files.is_empty() {
            return Ok(Opened { directory, is_empty: true, stamp: None });
        }
        let start = self.clock.monotonic_nanos();
        self.persistence.loading.begin(self.unix_seconds(), plan.total_bytes());
        let torn_end = if settings.persistence.aof.load_truncated { TornEnd::Cut } else { TornEnd::Refuse };
        let mut loader = CommandLoader::new(self);
        let loaded = recovery::load(&directory, &plan, torn_end, &mut loader).map_err(|error| {
            // These it has said itself.
            let is_said =
                matches!(error, LoadError::Damage { .. } | LoadError::Torn { .. } | LoadError::CalledOff);
            if !is_said {
                warn(&error.to_string());
            }
            NotLoaded
        })?;
        let seconds = self.clock.monotonic_nanos().saturating_sub(start) as f64 / 1e9;
        self.log.write(LogLevel::Notice, &format!("DB loaded from append only file: {seconds:.3} seconds"));
        let figures = &self.journal.log.figures;
        figures.base_size.store(loaded.total_bytes, Ordering::Relaxed);
        Ok(Opened { directory, is_empty: false, stamp: loaded.stamp })
    }

    /// Begins to write the log that was opened; makes its first base if it is new.
    pub(crate) fn continue_log(
        self: &Arc<Self>,
        opened: Opened,
        settings: &Settings,
    ) -> Result<(), NotLoaded> {
        let warn = |line: &str| self.log.write(LogLevel::Warning, line);
        let Opened { mut directory, is_empty, stamp } = opened;
        let start = LogPosition(stamp.map_or(0, |stamp| stamp.offset));
        if is_empty {
            self.write_first_base(&mut directory, settings).map_err(|error| {
                warn(&format!("Failed to rewrite the AOF base on start: {error}"));
                NotLoaded
            })?;
        }
        let id = replication_id(&self.replication_id());
        let now = stamp_at(id, start, self.clock.unix_millis());
        let has_increment = !directory.manifest().increments().is_empty();
        let writer =
            LogWriter::open(&mut directory, writer_options(settings), start, now).map_err(|error| {
                error.log_lines().iter().for_each(|line| warn(line));
                NotLoaded
            })?;
        let figures = &self.journal.log.figures;
        let all = figures.base_size.load(Ordering::Relaxed);
        figures.others.store(all.saturating_sub(writer.file_length()), Ordering::Relaxed);
        if !has_increment {
            let line = format!("Creating AOF incr file {} on server start", writer.file_name());
            self.log.write(LogLevel::Notice, &line);
        }
        if let Err(error) = directory.delete_temporary(|process| self.is_gone(process)) {
            warn(&format!("Temporary files of the AOF cannot be deleted: {error}"));
        }
        let writing = Writing { writer, directory, replication_id: id, has_begun: true };
        self.start_log_threads().map_err(|NoThread| NotLoaded)?;
        self.journal.log.start(writing, start, settings);
        Ok(())
    }

    /// Makes what a later `appendonly yes` needs: the files; the log itself begins with the snapshot.
    ///
    /// # Errors
    /// If the files cannot be made; the log has said why.
    pub(crate) fn prepare_to_log(self: &Arc<Self>, settings: &Settings, when: When) -> Result<(), NotLoaded> {
        let prepare = || {
            let directory = Directory::open(Arc::clone(&self.host().files), names(settings))?;
            directory.create_folder()?;
            let id = replication_id(&self.replication_id());
            let start = self.journal.log.buffer().end();
            let stamp = stamp_at(id, start, self.clock.unix_millis());
            let first = directory.begin_temporary_increment(stamp)?;
            let writer = LogWriter::begin(first, writer_options(settings), start, stamp);
            let writing = Writing { writer, directory, replication_id: id, has_begun: false };
            Ok::<_, DirectoryError>(writing)
        };
        self.start_log_threads().map_err(|NoThread| NotLoaded)?;
        let writing = prepare().map_err(|error| {
            error.log_lines().iter().for_each(|line| self.log.write(LogLevel::Warning, line));
            NotLoaded
        })?;
        *self.journal.log.writing() = Some(writing);
        self.journal.log.serial.fetch_add(1, Ordering::SeqCst);
        let what_else = match when {
            When::InTransaction => Some("AOF was enabled during a transaction."),
            When::Now if self.begin_rewrite().is_ok() => None,
            When::Now => Some("AOF was enabled but there is already another background operation."),
        };
        if let Some(what_else) = what_else {
            self.persistence.state.lock().rewrite_scheduled = true;
            let line = format!("{what_else} An AOF background was scheduled to start when possible.");
            self.log.write(LogLevel::Notice, &line);
        }
        Ok(())
    }

    /// `appendonly no`: the caller has the world.
    pub(crate) fn turn_log_off(&self) {
        if self.abort_snapshot(Purpose::Rewrite) {
            // Redis says so of its forked child.
            self.log.write(LogLevel::Notice, "Killing running AOF rewrite child: the rewrite is called off");
        }
        self.persistence.state.lock().rewrite_scheduled = false;
        self.fail_backup("appendonly is stopped");
        self.journal.log.durability.disappoint_waiting();
        self.close_log();
    }

    /// Stops logging: writes what waits, makes it durable and leaves the files as other servers expect them. False if not
    /// everything is durable. The caller sees to it that nobody appends meanwhile.
    pub(crate) fn close_log(&self) -> bool {
        let log = &self.journal.log;
        if log.is_for_backup() {
            self.forget_backup_log();
            return true;
        }
        let mut guard = log.writing_at_rest();
        let Some(writing) = guard.as_mut() else { return true };
        let was_on = log.is_on();
        let end = log.buffer().end();
        let is_given_up = writing.writer.written() == end && writing.writer.is_given_up();
        if was_on && !is_given_up {
            self.drain_log(writing, Drain::All);
        }
        let result = if is_given_up {
            let name = writing.writer.file_name();
            let line = format!("Somebody else has written to {name}, which is left as it is.");
            self.log.write(LogLevel::Warning, &line);
            true
        } else {
            let stamp = writing.stamp(log.buffer().end(), self.clock.unix_millis());
            self.close_writer(writing, stamp)
        };
        if !writing.has_begun {
            writing.directory.discard_temporary_increment();
        }
        self.publish_log(writing);
        log.durability.end();
        log.is_on.store(false, Ordering::SeqCst);
        log.serial.fetch_add(1, Ordering::SeqCst);
        log.figures.increment.store(0, Ordering::Relaxed);
        *guard = None;
        drop(guard);
        self.forget_log_trouble();
        self.nudge_workers();
        result || !was_on
    }

    /// Writes what waits and makes it durable; false if that cannot be done now. The caller sees to it that nobody appends
    /// meanwhile.
    pub(crate) fn flush_log(&self) -> bool {
        let mut guard = self.journal.log.writing_at_rest();
        let Some(writing) = guard.as_mut() else { return true };
        self.drain_log(writing, Drain::All);
        let is_durable = writing.writer.sync().is_ok();
        self.publish_log(writing);
        is_durable
    }

    /// The log that was in trouble is no more.
    pub(super) fn forget_log_trouble(&self) {
        *self.journal.log.refusal.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.set_log_failed(false);
    }

    fn close_writer(&self, writing: &mut Writing, stamp: Stamp) -> bool {
        match writing.writer.close(stamp) {
            Ok(()) => true,
            Err(refusal) => {
                let line = format!("Fail to fsync the AOF file: {refusal}.");
                self.log.write(LogLevel::Warning, &line);
                false
            }
        }
    }
}

/// A log whose files were loaded.
pub(crate) struct Opened {
    pub(super) directory: Directory,
    /// There was nothing, or what was there does not count any more.
    pub(crate) is_empty: bool,
    pub(super) stamp: Option<Stamp>,
}
