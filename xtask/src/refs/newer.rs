//! The Tcl suites of newer servers, for units about commands that Redis 7.0 has not, from Debian's source packages. Debian
//! changes nothing in those units, so what the authors released is enough.
//!
//! A unit of theirs is named with the suite's name before it: `redis-8/unit/type/hash-field-expire`. When they are run for
//! the reference's numbers, the server that a suite belongs to is the reference.

use super::apt::{Apt, SourceParts};
use super::redis::{TclSuite, keep_suite, tclsh};
use super::{foreign, install, valkey};
use crate::{Outcome, process, workspace};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewerSuite {
    /// Redis 8.0's.
    Redis8,
    /// Valkey 9's.
    Valkey9,
}

impl NewerSuite {
    const ALL: [NewerSuite; 2] = [NewerSuite::Redis8, NewerSuite::Valkey9];

    /// The suite that a unit belongs to, if it is one of these, and the unit's name there.
    pub(crate) fn of(unit: &str) -> Option<(NewerSuite, &str)> {
        Self::ALL
            .into_iter()
            .find_map(|suite| Some((suite, unit.strip_prefix(suite.name())?.strip_prefix('/')?)))
    }

    fn name(self) -> &'static str {
        match self {
            NewerSuite::Redis8 => "redis-8",
            NewerSuite::Valkey9 => "valkey-9",
        }
    }

    /// Debian's source package, the suite that carries it, and how its versions begin.
    fn package(self) -> (&'static str, &'static str, &'static str) {
        match self {
            NewerSuite::Redis8 => ("redis", "trixie", "8.0."),
            NewerSuite::Valkey9 => ("valkey", "sid", "9.1."),
        }
    }

    /// How the names of its programs begin.
    pub(crate) fn programs(self) -> &'static str {
        self.package().0
    }

    /// The suite: cached, or fetched now.
    pub(crate) fn tcl(self) -> Outcome<TclSuite> {
        let (package, debian, series) = self.package();
        let tree = workspace::cache().join(format!("{}-source", self.name()));
        if !tree.join("tests/test_helper.tcl").exists() {
            let apt = Apt::open(debian, false)?;
            install(&tree, |partial| fetch_released(&apt, package, partial))?;
        }
        let version = workspace::read(&tree.join("src/version.h"))?;
        if !version.contains(&format!("_VERSION \"{series}")) {
            return Err(format!("the source package of {package} is not {series}x: {version}"));
        }
        Ok(TclSuite { tree, tclsh: tclsh()? })
    }

    /// The server that the suite belongs to.
    pub(crate) fn server(self) -> Outcome<PathBuf> {
        match self {
            NewerSuite::Redis8 => foreign::redis_8(),
            NewerSuite::Valkey9 => Ok(valkey::server(valkey::RELEASES[0])?.server),
        }
    }
}

fn fetch_released(apt: &Apt, package: &str, partial: &Path) -> Outcome {
    let download = workspace::Scratch::new()?;
    apt.source(package, SourceParts::Released, download.path())?;
    let archive = workspace::file_with(download.path(), ".orig.tar.")?;
    let unpacked = download.path().join("unpacked");
    workspace::make_dir(&unpacked)?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--file").arg(&archive).arg("--directory").arg(&unpacked);
    process::output(tar.args(["--strip-components", "1"]))?;
    keep_suite(&unpacked, partial)
}

#[cfg(test)]
mod tests {
    use super::NewerSuite;

    #[test]
    fn a_unit_says_whose_it_is() {
        let unit = NewerSuite::of("redis-8/unit/type/hash-field-expire");
        assert_eq!(unit, Some((NewerSuite::Redis8, "unit/type/hash-field-expire")));
        assert_eq!(
            NewerSuite::of("valkey-9/unit/hashexpire"),
            Some((NewerSuite::Valkey9, "unit/hashexpire"))
        );
        assert_eq!((NewerSuite::of("unit/type/hash"), NewerSuite::of("redis-8")), (None, None));
    }
}
