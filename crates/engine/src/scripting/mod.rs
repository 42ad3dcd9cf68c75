//! Scripts: where they run, what they are, and how they are stopped.
//!
//! ```text
//!  loop: EVAL ─▶ habits brief? ─ yes ─▶ alone: hold the declared keys' shards ─▶ run ─▶ script engine ─▶ host: one command
//!    ▲              │ no                                                                                     after the other
//!    │              ▼
//!    │             Job ─▶ thread of scripts ─▶ alone: keep the declared keys, not their shards, however long it takes
//!    └───── Message::Finished ◀────────┘
//! ```
//!
//! Every thread has a machine of its own ([`machine`]); functions share one, with what their libraries keep in variables.
//! While a long script runs on its thread the event loops go on: commands that want none of its keys are answered, others
//! wait. When it has been running for longer than `busy-reply-threshold`, all are told so instead ([`busy`]), and it can be
//! killed. What it did is one MULTI/EXEC of effects in the journal.

mod alone;
mod busy;
mod containment;
mod eval;
mod functions;
mod habits;
mod host;
mod known;
mod machine;
mod registered;
mod run;
mod script_command;
mod thread;
mod watch;

#[cfg(test)]
mod keeping_tests;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::alone::hold_everything;
use self::busy::{Kind, Running};
use self::eval::{Eval, EvalRo, Evalsha, EvalshaRo};
pub(crate) use self::functions::{COMMANDS as FUNCTION_COMMANDS, library_name};
use self::functions::{Fcall, FcallRo, Libraries};
use self::known::KnownScripts;
pub(crate) use self::machine::Machine;
pub use self::registered::fuzz_registered;
pub(crate) use self::registered::{CodeRule, Kept, Registered};
use self::registered::{ScriptRegister, ScriptRegistered, ScriptUnregister};
pub(crate) use self::run::Invocation;
use self::script_command::{
    Script, ScriptDebug, ScriptExists, ScriptFlush, ScriptHelp, ScriptKill, ScriptLoad, ScriptShow,
};
use self::thread::Queue;
use self::watch::Watch;
use crate::Engine;
use crate::session::session_commands;

session_commands! {
    /// EVAL, SCRIPT and FCALL.
    pub(crate) static COMMANDS;
    script Eval,
    script EvalRo,
    script Evalsha,
    script EvalshaRo,
    script Fcall,
    script FcallRo,
    container Script,
    session ScriptDebug,
    script ScriptExists,
    script ScriptFlush,
    session ScriptHelp,
    session ScriptKill,
    script ScriptLoad,
    script ScriptRegister,
    script ScriptRegistered,
    script ScriptShow,
    script ScriptUnregister,
}

/// How far the seeds of two machines made one after the other lie apart: few seeds close by, and all different.
const SEED_STEP: u32 = 0x9E37_79B1;

/// The scripts of an engine.
pub(crate) struct Scripts {
    queue: Arc<Queue>,
    known: KnownScripts,
    /// Scripts that an operator or administrator approved.
    pub(crate) registered: Registered,
    /// The libraries of functions.
    pub(crate) libraries: Libraries,
    /// Scripts under way, but for brief ones on event loops; protects itself, held for moments.
    running: Mutex<Vec<Arc<Running>>>,
    /// A script under way runs for too long.
    is_busy: AtomicBool,
    /// A script writes without having all shards ([`alone`]).
    token: AtomicBool,
    /// A script that has written waits for all shards ([`busy::WayWanted`]).
    is_way_wanted: AtomicBool,
    /// The server ends while scripts hold shards, which nobody gets any more.
    is_ended: AtomicBool,
    watch: Arc<Watch>,
    /// Scripts may call what is not for scripts (`DEBUG SET-DISABLE-DENY-SCRIPTS`).
    pub(crate) may_call_all: AtomicBool,
    /// Bytes of the values of each thread's machine, as of its last call, for INFO.
    machine_bytes: Box<[AtomicUsize]>,
    /// How many machines were made that run scripts.
    machines: AtomicU32,
}

impl Scripts {
    /// For so many event loops, whose numbers come first among the threads.
    pub(crate) fn new(settings: &crate::config::Scripts, loops: usize, threads: usize) -> Self {
        Self {
            queue: Arc::default(),
            known: KnownScripts::default(),
            registered: Registered::new(settings),
            libraries: Libraries::default(),
            running: Mutex::default(),
            is_busy: AtomicBool::new(false),
            token: AtomicBool::new(false),
            is_way_wanted: AtomicBool::new(false),
            is_ended: AtomicBool::new(false),
            watch: Arc::new(Watch::new(loops)),
            may_call_all: AtomicBool::new(false),
            machines: AtomicU32::new(0),
            machine_bytes: (0..threads).map(|_| AtomicUsize::new(0)).collect(),
        }
    }

    pub(crate) fn start(&self, engine: &Arc<Engine>) {
        self.queue.start(engine);
        self.watch.start(engine);
    }

    pub(crate) fn stop(&self) {
        self.queue.stop();
        self.watch.stop();
    }

    /// Whether the server ends while scripts hold shards, which nobody gets any more.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended.load(Ordering::Acquire)
    }

    /// How many scripts are known.
    pub(crate) fn count(&self) -> usize {
        self.known.count()
    }

    /// Bytes of the texts that are known.
    pub(crate) fn known_bytes(&self) -> usize {
        self.known.bytes()
    }

    /// Bytes of the values of all machines.
    pub(crate) fn machine_bytes(&self) -> usize {
        self.machine_bytes.iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum()
    }

    /// Forgets all scripts but those that are registered. Every thread lets go of its machine when it next looks.
    fn forget_all(&self) {
        self.known.clear();
        self.machine_bytes.iter().for_each(|bytes| bytes.store(0, Ordering::Relaxed));
    }

    /// The seed of a new machine's `math.random`: each draws other numbers. None for the first, which begins as Redis does.
    fn next_seed(&self) -> Option<i32> {
        match self.machines.fetch_add(1, Ordering::Relaxed) {
            0 => None,
            number => Some(number.wrapping_mul(SEED_STEP) as i32),
        }
    }

    fn note_bytes(&self, thread: usize, bytes: usize) {
        self.machine_bytes[thread].store(bytes, Ordering::Relaxed);
    }

    /// The scripts under way.
    fn running(&self) -> MutexGuard<'_, Vec<Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
