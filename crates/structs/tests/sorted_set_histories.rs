//! Long histories of a sorted set whose nodes have their real sizes (unit tests run with tiny ones), against a
//! `BTreeSet` of score and member.

use spinel_structs::hash::HashKey;
use spinel_structs::sorted_set::{Order, ScoreBound, SortedSet};
use std::collections::{BTreeMap, BTreeSet};

/// The set under test and its model, whose scores are whole numbers.
struct Pair {
    set: SortedSet,
    order: BTreeSet<(i64, Vec<u8>)>,
    scores: BTreeMap<Vec<u8>, i64>,
    state: u64,
}

impl Pair {
    fn new() -> Self {
        let set = SortedSet::new(HashKey::from_bytes([1; 16]));
        Self { set, order: BTreeSet::new(), scores: BTreeMap::new(), state: 1 }
    }

    fn dice(&mut self, limit: u64) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % limit
    }

    fn insert(&mut self, number: u64, score: i64) {
        let member = format!("member:{number:09}").into_bytes();
        self.set.insert(&member, score as f64);
        if let Some(old) = self.scores.insert(member.clone(), score) {
            self.order.remove(&(old, member.clone()));
        }
        self.order.insert((score, member));
    }

    fn remove(&mut self, number: u64) {
        let member = format!("member:{number:09}").into_bytes();
        let old = self.scores.remove(&member);
        assert_eq!(self.set.remove(&member), old.map(|score| score as f64));
        old.map(|score| self.order.remove(&(score, member)));
    }

    fn remove_ranks(&mut self, from: usize, to: usize) {
        let doomed: Vec<_> = self.order.iter().take(to).skip(from).cloned().collect();
        for key in &doomed {
            self.order.remove(key);
            self.scores.remove(&key.1);
        }
        assert_eq!(self.set.remove_range_by_rank(from..to), doomed.len());
    }

    fn check(&self) {
        self.set.check_invariants();
        let expected = self.order.iter().map(|(score, member)| (&member[..], *score as f64));
        assert!(self.set.iter().eq(expected.clone()));
        assert!(self.set.range_by_rank(0, usize::MAX, Order::Descending).eq(expected.rev()));
    }
}

#[test]
fn random_growth_updates_and_decay_keep_the_order() {
    let mut pair = Pair::new();
    for round in 0..4 {
        for _ in 0..8_000 {
            let (number, score) = (pair.dice(20_000), pair.dice(3_000) as i64 - 1_500);
            pair.insert(number, score);
        }
        pair.check();
        for _ in 0..6_000 * round {
            let number = pair.dice(20_000);
            pair.remove(number);
        }
        pair.check();
    }
}

#[test]
fn equal_scores_order_members_that_share_a_long_beginning() {
    let mut pair = Pair::new();
    for _ in 0..10_000 {
        let number = pair.dice(1_000_000);
        pair.insert(number, 0);
    }
    pair.check();
    for (rank, (_, member)) in pair.order.iter().enumerate().step_by(97) {
        assert_eq!(pair.set.rank(member), Some((rank, 0.0)));
    }
}

#[test]
fn ranges_of_all_sizes_can_be_cut_out_anywhere() {
    let mut pair = Pair::new();
    for number in 0..30_000 {
        pair.insert(number, (number / 3) as i64);
    }
    for length in [1, 2, 62, 63, 64, 500, 1_900, 2_000, 5_000, 10_000] {
        let from = pair.dice(pair.order.len() as u64 - length) as usize;
        pair.remove_ranks(from, from + length as usize);
        pair.check();
        let (min, max) = (ScoreBound::Exclusive(2_000.0), ScoreBound::Inclusive(7_000.0));
        let expected = pair.order.iter().filter(|key| (2_001..=7_000).contains(&key.0)).count();
        assert_eq!(pair.set.count_by_score(min, max), expected);
    }
    pair.remove_ranks(0, 3_000);
    pair.check();
    pair.remove_ranks(pair.order.len() - 3_000, pair.order.len());
    pair.check();
    pair.remove_ranks(0, usize::MAX);
    pair.check();
}

#[test]
fn a_queue_that_is_filled_at_one_end_and_emptied_at_the_other_stays_small() {
    let mut pair = Pair::new();
    for number in 0..20_000 {
        pair.insert(number, number as i64);
        if number >= 1_000 {
            let first = pair.set.pop_first(|member, _| member.to_vec());
            let (score, member) = pair.order.pop_first().expect("a thousand are in it");
            pair.scores.remove(&member);
            assert_eq!((first, score), (Some(member), number as i64 - 1_000));
        }
    }
    pair.check();
    assert!(pair.set.memory_bytes() < 70 * pair.set.len(), "{}", pair.set.memory_bytes());
}
