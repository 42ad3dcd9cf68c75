//! Frameworks whose state lives in Redis, from the registries of their languages: npm, PyPI, Debian.
//!
//! Which versions is said once: in `package-lock.json` and `requirements.txt` beside the drivers, and for Ruby and PHP by
//! the Debian release. An environment is made anew whenever that file has changed since.

use super::python::interpreter;
use super::system::{ensure_program, install_packages};
use crate::{Outcome, process, workspace};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Ruby's packages: Sidekiq brings the Redis client.
const RUBY: [&str; 1] = ["ruby-sidekiq"];
/// PHP's packages: Laravel's queues, locks and limiters, and the extension they reach Redis by.
const PHP: [&str; 5] =
    ["php-cli", "php-redis", "php-illuminate-redis", "php-illuminate-queue", "php-illuminate-cache"];

/// A language with frameworks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// JavaScript, packages from npm.
    Node,
    /// Python, packages from PyPI.
    Python,
    /// Ruby, packages from Debian.
    Ruby,
    /// PHP, packages from Debian.
    Php,
}

/// What runs a driver: an interpreter that finds its packages.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    interpreter: PathBuf,
    variables: Vec<(&'static str, PathBuf)>,
}

impl Runtime {
    /// A command that runs `driver`.
    pub(crate) fn command(&self, driver: &Path) -> Command {
        let mut command = Command::new(&self.interpreter);
        command.arg(driver).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Language {
    /// All of them, the one with the longest drivers first.
    pub(crate) const ALL: [Language; 4] = [Language::Python, Language::Node, Language::Ruby, Language::Php];

    /// The name of its folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Language::Node => "node",
            Language::Python => "python",
            Language::Ruby => "ruby",
            Language::Php => "php",
        }
    }

    /// How the names of its drivers end.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Language::Node => ".js",
            Language::Python => ".py",
            Language::Ruby => ".rb",
            Language::Php => ".php",
        }
    }

    /// The folder with its drivers.
    pub(crate) fn drivers(self) -> PathBuf {
        workspace::root().join("conformance/frameworks").join(self.folder())
    }

    /// Its interpreter and packages: there, or fetched now.
    pub(crate) fn runtime(self) -> Outcome<Runtime> {
        match self {
            Language::Node => node(&self.drivers()),
            Language::Python => python(&self.drivers()),
            Language::Ruby => debian("ruby", &RUBY),
            Language::Php => debian("php", &PHP),
        }
    }
}

fn node(drivers: &Path) -> Outcome<Runtime> {
    ensure_program("node", "nodejs")?;
    ensure_program("npm", "npm")?;
    let place = workspace::cache().join("frameworks-node");
    environment(&place, &drivers.join("package-lock.json"), || {
        println!(
            "refs: fetching the frameworks of conformance/frameworks/node/package.json from npm (a minute)"
        );
        workspace::make_dir(&place)?;
        for file in ["package.json", "package-lock.json"] {
            workspace::write(&place.join(file), &workspace::read(&drivers.join(file))?)?;
        }
        process::output_retrying(|| {
            let mut command = Command::new("npm");
            // Not `ci`: it wants the optional native parts of every platform in the lock.
            command.args(["install", "--omit=optional", "--legacy-peer-deps", "--engine-strict"]);
            command.args(["--ignore-scripts", "--no-audit", "--no-fund"]);
            command.current_dir(&place);
            command
        })?;
        Ok(())
    })?;
    let interpreter = process::find("node").ok_or("nodejs is installed but node is not found")?;
    Ok(Runtime { interpreter, variables: vec![("NODE_PATH", place.join("node_modules"))] })
}

fn python(drivers: &Path) -> Outcome<Runtime> {
    let place = workspace::cache().join("frameworks-python");
    let requirements = drivers.join("requirements.txt");
    let python = place.join("venv/bin/python");
    environment(&place, &requirements, || {
        println!(
            "refs: fetching the frameworks of conformance/frameworks/python/requirements.txt from PyPI (a minute)"
        );
        process::output(
            Command::new(interpreter()?).args(["-m", "venv", "--clear"]).arg(place.join("venv")),
        )?;
        process::output_retrying(|| {
            let mut command = Command::new(&python);
            command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
            command.arg(&requirements);
            command
        })?;
        Ok(())
    })?;
    Ok(Runtime { interpreter: python, variables: Vec::new() })
}

/// Packages of the system itself; which version is the release's.
fn debian(program: &str, packages: &[&str]) -> Outcome<Runtime> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if !missing.is_empty() {
        install_packages(&missing)?;
    }
    // Debian's own: another one that is found first would not find these packages.
    let own = Path::new("/usr/bin").join(program);
    let interpreter = Some(own)
        .filter(|path| path.is_file())
        .or_else(|| process::find(program))
        .ok_or_else(|| format!("{packages:?} are installed but {program} is not found"))?;
    Ok(Runtime { interpreter, variables: Vec::new() })
}

fn is_installed(package: &str) -> bool {
    process::output(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]))
        .is_ok_and(|status| status == "installed")
}

/// Runs `fill` unless the environment at `place` was filled for this very text of `pins`.
fn environment(place: &Path, pins: &Path, fill: impl FnOnce() -> Outcome) -> Outcome {
    let complete = place.join("complete");
    let wanted = workspace::read(pins)?;
    if workspace::read(&complete).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    // The environment is filled in its place: its scripts hold absolute paths. The mark comes last.
    if complete.exists() {
        std::fs::remove_file(&complete)
            .map_err(|error| format!("cannot remove {}: {error}", complete.display()))?;
    }
    fill()?;
    workspace::write(&complete, &wanted)
}

#[cfg(test)]
mod tests {
    use super::{Language, environment};
    use crate::workspace::{Scratch, read, root, write};

    #[test]
    fn an_environment_is_filled_once_for_each_text_of_its_pins() {
        let scratch = Scratch::new().unwrap();
        let (place, pins) = (scratch.path().join("place"), scratch.path().join("pins"));
        let mut filled = 0;
        for text in ["a==1\n", "a==1\n", "a==2\n"] {
            write(&pins, text).unwrap();
            environment(&place, &pins, || {
                filled += 1;
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(filled, 2);
        write(&pins, "a==3\n").unwrap();
        assert!(environment(&place, &pins, || Err("no network".to_owned())).is_err());
        assert!(!place.join("complete").exists());
    }

    #[test]
    fn every_python_package_has_one_exact_version() {
        let text = read(&Language::Python.drivers().join("requirements.txt")).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(!lines.is_empty() && lines.iter().all(|line| line.contains("==")), "{lines:?}");
    }

    #[test]
    fn the_lock_of_npm_names_no_registry() {
        let lock = read(&root().join("conformance/frameworks/node/package-lock.json")).unwrap();
        assert!(lock.contains("\"integrity\"") && !lock.contains("\"resolved\""));
    }
}
