//! redis.conf, the command line and CONFIG.
//!
//! One declaration per directive ([`registry`]) yields how it is read, shown, changed and written back; typed
//! [`Settings`] are what the engine reads. The behaviour, down to error texts and the order of checks, is
//! that of Redis 7.0.15, so that its configuration files, start lines and tools work unchanged.
//!
//! * [`parse_command_line`] and [`load`] turn arguments and files into [`Settings`];
//! * [`get`], [`set`] and [`rewrite`] are CONFIG GET, SET and REWRITE as pure functions: `set` gives changed
//!   settings back and whoever owns them applies and publishes them, `rewrite` gives text back and whoever
//!   owns the file replaces it.
//!
//! No option is read and silently ignored: [`Effect`] says for each whether it is honoured, accepted without
//! meaning and why, or refused because its feature is not there yet.
//!
//! Nothing here prints, exits, opens sockets or touches the disk except through [`Disk`].

pub mod registry;

mod change;
mod choices;
mod command_line;
mod cpu_list;
mod directive;
mod disk;
#[doc(hidden)]
pub mod fuzzing;
mod lexer;
mod load;
mod nearest;
mod notify;
mod number;
mod output_buffers;
mod pattern;
mod proc_title;
mod query;
mod rewrite;
mod settings;
mod special;
mod value;

#[cfg(test)]
mod tests;

pub use change::{Caller, Change, SetError, set};
pub use choices::{
    AppendFsync, LogFormat, LogLevel, MaxmemoryPolicy, OomScoreAdj, PropagationErrors, ProtectedAction,
    RdbVersion, ScriptMode, Supervised, SyslogFacility, TimestampFormat,
};
pub use command_line::{CommandLine, Invocation, parse_command_line};
pub(crate) use cpu_list::cores;
pub use directive::{Directive, Effect, Flags};
pub(crate) use disk::error_words;
pub use disk::{Disk, OsDisk};
pub use lexer::{push_quoted, split_words};
pub use load::{LoadError, Loaded, load};
pub use notify::NotifyFlags;
pub(crate) use number::parse_memory;
pub use output_buffers::{OutputBufferLimit, OutputBufferLimits};
pub use proc_title::{Title, expand_title};
pub use query::get;
pub use registry::is_sensitive;
pub use rewrite::{Rewrite, rewrite};
pub use settings::{
    Cpus, Encodings, Keyspace, Lazyfree, Limits, Log, Memory, Network, Observation, Persistence, Process,
    Replication, Scripts, Security, Settings, ShutdownFlags, Syslog,
};
pub use special::{Rename, SavePoint};
pub use value::Reason;
