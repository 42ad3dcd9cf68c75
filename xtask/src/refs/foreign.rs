//! Servers of other versions, for their files: run on their own loader and libraries without being installed.
//!
//! What the tests use comes from the same Debian mirrors as the other references. Debian takes old suites off its mirrors
//! some day and changes its newest ones, so none of them is needed: what cannot be had is named, and left out. Older ones
//! come from Ubuntu, where `SPINEL_UBUNTU` says its archive's address; its keys come from a Debian package.

use super::apt::Apt;
use super::{install, server_version, valkey, write_wrapper};
use crate::{Outcome, workspace};
use std::path::{Path, PathBuf};

/// Names the address of Ubuntu's archive.
const UBUNTU: &str = "SPINEL_UBUNTU";
/// The Debian suite that has Ubuntu's keys.
const KEYS_SUITE: &str = "trixie";

/// Which servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Those that the tests use.
    Tests,
    /// All.
    Everything,
}

/// Where a release is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Archive {
    Debian,
    /// A suite of Debian that is laid over another one.
    Beside(&'static str),
    Ubuntu,
}

/// A release of Redis, and the suite that carries it.
#[derive(Debug, Clone, Copy)]
struct Release {
    archive: Archive,
    suite: &'static str,
    /// How its versions begin.
    series: &'static str,
}

/// Releases with an RDB version each, oldest first: 6, 8, 9, 9, 12, 13. Version 10 is the reference's, and Valkey's are in
/// `valkey.rs`.
const RELEASES: [Release; 6] = [
    Release { archive: Archive::Ubuntu, suite: "xenial", series: "3.0." },
    Release { archive: Archive::Ubuntu, suite: "bionic", series: "4.0." },
    Release { archive: Archive::Ubuntu, suite: "focal", series: "5.0." },
    Release { archive: Archive::Debian, suite: "bullseye", series: "6.0." },
    Release { archive: Archive::Debian, suite: "trixie", series: "8.0." },
    Release { archive: Archive::Beside("sid"), suite: "experimental", series: "8.6." },
];

/// The servers that can be had: cached, or fetched now.
pub(crate) fn servers(extent: Extent) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let wanted = |release: &&Release| extent == Extent::Everything || release.archive == Archive::Debian;
    for release in RELEASES.iter().filter(wanted) {
        match server(*release) {
            Ok((server, version)) => {
                println!("redis     {version}   {}", server.display());
                found.push(server);
            }
            Err(error) => left_out("redis", release.suite, &error),
        }
    }
    for release in valkey::RELEASES {
        match valkey::server(release) {
            Ok(valkey) => {
                println!("valkey    {}   {}", valkey.version, valkey.server.display());
                found.push(valkey.server);
            }
            Err(error) => left_out("valkey", release.suite, &error),
        }
    }
    found
}

/// Redis 8.0: cached, or fetched now.
pub(super) fn redis_8() -> Outcome<PathBuf> {
    let release = RELEASES.iter().find(|release| release.series == "8.0.");
    Ok(server(*release.ok_or("Redis 8.0 is not among the releases")?)?.0)
}

fn left_out(what: &str, suite: &str, error: &str) {
    println!("{what} of {suite}: not to be had here, its files are not compared: {error}");
}

fn server(release: Release) -> Outcome<(PathBuf, String)> {
    let place = workspace::cache().join(format!("redis-{}", release.suite));
    let server = place.join("bin/redis-server");
    if !server.exists() {
        let apt = open(release)?;
        let package = match release.archive {
            Archive::Debian | Archive::Ubuntu => "redis-server".to_owned(),
            Archive::Beside(_) => format!("redis-server/{}", release.suite),
        };
        install(&place, |partial| {
            apt.unpack(&[&package], &partial.join("tree"))?;
            write_wrapper(&partial.join("tree"), "redis-server", &partial.join("bin")).map(drop)
        })?;
    }
    let version = server_version(&server)?;
    if !version.starts_with(release.series) {
        println!("refs: {} carries Redis {version}, expected {}x", release.suite, release.series);
    }
    Ok((server, version))
}

fn open(release: Release) -> Outcome<Apt> {
    match release.archive {
        Archive::Debian => Apt::open(release.suite, true),
        Archive::Beside(other) => Apt::open_beside(release.suite, other),
        Archive::Ubuntu => {
            let mirror = std::env::var(UBUNTU)
                .map_err(|_| format!("{UBUNTU} does not name the address of Ubuntu's archive"))?;
            Apt::open_ubuntu(release.suite, &mirror, &ubuntu_keyring()?)
        }
    }
}

/// The keys of Ubuntu's archive.
fn ubuntu_keyring() -> Outcome<PathBuf> {
    let place = workspace::cache().join("ubuntu-keyring");
    let keyring = place.join(Path::new("usr/share/keyrings/ubuntu-archive-keyring.gpg"));
    if !keyring.exists() {
        let apt = Apt::open(KEYS_SUITE, true)?;
        install(&place, |partial| apt.unpack_alone("ubuntu-keyring", partial))?;
    }
    Ok(keyring)
}
