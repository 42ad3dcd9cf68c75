//! Where the keys are that may be evicted: the databases of each shard with the number of such keys, so that a place is
//! drawn as often as is fair to its keys.

use spinel_store::{DbIndex, Keyspace, ShardIndex};

/// Draws after which the numbers are taken anew: by then the keys have moved little, and taking them reads one number for
/// each database of each shard.
const DRAWS: u32 = 256;

#[derive(Clone, Copy, Debug)]
struct Place {
    /// Keys here and in the places before.
    up_to: usize,
    db: DbIndex,
    shard: ShardIndex,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Places {
    places: Vec<Place>,
    draws_left: u32,
}

impl Places {
    /// A place, each in proportion to its keys (those with an expiry, if only they count); `None` if there are no keys.
    pub(super) fn draw(
        &mut self,
        keyspace: &Keyspace,
        only_expiring: bool,
        random: u64,
    ) -> Option<(DbIndex, ShardIndex)> {
        if self.draws_left == 0 {
            self.count(keyspace, only_expiring);
        }
        let total = self.places.last()?.up_to;
        self.draws_left -= 1;
        let drawn = ((u128::from(random) * total as u128) >> 64) as usize;
        let place = self.places[self.places.partition_point(|place| place.up_to <= drawn)];
        Some((place.db, place.shard))
    }

    /// Has the numbers taken anew at the next draw: they proved wrong, or other keys count now.
    pub(super) fn forget(&mut self) {
        self.draws_left = 0;
    }

    #[cold]
    fn count(&mut self, keyspace: &Keyspace, only_expiring: bool) {
        self.places.clear();
        let mut up_to = 0;
        for db in (0..keyspace.databases()).map(|db| DbIndex(db as u16)) {
            for shard in (0..keyspace.shards()).map(|shard| ShardIndex(shard as u16)) {
                let keys = match only_expiring {
                    true => keyspace.expiring_in(shard, db),
                    false => keyspace.count_in(shard, db),
                };
                if keys > 0 {
                    up_to += keys;
                    self.places.push(Place { up_to, db, shard });
                }
            }
        }
        self.draws_left = if up_to == 0 { 0 } else { DRAWS };
    }
}

#[cfg(test)]
mod tests {
    use spinel_store::usage::Use;
    use spinel_store::{HashKey, Keep, KeyspaceOptions, NewValue};

    use spinel_family::UnixMillis;

    use super::*;

    fn keyspace() -> Keyspace {
        Keyspace::new(KeyspaceOptions { shards: 4, databases: 3, hash_key: HashKey::from_bytes([1; 16]) })
    }

    fn put(keyspace: &Keyspace, db: u16, name: &str, expiry: Option<i64>) {
        let key = keyspace.key(name.as_bytes());
        let mut held = keyspace.hold_all().expect("nobody else holds a shard");
        let moment = (UnixMillis(0), Use::of_time(UnixMillis(0)));
        let keep = Keep::Replace(expiry.map(UnixMillis));
        held.shard_mut(key.hash).db_mut(DbIndex(db)).put(key, NewValue::Int(1), keep, moment);
    }

    #[test]
    fn places_are_drawn_in_proportion_to_their_keys() {
        let (keyspace, mut places) = (keyspace(), Places::default());
        assert_eq!(places.draw(&keyspace, false, 0), None);
        (0..30).for_each(|n| put(&keyspace, 0, &n.to_string(), None));
        (0..10).for_each(|n| put(&keyspace, 2, &n.to_string(), Some(1000)));
        let mut drawn = [0; 3];
        for n in 0..40_u64 {
            let (db, shard) =
                places.draw(&keyspace, false, n * (u64::MAX / 40) + 1000).expect("there are keys");
            assert!(keyspace.count_in(shard, db) > 0);
            drawn[usize::from(db.0)] += 1;
        }
        assert_eq!(drawn, [30, 0, 10]);
        places.forget();
        assert_eq!(places.draw(&keyspace, true, u64::MAX).expect("some expire").0, DbIndex(2));
    }
}
