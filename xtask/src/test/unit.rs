//! Cargo's own tests: unit tests through nextest, documentation tests through cargo, counted from what they print.

use crate::bench::cargo;
use crate::summary::{Part, Summary};
use crate::{Outcome, process, refs};

/// The test runner's version that is installed when it is missing.
const NEXTEST: &str = "0.9.143";

/// Runs both.
pub(super) fn run(summary: &mut Summary) {
    summary.add_outcome("unit tests", nextest());
    summary.add_outcome("documentation tests", doc_tests());
}

fn nextest() -> Outcome<Part> {
    if process::output(cargo().args(["nextest", "--version"])).is_err() {
        println!("cargo-nextest is missing: installing {NEXTEST}");
        process::run(cargo().args(["install", "--locked", "cargo-nextest", "--version", NEXTEST]))?;
    }
    let mut command = cargo();
    command.env("SPINEL_REFERENCE", refs::for_unit_tests()?.server);
    command.args([
        "nextest",
        "run",
        "--workspace",
        "--profile",
        "ci",
        "--color",
        "never",
        "--no-tests",
        "fail",
    ]);
    let (output, succeeded) = process::transcript(&mut command)?;
    Ok(Part::counted("unit tests", nextest_counts(&output), succeeded))
}

fn doc_tests() -> Outcome<Part> {
    let mut command = cargo();
    command.args(["test", "--doc", "--workspace", "--color", "never"]);
    let (output, succeeded) = process::transcript(&mut command)?;
    Ok(Part::counted("documentation tests", doc_test_counts(&output), succeeded))
}

/// Reads `Summary [ 1.2s] 10 tests run: 8 passed (1 slow), 1 failed, 1 timed out, 3 skipped`. A skipped test counts as
/// failed here, since nothing in this repository skips one.
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

/// Sums `test result: ok. 3 passed; 0 failed; 0 ignored; ...` over all crates; an ignored one counts as failed.
fn doc_test_counts(output: &str) -> (usize, usize) {
    let count = |line: &str, word: &str| -> usize {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|candidate| candidate.trim_end_matches(';') == word);
        at.and_then(|at| words.get(at.checked_sub(1)?)?.parse().ok()).unwrap_or(0)
    };
    output.lines().filter(|line| line.starts_with("test result:")).fold((0, 0), |(passed, failed), line| {
        (passed + count(line, "passed"), failed + count(line, "failed") + count(line, "ignored"))
    })
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
        let text = "test result: ok. 3 passed; 0 failed; 1 ignored\ntest result: FAILED. 1 passed; 2 failed; 0 ignored\n";
        assert_eq!(doc_test_counts(text), (4, 3));
    }
}
