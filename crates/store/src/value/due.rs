//! The elements of one large collection that expire, in the order of their times.
//!
//! ```text
//! BTreeSet of  │ time, 8 bytes │ fragment of the element's hash, 4 bytes │
//! ```
//!
//! The fragment is that of the expiry wheel ([`Record`]), enough for the table to find the element. Two with the same
//! time and the same fragment have one record; what must hold is: *for every element that expires there is a record of its
//! time and its fragment, and there is no other record.*
//!
//! A record takes some 25 bytes: twelve, and nodes that are between half and three quarters full.

use std::collections::BTreeSet;

use crate::UnixMillis;
use crate::expiry::Record;

/// What a record takes in a tree whose nodes are filled as chance will have it.
const RECORD_BYTES: usize = 25;

/// A time and a fragment. The time is cut in two so that both together take twelve bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    time_high: i32,
    time_low: u32,
    record: Record,
}

const _: () = assert!(size_of::<Due>() == 12);

impl Due {
    fn new(at: UnixMillis, record: Record) -> Self {
        Self { time_high: (at.0 >> 32) as i32, time_low: at.0 as u32, record }
    }

    fn at(self) -> UnixMillis {
        UnixMillis(i64::from(self.time_high) << 32 | i64::from(self.time_low))
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct DueIndex {
    records: BTreeSet<Due>,
}

impl DueIndex {
    /// Records.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// The earliest time, and a fragment that has it.
    pub(super) fn first(&self) -> Option<(UnixMillis, Record)> {
        self.records.first().map(|due| (due.at(), due.record))
    }

    pub(super) fn add(&mut self, at: UnixMillis, record: Record) {
        self.records.insert(Due::new(at, record));
    }

    pub(super) fn remove(&mut self, at: UnixMillis, record: Record) {
        self.records.remove(&Due::new(at, record));
    }

    pub(super) fn contains(&self, at: UnixMillis, record: Record) -> bool {
        self.records.contains(&Due::new(at, record))
    }

    /// Drops up to `n` records.
    pub(super) fn take_chunk(&mut self, n: usize) {
        for _ in 0..n {
            if self.records.pop_last().is_none() {
                return;
            }
        }
    }

    /// Bytes allocated, about.
    pub(super) fn memory_bytes(&self) -> usize {
        self.records.len() * RECORD_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_in_the_order_of_their_times() {
        let times = [i64::MIN, -1, 0, 1, (1 << 32) - 1, 1 << 32, 1_700_000_000_000, i64::MAX];
        let mut index = DueIndex::default();
        for &at in times.iter().rev() {
            index.add(UnixMillis(at), Record::of(at as u64));
        }
        for at in times.map(UnixMillis) {
            let (first, record) = index.first().expect("all are there");
            assert_eq!(first, at);
            assert!(index.contains(at, record));
            index.remove(at, record);
        }
        assert_eq!(index.len(), 0);
    }
}
