//! One unit of Redis's Tcl suite against one subject, in one mode.
//!
//! Each unit runs in a copied tree and against fresh servers, because units leak configuration into one another and a
//! crash should be charged to the unit that caused it.

use super::plan::Mode;
use super::ports::PortBlock;
use super::subject::{Instance, Subject};
use super::tally::Tally;
use crate::refs::{self, NewerSuite, References, TclSuite};
use crate::workspace::{Scratch, make_dir, make_executable, read, symlink, write};
use crate::{Outcome, process};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A unit that takes longer is killed; the reference's slowest of our units takes about a minute.
const UNIT_LIMIT: Duration = Duration::from_secs(420);
/// The suite's own limit without any progress, in seconds.
const PROGRESS_LIMIT_SECONDS: &str = "120";

/// What is not run of a unit.
pub(crate) struct LeftOut {
    /// Tests by name.
    pub(crate) tests: Vec<String>,
    /// Blocks by tag.
    pub(crate) tags: Vec<String>,
}

/// Runs `unit` but for what is left out.
pub(crate) fn run_unit(
    references: &References,
    subject: &Subject,
    mode: Mode,
    unit: &str,
    left_out: &LeftOut,
) -> Outcome<Tally> {
    let newer = NewerSuite::of(unit);
    let suite = match newer {
        Some((suite, _)) => suite.tcl()?,
        None => references.tcl.clone(),
    };
    let unit = newer.map_or(unit, |(_, unit)| unit);
    let ports = PortBlock::reserve()?;
    let home = Scratch::new()?;
    make_tree(references, &suite, newer.map(|(suite, _)| suite), subject, home.path())?;
    write(&home.path().join("skips"), &left_out.tests.join("\n"))?;
    let mut instance = match mode {
        Mode::Spawn => None,
        Mode::External | Mode::SingleDb => {
            Some(Instance::start(subject, ports.server(), server_arguments(mode))?)
        }
    };
    let mut command = Command::new(&suite.tclsh);
    command.current_dir(home.path()).env("TERM", "dumb").arg("tests/test_helper.tcl");
    command.args(["--single", unit, "--durable", "--clients", "1", "--timeout", PROGRESS_LIMIT_SECONDS]);
    command.args(["--skipfile", "skips", "--baseport", &ports.tcl_base().to_string()]);
    command.args(["--portcount", &ports.tcl_count().to_string()]);
    if let Some(server) = &instance {
        command.args(["--host", "127.0.0.1", "--port", &server.port.to_string()]);
    }
    command.args(suite_arguments(mode));
    for tag in &left_out.tags {
        command.args(["--tags", &format!("-{tag}")]);
    }
    let started = Instant::now();
    let log = home.path().join("output");
    let ended = process::run_limited(command, &log, UNIT_LIMIT)?;
    let output = read(&log)?;
    let mut tally = Tally::from_tcl(&output);
    tally.seconds = started.elapsed().as_secs();
    if matches!(ended, process::Ended::TimedOut) {
        tally.problems = vec![format!(
            "killed after {} s; its output ends with\n{}",
            UNIT_LIMIT.as_secs(),
            process::tail(&output, 10)
        )];
    }
    if let Some(death) = instance.as_mut().and_then(Instance::death) {
        tally.problems.push(death);
    }
    Ok(tally)
}

fn server_arguments(mode: Mode) -> &'static [&'static str] {
    const ALL: &[&str] = &[
        "--enable-protected-configs",
        "yes",
        "--enable-debug-command",
        "yes",
        "--enable-module-command",
        "yes",
    ];
    match mode {
        Mode::External => ALL,
        Mode::Spawn | Mode::SingleDb => &[],
    }
}

fn suite_arguments(mode: Mode) -> &'static [&'static str] {
    match mode {
        // Slow tests of external mode use the server's pid, which the suite does not know there.
        Mode::External => &["--tags", "-slow"],
        Mode::Spawn => &[],
        Mode::SingleDb => &[
            "--singledb",
            "--ignore-encoding",
            "--ignore-digest",
            "--tags",
            "-slow -needs:debug -needs:repl",
        ],
    }
}

/// The suite's tree with the subject where it expects `redis-server`, and its configuration without what only its own
/// server understands.
fn make_tree(
    references: &References,
    suite: &TclSuite,
    newer: Option<NewerSuite>,
    subject: &Subject,
    home: &Path,
) -> Outcome {
    process::output(Command::new("cp").arg("-a").arg(suite.tree.join("tests")).arg(home))?;
    let bin = home.join("src");
    make_dir(&bin)?;
    let programs = newer.map_or("redis", NewerSuite::programs);
    for tool in refs::TOOLS {
        symlink(&references.redis.tools.join(tool), &bin.join(tool.replacen("redis", programs, 1)))?;
    }
    for role in ["server", "sentinel"] {
        let place = bin.join(format!("{programs}-{role}"));
        if subject.args.is_empty() {
            symlink(&subject.server, &place)?;
        } else {
            write(&place, &wrapper(subject))?;
            make_executable(&place)?;
        }
    }
    Ok(())
}

/// A script that starts the subject with its further arguments when it is given a configuration file. `exec` keeps the
/// process id, which the suite compares with the log.
fn wrapper(subject: &Subject) -> String {
    let args: String = subject.args.iter().map(|word| format!(" '{word}'")).collect();
    let server = subject.server.display();
    format!(
        "#!/bin/bash\n\
         if [ -f \"${{1-}}\" ]; then exec -a \"$0\" '{server}' \"$@\"{args}; fi\n\
         exec -a \"$0\" '{server}' \"$@\"\n"
    )
}
