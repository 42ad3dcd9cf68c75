//! Script engines without a database, a socket or a clock.
//!
//! An [`Engine`] compiles scripts and calls them; whatever a script wants from the server goes through a [`Host`]. The one
//! engine is [`Lua`]: Luau, with everything around it that makes scripts for Redis's Lua 5.1 run with equal results.
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
#[doc(hidden)]
pub mod fuzzing;
mod host;
mod lua;
#[allow(unsafe_code, reason = "the bridge to Luau; its rules stand in its first lines")]
mod vm;

pub use self::engine::{Call, Engine, Failure, Function, Outcome, Script};
pub use self::host::{Host, LogLevel, Propagate, UnknownCommand, Verdict};
pub use self::lua::shebang::{LibraryHead, ScriptFlags, library_head, script_flags};
pub use self::lua::{Lua, LuaOptions};
pub use self::vm::Interrupter;
