//! The ledger: which tests of the references do not pass, and why.
//!
//! One text file per mode and unit. It is exact in both directions: a failing test that is not excused is an error, and
//! so is an excuse that is no longer needed, a count that differs, or a test that silently did not run. So the ledger
//! can be believed, and it only grows by a hand that writes a reason.

use super::tally::Tally;
use crate::{Outcome, workspace};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the ledger says of one unit in one mode.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// How many tests the reference itself passes here.
    pub(crate) reference: usize,
    /// How many tests we pass.
    pub(crate) passed: usize,
    /// Tests that run and fail, with the reason.
    pub(crate) fails: BTreeMap<String, String>,
    /// Tests that are not run because they take others with them, with the reason.
    pub(crate) skipped: BTreeMap<String, String>,
    /// Tests that are not run because the reference itself fails them, with the reason. They count nowhere.
    pub(crate) beyond: BTreeMap<String, String>,
    /// Tags of the suite whose blocks are not run because they fail outside of any test, with the reason. The tests in
    /// them are absent.
    pub(crate) without: BTreeMap<String, String>,
    /// How many tests never start, with the reason.
    pub(crate) absent: Option<(usize, String)>,
    /// How many tests run here that the reference leaves out, with the reason.
    pub(crate) more: Option<(usize, String)>,
}

/// The file of `unit` in `suite` (a mode's name, or `redis-py`).
pub(crate) fn path(suite: &str, unit: &str) -> PathBuf {
    workspace::root().join("conformance/ledger").join(suite).join(format!("{unit}.txt"))
}

impl Ledger {
    /// Reads a unit's ledger; `None` when there is none yet.
    pub(crate) fn load(suite: &str, unit: &str) -> Outcome<Option<Ledger>> {
        let path = path(suite, unit);
        if !path.exists() {
            return Ok(None);
        }
        Ledger::parse(&workspace::read(&path)?)
            .map(Some)
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Writes it.
    pub(crate) fn store(&self, suite: &str, unit: &str) -> Outcome {
        workspace::write(&path(suite, unit), &self.render())
    }

    fn parse(text: &str) -> Outcome<Ledger> {
        let mut ledger = Ledger::default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (word, rest) = line.split_once(' ').ok_or_else(|| format!("not a ledger line: {line}"))?;
            match word {
                "reference" => ledger.reference = parse_count(rest)?,
                "passed" => ledger.passed = parse_count(rest)?,
                "fails" => excuse(&mut ledger.fails, rest)?,
                "skipped" => excuse(&mut ledger.skipped, rest)?,
                "beyond" => excuse(&mut ledger.beyond, rest)?,
                "without" => excuse(&mut ledger.without, rest)?,
                "absent" => ledger.absent = Some(counted_reason(rest)?),
                "more" => ledger.more = Some(counted_reason(rest)?),
                _ => return Err(format!("not a ledger line: {line}")),
            }
        }
        Ok(ledger)
    }

    fn render(&self) -> String {
        let mut text = format!("reference {}\npassed {}\n", self.reference, self.passed);
        let excuses = [
            ("fails", &self.fails),
            ("skipped", &self.skipped),
            ("beyond", &self.beyond),
            ("without", &self.without),
        ];
        for (word, tests) in excuses {
            for (name, reason) in tests {
                text.push_str(&format!("{word} {name} | {reason}\n"));
            }
        }
        for (word, counted) in [("absent", &self.absent), ("more", &self.more)] {
            if let Some((count, reason)) = counted {
                text.push_str(&format!("{word} {count} | {reason}\n"));
            }
        }
        text
    }

    /// Tests that are excused, of whatever kind.
    pub(crate) fn excused(&self) -> usize {
        (self.reference + self.extra()).saturating_sub(self.passed)
    }

    /// Tests that run beside those that the reference passes.
    fn extra(&self) -> usize {
        self.more.as_ref().map_or(0, |(count, _)| *count)
    }

