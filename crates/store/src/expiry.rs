//! Which keys expire next: a queue of hashes by time.
//!
//! A record says "at this time look at the keys with this hash". It is allowed to be early or stale: the entry
//! holds the truth. So an expiry that moves later needs no new record, and a removed key needs none taken away.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::UnixMillis;

/// Hashes of keys by the time at which to look at them.
#[derive(Default)]
pub struct ExpiryIndex {
    queue: BinaryHeap<Reverse<(UnixMillis, u64)>>,
}

impl ExpiryIndex {
    /// An empty index.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records that a key with this hash expires at `at`.
    pub fn note(&mut self, hash: u64, at: UnixMillis) {
        self.queue.push(Reverse((at, hash)));
    }

    /// Takes one record out whose time has come.
    pub fn next_due(&mut self, now: UnixMillis) -> Option<u64> {
        let Reverse((at, _)) = self.queue.peek()?;
        if *at > now {
            return None;
        }
        self.queue.pop().map(|Reverse((_, hash))| hash)
    }

    /// Bytes allocated.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.queue.capacity() * size_of::<Reverse<(UnixMillis, u64)>>()
    }
}
