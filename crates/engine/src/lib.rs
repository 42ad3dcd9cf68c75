//! A server without sockets: sessions, dispatch, transactions, blocking, pub/sub, configuration.
//!
//! ```text
//! bytes ─▶ Worker::execute(session, words) ─▶ gates ─▶ locks ─▶ command ─▶ aftermath ─▶ reply
//!                                                                         journal, events,
//!                                                                         blocked clients
//! ```
//!
//! An [`Engine`] is shared by all threads. A [`Worker`] is what one event loop owns of it: counters, buffers, an
//! inbox. A [`session::Session`] is one connection's state, owned by whoever owns the connection. Whoever runs
//! this brings the clock and moves the bytes: crate `net` with sockets, crate `testkit` without.
//!
//! What is deliberately absent: sockets, files, threads other than the helpers for long commands.

#![forbid(unsafe_code)]

mod aftermath;
mod apart;
mod arguments;
mod blocking;
#[cfg(test)]
mod blocking_tests;
mod client_commands;
pub mod clients;
pub mod clock;
mod command_log;
pub mod config;
mod connection;
pub mod cores;
mod data;
mod dispatch;
mod due_members;
mod engine;
mod eviction;
mod gates;
pub mod host;
pub mod inbox;
pub mod journal;
mod latency;
mod letters;
pub mod log;
mod look_ahead;
mod migrate;
mod monitor;
mod offload;
pub mod panics;
mod pause;
pub mod persistence;
pub mod pubsub;
mod redaction;
pub mod registry;
mod replay;
mod scripting;
mod server_commands;
pub mod session;
mod short_way;
mod shutdown;
pub mod stats;
mod subscriptions;
#[cfg(test)]
mod testing;
mod timing;
mod transaction;
mod undo;
mod upkeep;
mod worker;
mod world;

pub use clients::{Client, ClientId, Endpoint};
pub use clock::{Clock, SystemClock};
pub use dispatch::Flow;
pub use engine::{Engine, EngineOptions};
pub use inbox::{Inbox, Message};
pub use look_ahead::{Lookahead, Prepared};
#[doc(hidden)]
pub use scripting::fuzz_registered;
pub use short_way::Progress;
pub use shutdown::ShutdownRefused;
pub use spinel_family::LOOP_BYTES_LIMIT;
pub use spinel_script::REDIS_VERSION;
#[cfg(feature = "python")]
pub use spinel_script::serve_python_if_asked;
pub use worker::Worker;
