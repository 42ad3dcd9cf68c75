//! Scripts: where they run, what they are, and how they are stopped.
//!
//! A script holds all shards, for nobody knows which keys it will want; so it runs on a thread of its own, and the event
//! loops go on: commands that need no key are answered, others wait for the shards. When a script has been running for
//! longer than `busy-reply-threshold`, they are told so instead ([`busy`]), and it can be killed.
//!
//! ```text
//!  loop: EVAL ─▶ Job ─▶ thread: hold all shards ─▶ Execution::run_script ─▶ script-engine ─▶ ScriptHost::call
//!    ▲                                                                                          │ one command
//!    └───────── Message::Finished ◀─── reply, and one MULTI/EXEC of effects in the journal ◀──┘
//! ```
//!
//! `SCRIPT LOAD` and its kin go the same way, so that nobody but this thread needs the cache.

mod busy;
mod cache;
mod eval;
mod functions;
mod host;
mod run;
mod script_command;
mod thread;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::busy::{Kind, Running};
use self::cache::Cache;
use self::functions::{Fcall, FcallRo, Libraries};
pub(crate) use self::functions::{COMMANDS as FUNCTION_COMMANDS, library_name};
pub(crate) use self::run::Invocation;
use self::run::hold_for_script;
use self::thread::Queue;
use crate::session::session_commands;

use self::eval::{Eval, EvalRo, Evalsha, EvalshaRo};
use self::script_command::{
    Script, ScriptDebug, ScriptExists, ScriptFlush, ScriptHelp, ScriptKill, ScriptLoad,
};

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
}

/// The scripts of an engine.
#[derive(Default)]
pub(crate) struct Scripts {
    queue: Arc<Queue>,
    /// What is compiled, and the machine. Taken by the thread of scripts for as long as one runs, and by the loading of a
    /// log.
    cache: Mutex<Cache>,
    /// The libraries of functions.
    pub(crate) libraries: Libraries,
    /// The script under way; protects itself, held for moments.
    running: Mutex<Option<Arc<Running>>>,
    /// The script under way runs for too long.
    is_busy: AtomicBool,
    /// Scripts may call what is not for scripts (`DEBUG SET-DISABLE-DENY-SCRIPTS`).
    pub(crate) may_call_all: AtomicBool,
    /// How many are known, for INFO.
    known: AtomicUsize,
}

impl Scripts {
    /// The cache. After a panic it is in order, but for its machine, which it replaces.
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many scripts are known.
    pub(crate) fn known(&self) -> usize {
        self.known.load(Ordering::Relaxed)
    }

    /// The script under way.
    fn running(&self) -> MutexGuard<'_, Option<Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
