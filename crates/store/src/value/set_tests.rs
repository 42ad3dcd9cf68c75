//! The set beside an ordered one, in its three forms and across their changes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::draw::tests::{assert_fair, chance};
use super::*;

const KEY: HashKey = HashKey::from_bytes([9; 16]);

/// An intset up to `ints` integers; never a listpack.
fn limits(ints: usize) -> EncodingLimits {
    EncodingLimits { set_max_intset_entries: ints, set_max_listpack_entries: 0, ..EncodingLimits::default() }
}

/// A listpack up to `members` of `bytes` each.
fn packing(members: usize, bytes: usize) -> EncodingLimits {
    EncodingLimits {
        set_max_listpack_entries: members,
        set_max_listpack_value: bytes,
        ..EncodingLimits::default()
    }
}

/// The integers from 0 on; an intset up to `limit` of them.
fn filled(members: i64, limit: usize) -> Set {
    let mut set = Set::new();
    for n in 0..members {
        assert!(set.add(Text::Int(n), &limits(limit), &KEY));
    }
    set.check_invariants();
    set
}

/// The integers from 0 on in each form: table, intset, listpack.
fn filled_in_every_form(members: i64) -> [Set; 3] {
    let ints = filled(members, usize::MAX);
    let mut packed = ints.duplicate();
    packed.add(Text::Bytes(b"x"), &packing(usize::MAX, usize::MAX), &KEY);
    assert!(packed.remove(Text::Bytes(b"x")));
    assert!(matches!(packed.form, Form::Packed(_)));
    [filled(members, 0), ints, packed]
}

fn number(text: Text<'_>) -> usize {
    integer(text).and_then(|n| usize::try_from(n).ok()).expect("members are numbers")
}

fn contents(set: &Set) -> BTreeSet<Vec<u8>> {
    set.iter().map(Text::to_vec).collect()
}

#[test]
fn the_form_changes_beyond_the_limit_or_with_the_first_other_text() {
    let mut set = filled(4, 4);
    assert_eq!(set.encoding(), "intset");
    assert!(!set.add(Text::Bytes(b"3"), &limits(4), &KEY));
    assert_eq!(set.encoding(), "intset");
    assert!(set.add(Text::Bytes(b"4"), &limits(4), &KEY));
    assert_eq!(set.encoding(), "hashtable");
    assert!(set.contains(Text::Int(4)) && set.contains(Text::Bytes(b"0")) && !set.contains(Text::Int(5)));
    let mut set = filled(2, 4);
    assert!(set.add(Text::Bytes(b"01"), &limits(4), &KEY));
    assert_eq!((set.encoding(), set.len()), ("hashtable", 3));
    assert!(set.remove(Text::Bytes(b"01")));
    assert_eq!(set.encoding(), "hashtable");
}

#[test]
fn a_small_set_is_a_listpack_until_it_has_too_many_members_or_one_that_is_too_long() {
    let limits = packing(3, 5);
    let mut set = Set::new();
    for member in [&b"5"[..], b"12345", b""] {
        assert!(set.add(Text::Bytes(member), &limits, &KEY));
        assert!(!set.add(Text::Bytes(member), &limits, &KEY));
    }
    assert!(matches!(set.form, Form::Packed(_)));
    assert_eq!(set.encoding(), "hashtable");
    assert!(set.contains(Text::Int(5)) && set.contains(Text::Int(12_345)) && set.contains(Text::Bytes(b"")));
    let mut more = set.duplicate();
    assert!(more.add(Text::Bytes(b"x"), &limits, &KEY));
    assert!(matches!(more.form, Form::Table(_)));
    assert!(set.remove(Text::Bytes(b"")) && set.add(Text::Bytes(b"123456"), &limits, &KEY));
    assert!(matches!(set.form, Form::Table(_)));
    for (set, len) in [(more, 4), (set, 3)] {
        set.check_invariants();
        assert_eq!(set.len(), len);
    }
    let mut ints = filled(4, 100);
    assert!(ints.add(Text::Bytes(b"x"), &limits, &KEY));
    assert!(matches!(ints.form, Form::Table(_)), "of four members, and three may be in a listpack");
}

#[test]
fn a_small_set_takes_less_memory_in_a_listpack() {
    let members: Vec<_> = (0..5).map(|n| format!("member:{n:05}")).collect();
    let [packed, table] = [packing(128, 64), limits(0)].map(|limits| {
        let mut set = Set::new();
        for member in &members {
            set.add(Text::Bytes(member.as_bytes()), &limits, &KEY);
        }
        set.memory_bytes()
    });
    assert!(2 * packed < table, "{packed} and {table} bytes");
}

#[test]
fn a_copy_is_equal_and_shares_nothing() {
    for mut set in filled_in_every_form(100) {
        let copy = set.duplicate();
        copy.check_invariants();
        assert_eq!(copy.encoding(), set.encoding());
        let before = contents(&set);
        assert_eq!(contents(&copy), before);
        set.remove(Text::Int(2));
        assert_eq!(contents(&copy), before);
    }
}

