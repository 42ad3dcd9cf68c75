//! How the server ends: at once by command, or by a signal, which the upkeep takes up so that it can be aborted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Engine;
use crate::config::{LogLevel, ShutdownFlags};

/// Whether and how the server is to end.
#[derive(Debug, Default)]
pub(crate) struct Shutdown {
    now: AtomicBool,
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
pub struct ShutdownRefused;

impl Engine {
    /// Asks everybody to end, without conditions.
    pub fn request_shutdown(&self) {
        self.shutdown.now.store(true, Ordering::Release);
        self.rouse_workers();
    }

    /// Ends the server as the flags say.
    ///
    /// # Errors
    /// [`ShutdownRefused`] if the data set was to be saved and cannot be: nothing is saved by this version yet. With
    /// `FORCE` the server ends nevertheless.
    pub fn shut_down(&self, flags: ShutdownFlags) -> Result<(), ShutdownRefused> {
        if flags.contains(ShutdownFlags::SAVE) && !flags.contains(ShutdownFlags::FORCE) {
            let text = "Error trying to save the DB, can't exit: saving is not supported yet by this version";
            self.log.write(LogLevel::Warning, text);
            return Err(ShutdownRefused);
        }
        self.log.write(LogLevel::Warning, "User requested shutdown...");
        self.request_shutdown();
        Ok(())
    }

    /// Plans a shutdown for the next upkeep: what a signal handler's thread calls.
    pub fn plan_shutdown(&self, flags: ShutdownFlags) {
        *self.shutdown.planned() = Some(flags);
    }

    /// Forgets a planned shutdown; false if there is none.
    pub(crate) fn abort_shutdown(&self) -> bool {
        let aborted = self.shutdown.planned().take().is_some();
        if aborted {
            self.log.write(LogLevel::Notice, "Shutdown manually aborted.");
        }
        aborted
    }

    /// Begins a planned shutdown.
    pub(crate) fn begin_planned_shutdown(&self) {
        let planned = self.shutdown.planned().take();
        if let Some(flags) = planned {
            // A refusal is in the log; whoever sent the signal reads it there.
            let _ = self.shut_down(flags);
        }
    }

    /// Whether everybody is to end.
    #[must_use]
    pub fn is_shutting_down(&self) -> bool {
        self.shutdown.now.load(Ordering::Acquire)
    }
}
