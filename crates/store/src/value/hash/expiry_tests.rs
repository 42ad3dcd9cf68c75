//! The expiries of fields beside a map, in all forms.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::value::{EncodingLimits, HashLoader, LoadError, Text};
use spinel_structs::hash::HashKey;
use spinel_structs::listpack::Listpack;

const KEY: HashKey = HashKey::from_bytes([5; 16]);

fn limits(entries: usize) -> EncodingLimits {
    EncodingLimits { hash_max_listpack_entries: entries, ..EncodingLimits::default() }
}

fn at(ms: i64) -> UnixMillis {
    UnixMillis(ms)
}

fn names(hash: &Hash, now: i64) -> Vec<String> {
    let name = |field: crate::value::HashField<'_>| String::from_utf8(field.name.to_vec()).expect("a text");
    hash.live(at(now)).map(name).collect()
}

fn filled(limit: usize, fields: &[(&str, Option<i64>)]) -> Hash {
    let mut hash = Hash::new();
    for (name, expiry) in fields {
        hash.set(name.as_bytes(), b"v", &limits(limit), &KEY);
        if let Some(expiry) = expiry {
            hash.set_expiry(name.as_bytes(), Some(at(*expiry)));
        }
    }
    hash.check_invariants();
    hash
}

#[test]
fn a_small_hash_is_in_the_order_of_its_times_and_of_their_setting() {
    let mut hash = filled(9, &[("a", None), ("b", Some(30)), ("c", Some(10)), ("d", Some(30)), ("e", None)]);
    assert_eq!(hash.encoding(), "listpackex");
    assert_eq!(names(&hash, 0), ["c", "d", "b", "a", "e"]);
    hash.set_expiry(b"b", None);
    assert_eq!(names(&hash, 0), ["c", "d", "a", "e", "b"]);
    hash.set(b"c", b"w", &limits(9), &KEY);
    assert_eq!(names(&hash, 0), ["d", "a", "e", "b", "c"]);
    hash.set_value(b"d", b"w", &limits(9), &KEY);
    assert_eq!((hash.next_expiry(), hash.get(b"d", at(0))), (Some(at(30)), Some(Text::Bytes(b"w"))));
    hash.set_expiry(b"d", None);
    assert_eq!((hash.encoding(), hash.next_expiry()), ("listpackex", None), "it stays what it is");
}

#[test]
fn a_field_whose_time_has_come_is_seen_by_nobody_but_counted() {
    for limit in [0, 9] {
        let hash = filled(limit, &[("a", Some(10)), ("b", Some(20)), ("c", None)]);
        assert_eq!(hash.get(b"a", at(9)), Some(Text::Bytes(b"v")));
        assert_eq!(hash.get(b"a", at(10)), None);
        assert_eq!((hash.contains(b"a", at(10)), hash.contains(b"b", at(10))), (false, true));
        assert_eq!(hash.expiry(b"a", at(10)), None);
        assert_eq!(hash.expiry(b"b", at(10)), Some(Some(at(20))));
        assert_eq!(hash.expiry(b"c", at(10)), Some(None));
        assert!(hash.is_field_due(b"a", at(10)) && !hash.is_field_due(b"b", at(10)));
        assert_eq!((hash.len(), hash.live_len(at(10)), hash.live_len(at(20))), (3, 2, 1));
        let mut seen = Vec::new();
        hash.scan(0, at(20), |name, _| seen.push(name.to_vec()));
        hash.sample(3, at(20), &mut || 7, |name, _| seen.push(name.to_vec()));
        seen.extend(hash.random(at(20), &mut || 7).map(|field| field.name.to_vec()));
        seen.extend(hash.lots(at(20)).draw(&mut || 7).map(|field| field.name.to_vec()));
        assert_eq!(seen, [b"c", b"c", b"c", b"c"]);
    }
}

#[test]
fn fields_are_removed_in_slices_the_earliest_first() {
    for limit in [0, 9] {
        let mut hash = filled(limit, &[("a", Some(30)), ("b", Some(10)), ("c", Some(20)), ("d", None)]);
        let mut removed = Vec::new();
        assert_eq!(hash.remove_due(at(30), 2, |name| removed.push(name.to_vec())), 2);
        hash.check_invariants();
        assert!(hash.is_due(at(30)) && !hash.is_due(at(29)));
        assert_eq!(hash.remove_due(at(40), 2, |name| removed.push(name.to_vec())), 1);
        assert_eq!(hash.remove_due(at(40), 2, |name| removed.push(name.to_vec())), 0);
        assert_eq!(removed, [b"b", b"c", b"a"]);
        assert_eq!((hash.len(), hash.next_expiry()), (1, None));
        hash.check_invariants();
    }
}

#[test]
fn a_hash_keeps_its_times_when_it_becomes_a_table_and_when_it_is_copied() {
    let mut hash = filled(3, &[("a", Some(10)), ("b", None), ("c", Some(20))]);
    hash.set(b"d", b"v", &limits(3), &KEY);
    assert_eq!(hash.encoding(), "hashtable");
    let mut copy = hash.duplicate();
    for hash in [&hash, &copy] {
        hash.check_invariants();
        assert_eq!(hash.expiry(b"c", at(0)), Some(Some(at(20))));
        assert_eq!((hash.next_expiry(), hash.len()), (Some(at(10)), 4));
    }
    copy.set_expiry(b"a", None);
    assert_eq!(hash.next_expiry(), Some(at(10)));
}

