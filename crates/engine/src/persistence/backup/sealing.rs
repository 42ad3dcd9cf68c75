//! SEAL: the log goes on in a new file, and what is in front of that, with the base, is a backup.

use std::sync::Arc;
use std::time::Duration;

use spinel_aof::backup::BackupFolder;
use spinel_aof::disk::{DiskFile, FileReader};
use spinel_aof::{Rotation, Sealed};
use spinel_rdb::decode::{FileChecksum, Mark, Piece, Splitter};

use super::state::Phase;
use crate::Engine;
use crate::log::LogLevel;
use crate::persistence::state::Purpose;

/// How often it is looked whether what is waited for has happened.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// The server ends, or the backup was given up meanwhile.
const GIVEN_UP: &str = "it was given up";

impl Engine {
    /// Seals the backup. Not for threads of the event loops: it waits for the disk.
    ///
    /// # Errors
    /// Why not; the backup has failed then.
    pub(super) fn seal_backup(&self) -> Result<(), String> {
        let (_, serial) = self.backup_stands();
        let sealed = self.seal(serial);
        self.persistence.state.lock().seals_backup = false;
        match sealed {
            Ok(()) => {
                self.log.write(LogLevel::Notice, "Backup sealed and verified");
                Ok(())
            }
            Err(error) => {
                self.fail_this_backup(serial, &error);
                self.remove_backup_leftovers();
                Err(error)
            }
        }
    }

    fn seal(&self, serial: u64) -> Result<(), String> {
        // The log changes its file for one purpose at a time.
        self.wait_for_backup(serial, || {
            let running = self.persistence.state.lock().running;
            Ok(running.is_none_or(|running| running.purpose != Purpose::Rewrite))
        })?;
        let name = self.begin_last_rotation(serial)?;
        self.wait_for_backup(serial, || match self.log_rotation()? {
            Rotation::Done(done) if done == name => Ok(true),
            Rotation::Waiting => Ok(false),
            Rotation::Done(_) | Rotation::None | Rotation::Cancelled => {
                Err("the log had to change its file because of the disk".to_owned())
            }
        })?;
        self.pin_increments_before(&name);
        let _place = self.backup_place();
        let state = self.persistence.backup.lock();
        let Some(parts) = state.parts.clone().filter(|_| state.serial == serial) else {
            return Err(if state.error.is_empty() { GIVEN_UP.to_owned() } else { state.error.clone() });
        };
        let sealed = Sealed { start_seconds: state.start, end_seconds: self.unix_seconds() };
        drop(state);
        let folder = self.backup_folder();
        let text = |error: std::io::Error| error.to_string();
        folder.write_manifest(&parts.base, &parts.increments, sealed).map_err(text)?;
        self.verify(&folder, serial)?;
        folder.finish().map_err(text)?;
        let mut state = self.persistence.backup.lock();
        if state.serial != serial || state.phase != Phase::Incrementing {
            return Err(GIVEN_UP.to_owned());
        }
        state.phase = Phase::Sealed;
        state.end = sealed.end_seconds;
        state.files.push(folder.names().manifest());
        state.parts = None;
        drop(state);
        self.drop_backup_log();
        if let Err(error) = self.backup_log_folder().remove_folder() {
            let line = format!("The log of a backup cannot be removed: {error}");
            self.log.write(LogLevel::Warning, &line);
        }
        Ok(())
    }

    /// Reads all of it once more.
    fn verify(&self, folder: &BackupFolder, serial: u64) -> Result<(), String> {
        let is_wanted = || !self.is_shutting_down() && self.backup_stands() == (Phase::Incrementing, serial);
        let mut snapshot = |file: &Arc<dyn DiskFile>| {
            let mut splitter = Splitter::new(FileReader::new(Arc::clone(file)));
            while let Some(piece) = splitter.next_piece().map_err(|error| error.to_string())? {
                if let Piece::Mark(Mark::Eof(FileChecksum::Wrong { .. })) = piece {
                    return Err("its checksum does not match".to_owned());
                }
                if !is_wanted() {
                    return Err(GIVEN_UP.to_owned());
                }
            }
            Ok(splitter.offset())
        };
        folder.verify(&mut snapshot, &is_wanted)
    }

    /// Lets the log go on in a new file; its name.
    fn begin_last_rotation(&self, serial: u64) -> Result<String, String> {
        // A rewrite that failed may have left a change of files that the log has not come to.
        self.wait_for_backup(serial, || Ok(self.log_rotation()? != Rotation::Waiting))?;
        self.turn_to_new_increment()
    }

    fn log_rotation(&self) -> Result<Rotation, String> {
        if let Some(trouble) = self.journal.log.refusal() {
            return Err(trouble);
        }
        let rotation = self.journal.log.look_at_files(|writing| writing.writer.rotation().clone());
        rotation.ok_or_else(|| GIVEN_UP.to_owned())
    }

    /// Waits until `done`, as long as the backup is wanted.
    fn wait_for_backup(
        &self,
        serial: u64,
        mut done: impl FnMut() -> Result<bool, String>,
    ) -> Result<(), String> {
        loop {
            if self.backup_stands() != (Phase::Incrementing, serial) || self.is_shutting_down() {
                return Err(GIVEN_UP.to_owned());
            }
            if done()? {
                return Ok(());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}
