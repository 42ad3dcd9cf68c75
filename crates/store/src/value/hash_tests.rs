//! The hash beside a map, in both forms and across the change of form.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::draw::tests::{assert_fair, chance};
use super::*;

const NOW: UnixMillis = UnixMillis(1_000_000);
const KEY: HashKey = HashKey::from_bytes([3; 16]);

fn limits(entries: usize) -> EncodingLimits {
    EncodingLimits {
        hash_max_listpack_entries: entries,
        hash_max_listpack_value: 8,
        ..EncodingLimits::default()
    }
}

fn filled(fields: usize, limit: usize) -> Hash {
    let mut hash = Hash::new();
    for i in 0..fields {
        assert!(hash.set(format!("f{i}").as_bytes(), i.to_string().as_bytes(), &limits(limit), &KEY));
    }
    hash.check_invariants();
    hash
}

fn contents(hash: &Hash) -> BTreeMap<Vec<u8>, Vec<u8>> {
    hash.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect()
}

#[test]
fn the_form_changes_beyond_the_limits_and_never_back() {
    let mut hash = filled(4, 4);
    assert_eq!(hash.encoding(), "listpack");
    hash.set(b"f0", b"12345678", &limits(4), &KEY);
    assert_eq!(hash.encoding(), "listpack");
    hash.set(b"f4", b"", &limits(4), &KEY);
    assert_eq!(hash.encoding(), "hashtable");
    hash.remove(b"f4");
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 4));
    for (name, value) in [(&b"f0"[..], &b"123456789"[..]), (b"123456789", b"")] {
        let mut hash = filled(1, 4);
        hash.set(name, value, &limits(4), &KEY);
        assert_eq!(hash.encoding(), "hashtable");
        assert_eq!(hash.get(name, NOW).map(Text::to_vec).as_deref(), Some(value));
    }
}

#[test]
fn a_copy_is_equal_and_shares_nothing() {
    for limit in [0, 1000] {
        let mut hash = filled(100, limit);
        let copy = hash.duplicate();
        copy.check_invariants();
        assert_eq!(copy.encoding(), hash.encoding());
        let before = contents(&hash);
        assert_eq!(contents(&copy), before);
        hash.set(b"f1", b"other", &limits(limit), &KEY);
        hash.remove(b"f2");
        assert_eq!(contents(&copy), before);
    }
}

#[test]
fn a_large_hash_is_freed_in_slices() {
    let mut hash = filled(1000, 0);
    let all = hash.memory_bytes();
    assert_eq!(hash.take_chunk(400), 600);
    hash.check_invariants();
    assert!(hash.memory_bytes() < all);
    assert_eq!(hash.take_chunk(400), 200);
    assert_eq!(hash.take_chunk(400), 0);
    assert_eq!(filled(10, 100).take_chunk(1), 0);
}

#[test]
fn a_field_takes_the_memory_the_module_promises() {
    let mut hash = Hash::new();
    for i in 0..10_000 {
        hash.set(format!("{i:08}").as_bytes(), b"seven b", &limits(0), &KEY);
    }
    let each = hash.memory_bytes() as f64 / 10_000.0;
    assert!((32.0..40.5).contains(&each), "{each} bytes");
}

#[test]
fn every_field_is_drawn_equally_often() {
    for limit in [0, 1000] {
        let hash = filled(20, limit);
        let mut rng = chance(11);
        let mut counts = [[0; 20]; 4];
        let mut count = |way: usize, name: Text<'_>| {
            let name = String::from_utf8(name.to_vec()).expect("names are texts");
            counts[way][name[1..].parse::<usize>().expect("names end in a number")] += 1;
        };
        let lots = hash.lots(NOW);
        for _ in 0..5000 {
            count(0, hash.random(NOW, &mut rng).expect("there are fields").name);
            count(1, lots.draw(&mut rng).expect("there are fields").name);
            hash.sample(3, NOW, &mut rng, |name, _| count(2, name));
            hash.sample(15, NOW, &mut rng, |name, _| count(3, name));
        }
        counts.iter().for_each(|counts| assert_fair(counts));
        assert_eq!(counts[2].iter().sum::<usize>(), 15_000);
        assert_eq!(counts[3].iter().sum::<usize>(), 75_000);
    }
}

#[test]
fn a_sample_has_no_field_twice() {
    let mut rng = chance(5);
    for limit in [0, 1000] {
        let hash = filled(60, limit);
        for count in [0, 1, 19, 20, 21, 59, 60, 61, usize::MAX] {
            let mut names = Vec::new();
            hash.sample(count, NOW, &mut rng, |name, _| names.push(name.to_vec()));
            assert_eq!(names.len(), count.min(60));
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        }
    }
    assert!(Hash::new().random(NOW, &mut rng).is_none());
    assert!(Hash::new().lots(NOW).draw(&mut rng).is_none());
}

#[test]
fn a_scan_passes_every_field() {
    for limit in [0, 1000] {
        let hash = filled(300, limit);
        let (mut cursor, mut passed, mut calls) = (0, BTreeMap::new(), 0);
        loop {
            cursor = hash.scan(cursor, NOW, |name, value| {
                assert!(passed.insert(name.to_vec(), value.to_vec()).is_none());
            });
            calls += 1;
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(passed, contents(&hash));
        assert_eq!(calls > 1, limit == 0);
    }
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0u8..30).prop_map(|i| vec![b'a' + i % 26; usize::from(i / 3)]),
        (-50i64..50).prop_map(|i| i.to_string().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn a_hash_does_what_a_map_does(
        limit in prop_oneof![Just(0usize), Just(5), Just(1000)],
        steps in prop::collection::vec((word(), prop::option::weighted(0.7, word())), 0..200),
    ) {
        let limits = EncodingLimits { hash_max_listpack_value: 1000, ..limits(limit) };
        let (mut hash, mut model) = (Hash::new(), BTreeMap::new());
        for (name, value) in steps {
            match value {
                Some(value) => {
                    let is_new = hash.set(&name, &value, &limits, &KEY);
                    prop_assert_eq!(is_new, model.insert(name.clone(), value).is_none());
                }
                None => prop_assert_eq!(hash.remove(&name), model.remove(&name).is_some()),
            }
            prop_assert_eq!(hash.get(&name, NOW).map(Text::to_vec), model.get(&name).cloned());
            prop_assert_eq!(hash.contains(&name, NOW), model.contains_key(&name));
            prop_assert_eq!((hash.len(), hash.is_empty()), (model.len(), model.is_empty()));
        }
        hash.check_invariants();
        prop_assert_eq!(contents(&hash), model);
    }
}
