//! Scripts that run for too long: clients are told, and may kill them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use spinel_family::{Args, CommandError, OwnedArgs};
use spinel_script::Interrupter;

use super::Scripts;
use super::run::Called;
use crate::log::LogLevel;
use crate::{Engine, Message};

/// What clients get while a script runs for too long.
const BUSY_SCRIPT: &str =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const BUSY_FUNCTION: &str =
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
const NOT_BUSY: CommandError = CommandError::text("NOTBUSY No scripts in execution right now.");
const UNKILLABLE: CommandError = CommandError::text(
    "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script \
     termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
);

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A script of `EVAL`.
    Script,
    /// A function of `FCALL`.
    Function,
}

impl Kind {
    /// What clients get while one runs for too long.
    fn busy_text(self) -> &'static str {
        match self {
            Self::Script => BUSY_SCRIPT,
            Self::Function => BUSY_FUNCTION,
        }
    }
}

/// A script or function under way, as others see it.
pub(super) struct Running {
    pub(super) kind: Kind,
    /// Its digest, or the function's name.
    pub(super) name: String,
    /// The command that called it.
    pub(super) command: Arc<OwnedArgs>,
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
        self.running().as_ref().map_or(Kind::Script, |running| running.kind).busy_text()
    }

    /// The function under way. A script under way is not told of here.
    pub(super) fn running_function(&self) -> Result<Option<Arc<Running>>, CommandError> {
        match self.running().as_ref() {
            Some(running) if running.kind == Kind::Script => Err(CommandError::text(BUSY_SCRIPT)),
            running => Ok(running.cloned()),
        }
    }

    /// Ends the script or function under way.
    pub(super) fn kill(&self, kind: Kind) -> Result<(), CommandError> {
        let running = self.running();
        let running = running.as_ref().ok_or(NOT_BUSY)?;
        if running.has_written.load(Ordering::Acquire) {
            return Err(UNKILLABLE);
        }
        if running.kind != kind {
            return Err(CommandError::text(running.kind.busy_text()));
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
        let command = match running.kind {
            Kind::Script => "SCRIPT KILL",
            Kind::Function => "FUNCTION KILL",
        };
        let line = format!(
            "Slow script detected: still in execution after {elapsed_ms} milliseconds. You can try killing the script \
             using the {command} command. Script name is: {}.",
            running.name
        );
        self.log.write(LogLevel::Warning, &line);
        self.set_busy_if_running();
        self.scripts.queue.refuse_all(self, running.kind.busy_text());
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
    pub(super) fn begin_script(
        &self,
        called: &Called<'_>,
        command: Args<'_>,
        interrupter: Interrupter,
    ) -> Arc<Running> {
        let running = Arc::new(Running {
            kind: called.kind,
            name: String::from_utf8_lossy(&called.name).into_owned(),
            command: Arc::new(OwnedArgs::from_args(command)),
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
