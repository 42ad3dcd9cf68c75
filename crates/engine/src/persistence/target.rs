//! The file that a snapshot goes into: written under a temporary name, durable before it gets its own.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use spinel_aof::disk::{Disk, DiskFile, OpenMode, replace_file, write_all_at};
use spinel_rdb::Checksum;

use super::format::Format;
use crate::Engine;
use crate::config::Settings;

/// Bytes after which a file that is being written is made durable up to there.
const SYNC_BYTES: u64 = 32 << 20;
/// The longest rest in one piece, so that an abort is noticed.
const LONGEST_REST: Duration = Duration::from_millis(10);

/// Who writes a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    /// A thread of its own.
    InBackground,
    /// Whoever holds all shards.
    AtOnce,
}

impl Writes {
    fn temporary_name(self, engine: &Engine) -> String {
        let kind = match self {
            Self::InBackground => "bg-",
            Self::AtOnce => "",
        };
        format!("temp-{kind}{}.rdb", engine.host().probe.about().process_id)
    }
}

/// A snapshot file being written.
pub(crate) struct Target<'e> {
    engine: &'e Engine,
    disk: Arc<dyn Disk>,
    temporary: String,
    name: String,
    file: Arc<dyn DiskFile>,
    at: u64,
    synced: u64,
    checksum: Option<Checksum>,
    /// Whether the system's memory may give up what is durable: not for one written at once, for what follows may well be
    /// that it is loaded.
    forgets: bool,
    incremental_fsync: bool,
    key_delay: KeyDelay,
    is_done: bool,
}

impl<'e> Target<'e> {
    /// Opens the temporary file for a snapshot: another in the background than at once, for both may be written.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn create(engine: &'e Engine, settings: &Settings, writes: Writes) -> io::Result<Self> {
        let temporary = writes.temporary_name(engine);
        let name = &settings.persistence.dbfilename;
        let mut target = Self::temporary(engine, settings, &temporary)?;
        target.name = String::from_utf8_lossy(name).into_owned();
        target.forgets = writes == Writes::InBackground;
        Ok(target)
    }

    /// Opens a temporary file that somebody else will put in its place, after [`complete`](Self::complete).
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn temporary(engine: &'e Engine, settings: &Settings, temporary: &str) -> io::Result<Self> {
        Self::on_disk(engine, settings, Arc::clone(&engine.host().files), temporary)
    }

    /// As [`temporary`](Self::temporary), on another disk than the engine's own.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn on_disk(
        engine: &'e Engine,
        settings: &Settings,
        disk: Arc<dyn Disk>,
        temporary: &str,
    ) -> io::Result<Self> {
        let file = disk.open(temporary, OpenMode::Truncate)?;
        let rdb = &settings.persistence.rdb;
        Ok(Self {
            engine,
            disk,
            temporary: temporary.to_owned(),
            name: String::new(),
            file,
            at: 0,
            synced: 0,
            checksum: rdb.checksum.then(Checksum::new),
            forgets: true,
            incremental_fsync: rdb.incremental_fsync,
            key_delay: KeyDelay::new(rdb.key_save_delay),
            is_done: false,
        })
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(checksum) = &mut self.checksum {
            checksum.update(bytes);
        }
        write_all_at(&*self.file, bytes, self.at)?;
        self.at += bytes.len() as u64;
        if self.incremental_fsync && self.at - self.synced >= SYNC_BYTES {
            self.sync()?;
        }
        Ok(())
    }

    /// Called after some keys were put: rests if that is set, until the snapshot is unwanted.
    pub(crate) fn keys_put(&mut self, keys: u64, is_unwanted: &dyn Fn() -> bool) {
        let engine = self.engine;
        let setting = || engine.published().settings.persistence.rdb.key_save_delay;
        self.key_delay.setting = setting();
        let resting = self.key_delay.setting;
        self.key_delay.rest(keys, || is_unwanted() || engine.is_shutting_down() || setting() != resting);
    }

    /// Completes the file and puts it in its place, unless it has become unwanted.
    ///
    /// # Errors
    /// Those of the disk; the file that was in the place before is still there then.
    pub(crate) fn finish(mut self, format: &Format, is_unwanted: &dyn Fn() -> bool) -> io::Result<()> {
        self.complete(format)?;
        let place = &self.engine.persistence.place;
        let _place = place.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if is_unwanted() {
            return self.abandon();
        }
        replace_file(&*self.disk, &self.temporary, &self.name)?;
        self.is_done = true;
        Ok(())
    }

    /// Completes the file and makes it durable; its length.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn complete(&mut self, format: &Format) -> io::Result<u64> {
        let mut foot = Vec::new();
        format.put_foot(&mut foot, self.checksum.take());
        write_all_at(&*self.file, &foot, self.at)?;
        self.at += foot.len() as u64;
        self.sync()?;
        Ok(self.at)
    }

    /// Makes durable what was put.
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        if self.forgets {
            self.file.forget(self.synced, self.at - self.synced);
        }
        self.synced = self.at;
        Ok(())
    }

    /// Somebody has put the file in its place.
    pub(crate) fn keep(mut self) {
        self.is_done = true;
    }

    /// Gives the file up.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub(crate) fn abandon(mut self) -> io::Result<()> {
        self.is_done = true;
        self.disk.unlink(&self.temporary)
    }
}

impl Engine {
    /// Removes the files of snapshots being written, for the process ends at once.
    pub(crate) fn remove_temporary_snapshots(&self) {
        for writes in [Writes::InBackground, Writes::AtOnce] {
            // What cannot be removed stays behind, like after a crash.
            let _ = self.host().files.unlink(&writes.temporary_name(self));
        }
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            // No partial file stays behind; the error that counts is the one that led here.
            let _ = self.disk.unlink(&self.temporary);
        }
    }
}

/// Rests for each key that is saved or loaded, for tests: microseconds, or if negative the keys for each microsecond.
pub(crate) struct KeyDelay {
    setting: i64,
    keys: u64,
}

impl KeyDelay {
    pub(crate) fn new(setting: i64) -> Self {
        Self { setting, keys: 0 }
    }

    /// Rests for this many keys more, or until `is_enough`.
    pub(crate) fn rest(&mut self, keys: u64, is_enough: impl Fn() -> bool) {
        let micros = match self.setting {
            0 => return,
            micros if micros > 0 => keys.saturating_mul(micros as u64),
            per_micro => {
                self.keys += keys;
                let micros = self.keys / per_micro.unsigned_abs();
                self.keys %= per_micro.unsigned_abs();
                micros
            }
        };
        let mut left = Duration::from_micros(micros);
        while !left.is_zero() && !is_enough() {
            let rest = left.min(LONGEST_REST);
            std::thread::sleep(rest);
            left -= rest;
        }
    }
}
