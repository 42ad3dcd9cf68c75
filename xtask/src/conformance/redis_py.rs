//! redis-py's own suite against one server, one protocol at a time.
//!
//! Which tests apply is decided by the suite itself, from the version that the server claims; markers and folders left
//! out here need servers of another kind (clusters, sentinels in containers, modules, TLS, cloud accounts).

use super::ports::PortBlock;
use super::subject::{Instance, Subject};
use super::tally::Tally;
use crate::refs::RedisPy;
use crate::workspace::{Scratch, read, root};
use crate::{Outcome, process};
use std::process::Command;
use std::time::{Duration, Instant};

/// The whole suite takes about seven minutes on the reference.
const LIMIT: Duration = Duration::from_secs(2400);

const MARKERS: &str = "not onlycluster and not ssl and not replica and not redismod and not cp_integration \
                       and not multidb_integration";

/// Files and folders that need another kind of server.
const LEFT_OUT: [&str; 12] = [
    "tests/test_scenario",
    "tests/test_multidb",
    "tests/test_observability",
    "tests/test_auth",
    "tests/maint_notifications",
    "tests/test_ssl.py",
    "tests/test_asyncio/test_scenario",
    "tests/test_asyncio/test_multidb",
    "tests/test_asyncio/test_observability",
    "tests/test_asyncio/test_auth",
    "tests/test_asyncio/maint_notifications",
    "tests/test_asyncio/test_ssl.py",
];

/// A wire protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// RESP2.
    Two,
    /// RESP3.
    Three,
}

impl Protocol {
    /// Both.
    pub(crate) const ALL: [Protocol; 2] = [Protocol::Two, Protocol::Three];

    /// The protocol of that number.
    pub(crate) fn parse(number: &str) -> Outcome<Protocol> {
        match number {
            "2" => Ok(Protocol::Two),
            "3" => Ok(Protocol::Three),
            other => Err(format!("unknown protocol '{other}': 2 or 3")),
        }
    }

    /// The name of its ledger.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Protocol::Two => "resp2",
            Protocol::Three => "resp3",
        }
    }

    fn number(self) -> &'static str {
        match self {
            Protocol::Two => "2",
            Protocol::Three => "3",
        }
    }
}

/// Runs the suite; never twice at a time, for some of its tests listen on ports written into them.
pub(crate) fn run(suite: &RedisPy, subject: &Subject, protocol: Protocol) -> Outcome<Tally> {
    say_what_is_left_out()?;
    let ports = PortBlock::reserve()?;
    let home = Scratch::new()?;
    let arguments = ["--enable-debug-command", "yes", "--enable-module-command", "yes"];
    let mut instance = Instance::start(subject, ports.server(), &arguments)?;
    let url = format!("redis://127.0.0.1:{}/0", instance.port);
    let outcomes = home.path().join("outcomes");
    let mut command = Command::new(&suite.python);
    command.current_dir(&suite.tree).env("PYTHONPATH", root().join("conformance"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("SPINEL_OUTCOMES", &outcomes);
    command.args(["-m", "pytest", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider"]);
    command.args(["-p", "pytest_outcomes", "-m", MARKERS]);
    command.args([format!("--protocol={}", protocol.number()), format!("--redis-url={url}")]);
    command.arg(format!("--redis-mod-url={url}"));
    command.args(LEFT_OUT.iter().map(|path| format!("--ignore={path}"))).arg("tests");
    let started = Instant::now();
    let log = home.path().join("output");
    let ended = process::run_limited(command, &log, LIMIT)?;
    let mut tally = parse(&read(&outcomes).unwrap_or_default());
    tally.seconds = started.elapsed().as_secs();
    let whole = tally.passed + tally.failed.len() > 0;
    if matches!(ended, process::Ended::TimedOut) || !whole {
        let output = read(&log)?;
        tally.problems.push(format!("the suite did not finish:\n{}", process::tail(&output, 20)));
    }
    tally.problems.extend(instance.death());
    Ok(tally)
}

/// Says how many single tests the plugin leaves out, and that each has a reason.
fn say_what_is_left_out() -> Outcome {
    let names = parse_left_out(&read(&root().join("conformance/redis-py.txt"))?)?;
    println!("redis-py: {} tests are left out, conformance/redis-py.txt says why", names.len());
    Ok(())
}

fn parse_left_out(text: &str) -> Outcome<Vec<String>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| match line.split_once(" | ") {
            Some((name, reason)) if !reason.trim().is_empty() => Ok(name.trim().to_owned()),
            _ => Err(format!("redis-py.txt: a test is left out without a reason: {line}")),
        })
        .collect()
}

/// Reads the lines `outcome TAB name TAB detail` that the plugin writes.
fn parse(text: &str) -> Tally {
    let mut tally = Tally::default();
    let mut finished = false;
    for line in text.lines() {
        let mut fields = line.splitn(3, '\t');
        let (Some(outcome), Some(name)) = (fields.next(), fields.next()) else { continue };
        match outcome {
            "passed" => tally.passed += 1,
            "failed" => tally.failed.push((name.to_owned(), fields.next().unwrap_or_default().to_owned())),
            "skipped" => tally.ignored += 1,
            "finished" => finished = true,
            _ => tally.problems.push(format!("not an outcome: {line}")),
        }
    }
    if !finished {
        tally.problems.push("the suite ended before its end".to_owned());
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::{parse, parse_left_out};

    #[test]
    fn a_test_is_left_out_only_for_a_reason() {
        assert_eq!(parse_left_out("# c\na::b | needs more\n").unwrap(), ["a::b"]);
        assert!(parse_left_out("a::b\n").is_err());
    }

    #[test]
    fn outcomes_are_counted_and_a_missing_end_is_a_problem() {
        let tally = parse("passed\ta\nfailed\tb\tE  assert 1\nskipped\tc\nfinished\t0\n");
        assert_eq!((tally.passed, tally.ignored), (1, 1));
        assert_eq!(tally.failed, [("b".to_owned(), "E  assert 1".to_owned())]);
        assert!(tally.problems.is_empty());
        assert_eq!(parse("passed\ta\n").problems.len(), 1);
    }
}
