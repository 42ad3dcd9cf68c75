//! The set beside a map from members to scores and the sorted list one makes of it. Nodes are tiny here.

use super::element::live;
use super::{Inserted, LexBound, Order, ScoreBound, SortedSet};
use crate::hash::HashKey;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use std::collections::BTreeMap;
use std::ops::Range;

#[derive(Debug, Clone)]
enum Step {
    Insert(Vec<u8>, f64),
    InsertMany(Vec<(Vec<u8>, f64)>),
    Remove(Vec<u8>),
    RemoveByRank(usize, usize),
    RemoveByScore(ScoreBound, ScoreBound),
    RemoveByLex(Vec<u8>, Vec<u8>),
    PopFirst,
    PopLast,
}

#[derive(Default)]
struct Model(BTreeMap<Vec<u8>, f64>);

impl Model {
    fn sorted(&self) -> Vec<(Vec<u8>, f64)> {
        let mut pairs: Vec<(Vec<u8>, f64)> =
            self.0.iter().map(|(member, score)| (member.clone(), *score)).collect();
        pairs.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(&b.0)));
        pairs
    }

    fn insert(&mut self, member: &[u8], score: f64) -> Inserted {
        match self.0.get_mut(member) {
            None => {
                self.0.insert(member.to_vec(), score);
                Inserted::Added
            }
            Some(old) if *old == score => Inserted::Unchanged,
            Some(old) => Inserted::Updated { old: std::mem::replace(old, score) },
        }
    }

    fn remove_where(&mut self, doomed: impl Fn(usize, &(Vec<u8>, f64)) -> bool) -> usize {
        let sorted = self.sorted();
        let doomed = sorted.iter().enumerate().filter(|(rank, pair)| doomed(*rank, pair));
        doomed.map(|(_, (member, _))| self.0.remove(member)).count()
    }
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (-6..6i8).prop_map(f64::from),
        1 => prop_oneof![Just(-0.0), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(f64::MIN_POSITIVE)],
        1 => any::<f64>().prop_map(|score| if score.is_nan() { 0.5 } else { score }),
    ]
}

fn bound() -> impl Strategy<Value = ScoreBound> {
    prop_oneof![score().prop_map(ScoreBound::Inclusive), score().prop_map(ScoreBound::Exclusive)]
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..4u8, 0..5)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (member(), score()).prop_map(|(member, score)| Step::Insert(member, score)),
        3 => prop::collection::vec((member(), score()), 0..150).prop_map(Step::InsertMany),
        4 => member().prop_map(Step::Remove),
        1 => (0..300usize, 0..40usize).prop_map(|(from, count)| Step::RemoveByRank(from, from + count)),
        1 => (bound(), bound()).prop_map(|(min, max)| Step::RemoveByScore(min, max)),
        1 => (member(), member()).prop_map(|(min, max)| Step::RemoveByLex(min, max)),
        1 => Just(Step::PopFirst),
        1 => Just(Step::PopLast),
    ]
}

fn within(score: f64, min: ScoreBound, max: ScoreBound) -> bool {
    let above = match min {
        ScoreBound::Inclusive(min) => score >= min,
        ScoreBound::Exclusive(min) => score > min,
    };
    above
        && match max {
            ScoreBound::Inclusive(max) => score <= max,
            ScoreBound::Exclusive(max) => score < max,
        }
}

fn within_lex(member: &[u8], min: LexBound<'_>, max: LexBound<'_>) -> bool {
    let above = match min {
        LexBound::Min => true,
        LexBound::Max => false,
        LexBound::Inclusive(min) => member >= min,
        LexBound::Exclusive(min) => member > min,
    };
    above
        && match max {
            LexBound::Min => false,
            LexBound::Max => true,
            LexBound::Inclusive(max) => member <= max,
            LexBound::Exclusive(max) => member < max,
        }
}

fn owned((member, score): (&[u8], f64)) -> (Vec<u8>, f64) {
    (member.to_vec(), score)
}

fn new_set() -> SortedSet {
    SortedSet::new(HashKey::from_bytes([3; 16]))
}

