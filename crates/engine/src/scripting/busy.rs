//! Scripts that run for too long: clients are told, and may kill them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use spinel_family::CommandError;
use spinel_script::Interrupter;

use super::Scripts;
use crate::log::LogLevel;
use crate::{Engine, Message};

/// What clients get while a script runs for too long.
const BUSY_SCRIPT: &str =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const NOT_BUSY: CommandError = CommandError::text("NOTBUSY No scripts in execution right now.");
const UNKILLABLE: CommandError = CommandError::text(
    "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script \
     termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
);

/// A script under way, as others see it.
pub(super) struct Running {
    /// Its digest.
    pub(super) name: String,
    /// When it began, in monotonic nanoseconds.
    pub(super) since_nanos: u64,
    pub(super) interrupter: Interrupter,
    /// It has run a command that writes.
    pub(super) has_written: AtomicBool,
    pub(super) is_killed: AtomicBool,
}

impl Scripts {
    /// What clients get while a script runs for too long.
    pub(crate) fn busy_text(&self) -> &'static str {
        BUSY_SCRIPT
    }

    /// Ends the script under way.
    pub(super) fn kill(&self) -> Result<(), CommandError> {
        let running = self.running();
        let running = running.as_ref().ok_or(NOT_BUSY)?;
        if running.has_written.load(Ordering::Acquire) {
            return Err(UNKILLABLE);
        }
        running.is_killed.store(true, Ordering::Release);
        running.interrupter.arm();
        Ok(())
    }
}

impl Engine {
    /// Looks whether a script has been running for too long, and tells those who wait for it.
    pub(crate) fn look_after_scripts(&self) {
        let threshold_ms = self.published().settings.limits.busy_reply_threshold_ms;
        let running = self.scripts.running().clone();
        let Some(running) = running.filter(|_| threshold_ms > 0) else { return };
        let elapsed_ms = self.clock.monotonic_nanos().saturating_sub(running.since_nanos) / 1_000_000;
        if elapsed_ms < u64::try_from(threshold_ms).unwrap_or(u64::MAX)
            || self.scripts.is_busy.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let line = format!(
            "Slow script detected: still in execution after {elapsed_ms} milliseconds. You can try killing the script \
             using the SCRIPT KILL command. Script name is: {}.",
            running.name
        );
        self.log.write(LogLevel::Warning, &line);
        self.set_busy_if_running();
        self.scripts.queue.refuse_all(self, BUSY_SCRIPT);
        // Whoever waits for a shard tries again, and is told.
        self.clients.list().iter().for_each(|client| client.post(Message::Retry));
    }

    /// The gate is closed only under the lock that the end of the script takes: it does not stay closed after it.
    fn set_busy_if_running(&self) {
        let running = self.scripts.running();
        if running.is_some() {
            self.set_busy(true);
        }
    }

    /// A script begins.
    pub(super) fn begin_script(&self, name: String, interrupter: Interrupter) -> Arc<Running> {
        let running = Arc::new(Running {
            name,
            since_nanos: self.clock.monotonic_nanos(),
            interrupter,
            has_written: AtomicBool::new(false),
            is_killed: AtomicBool::new(false),
        });
        *self.scripts.running() = Some(Arc::clone(&running));
        running
    }

    /// The script under way has ended.
    pub(super) fn end_script(&self) {
        let mut running = self.scripts.running();
        *running = None;
        self.scripts.is_busy.store(false, Ordering::Release);
        self.set_busy(false);
    }
}