    /// Everything in which a run differs from the ledger, one sentence each; empty means the run is as recorded.
    pub(crate) fn differences(&self, tally: &Tally) -> Vec<String> {
        let mut said = tally.problems.clone();
        for (name, detail) in &tally.failed {
            if !self.fails.contains_key(name) {
                said.push(format!("fails: {name}\n{}", indent(detail)));
            }
        }
        for name in self.fails.keys() {
            if !tally.failed.iter().any(|(failed, _)| failed == name) {
                said.push(format!("excused, but does not fail (--update takes it out): {name}"));
            }
        }
        let left_out = self.skipped.keys().chain(self.beyond.keys());
        for name in left_out.filter(|name| !tally.skipped.contains(*name)) {
            said.push(format!("to be skipped, but not met in the suite: {name}"));
        }
        // Said only when nothing above explains it, so that the number of sentences is that of tests.
        if tally.passed != self.passed && said.is_empty() {
            said.push(format!("{} passed, the ledger says {}", tally.passed, self.passed));
        }
        let absent = self.absent.as_ref().map_or(0, |(count, _)| *count);
        let seen = self.seen(tally);
        if seen + absent != self.reference + self.extra() && tally.passed == self.passed {
            said.push(format!(
                "{seen} tests seen and {absent} known to be absent, but the reference passes {}, and {} more run here",
                self.reference,
                self.extra()
            ));
        }
        said
    }

    /// Tests of the reference's count that a run met.
    fn seen(&self, tally: &Tally) -> usize {
        let skipped = tally.skipped.iter().filter(|name| !self.beyond.contains_key(*name)).count();
        tally.passed + tally.failed_tests() + skipped
    }

    /// Brings the ledger up to a run. Excuses that are not needed go; failures without an excuse get `excuse`, if it
    /// is given and their name contains `matching`; the answer lists those that still have none.
    pub(crate) fn update(&mut self, tally: &Tally, excuse: Option<&str>, matching: &str) -> Vec<String> {
        let mut unexcused = Vec::new();
        self.fails.retain(|name, _| tally.failed.iter().any(|(failed, _)| failed == name));
        for (name, _) in &tally.failed {
            match excuse {
                _ if self.fails.contains_key(name) => {}
                Some(reason) if name.contains(matching) => {
                    self.fails.insert(name.clone(), reason.to_owned());
                }
                _ => unexcused.push(format!("fails without an excuse: {name}")),
            }
        }
        let seen = self.seen(tally);
        self.absent = match (self.reference.saturating_sub(seen), self.absent.take(), excuse) {
            (0, _, _) => None,
            (count, Some((before, reason)), _) if count <= before => Some((count, reason)),
            (count, _, Some(reason)) => Some((count, reason.to_owned())),
            (count, before, None) => {
                unexcused.push(format!("{count} tests did not start, without an excuse"));
                before
            }
        };
        self.more = match (seen.saturating_sub(self.reference), self.more.take(), excuse) {
            (0, _, _) => None,
            (count, Some((_, reason)), _) => Some((count, reason)),
            (count, None, Some(reason)) => Some((count, reason.to_owned())),
            (count, None, None) => {
                unexcused.push(format!("{count} tests run that the reference leaves out, without a reason"));
                None
            }
        };
        // The count falls only when every failure has its reason.
        self.passed = if unexcused.is_empty() { tally.passed } else { tally.passed.max(self.passed) };
        unexcused
    }
}

fn parse_count(text: &str) -> Outcome<usize> {
    text.trim().parse().map_err(|_| format!("not a count: {text}"))
}

fn counted_reason(text: &str) -> Outcome<(usize, String)> {
    let (count, reason) = split_reason(text)?;
    Ok((parse_count(count)?, reason))
}

/// Notes the reason of a test or tag, which has only one.
fn excuse(excuses: &mut BTreeMap<String, String>, text: &str) -> Outcome {
    let (name, reason) = split_reason(text)?;
    match excuses.insert(name.to_owned(), reason) {
        None => Ok(()),
        Some(_) => Err(format!("excused twice: {name}")),
    }
}

fn split_reason(text: &str) -> Outcome<(&str, String)> {
    match text.rsplit_once(" | ") {
        Some((name, reason)) if !reason.trim().is_empty() => Ok((name, reason.trim().to_owned())),
        _ => Err(format!("no reason given: {text}")),
    }
}

