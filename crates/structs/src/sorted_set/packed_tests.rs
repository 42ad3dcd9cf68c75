//! The packed set beside the large one, and beside the bytes of Redis.

use super::{LexBound, Order, PackedSortedSet, ScoreBound, SortedSet};
use crate::hash::HashKey;
use crate::listpack::Listpack;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

const KEY: HashKey = HashKey::from_bytes([5; 16]);

#[derive(Debug, Clone)]
enum Step {
    Insert(Vec<u8>, f64),
    Remove(Vec<u8>),
    RemoveByRank(usize, usize),
    RemoveByScore(ScoreBound, ScoreBound),
    RemoveByLex(Vec<u8>, Vec<u8>),
    PopFirst,
    PopLast,
}

/// Short words and numbers, which a listpack stores differently.
fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(0..3u8, 0..4),
        (-20..20i64).prop_map(|number| number.to_string().into_bytes()),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (-6..6i8).prop_map(|score| f64::from(score) / 2.0),
        1 => prop_oneof![Just(-0.0), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(1e18), Just(1e19)],
        1 => any::<f64>().prop_map(|score| if score.is_nan() { 0.1 } else { score }),
    ]
}

fn bound() -> impl Strategy<Value = ScoreBound> {
    prop_oneof![score().prop_map(ScoreBound::Inclusive), score().prop_map(ScoreBound::Exclusive)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (member(), score()).prop_map(|(member, score)| Step::Insert(member, score)),
        3 => member().prop_map(Step::Remove),
        1 => (0..40usize, 0..9usize).prop_map(|(from, count)| Step::RemoveByRank(from, count)),
        1 => (bound(), bound()).prop_map(|(min, max)| Step::RemoveByScore(min, max)),
        1 => (member(), member()).prop_map(|(min, max)| Step::RemoveByLex(min, max)),
        1 => Just(Step::PopFirst),
        1 => Just(Step::PopLast),
    ]
}

fn apply(step: &Step, packed: &mut PackedSortedSet, large: &mut SortedSet) {
    let show = |member: &[u8], score: f64| (member.to_vec(), score);
    match step {
        Step::Insert(member, score) => {
            assert_eq!(packed.insert(member, *score), large.insert(member, *score));
        }
        Step::Remove(member) => assert_eq!(packed.remove(member), large.remove(member)),
        Step::RemoveByRank(from, count) => {
            let ranks = *from..from + count;
            assert_eq!(packed.remove_range_by_rank(ranks.clone()), large.remove_range_by_rank(ranks));
        }
        Step::RemoveByScore(min, max) => {
            assert_eq!(packed.remove_range_by_score(*min, *max), large.remove_range_by_score(*min, *max));
        }
        // Defined for equal scores only: make them equal first.
        Step::RemoveByLex(min, max) => {
            for member in owned(packed).into_iter().map(|pair| pair.0) {
                packed.insert(&member, 1.0);
                large.insert(&member, 1.0);
            }
            let (min, max) = (LexBound::Inclusive(min), LexBound::Exclusive(max));
            assert_eq!(packed.remove_range_by_lex(min, max), large.remove_range_by_lex(min, max));
        }
        Step::PopFirst => assert_eq!(packed.pop_first(show), large.pop_first(show)),
        Step::PopLast => assert_eq!(packed.pop_last(show), large.pop_last(show)),
    }
}

fn owned(packed: &PackedSortedSet) -> Vec<(Vec<u8>, f64)> {
    packed.iter().map(|(member, score)| (member.to_vec(), score)).collect()
}

