//! `spinel-bench`: the load generator as a program of its own.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    spinel_cli::bench::main(&words)
}
