//! Keeping keys instead of their shards: [`Held`] lets the shards go and takes some of them again, command by command.
//!
//! Nothing of a shard can be reached in between: there is no guard to reach it through.

use std::sync::Arc;

use super::{Guards, Held, Keyspace, ShardGuard};
use crate::ShardIndex;
use crate::kept::Kept;

/// What is kept, and where. Dropped, as by a panic, it is given up shard by shard; the guards of [`Held`] go before it.
pub(super) struct Keeping<'k> {
    keyspace: &'k Keyspace,
    hashes: Arc<[u64]>,
    /// In ascending order.
    shards: Vec<ShardIndex>,
}

impl Drop for Keeping<'_> {
    fn drop(&mut self) {
        for shard in self.shards.drain(..) {
            self.keyspace.wait_lock_beside(shard).give_up_kept();
        }
    }
}

impl ShardGuard<'_> {
    /// Keeps no keys any more. Whoever waited for them is woken when the shard is let go.
    fn give_up_kept(&mut self) {
        if let Some(kept) = self.kept.take() {
            self.cell.lock.add_tickets(kept.into_waiting());
        }
    }
}

impl<'k> Held<'k> {
    /// Keeps these keys, by their hashes, which are of shards held, and lets the shards go. There must be no other keeper.
    pub fn keep(&mut self, mut hashes: Vec<u64>) {
        debug_assert!(self.keeping.is_none() && hashes.iter().all(|&hash| self.holds(hash)));
        hashes.sort_unstable();
        hashes.dedup();
        let hashes: Arc<[u64]> = hashes.into();
        for shard in self.iter_mut() {
            debug_assert!(shard.kept.is_none(), "there is one keeper");
            shard.kept = Some(Box::new(Kept::new(&hashes)));
        }
        let shards = self.indexes().collect();
        self.keeping = Some(Box::new(Keeping { keyspace: self.keyspace, hashes, shards }));
        self.let_go();
    }

    /// Whether keys are kept instead of shards.
    #[inline]
    #[must_use]
    pub fn is_keeping(&self) -> bool {
        self.keeping.is_some()
    }

    /// One of the shards held in which somebody else keeps keys.
    #[must_use]
    pub fn has_kept_keys(&self) -> Option<ShardIndex> {
        self.guards.iter().find(|guard| guard.has_kept_keys()).map(ShardGuard::index)
    }

    /// Whether a key is kept.
    #[must_use]
    pub fn keeps(&self, hash: u64) -> bool {
        self.keeping.as_ref().is_some_and(|keeping| keeping.hashes.binary_search(&hash).is_ok())
    }

    /// The shards of the keys that are kept, in ascending order.
    #[must_use]
    pub fn kept_shards(&self) -> &[ShardIndex] {
        self.keeping.as_ref().map_or(&[], |keeping| &keeping.shards)
    }

    /// Takes shards again, in ascending order, or none of them: false if one is taken. To be tried until it succeeds; who
    /// waits holds no shard meanwhile.
    #[must_use]
    pub fn take_again(&mut self, shards: &[ShardIndex]) -> bool {
        debug_assert!(self.is_keeping() && self.guards.len() == 0);
        let keyspace = self.keyspace;
        for &shard in shards {
            let Some(guard) = keyspace.spin_lock_beside(shard) else {
                self.let_go();
                return false;
            };
            self.guards.push(guard);
        }
        true
    }

    /// Lets the shards go until they are taken again, and wakes those who wait for them.
    pub fn let_go(&mut self) {
        debug_assert!(self.is_keeping());
        if self.guards.len() > 0 {
            self.guards = Guards::default();
            self.keyspace.wake_missed();
        }
    }

    /// Keeps nothing any more but the shards held, among which are those of all keys that were kept.
    pub fn end_keeping(&mut self) {
        let Some(mut keeping) = self.keeping.take() else { return };
        for shard in std::mem::take(&mut keeping.shards) {
            let place = self.place(shard).expect("the caller has taken all shards again");
            self.guards.at_mut(place).give_up_kept();
        }
    }

    /// Waits for all shards, by yielding the thread. At most one caller at a time may do so: others who hold shards must not
    /// wait for more. Who keeps keys has all shards instead from now on, and holds none while it waits for the first.
    pub fn extend_to_all(&mut self) {
        let keyspace = self.keyspace;
        let is_keeper = self.is_keeping();
        if is_keeper {
            self.let_go();
        }
        let all = (0..keyspace.shards.len() as u16).map(ShardIndex);
        let missing: Vec<_> = all.filter(|shard| self.place(*shard).is_none()).collect();
        let wait =
            |shard| if is_keeper { keyspace.wait_lock_beside(shard) } else { keyspace.wait_lock(shard) };
        let mut guards: Vec<_> = missing.into_iter().map(wait).collect();
        let Guards { first, more } = std::mem::take(&mut self.guards);
        guards.extend(first.into_iter().chain(more));
        guards.sort_unstable_by_key(|guard| guard.index);
        guards.into_iter().for_each(|guard| self.guards.push(guard));
        self.end_keeping();
    }
}
