//! Scripts that run for too long: clients are told, and may kill them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use smallvec::SmallVec;
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

/// What a script says that was killed.
pub(super) const KILLED: &[u8] = b"Script killed by user with SCRIPT KILL...";
/// What one says that ran for too long.
const LATE: &[u8] = b"Script killed because it ran for longer than script-time-limit...";

/// How often a script that stepped back looks whether the way is free.
const MAKING_WAY: Duration = Duration::from_micros(50);

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
    pub(super) command: OwnedArgs,
    /// When it began, in monotonic nanoseconds.
    pub(super) since_nanos: u64,
    interrupter: Interrupter,
    /// What it has written is taken back if it is killed.
    is_undone: bool,
    /// It has run a command that writes.
    has_written: AtomicBool,
    is_killed: AtomicBool,
    /// It was killed because it ran for too long.
    is_late: AtomicBool,
    /// The server ends without it.
    is_ended: AtomicBool,
}

impl Running {
    /// Whether it can be ended without leaving half of its writes.
    fn is_killable(&self) -> bool {
        self.is_undone || !self.has_written.load(Ordering::Acquire)
    }

    /// Has it end. If it has begun to write meanwhile it ends without that write: it sees that it was killed.
    fn kill(&self) {
        self.is_killed.store(true, Ordering::SeqCst);
        self.interrupter.arm();
    }

    /// What it says if it was killed.
    fn killed_text(&self) -> Option<&'static [u8]> {
        let text = if self.is_late.load(Ordering::Acquire) { LATE } else { KILLED };
        self.is_killed.load(Ordering::SeqCst).then_some(text)
    }
}

/// A script is known to be under way until this goes.
pub(super) struct RunningGuard {
    engine: Arc<Engine>,
    running: Arc<Running>,
}

impl RunningGuard {
    pub(super) fn has_written(&self) -> bool {
        self.running.has_written.load(Ordering::Relaxed)
    }

    /// The script is about to write; false if it was killed before. Whoever kills looks in the other order, so that one of both
    /// sees the other.
    pub(super) fn note_write(&self) -> bool {
        self.running.has_written.store(true, Ordering::SeqCst);
        !self.running.is_killed.load(Ordering::SeqCst)
    }

    /// What the script says if it was killed.
    pub(super) fn killed_text(&self) -> Option<&'static [u8]> {
        self.running.killed_text()
    }

    /// Ends it: nobody can kill it any more. What it says if somebody did.
    pub(super) fn end(self) -> Option<&'static [u8]> {
        let running = Arc::clone(&self.running);
        drop(self);
        running.killed_text()
    }

    pub(super) fn is_ended(&self) -> bool {
        self.running.is_ended.load(Ordering::Acquire)
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        let scripts = &self.engine.scripts;
        let mut running = scripts.running();
        running.retain(|other| !Arc::ptr_eq(other, &self.running));
        if running.is_empty() {
            scripts.is_busy.store(false, Ordering::Release);
            self.engine.set_busy(false);
        }
    }
}

/// A script that has written waits for all shards, until this goes: those without an effect step back, since one of them
/// might never end.
pub(super) struct WayWanted<'e>(&'e Scripts);

impl<'e> WayWanted<'e> {
    pub(super) fn new(engine: &'e Engine) -> Self {
        let scripts = &engine.scripts;
        // Whoever begins looks in the other order, so that one of both sees the other.
        scripts.is_way_wanted.store(true, Ordering::SeqCst);
        scripts.running().iter().for_each(|running| running.interrupter.arm());
        Self(scripts)
    }
}

impl Drop for WayWanted<'_> {
    fn drop(&mut self) {
        self.0.is_way_wanted.store(false, Ordering::Release);
    }
}

impl Scripts {
    /// Whether a script waits for all shards that has written already.
    pub(super) fn is_way_wanted(&self) -> bool {
        self.is_way_wanted.load(Ordering::SeqCst)
    }

    /// Waits until no such script waits any more. The caller holds no shard.
    pub(super) fn make_way(&self) {
        while self.is_way_wanted() {
            std::thread::sleep(MAKING_WAY);
        }
    }

