//! The command line tools: the load generator, and what checks, repairs and converts files.
//!
//! Each tool is a module with one `main`-like door that takes its words and returns an exit code, so that a thin
//! binary, or a subcommand of another one, can run it.

#![forbid(unsafe_code)]

pub mod bench;
pub mod check_aof;
pub mod check_rdb;
pub mod convert;
mod hash_key;
