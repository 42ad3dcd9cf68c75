//! The reference suites against one server: Redis's Tcl suite unit by unit, redis-py's own tests, and frameworks at work.
//!
//! `plan` says what runs where, `tcl`, `redis_py` and `frameworks` run it, `tally` is what came out, `ledger` what was expected to
//! come out. A run differing from its ledger is repeated once by itself when all else is done, since some tests of the
//! suites measure time; the second run counts, and is said to be one.

mod frameworks;
mod jobs;
mod ledger;
mod plan;
mod ports;
mod redis_py;
mod subject;
mod tally;
mod tcl;

use crate::args::Args;
use crate::refs::{self, Language, References};
use crate::summary::{Part, Summary};
use crate::{Outcome, workspace};
use jobs::Job;
use ledger::Ledger;
use plan::Mode;
use redis_py::Protocol;
use tally::Tally;

pub(crate) use ports::PortBlock;
pub(crate) use subject::{Instance, Subject};

/// Options of the verb that take values.
pub(crate) const VALUES: &[&str] =
    &["server", "server-args", "mode", "unit", "protocol", "jobs", "excuse", "matching"];
/// Options of the verb that do not.
pub(crate) const SWITCHES: &[&str] = &["redis-py", "frameworks", "update"];

/// How ledgers may change in a run.
#[derive(Debug, Clone, Copy)]
enum Ledgers<'a> {
    /// They are compared only.
    Compare,
    /// They are written; new failures get the excuse, when their name contains the text.
    Update { excuse: Option<&'a str>, matching: &'a str },
}

/// `cargo xtask conformance`.
pub(crate) fn run(args: &Args) -> Outcome {
    let refs = refs::for_tests()?;
    let subject = subject(args, &refs)?;
    let jobs = selected_jobs(args)?;
    let parallel = match args.value("jobs") {
        Some(count) => count.parse().map_err(|_| format!("not a number of jobs: {count}"))?,
        None => 2,
    };
    let ledgers = if args.has("update") {
        Ledgers::Update { excuse: args.value("excuse"), matching: args.value("matching").unwrap_or_default() }
    } else {
        Ledgers::Compare
    };
    let mut summary = Summary::default();
    run_jobs(&refs, &subject, jobs, parallel, ledgers).into_iter().for_each(|part| summary.add(part));
    summary.close()
}

/// Everything the plan lists, in every mode, and redis-py's suite in both protocols: the part of `cargo xtask test`.
pub(crate) fn run_everything(refs: &References, subject: &Subject) -> Outcome<Vec<Part>> {
    // The long ones first: one of the two at a time stands beside the units.
    let mut jobs = Protocol::ALL.map(Job::RedisPy).to_vec();
    jobs.extend(planned(Mode::Spawn)?);
    jobs.extend(planned(Mode::External)?);
    Ok(run_jobs(refs, subject, jobs, 2, Ledgers::Compare))
}

/// The drivers of all frameworks; a language whose packages cannot be had is a failed part.
pub(crate) fn run_frameworks(refs: &References, subject: &Subject) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut jobs = Vec::new();
    for language in Language::ALL {
        match frameworks::drivers(language) {
            Ok(drivers) => jobs.extend(drivers.into_iter().map(Job::Framework)),
            Err(error) => {
                parts.push(Part::broken(&format!("{} {}", frameworks::SUITE, language.folder()), &error));
            }
        }
    }
    parts.extend(run_jobs(refs, subject, jobs, 2, Ledgers::Compare));
    parts
}

fn subject(args: &Args, refs: &References) -> Outcome<Subject> {
    let is_reference = args.value("server") == Some("reference");
    let server = match args.value("server") {
        Some("reference") => refs.redis.server.clone(),
        Some(path) => std::path::absolute(path).map_err(|error| format!("not a path: {path}: {error}"))?,
        None => workspace::server(),
    };
    if !server.is_file() {
        return Err(format!("there is no server at {}: build it first, or name one", server.display()));
    }
    let args = args.value("server-args").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    Ok(Subject { server, args, is_reference })
}

fn selected_jobs(args: &Args) -> Outcome<Vec<Job>> {
    if args.has("redis-py") {
        let protocols = match args.value("protocol") {
            Some(number) => vec![Protocol::parse(number)?],
            None => Protocol::ALL.to_vec(),
        };
        return Ok(protocols.into_iter().map(Job::RedisPy).collect());
    }
    if args.has("frameworks") {
        return selected_frameworks(args.all("unit"));
    }
    let modes = match args.value("mode") {
        Some("all") => Mode::ALL.to_vec(),
        Some(name) => vec![Mode::parse(name)?],
        None => vec![Mode::External],
    };
    let mut jobs = Vec::new();
    for mode in modes {
        match args.all("unit") {
            [] => jobs.extend(planned(mode)?),
            units => jobs.extend(units.iter().map(|unit| Job::Tcl { mode, unit: unit.clone() })),
        }
    }
    Ok(jobs)
}

/// The drivers of these names, or all; only what they need is fetched.
fn selected_frameworks(names: &[String]) -> Outcome<Vec<Job>> {
    let mut jobs = Vec::new();
    for language in Language::ALL {
        let prefix = format!("{}/", language.folder());
        if !names.is_empty() && !names.iter().any(|name| name.starts_with(&prefix)) {
            continue;
        }
        let drivers = frameworks::drivers(language)?.into_iter();
        jobs.extend(
            drivers.filter(|driver| names.is_empty() || names.contains(&driver.name)).map(Job::Framework),
        );
    }
    if jobs.is_empty() { Err(format!("no driver is called {}", names.join(" or "))) } else { Ok(jobs) }
}

