//! Keys that may be evicted, at random.
//!
//! Where only keys with an expiry may go and these are few among others, looking at keys at random would be in vain most of
//! the time. There the index of expiries is asked for some of its records, each of which leads to a key, and all expiries
//! are put on record, however far ahead, for as long as that is needed.

use spinel_structs::table::TableItem;

use super::Db;
use super::expire::is_large;
use crate::expiry::Record;
use crate::{Entry, UnixMillis};

/// Buckets looked at for one sample: where few keys may go, most of what is looked at is in vain.
const BUCKETS: u32 = 256;
/// So many keys for one with an expiry, and the index is asked for these.
const FEW: usize = 8;
/// Records drawn together, so that memory is asked for the keys of all before the first is looked at.
const DRAWN: usize = 8;
/// How often, for one sample of a few keys.
const DRAWS: usize = 16;

/// Which keys may be evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evictable {
    /// All.
    All,
    /// Those with an expiry.
    Expiring,
}

impl Db {
    /// Passes about `wanted` keys at random that may be evicted to `visit`, with their hashes; fewer if few are found in
    /// reasonable time. A large value that a snapshot has still to save is passed over: it would stay in memory until then.
    pub fn sample(
        &mut self,
        (evictable, wanted): (Evictable, usize),
        now: UnixMillis,
        random: &mut impl FnMut() -> u64,
        visit: &mut impl FnMut(u64, &Entry),
    ) {
        let snapshot = self.past.snapshot();
        let (mark, is_saving, hash_key) = (snapshot.mark(), snapshot.is_in_progress(), self.hash_key);
        let mut offer = |entry: &Entry| {
            let may_go = (evictable == Evictable::All || entry.expiry().is_some())
                && !(is_saving && entry.mark() != mark && is_large(entry));
            if may_go {
                visit(entry.hash_again(&hash_key), entry);
            }
            may_go
        };
        if evictable == Evictable::Expiring && self.expiring * FEW < self.table.len() {
            let found = self.sample_records(wanted, now, random, &mut offer);
            if found > 0 || self.horizon.has_all() {
                return;
            }
        }
        self.table.sample((wanted, BUCKETS), random, &mut offer);
    }

    /// Offers keys that are on record in the index of expiries, until `wanted` were taken; says how many were.
    fn sample_records(
        &mut self,
        wanted: usize,
        now: UnixMillis,
        random: &mut impl FnMut() -> u64,
        offer: &mut impl FnMut(&Entry) -> bool,
    ) -> usize {
        self.horizon.want_all(now);
        let bits = self.table.hash_bits();
        let mut found = 0;
        for _ in 0..DRAWS.max(2 * wanted / DRAWN) {
            let mut drawn = [None; DRAWN];
            let some = DRAWN.min(wanted - found);
            drawn[..some].fill_with(|| self.expiries.random(random));
            let drawn = || drawn.iter().flatten().copied();
            for hash in drawn().flat_map(|record| record.hashes(bits)) {
                self.table.prefetch_bucket(hash);
            }
            for hash in drawn().flat_map(|record| record.hashes(bits)) {
                self.table.prefetch_item(hash);
            }
            let mut in_vain = 0;
            for record in drawn() {
                let taken = self.offer_keys_of(record, bits, offer);
                found += taken;
                in_vain += usize::from(taken == 0);
            }
            (0..in_vain).for_each(|_| self.tidy_if_sparse());
            if found >= wanted || drawn().count() < some {
                break;
            }
        }
        found
    }

