//! Keys that may be evicted, at random.

use spinel_structs::table::TableItem;

use super::Db;
use super::expire::is_large;
use crate::Entry;

/// Buckets looked at for one sample: where few keys may go, most of what is looked at is in vain.
const BUCKETS: u32 = 256;

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
        &self,
        (evictable, wanted): (Evictable, usize),
        random: &mut impl FnMut() -> u64,
        visit: &mut impl FnMut(u64, &Entry),
    ) {
        let snapshot = self.past.snapshot();
        let (mark, is_saving) = (snapshot.mark(), snapshot.is_in_progress());
        self.table.sample((wanted, BUCKETS), random, &mut |entry: &Entry| {
            let may_go = (evictable == Evictable::All || entry.expiry().is_some())
                && !(is_saving && entry.mark() != mark && is_large(entry));
            if may_go {
                visit(entry.hash_again(&self.hash_key), entry);
            }
            may_go
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::usage::Use;
    use crate::{HashKey, Keep, Key, NewValue, UnixMillis};

    #[test]
    fn only_keys_that_may_go_are_sampled_under_their_own_hash() {
        let hash_key = HashKey::from_bytes([9; 16]);
        let mut db = Db::new(hash_key, Arc::default());
        let moment = (UnixMillis(0), Use::of_time(UnixMillis(0)));
        for number in 0..1000_u32 {
            let name = number.to_string();
            let expiry = number.is_multiple_of(10).then_some(UnixMillis(1000));
            db.put(Key::new(name.as_bytes(), &hash_key), NewValue::Int(1), Keep::Replace(expiry), moment);
        }
        let mut state = 5_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state ^ state >> 31
        };
        for (evictable, most) in [(Evictable::All, 20), (Evictable::Expiring, 10)] {
            let mut count = 0;
            db.sample((evictable, 5), &mut random, &mut |hash, entry| {
                assert_eq!(hash, Key::new(entry.key(), &hash_key).hash);
                assert!(evictable == Evictable::All || entry.expiry().is_some());
                count += 1;
            });
            assert!((5..=most).contains(&count), "{count}");
        }
    }
}
