//! What the parts of a run came to, in the end one line: `N passed, N failed`.
//!
//! A part that cannot run at all counts as failed; an excused test counts as neither and is shown beside.

use crate::Outcome;

/// The counts of one part of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// What it was.
    pub(crate) name: String,
    /// Tests that passed.
    pub(crate) passed: usize,
    /// Tests that failed, are missing or could not run.
    pub(crate) failed: usize,
    /// Tests that do not pass for a reason the ledger records.
    pub(crate) excused: usize,
}

impl Part {
    /// A part from counts of passed and failed tests; a program that failed has at least one failed test.
    pub(crate) fn counted(name: &str, (passed, failed): (usize, usize), succeeded: bool) -> Part {
        let failed = if succeeded { failed } else { failed.max(1) };
        Part { name: name.to_owned(), passed, failed, excused: 0 }
    }

    /// A part that could not run.
    pub(crate) fn broken(name: &str, error: &str) -> Part {
        println!("{name}: {error}");
        Part { name: name.to_owned(), passed: 0, failed: 1, excused: 0 }
    }
}

/// All parts of a run.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    parts: Vec<Part>,
}

impl Summary {
    /// Adds a part.
    pub(crate) fn add(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// Adds what a step answered, or the step as broken.
    pub(crate) fn add_outcome(&mut self, name: &str, outcome: Outcome<Part>) {
        let part = outcome.unwrap_or_else(|error| Part::broken(name, &error));
        self.add(part);
    }

    /// Prints a line per part and the closing line; an error when anything failed or nothing ran.
    pub(crate) fn close(&self) -> Outcome {
        let total = |count: fn(&Part) -> usize| self.parts.iter().map(count).sum::<usize>();
        let (passed, failed) = (total(|part| part.passed), total(|part| part.failed));
        println!();
        for part in &self.parts {
            println!(
                "{:<44} {:>6} passed {:>4} failed {:>5} excused",
                part.name, part.passed, part.failed, part.excused
            );
        }
        println!("{passed} passed, {failed} failed");
        match (passed, failed) {
            (0, 0) => Err("no test ran".to_owned()),
            (_, 0) => Ok(()),
            _ => Err("not everything passed".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, Summary};

    #[test]
    fn a_broken_part_fails_the_whole() {
        let mut summary = Summary::default();
        assert!(summary.close().is_err());
        summary.add(Part { name: "a".to_owned(), passed: 3, failed: 0, excused: 1 });
        assert!(summary.close().is_ok());
        summary.add_outcome("b", Err("missing".to_owned()));
        assert!(summary.close().is_err());
    }
}
