//! Tests of the hash table against a standard map, of its scans and of its random picks.

use super::*;
use crate::hash::hash_bytes;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

const KEY: HashKey = HashKey::from_bytes([3; 16]);

/// A number whose hash is keyed, as an item that counts how many of its kind are alive.
struct Counted(Box<(u64, Arc<()>)>);

impl Counted {
    fn number(&self) -> u64 {
        self.0.0
    }
}

impl TableItem for Counted {
    fn hash_again(&self, key: &HashKey) -> u64 {
        hash_bytes(key, &self.number().to_le_bytes())
    }

    fn address(&self) -> *const u8 {
        std::ptr::from_ref(&*self.0).cast()
    }
}

/// A number that is its own hash: tests choose chains.
impl TableItem for u64 {
    fn hash_again(&self, _: &HashKey) -> u64 {
        *self
    }

    fn address(&self) -> *const u8 {
        std::ptr::null()
    }
}

fn hash(number: u64) -> u64 {
    hash_bytes(&KEY, &number.to_le_bytes())
}

/// A generator for tests (SplitMix64), so that they do the same every time.
fn generator(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// A table beside the set it should equal, and the witness that counts the living items.
struct Pair {
    table: Table<Counted>,
    model: HashSet<u64>,
    alive: Arc<()>,
}

impl Pair {
    fn new() -> Self {
        Self { table: Table::new(KEY), model: HashSet::new(), alive: Arc::new(()) }
    }

    fn insert(&mut self, number: u64) {
        let item = Counted(Box::new((number, Arc::clone(&self.alive))));
        match self.table.entry(hash(number), |item| item.number() == number) {
            Entry::Occupied(mut place) => {
                assert!(!self.model.insert(number));
                assert_eq!(place.replace(item).number(), number);
                assert_eq!(place.get().number(), number);
            }
            Entry::Vacant(place) => {
                assert!(self.model.insert(number));
                assert_eq!(place.insert(item).number(), number);
            }
        }
    }

    fn remove(&mut self, number: u64) {
        let removed = self.table.remove(hash(number), |item| item.number() == number);
        assert_eq!(removed.map(|item| item.number()), self.model.take(&number));
    }

    fn take(&mut self, limit: usize) {
        let mut gone = Vec::new();
        let taken = self.table.take_chunk(limit, |item| gone.push(item.number()));
        assert_eq!(taken, limit.min(self.model.len()));
        assert_eq!(taken, gone.len());
        for number in gone {
            assert!(self.model.remove(&number), "{number} is taken once");
        }
    }

    fn check(&self) {
        self.table.check_invariants();
        assert_eq!(self.table.len(), self.model.len());
        assert_eq!(Arc::strong_count(&self.alive), self.model.len() + 1, "no item leaks or is dropped twice");
        let listed: HashSet<u64> = self.table.iter().map(Counted::number).collect();
        assert_eq!(listed, self.model);
        assert_eq!(self.table.iter().len(), self.model.len());
        for &number in &self.model {
            assert!(
                self.table.find(hash(number), |item| item.number() == number).is_some(),
                "{number} is found"
            );
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    InsertRun(u64, u64),
    Remove(u64),
    RemoveRun(u64, u64),
    RemoveMultiples(u64),
    Take(usize),
    Scan,
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0u64..3000).prop_map(Step::Insert),
        6 => (0u64..3000, 1u64..1500).prop_map(|(from, count)| Step::InsertRun(from, count)),
        10 => (0u64..3000).prop_map(Step::Remove),
        6 => (0u64..3000, 1u64..1500).prop_map(|(from, count)| Step::RemoveRun(from, count)),
        2 => (1u64..9).prop_map(Step::RemoveMultiples),
        2 => (0usize..500).prop_map(Step::Take),
        8 => Just(Step::Scan),
        1 => Just(Step::Clear),
    ]
}

fn apply(pair: &mut Pair, step: &Step) {
    match *step {
        Step::Insert(number) => pair.insert(number),
        Step::InsertRun(from, count) => (from..from + count).for_each(|number| pair.insert(number)),
        Step::Remove(number) => pair.remove(number),
        Step::RemoveRun(from, count) => (from..from + count).for_each(|number| pair.remove(number)),
        Step::RemoveMultiples(of) => {
            let mut gone = 0;
            let drained = pair.table.drain_where(|item| item.number().is_multiple_of(of), |_| gone += 1);
            assert_eq!(drained, gone);
            let before = pair.model.len();
            pair.model.retain(|number| !number.is_multiple_of(of));
            assert_eq!(drained, before - pair.model.len());
        }
        Step::Take(limit) => pair.take(limit),
        Step::Clear => {
            pair.table.clear();
            pair.model.clear();
        }
        Step::Scan => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_table_equals_a_set_through_growth_and_shrinking(steps in prop::collection::vec(step(), 1..40)) {
        let mut pair = Pair::new();
        for step in &steps {
            apply(&mut pair, step);
            pair.check();
        }
        let alive = Arc::clone(&pair.alive);
        drop(pair);
        prop_assert_eq!(Arc::strong_count(&alive), 1, "the table drops what it holds");
    }

    #[test]
    fn a_scan_passes_every_item_that_is_there_all_along(
        start in 0u64..3000,
        steps in prop::collection::vec(step(), 1..60),
        calls in prop::collection::vec(1usize..60, 60),
    ) {
        let mut pair = Pair::new();
        pair.insert(100_000);
        (0..start).for_each(|number| pair.insert(number));
        let mut throughout = pair.model.clone();
        let mut seen = HashSet::new();
        let mut cursor = 0;
        let mut changes = steps.iter().zip(&calls);
        'scan: loop {
            let calls = match changes.next() {
                Some((step, &calls)) => {
                    apply(&mut pair, step);
                    throughout.retain(|number| pair.model.contains(number));
                    calls
                }
                None => usize::MAX,
            };
            for _ in 0..calls {
                cursor = pair.table.scan(cursor, &mut |item| { seen.insert(item.number()); });
                prop_assert!(cursor < 1 << 31);
                if cursor == 0 {
                    break 'scan;
                }
            }
        }
        let missed: Vec<_> = throughout.difference(&seen).collect();
        prop_assert!(missed.is_empty(), "missed {missed:?}");
    }

    #[test]
    fn a_scan_of_an_unchanged_table_passes_every_item_once(count in 0u64..4000) {
        let mut pair = Pair::new();
        (0..count).for_each(|number| pair.insert(number));
        let mut seen = HashMap::new();
        let mut cursor = 0;
        loop {
            cursor = pair.table.scan(cursor, &mut |item| *seen.entry(item.number()).or_insert(0) += 1);
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(seen.len(), pair.model.len());
        prop_assert!(seen.values().all(|&times| times == 1));
    }

    #[test]
    fn any_cursor_leads_to_the_end(cursor: u64, count in 1u64..500) {
        let mut pair = Pair::new();
        (0..count).for_each(|number| pair.insert(number));
        let mut cursor = cursor;
        let mut calls = 0;
        loop {
            cursor = pair.table.scan(cursor, &mut |_| {});
            calls += 1;
            prop_assert!(calls <= pair.table.storage.count());
            if cursor == 0 {
                break;
            }
        }
    }
}

#[test]
fn a_sample_passes_every_item_as_often_as_any_other() {
    let mut pair = Pair::new();
    (0..200).for_each(|number| pair.insert(number));
    let mut random = generator(7);
    let (mut times, mut passed) = (vec![0_u32; 200], 0);
    for _ in 0..20_000 {
        passed += pair.table.sample((5, 64), &mut random, &mut |item| {
            times[item.number() as usize] += 1;
            true
        });
    }
    let mean = passed as f64 / 200.0;
    let is_near = |times: u32| (f64::from(times) / mean - 1.0).abs() < 0.2;
    assert!(times.iter().all(|&times| is_near(times)), "about {mean}: {times:?}");
    assert!((5.0..12.0).contains(&(passed as f64 / 20_000.0)), "not many more than wanted");
    assert!(
        pair.table.sample((1000, u32::MAX), &mut random, &mut |_| true) >= 100,
        "a bucket for each of the table's"
    );
    let mut looked_at = 0;
    let is_wanted = |looked_at: &mut usize| {
        *looked_at += 1;
        false
    };
    assert_eq!(pair.table.sample((1, 10), &mut random, &mut |_| is_wanted(&mut looked_at)), 0);
    assert!((1..200).contains(&looked_at), "ten buckets hold {looked_at}");
}

#[test]
fn an_empty_table_takes_nothing_and_seven_items_take_one_cache_line() {
    let mut table = Table::<u64>::new(KEY);
    assert_eq!(table.memory_bytes(), 0);
    assert_eq!(size_of::<Table<u64>>(), 64);
    let mut random = generator(1);
    let items: Vec<u64> = (0..7).map(|_| random()).collect();
    for &item in &items {
        table.insert_unique(item, item);
        assert_eq!(table.memory_bytes(), 64);
    }
    for &item in &items {
        assert_eq!(table.remove(item, |&other| other == item), Some(item));
    }
    assert_eq!(table.memory_bytes(), 0);
}

#[test]
fn items_of_one_hash_form_a_chain_that_works_like_any_bucket() {
    let mut table = Table::<Counted>::new(KEY);
    let alive = Arc::new(());
    // All under the hash of number 0: the table cannot spread them, and must not lose them.
    #[derive(Debug)]
    struct Same(Box<u64>);
    impl TableItem for Same {
        fn hash_again(&self, _: &HashKey) -> u64 {
            0x4200_0000_0000_0001
        }
        fn address(&self) -> *const u8 {
            std::ptr::from_ref(&*self.0).cast()
        }
    }
    let mut same = Table::<Same>::new(KEY);
    let same_hash = 0x4200_0000_0000_0001;
    for number in 0..300 {
        same.insert_unique(same_hash, Same(Box::new(number)));
        same.check_invariants();
    }
    for number in (0..300).step_by(2).chain((1..300).step_by(2)) {
        assert_eq!(same.remove(same_hash, |item| *item.0 == number).map(|item| *item.0), Some(number));
        same.check_invariants();
        assert!(same.find(same_hash, |item| *item.0 == number).is_none());
    }
    table.insert_unique(hash(1), Counted(Box::new((1, Arc::clone(&alive)))));
    assert_eq!(Arc::strong_count(&alive), 2);
}

#[test]
fn large_tables_with_mapped_pieces_grow_and_shrink_to_nothing() {
    // 2^16 buckets are where the pieces are mapped.
    let mut random = generator(7);
    let items: Vec<u64> = (0..600_000).map(|_| random()).collect();
    let mut table = Table::<u64>::new(KEY);
    for &item in &items {
        table.insert_unique(item, item);
        assert!(!table.exceeds_load(table.len()), "the table grows in time");
    }
    assert!(table.storage.count() > 3 << 14);
    table.check_invariants();
    let full = table.memory_bytes();
    for &item in &items[..595_000] {
        assert_eq!(table.remove(item, |&other| other == item), Some(item));
    }
    table.check_invariants();
    assert!(table.memory_bytes() < full / 20, "{} of {full}", table.memory_bytes());
    for &item in &items[..450_000] {
        table.insert_unique(item, item);
    }
    table.check_invariants();
    let mut rest: HashSet<u64> = items[595_000..].iter().chain(&items[..450_000]).copied().collect();
    while table.take_chunk(1_000, |item| assert!(rest.remove(&item))) > 0 {}
    assert!(rest.is_empty());
    assert_eq!(table.memory_bytes(), 0);
}

#[test]
fn buckets_cost_at_most_thirteen_and_a_half_bytes_per_item_over_a_doubling() {
    let mut random = generator(11);
    let mut table = Table::<u64>::new(KEY);
    let mut sum = 0.0;
    let mut samples = 0.0;
    for len in 1..=800_000u32 {
        let item = random();
        table.insert_unique(item, item);
        if len >= 400_000 && len % 10_000 == 0 {
            sum += table.memory_bytes() as f64 / f64::from(len);
            samples += 1.0;
        }
    }
    let average: f64 = sum / samples;
    assert!(average <= 13.5, "{average} bytes per item");
}

#[test]
fn random_items_are_uniform() {
    // 500 items in buckets of unequal length; chi-square with 499 degrees of freedom is below 600 with p =
    // 0.999.
    let mut pair = Pair::new();
    (0..500).for_each(|number| pair.insert(number));
    let draws = 200_000;
    let mut counts = [0u32; 500];
    let mut random = generator(99);
    for _ in 0..draws {
        counts[pair.table.random(&mut random).expect("not empty").number() as usize] += 1;
    }
    let expected = f64::from(draws) / 500.0;
    let chi_square: f64 = counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
    assert!((400.0..600.0).contains(&chi_square), "{chi_square}");
    assert!(Table::<u64>::new(KEY).random(&mut random).is_none());
}

#[test]
fn items_found_mutably_are_the_ones_in_the_table() {
    let mut table = Table::<Counted>::new(KEY);
    let (old, new) = (Arc::new(()), Arc::new(()));
    for number in 0..100 {
        table.insert_unique(hash(number), Counted(Box::new((number, Arc::clone(&old)))));
    }
    for number in 0..100 {
        table.prefetch_bucket(hash(number));
        table.prefetch_item(hash(number));
        table.find_mut(hash(number), |item| item.number() == number).expect("inserted").0.1 =
            Arc::clone(&new);
    }
    assert_eq!((Arc::strong_count(&old), Arc::strong_count(&new)), (1, 101));
    assert!(table.find_mut(hash(100), |item| item.number() == 100).is_none());
    let Entry::Occupied(mut place) = table.entry(hash(5), |item| item.number() == 5) else {
        panic!("inserted")
    };
    place.get_mut().0.1 = Arc::clone(&old);
    place.into_mut().0.1 = Arc::clone(&old);
    let Entry::Occupied(place) = table.entry(hash(5), |item| item.number() == 5) else { panic!("inserted") };
    assert_eq!(place.remove().number(), 5);
    assert_eq!((table.len(), Arc::strong_count(&old)), (99, 1));
}

#[test]
fn tables_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Table<u64>>();
}