    /// Offers the keys that can be found under a record, and others in the same bucket that look like them.
    fn offer_keys_of(&self, record: Record, bits: u32, offer: &mut impl FnMut(&Entry) -> bool) -> usize {
        let mut taken = 0;
        for hash in record.hashes(bits) {
            self.table.find(hash, |entry| {
                taken += usize::from(offer(entry));
                false
            });
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use super::*;
    use crate::usage::Use;
    use crate::{HashKey, Keep, Key, NewValue};

    const DAY_MS: i64 = 86_400_000;

    /// A database whose keys are numbers, and numbers at random, counted.
    struct Scene {
        db: Db,
        state: u64,
        draws: usize,
    }

    impl Scene {
        fn new() -> Self {
            Self { db: Db::new(HashKey::from_bytes([9; 16]), Arc::default()), state: 5, draws: 0 }
        }

        fn put(&mut self, number: u32, expiry: Option<i64>) {
            let name = number.to_string();
            let key = Key::new(name.as_bytes(), &self.db.hash_key.clone());
            let moment = (UnixMillis(0), Use::of_time(UnixMillis(0)));
            self.db.put(key, NewValue::Int(1), Keep::Replace(expiry.map(UnixMillis)), moment);
        }

        /// The numbers found by one sample.
        fn sample(&mut self, what: (Evictable, usize)) -> Vec<u32> {
            let Self { db, state, draws } = self;
            let mut random = || {
                *draws += 1;
                *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *state ^ *state >> 31
            };
            let (mut found, hash_key) = (Vec::new(), db.hash_key);
            db.sample(what, UnixMillis(0), &mut random, &mut |hash, entry| {
                assert_eq!(hash, Key::new(entry.key(), &hash_key).hash);
                assert!(what.0 == Evictable::All || entry.expiry().is_some());
                found.push(std::str::from_utf8(entry.key()).unwrap().parse().unwrap());
            });
            found
        }

        fn upkeep(&mut self) {
            while self.db.is_expiry_due(UnixMillis(0)) {
                self.db.remove_expired(UnixMillis(0), 1000, |_| panic!("nothing expires"));
            }
        }

        fn remove(&mut self, number: u32) {
            let name = number.to_string();
            let key = Key::new(name.as_bytes(), &self.db.hash_key.clone());
            assert!(self.db.take(key).is_some());
        }
    }

    #[test]
    fn only_keys_that_may_go_are_sampled_under_their_own_hash() {
        let mut scene = Scene::new();
        (0..1000).for_each(|number| scene.put(number, number.is_multiple_of(5).then_some(1000)));
        for (evictable, most) in [(Evictable::All, 20), (Evictable::Expiring, 10)] {
            let count = scene.sample((evictable, 5)).len();
            assert!((5..=most).contains(&count), "{count}");
        }
    }

    #[test]
    fn few_keys_among_many_are_found_evenly_however_far_ahead_they_expire() {
        for ahead in [DAY_MS / 100, DAY_MS * 30] {
            let (mut scene, every) = (Scene::new(), 500);
            for number in 0..100_000_u32 {
                scene.put(number, number.is_multiple_of(every).then_some(ahead + i64::from(number)));
            }
            // The first asks for all to be put on record.
            scene.sample((Evictable::Expiring, 5));
            scene.upkeep();
            scene.draws = 0;
            let mut found: HashMap<u32, u32> = HashMap::new();
            for _ in 0..4000 {
                let some = scene.sample((Evictable::Expiring, 5));
                assert!(some.len() >= 5);
                some.into_iter().for_each(|number| *found.entry(number).or_default() += 1);
            }
            assert!(scene.draws < 4000 * 5 * 3, "{} draws", scene.draws);
            assert_eq!(found.len(), 200);
            // A hundred times each.
            assert!(found.values().all(|&times| (50..=160).contains(&times)), "{found:?}");
        }
    }

    #[test]
    fn removing_what_was_found_leaves_the_others_as_easy_to_find() {
        let mut scene = Scene::new();
        (0..100_000).for_each(|number| scene.put(number, (number < 10_000).then_some(DAY_MS / 2)));
        for left in (1..10_000).rev() {
            let number = scene.sample((Evictable::Expiring, 1))[0];
            scene.remove(number);
            assert_eq!(scene.db.expiring(), left);
        }
        assert!(scene.draws < 10_000 * 20, "{} draws", scene.draws);
        scene.upkeep();
        assert!(scene.db.expiries.len() < 100, "{} records", scene.db.expiries.len());
    }

    #[test]
    fn expiries_far_ahead_leave_the_record_when_nobody_has_asked_for_an_hour() {
        let mut scene = Scene::new();
        (0..10_000).for_each(|number| scene.put(number, (number < 100).then_some(DAY_MS * 30)));
        assert_eq!(scene.db.expiries.len(), 0);
        scene.sample((Evictable::Expiring, 5));
        scene.upkeep();
        assert!(scene.db.horizon.has_all());
        assert!((90..=100).contains(&scene.db.expiries.len()), "{}", scene.db.expiries.len());
        let later = UnixMillis(2 * 3_600_000);
        assert!(scene.db.is_expiry_due(later));
        scene.db.remove_expired(later, 1000, |_| panic!("nothing expires"));
        assert!(!scene.db.horizon.has_all() && !scene.db.is_expiry_due(later));
    }
}