#[test]
fn a_large_set_is_freed_in_slices() {
    let mut set = filled(1000, 0);
    let all = set.memory_bytes();
    assert_eq!(set.take_chunk(400), 600);
    set.check_invariants();
    assert!(set.memory_bytes() < all);
    assert_eq!(set.take_chunk(400), 200);
    assert_eq!(set.take_chunk(400), 0);
    let [_, mut ints, mut packed] = filled_in_every_form(10);
    assert_eq!((ints.take_chunk(1), packed.take_chunk(1)), (0, 0));
    assert!(ints.is_empty() && packed.is_empty());
}

#[test]
fn every_member_is_drawn_equally_often() {
    for set in filled_in_every_form(20) {
        let mut rng = chance(11);
        let mut counts = [[0; 20]; 5];
        for _ in 0..5000 {
            counts[0][number(set.random(&mut rng).expect("there are members"))] += 1;
            set.sample(3, &mut rng, |member| counts[1][number(member)] += 1);
            set.sample(15, &mut rng, |member| counts[2][number(member)] += 1);
            let mut rest = set.duplicate();
            let taken = rest.take_random(&mut rng).expect("there are members");
            assert!(!rest.contains(taken.text()));
            counts[3][number(taken.text())] += 1;
            rest.take_random(&mut rng);
            rest.check_invariants();
            rest = set.duplicate();
            rest.take_sample(4, &mut rng, &limits(0), |member| counts[4][number(member)] += 1);
        }
        counts.iter().for_each(|counts| assert_fair(counts));
    }
}

#[test]
fn what_is_taken_and_what_stays_are_the_whole() {
    let mut rng = chance(5);
    for (form, set) in filled_in_every_form(60).into_iter().enumerate() {
        for count in [1, 10, 49, 50, 51, 59] {
            let mut set = set.duplicate();
            let whole = contents(&set);
            let mut taken = BTreeSet::new();
            let freed = set.take_sample(count, &mut rng, &limits(0), |member| {
                assert!(taken.insert(member.to_vec()));
            });
            assert_eq!((taken.len(), set.len()), (count, 60 - count));
            assert_eq!(freed.is_some(), form == 0 && count >= 50);
            set.check_invariants();
            taken.extend(contents(&set));
            assert_eq!(taken, whole);
        }
    }
}

#[test]
fn integers_that_stay_after_many_were_taken_are_an_intset_again() {
    let mut set = filled(100, 10);
    assert_eq!(set.encoding(), "hashtable");
    set.take_sample(70, &mut chance(1), &limits(10), |_| {});
    assert_eq!(set.encoding(), "hashtable");
    set.take_sample(25, &mut chance(1), &limits(10), |_| {});
    assert_eq!(set.encoding(), "intset");
}

#[test]
fn a_sample_has_no_member_twice() {
    let mut rng = chance(5);
    for set in filled_in_every_form(60) {
        for count in [0, 1, 19, 20, 21, 59, 60, 61, usize::MAX] {
            let mut members = BTreeSet::new();
            set.sample(count, &mut rng, |member| assert!(members.insert(member.to_vec())));
            assert_eq!(members.len(), count.min(60));
        }
    }
    assert!(Set::new().random(&mut rng).is_none());
    assert!(Set::new().take_random(&mut rng).is_none());
}

#[test]
fn a_scan_passes_every_member() {
    for (form, set) in filled_in_every_form(300).into_iter().enumerate() {
        let (mut cursor, mut passed, mut calls) = (0, BTreeSet::new(), 0);
        loop {
            cursor = set.scan(cursor, |member| assert!(passed.insert(member.to_vec())));
            calls += 1;
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(passed, contents(&set));
        assert_eq!(calls > 1, form == 0);
    }
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => (0u8..30).prop_map(|i| vec![b'a' + i % 26; usize::from(i / 3)]),
        20 => (-40i64..40).prop_map(|i| (i * i * i * 100_000).to_string().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn a_set_does_what_an_ordered_set_does(
        ints in prop_oneof![Just(0usize), Just(5), Just(1000)],
        packed in prop_oneof![Just(0usize), Just(5), Just(1000)],
        bytes in prop_oneof![Just(5usize), Just(64)],
        steps in prop::collection::vec((word(), prop::bool::weighted(0.6)), 0..120),
    ) {
        let limits = EncodingLimits { set_max_intset_entries: ints, ..packing(packed, bytes) };
        let (mut set, mut model) = (Set::new(), BTreeSet::new());
        for (member, adds) in steps {
            let text = Text::Bytes(&member);
            if adds {
                prop_assert_eq!(set.add(text, &limits, &KEY), model.insert(member.clone()));
            } else {
                prop_assert_eq!(set.remove(text), model.remove(&member));
            }
            prop_assert_eq!(set.contains(text), model.contains(&member));
            prop_assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
        }
        set.check_invariants();
        prop_assert_eq!(contents(&set), model);
    }
}
