//! Keeping keys instead of their shards: [`Held`] lets the shards go and takes some of them again, command by command.
//!
//! Nothing of a shard can be reached in between: there is no guard to reach it through.

use std::sync::Arc;

use super::{Held, Keyspace, ShardGuard};
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
        debug_assert!(!self.is_keeping() && hashes.iter().all(|&hash| self.holds(hash)));
        hashes.sort_unstable();
        hashes.dedup();
        let hashes: Arc<[u64]> = hashes.into();
        for shard in self.iter_mut() {
            debug_assert!(shard.kept.is_none(), "there is one keeper");
            shard.kept = Some(Box::new(Kept::new(&hashes)));
        }
        let shards = self.indexes().collect();
        let keeping = Keeping { keyspace: self.keyspace, hashes, shards };
        self.guards.more.get_or_insert_default().keeping = Some(keeping);
        self.let_go();
    }

    /// Whether keys are kept instead of shards.
    #[inline]
    #[must_use]
    pub fn is_keeping(&self) -> bool {
        self.keeping().is_some()
    }

    #[inline]
    fn keeping(&self) -> Option<&Keeping<'k>> {
        self.guards.more.as_ref()?.keeping.as_ref()
    }

    /// One of the shards held in which somebody else keeps keys.
    #[must_use]
    pub fn has_kept_keys(&self) -> Option<ShardIndex> {
        self.guards.iter().find(|guard| guard.has_kept_keys()).map(ShardGuard::index)
    }

    /// Whether a key is kept.
    #[must_use]
    pub fn keeps(&self, hash: u64) -> bool {
        self.keeping().is_some_and(|keeping| keeping.hashes.binary_search(&hash).is_ok())
    }

    /// The shards of the keys that are kept, in ascending order.
    #[must_use]
    pub fn kept_shards(&self) -> &[ShardIndex] {
        self.keeping().map_or(&[], |keeping| &keeping.shards)
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

    /// Lets the shards go until they are taken again, and wakes those who wait for them. Whether there were such.
    pub fn let_go(&mut self) -> bool {
        debug_assert!(self.is_keeping());
        if self.guards.len() == 0 {
            return false;
        }
        let is_awaited = self.guards.iter().any(|guard| guard.cell.lock.is_awaited());
        drop(self.guards.take());
        self.keyspace.wake_missed();
        is_awaited
    }

    /// Keeps nothing any more but the shards held, among which are those of all keys that were kept.
    pub fn end_keeping(&mut self) {
        let more = self.guards.more.as_mut();
        let Some(mut keeping) = more.and_then(|more| more.keeping.take()) else { return };
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
        let wait =
            |shard| if is_keeper { keyspace.wait_lock_beside(shard) } else { keyspace.wait_lock(shard) };
        let guards = self.missing().map(wait).collect();
        self.add(guards);
        self.end_keeping();
    }

    /// Takes all shards if the missing ones are free and no value of theirs is being read apart, and waits for none; false,
    /// with what was held, if not.
    #[must_use]
    pub fn try_extend_to_all(&mut self) -> bool {
        debug_assert!(!self.is_keeping());
        let keyspace = self.keyspace;
        let free = |shard| keyspace.try_lock(shard).filter(|guard| guard.readers.is_empty());
        let guards: Option<Vec<_>> = self.missing().map(free).collect();
        let is_free = guards.is_some();
        self.add(guards.unwrap_or_default());
        is_free
    }

    /// The shards not held.
    fn missing(&self) -> impl Iterator<Item = ShardIndex> {
        let all = (0..self.keyspace.shards.len() as u16).map(ShardIndex);
        all.filter(|shard| self.place(*shard).is_none())
    }

    /// Holds more shards.
    fn add(&mut self, mut guards: Vec<ShardGuard<'k>>) {
        guards.extend(self.guards.take());
        guards.sort_unstable_by_key(ShardGuard::index);
        guards.into_iter().for_each(|guard| self.guards.push(guard));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::{HashKey, Keyspace, KeyspaceOptions, ShardIndex, Taken, Waiter, Wake};

    fn keyspace() -> Keyspace {
        Keyspace::new(KeyspaceOptions { shards: 4, databases: 2, hash_key: HashKey::from_bytes([3; 16]) })
    }

    /// The hashes of two keys of one shard and of one of another.
    fn hashes(keyspace: &Keyspace) -> [u64; 3] {
        let all: Vec<u64> = (0..100u8).map(|n| keyspace.key(&[n]).hash).collect();
        let is_near = |hash: &&u64| keyspace.shard_of(**hash) == keyspace.shard_of(all[0]);
        let near = all[1..].iter().find(is_near).expect("there are few shards");
        let far = all.iter().find(|hash| !is_near(hash)).expect("there are several shards");
        [all[0], *near, *far]
    }

    fn counting(count: &Arc<AtomicUsize>) -> Wake {
        let count = Arc::clone(count);
        Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        })
    }

    #[test]
    fn a_shard_with_kept_keys_is_there_for_its_other_keys_only() {
        let keyspace = keyspace();
        let [kept, near, far] = hashes(&keyspace);
        let shard = keyspace.shard_of(kept);
        let mut held = keyspace.hold(&[shard]).unwrap();
        held.keep(vec![kept, kept]);
        assert!(held.keeps(kept) && !held.keeps(near) && held.kept_shards() == [shard]);
        assert!(!held.holds(kept), "nothing is reached in between");
        assert!(keyspace.hold_one(kept).is_none());
        assert!(keyspace.hold_one(near).is_some() && keyspace.hold_one(far).is_some());
        assert!(keyspace.hold_beside(&[shard]).is_ok());
        assert_eq!(keyspace.hold(&[shard]).err(), Some(Taken::Kept(shard)));
        assert_eq!(keyspace.hold_all().err(), Some(Taken::Kept(shard)));
        assert!(keyspace.spin_lock(shard).is_err() && keyspace.try_lock(shard).is_none());
        assert!(held.take_again(&[shard]) && held.holds(kept));
        assert_eq!(keyspace.hold_beside(&[shard]).err(), Some(Taken::Locked(shard)));
        held.let_go();
        assert!(held.take_again(&[shard]));
        held.end_keeping();
        assert!(!held.is_keeping() && held.holds(kept));
        drop(held);
        assert!(keyspace.hold_one(kept).is_some() && keyspace.hold_all().is_ok());
    }

    #[test]
    fn nothing_is_taken_again_if_one_shard_is_taken() {
        let keyspace = keyspace();
        let [kept, _, far] = hashes(&keyspace);
        let mut shards = [keyspace.shard_of(kept), keyspace.shard_of(far)];
        shards.sort_unstable();
        let mut held = keyspace.hold(&shards).unwrap();
        held.keep(vec![kept, far]);
        let other = keyspace.hold_beside(&shards[1..]).unwrap();
        assert!(!held.take_again(&shards));
        assert!(keyspace.spin_lock_beside(shards[0]).is_some());
        drop(other);
        assert!(held.take_again(&shards));
        held.end_keeping();
    }

    #[test]
    fn who_waits_for_kept_keys_is_woken_when_the_shard_is_let_go_at_the_end() {
        let keyspace = keyspace();
        let [kept, ..] = hashes(&keyspace);
        let shard = keyspace.shard_of(kept);
        let woken = Arc::new(AtomicUsize::new(0));
        assert!(!keyspace.wake_when_free(Taken::Kept(shard), counting(&woken)), "it is free by now");
        let mut held = keyspace.hold(&[shard]).unwrap();
        held.keep(vec![kept]);
        assert!(keyspace.wake_when_free(Taken::Kept(shard), counting(&woken)));
        assert!(keyspace.hold_beside(&[shard]).unwrap().shard_mut(kept).wait_for_kept_keys(counting(&woken)));
        assert!(!keyspace.wake_when_free(Taken::Locked(shard), counting(&woken)), "the lock is free");
        assert!(held.take_again(&[shard]));
        assert!(keyspace.wake_when_free(Taken::Kept(shard), counting(&woken)), "as a ticket");
        held.let_go();
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert!(held.take_again(&[shard]));
        held.end_keeping();
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        drop(held);
        assert_eq!(woken.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn keys_are_given_up_with_what_kept_them_whether_shards_are_held_or_not() {
        let keyspace = keyspace();
        let [kept, ..] = hashes(&keyspace);
        let shard = keyspace.shard_of(kept);
        for is_held in [false, true] {
            let woken = Arc::new(AtomicUsize::new(0));
            let mut held = keyspace.hold_all().unwrap();
            held.keep(vec![kept]);
            assert!(keyspace.wake_when_free(Taken::Kept(shard), counting(&woken)));
            assert!(!is_held || held.take_again(&[shard]));
            drop(held);
            assert_eq!(woken.load(Ordering::Relaxed), 1);
            assert!(keyspace.hold_all().is_ok());
        }
    }

    #[test]
    fn who_keeps_keys_gets_all_shards_when_others_have_let_go() {
        let keyspace = keyspace();
        let [kept, _, far] = hashes(&keyspace);
        let mut held = keyspace.hold(&[keyspace.shard_of(kept)]).unwrap();
        held.keep(vec![kept]);
        std::thread::scope(|scope| {
            let (ready, wait) = std::sync::mpsc::channel();
            let keyspace = &keyspace;
            scope.spawn(move || {
                let other = keyspace.hold_beside(&[keyspace.shard_of(far)]).unwrap();
                ready.send(()).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(10));
                // It gets the keeper's shard although that waits for all.
                drop(other);
                drop(keyspace.wait_lock_beside(keyspace.shard_of(kept)));
            });
            wait.recv().unwrap();
            held.extend_to_all();
            assert!(held.holds_all() && !held.is_keeping());
            drop(held);
        });
        assert!(keyspace.hold_all().is_ok());
    }

    #[test]
    fn all_shards_are_taken_at_once_or_nothing_changes() {
        let keyspace = keyspace();
        let [kept, _, far] = hashes(&keyspace);
        let mut held = keyspace.hold(&[keyspace.shard_of(far)]).unwrap();
        let mut keeper = keyspace.hold(&[keyspace.shard_of(kept)]).unwrap();
        assert!(!held.try_extend_to_all(), "a shard is held");
        keeper.keep(vec![kept]);
        assert!(!held.try_extend_to_all(), "a key is kept");
        drop(keeper);
        keyspace.hold_one(kept).unwrap().shard_mut(kept).readers.begin(crate::DbIndex(0), kept);
        assert!(!held.try_extend_to_all() && held.holds(far) && !held.holds(kept), "a value is read apart");
        assert!(
            keyspace.hold_one(kept).unwrap().shard_mut(kept).readers.end(crate::DbIndex(0), kept).is_empty()
        );
        assert!(held.try_extend_to_all() && held.holds_all() && held.holds(kept));
        drop(held);
        assert!(keyspace.hold_all().is_ok());
    }

    #[test]
    fn destinations_are_known_while_somebody_waits() {
        let keyspace = keyspace();
        let waiter = Arc::new(Waiter::new(Some(b"to".as_slice().into()), Box::new(())));
        let mut held = keyspace.hold_all().unwrap();
        let hash = keyspace.key(b"from").hash;
        let db = crate::DbIndex(0);
        held.shard_mut(hash).waiters.add(db, b"from", &waiter);
        held.shard_mut(hash).waiters.add(db, b"from", &waiter);
        assert!(keyspace.is_destination(b"to") && !keyspace.is_destination(b"from"));
        held.shard_mut(hash).waiters.remove(db, b"from", &waiter);
        held.shard_mut(hash).waiters.remove(db, b"from", &waiter);
        assert!(!keyspace.is_destination(b"to"));
        assert_eq!(held.indexes().next(), Some(ShardIndex(0)));
    }
}
