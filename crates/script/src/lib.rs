//! Script engines without a database, a socket or a clock.
//!
//! An [`Engine`] compiles scripts and calls them; whatever a script wants from the server goes through a [`Host`]. [`Lua`] is
//! Luau, with everything around it that makes scripts for Redis's Lua 5.1 run with equal results; with the feature `python`
//! there is Python, too, in a process of its own. [`Engines`] chooses by the first line of a script.
//!
//! ```text
//!   EVAL ─▶ Engine::compile ─▶ Engine::call ─▶ script ─ redis.call ─▶ Host::call
//!                                  │             ◀──── a reply in RESP ────┘
//!                                  └─▶ the result, written as RESP to the caller's encoder
//! ```
//!
//! Limits: memory by the machine's own allocator, time by whoever arms the [`Interrupter`], the size of sources, and the depth
//! of everything that nests. Nothing a script does panics, exhausts the process or outlives a verdict to stop.
//!
//! Unsafe code is in the module `vm` only.
#![deny(unsafe_code)]

mod engine;
mod engines;
#[doc(hidden)]
pub mod fuzzing;
mod host;
mod interrupter;
mod lua;
#[cfg(feature = "python")]
mod python;
mod shebang;
mod version;
#[allow(unsafe_code, reason = "the bridge to Luau; its rules stand in its first lines")]
mod vm;

pub use self::engine::{Call, Engine, Failure, Function, Language, Outcome, Script};
pub use self::engines::{EngineOptions, Engines};
pub use self::host::{Host, LogLevel, Propagate, UnknownCommand, Verdict};
pub use self::interrupter::Interrupter;
pub use self::lua::{Lua, LuaOptions, ShownCall, ShownWord, shown_calls};
#[cfg(feature = "python")]
pub use self::python::worker::serve_if_asked as serve_python_if_asked;
#[cfg(feature = "python")]
pub use self::python::{Python, PythonWorker};
pub use self::shebang::{LibraryHead, ScriptFlags, ScriptHead, library_head, script_head};
pub use self::version::REDIS_VERSION;
