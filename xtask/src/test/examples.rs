//! The programs in `examples/`: real uses with an unchanged redis-py, each against a fresh server.
//!
//! A program finds the server in `REDIS_URL` (and `REDIS_HOST`, `REDIS_PORT`), checks itself and ends with success.

use crate::conformance::{Instance, PortBlock, Subject};
use crate::refs::References;
use crate::summary::Part;
use crate::workspace::{read, root};
use crate::{Outcome, process};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A run of one program ends within this.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs all of them; none at all is an error.
pub(super) fn run(references: &References, subject: &Subject) -> Outcome<Part> {
    let mut part = Part { name: "examples".to_owned(), passed: 0, failed: 0, excused: 0 };
    for program in programs()? {
        match run_one(references, subject, &program) {
            Ok(()) => part.passed += 1,
            Err(error) => {
                println!("{}: {error}", program.display());
                part.failed += 1;
            }
        }
    }
    if part.passed + part.failed == 0 { Err("there is no program in examples/".to_owned()) } else { Ok(part) }
}

fn programs() -> Outcome<Vec<PathBuf>> {
    let folder = root().join("examples");
    let entries =
        std::fs::read_dir(&folder).map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut programs: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    // A name that begins with `_` is a part of others.
    let is_program = |name: &str| name.ends_with(".py") && !name.starts_with('_');
    programs.retain(|path| path.file_name().is_some_and(|name| is_program(&name.to_string_lossy())));
    programs.sort();
    Ok(programs)
}

fn run_one(references: &References, subject: &Subject, program: &Path) -> Outcome {
    let ports = PortBlock::reserve()?;
    let instance = Instance::start(subject, ports.server(), &[])?;
    let log = instance.home().join("example");
    let mut command = Command::new(&references.redis_py.python);
    command.arg(program).env("REDIS_URL", format!("redis://127.0.0.1:{}/0", instance.port));
    command.env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", instance.port.to_string());
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    match process::run_limited(command, &log, LIMIT)? {
        process::Ended::Exit(status) if status.success() => Ok(()),
        ended => Err(format!("{ended:?}\n{}", process::tail(&read(&log)?, 20))),
    }
}