fn planned(mode: Mode) -> Outcome<Vec<Job>> {
    let plan = plan::parse(&workspace::read(&workspace::root().join("conformance/units.txt"))?)?;
    let units = plan.into_iter().filter(|unit| unit.modes.contains(&mode));
    Ok(units.map(|unit| Job::Tcl { mode, unit: unit.name }).collect())
}

fn run_jobs(
    refs: &References,
    subject: &Subject,
    jobs: Vec<Job>,
    parallel: usize,
    ledgers: Ledgers<'_>,
) -> Vec<Part> {
    // The suites would wait minutes for each server that does not start.
    if let Err(error) = PortBlock::reserve().and_then(|ports| Instance::start(subject, ports.server(), &[])) {
        return vec![Part::broken("reference suites", &error)];
    }
    // One after the other; what cannot be had is told by the units that need it.
    for suite in jobs.iter().filter_map(Job::newer_suite) {
        let _ = suite.tcl();
    }
    let mut parts = Vec::new();
    let mut again = Vec::new();
    jobs::in_parallel(refs, subject, jobs, parallel, |job, outcome| {
        match judge(&job, outcome, subject, ledgers) {
            Ok(part) => parts.push(part),
            Err(said) => {
                said.print(&job);
                again.push((job, said.part));
            }
        }
    });
    if matches!(ledgers, Ledgers::Update { .. }) {
        parts.extend(again.into_iter().map(|(_, part)| part));
        return parts;
    }
    for (job, _) in again {
        println!("{}: again, by itself", job.name());
        let outcome = job.run(refs, subject);
        match judge(&job, outcome, subject, ledgers) {
            Ok(part) => {
                println!("{}: as recorded in the second run", job.name());
                parts.push(part);
            }
            Err(second) => {
                second.print(&job);
                parts.push(second.part);
            }
        }
    }
    parts
}

/// A run that was not as recorded.
struct Differences {
    part: Part,
    sentences: Vec<String>,
}

impl Differences {
    fn print(&self, job: &Job) {
        println!("{}: not as recorded", job.name());
        for sentence in &self.sentences {
            println!("    {sentence}");
        }
    }
}

fn judge(
    job: &Job,
    outcome: Outcome<Tally>,
    subject: &Subject,
    ledgers: Ledgers<'_>,
) -> Result<Part, Differences> {
    let broken = |sentence: String| Differences {
        part: Part { name: job.name(), passed: 0, failed: 1, excused: 0 },
        sentences: vec![sentence],
    };
    let tally = outcome.map_err(broken)?;
    let (suite, unit) = job.ledger();
    let known = Ledger::load(&suite, &unit).map_err(broken)?;
    let sentences = match ledgers {
        Ledgers::Update { excuse, matching } => {
            let mut ledger = known.unwrap_or_default();
            let left = record(&mut ledger, &tally, subject, excuse, matching);
            ledger.store(&suite, &unit).map_err(broken)?;
            left
        }
        Ledgers::Compare if subject.is_reference => reference_differences(known.as_ref(), &tally),
        Ledgers::Compare => match &known {
            Some(ledger) => ledger.differences(&tally),
            None => vec![format!("no ledger for {}: run with --server reference --update", job.name())],
        },
    };
    let excused = if subject.is_reference {
        tally.failed.len()
    } else {
        Ledger::load(&suite, &unit).ok().flatten().map_or(0, |ledger| ledger.excused())
    };
    let part = Part { name: job.name(), passed: tally.passed, failed: sentences.len(), excused };
    println!(
        "{:<44} {:>5} passed, {} excused, {} left out by the suite, {} s",
        part.name, part.passed, part.excused, tally.ignored, tally.seconds
    );
    if sentences.is_empty() { Ok(part) } else { Err(Differences { part, sentences }) }
}

/// Writes a run into the ledger; what the answer lists stays unexcused.
fn record(
    ledger: &mut Ledger,
    tally: &Tally,
    subject: &Subject,
    excuse: Option<&str>,
    matching: &str,
) -> Vec<String> {
    if !tally.problems.is_empty() {
        return tally.problems.clone();
    }
    if subject.is_reference {
        let is_new = *ledger == Ledger::default();
        ledger.reference = tally.passed;
        if is_new {
            ledger.passed = tally.passed;
        }
        return Vec::new();
    }
    ledger.update(tally, excuse, matching)
}

/// What the reference must show against its own recorded count. Its failures are about versions and ports that a suite
/// expects; they are shown as excused, and listed in the conformance README.
fn reference_differences(known: Option<&Ledger>, tally: &Tally) -> Vec<String> {
    let mut said = tally.problems.clone();
    match known {
        Some(ledger) if ledger.reference != tally.passed => {
            said.push(format!("{} passed, recorded are {}", tally.passed, ledger.reference));
            said.extend(tally.failed.iter().map(|(name, detail)| format!("fails: {name}: {detail}")));
        }
        Some(_) => {}
        None => said.push("no ledger: record it with --update".to_owned()),
    }
    said
}
