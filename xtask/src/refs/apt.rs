//! A private apt: packages of a named Debian suite, without touching the system's package state.
//!
//! Mirror addresses are those of this machine's own source lists; only the suite names differ. Signatures stay
//! checked by Debian's keyring; only the age limit of Release files is waived, since frozen mirrors are fine here.

use crate::{Outcome, process, workspace};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian's archive keys lie on every Debian system.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Suites that get their security fixes like any other change.
const WITHOUT_SECURITY: [&str; 2] = ["sid", "experimental"];

/// How much of a source package is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceParts {
    /// What the authors released and Debian's changes to it.
    All,
    /// What the authors released, one archive. Mirrors keep it longest, since it outlives Debian's revisions.
    Released,
}

/// An apt configuration of its own, below the cache.
#[derive(Debug)]
pub(crate) struct Apt {
    config: PathBuf,
}

impl Apt {
    /// Writes the configuration for `suite` and fetches its indexes. With `installed_nothing` apt believes in an empty
    /// system, so that a download brings every dependency down to libc.
    pub(crate) fn open(suite: &str, installed_nothing: bool) -> Outcome<Apt> {
        Self::with_sources(suite, &sources(suite, &system_sources()?)?, installed_nothing)
    }

    /// The same for a suite whose packages need those of another one, too.
    pub(crate) fn open_beside(suite: &str, other: &str) -> Outcome<Apt> {
        let system = system_sources()?;
        Self::with_sources(suite, &format!("{}{}", sources(other, &system)?, sources(suite, &system)?), true)
    }

    /// The same for a suite of Ubuntu at `mirror`, whose signatures are checked by the keys in `keyring`.
    pub(crate) fn open_ubuntu(suite: &str, mirror: &str, keyring: &Path) -> Outcome<Apt> {
        let line = format!("deb [signed-by={}] {mirror} {suite} main universe\n", keyring.display());
        Self::with_sources(suite, &line, true)
    }

    fn with_sources(suite: &str, sources: &str, installed_nothing: bool) -> Outcome<Apt> {
        if process::find("apt-get").is_none() {
            return Err("apt-get is not here: the references come from Debian's packages".to_owned());
        }
        let home = workspace::cache().join("apt").join(suite);
        for folder in ["state/lists/partial", "cache/archives/partial", "etc"] {
            workspace::make_dir(&home.join(folder))?;
        }
        workspace::write(&home.join("etc/sources.list"), sources)?;
        workspace::write(&home.join("empty-status"), "")?;
        let status =
            if installed_nothing { home.join("empty-status") } else { "/var/lib/dpkg/status".into() };
        let config = home.join("apt.conf");
        workspace::write(&config, &configuration(&home, &status))?;
        let apt = Apt { config };
        println!("refs: reading the package index of {suite}");
        process::output_retrying(|| apt.command(&["update", "--error-on=any"]))?;
        Ok(apt)
    }

    /// Downloads `parts` of a source package into `into` (not unpacked): the newest version that the mirrors have, since
    /// they may have dropped one that their index still names.
    pub(crate) fn source(&self, package: &str, parts: SourceParts, into: &Path) -> Outcome {
        println!("refs: fetching the source package {package}");
        let newest = self.download_source(package, parts, into);
        if newest.is_ok() {
            return newest;
        }
        let listed = process::output(
            Command::new("apt-cache").env("APT_CONFIG", &self.config).args(["showsrc", package]),
        )?;
        let mut versions: Vec<&str> =
            listed.lines().filter_map(|line| line.strip_prefix("Version: ")).collect();
        versions.reverse();
        let older = versions
            .iter()
            .any(|version| self.download_source(&format!("{package}={version}"), parts, into).is_ok());
        if older { Ok(()) } else { newest }
    }

    fn download_source(&self, package: &str, parts: SourceParts, into: &Path) -> Outcome {
        process::output_retrying(|| {
            let mut command = self.command(&["source", "--only-source", "--download-only"]);
            if parts == SourceParts::Released {
                command.arg("--tar-only");
            }
            command.arg(package).current_dir(into);
            command
        })
        .map(drop)
    }

    /// Downloads packages with their dependencies and unpacks them all into `tree`.
    pub(crate) fn unpack(&self, packages: &[&str], tree: &Path) -> Outcome {
        println!("refs: fetching {} with their libraries", packages.join(", "));
        // A folder of their own: what was fetched for other packages, or earlier, does not belong into the tree.
        let archives = workspace::Scratch::new()?;
        workspace::make_dir(&archives.path().join("partial"))?;
        process::output_retrying(|| {
            let mut command =
                self.command(&["install", "--download-only", "--no-install-recommends", "--yes"]);
            command.arg("-o").arg(format!("Dir::Cache::archives={}", archives.path().display()));
            command.args(packages);
            command
        })?;
        workspace::make_dir(tree)?;
        let entries = std::fs::read_dir(archives.path())
            .map_err(|error| format!("cannot list {}: {error}", archives.path().display()))?;
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == "deb") {
                process::output(Command::new("dpkg").arg("-x").arg(&path).arg(tree))?;
            }
        }
        Ok(())
    }

    /// Downloads one package without what it depends on, and unpacks it into `tree`.
    pub(crate) fn unpack_alone(&self, package: &str, tree: &Path) -> Outcome {
        let download = workspace::Scratch::new()?;
        process::output_retrying(|| {
            let mut command = self.command(&["download", package]);
            command.current_dir(download.path());
            command
        })?;
        workspace::make_dir(tree)?;
        let file = workspace::file_with(download.path(), ".deb")?;
        process::output(Command::new("dpkg").arg("-x").arg(file).arg(tree)).map(drop)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("apt-get");
        command.env("APT_CONFIG", &self.config).args(["-q", "-o", "APT::Sandbox::User=root"]).args(words);
        command
    }
}

