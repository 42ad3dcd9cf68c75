//! The records of one slot of the wheel: a set of 32-bit numbers that is added to at any time and emptied once.
//!
//! ```text
//! new records ──▶ tail (unsorted, short) ──▶ run ──▶ run ──▶ … each run at least twice the next
//! ```
//!
//! A full tail is sorted into a run, and runs that come too near in size are merged, as in a log-structured merge
//! tree; equal records melt into one on the way. So a record that is added again and again takes little room: a
//! slot holds at most about twice its different records. Runs have exactly the capacity they need, 4 bytes a record.
//!
//! A run that would grow beyond [`MAX_RUN`] cuts the slot into four by its records' top bits. That bounds the
//! time of a single addition, whatever the slot's size: two runs of that length merge in some 50 µs.

/// Records of a run at which a slot is cut up.
const MAX_RUN: usize = 8 * 1024;
/// Bounds of the length at which a tail becomes a run; in between it is a quarter of what is sorted.
const TAIL: std::ops::RangeInclusive<usize> = 16..=256;
/// Parts of a slot that is cut up, as a power of two.
const PART_BITS: u32 = 2;
const PARTS: usize = 1 << PART_BITS;

/// The records of a slot.
#[derive(Debug)]
pub(super) enum Slot {
    /// As they are.
    Whole(Runs),
    /// By the bits of the record above `shift`; emptied from the back.
    Parts { parts: Vec<Slot>, shift: u32 },
}

impl Default for Slot {
    fn default() -> Self {
        Self::Whole(Runs::default())
    }
}

/// Sorted runs, longest first, and the unsorted newest records.
#[derive(Debug, Default)]
pub(super) struct Runs {
    runs: Vec<Vec<u32>>,
    tail: Vec<u32>,
}

impl Slot {
    /// Adds a record. Returns how many more records the slot holds: less than one if equal ones melted.
    pub(super) fn push(&mut self, record: u32) -> isize {
        self.push_below(record, u32::BITS)
    }

    /// Adds a record to a slot whose records differ in their lowest `bits` only.
    fn push_below(&mut self, record: u32, bits: u32) -> isize {
        match self {
            Self::Parts { parts, shift } => {
                let shift = *shift;
                parts[part_of(record, shift)].push_below(record, shift)
            }
            Self::Whole(runs) => {
                let melted = runs.push(record);
                if bits > PART_BITS && runs.runs.first().is_some_and(|run| run.len() > MAX_RUN) {
                    *self = std::mem::take(runs).cut(bits - PART_BITS);
                }
                1 - melted as isize
            }
        }
    }

    /// Takes some record out.
    pub(super) fn pop(&mut self) -> Option<u32> {
        match self {
            Self::Whole(runs) => runs.pop(),
            Self::Parts { parts, .. } => loop {
                let record = parts.last_mut()?.pop();
                if record.is_some() {
                    return record;
                }
                parts.pop();
            },
        }
    }

    /// Some record, each as likely as any other, about: the parts of a slot are taken to be of one size, for records are
    /// fragments of hashes.
    pub(super) fn random(&self, random: &mut impl FnMut() -> u64) -> Option<u32> {
        match self {
            Self::Whole(runs) => {
                let runs = || runs.runs.iter().chain([&runs.tail]);
                let mut at = below(runs().map(Vec::len).sum(), random)?;
                for run in runs() {
                    if let Some(&record) = run.get(at) {
                        return Some(record);
                    }
                    at -= run.len();
                }
                None
            }
            Self::Parts { parts, .. } => {
                let first = below(parts.len(), random)?;
                parts[first..].iter().chain(&parts[..first]).find_map(|part| part.random(random))
            }
        }
    }

    /// Whether there is no record.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Whole(runs) => runs.tail.is_empty() && runs.runs.iter().all(Vec::is_empty),
            Self::Parts { parts, .. } => parts.iter().all(Self::is_empty),
        }
    }

    /// Bytes allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Whole(runs) => {
                let records = runs.tail.capacity() + runs.runs.iter().map(Vec::capacity).sum::<usize>();
                records * size_of::<u32>() + runs.runs.capacity() * size_of::<Vec<u32>>()
            }
            Self::Parts { parts, .. } => {
                parts.capacity() * size_of::<Self>() + parts.iter().map(Self::memory_bytes).sum::<usize>()
            }
        }
    }
}

/// A number below `limit`; `None` if that is zero.
pub(super) fn below(limit: usize, random: &mut impl FnMut() -> u64) -> Option<usize> {
    (limit > 0).then(|| ((u128::from(random()) * limit as u128) >> 64) as usize)
}

fn part_of(record: u32, shift: u32) -> usize {
    (record >> shift) as usize & (PARTS - 1)
}

