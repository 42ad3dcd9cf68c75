//! Redis 7.0.15: the server every reply is compared with, its tools, and its Tcl suite.
//!
//! The installed server is used when it has the version; otherwise Debian's packages are unpacked into the cache. The
//! suite comes with the Debian source package, whose patches belong to the server that is its counterpart.

use super::apt::{Apt, SourceParts};
use super::system::{ensure_program, install_package};
use super::{install, server_version, write_wrapper};
use crate::{Outcome, process, workspace};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The one version of the reference; ledgers hold its numbers.
pub(crate) const REDIS_VERSION: &str = "7.0.15";
/// The Debian release that carries it.
const SUITE: &str = "bookworm";
/// The programs that the Tcl suite runs beside the server.
pub(crate) const TOOLS: [&str; 4] = ["redis-cli", "redis-benchmark", "redis-check-aof", "redis-check-rdb"];

/// The reference server and where its tools are.
#[derive(Debug, Clone)]
pub(crate) struct Redis {
    /// `redis-server`.
    pub(crate) server: PathBuf,
    /// The directory with `redis-cli` and the other tools.
    pub(crate) tools: PathBuf,
}

/// The unpacked suite.
#[derive(Debug, Clone)]
pub(crate) struct TclSuite {
    /// The directory that holds `tests/`.
    pub(crate) tree: PathBuf,
    /// The interpreter.
    pub(crate) tclsh: PathBuf,
}

/// The reference server: installed, cached, or fetched now.
pub(crate) fn server() -> Outcome<Redis> {
    if let Some(server) = process::find("redis-server")
        && server_version(&server).is_ok_and(|version| version == REDIS_VERSION)
    {
        let tools = server.parent().expect("a file found on the search path has a directory").to_path_buf();
        if TOOLS.iter().all(|tool| tools.join(tool).exists()) {
            return Ok(Redis { server, tools });
        }
    }
    let place = workspace::cache().join(format!("redis-{REDIS_VERSION}"));
    let found = Redis { server: place.join("bin/redis-server"), tools: place.join("bin") };
    if !found.server.exists() {
        let apt = Apt::open(SUITE, true)?;
        install(&place, |partial| {
            apt.unpack(&["redis-server", "redis-tools"], &partial.join("tree"))?;
            for program in TOOLS.iter().chain(&["redis-server"]) {
                write_wrapper(&partial.join("tree"), program, &partial.join("bin"))?;
            }
            Ok(())
        })?;
    }
    match server_version(&found.server)? {
        version if version == REDIS_VERSION => Ok(found),
        version => Err(format!("the package holds redis-server {version}, not {REDIS_VERSION}")),
    }
}

/// The suite: cached, or fetched now.
pub(crate) fn suite() -> Outcome<TclSuite> {
    let tclsh = tclsh()?;
    // The suite looks at processes with `ps` and `pgrep`.
    ensure_program("pgrep", "procps")?;
    let tree = workspace::cache().join(format!("redis-{REDIS_VERSION}-source"));
    if !tree.join("tests/test_helper.tcl").exists() {
        ensure_program("dpkg-source", "dpkg-dev")?;
        let apt = Apt::open(SUITE, false)?;
        install(&tree, |partial| fetch_source(&apt, partial))?;
    }
    let version = workspace::read(&tree.join("src/version.h"))?;
    if !version.contains(&format!("\"{REDIS_VERSION}\"")) {
        return Err(format!("the source package is not {REDIS_VERSION}: {version}"));
    }
    Ok(TclSuite { tree, tclsh })
}

/// Fetches the source package with Debian's changes, since the ledgers count the tests of those, too.
fn fetch_source(apt: &Apt, partial: &Path) -> Outcome {
    let download = workspace::Scratch::new()?;
    apt.source("redis", SourceParts::All, download.path())?;
    let description = workspace::file_with(download.path(), ".dsc")?;
    let unpacked = download.path().join("unpacked");
    process::output(Command::new("dpkg-source").arg("--extract").arg(&description).arg(&unpacked))?;
    keep_suite(&unpacked, partial)
}

/// Copies what a suite needs of a source tree.
pub(super) fn keep_suite(unpacked: &Path, partial: &Path) -> Outcome {
    for part in ["tests", "src"] {
        process::output(Command::new("cp").arg("-a").arg(unpacked.join(part)).arg(partial))?;
    }
    Ok(())
}

/// An interpreter for the suites.
pub(super) fn tclsh() -> Outcome<PathBuf> {
    for name in ["tclsh8.6", "tclsh"] {
        if let Some(path) = process::find(name)
            && is_tcl_86(&path)
        {
            return Ok(path);
        }
    }
    install_package("tcl8.6")?;
    process::find("tclsh8.6").ok_or_else(|| "tcl8.6 is installed but tclsh8.6 is not found".to_owned())
}

fn is_tcl_86(path: &Path) -> bool {
    let script = std::env::temp_dir().join(format!("spx-tcl-version-{}", std::process::id()));
    let said = workspace::write(&script, "puts [info patchlevel]\n")
        .and_then(|()| process::output(Command::new(path).arg(&script)));
    // Best effort: a stale two-line file in the temporary directory harms nobody.
    let _ = std::fs::remove_file(&script);
    said.is_ok_and(|version| version.starts_with("8.6"))
}
