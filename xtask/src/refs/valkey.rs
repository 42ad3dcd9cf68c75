//! Valkey releases for benchmarks, from newer Debian suites, run on their own loader without being installed.

use super::apt::Apt;
use super::{install, server_version, write_wrapper};
use crate::{Outcome, workspace};
use std::path::PathBuf;

/// A release and the suite that carries it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Release {
    /// Debian's name of the suite.
    pub(crate) suite: &'static str,
    /// How its versions begin.
    series: &'static str,
}

/// The releases worth measuring against, newest first.
pub(crate) const RELEASES: [Release; 2] =
    [Release { suite: "sid", series: "9." }, Release { suite: "trixie", series: "8.1" }];

/// An unpacked Valkey.
#[derive(Debug, Clone)]
pub(crate) struct Valkey {
    /// `valkey-server`, as a wrapper script.
    pub(crate) server: PathBuf,
    /// What it says of itself.
    pub(crate) version: String,
}

/// A release: cached, or fetched now.
pub(crate) fn server(release: Release) -> Outcome<Valkey> {
    let place = workspace::cache().join(format!("valkey-{}", release.suite));
    let server = place.join("bin/valkey-server");
    if !server.exists() {
        let apt = Apt::open(release.suite, true)?;
        install(&place, |partial| {
            apt.unpack(&["valkey-server", "valkey-tools"], &partial.join("tree"))?;
            for program in ["valkey-server", "valkey-cli", "valkey-benchmark"] {
                write_wrapper(&partial.join("tree"), program, &partial.join("bin"))?;
            }
            Ok(())
        })?;
    }
    let version = server_version(&server)?;
    if !version.starts_with(release.series) {
        println!("refs: {} carries Valkey {version}, expected {}x", release.suite, release.series);
    }
    Ok(Valkey { server, version })
}
