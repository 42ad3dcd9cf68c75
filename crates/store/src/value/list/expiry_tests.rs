//! Tests of the times of a list's elements against a vector of elements with their times.

use proptest::prelude::*;

use super::*;
use crate::value::{EncodingLimits, End};

fn at(ms: i64) -> UnixMillis {
    UnixMillis(ms)
}

fn list(values: &[&str]) -> List {
    let mut list = List::new();
    list.push(End::Back, values.iter().map(|value| value.as_bytes()), &EncodingLimits::default());
    list
}

fn texts(list: &List) -> Vec<String> {
    list.range(0..list.len()).map(|value| String::from_utf8(value.to_vec()).expect("text")).collect()
}

#[test]
fn a_time_keeps_to_its_element_and_a_list_without_times_is_a_plain_one() {
    let mut list = list(&["a", "b", "c"]);
    assert!(list.set_expiry(1, Some(at(9))) && !list.set_expiry(3, Some(at(9))));
    list.push(End::Front, [&b"x"[..], b"y"], &EncodingLimits::default());
    assert_eq!(list.expiring().collect::<Vec<_>>(), [(3, at(9))]);
    assert_eq!((list.expiry(3), list.expiry(0), list.expiry(5)), (Some(Some(at(9))), Some(None), None));
    list.pop(End::Front, |_| ());
    list.pop(End::Back, |_| ());
    assert_eq!((texts(&list), list.next_expiry()), (["x", "a", "b"].map(String::from).to_vec(), Some(at(9))));
    list.replace(2, b"new", &EncodingLimits::default());
    assert!(list.next_expiry().is_none() && !list.is_timed());
    assert!(list.set_expiry(0, None) && !list.is_timed());
}

#[test]
fn what_is_detached_takes_its_times_along_to_be_freed_in_slices() {
    let mut list = list(&[]);
    for number in 0..3000 {
        list.push(End::Back, [number.to_string().as_bytes()], &EncodingLimits::default());
        list.set_expiry(number, Some(at(5)));
    }
    let plain = list.memory_bytes();
    let mut gone = list.detach(0..2990);
    list.check_invariants();
    assert_eq!((list.len(), list.times_count(), gone.times_count()), (10, 10, 2990));
    assert!(plain > 3000 * 48 && gone.free_effort() > 2990);
    let mut left = usize::MAX;
    while left > 0 {
        let before = left;
        left = gone.take_chunk(500);
        assert!(left < before);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push(bool, Vec<u8>),
    Pop(bool),
    Insert(usize, bool),
    Replace(usize),
    RemoveEqual(u8, usize, bool),
    Detach(usize, usize),
    Expire(usize, Option<i64>),
    Pass(i64, usize),
    Duplicate,
}

fn step() -> impl Strategy<Value = Step> {
    let index = || 0..60usize;
    prop_oneof![
        4 => (any::<bool>(), prop::collection::vec(0..5u8, 1..6)).prop_map(|(front, values)| Step::Push(front, values)),
        3 => any::<bool>().prop_map(Step::Pop),
        2 => (index(), any::<bool>()).prop_map(|(index, after)| Step::Insert(index, after)),
        1 => index().prop_map(Step::Replace),
        1 => (0..5u8, 1..4usize, any::<bool>()).prop_map(|(value, limit, back)| Step::RemoveEqual(value, limit, back)),
        1 => (index(), 0..9usize).prop_map(|(start, count)| Step::Detach(start, count)),
        9 => (index(), prop::option::weighted(0.8, 0..40i64)).prop_map(|(index, ms)| Step::Expire(index, ms)),
        2 => (0..12i64, 1..9usize).prop_map(|(ms, limit)| Step::Pass(ms, limit)),
        1 => Just(Step::Duplicate),
    ]
}

/// Elements with their times.
type Model = Vec<(u8, Option<i64>)>;

fn remove_equal(model: &mut Model, value: u8, limit: usize, from: End) -> usize {
    let mut hits: Vec<usize> = (0..model.len()).filter(|&index| model[index].0 == value).collect();
    if from == End::Back {
        hits.reverse();
    }
    hits.truncate(limit);
    let mut index = 0;
    model.retain(|_| (!hits.contains(&index), index += 1).0);
    hits.len()
}

fn apply(list: &mut List, model: &mut Model, now: &mut i64, step: Step) {
    let limits = EncodingLimits { list_max_listpack_size: 4, ..EncodingLimits::default() };
    match step {
        Step::Push(front, values) => {
            let end = if front { End::Front } else { End::Back };
            list.push(end, values.chunks(1), &limits);
            for value in values {
                model.insert(if front { 0 } else { model.len() }, (value, None));
            }
        }
        Step::Pop(front) => {
            let end = if front { End::Front } else { End::Back };
            let expected = if model.is_empty() {
                None
            } else {
                Some(model.remove(if front { 0 } else { model.len() - 1 }).0)
            };
            assert_eq!(list.pop(end, |value| value.to_vec()[0]), expected);
        }
        Step::Insert(index, after) => {
            let is_done = if after {
                list.insert_after(index, &[9], &limits)
            } else {
                list.insert_before(index, &[9], &limits)
            };
            assert_eq!(is_done, index < model.len());
            if is_done {
                model.insert(index + usize::from(after), (9, None));
            }
        }
        Step::Replace(index) => {
            assert_eq!(list.replace(index, &[8], &limits), index < model.len());
            if let Some(place) = model.get_mut(index) {
                *place = (8, None);
            }
        }
        Step::RemoveEqual(value, limit, back) => {
            let end = if back { End::Back } else { End::Front };
            assert_eq!(list.remove_equal(&[value], limit, end), remove_equal(model, value, limit, end));
        }
        Step::Detach(start, count) => {
            let end = model.len().min(start + count);
            let expected =
                if start < end { model.drain(start..end).filter(|one| one.1.is_some()).count() } else { 0 };
            assert_eq!(list.detach(start..start + count).times_count(), expected);
        }
        Step::Expire(index, ms) => {
            let time = ms.map(|ms| *now + ms);
            assert_eq!(list.set_expiry(index, time.map(at)), index < model.len());
            if let Some(place) = model.get_mut(index) {
                place.1 = time;
            }
        }
        Step::Pass(ms, limit) => {
            *now += ms;
            let is_due = |index: &usize| model[*index].1.is_some_and(|time| time <= *now);
            let due: Vec<usize> = (0..model.len()).filter(is_due).take(limit).collect();
            assert_eq!(list.remove_due(at(*now), limit), due);
            for index in due.into_iter().rev() {
                model.remove(index);
            }
        }
        Step::Duplicate => *list = list.duplicate(),
    }
}

proptest! {
    #[test]
    fn any_history_leaves_the_elements_and_times_of_a_vector(steps in prop::collection::vec(step(), 0..120)) {
        let (mut list, mut model, mut now) = (List::new(), Model::new(), 0);
        for step in steps {
            apply(&mut list, &mut model, &mut now, step);
            list.check_invariants();
            let elements: Vec<u8> = list.range(0..list.len()).map(|value| value.to_vec()[0]).collect();
            prop_assert!(elements.iter().eq(model.iter().map(|(value, _)| value)));
            let times = model.iter().enumerate().filter_map(|(index, (_, time))| Some((index, at((*time)?))));
            prop_assert!(list.expiring().eq(times.clone()));
            prop_assert_eq!(list.next_expiry(), times.map(|(_, time)| time).min());
        }
    }
}