#[test]
fn what_only_some_fields_have_costs_the_others_nothing() {
    let fields: Vec<String> = (0..1000).map(|i| format!("f{i}")).collect();
    let mut hash = Hash::new();
    for name in &fields {
        hash.set(name.as_bytes(), b"seven b", &limits(0), &KEY);
    }
    let before = hash.memory_bytes();
    hash.set_expiry(b"f1", Some(at(5)));
    assert!(hash.memory_bytes() <= before + 80, "{} more", hash.memory_bytes() - before);
    hash.set_expiry(b"f1", None);
    assert_eq!(hash.memory_bytes(), before);
}

#[test]
fn loaded_fields_keep_their_times_in_every_encoding() {
    for (limit, encoding) in [(9, "listpackex"), (1, "hashtable")] {
        let limits = limits(limit);
        let mut loader = HashLoader::with_expiries(2, &limits, &KEY);
        loader.push_expiring(b"a", b"1", Some(at(20))).unwrap();
        loader.push_expiring(b"b", b"2", None).unwrap();
        let hash = loader.finish().unwrap();
        hash.check_invariants();
        assert_eq!((hash.encoding(), hash.next_expiry()), (encoding, Some(at(20))));
        let mut loader = HashLoader::with_expiries(2, &limits, &KEY);
        loader.push_expiring(b"a", b"1", Some(at(20))).unwrap();
        let twice = loader.push_expiring(b"a", b"2", None).and_then(|()| loader.finish().map(drop));
        assert!(twice.is_err());
    }
}

#[test]
fn a_listpack_of_triples_is_taken_over_only_if_it_is_sound() {
    let load = |values: &[&str]| {
        let pack: Listpack = values.iter().collect();
        [9, 1]
            .map(|limit| Hash::from_timed_listpack(pack.clone(), &limits(limit), &KEY).map(|hash| hash.len()))
    };
    assert_eq!(load(&["a", "1", "10", "b", "2", "0"]), [Ok(2), Ok(2)]);
    assert_eq!(load(&[]), [Ok(0), Ok(0)]);
    for (values, error) in [
        (&["a", "1", "10", "b"][..], LoadError::Odd),
        (&["a", "1", "10", "b", "2"], LoadError::Odd),
        (&["a", "1", "10", "a", "2", "0"], LoadError::Repeated),
        (&["a", "1", "-1"], LoadError::NotATime),
        (&["a", "1", "x"], LoadError::NotATime),
        (&["a", "1", "20", "b", "2", "10"], LoadError::UnorderedTimes),
        (&["a", "1", "0", "b", "2", "10"], LoadError::UnorderedTimes),
    ] {
        assert_eq!(load(values), [Err(error), Err(error)], "{values:?}");
    }
}

/// What is done to a field.
#[derive(Clone, Debug)]
enum Step {
    Set,
    SetValue,
    Remove,
    Expire(Option<i64>),
    RemoveDue(i64),
}

fn step() -> impl Strategy<Value = (u8, Step)> {
    let what = prop_oneof![
        3 => Just(Step::Set),
        1 => Just(Step::SetValue),
        1 => Just(Step::Remove),
        4 => prop::option::weighted(0.8, 1i64..40).prop_map(Step::Expire),
        1 => (0i64..20).prop_map(Step::RemoveDue),
    ];
    (0u8..12, what)
}

proptest! {
    #[test]
    fn a_hash_with_times_does_what_a_map_does(
        limit in prop_oneof![Just(0usize), Just(6), Just(100)],
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let (mut hash, mut model) = (Hash::new(), BTreeMap::<Vec<u8>, Option<i64>>::new());
        for (name, what) in steps {
            let name = format!("f{name}").into_bytes();
            match what {
                Step::Set => {
                    let is_new = hash.set(&name, b"v", &limits(limit), &KEY);
                    prop_assert_eq!(is_new, model.insert(name.clone(), None).is_none());
                }
                Step::SetValue => {
                    let is_new = hash.set_value(&name, b"w", &limits(limit), &KEY);
                    prop_assert_eq!(is_new, !model.contains_key(&name));
                    model.entry(name.clone()).or_default();
                }
                Step::Remove => prop_assert_eq!(hash.remove(&name), model.remove(&name).is_some()),
                Step::Expire(expiry) => {
                    let is_there = hash.set_expiry(&name, expiry.map(at));
                    let old = model.get_mut(&name);
                    prop_assert_eq!(is_there, old.is_some());
                    old.into_iter().for_each(|old| *old = expiry);
                }
                Step::RemoveDue(now) => {
                    let mut removed = Vec::new();
                    hash.remove_due(at(now), 3, |name| removed.push(name.to_vec()));
                    for name in removed {
                        let expiry = model.remove(&name).flatten();
                        prop_assert!(expiry.is_some_and(|at| at <= now));
                    }
                }
            }
            let times = hash.iter().map(|field| (field.name.to_vec(), field.expiry.map(|at| at.0)));
            prop_assert_eq!(times.collect::<BTreeMap<_, _>>(), model.clone());
            prop_assert_eq!(hash.next_expiry(), model.values().flatten().min().map(|&ms| at(ms)));
            prop_assert_eq!(hash.len(), model.len());
        }
        hash.check_invariants();
    }
}
