//! What a rewrite does for a backup: its base is taken in, and before that the increments that it retires.

use spinel_aof::{FileInfo, Manifest, Names};

use super::state::{Parts, Phase};
use crate::Engine;
use crate::log::LogLevel;
use crate::persistence::log::Writing;

impl Engine {
    /// Takes in the base that a rewrite has just put in its place, if a backup waits for one. The rewrite has the one place
    /// that there is, so that no other retires the base meanwhile.
    pub(in crate::persistence) fn pin_base(&self) {
        if !self.backup_stands().0.wants_base() {
            return;
        }
        let _place = self.backup_place();
        let (phase, serial) = self.backup_stands();
        if !phase.wants_base() || self.persistence.backup.lock().parts.is_some() {
            return;
        }
        let pinned = self.log_files(|names, manifest| {
            let base = manifest.base().cloned()?;
            let first = manifest.increments().first()?.sequence;
            Some((names.clone(), Parts { base, first, increments: Vec::new() }))
        });
        // A rewrite without a log is of no use to it.
        let Some((names, parts)) = pinned.flatten() else { return };
        let folder = self.backup_folder();
        let taken = folder.begin().and_then(|()| folder.pin(&names, &parts.base.name));
        let mut state = self.persistence.backup.lock();
        if state.serial != serial || !state.phase.wants_base() {
            // Whoever gave it up removes what is there.
            return;
        }
        if let Err(error) = taken {
            drop(state);
            self.fail_backup(&format!("the base cannot be linked: {error}"));
            return;
        }
        state.files = vec![parts.base.name.clone()];
        state.parts = Some(parts);
    }

    /// The rewrite has ended that made the base, if one did.
    pub(in crate::persistence) fn go_on_with_backup(&self) {
        let mut state = self.persistence.backup.lock();
        if state.phase.wants_base() && state.parts.is_some() {
            state.phase = Phase::Incrementing;
            self.log.write(LogLevel::Notice, "Backup has its base");
        }
    }

    /// Takes in the increments in front of the one of this name. They are closed.
    pub(in crate::persistence) fn pin_increments_before(&self, name: &str) {
        if self.persistence.backup.lock().parts.is_none() {
            return;
        }
        let _place = self.backup_place();
        let (_, serial) = self.backup_stands();
        let Some(parts) = self.persistence.backup.lock().parts.clone() else { return };
        if self.journal.log.look_at_files(|writing| writing.writer.needs_base()) == Some(true) {
            // It is in the rewrite's base, which is not the backup's.
            self.fail_backup("a sync failed and took from the log what is in no file any more");
            return;
        }
        let found = self.log_files(|names, manifest| {
            let closed = manifest.increments().iter().take_while(|info| info.name != name);
            let wanted = closed.filter(|info| {
                info.sequence >= parts.first && !parts.increments.iter().any(|known| known.name == info.name)
            });
            (names.clone(), wanted.cloned().collect::<Vec<FileInfo>>())
        });
        let Some((names, wanted)) = found else { return };
        let folder = self.backup_folder();
        for info in wanted {
            let taken = folder.pin(&names, &info.name);
            let mut state = self.persistence.backup.lock();
            if state.serial != serial || state.phase != Phase::Incrementing {
                return;
            }
            if let Err(error) = taken {
                drop(state);
                self.fail_backup(&format!("an increment cannot be linked: {error}"));
                return;
            }
            state.files.push(info.name.clone());
            if let Some(parts) = &mut state.parts {
                parts.increments.push(info);
            }
        }
    }

    /// Where the backup stands, and which it is.
    pub(in crate::persistence) fn backup_stands(&self) -> (Phase, u64) {
        let state = self.persistence.backup.lock();
        (state.phase, state.serial)
    }

    /// Looks at the manifest of the log that is written, if there is one.
    fn log_files<R>(&self, look: impl FnOnce(&Names, &Manifest) -> R) -> Option<R> {
        self.journal
            .log
            .look_at_files(|writing: &Writing| look(writing.directory.names(), writing.directory.manifest()))
    }
}
