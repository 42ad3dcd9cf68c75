//! Backups by command: a folder of links to files of the log that change no more, taken while writes go on.
//!
//! ```text
//! START ─▶ pending ─▶ snapshotting ─▶ incrementing ─ SEAL ─▶ sealed ─ CLEANUP ─▶ idle
//!              a rewrite writes a base │  │                │
//!              of the log, a link to   ┘  │                └ the log goes on in a new file; links to those before it,
//!              which is taken             │                  a manifest, and all of it read once more
//!                                         └ rewrites meanwhile: what they retire is taken in first
//! ```
//!
//! The log does not suffer from a backup: whatever fails ends the backup. Without an append-only file there is a log for
//! the time of the backup, in a folder of its own; nobody waits for that one, and its trouble ends the backup, too.
//!
//! What a crash leaves is marked as unfinished and removed at the next start; what was sealed stays, until CLEANUP or
//! `backup-sealed-ttl`.

mod commands;
mod pinning;
mod sealing;
mod state;

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError, TryLockError};

use spinel_aof::Names;
use spinel_aof::backup::{BackupFolder, Found};

pub(crate) use commands::COMMANDS;
pub(crate) use state::{Phase, Shared};

use super::saving::NotBegun;
use super::state::Purpose;
use crate::Engine;
use crate::config::Settings;
use crate::cores::Work;
use crate::log::LogLevel;

/// What a backup's folder is prefixed with for the log that is kept for the backup only.
const LOG_PREFIX: &str = "temp-";

/// The folder and the names of a backup.
fn names(settings: &Settings) -> Names {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Names::new(text(&settings.persistence.backup.dirname), text(&settings.persistence.aof.filename))
}

/// The folder and the names of a log for the time of a backup.
pub(in crate::persistence) fn log_names(settings: &Settings) -> Names {
    let names = names(settings);
    Names::new(format!("{LOG_PREFIX}{}", names.folder()), names.old_file())
}

impl Engine {
    fn backup_folder(&self) -> BackupFolder {
        BackupFolder::new(Arc::clone(&self.host().files), names(&self.settings()))
    }

    /// The folder of the log that is kept for the time of a backup.
    pub(in crate::persistence) fn backup_log_folder(&self) -> BackupFolder {
        BackupFolder::new(Arc::clone(&self.host().files), log_names(&self.settings()))
    }

    /// Begins a backup.
    ///
    /// # Errors
    /// The reply that says why not.
    fn start_backup(self: &Arc<Self>) -> Result<(), String> {
        let check = |phase: Phase| match phase {
            Phase::Pending | Phase::Snapshotting | Phase::Incrementing => {
                Err("ERR A backup is already in progress, ABORT it first".to_owned())
            }
            Phase::Sealed => Err("ERR A sealed backup exists, CLEANUP it first".to_owned()),
            Phase::Idle | Phase::Failed => Ok(()),
        };
        check(self.persistence.backup.lock().phase)?;
        // Who still works for one that was given up has the folder.
        let place = self.persistence.backup_place.try_lock();
        if place.is_err() || self.persistence.state.lock().seals_backup {
            return check(Phase::Pending);
        }
        let folder = self.backup_folder();
        let name = folder.names().folder();
        match folder.is_empty() {
            Ok(true) if !self.persistence.backup.lock().has_leftovers => {}
            Ok(_) => return Err(format!("ERR Backup directory '{name}' is not empty")),
            Err(error) => return Err(format!("ERR Backup directory '{name}' cannot be used: {error}")),
        }
        let is_attached = self.journal.log.is_on()
            && self.persistence.state.lock().running.is_some_and(|it| it.purpose == Purpose::Rewrite);
        let mut state = self.persistence.backup.lock();
        check(state.phase)?;
        *state = state::State {
            phase: if is_attached { Phase::Snapshotting } else { Phase::Pending },
            start: self.unix_seconds(),
            serial: state.serial + 1,
            ..state::State::default()
        };
        drop(state);
        self.log.write(LogLevel::Notice, "Backup started");
        self.begin_backup_base()
    }

    /// Begins to write the base that a backup waits for, if nothing else runs.
    fn begin_backup_base(self: &Arc<Self>) -> Result<(), String> {
        match self.begin_rewrite_for_backup() {
            // The upkeep tries it again.
            Ok(()) | Err(NotBegun::Busy(_)) => Ok(()),
            Err(NotBegun::NoThread) => {
                let error = "no thread could be started";
                self.fail_backup(error);
                Err(format!("ERR Backup failed: {error}"))
            }
        }
    }

    /// Gives the backup up, if there is one in progress, and says so; what is on the disk goes with the next upkeep.
    pub(in crate::persistence) fn fail_backup(&self, error: &str) -> bool {
        let (_, serial) = self.backup_stands();
        self.fail_this_backup(serial, error)
    }

