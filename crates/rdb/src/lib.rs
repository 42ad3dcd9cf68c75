//! The RDB format: a data set as a file, and a value as what `DUMP` gives.
//!
//! # The bytes
//! ```text
//!  REDIS0011                                    magic and version
//!  250 name value ...                           about the file
//!  245 code ...                                 functions
//!  254 database  251 keys expiring              for each database
//!     [252 expiry] [248 idle | 249 frequency]   for each key
//!     type key value
//!  255 checksum                                 the end; CRC-64 of everything before
//! ```
//! A value is what it is in memory, as far as that is a single block: the bytes of a listpack or an intset, as a string.
//! Larger ones are a count and their elements, as strings; and strings may be integers or compressed ([`lzf`]).
//!
//! | to | use |
//! |---|---|
//! | write | [`encode`]: everything appends to a buffer |
//! | read on one thread | [`decode::Reader`] |
//! | read on all | [`decode::Splitter`], then [`decode::Records::decode`] on each |
//! | `DUMP` and `RESTORE` | [`payload`] |
//!
//! # Limits
//! Versions 1 to 15 of Redis and 80 of Valkey are read, 9 to 12 and 80 are written ([`version`]). Streams, hashes with
//! fields that expire, and values of modules are refused by name: they are not in the data set yet.
//!
//! What is deliberately absent: files, threads, clocks; and replies and log lines other than the texts of errors.

#![forbid(unsafe_code)]

pub mod checksum;
pub mod decode;
pub mod encode;
#[doc(hidden)]
pub mod fuzzing;
mod legacy;
pub mod lzf;
mod opcode;
pub mod payload;
pub mod version;

pub use checksum::Checksum;
pub use version::{Family, Origin, Target};
