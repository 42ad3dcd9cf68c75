//! The tools that are in the same binary: by the name it is called with, or by the first words.

use std::path::Path;
use std::process::ExitCode;

/// Runs a tool, if one is asked for.
pub(crate) fn run() -> Option<ExitCode> {
    let mut words = Vec::new();
    for word in std::env::args_os() {
        // Words of tools are text; others are for the server to judge.
        words.push(word.into_string().ok()?);
    }
    let (program, rest) = words.split_first()?;
    let name = Path::new(program).file_name()?.to_str()?;
    match rest {
        rest if matches!(name, "redis-check-aof" | "valkey-check-aof") => {
            Some(spinel_cli::check_aof::main(program, rest))
        }
        rest if matches!(name, "redis-check-rdb" | "valkey-check-rdb") => {
            Some(spinel_cli::check_rdb::main(program, rest))
        }
        _ if matches!(name, "redis-sentinel" | "valkey-sentinel") => {
            eprintln!("{program}: sentinel mode is not supported yet by this version");
            Some(ExitCode::FAILURE)
        }
        [convert, rest @ ..] if convert == "convert" => {
            Some(spinel_cli::convert::main(&format!("{program} convert"), rest))
        }
        [check, rdb, rest @ ..] if check == "check" && rdb == "rdb" => {
            Some(spinel_cli::check_rdb::main(&format!("{program} check rdb"), rest))
        }
        [check, aof, rest @ ..] if check == "check" && aof == "aof" => {
            Some(spinel_cli::check_aof::main(&format!("{program} check aof"), rest))
        }
        _ => None,
    }
}
