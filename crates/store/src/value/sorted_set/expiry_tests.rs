//! The expiries of members beside a map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::value::EncodingLimits;

const KEY: HashKey = HashKey::from_bytes([5; 16]);

fn at(ms: i64) -> UnixMillis {
    UnixMillis(ms)
}

#[test]
fn a_small_set_stays_one_until_a_member_of_it_expires_and_ranks_have_no_gaps_afterwards() {
    let limits = EncodingLimits::default();
    let mut set = SortedSet::new();
    for (member, score) in [("a", 1.0), ("b", 2.0), ("c", 3.0)] {
        set.insert(member.as_bytes(), score, &limits, &KEY);
    }
    assert!(!set.set_expiry(b"x", Some(at(9)), &KEY));
    assert!(set.set_expiry(b"a", None, &KEY));
    assert_eq!((set.encoding(), set.expiry(b"a"), set.expiry(b"x")), ("listpack", Some(None), None));
    assert!(set.set_expiry(b"a", Some(at(9)), &KEY));
    set.insert(b"a", 2.5, &limits, &KEY);
    assert_eq!(
        (set.encoding(), set.expiry(b"a"), set.next_expiry()),
        ("skiplist", Some(Some(at(9))), Some(at(9)))
    );
    assert_eq!(set.expiring().collect::<Vec<_>>(), [(&b"a"[..], at(9))]);
    let mut gone = Vec::new();
    assert_eq!(set.remove_due(at(9), 9, |member| gone.push(member.to_vec())), 1);
    assert_eq!((gone, set.rank(b"c"), set.next_expiry()), (vec![b"a".to_vec()], Some((1, 3.0)), None));
    set.check_invariants();
}

#[derive(Clone, Debug)]
enum Step {
    Add(u8, i8),
    Remove(u8),
    Expire(u8, Option<i64>),
    Pop(bool),
    Ranks(usize, usize),
    Pass(i64, usize),
    Duplicate,
}

fn step() -> impl Strategy<Value = Step> {
    let member = 0..24u8;
    prop_oneof![
        8 => (member.clone(), any::<i8>()).prop_map(|(member, score)| Step::Add(member, score)),
        2 => member.clone().prop_map(Step::Remove),
        6 => (member, prop::option::weighted(0.8, 0..40i64)).prop_map(|(member, at)| Step::Expire(member, at)),
        1 => any::<bool>().prop_map(Step::Pop),
        1 => (0..20usize, 0..20usize).prop_map(|(from, count)| Step::Ranks(from, count)),
        2 => (0..12i64, 1..9usize).prop_map(|(ms, limit)| Step::Pass(ms, limit)),
        1 => Just(Step::Duplicate),
    ]
}

/// Scores and times by member.
type Model = BTreeMap<Vec<u8>, (i8, Option<i64>)>;

fn in_order(model: &Model) -> Vec<Vec<u8>> {
    let mut members: Vec<_> = model.iter().map(|(member, (score, _))| (*score, member.clone())).collect();
    members.sort();
    members.into_iter().map(|(_, member)| member).collect()
}

proptest! {
    #[test]
    fn any_history_leaves_the_members_scores_and_times_of_a_map(
        is_large: bool, steps in prop::collection::vec(step(), 0..80),
    ) {
        let limits = EncodingLimits {
            zset_max_listpack_entries: if is_large { 0 } else { 128 }, ..EncodingLimits::default()
        };
        let (mut set, mut model, mut now) = (SortedSet::new(), Model::new(), 0);
        for step in steps {
            match step {
                Step::Add(n, score) => {
                    set.insert(&[n], f64::from(score), &limits, &KEY);
                    model.entry(vec![n]).or_insert((score, None)).0 = score;
                }
                Step::Remove(n) => {
                    prop_assert_eq!(set.remove(&[n]).is_some(), model.remove(&vec![n]).is_some());
                }
                Step::Expire(n, after) => {
                    let time = after.map(|after| now + after);
                    prop_assert_eq!(set.set_expiry(&[n], time.map(at), &KEY), model.contains_key(&vec![n]));
                    model.entry(vec![n]).and_modify(|(_, old)| *old = time);
                }
                Step::Pop(is_first) => {
                    let order = if is_first { Order::Ascending } else { Order::Descending };
                    let members = in_order(&model);
                    let expected = if is_first { members.first() } else { members.last() };
                    let popped = set.pop(order, |member, _| member.to_vec());
                    prop_assert_eq!(popped.as_ref(), expected);
                    expected.and_then(|member| model.remove(member));
                }
                Step::Ranks(from, count) => {
                    set.remove_ranks(from..from + count);
                    for member in in_order(&model).into_iter().skip(from).take(count) {
                        model.remove(&member);
                    }
                }
                Step::Pass(ms, limit) => {
                    now += ms;
                    let mut gone = Vec::new();
                    let count = set.remove_due(at(now), limit, |member| gone.push(member.to_vec()));
                    let due = model.values().filter(|(_, time)| time.is_some_and(|time| time <= now)).count();
                    prop_assert_eq!((count, count), (due.min(limit), gone.len()));
                    for member in gone {
                        let (_, time) = model.remove(&member).expect("it was there");
                        prop_assert!(time.is_some_and(|time| time <= now));
                    }
                }
                Step::Duplicate => set = set.duplicate(),
            }
            set.check_invariants();
            let members: Vec<_> = set.iter().map(|(member, _)| member.to_vec()).collect();
            prop_assert_eq!(members, in_order(&model));
            for (member, (score, time)) in &model {
                prop_assert_eq!(set.score(member), Some(f64::from(*score)));
                prop_assert_eq!(set.expiry(member), Some(time.map(at)));
            }
            let times = || model.values().filter_map(|(_, time)| *time);
            prop_assert_eq!(set.next_expiry(), times().min().map(at));
            prop_assert_eq!(set.expiring().count(), times().count());
        }
    }
}