proptest! {
    #[test]
    fn any_history_leaves_the_same_members_as_in_the_large_form(steps in prop::collection::vec(step(), 0..60)) {
        let (mut packed, mut large) = (PackedSortedSet::new(), SortedSet::new(KEY));
        for step in &steps {
            apply(step, &mut packed, &mut large);
            packed.check_invariants();
            let expected: Vec<_> = large.iter().map(|(member, score)| (member.to_vec(), score)).collect();
            prop_assert_eq!(owned(&packed), expected);
        }
        prop_assert_eq!(packed.is_empty(), large.is_empty());
        for (rank, (member, score)) in large.iter().enumerate() {
            prop_assert_eq!(packed.score(member), Some(score));
            prop_assert_eq!(packed.rank(member), Some((rank, score)));
        }
        prop_assert_eq!(&PackedSortedSet::from_ascending(large.iter()), &packed);
        let unpacked = packed.to_sorted_set(KEY);
        unpacked.check_invariants();
        prop_assert!(unpacked.iter().eq(large.iter()));
    }

    #[test]
    fn every_range_is_the_same_as_in_the_large_form(
        steps in prop::collection::vec(step(), 0..60), start in 0..40usize, count in prop_oneof![0..40usize, Just(usize::MAX)],
        min in bound(), max in bound(), a in member(), b in member(), number in any::<u64>(),
    ) {
        let (mut packed, mut large) = (PackedSortedSet::new(), SortedSet::new(KEY));
        steps.iter().for_each(|step| apply(step, &mut packed, &mut large));
        // With equal scores, so that ranges of members are defined too.
        let mut equal = PackedSortedSet::new();
        large.iter().for_each(|(member, _)| { equal.insert(member, 7.0); });
        let large_equal = equal.to_sorted_set(KEY);
        let lex = [LexBound::Min, LexBound::Max, LexBound::Inclusive(&a[..]), LexBound::Exclusive(&b[..])];
        for order in [Order::Ascending, Order::Descending] {
            let same = |mine: super::PackedMembers<'_>, theirs: super::Members<'_>| {
                let length = mine.len();
                let mine: Vec<_> = mine.map(|(member, score)| (member.to_vec(), score)).collect();
                length == mine.len() && mine.iter().map(|(member, score)| (&member[..], *score)).eq(theirs)
            };
            prop_assert!(same(packed.range_by_rank(start, count, order), large.range_by_rank(start, count, order)));
            prop_assert!(same(packed.range_by_score(min, max, order), large.range_by_score(min, max, order)));
            for min in lex {
                for max in lex {
                    prop_assert!(same(equal.range_by_lex(min, max, order), large_equal.range_by_lex(min, max, order)));
                }
            }
        }
        prop_assert_eq!(packed.count_by_score(min, max), large.count_by_score(min, max));
        let of = |pair: Option<(crate::listpack::ListpackValue<'_>, f64)>| pair.map(|(member, score)| (member.to_vec(), score));
        let large_of = |pair: Option<(&[u8], f64)>| pair.map(|(member, score)| (member.to_vec(), score));
        prop_assert_eq!(of(packed.first()), large_of(large.first()));
        prop_assert_eq!(of(packed.last()), large_of(large.last()));
        prop_assert_eq!(of(packed.get_by_rank(start)), large_of(large.get_by_rank(start)));
        prop_assert_eq!(of(packed.random(&mut || number)), large_of(large.random(&mut || number)));
    }

    #[test]
    fn a_set_from_any_listpack_is_whole_or_refused(values in prop::collection::vec(member(), 0..8)) {
        let pack: Listpack = values.iter().collect();
        if let Some(set) = PackedSortedSet::from_listpack(pack) {
            set.check_invariants();
            prop_assert_eq!(set.to_sorted_set(KEY).len(), set.len());
        }
    }
}

#[test]
fn the_bytes_are_those_of_redis() {
    let mut cases = 0;
    for line in include_str!("packed_cases.txt").lines().filter(|line| !line.starts_with('#')) {
        let (members, expected) = line.rsplit_once(' ').unwrap();
        let mut set = PackedSortedSet::new();
        for pair in members.split(' ') {
            let (score, member) = pair.split_once(':').unwrap();
            set.insert(member.as_bytes(), score.parse().unwrap());
        }
        let bytes: String = set.as_listpack().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(bytes, expected, "{members}");
        cases += 1;
    }
    assert_eq!(cases, 33);
}

#[test]
fn a_listpack_out_of_order_with_a_bad_score_or_a_member_twice_is_refused() {
    let whole = |values: &[&str]| PackedSortedSet::from_listpack(values.iter().collect()).is_some();
    assert!(whole(&["a", "1", "b", "1", "0", "2.5"]));
    assert!(!whole(&["a", "1", "b"]));
    assert!(!whole(&["a", "2", "b", "1"]));
    assert!(!whole(&["b", "1", "a", "1"]));
    assert!(!whole(&["a", "1", "a", "2"]));
    assert!(!whole(&["a", "one"]));
    assert!(!whole(&["a", "nan"]));
}