    /// As [`fail_backup`](Self::fail_backup), unless it is another by now.
    fn fail_this_backup(&self, serial: u64, error: &str) -> bool {
        let mut state = self.persistence.backup.lock();
        if state.serial != serial || !state.phase.is_in_progress() {
            return false;
        }
        state.fail(error);
        drop(state);
        self.log.write(LogLevel::Warning, &format!("Backup failed: {error}"));
        true
    }

    /// The folder, for whoever changes what is in it. START finds it taken and is refused, so nobody takes it to find out
    /// that there is nothing to do.
    pub(in crate::persistence) fn backup_place(&self) -> MutexGuard<'_, ()> {
        self.persistence.backup_place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes what backups have left that are wanted no more. Not for threads of the event loops.
    fn remove_backup_leftovers(&self) {
        let place = self.backup_place();
        if self.persistence.backup.lock().has_leftovers {
            self.remove_backup_files(place);
        }
    }

    /// The same, unless somebody else has the folder. It is taken only if there is something to remove: a START that follows
    /// a removal must not find somebody there who merely looks.
    fn remove_backup_leftovers_if_free(&self) {
        let state = self.persistence.backup.lock();
        if !state.has_leftovers {
            return;
        }
        let place = match self.persistence.backup_place.try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        drop(state);
        self.remove_backup_files(place);
    }

    fn remove_backup_files(&self, _place: MutexGuard<'_, ()>) {
        self.drop_backup_log();
        let removed = self.backup_log_folder().remove_folder().and_then(|()| self.backup_folder().remove());
        let mut state = self.persistence.backup.lock();
        match removed {
            Ok(()) => state.has_leftovers = false,
            Err(error) => {
                drop(state);
                self.log.write(LogLevel::Warning, &format!("Backup files cannot be removed: {error}"));
            }
        }
    }

    /// What is looked at now and then.
    pub(in crate::persistence) fn tend_backup(self: &Arc<Self>) {
        let now = self.unix_seconds();
        let ttl = self.published().settings.persistence.backup.sealed_ttl;
        let mut state = self.persistence.backup.lock();
        if state.phase == Phase::Idle && !state.has_leftovers || self.is_loading() || self.is_shutting_down()
        {
            return;
        }
        if state.phase == Phase::Sealed && ttl > 0 && now.saturating_sub(state.end) >= ttl {
            self.log.write(LogLevel::Notice, "The sealed backup is removed: backup-sealed-ttl is over");
            state.forget();
        }
        let (phase, has_leftovers) = (state.phase, state.has_leftovers);
        drop(state);
        if phase.is_in_progress()
            && self.journal.log.is_for_backup()
            && let Some(trouble) = self.journal.log.refusal()
        {
            self.fail_backup(&trouble);
        }
        if phase.wants_base() {
            // Another snapshot is in its way, or the one that it was to share has ended too early for it.
            let _ = self.begin_backup_base();
        } else if has_leftovers && !self.persistence.removes_backup.swap(true, Ordering::SeqCst) {
            let engine = Arc::clone(self);
            let begun = self.spawn_persisting("backup", Work::Background, move || {
                engine.remove_backup_leftovers_if_free();
                engine.persistence.removes_backup.store(false, Ordering::SeqCst);
            });
            if begun.is_err() {
                self.persistence.removes_backup.store(false, Ordering::SeqCst);
            }
        }
    }

    /// At the start: knows again what was sealed, and removes what was not.
    pub(in crate::persistence) fn find_backup(&self) {
        let warn = |line: &str| self.log.write(LogLevel::Warning, line);
        let folder = self.backup_folder();
        match folder.found() {
            Ok(Found::NoBackup) => {}
            Ok(Found::Sealed(sealed, files)) => {
                let mut state = self.persistence.backup.lock();
                state.phase = Phase::Sealed;
                (state.start, state.end, state.files) = (sealed.start_seconds, sealed.end_seconds, files);
            }
            Ok(Found::Unfinished) => {
                warn(&format!(
                    "Removing the backup in '{}', which was not finished",
                    folder.names().folder()
                ));
                if let Err(error) = folder.remove() {
                    warn(&format!("Backup files cannot be removed: {error}"));
                }
            }
            Err(error) => warn(&format!("The backup directory cannot be read: {error}")),
        }
        let of_log = self.backup_log_folder();
        let is_ours =
            matches!(of_log.found(), Ok(Found::Unfinished)) || matches!(of_log.is_empty(), Ok(true));
        if is_ours && let Err(error) = of_log.remove_folder() {
            warn(&format!("The log of a backup cannot be removed: {error}"));
        }
    }
}
