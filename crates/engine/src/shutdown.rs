//! How the server ends: at once by command, or by a signal, which the upkeep takes up so that it can be aborted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use spinel_store::Taken;

use crate::Engine;
use crate::config::{LogLevel, ShutdownFlags};

/// Whether and how the server is to end.
#[derive(Debug, Default)]
pub(crate) struct Shutdown {
    now: AtomicBool,
    /// The data set is being saved for the last time.
    saves: AtomicBool,
    /// A shutdown that the next upkeep begins; protects itself.
    planned: Mutex<Option<ShutdownFlags>>,
}

impl Shutdown {
    fn planned(&self) -> std::sync::MutexGuard<'_, Option<ShutdownFlags>> {
        self.planned.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Why the server does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownRefused {
    /// The data set was to be saved and cannot be; the log says why.
    Unsaved,
    /// A long command holds a shard, or a script keeps keys of it: try again when it is free.
    Busy(Taken),
}

impl Engine {
    /// Asks everybody to end, without conditions.
    pub fn request_shutdown(&self) {
        self.shutdown.now.store(true, Ordering::Release);
        self.rouse_workers();
    }

    /// Ends the server as the flags say: saves what is to be saved, after which nobody changes it any more. The caller has
    /// the world.
    ///
    /// # Errors
    /// [`ShutdownRefused`]; with `FORCE` the server ends even if the data set cannot be saved.
    pub(crate) fn shut_down(&self, flags: ShutdownFlags) -> Result<(), ShutdownRefused> {
        // What is not loaded whole must not replace what is on disk.
        let may_save = !flags.contains(ShutdownFlags::NOSAVE) && !self.is_loading();
        let held = match self.keyspace.hold_all() {
            Ok(held) => Some(held),
            // A script under way does not keep the server from an end without saving.
            Err(_) if !may_save && self.scripts.end_all() => None,
            Err(taken) => return Err(ShutdownRefused::Busy(taken)),
        };
        let warn = |line: &str| self.log.write(LogLevel::Warning, line);
        let refuse = |line: &str| {
            warn(line);
            warn("Errors trying to shut down the server. Check the logs for more information.");
            Err(ShutdownRefused::Unsaved)
        };
        warn("User requested shutdown...");
        if self.journal.log.is_beginning() && !self.is_loading() {
            if !flags.contains(ShutdownFlags::FORCE) {
                return refuse("Writing initial AOF, can't exit.");
            }
            warn("Writing initial AOF. Exit anyway.");
        }
        let has_points = !self.published().settings.persistence.save.is_empty();
        let saves = may_save && (has_points || flags.contains(ShutdownFlags::SAVE));
        if let Some(held) = held.filter(|_| saves) {
            self.log.write(LogLevel::Notice, "Saving the final RDB snapshot before exiting.");
            self.shutdown.saves.store(true, Ordering::Release);
            let saved = self.save_now(&held);
            self.shutdown.saves.store(false, Ordering::Release);
            if saved.is_err() {
                if !flags.contains(ShutdownFlags::FORCE) {
                    return refuse("Error trying to save the DB, can't exit.");
                }
                warn("Error trying to save the DB. Exit anyway.");
            }
        }
        self.request_shutdown();
        self.clients.kill_all();
        Ok(())
    }

    /// Waits for what still writes to the disk; called when the loops have ended.
    ///
    /// False if not everything is durable that should be.
    pub fn finish(&self) -> bool {
        if let Some(snapshot) = self.persistence.current.get() {
            snapshot.abort();
        }
        let is_durable = !self.journal.log.is_on() || {
            self.log.write(LogLevel::Notice, "Calling fsync() on the AOF file.");
            self.close_log()
        };
        if !self.scripts.is_ended() {
            self.persistence.join();
        }
        is_durable && !self.persistence.is_broken.load(Ordering::SeqCst)
    }

    /// Plans a shutdown for the next upkeep: what a signal handler's thread calls.
    pub fn plan_shutdown(&self, flags: ShutdownFlags) {
        *self.shutdown.planned() = Some(flags);
    }

    /// For a signal that comes while the server ends already: true if it does, and the process may end at once. A last
    /// snapshot being written is given up; the file it would have replaced stays.
    pub fn insist_on_end(&self) -> bool {
        let saves = self.shutdown.saves.load(Ordering::Acquire);
        let ends = saves || self.is_shutting_down();
        if ends {
            self.remove_temporary_snapshots();
        }
        ends
    }

    /// Forgets a planned shutdown; false if there is none.
    pub(crate) fn abort_shutdown(&self) -> bool {
        let aborted = self.shutdown.planned().take().is_some();
        if aborted {
            self.log.write(LogLevel::Notice, "Shutdown manually aborted.");
        }
        aborted
    }

    /// Begins a planned shutdown. The caller has the world.
    pub(crate) fn begin_planned_shutdown(&self) {
        let planned = self.shutdown.planned().take();
        if let Some(flags) = planned {
            match self.shut_down(flags) {
                Err(ShutdownRefused::Busy(_)) => {
                    self.shutdown.planned().get_or_insert(flags);
                }
                // A refusal is in the log; whoever sent the signal reads it there.
                Ok(()) | Err(ShutdownRefused::Unsaved) => {}
            }
        }
    }

    pub(crate) fn has_planned_shutdown(&self) -> bool {
        self.shutdown.planned().is_some()
    }

    /// Whether everybody is to end.
    #[must_use]
    pub fn is_shutting_down(&self) -> bool {
        self.shutdown.now.load(Ordering::Acquire)
    }
}
