//! Event loops: sockets in, engine calls, sockets out.
//!
//! One turn of a loop is a batch over all ready connections, in phases:
//!
//! 1. read every ready socket;
//! 2. parse a group of up to [`batch::DEPTH`] commands, across connections, hash their keys and prefetch their buckets;
//! 3. while those arrive, prefetch what stands behind the entries of the group before, and execute it; then prefetch the entries
//!    of this one;
//! 4. 2 and 3 again until nothing is left, replies going to each connection's buffer;
//! 5. write every connection that has replies.
//!
//! Writing last and prefetching across connections is where the speed comes from; see `docs/adr/0004-groups.md` and
//! `docs/adr/0021-values-ahead.md`.
//!
//! What is deliberately absent: the meaning of any command, and any decision but when to read and write.

#![deny(unsafe_code)]

mod batch;
mod broken_input;
mod connection;
pub mod crash;
pub mod dial;
mod event_loop;
mod gates;
mod group;
mod limits;
mod listen;
mod poller;
mod stream;

pub use event_loop::{LoopOptions, Loops, run};
pub use group::GroupError;
pub use listen::{ListenError, Listeners};
