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
//! # Measured
//! Megabytes of the file per second of processor time on a busy machine, one thread (`examples/rdb_speed.rs`; in brackets
//! `SAVE` and `DEBUG RELOAD` of Redis 7.0.15, its flush and checksum included; a checksum runs at 8,000 to 12,000):
//!
//! | a million | write | write, LZF | cut into records | read |
//! |---|---|---|---|---|
//! | strings of 100 bytes | 1,460 (83) | 137 (50) | 1,700 | 286 (51) |
//! | fields of small hashes | 2,960 (167) | 147 (48) | 3,700 | 315 (167) |
//! | fields of one hash | 110 (39) | 66 (30) | 580 | 53 (25) |
//! | members of one set | 179 (55) | 68 (34) | 1,200 | 45 (33) |
//! | members of one sorted set | 640 (171) | 178 (90) | 700 | 45 (34) |
//! | elements of one list | 7,200 (580) | 83 (85) | 1,000 | 617 (720) |
//!
//! # Limits
//! Versions 1 to 15 of Redis and 80 of Valkey are read, 9 to 12 and 80 are written ([`version`]). Streams and
//! values of modules are refused by name: they are not in the data set yet. For versions below 12, which know no fields that
//! expire, hashes are written as if no field of theirs did. That members of sets and sorted sets expire stands in fields that
//! other servers pass over (`member_times`), and so do whole keys of the type that is ours alone, arrays (`own_key`).
//! (That of Redis 8.8, type 28, is refused by name: its bytes are not documented.)
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
mod member_times;
mod opcode;
mod own_key;
pub mod payload;
pub mod version;

pub use checksum::Checksum;
pub use member_times::{MemberTimes, MemberTimesEncoder};
pub use own_key::OwnKeyEncoder;
pub use version::{Family, Origin, Target};
