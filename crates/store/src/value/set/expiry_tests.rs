//! The expiries of members beside a map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::value::EncodingLimits;

const KEY: HashKey = HashKey::from_bytes([5; 16]);

fn at(ms: i64) -> UnixMillis {
    UnixMillis(ms)
}

fn text(member: &str) -> Text<'_> {
    Text::Bytes(member.as_bytes())
}

#[test]
fn a_set_of_integers_stays_one_until_a_member_of_it_expires() {
    let limits = EncodingLimits::default();
    let mut set = Set::new();
    ["1", "2", "3"].into_iter().for_each(|member| assert!(set.add(text(member), &limits, &KEY)));
    assert!(!set.set_expiry(text("4"), Some(at(9)), &KEY));
    assert!(set.set_expiry(text("1"), None, &KEY));
    assert_eq!((set.encoding(), set.expiry(text("1")), set.expiry(text("4"))), ("intset", Some(None), None));
    assert!(set.set_expiry(text("1"), Some(at(9)), &KEY));
    assert_eq!((set.encoding(), set.next_expiry()), ("hashtable", Some(at(9))));
    assert_eq!(set.expiring().collect::<Vec<_>>(), [(&b"1"[..], at(9))]);
    let mut gone = Vec::new();
    assert_eq!(set.remove_due(at(9), 9, |member| gone.push(member.to_vec())), 1);
    assert_eq!((gone, set.len(), set.next_expiry()), (vec![b"1".to_vec()], 2, None));
    set.check_invariants();
}

#[test]
fn members_that_are_moved_because_many_others_are_taken_keep_their_expiries() {
    let limits = EncodingLimits::default();
    let mut set = Set::new();
    for i in 0..100 {
        set.add(text(&format!("m{i}")), &limits, &KEY);
        set.set_expiry(text(&format!("m{i}")), Some(at(1000 + i)), &KEY);
    }
    let mut state = 1u64;
    let mut rng = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state
    };
    assert!(set.take_sample(95, &mut rng, &limits, |_| ()).is_some());
    set.check_invariants();
    assert_eq!(set.expiring().count(), 5);
    assert!(set.expiring().all(|(member, time)| format!("m{}", time.0 - 1000).as_bytes() == member));
}

#[test]
fn members_that_are_taken_by_chance_take_their_expiries_along() {
    let limits = EncodingLimits::default();
    let mut set = Set::new();
    for i in 0..100 {
        set.add(text(&format!("m{i}")), &limits, &KEY);
    }
    (0..50).for_each(|i| assert!(set.set_expiry(text(&format!("m{i}")), Some(at(1000)), &KEY)));
    let (mut state, mut timed) = (1u64, 0);
    let mut rng = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state
    };
    set.take_sample(60, &mut rng, &limits, |member| {
        timed += usize::from(
            member.to_vec()[1..].iter().fold(0, |n, digit| n * 10 + u32::from(digit - b'0')) < 50,
        );
    });
    set.check_invariants();
    assert_eq!((set.len(), set.expiring().count()), (40, 50 - timed));
}

#[derive(Clone, Debug)]
enum Step {
    Add(u8),
    Remove(u8),
    Expire(u8, Option<i64>),
    Take(u64),
    Pass(i64, usize),
    Duplicate,
}

fn step() -> impl Strategy<Value = Step> {
    let member = 0..24u8;
    prop_oneof![
        6 => member.clone().prop_map(Step::Add),
        2 => member.clone().prop_map(Step::Remove),
        6 => (member, prop::option::weighted(0.8, 0..40i64)).prop_map(|(member, at)| Step::Expire(member, at)),
        1 => any::<u64>().prop_map(Step::Take),
        2 => (0..12i64, 1..9usize).prop_map(|(ms, limit)| Step::Pass(ms, limit)),
        1 => Just(Step::Duplicate),
    ]
}

proptest! {
    #[test]
    fn any_history_leaves_the_members_and_times_of_a_map(
        is_large: bool, steps in prop::collection::vec(step(), 0..80),
    ) {
        let limits = EncodingLimits {
            set_max_intset_entries: if is_large { 0 } else { 512 }, ..EncodingLimits::default()
        };
        let (mut set, mut map, mut now) = (Set::new(), BTreeMap::<String, Option<i64>>::new(), 0);
        for step in steps {
            match step {
                Step::Add(n) => {
                    let is_new = !map.contains_key(&n.to_string());
                    prop_assert_eq!(set.add(text(&n.to_string()), &limits, &KEY), is_new);
                    map.entry(n.to_string()).or_default();
                }
                Step::Remove(n) => {
                    prop_assert_eq!(set.remove(text(&n.to_string())), map.remove(&n.to_string()).is_some());
                }
                Step::Expire(n, after) => {
                    let time = after.map(|after| now + after);
                    let is_there = set.set_expiry(text(&n.to_string()), time.map(at), &KEY);
                    prop_assert_eq!(is_there, map.contains_key(&n.to_string()));
                    map.entry(n.to_string()).and_modify(|old| *old = time);
                    if !is_there {
                        map.remove(&n.to_string());
                    }
                }
                Step::Take(seed) => {
                    let mut state = seed;
                    let mut rng = || {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        state
                    };
                    if let Some(taken) = set.take_random(&mut rng) {
                        let name = String::from_utf8(taken.text().to_vec()).expect("digits");
                        prop_assert!(map.remove(&name).is_some());
                    }
                }
                Step::Pass(ms, limit) => {
                    now += ms;
                    let mut gone = Vec::new();
                    let count = set.remove_due(at(now), limit, |member| gone.push(member.to_vec()));
                    prop_assert_eq!(count, gone.len());
                    let due = map.values().flatten().filter(|&&time| time <= now).count();
                    prop_assert_eq!(count, due.min(limit));
                    for member in gone {
                        let time = map.remove(std::str::from_utf8(&member).expect("digits")).flatten();
                        prop_assert!(time.is_some_and(|time| time <= now));
                    }
                }
                Step::Duplicate => set = set.duplicate(),
            }
            set.check_invariants();
            prop_assert_eq!(set.len(), map.len());
            for (member, time) in &map {
                prop_assert_eq!(set.expiry(text(member)), Some(time.map(at)));
            }
            prop_assert_eq!(set.next_expiry(), map.values().flatten().min().copied().map(at));
            prop_assert_eq!(set.expiring().count(), map.values().flatten().count());
        }
    }
}