fn apply(step: &Step, set: &mut SortedSet, model: &mut Model) {
    match step {
        Step::Insert(member, score) => {
            assert_eq!(set.insert(member, *score), model.insert(member, *score));
        }
        Step::InsertMany(pairs) => {
            for (member, score) in pairs {
                assert_eq!(set.insert(member, *score), model.insert(member, *score));
            }
        }
        Step::Remove(member) => assert_eq!(set.remove(member), model.0.remove(member)),
        Step::RemoveByRank(from, to) => {
            let removed = set.remove_range_by_rank(*from..*to);
            assert_eq!(removed, model.remove_where(|rank, _| (*from..*to).contains(&rank)));
        }
        Step::RemoveByScore(min, max) => {
            let removed = set.remove_range_by_score(*min, *max);
            assert_eq!(removed, model.remove_where(|_, pair| within(pair.1, *min, *max)));
        }
        // Defined for equal scores only: make them equal, then remove.
        Step::RemoveByLex(min, max) => {
            for score in model.0.values_mut() {
                *score = 1.0;
            }
            model.0.keys().for_each(|member| {
                set.insert(member, 1.0);
            });
            let (min, max) = (LexBound::Exclusive(min), LexBound::Inclusive(max));
            let removed = set.remove_range_by_lex(min, max);
            assert_eq!(removed, model.remove_where(|_, pair| within_lex(&pair.0, min, max)));
        }
        Step::PopFirst | Step::PopLast => {
            let sorted = model.sorted();
            let (popped, expected) = match step {
                Step::PopFirst => (set.pop_first(|member, score| (member.to_vec(), score)), sorted.first()),
                _ => (set.pop_last(|member, score| (member.to_vec(), score)), sorted.last()),
            };
            assert_eq!(popped.as_ref(), expected);
            popped.map(|(member, _)| model.0.remove(&member));
        }
    }
}

