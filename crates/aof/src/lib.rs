//! The append-only log: the multi-part directory of Redis 7, written so that nothing acknowledged is lost, and read so
//! that nothing wrong is believed. There are no threads, sockets, clocks or random numbers here: disks are behind a
//! trait, time is an argument, and who waits for what is the caller's business.
//!
//! # The directory
//! ```text
//! appendonlydir/appendonly.aof.manifest         which files count, in their order
//!               appendonly.aof.2.base.rdb       a snapshot (or `.base.aof`, commands)
//!               appendonly.aof.5.incr.aof       commands since
//! ```
//!
//! # Writing
//! [`LogBuffer`] collects encoded commands under a short lock. [`LogWriter`] takes what it collected as a [`Batch`], puts
//! a line in front that seals it ([`annotation`]), and writes both at once. A [`SyncTicket`] makes durable what was
//! written, outside of any lock. Positions ([`LogPosition`]) count bytes of commands, so they survive a change of files.
//!
//! # Reading
//! [`LogReader`] yields commands with their places, proves the seals, and tells a torn tail from damage. [`Directory`]
//! opens, upgrades and cleans the directory; [`recovery`] loads it.
//!
//! # What is deliberately absent
//! No RDB codec: whoever loads a base brings one.

#![forbid(unsafe_code)]

pub mod annotation;
pub mod backup;
mod buffer;
pub mod check;
mod cut;
mod directory;
pub mod disk;
mod encode;
#[doc(hidden)]
pub mod fuzzing;
mod manifest;
mod moment;
mod names;
mod note;
mod reader;
pub mod recovery;
pub mod restore;
mod segment;
#[cfg(test)]
mod testing;
mod told;
mod writer;

pub use buffer::{Batch, LargeCommand, LogBuffer, LogPosition};
pub use directory::{Directory, DirectoryError, Following, NewIncrement};
pub use encode::encode_command;
pub use manifest::{FileInfo, FileKind, Manifest, ManifestError, ManifestFault, Restored, Sealed};
pub use moment::{Moment, NotAMoment};
pub use names::{BaseFormat, Names, temporary_base_writer};
pub use note::{encode_note, encode_record, is_noted};
pub use reader::{LogReader, Problem, ReadError, Record};
pub use segment::{Preallocation, PreallocationOutcome, SyncOutcome, SyncTicket};
pub use writer::{LogWriter, Refusal, Rotation, Trouble, WriterOptions};
