//! Files of other servers: what they write is read, what is written for them they read, and what is converted.

use crate::args::Args;
use crate::bench::cargo;
use crate::refs::{self, Extent};
use crate::workspace::server;
use crate::{Outcome, process};
use std::path::{Path, PathBuf};
use std::process::Command;

/// `cargo xtask foreign`.
pub(crate) fn run(args: &Args) -> Outcome {
    process::run(cargo().args(["build", "--release", "-p", "spinel-server", "-p", "spinel-oracle"]))?;
    let extent = if args.has("all") { Extent::Everything } else { Extent::Tests };
    let servers = refs::foreign_servers(extent);
    if servers.is_empty() {
        return Err("none of the servers can be had".to_owned());
    }
    process::run(&mut command(&server(), &servers))
}

/// The program that compares, with these servers.
pub(crate) fn command(subject: &Path, servers: &[PathBuf]) -> Command {
    let mut command = Command::new(server().with_file_name("spinel-foreign-files"));
    command.arg("--subject").arg(subject).args(servers);
    command
}