fn indent(text: &str) -> String {
    text.lines().take(6).map(|line| format!("      {line}")).collect::<Vec<String>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::Ledger;
    use crate::conformance::tally::Tally;

    const TEXT: &str = "reference 5\npassed 2\nfails a | b in c | later\nskipped d | kills the unit\nwithout needs:x | no x\nabsent 1 | e\n";

    fn tally(passed: usize, failed: &[&str], skipped: &[&str]) -> Tally {
        Tally {
            passed,
            failed: failed.iter().map(|name| (name.to_string(), "why".to_owned())).collect(),
            skipped: skipped.iter().map(ToString::to_string).collect(),
            ..Tally::default()
        }
    }

    #[test]
    fn the_text_round_trips_and_the_last_bar_separates_the_reason() {
        let ledger = Ledger::parse(TEXT).unwrap();
        assert_eq!(ledger.fails["a | b in c"], "later");
        assert_eq!(ledger.render(), TEXT);
        assert_eq!(ledger.excused(), 3);
    }

    #[test]
    fn a_line_without_a_reason_or_with_a_second_one_is_refused() {
        assert!(Ledger::parse("fails a | x\nfails a | y").is_err());
        assert!(Ledger::parse("fails name").is_err());
        assert!(Ledger::parse("fails name | ").is_err());
        assert!(Ledger::parse("nonsense 3").is_err());
    }

    #[test]
    fn a_run_as_recorded_has_no_differences() {
        let ledger = Ledger::parse(TEXT).unwrap();
        assert!(ledger.differences(&tally(2, &["a | b in c"], &["d"])).is_empty());
    }

    #[test]
    fn a_new_failure_a_needless_excuse_and_a_lost_test_are_each_said() {
        let ledger = Ledger::parse(TEXT).unwrap();
        let differs = |tally: Tally, word: &str| {
            let said = ledger.differences(&tally);
            assert!(said.iter().any(|sentence| sentence.contains(word)), "{word} not in {said:?}");
        };
        differs(tally(1, &["a | b in c", "new"], &["d"]), "fails: new");
        differs(tally(3, &[], &["d"]), "does not fail");
        differs(tally(2, &["a | b in c"], &[]), "not met in the suite");
        differs(tally(1, &["a | b in c"], &["d"]), "1 passed, the ledger says 2");
        let mut crashed = tally(2, &["a | b in c"], &["d"]);
        crashed.problems.push("the server died".to_owned());
        differs(crashed, "the server died");
    }

    #[test]
    fn a_test_that_silently_did_not_run_is_said() {
        let mut ledger = Ledger::parse(TEXT).unwrap();
        ledger.absent = None;
        let said = ledger.differences(&tally(2, &["a | b in c"], &["d"]));
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("the reference passes 5"));
    }

    #[test]
    fn tests_that_the_reference_leaves_out_count_beside_its_own() {
        let text = "reference 2\npassed 4\nfails x | later\nmore 3 | newer\n";
        let mut ledger = Ledger::parse(text).unwrap();
        assert_eq!((ledger.render().as_str(), ledger.excused()), (text, 1));
        assert!(ledger.differences(&tally(4, &["x"], &[])).is_empty());
        assert_eq!(ledger.differences(&tally(3, &["x"], &[])).len(), 1);
        assert!(ledger.update(&tally(5, &["x"], &[]), None, "").is_empty());
        assert_eq!((ledger.passed, ledger.more.clone()), (5, Some((4, "newer".to_owned()))));
        ledger.more = None;
        assert_eq!(ledger.differences(&tally(5, &["x"], &[])).len(), 1);
        assert_eq!(ledger.update(&tally(5, &["x"], &[]), None, "").len(), 1);
    }

    #[test]
    fn a_test_that_the_reference_fails_is_left_out_and_counts_nowhere() {
        let text = "reference 2\npassed 2\nbeyond odd | Redis fails it\n";
        let ledger = Ledger::parse(text).unwrap();
        assert_eq!(ledger.render(), text);
        assert!(ledger.differences(&tally(2, &[], &["odd"])).is_empty());
        assert!(!ledger.differences(&tally(2, &[], &[])).is_empty());
        let mut updated = ledger.clone();
        assert!(updated.update(&tally(2, &[], &["odd"]), None, "").is_empty());
        assert_eq!(updated, ledger);
    }

    #[test]
    fn an_update_shrinks_by_itself_but_grows_only_with_a_reason() {
        let mut ledger = Ledger::parse(TEXT).unwrap();
        assert!(ledger.update(&tally(4, &[], &["d"]), None, "").is_empty());
        assert_eq!((ledger.passed, ledger.fails.len(), ledger.absent.clone()), (4, 0, None));
        assert_eq!(ledger.update(&tally(3, &["new"], &["d"]), None, "").len(), 1);
        assert_eq!((ledger.passed, ledger.fails.len()), (4, 0));
        assert_eq!(ledger.update(&tally(3, &["new"], &["d"]), Some("r"), "other").len(), 1);
        assert!(ledger.update(&tally(3, &["new"], &["d"]), Some("r"), "ne").is_empty());
        assert_eq!(ledger.fails["new"], "r");
    }
}