proptest! {
    #[test]
    fn any_history_leaves_the_same_set_as_in_a_map(steps in prop::collection::vec(step(), 0..40)) {
        let before = live::count();
        let (mut set, mut model) = (new_set(), Model::default());
        for step in &steps {
            apply(step, &mut set, &mut model);
            set.check_invariants();
            prop_assert_eq!(set.len(), model.0.len());
            prop_assert_eq!(live::count() - before, model.0.len() as isize);
        }
        let sorted = model.sorted();
        prop_assert_eq!(set.iter().map(owned).collect::<Vec<_>>(), sorted.clone());
        for (rank, (member, score)) in sorted.iter().enumerate() {
            prop_assert_eq!(set.score(member), Some(*score));
            prop_assert_eq!(set.rank(member), Some((rank, *score)));
            prop_assert_eq!(set.get_by_rank(rank).map(owned), Some((member.clone(), *score)));
        }
        prop_assert_eq!(set.first().map(owned), sorted.first().cloned());
        prop_assert_eq!(set.last().map(owned), sorted.last().cloned());
        prop_assert_eq!(set.rank(b"never a member"), None);
        drop(set);
        prop_assert_eq!(live::count(), before);
    }

    #[test]
    fn every_range_is_the_same_as_in_a_sorted_list(
        pairs in prop::collection::vec((member(), score()), 0..200),
        start in 0..220usize, count in prop_oneof![0..220usize, Just(usize::MAX)], skip in 0..50usize,
        min in bound(), max in bound(),
    ) {
        let (mut set, mut model) = (new_set(), Model::default());
        apply(&Step::InsertMany(pairs), &mut set, &mut model);
        let up = model.sorted();
        let down: Vec<_> = up.iter().rev().cloned().collect();
        for (order, list) in [(Order::Ascending, &up), (Order::Descending, &down)] {
            let by_rank: Vec<_> = list.iter().skip(start).take(count).cloned().collect();
            prop_assert_eq!(set.range_by_rank(start, count, order).len(), by_rank.len());
            prop_assert_eq!(set.range_by_rank(start, count, order).map(owned).collect::<Vec<_>>(), by_rank);
            let by_score: Vec<_> = list.iter().filter(|pair| within(pair.1, min, max)).cloned().collect();
            prop_assert_eq!(set.count_by_score(min, max), by_score.len());
            prop_assert_eq!(
                set.range_by_score(min, max, order).skip(skip).map(owned).collect::<Vec<_>>(),
                by_score.into_iter().skip(skip).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn every_lex_range_is_the_same_as_in_a_sorted_list(
        members in prop::collection::btree_set(member(), 0..200), a in member(), b in member(),
    ) {
        let mut set = new_set();
        members.iter().for_each(|member| assert_eq!(set.insert(member, 2.5), Inserted::Added));
        let bounds = |member| [LexBound::Min, LexBound::Max, LexBound::Inclusive(member), LexBound::Exclusive(member)];
        for min in bounds(&a) {
            for max in bounds(&b) {
                let expected: Vec<_> = members.iter().filter(|member| within_lex(member, min, max)).collect();
                prop_assert_eq!(set.count_by_lex(min, max), expected.len());
                let up: Vec<_> = set.range_by_lex(min, max, Order::Ascending).map(|pair| pair.0).collect();
                prop_assert_eq!(&up, &expected);
                let down: Vec<_> = set.range_by_lex(min, max, Order::Descending).map(|pair| pair.0).collect();
                prop_assert!(down.iter().rev().eq(expected.iter()));
            }
        }
    }

    #[test]
    fn a_set_of_unequal_scores_survives_lex_ranges(
        pairs in prop::collection::vec((member(), score()), 0..200), a in member(), b in member(),
    ) {
        let (mut set, mut model) = (new_set(), Model::default());
        apply(&Step::InsertMany(pairs), &mut set, &mut model);
        let (min, max) = (LexBound::Inclusive(&a[..]), LexBound::Exclusive(&b[..]));
        let count = set.count_by_lex(min, max);
        prop_assert_eq!(set.range_by_lex(min, max, Order::Descending).count(), count);
        prop_assert_eq!(set.remove_range_by_lex(min, max), count);
        set.check_invariants();
    }

    #[test]
    fn a_set_built_from_ascending_members_is_whole(pairs in prop::collection::vec((member(), score()), 0..200)) {
        let (mut set, mut model) = (new_set(), Model::default());
        apply(&Step::InsertMany(pairs), &mut set, &mut model);
        let sorted = model.sorted();
        let key = HashKey::from_bytes([9; 16]);
        let built = SortedSet::from_ascending(key, sorted.iter().map(|pair| (&pair.0[..], pair.1))).unwrap();
        built.check_invariants();
        prop_assert_eq!(built.iter().map(owned).collect::<Vec<_>>(), sorted);
        prop_assert!(built.memory_bytes() <= set.memory_bytes() + 512);
    }

    #[test]
    fn a_scan_passes_every_member_and_drained_ranks_come_in_order(
        pairs in prop::collection::vec((member(), score()), 0..200), ranks in (0..100usize, 0..100usize),
    ) {
        let (mut set, mut model) = (new_set(), Model::default());
        apply(&Step::InsertMany(pairs), &mut set, &mut model);
        let (mut passed, mut cursor) = (Model::default(), 0);
        loop {
            cursor = set.scan(cursor, |member, score| {
                passed.insert(member, score);
            });
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(&passed.0, &model.0);
        let ranks: Range<usize> = ranks.0..ranks.0 + ranks.1;
        let mut drained = Vec::new();
        set.drain_by_rank(ranks.clone(), |member, score| drained.push((member.to_vec(), score)));
        prop_assert_eq!(drained, model.sorted().into_iter().skip(ranks.start).take(ranks.len()).collect::<Vec<_>>());
        set.check_invariants();
    }
}

#[test]
fn a_set_that_is_freed_in_slices_leaves_nothing() {
    let mut set = new_set();
    (0..1_000u32).for_each(|i| {
        set.insert(&i.to_be_bytes(), f64::from(i % 7));
    });
    let full = set.memory_bytes();
    let mut slices = 0;
    while set.take_chunk(64) > 0 {
        slices += 1;
    }
    assert!((32..=36).contains(&slices), "{slices}");
    assert_eq!((set.len(), live::count()), (0, 0));
    assert!(set.memory_bytes() * 50 < full);
    let mut half = new_set();
    (0..1_000u32).for_each(|i| {
        half.insert(&i.to_be_bytes(), 0.0);
    });
    half.take_chunk(300);
    drop(half);
    assert_eq!(live::count(), 0);
}

#[test]
fn random_members_come_from_everywhere_equally() {
    let mut set = new_set();
    (0..10u8).for_each(|i| {
        set.insert(&[i], 1.0);
    });
    let mut draws = [0; 10];
    let mut state = 0u64;
    for _ in 0..10_000 {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let (member, _) = set.random(&mut || state).unwrap();
        draws[usize::from(member[0])] += 1;
    }
    assert!(draws.iter().all(|count| (900..1_100).contains(count)), "{draws:?}");
    assert_eq!(set.random(&mut || u64::MAX).unwrap().0, [9]);
    assert_eq!(new_set().random(&mut || 0), None);
}

#[test]
fn members_that_do_not_ascend_or_come_twice_build_no_set() {
    let build = |pairs: &[(&'static [u8], f64)]| {
        SortedSet::from_ascending(HashKey::from_bytes([0; 16]), pairs.iter().copied()).map(|set| set.len())
    };
    assert_eq!(build(&[(b"a", 1.0), (b"b", 1.0)]), Some(2));
    assert_eq!(build(&[(b"b", 1.0), (b"a", 1.0)]), None);
    assert_eq!(build(&[(b"a", 1.0), (b"a", 2.0)]), None);
    assert_eq!(build(&[(b"a", f64::NAN)]), None);
    assert_eq!(live::count(), 0);
}

#[test]
fn a_set_may_move_between_threads() {
    let mut set = new_set();
    (0..100u8).for_each(|i| {
        set.insert(&[i], f64::from(i));
    });
    let (set, last) = std::thread::scope(|scope| {
        scope
            .spawn(move || (set.pop_last(|member, _| member.to_vec()), set))
            .join()
            .map(|(last, set)| (set, last))
    })
    .unwrap();
    assert_eq!((set.len(), last), (99, Some(vec![99])));
}
