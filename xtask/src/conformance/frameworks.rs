//! Frameworks that keep their state in Redis: one driver program for each, in `conformance/frameworks`.
//!
//! A driver finds a server in `REDIS_URL`, `REDIS_HOST` and `REDIS_PORT` and a directory of its own in `SCRATCH`, lets its
//! framework do what people do with it, and prints what it has seen in the lines of the Test Anything Protocol. It is run
//! against Redis first: a driver that does not pass there proves nothing.

use super::ledger::Ledger;
use super::ports::PortBlock;
use super::subject::{Instance, Subject};
use super::tally::Tally;
use crate::refs::{Language, Redis, Runtime};
use crate::workspace::{make_dir, read};
use crate::{Outcome, process};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The suite's name in ledgers and reports.
pub(crate) const SUITE: &str = "frameworks";
/// A driver ends within this; the longest takes half a minute on a machine that is not busy.
const LIMIT: Duration = Duration::from_secs(300);

/// A driver and what runs it.
#[derive(Debug, Clone)]
pub(crate) struct Driver {
    /// `LANGUAGE/NAME`, also the name of its ledger.
    pub(crate) name: String,
    program: PathBuf,
    runtime: Runtime,
}

/// The drivers in one language; its interpreter and packages are fetched when they are missing.
pub(crate) fn drivers(language: Language) -> Outcome<Vec<Driver>> {
    let folder = language.drivers();
    let entries =
        std::fs::read_dir(&folder).map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut programs: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    programs.sort();
    let runtime = language.runtime()?;
    let drivers = programs.into_iter().filter_map(|program| {
        let file = program.file_name()?.to_string_lossy().into_owned();
        // A name that begins with `_` is a part of others.
        let name = file.strip_suffix(language.ending()).filter(|name| !name.starts_with('_'))?;
        Some(Driver { name: format!("{}/{name}", language.folder()), program, runtime: runtime.clone() })
    });
    Ok(drivers.collect())
}

/// Runs a driver against the reference, which has to pass what the ledger says, and then against the subject.
pub(crate) fn run(driver: &Driver, redis: &Redis, subject: &Subject) -> Outcome<Tally> {
    if subject.is_reference {
        return run_once(driver, subject);
    }
    let reference = Subject { server: redis.server.clone(), args: Vec::new(), is_reference: true };
    let mut said = run_once(driver, &reference)?;
    let known = Ledger::load(SUITE, &driver.name)?.map_or(0, |ledger| ledger.reference);
    let failures = said.failed.iter().map(|(name, detail)| format!("{name}\n{detail}"));
    said.problems.extend(failures);
    if said.passed != known {
        said.problems.push(format!("{} passed, recorded are {known}", said.passed));
    }
    if !said.problems.is_empty() {
        return Err(format!("the driver does not pass against Redis itself: {}", said.problems.join("\n")));
    }
    let mut tally = run_once(driver, subject)?;
    println!("{SUITE} {}: {} s with Redis, {} s here", driver.name, said.seconds, tally.seconds);
    tally.seconds += said.seconds;
    Ok(tally)
}

fn run_once(driver: &Driver, subject: &Subject) -> Outcome<Tally> {
    let ports = PortBlock::reserve()?;
    let mut instance = Instance::start(subject, ports.server(), &[])?;
    let scratch = instance.home().join("driver");
    make_dir(&scratch)?;
    let mut command = driver.runtime.command(&driver.program);
    command.env("REDIS_URL", format!("redis://127.0.0.1:{}/0", instance.port)).env("REDIS_HOST", "127.0.0.1");
    command.env("REDIS_PORT", instance.port.to_string()).env("SCRATCH", &scratch);
    command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&scratch);
    let log = instance.home().join("output");
    let started = Instant::now();
    let ended = process::run_limited(command, &log, LIMIT)?;
    let output = read(&log)?;
    let mut tally = parse(&output);
    tally.seconds = started.elapsed().as_secs();
    match ended {
        process::Ended::Exit(status) if status.success() => {}
        // A failed check makes a driver fail: that is said already.
        process::Ended::Exit(_) if !tally.failed.is_empty() => {}
        ended => tally.problems.push(format!("the driver: {ended:?}")),
    }
    if !tally.problems.is_empty() {
        tally.problems.push(process::tail(&output, 40));
    }
    tally.problems.extend(instance.death());
    Ok(tally)
}

/// Reads `ok - NAME`, `not ok - NAME` with `# DETAIL` below, and in the end `1..COUNT`; all else is chatter.
fn parse(output: &str) -> Tally {
    let mut tally = Tally::default();
    let mut announced = None;
    let mut detail_open = false;
    for line in output.lines() {
        if let (true, Some(detail), Some((_, details))) =
            (detail_open, line.strip_prefix("# "), tally.failed.last_mut())
        {
            details.push_str(detail);
            details.push('\n');
            continue;
        }
        detail_open = false;
        if line.starts_with("ok - ") {
            tally.passed += 1;
        } else if let Some(name) = line.strip_prefix("not ok - ") {
            tally.failed.push((name.to_owned(), String::new()));
            detail_open = true;
        } else if let Some(count) = line.strip_prefix("1..").and_then(|count| count.parse().ok()) {
            announced = Some(count);
        }
    }
    if announced != Some(tally.passed + tally.failed.len()) {
        tally.problems.push("the driver ended before its end".to_owned());
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn checks_are_counted_and_chatter_is_not() {
        let tally =
            parse("noise\nok - a\nnot ok - b c\n# because\n# at line 3\nok. fine\n# noise\nok - d\n1..3\n");
        assert_eq!(tally.passed, 2);
        assert_eq!(tally.failed, [("b c".to_owned(), "because\nat line 3\n".to_owned())]);
        assert!(tally.problems.is_empty());
    }

    #[test]
    fn a_driver_that_does_not_reach_its_last_line_is_a_problem() {
        assert_eq!(parse("ok - a\n").problems.len(), 1);
        assert_eq!(parse("ok - a\n1..2\n").problems.len(), 1);
    }
}
