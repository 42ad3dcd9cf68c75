//! Keys that a long script keeps while their shards are free, and who waits for them.
//!
//! ```text
//!            take a shard ──┬── keeps the key that is wanted ──▶ wait here, woken when the script ends
//!                           ├── keeps other keys: go on           (`Keyspace::hold_one`, `hold_beside`)
//!                           └── was wanted as a whole ─────────▶ wait here   (all other ways to take a shard)
//! ```
//!
//! Whoever keeps keys takes their shards for each command only, and lets nobody see the keys in between, to read or to change. A
//! keyspace has one such keeper at a time.

use std::sync::Arc;

use crate::Wake;

/// The kept keys of one shard. Guarded by the shard's lock.
pub(crate) struct Kept {
    /// All that the keeper keeps, of other shards, too, in ascending order. The hash stands for the key in every database:
    /// mistaking one key for another only makes somebody wait.
    hashes: Arc<[u64]>,
    waiting: Vec<Wake>,
}

impl Kept {
    /// These keys, for which nobody waits.
    pub(crate) fn new(hashes: &Arc<[u64]>) -> Self {
        debug_assert!(hashes.is_sorted());
        Self { hashes: Arc::clone(hashes), waiting: Vec::new() }
    }

    /// Whether a key is kept.
    pub(crate) fn has(&self, hash: u64) -> bool {
        self.hashes.binary_search(&hash).is_ok()
    }

    /// Calls `wake` when they are kept no longer.
    pub(crate) fn wait(&mut self, wake: Wake) {
        self.waiting.push(wake);
    }

    /// Those who wait for the end.
    pub(crate) fn into_waiting(self) -> Vec<Wake> {
        self.waiting
    }
}
