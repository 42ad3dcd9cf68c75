//! The one test command: everything this repository promises, checked from a fresh clone.
//!
//! Parts run one after the other, the long ones two units at a time; a part that cannot run counts as failed and the
//! next one still runs. What is left out anywhere is printed by the part that leaves it out.

use crate::args::Args;
use crate::bench::cargo;
use crate::conformance::{self, Instance, PortBlock, Subject};
use crate::refs::{self, REDIS_VERSION, References};
use crate::summary::{Part, Summary};
use crate::workspace::{read, root, server};
use crate::{Outcome, process};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The test runner, and the version that is installed when it is missing.
const NEXTEST: &str = "0.9.143";
/// A run of one example ends within this.
const EXAMPLE_LIMIT: Duration = Duration::from_secs(120);

/// The differential runs: arguments of the runner and of the server, and their names.
const DIFFERENTIAL: [(&str, &str, &str); 2] = [
    ("differential, RESP2, one shard", "2", "--shards 1 --threads 1"),
    ("differential, RESP3, 64 shards", "3", "--shards 64 --threads 4"),
];
/// Commands per differential run, over all families.
const DIFFERENTIAL_COMMANDS: &str = "200000";

/// `cargo xtask test`.
pub(crate) fn run(args: &Args) -> Outcome {
    let started = Instant::now();
    let mut summary = Summary::default();
    if args.has("quick") {
        println!("xtask test --quick: unit tests and documentation tests only");
        unit_tests(&mut summary);
        return summary.close();
    }
    announce();
    let references = refs::for_tests();
    unit_tests(&mut summary);
    match (references, build()) {
        (Ok(references), Ok(())) => against_the_server(&references, &mut summary),
        (references, built) => {
            let errors = [references.err(), built.err()];
            for error in errors.iter().flatten() {
                summary.add(Part::broken("reference suites, differential runs, examples", error));
            }
        }
    }
    println!("\n{} minutes", started.elapsed().as_secs() / 60);
    summary.close()
}

fn announce() {
    println!(
        "xtask test, in this order:\n  \
         1. the references: Redis {REDIS_VERSION} with its Tcl suite, redis-py with its tests (fetched when missing)\n  \
         2. unit tests and documentation tests of every crate\n  \
         3. a release build of the server and of the differential runner\n  \
         4. the reference suites against the server, compared with conformance/ledger\n  \
         5. generated commands to the server and to Redis, replies compared\n  \
         6. the programs in examples/, with redis-py, against the server"
    );
}

fn against_the_server(references: &References, summary: &mut Summary) {
    let subject = Subject { server: server(), args: Vec::new(), is_reference: false };
    match conformance::run_everything(references, &subject) {
        Ok(parts) => parts.into_iter().for_each(|part| summary.add(part)),
        Err(error) => summary.add(Part::broken("reference suites", &error)),
    }
    for (name, protocol, server_args) in DIFFERENTIAL {
        summary.add_outcome(name, differential(references, name, protocol, server_args));
    }
    summary.add_outcome("examples", examples(references, &subject));
}

fn unit_tests(summary: &mut Summary) {
    summary.add_outcome("unit tests", nextest());
    summary.add_outcome("documentation tests", doc_tests());
}

/// Runs every unit test; the counts come from nextest's own closing line.
fn nextest() -> Outcome<Part> {
    if process::output(cargo().args(["nextest", "--version"])).is_err() {
        println!("cargo-nextest is missing: installing {NEXTEST}");
        process::run(cargo().args(["install", "--locked", "cargo-nextest", "--version", NEXTEST]))?;
    }
    let (output, succeeded) = transcript(cargo().args([
        "nextest",
        "run",
        "--workspace",
        "--color",
        "never",
        "--no-tests",
        "fail",
    ]))?;
    counted("unit tests", nextest_counts(&output), succeeded)
}

fn doc_tests() -> Outcome<Part> {
    let (output, succeeded) = transcript(cargo().args(["test", "--doc", "--workspace", "--color", "never"]))?;
    counted("documentation tests", doc_test_counts(&output), succeeded)
}

/// Runs a command, showing and keeping all it says.
fn transcript(command: &mut Command) -> Outcome<(String, bool)> {
    let done = command.output().map_err(|error| format!("cannot start cargo: {error}"))?;
    let output =
        format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    print!("{output}");
    Ok((output, done.status.success()))
}

/// A part from counts; a failing command with no failing test still is a failure.
fn counted(name: &str, (passed, failed): (usize, usize), succeeded: bool) -> Outcome<Part> {
    let failed = if succeeded { failed } else { failed.max(1) };
    Ok(Part { name: name.to_owned(), passed, failed, excused: 0 })
}

