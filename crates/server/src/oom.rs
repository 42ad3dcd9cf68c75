//! The score by which the system chooses whom to end when memory runs out (`oom-score-adj`).

use std::fs;
use std::io;
use std::sync::{Mutex, PoisonError};

use spinel_engine::config::{OomScoreAdj, Process};

const FILE: &str = "/proc/self/oom_score_adj";
/// What the system takes.
const RANGE: std::ops::RangeInclusive<i32> = -1000..=1000;

/// The score of this process.
#[derive(Debug, Default)]
pub(crate) struct OomScore {
    /// The score before the settings began to decide it, as long as they do; protects itself.
    before: Mutex<Option<i32>>,
}

impl OomScore {
    /// Sets the score that a primary has by the settings. When they leave it alone it becomes again what it was before
    /// they decided it; if they never did, whatever others made of it stays.
    pub(crate) fn apply(&self, settings: &Process) -> io::Result<()> {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let (score, kept) = match (settings.oom_score_adj, *before) {
            (OomScoreAdj::No, None) => return Ok(()),
            (OomScoreAdj::No, Some(base)) => (base, None),
            (_, Some(base)) => (wanted(settings, base), Some(base)),
            (_, None) => {
                let base = read()?;
                (wanted(settings, base), Some(base))
            }
        };
        fs::write(FILE, score.to_string())?;
        *before = kept;
        Ok(())
    }
}

fn read() -> io::Result<i32> {
    let text = fs::read_to_string(FILE)?;
    text.trim().parse().map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The score of a primary whose score was `base`.
fn wanted(settings: &Process, base: i32) -> i32 {
    let [primary, ..] = settings.oom_score_adj_values;
    let score = match settings.oom_score_adj {
        OomScoreAdj::No => base,
        OomScoreAdj::Relative => base.saturating_add(primary),
        OomScoreAdj::Absolute => primary,
    };
    score.clamp(*RANGE.start(), *RANGE.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_score_starts_from_the_one_before_and_stays_in_range() {
        let wanted = |oom_score_adj, primary| {
            let settings =
                Process { oom_score_adj, oom_score_adj_values: [primary, 0, 0], ..Process::default() };
            wanted(&settings, 300)
        };
        assert_eq!(wanted(OomScoreAdj::No, 500), 300);
        assert_eq!(wanted(OomScoreAdj::Relative, 500), 800);
        assert_eq!(wanted(OomScoreAdj::Relative, 900), 1000);
        assert_eq!(wanted(OomScoreAdj::Absolute, -5), -5);
    }
}
