//! Benchmarks: hands the reference servers to the load generator, which does everything else.

use crate::{Outcome, process, refs, workspace};
use std::process::Command;

/// `cargo xtask bench`: paired runs of Spinel beside Redis and whichever Valkey releases can be had.
pub(crate) fn run(options: Vec<String>) -> Outcome {
    if options.iter().any(|option| option == "--help") {
        return process::run(cargo().args([
            "run",
            "-p",
            "spinel-cli",
            "--bin",
            "spinel-bench",
            "--",
            "paired",
            "--help",
        ]));
    }
    let (redis, valkeys) = refs::for_bench()?;
    process::run(cargo().args(["build", "--release", "-p", "spinel-server"]))?;
    let mut command = cargo();
    command.args(["run", "--release", "-p", "spinel-cli", "--bin", "spinel-bench", "--", "paired"]);
    command.arg("--subject").arg(format!("spinel={}", workspace::server().display()));
    command.arg("--reference").arg(format!("redis={}", redis.server.display()));
    for valkey in valkeys {
        command.arg("--reference").arg(format!("valkey-{}={}", valkey.version, valkey.server.display()));
    }
    command.args(["--reference", "echo=echo-server"]);
    process::run(command.args(options))
}

/// Cargo, as it called us, in the root of the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace::root());
    command
}