/// Reads `Summary [ 1.2s] 10 tests run: 8 passed (1 slow), 1 failed, 1 timed out, 3 skipped`; a skipped test counts
/// as failed here, since nothing in this repository skips one.
fn nextest_counts(output: &str) -> (usize, usize) {
    let Some(line) = output.lines().rfind(|line| line.trim_start().starts_with("Summary [")) else {
        return (0, 1);
    };
    let counts = line.split_once("run:").map_or("", |(_, counts)| counts);
    let mut passed = 0;
    let mut failed = 0;
    for part in counts.split(',') {
        let mut words = part.split_whitespace();
        let count = words.next().and_then(|word| word.parse::<usize>().ok()).unwrap_or(0);
        match words.next() {
            Some("passed") => passed += count,
            Some(_) => failed += count,
            None => {}
        }
    }
    (passed, failed)
}

/// Sums `test result: ok. 3 passed; 0 failed; ...` over all crates.
fn doc_test_counts(output: &str) -> (usize, usize) {
    let count = |line: &str, word: &str| -> usize {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|candidate| candidate.trim_end_matches(';') == word);
        at.and_then(|at| words.get(at.checked_sub(1)?)?.parse().ok()).unwrap_or(0)
    };
    output.lines().filter(|line| line.starts_with("test result:")).fold((0, 0), |(passed, failed), line| {
        (passed + count(line, "passed"), failed + count(line, "failed"))
    })
}

fn build() -> Outcome {
    process::run(cargo().args(["build", "--release", "-p", "spinel-server", "-p", "spinel-oracle"]))
}

/// One differential run; each family of commands counts as one test.
fn differential(references: &References, name: &str, protocol: &str, server_args: &str) -> Outcome<Part> {
    println!("\n{name}: {DIFFERENTIAL_COMMANDS} commands");
    let runner = server().with_file_name("spinel-differential");
    let mut command = Command::new(runner);
    command.arg("--reference").arg(&references.redis.server).arg("--subject").arg(server());
    command.args(["--commands", DIFFERENTIAL_COMMANDS, "--resp", protocol, "--server-args", server_args]);
    let (output, succeeded) = transcript(&mut command)?;
    let count = |word: &str| output.lines().filter(|line| line.starts_with(word)).count();
    counted(name, (count("equal "), count("different ")), succeeded)
}

/// Runs every program in `examples/` against a server of its own.
fn examples(references: &References, subject: &Subject) -> Outcome<Part> {
    let folder = root().join("examples");
    let entries =
        std::fs::read_dir(&folder).map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut programs: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    programs.retain(|path| path.extension().is_some_and(|extension| extension == "py"));
    programs.sort();
    if programs.is_empty() {
        return Err("there is no program in examples/".to_owned());
    }
    let mut part = Part { name: "examples".to_owned(), passed: 0, failed: 0, excused: 0 };
    for program in programs {
        match example(references, subject, &program) {
            Ok(()) => part.passed += 1,
            Err(error) => {
                println!("{}: {error}", program.display());
                part.failed += 1;
            }
        }
    }
    Ok(part)
}

/// Runs one example; it finds the server in `REDIS_URL`.
fn example(references: &References, subject: &Subject, program: &Path) -> Outcome {
    let ports = PortBlock::reserve()?;
    let instance = Instance::start(subject, ports.server(), &[])?;
    let log = instance.home().join("example");
    let mut command = Command::new(&references.redis_py.python);
    command.arg(program).env("REDIS_URL", format!("redis://127.0.0.1:{}/0", instance.port));
    command.env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", instance.port.to_string());
    match process::run_limited(command, &log, EXAMPLE_LIMIT)? {
        process::Ended::Exit(status) if status.success() => Ok(()),
        ended => Err(format!("{ended:?}\n{}", process::tail(&read(&log)?, 20))),
    }
}

#[cfg(test)]
mod tests {
    use super::{doc_test_counts, nextest_counts};

    #[test]
    fn nextest_counts_every_test_that_did_not_pass_as_failed() {
        let line =
            "x\n     Summary [   1.234s] 10 tests run: 7 passed (1 slow), 1 failed, 2 timed out, 3 skipped\n";
        assert_eq!(nextest_counts(line), (7, 6));
        assert_eq!(nextest_counts("     Summary [   0.1s] 2 tests run: 2 passed, 0 skipped\n"), (2, 0));
        assert_eq!(nextest_counts("error: could not compile"), (0, 1));
    }

    #[test]
    fn documentation_tests_are_summed_over_crates() {
        let text = "test result: ok. 3 passed; 0 failed; 0 ignored\ntest result: FAILED. 1 passed; 2 failed; 0 ignored\n";
        assert_eq!(doc_test_counts(text), (4, 2));
    }
}
