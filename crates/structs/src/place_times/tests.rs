//! Tests of the times against a vector that has a place for each element.

use proptest::prelude::*;

use super::*;

/// A sequence of elements, and their times.
#[derive(Default)]
struct Pair {
    times: PlaceTimes,
    model: Vec<Option<i64>>,
}

#[derive(Debug, Clone)]
enum Step {
    Push(bool, usize),
    Insert(usize, usize),
    Remove(usize, usize),
    Set(usize, Option<i64>),
    TakeDue(i64, usize),
}

impl Pair {
    fn apply(&mut self, step: &Step) {
        let Self { times, model } = self;
        let len = model.len();
        match *step {
            Step::Push(true, count) => {
                times.opened(0, count);
                model.splice(0..0, vec![None; count]);
            }
            Step::Push(false, count) => model.extend(vec![None; count]),
            Step::Insert(index, count) => {
                let index = index % (len + 1);
                times.opened(index, count);
                model.splice(index..index, vec![None; count]);
            }
            Step::Remove(start, count) => {
                let start = start % (len + 1);
                let end = len.min(start + count);
                let gone = times.closed(start..end);
                assert_eq!(gone.len(), model.drain(start..end).flatten().count());
            }
            Step::Set(index, time) if len > 0 => {
                times.set(index % len, time);
                model[index % len] = time;
            }
            Step::Set(..) => {}
            Step::TakeDue(now, limit) => {
                let due = times.due(now, limit);
                let is_due = |index: &usize| model[*index].is_some_and(|at| at <= now);
                assert!(due.iter().copied().eq((0..len).filter(is_due).take(limit)));
                for index in due.into_iter().rev() {
                    assert_eq!(times.closed(index..index + 1).len(), 1);
                    model.remove(index);
                }
            }
        }
    }

    fn check(&self) {
        self.times.check_invariants();
        let expected = || self.model.iter().enumerate().filter_map(|(index, at)| Some((index, (*at)?)));
        assert!(self.times.iter().eq(expected()), "{:?} {:?}", self.times, self.model);
        assert_eq!(self.times.len(), expected().count());
        assert_eq!(self.times.earliest(), expected().map(|(_, at)| at).min());
    }
}

fn step() -> impl Strategy<Value = Step> {
    let some = || 0usize..6;
    let at = || prop_oneof![4 => 0usize..400, 1 => Just(0), 1 => Just(usize::MAX / 2)];
    let time = || prop_oneof![6 => 0i64..50, 1 => Just(i64::MAX), 1 => Just(i64::MIN)];
    prop_oneof![
        3 => (any::<bool>(), some()).prop_map(|(front, count)| Step::Push(front, count)),
        3 => (at(), some()).prop_map(|(index, count)| Step::Insert(index, count)),
        3 => (at(), prop_oneof![3 => some(), 1 => 0usize..90]).prop_map(|(index, count)| Step::Remove(index, count)),
        9 => (at(), prop::option::weighted(0.8, time())).prop_map(|(index, at)| Step::Set(index, at)),
        1 => (time(), some()).prop_map(|(now, limit)| Step::TakeDue(now, limit)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn times_stay_with_their_elements(before in 0usize..200, steps in prop::collection::vec(step(), 0..300)) {
        let mut pair = Pair::default();
        pair.apply(&Step::Push(false, before));
        for step in &steps {
            pair.apply(step);
        }
        pair.check();
        for (index, at) in pair.model.iter().enumerate() {
            prop_assert_eq!(pair.times.get(index), *at);
        }
        let copy = pair.times.clone();
        pair.times.take_chunk(7);
        pair.times.check_invariants();
        prop_assert_eq!(pair.times.len(), copy.len().saturating_sub(7));
    }
}

#[test]
fn thousands_of_edits_of_a_long_sequence_leave_the_tree_sound() {
    let mut pair = Pair::default();
    pair.apply(&Step::Push(false, 2000));
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for turn in 0..20_000 {
        let step = match random(8) {
            0 => Step::Push(random(2) == 0, 1),
            1 => Step::Insert(random(4000), 1),
            2 | 3 => Step::Remove(random(4000), 1 + random(2)),
            4 => Step::TakeDue(turn / 4, 2),
            _ => Step::Set(random(4000), Some(turn + random(9000) as i64)),
        };
        pair.apply(&step);
        if pair.model.len() < 500 {
            pair.apply(&Step::Insert(random(500), 500));
        }
        if turn % 500 == 0 {
            pair.check();
        }
    }
    pair.check();
}

#[test]
fn a_queue_in_which_all_expire_is_pushed_and_popped_at_either_end() {
    for front in [false, true] {
        let mut pair = Pair::default();
        for at in 0..3000 {
            pair.apply(&Step::Push(front, 1));
            let index = if front { 0 } else { pair.model.len() - 1 };
            pair.apply(&Step::Set(index, Some(at)));
            if at % 3 == 0 {
                let index = if front { pair.model.len() - 1 } else { 0 };
                pair.apply(&Step::Remove(index, 1));
            }
        }
        pair.check();
        assert_eq!(pair.times.len(), 2000);
    }
}

#[test]
fn a_large_part_that_goes_is_given_out_and_freed_in_slices() {
    let mut times = PlaceTimes::default();
    (0..10_000).for_each(|index| times.set(index, Some(5)));
    assert_eq!(times.memory_bytes(), 10_000 * 48);
    let mut gone = times.closed(10..9990);
    assert_eq!((times.len(), gone.len()), (20, 9980));
    gone.take_chunk(9000);
    assert_eq!(gone.len(), 980);
    gone.take_chunk(1000);
    assert!(gone.is_empty());
    assert_eq!(times.iter().last(), Some((19, 5)));
}