impl Runs {
    /// Adds a record; returns how many records melted into equal ones.
    fn push(&mut self, record: u32) -> usize {
        self.tail.push(record);
        let sorted: usize = self.runs.iter().map(Vec::len).sum();
        if self.tail.len() < (sorted / 4).clamp(*TAIL.start(), *TAIL.end()) {
            return 0;
        }
        let mut run = std::mem::take(&mut self.tail);
        let mut before = run.len();
        run.sort_unstable();
        run.dedup();
        while let Some(last) = self.runs.pop_if(|last| last.len() < 2 * run.len()) {
            before += last.len();
            run = merge(&last, &run);
        }
        run.shrink_to_fit();
        let melted = before - run.len();
        self.runs.push(run);
        melted
    }

    fn pop(&mut self) -> Option<u32> {
        if let Some(record) = self.tail.pop() {
            return Some(record);
        }
        loop {
            let record = self.runs.last_mut()?.pop();
            if record.is_some() {
                return record;
            }
            self.runs.pop();
        }
    }

    /// Cuts the records up by the bits above `shift`.
    fn cut(self, shift: u32) -> Slot {
        let mut parts: Vec<Slot> = Vec::with_capacity(PARTS);
        for part in 0..PARTS {
            let in_part = |record: &&u32| part_of(**record, shift) == part;
            let mut runs = Runs { runs: Vec::new(), tail: Vec::new() };
            runs.tail.extend(self.tail.iter().filter(in_part));
            for run in &self.runs {
                let from = run.partition_point(|&record| part_of(record, shift) < part);
                let to = run.partition_point(|&record| part_of(record, shift) <= part);
                if from < to {
                    runs.runs.push(run[from..to].to_vec());
                }
            }
            parts.push(Slot::Whole(runs));
        }
        Slot::Parts { parts, shift }
    }
}

/// Merges two sorted runs without repetition into one.
fn merge(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut merged = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        let (x, y) = (a[i], b[j]);
        merged.push(x.min(y));
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    merged.extend_from_slice(&a[i..]);
    merged.extend_from_slice(&b[j..]);
    merged
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// The same numbers every time, well mixed.
    fn mixed(i: u32) -> u32 {
        i.wrapping_mul(0x9E37_79B1) ^ i.rotate_left(15)
    }

    fn fill(records: impl Iterator<Item = u32>) -> (Slot, usize) {
        let mut slot = Slot::default();
        let len: isize = records.map(|record| slot.push(record)).sum();
        (slot, len as usize)
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(records in proptest::collection::vec(0u32..2000, 0..3000)) {
            let (mut slot, len) = fill(records.iter().copied());
            let out: Vec<u32> = std::iter::from_fn(|| slot.pop()).collect();
            prop_assert_eq!(out.len(), len);
            let wanted: HashSet<u32> = records.into_iter().collect();
            prop_assert!(out.len() <= 2 * wanted.len() + 600);
            prop_assert_eq!(out.into_iter().collect::<HashSet<_>>(), wanted);
        }
    }

    #[test]
    fn a_large_slot_is_cut_up_and_loses_nothing() {
        let (mut slot, len) = fill((0..300_000).map(mixed));
        assert!(matches!(slot, Slot::Parts { .. }));
        let wanted: HashSet<u32> = (0..300_000).map(mixed).collect();
        assert_eq!(len, wanted.len());
        assert!(slot.memory_bytes() < len * 4 + len / 4, "{} bytes", slot.memory_bytes());
        let out: HashSet<u32> = std::iter::from_fn(|| slot.pop()).collect();
        assert_eq!(out, wanted);
    }

    #[test]
    fn records_are_drawn_evenly() {
        for count in [1, 20, 1000, 100_000_u32] {
            let (slot, _) = fill((0..count).map(mixed));
            let mut draws = 0_u64;
            let mut random = || {
                draws = draws.wrapping_add(0x9E37_79B9_7F4A_7C15);
                (draws ^ draws >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9)
            };
            let mut by_quarter = [0_u32; 4];
            for _ in 0..4000 {
                let record = slot.random(&mut random).expect("there are records");
                by_quarter[(record >> 30) as usize] += 1;
            }
            let expected = (0..count).map(mixed).fold([0; 4], |mut expected, record| {
                expected[(record >> 30) as usize] += 4000 / count.min(4000);
                expected
            });
            for (drawn, expected) in by_quarter.into_iter().zip(expected) {
                let expected = if count > 4000 { 1000 } else { expected };
                assert!(drawn.abs_diff(expected) <= 100 + expected / 8, "{count}: {by_quarter:?}");
            }
        }
        assert_eq!(Slot::default().random(&mut || 7), None);
    }

    #[test]
    fn records_added_again_and_again_melt() {
        let (slot, len) = fill((0..1_000_000).map(|i| mixed(i % 1000)));
        assert!(len <= 2000 + 300, "{len}");
        assert!(slot.memory_bytes() < 16 * 1024);
    }
}