    /// What clients get while a script runs for too long.
    pub(crate) fn busy_text(&self) -> &'static str {
        self.running().first().map_or(Kind::Script, |running| running.kind).busy_text()
    }

    /// The function under way. A script under way is not told of here.
    pub(super) fn running_function(&self) -> Result<Option<Arc<Running>>, CommandError> {
        match self.running().first() {
            Some(running) if running.kind == Kind::Script => Err(CommandError::text(BUSY_SCRIPT)),
            running => Ok(running.cloned()),
        }
    }

    /// Ends the script or function under way.
    pub(super) fn kill(&self, kind: Kind) -> Result<(), CommandError> {
        let running = self.running();
        let first = running.first().ok_or(NOT_BUSY)?;
        if let Some(running) = running.iter().find(|running| running.kind == kind && running.is_killable()) {
            running.kill();
            return Ok(());
        }
        Err(match first.kind == kind || first.has_written.load(Ordering::Acquire) {
            true => UNKILLABLE,
            false => CommandError::text(first.kind.busy_text()),
        })
    }

    /// The server ends while scripts are under way: what they did is not to be seen. Whether there were any.
    pub(crate) fn end_all(&self) -> bool {
        let running = self.running();
        self.is_ended.store(!running.is_empty(), Ordering::Release);
        for running in &*running {
            running.is_ended.store(true, Ordering::Release);
            running.interrupter.arm();
        }
        !running.is_empty()
    }
}

impl Engine {
    /// Looks whether a script has been running for too long, and tells those who wait for it.
    pub(crate) fn look_after_scripts(&self) {
        let threshold_ms = self.published().settings.limits.busy_reply_threshold_ms;
        let Ok(threshold_ms @ 1..) = u64::try_from(threshold_ms) else { return };
        let now_nanos = self.clock.monotonic_nanos();
        let elapsed_ms = |running: &Running| now_nanos.saturating_sub(running.since_nanos) / 1_000_000;
        // Under the lock that the end of a script takes: the gate does not stay closed after it.
        let guard = self.scripts.running();
        let Some(running) = guard.iter().find(|running| elapsed_ms(running) >= threshold_ms) else { return };
        if self.scripts.is_busy.swap(true, Ordering::AcqRel) {
            return;
        }
        let command = match running.kind {
            Kind::Script => "SCRIPT KILL",
            Kind::Function => "FUNCTION KILL",
        };
        let line = format!(
            "Slow script detected: still in execution after {} milliseconds. You can try killing the script using the \
             {command} command. Script name is: {}.",
            elapsed_ms(running),
            running.name
        );
        let text = running.kind.busy_text();
        self.set_busy(true);
        drop(guard);
        self.log.write(LogLevel::Warning, &line);
        self.scripts.queue.refuse_all(self, text);
        // Whoever waits for a shard tries again, and is told.
        self.clients.list().iter().for_each(|client| client.post(Message::Retry));
    }

    /// Ends scripts that run for longer than they may, if they leave nothing behind.
    pub(super) fn end_late_scripts(&self) {
        let limit_ms = self.published().settings.scripts.time_limit_ms;
        let Ok(limit_ms @ 1..) = u64::try_from(limit_ms) else { return };
        let now_nanos = self.clock.monotonic_nanos();
        let is_late = |running: &Arc<Running>| {
            now_nanos.saturating_sub(running.since_nanos) >= limit_ms.saturating_mul(1_000_000)
        };
        let guard = self.scripts.running();
        let mut late = SmallVec::<[String; 1]>::new();
        let may_end = |running: &Arc<Running>| running.killed_text().is_none() && running.is_killable();
        for running in guard.iter().filter(|running| is_late(running) && may_end(running)) {
            running.is_late.store(true, Ordering::Release);
            running.kill();
            late.push(running.name.clone());
        }
        drop(guard);
        for name in late {
            let line = format!("Script ended after script-time-limit ({limit_ms} milliseconds): {name}.");
            self.log.write(LogLevel::Warning, &line);
        }
    }

    /// Why a command may not be run while a script has been running for too long, if one has.
    pub(crate) fn busy_with_script(&self) -> Option<&'static str> {
        self.scripts.is_busy.load(Ordering::Acquire).then(|| self.scripts.busy_text())
    }

    /// A script begins.
    pub(super) fn begin_script(
        self: &Arc<Self>,
        called: &Called<'_>,
        command: Args<'_>,
        interrupter: &Interrupter,
        is_undone: bool,
    ) -> RunningGuard {
        let running = Arc::new(Running {
            kind: called.kind,
            name: String::from_utf8_lossy(called.name()).into_owned(),
            command: OwnedArgs::from_args(command),
            since_nanos: self.clock.monotonic_nanos(),
            interrupter: interrupter.clone(),
            is_undone,
            has_written: AtomicBool::new(false),
            is_killed: AtomicBool::new(false),
            is_late: AtomicBool::new(false),
            is_ended: AtomicBool::new(false),
        });
        self.scripts.running().push(Arc::clone(&running));
        if self.scripts.is_way_wanted() {
            running.interrupter.arm();
        }
        RunningGuard { engine: Arc::clone(self), running }
    }
}
