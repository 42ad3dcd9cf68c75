//! Tests of commands in three lines: an engine in memory with virtual time.
//!
//! ```
//! let server = spinel_testkit::TestServer::new();
//! let client = server.connect();
//! assert_eq!(client.run("INCR visits"), ":1\r\n");
//! ```
//!
//! A [`TestServer`] is the whole engine with one or more workers; a [`TestClient`] is a connection to it. Everything runs in
//! the thread of the test, one step after the other: a command is executed when it is sent, and then every message on its
//! way is delivered, until nothing moves any more. So what a client has received can be read at once, and the same test
//! does the same every time. Only commands that the engine hands to its helper threads are waited for.
//!
//! Time stands still until [`TestServer::advance`] moves it. What the journal records is kept and can be run again.
//!
//! What it deliberately does not do: sockets, bytes that are no commands, threads that compete.

#![forbid(unsafe_code)]

mod client;
mod clock;
mod machine;
mod record;
mod server;

pub use client::TestClient;
pub use record::JournalEntry;
pub use server::{SharedServer, TestServer, TestWorker};
