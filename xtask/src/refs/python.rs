//! redis-py: its source distribution, whose test folder is the acceptance test of a client, and an environment for it.
//!
//! The environment also holds redis-py itself, installed from the same source, for the programs in `examples/`.

use super::install;
use super::system::install_package;
use crate::{Outcome, process, workspace};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The one version of redis-py; ledgers hold its numbers.
pub(crate) const REDIS_PY_VERSION: &str = "8.1.0";
/// Interpreters tried, in this order; redis-py asks for 3.10 at least.
const INTERPRETERS: [&str; 6] =
    ["python3", "python3.11", "python3.12", "python3.13", "python3.10", "python3.14"];

/// The suite and its environment.
#[derive(Debug, Clone)]
pub(crate) struct RedisPy {
    /// The unpacked source distribution, which holds `tests/`.
    pub(crate) tree: PathBuf,
    /// The environment's interpreter.
    pub(crate) python: PathBuf,
}

/// The suite: cached, or fetched now.
pub(crate) fn suite() -> Outcome<RedisPy> {
    let home = workspace::cache().join(format!("redis-py-{REDIS_PY_VERSION}"));
    let tree = home.join(format!("redis-{REDIS_PY_VERSION}"));
    let environment = home.join("venv");
    let found = RedisPy { tree: tree.clone(), python: environment.join("bin/python") };
    let complete = home.join("complete");
    if complete.exists() && found.python.exists() {
        return Ok(found);
    }
    println!("refs: creating the Python environment of redis-py {REDIS_PY_VERSION} (a minute or two)");
    // The environment is made in its place: its scripts hold absolute paths.
    process::output(Command::new(interpreter()?).args(["-m", "venv", "--clear"]).arg(&environment))?;
    if !tree.join("tests/conftest.py").exists() {
        install(&tree, |partial| fetch_source(&found.python, partial))?;
    }
    process::output_retrying(|| {
        let mut command = Command::new(&found.python);
        command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        command.arg(tree.join("dev_requirements.txt")).arg(&tree);
        command
    })?;
    let version =
        process::output(Command::new(&found.python).args(["-c", "import redis; print(redis.__version__)"]))?;
    if version.trim() != REDIS_PY_VERSION {
        return Err(format!("the environment holds redis-py {}, not {REDIS_PY_VERSION}", version.trim()));
    }
    workspace::write(&complete, "")?;
    Ok(found)
}

/// `pip` is that of the environment: the system need not have one.
fn fetch_source(python: &Path, partial: &Path) -> Outcome {
    println!("refs: fetching redis-py {REDIS_PY_VERSION}");
    let download = workspace::Scratch::new()?;
    process::output_retrying(|| {
        let mut command = Command::new(python);
        command.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        command.args(["--no-binary", ":all:", &format!("redis=={REDIS_PY_VERSION}"), "--dest"]);
        command.arg(download.path());
        command
    })?;
    let archive = download.path().join(format!("redis-{REDIS_PY_VERSION}.tar.gz"));
    process::output(
        Command::new("tar").arg("-xzf").arg(archive).args(["--strip-components", "1", "-C"]).arg(partial),
    )?;
    Ok(())
}

/// An interpreter that can make an environment; Debian's, installed now, if there is none.
pub(super) fn interpreter() -> Outcome<PathBuf> {
    if let Some(found) = find_interpreter() {
        return Ok(found);
    }
    install_package("python3-venv")?;
    find_interpreter()
        .ok_or_else(|| "python3-venv is installed but is not of Python 3.10 or later".to_owned())
}

fn find_interpreter() -> Option<PathBuf> {
    let probe = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    INTERPRETERS
        .iter()
        .filter_map(|name| process::find(name))
        .find(|path| process::output(Command::new(path).args(["-c", probe])).is_ok())
}
