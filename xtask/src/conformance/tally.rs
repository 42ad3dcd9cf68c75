//! What one unit's run amounted to, and how it is read from the Tcl suite's output.
//!
//! The suite prints a line per test: `[ok]: NAME (MS ms)`, `[err]: NAME in FILE` followed by details, `[skip]: NAME`,
//! `[ignore]: WHY`. It ends with "The End"; without that, it died. An error outside any test names no file.

/// The counts and names of one run.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    /// How many tests passed.
    pub(crate) passed: usize,
    /// Names and details of those that failed; errors outside tests are among them under their first line.
    pub(crate) failed: Vec<(String, String)>,
    /// How many of `failed` are errors outside tests.
    pub(crate) outside: usize,
    /// Names of the tests that we asked to be left out.
    pub(crate) skipped: Vec<String>,
    /// How many blocks or tests the suite itself left out, by tag.
    pub(crate) ignored: usize,
    /// What went wrong beyond single tests: a crash, a time-out, an abort. Never excusable.
    pub(crate) problems: Vec<String>,
    /// Wall-clock seconds.
    pub(crate) seconds: u64,
}

impl Tally {
    /// Failures that are tests.
    pub(crate) fn failed_tests(&self) -> usize {
        self.failed.len() - self.outside
    }

    /// Reads the output of a Tcl run.
    pub(crate) fn from_tcl(output: &str) -> Tally {
        let mut tally = Tally::default();
        let mut detail_open = false;
        let mut ended = false;
        for line in output.lines() {
            if line.trim() == "The End" {
                ended = true;
                break;
            }
            let Some((word, text)) = split_status(line) else {
                if let (true, Some((_, detail))) = (detail_open, tally.failed.last_mut()) {
                    detail.push_str(line);
                    detail.push('\n');
                }
                continue;
            };
            detail_open = word == "err";
            match word {
                "ok" => tally.passed += 1,
                "err" => tally.push_failure(text),
                "skip" => tally.skipped.push(text.to_owned()),
                "ignore" => tally.ignored += 1,
                "exception" => tally.problems.push(format!("the suite aborted: {text}")),
                "TIMEOUT" => tally.problems.push("the suite saw no progress and gave up".to_owned()),
                _ => {}
            }
        }
        if !ended && tally.problems.is_empty() {
            tally.problems.push("the suite ended without its last line".to_owned());
        }
        tally
    }

    fn push_failure(&mut self, text: &str) {
        let name = match text.rfind(" in tests/") {
            Some(end) => &text[..end],
            None => {
                self.outside += 1;
                text
            }
        };
        self.failed.push((name.to_owned(), String::new()));
    }
}

/// Splits `[word]: text`.
fn split_status(line: &str) -> Option<(&str, &str)> {
    let (word, text) = line.strip_prefix('[')?.split_once("]: ")?;
    let known = ["ok", "err", "skip", "ignore", "exception", "TIMEOUT", "ready", "testing"];
    known.contains(&word).then_some((word, text))
}

#[cfg(test)]
mod tests {
    use super::Tally;

    const OUTPUT: &str = "\
Starting test server at port 20008
[ready]: 123
[ok]: SET and GET [item] (3 ms)
[err]: LPOP in nowhere in tests/unit/type/list.tcl
Expected '1' to be equal to '2' (context: [info frame])
[ignore]: Not supported on external server
[skip]: slow one
[ok]: second (0 ms)
[1/1 done]: unit/type/list (2 seconds)

                   The End

*** [err]: LPOP in nowhere in tests/unit/type/list.tcl
";

    #[test]
    fn each_kind_of_line_is_counted_once() {
        let tally = Tally::from_tcl(OUTPUT);
        assert_eq!((tally.passed, tally.ignored, tally.outside), (2, 1, 0));
        assert_eq!(tally.skipped, ["slow one"]);
        assert_eq!(tally.failed.len(), 1);
        assert_eq!(tally.failed[0].0, "LPOP in nowhere");
        assert!(tally.failed[0].1.starts_with("Expected '1'"));
        assert!(tally.problems.is_empty());
    }

    #[test]
    fn an_error_outside_a_test_is_a_failure_but_no_test() {
        let tally = Tally::from_tcl("[err]: Can't start the Redis server\nCONFIGURATION:x\n The End\n");
        assert_eq!((tally.failed.len(), tally.failed_tests()), (1, 0));
    }

    #[test]
    fn an_abort_a_timeout_and_a_missing_end_are_problems() {
        for output in
            ["[exception]: Executing test client: x\n", "[TIMEOUT]: clients\nThe End\n", "[ok]: a (1 ms)\n"]
        {
            assert_eq!(Tally::from_tcl(output).problems.len(), 1, "{output}");
        }
    }
}
