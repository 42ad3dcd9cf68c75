//! The log as a backup needs it: looked at, turned to a new file; and where there is no append-only file, a log for the
//! time of the backup only.
//!
//! That one is written like any other, in a folder of its own. No reply waits for it, its trouble refuses no writes, and it
//! is dropped without a sync: what counts of it was linked by then.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_aof::{Directory, DirectoryError, LogWriter};

use super::{Log, Writing, replication_id, stamp_at, writer_options};
use crate::Engine;
use crate::persistence::backup::log_names;
use crate::persistence::{BackupPhase, NoThread, Purpose};

impl Log {
    /// Whether it is kept for the time of a backup only.
    #[inline]
    pub(crate) fn is_for_backup(&self) -> bool {
        self.is_for_backup.load(Ordering::Relaxed)
    }

    /// Looks at the files, if there is a log that has its base.
    pub(in crate::persistence) fn look_at_files<R>(&self, look: impl FnOnce(&Writing) -> R) -> Option<R> {
        self.writing().as_ref().filter(|writing| writing.has_begun).map(look)
    }
}

impl Engine {
    /// Lets the log go on in a new file from this moment on; its name.
    ///
    /// # Errors
    /// If there is no log, or the file cannot be made.
    pub(in crate::persistence) fn turn_to_new_increment(&self) -> Result<String, String> {
        let log = &self.journal.log;
        let mut guard = log.writing_at_rest();
        let writing = guard.as_mut().filter(|writing| writing.has_begun);
        let writing = writing.ok_or_else(|| "there is no log any more".to_owned())?;
        let stamp = writing.stamp(log.buffer().end(), self.clock.unix_millis());
        let next = writing.directory.begin_increment(stamp).map_err(|error| error.to_string())?;
        let name = next.name().to_owned();
        writing.writer.begin_rotation(next);
        log.buffer().cut();
        drop(guard);
        log.write_bell.ring();
        Ok(name)
    }

    /// At the beginning of a rewrite: if it is for a backup and there is no log, makes one that begins with it.
    ///
    /// # Errors
    /// If the disk fails; the backup has failed then.
    pub(super) fn begin_log_for_backup(self: &Arc<Self>) -> Result<(), DirectoryError> {
        if !self.backup_stands().0.wants_base() {
            return Ok(());
        }
        let _place = self.backup_place();
        let log = &self.journal.log;
        {
            let mut state = self.persistence.backup.lock();
            if !state.phase.wants_base() {
                return Ok(());
            }
            state.phase = BackupPhase::Snapshotting;
        }
        let settings = self.settings();
        if settings.persistence.aof.enabled || log.writing().is_some() {
            return Ok(());
        }
        let folder = self.backup_log_folder();
        let failed =
            |error| DirectoryError::Io { what: "The log of a backup cannot be made".to_owned(), error };
        folder.remove().and_then(|()| folder.begin()).map_err(failed)?;
        let directory = Directory::open(Arc::clone(&self.host().files), log_names(&settings))?;
        let id = replication_id(&self.replication_id());
        let start = log.buffer().end();
        let stamp = stamp_at(id, start, self.clock.unix_millis());
        let first = directory.begin_temporary_increment(stamp)?;
        let writer = LogWriter::begin(first, writer_options(&settings), start, stamp);
        self.start_log_threads().map_err(|NoThread| failed(std::io::ErrorKind::WouldBlock.into()))?;
        self.at_an_instant(|_| {
            // Somebody may have turned the log on meanwhile.
            if !self.published().settings.persistence.aof.enabled && log.writing().is_none() {
                *log.writing() = Some(Writing { writer, directory, replication_id: id, has_begun: false });
                log.is_for_backup.store(true, Ordering::SeqCst);
                log.serial.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(())
    }

    /// A log for the time of a backup ends; its files stay. Not for threads of the event loops.
    pub(in crate::persistence) fn drop_backup_log(&self) {
        if !self.journal.log.is_for_backup() {
            return;
        }
        self.abort_snapshot(Purpose::Rewrite);
        self.at_an_instant(|_| self.forget_backup_log());
    }

    /// A rewrite failed that was to make the base of such a log.
    pub(super) fn drop_backup_log_without_base(&self) {
        let log = &self.journal.log;
        if log.is_for_backup() && log.is_beginning() {
            self.at_an_instant(|_| self.forget_backup_log());
        }
    }

    /// The caller has the world: a log for the time of a backup ends, and with it the backup.
    pub(crate) fn end_backup_log(&self, why: &str) {
        if self.journal.log.is_for_backup() {
            self.fail_backup(why);
            self.abort_snapshot(Purpose::Rewrite);
            self.forget_backup_log();
        }
    }

    /// The caller sees to it that nobody appends meanwhile.
    pub(super) fn forget_backup_log(&self) {
        let log = &self.journal.log;
        let mut guard = log.writing_at_rest();
        if !log.is_for_backup.swap(false, Ordering::SeqCst) {
            return;
        }
        *guard = None;
        log.durability.end();
        log.is_on.store(false, Ordering::SeqCst);
        log.buffer().clear();
        log.serial.fetch_add(1, Ordering::SeqCst);
        log.figures.increment.store(0, Ordering::Relaxed);
        drop(guard);
        self.forget_log_trouble();
        self.nudge_workers();
    }
}
