//! The command line tools: the load generator.

#![forbid(unsafe_code)]
