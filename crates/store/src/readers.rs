//! Keys whose values are being read while their shard is free, and who waits to change them.
//!
//! A reader has a share of the values (see [`Entry::share`](crate::Entry::share)), so a change would do no harm but
//! would have to copy the value first. For what is large enough to be read like that, waiting is the better way.

use std::mem;

use smallvec::SmallVec;

use crate::{DbIndex, Wake};

/// The keys of one shard that are being read. Guarded by the shard's lock.
#[derive(Default)]
pub struct Readers {
    /// The hash stands for the key: mistaking one key for another only makes somebody wait. Once for each reader.
    keys: SmallVec<[(DbIndex, u64); 2]>,
    waiting: Vec<Wake>,
}

impl Readers {
    /// Whether no key is being read.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// A reader of a key begins.
    pub fn begin(&mut self, db: DbIndex, hash: u64) {
        self.keys.push((db, hash));
    }

    /// A reader of a key has ended. Those given back are to be woken once the shard is free.
    #[must_use = "they wait"]
    pub fn end(&mut self, db: DbIndex, hash: u64) -> Vec<Wake> {
        if let Some(at) = self.keys.iter().position(|&key| key == (db, hash)) {
            self.keys.swap_remove(at);
        }
        mem::take(&mut self.waiting)
    }

    /// Whether a key is being read.
    #[must_use]
    pub fn has(&self, db: DbIndex, hash: u64) -> bool {
        self.keys.contains(&(db, hash))
    }

    /// Whether somebody waits for a reader to end: then the next one should not begin.
    #[must_use]
    pub fn are_awaited(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Calls `wake` when some reader has ended.
    pub fn wait(&mut self, wake: Wake) {
        self.waiting.push(wake);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn who_waits_is_woken_at_the_end_of_every_reader_and_a_key_is_free_after_the_last() {
        let mut readers = Readers::default();
        assert!(readers.is_empty());
        readers.begin(DbIndex(0), 7);
        readers.begin(DbIndex(0), 7);
        assert!(readers.has(DbIndex(0), 7) && !readers.has(DbIndex(1), 7) && !readers.has(DbIndex(0), 8));
        let woken = Arc::new(AtomicUsize::new(0));
        for left in [true, false] {
            let seen = Arc::clone(&woken);
            readers.wait(Box::new(move || {
                seen.fetch_add(1, Ordering::Relaxed);
            }));
            readers.end(DbIndex(0), 7).into_iter().for_each(|wake| wake());
            assert_eq!(readers.has(DbIndex(0), 7), left);
        }
        assert_eq!(woken.load(Ordering::Relaxed), 2);
    }
}
