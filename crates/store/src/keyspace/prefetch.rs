//! Prefetching for a batch of commands, under all their shards' locks at once.
//!
//! A locked instruction waits for what came before it, a prefetch whose address must first be translated included. One
//! lock for each prefetch would therefore undo the point of prefetching, which is to have many misses under way at the
//! same time. So the locks are taken first, each shard's once, then everything is fetched without any in between, and
//! they are given back before the first command runs: nobody waits longer for a shard than a few hundred nanoseconds.

use super::{Keyspace, ShardCell, Wanted};
use crate::{Db, ShardIndex};

/// Up to so many shards, one word tells which are held.
pub(super) const FEW_SHARDS: usize = 64;
/// The words that tell it for any number of shards.
pub(super) const MANY: usize = 4096 / 64;

/// See the module. The locks are given back when it is dropped.
pub(super) struct Prefetching<'a, const WORDS: usize> {
    keyspace: &'a Keyspace,
    /// The shards whose locks it holds.
    held: [u64; WORDS],
}

impl<'a, const WORDS: usize> Prefetching<'a, WORDS> {
    /// Takes the locks that are free.
    #[inline]
    pub(super) fn begin(keyspace: &'a Keyspace, wanted: &[Wanted]) -> Self {
        let mut held = [0; WORDS];
        // Which shards there are is found out without a branch: no processor could guess whether it was seen before.
        for &Wanted { shard, .. } in wanted {
            held[word_of::<WORDS>(shard)] |= 1 << (shard.0 % 64);
        }
        for (cells, held) in keyspace.shards.chunks(64).zip(&mut held) {
            acquire(cells, held);
        }
        Self { keyspace, held }
    }

    #[inline]
    fn holds(&self, shard: ShardIndex) -> bool {
        self.held[word_of::<WORDS>(shard)] & (1 << (shard.0 % 64)) != 0
    }

    /// Asks for the buckets.
    #[inline]
    pub(super) fn buckets(self, wanted: &[Wanted]) {
        for wanted in wanted {
            if let Some(db) = self.db(wanted) {
                db.prefetch_bucket(wanted.hash);
            }
        }
    }

    /// Asks for the entries, and keeps in `wanted` those that may lie in a bucket behind the first, which it asks for.
    #[inline]
    pub(super) fn entries(self, wanted: &mut Vec<Wanted>) {
        wanted.retain(|wanted| self.db(wanted).is_some_and(|db| db.prefetch_entry(wanted.hash)));
    }

    /// Asks for the entries that lie behind, whose buckets were asked for.
    #[inline]
    pub(super) fn entries_behind(self, wanted: &[Wanted]) {
        for wanted in wanted {
            if let Some(db) = self.db(wanted) {
                db.prefetch_entry_behind(wanted.hash);
            }
        }
    }

    #[inline]
    fn db(&self, wanted: &Wanted) -> Option<&Db> {
        let Wanted { shard, db, .. } = *wanted;
        // SAFETY: 1. The shard's lock is held while its bit is set, and there is no guard for it but this. 2. The
        // result lives no longer than `self`, which gives the lock back, and nothing here makes a `&mut`.
        self.holds(shard).then(|| unsafe { &*self.keyspace.cell(shard).shard.get() }.db(db))
    }
}

/// The word that tells whether a shard is held.
#[inline]
fn word_of<const WORDS: usize>(shard: ShardIndex) -> usize {
    if WORDS == 1 { 0 } else { usize::from(shard.0) / 64 }
}

impl<const WORDS: usize> Drop for Prefetching<'_, WORDS> {
    #[inline]
    fn drop(&mut self) {
        for (cells, held) in self.keyspace.shards.chunks(64).zip(self.held) {
            release(cells, held);
        }
    }
}

/// Takes the locks of these shards; of those that are taken the bits are cleared.
#[inline]
fn acquire(cells: &[ShardCell], wanted: &mut u64) {
    let mut left = *wanted;
    while left != 0 {
        let bit = left & left.wrapping_neg();
        if !cells[left.trailing_zeros() as usize].lock.try_acquire() {
            *wanted &= !bit;
        }
        left &= !bit;
    }
}

#[inline]
fn release(cells: &[ShardCell], mut held: u64) {
    while held != 0 {
        cells[held.trailing_zeros() as usize].lock.release();
        held &= held - 1;
    }
}
