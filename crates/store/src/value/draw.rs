//! Chance: fair draws of elements, for the collections that have a command for it.
//!
//! A source of chance is a function that gives uniform 64-bit numbers; everything here is exactly uniform if that is.

use hashbrown::HashSet;
use spinel_structs::table::{Table, TableItem};

/// Draw one by one, and reject what came already, up to this part of a table; beyond, walking through is cheaper.
const REJECTION_DIVISOR: usize = 3;

/// A number below `limit`, which is not zero, all with the same probability (Lemire, "Fast random integer generation
/// in an interval", 2019).
pub(super) fn below(limit: usize, rng: &mut impl FnMut() -> u64) -> usize {
    let limit = limit as u64;
    loop {
        let product = u128::from(rng()) * u128::from(limit);
        // The low half tells whether this draw belongs to the 2^64 mod limit that would make small numbers likelier.
        if product as u64 >= limit || product as u64 >= limit.wrapping_neg() % limit {
            return (product >> 64) as usize;
        }
    }
}

/// A choice of so many out of so many that are passed one after the other, every choice with the same probability
/// (Knuth, "The Art of Computer Programming", volume 2, algorithm 3.4.2S).
pub(super) struct Selection {
    wanted: usize,
    left: usize,
}

impl Selection {
    /// `wanted` out of `total`, or all if there are not so many.
    pub(super) fn new(wanted: usize, total: usize) -> Self {
        Self { wanted: wanted.min(total), left: total }
    }

    /// Whether the next one is chosen.
    pub(super) fn takes_next(&mut self, rng: &mut impl FnMut() -> u64) -> bool {
        debug_assert!(self.left > 0, "no more are asked about than there are");
        let chosen = self.wanted > 0 && below(self.left, rng) < self.wanted;
        self.left -= 1;
        self.wanted -= usize::from(chosen);
        chosen
    }

    /// Whether all that were wanted were chosen.
    pub(super) fn is_complete(&self) -> bool {
        self.wanted == 0
    }
}

/// Passes `count` different items of a table to `visit`, or all if there are not so many.
pub(super) fn sample_table<T: TableItem>(
    table: &Table<T>,
    count: usize,
    rng: &mut impl FnMut() -> u64,
    mut visit: impl FnMut(&T),
) {
    if count > table.len() / REJECTION_DIVISOR {
        let mut selection = Selection::new(count, table.len());
        for item in table {
            if selection.takes_next(rng) {
                visit(item);
            }
            if selection.is_complete() {
                return;
            }
        }
        return;
    }
    let mut drawn = HashSet::with_capacity(count);
    while drawn.len() < count {
        let item = table.random(rng).expect("a table with more items than are wanted is not empty");
        if drawn.insert(std::ptr::from_ref(item)) {
            visit(item);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A source of chance for tests: xorshift64*.
    pub(in super::super) fn chance(seed: u64) -> impl FnMut() -> u64 {
        let mut x = seed | 1;
        move || {
            x ^= x >> 12;
            x ^= x << 25;
            x ^= x >> 27;
            x.wrapping_mul(0x2545_F491_4F6C_DD1D)
        }
    }

    /// Panics unless all counts are as near to one another as fair draws leave them (6 standard deviations).
    pub(in super::super) fn assert_fair(counts: &[usize]) {
        let mean = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
        for &count in counts {
            assert!((count as f64 - mean).abs() < 6.0 * mean.sqrt(), "{count} among {counts:?}");
        }
    }

    #[test]
    fn every_element_is_selected_equally_often() {
        let mut rng = chance(7);
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            let mut selection = Selection::new(3, 10);
            let chosen: Vec<usize> = (0..10).filter(|_| selection.takes_next(&mut rng)).collect();
            assert_eq!(chosen.len(), 3);
            assert!(selection.is_complete());
            chosen.into_iter().for_each(|i| counts[i] += 1);
        }
        assert_fair(&counts);
    }

    #[test]
    fn numbers_below_a_limit_are_all_equally_likely() {
        let mut rng = chance(3);
        let mut counts = [0; 7];
        (0..70_000).for_each(|_| counts[below(7, &mut rng)] += 1);
        assert_fair(&counts);
    }
}
