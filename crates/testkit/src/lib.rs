//! Tests of commands in three lines: an engine in memory with virtual time.

#![forbid(unsafe_code)]
