//! Prefetching for a batch of commands, under all their shards' locks at once.
//!
//! A locked instruction waits for what came before it, a prefetch whose address must first be translated included. One
//! lock for each prefetch would therefore undo the point of prefetching, which is to have many misses under way at the
//! same time. So the locks are taken first, each shard's once, then everything is fetched without any in between, and
//! they are given back before the first command runs: nobody waits longer for a shard than a few hundred nanoseconds, or about
//! one microsecond where values are fetched, whose steps wait for one another.

use smallvec::SmallVec;
use spinel_structs::table::FetchAhead;

use super::{Keyspace, ShardCell, Wanted, WantedValue};
use crate::value::Behind;
use crate::{Db, ShardIndex};

/// Up to so many shards, one word tells which are held.
pub(super) const FEW_SHARDS: usize = 64;
/// The words that tell it for any number of shards.
pub(super) const MANY: usize = 4096 / 64;

/// Values that are on their way at the same time, while locks are held.
pub(super) const UNDER_WAY: usize = 16;

/// A collection with elements that are wanted, by their hashes.
struct WantedTable<'a> {
    table: &'a dyn FetchAhead,
    elements: &'a [u64],
    /// Those that may lie behind the first bucket, a bit for each.
    behind: u64,
}

/// See the module. The locks are given back when it is dropped.
pub(super) struct Prefetching<'a, const WORDS: usize> {
    keyspace: &'a Keyspace,
    /// The shards whose locks it holds.
    held: [u64; WORDS],
}

impl<'a, const WORDS: usize> Prefetching<'a, WORDS> {
    /// Takes the locks that are free.
    #[inline]
    pub(super) fn begin<'w>(keyspace: &'a Keyspace, wanted: impl IntoIterator<Item = &'w Wanted>) -> Self {
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

    /// Asks for what stands behind entries, step by step, of which each waits for what the one before asked for. Returns
    /// the hashes of elements that belong to nobody here.
    #[inline]
    pub(super) fn values<'e>(self, wanted: &[WantedValue], mut elements: &'e [u64]) -> &'e [u64] {
        let mut values: SmallVec<[(Behind<'_>, &[u64]); UNDER_WAY]> = SmallVec::new();
        for wanted in wanted {
            let (own, others) = elements.split_at(wanted.elements);
            elements = others;
            if let Some(db) = self.db(&wanted.key)
                && let Some(value) = db.behind(wanted.key.hash)
                && value.prefetch_head()
            {
                values.push((value, own));
            }
        }
        let mut tables: SmallVec<[WantedTable<'_>; UNDER_WAY]> = SmallVec::new();
        for (value, own) in values {
            if let Some(table) = value.prefetch_body()
                && !own.is_empty()
            {
                tables.push(WantedTable { table, elements: own, behind: 0 });
            }
        }
        for wanted in &tables {
            wanted.table.prefetch_buckets(wanted.elements);
        }
        for wanted in &mut tables {
            wanted.behind = wanted.table.prefetch_items(wanted.elements);
        }
        for wanted in &tables {
            wanted.table.prefetch_items_behind(wanted.elements, wanted.behind);
        }
        elements
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

#[cfg(test)]
mod tests {
    use super::UNDER_WAY;
    use crate::value::{Behind, Hash, List, Set, SortedSet};
    use crate::{
        DbIndex, EncodingLimits, HashKey, Key, Keyspace, KeyspaceOptions, NewValue, Text, UnixMillis,
        WantedValue,
    };

    const HASH_KEY: HashKey = HashKey::from_bytes([3; 16]);
    const DB: DbIndex = DbIndex(0);

    /// Values of each type, of one element and of many.
    fn values(elements: usize) -> Vec<NewValue<'static>> {
        let limits = EncodingLimits::default();
        let (mut hash, mut set, mut zset) = (Hash::new(), Set::new(), SortedSet::new());
        let (mut ints, mut list) = (Set::new(), List::new());
        for name in (0..elements).map(|n| format!("m{n}").into_bytes()) {
            hash.set(&name, b"value", &limits, &HASH_KEY);
            set.add(Text::Bytes(&name), &limits, &HASH_KEY);
            zset.insert(&name, 1.0, &limits, &HASH_KEY);
            list.push(crate::End::Back, [&name[..]], &limits);
        }
        for n in 0..elements as i64 {
            ints.add(Text::Int(n), &limits, &HASH_KEY);
        }
        vec![
            NewValue::Int(7),
            NewValue::Text(b"short"),
            NewValue::Text(&[b'x'; 250]),
            NewValue::Raw(vec![b'x'; 1 + 10 * elements]),
            NewValue::List(Box::new(list)),
            NewValue::Set(Box::new(set)),
            NewValue::Set(Box::new(ints)),
            NewValue::Hash(Box::new(hash)),
            NewValue::SortedSet(Box::new(zset)),
        ]
    }

    /// A key space with all of them; these, some keys that are not there, and elements that are there or not.
    fn filled(shards: usize) -> (Keyspace, Vec<WantedValue>, Vec<u64>) {
        let keyspace = Keyspace::new(KeyspaceOptions { shards, databases: 2, hash_key: HASH_KEY });
        let (mut wanted, mut elements) = (Vec::new(), Vec::new());
        let all = [1, 1000].into_iter().flat_map(values);
        for (number, value) in all.enumerate() {
            let name = format!("key{number}");
            let key = Key::new(name.as_bytes(), &HASH_KEY);
            let mut held = keyspace.hold_one(key.hash).expect("nobody else is there");
            let now = UnixMillis(1);
            let used = crate::usage::Use::of_time(now);
            held.shard_mut(key.hash).db_mut(DB).put(key, value, crate::Keep::Replace(None), (now, used));
            for hash in [key.hash, key.hash ^ 0xff] {
                let key = keyspace.wanted(DB, hash);
                for number in [0, 1, 64] {
                    wanted.push(WantedValue { key, elements: number });
                    elements.extend((0..number).map(|n| keyspace.hash(format!("m{}", 20 * n).as_bytes())));
                }
            }
        }
        (keyspace, wanted, elements)
    }

    #[test]
    fn whatever_is_fetched_ahead_all_shards_are_free_again() {
        for shards in [1, 64, 128] {
            let (keyspace, wanted, elements) = filled(shards);
            assert!(wanted.len() > UNDER_WAY);
            keyspace.prefetch_values(&wanted, &elements);
            assert!(keyspace.hold_all().is_ok(), "{shards}");
        }
    }

    #[test]
    fn shards_that_are_taken_stay_so() {
        let (keyspace, wanted, elements) = filled(2);
        let held = keyspace.hold_one(wanted[0].key.hash).expect("nobody else is there");
        keyspace.prefetch_values(&wanted, &elements);
        assert!(keyspace.hold_one(wanted[0].key.hash).is_none());
        drop(held);
        assert!(keyspace.hold_all().is_ok());
    }

    #[test]
    fn the_large_forms_lead_to_a_table_and_nothing_else_does() {
        // Two of those of the sets.
        for (elements, tables) in [(1, 0), (1000, 4)] {
            let key = Key::new(b"k", &HASH_KEY);
            let is_table = |value: NewValue<'_>| {
                let entry = crate::Entry::new(key.bytes, value, None, 0);
                entry.behind().and_then(Behind::prefetch_body).is_some()
            };
            assert_eq!(
                values(elements).into_iter().map(is_table).filter(|is_table| *is_table).count(),
                tables
            );
        }
    }
}
