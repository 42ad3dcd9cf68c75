//! The references: servers, suites and clients that Spinel is compared with.
//!
//! Everything comes from package registries through their own clients (apt-get, pip, npm) with the configuration this
//! machine already has, and lies in a cache outside the repository. Each piece is complete or absent: it is unpacked
//! beside its place, checked, and renamed into it. Nothing here is built, patched or committed.

mod apt;
mod foreign;
mod frameworks;
mod newer;
mod python;
mod redis;
mod system;
mod valkey;

use crate::args::Args;
use crate::{Outcome, process, workspace};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use foreign::Extent;
pub(crate) use frameworks::{Language, Runtime};
pub(crate) use newer::NewerSuite;
pub(crate) use python::RedisPy;
pub(crate) use redis::{REDIS_VERSION, Redis, TOOLS, TclSuite};
pub(crate) use valkey::Valkey;

/// What the tests need.
#[derive(Debug, Clone)]
pub(crate) struct References {
    /// The reference server and its tools.
    pub(crate) redis: Redis,
    /// Redis's own Tcl suite and an interpreter for it.
    pub(crate) tcl: TclSuite,
    /// redis-py's own suite and a virtual environment for it.
    pub(crate) redis_py: RedisPy,
}

/// `cargo xtask refs`: fetches all that is missing and says what is there.
pub(crate) fn run(args: &Args) -> Outcome {
    let found = for_tests()?;
    println!("redis     {REDIS_VERSION}  {}", found.redis.server.display());
    println!("tcl suite {REDIS_VERSION}  {}", found.tcl.tree.display());
    println!("redis-py  {}   {}", python::REDIS_PY_VERSION, found.redis_py.tree.display());
    if args.has("bench") {
        for_bench()?;
    }
    if args.has("foreign") {
        foreign::servers(Extent::Everything);
    }
    Ok(())
}

/// Servers of other versions whose files are compared, as far as they can be had; the missing ones are named.
pub(crate) fn foreign_servers(extent: Extent) -> Vec<PathBuf> {
    foreign::servers(extent)
}

/// Fetches what the tests need; quick when it is there.
pub(crate) fn for_tests() -> Outcome<References> {
    Ok(References { redis: redis::server()?, tcl: redis::suite()?, redis_py: python::suite()? })
}

/// The reference server alone: what the unit tests compare with.
pub(crate) fn for_unit_tests() -> Outcome<Redis> {
    redis::server()
}

/// Fetches Redis and those Valkey releases that can be had; the missing ones are named, not an error.
pub(crate) fn for_bench() -> Outcome<(Redis, Vec<Valkey>)> {
    let redis = redis::server()?;
    let mut valkeys = Vec::new();
    for release in valkey::RELEASES {
        match valkey::server(release) {
            Ok(found) => {
                println!("valkey    {}   {}", found.version, found.server.display());
                valkeys.push(found);
            }
            Err(error) => {
                println!("valkey of {}: not to be had here, benchmarks go without: {error}", release.suite);
            }
        }
    }
    Ok((redis, valkeys))
}

/// Builds `place` through `fill` in a neighbouring directory, so that an interrupted fetch leaves no half piece.
fn install(place: &Path, fill: impl FnOnce(&Path) -> Outcome) -> Outcome {
    let partial = place.with_extension("partial");
    for stale in [&partial, &place.to_path_buf()] {
        if stale.exists() {
            std::fs::remove_dir_all(stale)
                .map_err(|error| format!("cannot clear {}: {error}", stale.display()))?;
        }
    }
    workspace::make_dir(&partial)?;
    fill(&partial)?;
    std::fs::rename(&partial, place)
        .map_err(|error| format!("cannot move {} into place: {error}", partial.display()))
}

/// The version in what `SERVER --version` prints (`... v=7.0.15 ...`).
fn server_version(server: &Path) -> Outcome<String> {
    let text = process::output(Command::new(server).arg("--version"))?;
    text.split_whitespace()
        .find_map(|word| word.strip_prefix("v="))
        .map(str::to_owned)
        .ok_or_else(|| format!("{} does not say its version: {text}", server.display()))
}

/// Writes a script that runs an unpacked package's program on the package's own loader and libraries, so that a
/// newer distribution's binaries run here. `exec` keeps the process id.
fn write_wrapper(tree: &Path, program: &str, place: &Path) -> Outcome<PathBuf> {
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    let loader =
        [format!("usr/lib/{triplet}/ld-linux-x86-64.so.2"), format!("lib/{triplet}/ld-linux-x86-64.so.2")]
            .into_iter()
            .chain([
                format!("usr/lib/{triplet}/ld-linux-aarch64.so.1"),
                format!("lib/{triplet}/ld-linux-aarch64.so.1"),
            ])
            .find(|name| tree.join(name).exists())
            .ok_or_else(|| format!("no dynamic loader in {}", tree.display()))?;
    let wrapper = place.join(program);
    let script = format!(
        "#!/bin/bash\n\
         tree=$(dirname \"$(readlink -f \"${{BASH_SOURCE[0]}}\")\")/../tree\n\
         exec -a \"$0\" \"$tree/{loader}\" --library-path \"$tree/usr/lib/{triplet}:$tree/lib/{triplet}\" \
         \"$tree/usr/bin/{program}\" \"$@\"\n"
    );
    workspace::write(&wrapper, &script)?;
    workspace::make_executable(&wrapper)?;
    Ok(wrapper)
}
