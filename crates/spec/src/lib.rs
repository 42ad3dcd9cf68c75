//! What a command is: its grammar, keys, flags and documentation as data.

#![forbid(unsafe_code)]
