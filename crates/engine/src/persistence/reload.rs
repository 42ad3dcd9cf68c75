//! Loading where a server begins, and where DEBUG RELOAD lets it begin again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use spinel_aof::disk::{DiskFile, FileReader, OpenMode};
use spinel_family::{CommandError, DbIndex};
use spinel_store::{Held, Taken};

use super::log::Preloaded;
use super::saving::Asker;
use super::{LoadError, LoadOptions, NoThread, Purpose};
use crate::Engine;
use crate::config::Settings;
use crate::cores::Work;
use crate::log::LogLevel;

/// How often it is looked whether a rewrite has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// What `DEBUG RELOAD` does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reload {
    /// Saves first.
    pub(crate) save: bool,
    /// Empties the data set before loading.
    pub(crate) flush: bool,
    pub(crate) load: LoadOptions,
}

/// Why the data set is not there; the log has said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotLoaded;

impl Engine {
    /// From now on commands that need the data set are refused, until [`load_at_start`](Self::load_at_start) is through.
    pub fn begin_loading(&self) {
        self.set_loading(true);
    }

    /// How much was read of the file that is being loaded.
    pub fn loaded_bytes(&self) -> u64 {
        self.persistence.loading.loaded_bytes.load(Ordering::Relaxed)
    }

    /// Loads the data set that was saved, if any; until the end commands that need it are refused.
    ///
    /// # Errors
    /// [`NotLoaded`] if there is a file that cannot be loaded: the server must end then, and the file stays as it is.
    pub fn load_at_start(self: &Arc<Self>) -> Result<(), NotLoaded> {
        let settings = self.settings();
        let scripts = self.scripts_of_directory()?;
        self.remove_leftovers();
        let restored = self.restore_log_if_wanted(&settings);
        let result = restored.and_then(|()| match self.preload(&settings)? {
            Preloaded::Nothing if settings.persistence.aof.enabled => self.load_log_at_start(&settings),
            Preloaded::Nothing => self.load_snapshot_at_start().map(|_| ()),
            Preloaded::Data => Ok(()),
        });
        self.find_backup();
        if self.is_shutting_down() {
            // Whatever was loaded is not to be saved or written to: it stays what is being loaded.
            self.log.write(
                LogLevel::Warning,
                "The server ends while it loads the data set: the files stay as they are.",
            );
            return Ok(());
        }
        if result.is_ok() {
            self.register_files(scripts);
            self.set_loading(false);
            self.forget_changes();
        }
        // Otherwise half a data set may be there, which nobody may see or write to until the server has ended.
        result
    }

    fn load_log_at_start(self: &Arc<Self>, settings: &Settings) -> Result<(), NotLoaded> {
        let opened = self.open_log(settings)?;
        if opened.is_empty && self.load_snapshot_at_start()? {
            let line = "There is no append only file yet: it begins with the data of the snapshot";
            self.log.write(LogLevel::Warning, line);
        }
        self.continue_log(opened, settings)
    }

    /// Loads the snapshot, if there is one.
    fn load_snapshot_at_start(self: &Arc<Self>) -> Result<bool, NotLoaded> {
        let start = self.clock.monotonic_nanos();
        let is_there = self.load_snapshot_file(LoadOptions::default()).map_err(|_| NotLoaded)?;
        if is_there {
            let seconds = self.clock.monotonic_nanos().saturating_sub(start) as f64 / 1e9;
            self.log.write(LogLevel::Notice, &format!("DB loaded from disk: {seconds:.3} seconds"));
        }
        Ok(is_there)
    }

    /// Empties the data set and loads the log again (`DEBUG LOADAOF`). Not for threads of the event loops.
    fn reload_log(self: &Arc<Self>) -> Result<(), NotLoaded> {
        let settings = self.settings();
        if self.journal.log.is_for_backup() {
            self.fail_backup("the data set is loaded again");
            self.drop_backup_log();
        }
        self.set_loading(true);
        self.end_rewrite_of_nothing();
        let is_on_disk = self.at_an_instant(|held| {
            let is_on_disk = !self.journal.log.is_beginning() && self.flush_log();
            if is_on_disk {
                self.close_log();
                self.empty(held);
                self.scripts.libraries.clear();
                self.scripts.forget_registered();
            }
            is_on_disk
        });
        if !is_on_disk {
            self.set_loading(false);
            self.log.write(LogLevel::Warning, "The AOF does not hold everything, it is not loaded");
            return Err(NotLoaded);
        }
        let result = self.open_log(&settings).and_then(|opened| {
            if settings.persistence.aof.enabled { self.continue_log(opened, &settings) } else { Ok(()) }
        });
        self.forget_changes();
        if self.is_shutting_down() {
            // All of it is on disk; what is in memory is not to be saved.
        } else if result.is_err() {
            // Nobody may see half a data set, or write to it without a log.
            self.persistence.is_broken.store(true, Ordering::SeqCst);
            self.request_shutdown();
        } else {
            self.set_loading(false);
        }
        result
    }

