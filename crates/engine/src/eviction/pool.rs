//! The best candidates met so far. Samples of a few keys are poor evidence; remembering the best of many makes the choice
//! nearly that among all keys (as Redis does since 3.0).

use spinel_store::DbIndex;

/// Candidates remembered.
const SIZE: usize = 16;

/// A key that may be evicted. Its hash stands for it: mistaking another key for it evicts that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The higher, the better to evict.
    pub(super) score: u64,
    pub(super) db: DbIndex,
    pub(super) hash: u64,
}

/// See the module: the best candidates in order, the best last.
#[derive(Debug, Default)]
pub(super) struct Pool(Vec<Candidate>);

impl Pool {
    /// Remembers a candidate if it is among the best.
    pub(super) fn offer(&mut self, candidate: Candidate) {
        let is_worse = self.0.first().is_some_and(|worst| candidate.score <= worst.score);
        if self.0.len() == SIZE && is_worse {
            return;
        }
        let same = |other: &Candidate| other.hash == candidate.hash && other.db == candidate.db;
        if let Some(at) = self.0.iter().position(same) {
            self.0.remove(at);
        } else if self.0.len() == SIZE {
            self.0.remove(0);
        }
        let at = self.0.partition_point(|other| other.score < candidate.score);
        self.0.insert(at, candidate);
    }

    /// Takes the best out.
    pub(super) fn take(&mut self) -> Option<Candidate> {
        self.0.pop()
    }

    /// Forgets all: they are no candidates any more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(score: u64, hash: u64) -> Candidate {
        Candidate { score, db: DbIndex(0), hash }
    }

    #[test]
    fn the_best_are_kept_and_given_out_best_first() {
        let mut pool = Pool::default();
        for number in 0..100 {
            pool.offer(candidate(number * 37 % 100, number));
        }
        let scores: Vec<u64> = std::iter::from_fn(|| pool.take()).map(|candidate| candidate.score).collect();
        assert_eq!(scores, (84..100).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_key_is_there_once_with_its_latest_score() {
        let mut pool = Pool::default();
        pool.offer(candidate(10, 1));
        pool.offer(candidate(20, 2));
        pool.offer(candidate(30, 1));
        assert_eq!(pool.take(), Some(candidate(30, 1)));
        assert_eq!(pool.take(), Some(candidate(20, 2)));
        assert_eq!(pool.take(), None);
    }
}