fn configuration(home: &Path, status: &Path) -> String {
    let home = home.display();
    format!(
        "Dir::State \"{home}/state\";\n\
         Dir::State::status \"{}\";\n\
         Dir::Cache \"{home}/cache\";\n\
         Dir::Etc::sourcelist \"{home}/etc/sources.list\";\n\
         Dir::Etc::sourceparts \"{home}/etc/none\";\n\
         Dir::Etc::preferencesparts \"{home}/etc/none\";\n\
         Acquire::Check-Valid-Until \"false\";\n\
         Acquire::Retries \"3\";\n\
         Acquire::Languages \"none\";\n\
         Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n\
         Binary::apt-get::APT::Keep-Downloaded-Packages \"true\";\n\
         DPkg::Post-Invoke {{}};\n\
         #clear DPkg::Post-Invoke;\n\
         #clear APT::Update::Post-Invoke;\n\
         #clear APT::Update::Post-Invoke-Success;\n",
        status.display()
    )
}

/// All source lists of this machine as one text.
fn system_sources() -> Outcome<String> {
    let mut text = String::new();
    let mut paths = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = std::fs::read_dir("/etc/apt/sources.list.d") {
        paths.extend(entries.filter_map(Result::ok).map(|entry| entry.path()));
    }
    for path in paths {
        let known = path.extension().is_some_and(|extension| extension == "list" || extension == "sources");
        if known && path.is_file() {
            text.push_str(&workspace::read(&path)?);
            text.push_str("\n\n");
        }
    }
    Ok(text)
}

/// The source list for `suite`: the machine's Debian mirrors, binary and source, with updates and security fixes where
/// the suite has them.
fn sources(suite: &str, system: &str) -> Outcome<String> {
    let mut lines = String::new();
    for (kind, addresses) in [("", mirrors(system, false)), ("-security", mirrors(system, true))] {
        if WITHOUT_SECURITY.contains(&suite) && kind == "-security" {
            continue;
        }
        let Some(address) = addresses.into_iter().next() else { continue };
        for word in ["deb", "deb-src"] {
            lines.push_str(&format!("{word} [signed-by={KEYRING}] {address} {suite}{kind} main\n"));
        }
    }
    if lines.is_empty() {
        return Err(
            "no Debian mirror in this machine's apt sources: the references come from there".to_owned()
        );
    }
    Ok(lines)
}

/// Mirror addresses in one-line and deb822 source lists: those of the main archive, or of the security archive.
fn mirrors(text: &str, security: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut consider = |address: &str| {
        let path = address.trim_end_matches('/');
        let wanted = if security { "/debian-security" } else { "/debian" };
        if path.contains("://") && path.ends_with(wanted) && !found.iter().any(|known| known == path) {
            found.push(path.to_owned());
        }
    };
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if line.starts_with("deb ") || line.starts_with("deb-src ") || line.starts_with("URIs:") {
            line.split_whitespace().for_each(&mut consider);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{mirrors, sources};

    const DEB822: &str = "Types: deb\n# URIs: http://old.example/debian\nURIs: http://m.example/debian\nSuites: x\n\n\
                          Types: deb\nURIs: http://m.example/debian-security/\nSuites: x-security\n";
    const ONE_LINE: &str =
        "deb [arch=amd64] https://n.example/debian x main\ndeb http://other.example/ubuntu y main\n";

    #[test]
    fn mirrors_are_found_in_both_formats_and_comments_are_not() {
        assert_eq!(mirrors(DEB822, false), ["http://m.example/debian"]);
        assert_eq!(mirrors(DEB822, true), ["http://m.example/debian-security"]);
        assert_eq!(mirrors(ONE_LINE, false), ["https://n.example/debian"]);
        assert!(mirrors(ONE_LINE, true).is_empty());
    }

    #[test]
    fn sid_has_no_security_archive_and_no_mirror_is_an_error() {
        let sid = sources("sid", DEB822).unwrap();
        assert!(
            sid.contains("deb-src ")
                && sid.contains("m.example/debian sid main")
                && !sid.contains("security")
        );
        assert!(sources("bookworm", DEB822).unwrap().contains("bookworm-security main"));
        assert!(sources("bookworm", "deb http://other.example/ubuntu y main").is_err());
    }
}
