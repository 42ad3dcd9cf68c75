//! Turning the append-only file on and off, at the start, while running, and at the end.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use spinel_aof::annotation::Stamp;
use spinel_aof::recovery::{self, TornEnd};
use spinel_aof::{Directory, DirectoryError, LogBuffer, LogPosition, LogWriter};

use super::loading::CommandLoader;
use super::rewrite::{LOOK_AGAIN, names};
use super::{Drain, Log, Writing, replication_id, writer_options};
use crate::Engine;
use crate::config::Settings;
use crate::log::LogLevel;
use crate::persistence::{NotLoaded, Purpose};

impl Log {
    /// From now on commands are logged; at the instant of the snapshot that they follow.
    pub(super) fn turn_on(&self) {
        let mut buffer = self.buffer();
        buffer.clear();
        self.appended.store(buffer.end().0, Ordering::SeqCst);
        self.safe.store(buffer.end().0, Ordering::SeqCst);
        self.is_on.store(true, Ordering::SeqCst);
    }

    /// Bytes of the increments being written.
    pub(super) fn increment_bytes(&self) -> u64 {
        self.writing().as_ref().map_or(0, |writing| writing.writer.file_length())
    }

    /// Whether its first base is still being written.
    pub(crate) fn is_beginning(&self) -> bool {
        self.writing().as_ref().is_some_and(|writing| !writing.has_begun)
    }

    /// A rewrite failed. If the log was to begin with it, what was logged follows nothing, and it begins anew.
    pub(super) fn forget_beginning(&self, engine: &Engine) {
        let mut writing = self.writing();
        if writing.as_ref().is_none_or(|writing| writing.has_begun) {
            return;
        }
        *writing = None;
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.is_on.store(false, Ordering::SeqCst);
        drop(writing);
        engine.set_log_failed(false);
        engine.nudge_workers();
        if engine.published().settings.persistence.aof.enabled {
            engine.persistence.state.lock().rewrite_scheduled = true;
        }
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
        *self.writing() = Some(writing);
        self.adjust(settings);
        self.turn_on();
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
            warn(&error.to_string());
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
        let now =
            Stamp { replication_id: id, offset: start.0, time_ms: self.clock.unix_millis().0.max(0) as u64 };
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
        if let Err(error) = directory.delete_temporary() {
            warn(&format!("Temporary files of the AOF cannot be deleted: {error}"));
        }
        self.journal.log.start(
            Writing { writer, directory, replication_id: id, is_syncing: false, has_begun: true },
            start,
            settings,
        );
        self.start_log_threads();
        Ok(())
    }

    /// Makes what `appendonly yes` needs: the files, and a first base; the log itself begins with the snapshot for that.
    ///
    /// # Errors
    /// If the files cannot be made; the log has said why.
    pub(crate) fn prepare_to_log(self: &Arc<Self>, settings: &Settings) -> Result<(), NotLoaded> {
        let writing = self.begin_writing(settings).map_err(|error| {
            error.log_lines().iter().for_each(|line| self.log.write(LogLevel::Warning, line));
            NotLoaded
        })?;
        *self.journal.log.writing() = Some(writing);
        self.start_log_threads();
        if self.begin_rewrite().is_err() {
            self.persistence.state.lock().rewrite_scheduled = true;
            self.log.write(
                LogLevel::Notice,
                "AOF was enabled but there is already another background operation. An AOF background was scheduled to \
                 start when possible.",
            );
        }
        Ok(())
    }

    /// Opens a first increment, which has no name before there is a base.
    pub(super) fn begin_writing(&self, settings: &Settings) -> Result<Writing, DirectoryError> {
        let directory = Directory::open(Arc::clone(&self.host().files), names(settings))?;
        directory.create_folder()?;
        let id = replication_id(&self.replication_id());
        let start = self.journal.log.buffer().end();
        let time_ms = self.clock.unix_millis().0.max(0) as u64;
        let stamp = Stamp { replication_id: id, offset: start.0, time_ms };
        let first = directory.begin_temporary_increment(stamp)?;
        let writer = LogWriter::begin(first, writer_options(settings), start, stamp);
        Ok(Writing { writer, directory, replication_id: id, is_syncing: false, has_begun: false })
    }

    /// `appendonly no`: the caller has the world.
    pub(crate) fn turn_log_off(&self) {
        self.abort_snapshot(Purpose::Rewrite);
        self.persistence.state.lock().rewrite_scheduled = false;
        self.close_log();
    }

    /// Stops logging: writes what waits, makes it durable and leaves the files as other servers expect them. False if not
    /// everything is durable. The caller sees to it that nobody appends meanwhile.
    pub(crate) fn close_log(&self) -> bool {
        let log = &self.journal.log;
        let mut guard = log.writing();
        while guard.as_ref().is_some_and(|writing| writing.is_syncing) {
            drop(guard);
            std::thread::sleep(LOOK_AGAIN);
            guard = log.writing();
        }
        let Some(writing) = guard.as_mut() else { return true };
        let was_on = log.is_on();
        if was_on {
            self.drain_log(writing, Drain::All);
        }
        let stamp = writing.stamp(log.buffer().end(), self.clock.unix_millis());
        let result = self.close_writer(writing, stamp);
        self.publish_log(writing);
        log.is_on.store(false, Ordering::SeqCst);
        *guard = None;
        drop(guard);
        self.set_log_failed(false);
        self.nudge_workers();
        result || !was_on
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
    directory: Directory,
    /// There was nothing.
    pub(crate) is_empty: bool,
    stamp: Option<Stamp>,
}
