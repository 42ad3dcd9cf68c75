//! What reaches the disk and comes back from it: snapshots, without a fork, and their loading.
//!
//! ```text
//! BGSAVE ─▶ saving ─▶ an instant of the world ─▶ walker (its own thread) ─▶ target: temp-PID.rdb ─▶ dump.rdb
//!                          │ marks turned            ▲
//!                          ▼                          │ portions
//!                     writers ───── entries they are about to change ─────▶ snapshot.kept
//! ```
//!
//! One snapshot is taken at a time, whatever for. It is consistent to one instant across all shards; nobody waits for it
//! but writers of values so large that they cannot be copied in passing.

mod as_commands;
mod backup;
mod commands;
mod conversion;
mod format;
mod leftovers;
mod loading;
mod log;
mod payload;
mod reload;
mod saving;
mod snapshot;
mod state;
mod target;
mod upkeep;
mod walker;

pub(crate) use as_commands::registration;
pub(crate) use backup::{COMMANDS as BACKUP_COMMANDS, Phase as BackupPhase};
pub(crate) use commands::COMMANDS;
pub use conversion::{ConversionError, Converted, Form, KindCounts};
pub(crate) use format::{EXPIRING, encode_options};
pub(crate) use loading::{LoadError, LoadOptions, Loading};
pub(crate) use log::{LOG_IS_OFF, Log, Waiting, When};
pub(crate) use payload::{DATA_COMMANDS, options as payload_options};
pub use reload::NotLoaded;
pub(crate) use reload::Reload;
pub(crate) use saving::{Asker, Wish};
pub(crate) use snapshot::Current;
pub(crate) use state::{Outcome, Purpose, State};

use std::sync::atomic::{AtomicBool, Ordering};

use spinel_store::Held;

use crate::Engine;
use crate::cores::Work;
use crate::log::LogLevel;

/// Who holds a snapshot when nobody is busy with it any more: the thread that writes it, and [`Current`].
const KNOWN_HOLDERS: usize = 2;

/// What an engine knows of its persistence.
#[derive(Default)]
pub(crate) struct Persistence {
    pub(crate) state: state::Shared,
    pub(crate) current: Current,
    /// Checksums of payloads are not looked at (`DEBUG SET-SKIP-CHECKSUM-VALIDATION`).
    pub(crate) skip_checksums: AtomicBool,
    pub(crate) loading: Loading,
    /// Held from looking whether a finished file is still wanted until it is in its place: an older one never replaces
    /// a newer one.
    place: std::sync::Mutex<()>,
    pub(crate) backup: backup::Shared,
    /// Held by whoever changes what is in the folder of backups, from looking whether that is wanted on.
    backup_place: std::sync::Mutex<()>,
    /// A thread removes what backups have left.
    removes_backup: AtomicBool,
    /// What is in memory is not what is on disk: the log could not be loaded again.
    pub(crate) is_broken: AtomicBool,
    /// The threads of the log run.
    log_writes: AtomicBool,
    log_syncs: AtomicBool,
    log_closed: AtomicBool,
    threads: std::sync::Mutex<Vec<std::thread::JoinHandle<()>>>,
}

impl Persistence {
    /// Whether the threads of the log are to end.
    fn log_is_closed(&self) -> bool {
        self.log_closed.load(Ordering::SeqCst)
    }

    /// Ends the threads of the log and waits for the jobs under way.
    pub(crate) fn join(&self) {
        self.log_closed.store(true, Ordering::SeqCst);
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        for thread in threads {
            // A panic there was reported by the thread itself.
            let _ = thread.join();
        }
    }
}

/// The system starts no thread more; the log has said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoThread;

impl Engine {
    /// Runs a job that takes long on a thread of its own.
    pub(crate) fn spawn_persisting(
        &self,
        name: &str,
        work: Work,
        job: impl FnOnce() + Send + 'static,
    ) -> Result<(), NoThread> {
        let cores = self.cores_for(work);
        let body = move || {
            cores.keep();
            job();
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(|error| {
            self.log.write(LogLevel::Warning, &format!("Can't start the thread '{name}': {error}"));
            NoThread
        })?;
        let mut threads = self.persistence.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
        Ok(())
    }

    pub(crate) fn unix_seconds(&self) -> i64 {
        self.clock.unix_millis().0.div_euclid(1000)
    }

    /// Changes to the data set since the start.
    pub(crate) fn dirty(&self) -> u64 {
        self.worker_stats().iter().map(|stats| stats.dirty.get()).sum()
    }

    /// Runs `with` while nobody else is in the world and all shards are held. Not for threads of the event loops, which
    /// are in the world.
    pub(crate) fn at_an_instant<R>(&self, with: impl FnOnce(&mut Held<'_>) -> R) -> R {
        loop {
            let world = self.world.exclusive();
            match self.keyspace.hold_all() {
                Ok(mut held) => {
                    let result = with(&mut held);
                    drop(held);
                    self.keyspace.wake_missed();
                    return result;
                }
                Err(taken) => {
                    drop(world);
                    // A long command has it.
                    drop(self.keyspace.wait_lock(taken.shard()));
                    self.keyspace.wake_missed();
                }
            }
        }
    }
}