    /// Calls off a rewrite while there is no log that goes on, and waits for its end: it would replace the files that are to
    /// be read, of which nothing else makes sure.
    fn end_rewrite_of_nothing(&self) {
        while !self.journal.log.is_on() && self.abort_snapshot(Purpose::Rewrite) && !self.is_shutting_down() {
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Begins to load the log again, and answers `asker` when that is done.
    ///
    /// # Errors
    /// [`NoThread`] that could do it.
    pub(crate) fn begin_log_reload(self: &Arc<Self>, asker: Asker) -> Result<(), NoThread> {
        let engine = Arc::clone(self);
        self.spawn_persisting("loader", Work::Background, move || {
            let result = engine.reload_log();
            let reply = match result {
                Ok(()) => {
                    engine.log.write(LogLevel::Warning, "Append Only File loaded by DEBUG LOADAOF");
                    Ok("OK")
                }
                Err(NotLoaded) => Err("ERR Error trying to load the AOF files, check server logs."),
            };
            asker.answer(&engine, reply);
        })
    }

    fn empty(&self, held: &mut Held<'_>) {
        for shard in held.iter_mut() {
            for db in (0..self.keyspace.databases()).map(|db| DbIndex(db as u16)) {
                shard.touch_watchers_of_all(db, self.keyspace.hash_key());
                let mut old = shard.db_mut(db).clear();
                // A snapshot in progress still wants what it has not saved yet.
                while old.hand_over_some(usize::MAX) {}
            }
        }
    }

    /// Loads `dbfilename`; false if there is none. What went wrong is in the log.
    fn load_snapshot_file(&self, options: LoadOptions) -> Result<bool, LoadError> {
        let name = String::from_utf8_lossy(&self.settings().persistence.dbfilename).into_owned();
        self.load_snapshot_of_name(&name, options)
    }

    /// Loads a snapshot; false if there is none of that name. What went wrong is in the log.
    pub(super) fn load_snapshot_of_name(&self, name: &str, options: LoadOptions) -> Result<bool, LoadError> {
        let opened = self.host().files.open(name, OpenMode::Read);
        let file: Arc<dyn DiskFile> = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => {
                self.log.write(
                    LogLevel::Warning,
                    &format!("Fatal error: can't open the RDB file {name} for reading: {error}"),
                );
                return Err(LoadError::Read(spinel_rdb::decode::ReadError::Io(error)));
            }
        };
        self.persistence.loading.begin(self.unix_seconds(), file.length().unwrap_or(0));
        match self.load_snapshot(FileReader::new(file), options) {
            Ok(_) => Ok(true),
            Err(error @ LoadError::CalledOff) => Err(error),
            Err(error) => {
                let told = error.for_log(self.settings().log.hides_user_data);
                if let LoadError::Checksum { stated, computed } = error {
                    let line = format!(
                        "Wrong RDB checksum expected: ({computed:x}) but got ({stated:x}). Aborting now."
                    );
                    self.log.write(LogLevel::Warning, &line);
                } else {
                    self.log.write(LogLevel::Warning, &format!("Internal error in RDB reading: {told}"));
                }
                let line = format!(
                    "Error reading the RDB file {name}: {told}. See what is left with redis-check-rdb"
                );
                self.log.write(LogLevel::Warning, &line);
                self.log.write(LogLevel::Warning, "Terminating server after rdb file reading failure.");
                Err(error)
            }
        }
    }

    /// What was loaded counts as saved.
    fn forget_changes(&self) {
        let dirty = self.dirty();
        self.persistence.state.lock().dirty_at_save = dirty;
    }

    /// Saves, empties and loads the data set. The caller has the world. A shard that is taken is the inner error: nothing
    /// was done.
    pub(crate) fn reload(self: &Arc<Self>, reload: Reload) -> Result<Result<(), Taken>, CommandError> {
        let mut held = match self.keyspace.hold_all() {
            Ok(held) => held,
            Err(taken) => return Ok(Err(taken)),
        };
        if reload.save && self.save_now(&held).is_err() {
            return Err(CommandError::text("ERR"));
        }
        if reload.flush {
            self.empty(&mut held);
            self.scripts.libraries.clear();
            self.scripts.forget_registered();
        }
        drop(held);
        let loaded = self.load_snapshot_file(reload.load);
        self.keyspace.wake_missed();
        match loaded {
            Ok(_) => {
                self.log.write(LogLevel::Warning, "DB reloaded by DEBUG RELOAD");
                Ok(Ok(()))
            }
            Err(_) => Err(CommandError::text("ERR Error trying to load the RDB dump, check server logs.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use spinel_aof::disk::RealDisk;

    use crate::config::Settings;
    use crate::host::Host;
    use crate::testing::engine;

    #[test]
    fn half_a_data_set_is_never_served() {
        let home = std::env::temp_dir().join(format!("spinel-half-loaded-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        std::fs::write(home.join("dump.rdb"), b"REDIS0010\x00\x03key\x05value\x63").unwrap();
        let engine = engine(Settings::default());
        engine.set_host(Host { files: Arc::new(RealDisk::new(&home)), ..Host::default() });
        engine.begin_loading();
        assert!(engine.load_at_start().is_err());
        assert!(engine.is_loading(), "nobody is let in after a failure");
        std::fs::remove_file(home.join("dump.rdb")).unwrap();
        assert!(engine.load_at_start().is_ok());
        assert!(!engine.is_loading());
        std::fs::remove_dir_all(home).unwrap();
    }
}
