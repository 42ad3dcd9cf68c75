//! The wheel alone; with a table of keys it is tested in `db`.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// Takes out everything that is due at `now` and puts back what `expiries` says lives on; the fragments gone.
fn run(index: &mut ExpiryIndex, expiries: &mut HashMap<u32, i64>, now: i64) -> Vec<u32> {
    let mut gone = Vec::new();
    while let Some(record) = index.next_due(UnixMillis(now)) {
        match expiries.get(&record.0) {
            Some(&at) if at <= now => {
                expiries.remove(&record.0);
                gone.push(record.0);
            }
            Some(&at) => index.note(record, UnixMillis(at)),
            None => {}
        }
    }
    gone
}

proptest! {
    #[test]
    fn everything_is_due_within_a_tick_of_its_time_however_the_clock_runs(
        start in 0i64..2_000_000_000_000,
        spans in proptest::collection::vec((0u32..6, 0.0f64..1.0), 1..200),
        steps in proptest::collection::vec((0u32..5, 0.0f64..1.0), 1..60),
    ) {
        let scaled = |(level, part): (u32, f64)| (part * 8.0 * 64f64.powi(level as i32 + 1)) as i64;
        let mut index = ExpiryIndex::new();
        index.set_clock(UnixMillis(start));
        let mut expiries = HashMap::new();
        for (i, &span) in spans.iter().enumerate() {
            let at = start + scaled(span);
            expiries.insert(i as u32, at);
            index.note(Record(i as u32), UnixMillis(at));
        }
        let mut now = start;
        for step in steps {
            now += scaled(step);
            run(&mut index, &mut expiries, now);
            prop_assert!(expiries.values().all(|&at| at + TICK_MS > now), "one is late");
            prop_assert_eq!(index.len(), expiries.len());
        }
    }

    #[test]
    fn a_fragment_finds_its_hash_again(hash: u64, bits in 0u32..31) {
        let bucket = |hash: u64| hash & ((1 << bits) - 1);
        let found = Record::of(hash).hashes(bits);
        prop_assert!(found.into_iter().any(|h| bucket(h) == bucket(hash) && h >> 56 == hash >> 56));
    }
}

#[test]
fn what_lies_beyond_the_wheel_is_kept_and_comes_in_its_time() {
    let mut index = ExpiryIndex::new();
    let year = 366 * 86_400_000;
    let mut expiries = HashMap::from([(1, 100 * year), (2, i64::MAX), (3, 20 * year)]);
    for (&record, &at) in &expiries {
        index.note(Record(record), UnixMillis(at));
    }
    assert!(run(&mut index, &mut expiries, 19 * year).is_empty());
    assert_eq!(run(&mut index, &mut expiries, 20 * year + TICK_MS), [3]);
    assert_eq!(run(&mut index, &mut expiries, 101 * year), [1]);
    assert_eq!(index.len(), 1);
}

#[test]
fn a_clock_that_is_set_back_forgets_nothing() {
    let mut index = ExpiryIndex::new();
    let mut expiries = HashMap::from([(1, 5_000), (2, 500_000)]);
    for (&record, &at) in &expiries {
        index.note(Record(record), UnixMillis(at));
    }
    let later = HashMap::from([(9, 4_000_000_000)]);
    index.note(Record(9), UnixMillis(later[&9]));
    expiries.extend(later);
    assert!(run(&mut index, &mut expiries, 4_000).is_empty());
    expiries.insert(3, 3_000_001_000);
    index.note(Record(3), UnixMillis(3_000_001_000));
    let mut gone = run(&mut index, &mut expiries, 3_000_000_000);
    gone.sort_unstable();
    assert_eq!(gone, [1, 2]);
    expiries.insert(4, 600_000);
    index.note(Record(4), UnixMillis(600_000));
    assert!(run(&mut index, &mut expiries, 100_000).is_empty());
    assert_eq!(run(&mut index, &mut expiries, 600_008), [4]);
    assert_eq!(run(&mut index, &mut expiries, 3_000_001_008), [3]);
}

#[test]
fn a_million_keys_take_little_more_than_four_bytes_each() {
    let mut index = ExpiryIndex::new();
    index.set_clock(UnixMillis(1_700_000_000_000));
    let keys = 1_000_000u64;
    for i in 0..keys {
        let hash = i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // From a minute to a day.
        let at = 1_700_000_060_000 + (hash >> 20) as i64 % 86_400_000;
        index.note(Record::of(hash ^ hash >> 29), UnixMillis(at));
    }
    assert!(index.len() > keys as usize * 99 / 100);
    let bytes = index.memory_bytes() as f64 / keys as f64;
    assert!(bytes < 4.5, "{bytes} bytes a key");
}

#[test]
fn an_index_of_few_records_takes_little_and_gives_all_back() {
    let mut index = ExpiryIndex::new();
    let start = 1_700_000_000_000;
    index.set_clock(UnixMillis(start));
    for n in 0..4 {
        index.note(Record(n), UnixMillis(start + 10_000_000));
    }
    let bytes = index.memory_bytes();
    assert!(bytes <= 400, "{bytes} bytes");
    let mut expiries = HashMap::new();
    run(&mut index, &mut expiries, start + 20_000_000);
    assert_eq!(index.len(), 0);
    let levels: usize = index.levels.iter().map(|level| level.slots.capacity()).sum();
    assert_eq!(levels, 0);
}
