//! The score by which the system chooses whom to end when memory runs out (`oom-score-adj`).

use std::fs;
use std::io;

use spinel_engine::config::{OomScoreAdj, Process};

const FILE: &str = "/proc/self/oom_score_adj";
/// What the system takes.
const RANGE: std::ops::RangeInclusive<i32> = -1000..=1000;

/// The score that the process was started with.
#[derive(Debug)]
pub(crate) struct OomScore {
    at_start: i32,
}

impl OomScore {
    /// Remembers the score; 0 if the system has none.
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(FILE).unwrap_or_default();
        Self { at_start: text.trim().parse().unwrap_or(0) }
    }

    /// Sets the score of a primary, or the one at the start if the settings leave it alone.
    pub(crate) fn apply(&self, settings: &Process) -> io::Result<()> {
        let score = self.wanted(settings);
        let now = fs::read_to_string(FILE).ok().and_then(|text| text.trim().parse().ok());
        if now == Some(score) { Ok(()) } else { fs::write(FILE, score.to_string()) }
    }

    fn wanted(&self, settings: &Process) -> i32 {
        let [primary, ..] = settings.oom_score_adj_values;
        let score = match settings.oom_score_adj {
            OomScoreAdj::No => self.at_start,
            OomScoreAdj::Relative => self.at_start.saturating_add(primary),
            OomScoreAdj::Absolute => primary,
        };
        score.clamp(*RANGE.start(), *RANGE.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_score_starts_from_the_one_at_the_start_and_stays_in_range() {
        let score = OomScore { at_start: 300 };
        let wanted = |oom_score_adj, primary| {
            score.wanted(&Process {
                oom_score_adj,
                oom_score_adj_values: [primary, 0, 0],
                ..Process::default()
            })
        };
        assert_eq!(wanted(OomScoreAdj::No, 500), 300);
        assert_eq!(wanted(OomScoreAdj::Relative, 500), 800);
        assert_eq!(wanted(OomScoreAdj::Relative, 900), 1000);
        assert_eq!(wanted(OomScoreAdj::Absolute, -5), -5);
    }
}
