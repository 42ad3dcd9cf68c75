//! Prefetching for a batch of commands, under all their shards' locks at once.
//!
//! A locked instruction waits for what came before it, a prefetch whose address must first be translated included. One
//! lock for each prefetch would therefore undo the point of prefetching, which is to have many misses under way at the
//! same time. So the locks are taken first, each shard's once, then everything is fetched without any in between, and
//! they are given back before the first command runs: nobody waits longer for a shard than a few hundred nanoseconds.

use super::{Keyspace, ShardCell};
use crate::{Db, DbIndex, ShardIndex};

/// Shards of a keyspace at most, in words of 64.
const WORDS: usize = 4096 / 64;

/// See the module. The locks are given back when it is dropped.
pub(super) struct Prefetching<'a> {
    keyspace: &'a Keyspace,
    wanted: &'a [(DbIndex, u64)],
    /// The shards whose locks it holds.
    held: [u64; WORDS],
}

impl<'a> Prefetching<'a> {
    /// Takes the locks that are free.
    #[inline]
    pub(super) fn begin(keyspace: &'a Keyspace, wanted: &'a [(DbIndex, u64)]) -> Self {
        let mut all = Self { keyspace, wanted, held: [0; WORDS] };
        for &(_, hash) in wanted {
            let shard = keyspace.shard_of(hash);
            if !all.holds(shard) && keyspace.cell(shard).lock.try_acquire() {
                all.held[usize::from(shard.0) / 64] |= 1 << (shard.0 % 64);
            }
        }
        all
    }

    #[inline]
    fn holds(&self, shard: ShardIndex) -> bool {
        self.held[usize::from(shard.0) / 64] & (1 << (shard.0 % 64)) != 0
    }

    /// Asks for the buckets.
    #[inline]
    pub(super) fn buckets(self) {
        for &(db, hash) in self.wanted {
            if let Some(db) = self.db(db, hash) {
                db.prefetch_bucket(hash);
            }
        }
    }

    /// Asks for the entries. Those that lie in a bucket behind the first come last, when that bucket has arrived.
    #[inline]
    pub(super) fn entries(self) {
        for lot in self.wanted.chunks(u64::BITS as usize) {
            let mut behind = 0u64;
            for (place, &(db, hash)) in lot.iter().enumerate() {
                if let Some(db) = self.db(db, hash) {
                    behind |= u64::from(db.prefetch_entry(hash)) << place;
                }
            }
            while behind != 0 {
                let (db, hash) = lot[behind.trailing_zeros() as usize];
                if let Some(db) = self.db(db, hash) {
                    db.prefetch_entry_behind(hash);
                }
                behind &= behind - 1;
            }
        }
    }

    #[inline]
    fn db(&self, db: DbIndex, hash: u64) -> Option<&Db> {
        let shard = self.keyspace.shard_of(hash);
        // SAFETY: 1. The shard's lock is held while its bit is set, and there is no guard for it but this. 2. The
        // result lives no longer than `self`, which gives the lock back, and nothing here makes a `&mut`.
        self.holds(shard).then(|| unsafe { &*self.keyspace.cell(shard).shard.get() }.db(db))
    }
}

impl Drop for Prefetching<'_> {
    #[inline]
    fn drop(&mut self) {
        for (cells, held) in self.keyspace.shards.chunks(64).zip(self.held) {
            release(cells, held);
        }
    }
}

#[inline]
fn release(cells: &[ShardCell], mut held: u64) {
    while held != 0 {
        cells[held.trailing_zeros() as usize].lock.release();
        held &= held - 1;
    }
}
