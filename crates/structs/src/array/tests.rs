//! An array compared with a map, and what it takes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What an array should be.
#[derive(Clone, Debug, Default)]
struct Model {
    values: BTreeMap<u64, Vec<u8>>,
    cursor: u64,
}

/// What is done to both.
#[derive(Clone, Debug)]
enum Step {
    Set(u64, Vec<u8>),
    Remove(u64),
    TakeRange(u64, u64),
    Append(Vec<u8>),
    Seek(u64),
    Ring(u64, Vec<Vec<u8>>),
}

fn bytes_of(value: ArrayValue<'_>) -> Vec<u8> {
    value.with_bytes(<[u8]>::to_vec)
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        (0i64..100).prop_map(|n| n.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..20),
    ]
}

/// Indexes that meet one another, lie near the borders of pages, or anywhere.
fn index() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0u64..40,
        2 => 4080u64..4120,
        2 => 0u64..20_000,
        1 => (0u64..60).prop_map(|page| page << PAGE_BITS),
        1 => INDEX_MAX - 5000..=INDEX_MAX,
        1 => 0..=INDEX_MAX,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (index(), text()).prop_map(|(at, value)| Step::Set(at, value)),
        3 => index().prop_map(Step::Remove),
        1 => (index(), index()).prop_map(|(a, b)| Step::TakeRange(a.min(b), a.max(b))),
        3 => text().prop_map(Step::Append),
        1 => prop_oneof![index(), Just(CURSOR_EXHAUSTED)].prop_map(Step::Seek),
        1 => (1u64..12, prop::collection::vec(text(), 1..6)).prop_map(|(size, values)| Step::Ring(size, values)),
    ]
}

impl Model {
    fn len(&self) -> u64 {
        self.values.last_key_value().map_or(0, |(last, _)| last + 1)
    }

    fn fit(&mut self, places: u64) {
        let window = self.len();
        if places >= window && !(places > window && self.cursor > 0 && self.cursor < window) {
            return;
        }
        let at = if self.cursor == 0 { window - 1 } else { (self.cursor - 1) % window };
        let after = self.values.split_off(&(at + 1));
        let newest_first = std::mem::take(&mut self.values).into_iter().rev().chain(after.into_iter().rev());
        let kept: Vec<Vec<u8>> = newest_first.map(|(_, value)| value).take(places as usize).collect();
        self.cursor = kept.len() as u64;
        self.values = (0..).zip(kept.into_iter().rev()).collect();
    }
}

fn run(array: &mut Array, model: &mut Model, step: Step) {
    match step {
        Step::Set(at, value) => {
            assert_eq!(array.set(at, &value), model.values.insert(at, value).is_none());
        }
        Step::Remove(at) => assert_eq!(array.remove(at), model.values.remove(&at).is_some()),
        Step::TakeRange(low, high) => {
            let taken = array.take_range(low, high);
            taken.check_invariants();
            let gone: Vec<u64> = model.values.range(low..=high).map(|(at, _)| *at).collect();
            assert!(taken.iter().map(|(at, _)| at).eq(gone.iter().copied()));
            model.values.retain(|at, _| !(low..=high).contains(at));
        }
        Step::Append(value) => match array.append(&value) {
            Ok(at) => {
                assert_eq!(at, model.cursor);
                model.values.insert(at, value);
                model.cursor += 1;
            }
            Err(CursorOverflow) => assert_eq!(model.cursor, CURSOR_EXHAUSTED),
        },
        Step::Seek(at) => {
            array.set_cursor(at);
            model.cursor = at;
        }
        Step::Ring(places, values) => {
            if let Some(rest) = array.fit_ring(places) {
                rest.check_invariants();
            }
            model.fit(places);
            for value in values {
                let at = model.cursor % places;
                assert_eq!(array.ring_push(places, &value), at);
                model.values.insert(at, value);
                model.cursor = at + 1;
            }
        }
    }
}

fn compare(array: &Array, model: &Model, low: u64, high: u64) {
    array.check_invariants();
    assert_eq!(
        (array.count(), array.len(), array.cursor()),
        (model.values.len() as u64, model.len(), model.cursor)
    );
    let owned = |(at, value): (u64, ArrayValue<'_>)| (at, bytes_of(value));
    let all: Vec<_> = array.iter().map(owned).collect();
    assert!(all.iter().map(|(at, value)| (at, value)).eq(model.values.iter()));
    let within: Vec<_> = model.values.range(low..=high).map(|(at, value)| (*at, value.clone())).collect();
    assert_eq!(array.range(low, high).map(owned).collect::<Vec<_>>(), within);
    if low < high {
        assert!(array.range(high, low).map(owned).eq(within.into_iter().rev()));
    }
    for (at, value) in all.iter().step_by(7) {
        assert_eq!(array.get(*at).map(bytes_of).as_ref(), Some(value));
    }
    for count in [1, 3, u64::MAX] {
        let mut at = if model.cursor == 0 { model.len().saturating_sub(1) } else { model.cursor - 1 };
        let last: Vec<_> = array.last_items(count).collect();
        assert_eq!(last.len() as u64, count.min(array.count()));
        for item in last {
            assert_eq!(item.map(bytes_of).as_ref(), model.values.get(&at));
            at = at.checked_sub(1).unwrap_or(model.len() - 1);
        }
    }
}

proptest! {
    #[test]
    fn an_array_is_a_map_with_a_cursor(
        steps in prop::collection::vec(step(), 0..60),
        (a, b) in (index(), index()),
    ) {
        let (mut array, mut model) = (Array::new(), Model::default());
        for step in steps {
            run(&mut array, &mut model, step);
            compare(&array, &model, a.min(b), a.max(b));
        }
        let mut copy = array.clone();
        while copy.take_chunk(3) > 0 {
            copy.check_invariants();
        }
        prop_assert_eq!((copy.count(), copy.page_bytes), (0, 0));
        compare(&array, &model, 0, INDEX_MAX);
    }

    /// Many values in one page, at random places, in and out: both forms and the ways between them.
    #[test]
    fn a_page_changes_its_form_and_keeps_its_values(
        seed in any::<u64>(), places in 1u64..4096, values in 1usize..2500,
    ) {
        let (mut array, mut model) = (Array::new(), Model::default());
        let mut random = seed | 1;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % places
        };
        for _ in 0..values {
            let at = next();
            run(&mut array, &mut model, Step::Set(at, at.to_string().into_bytes()));
        }
        compare(&array, &model, 0, INDEX_MAX);
        for _ in 0..values {
            run(&mut array, &mut model, Step::Remove(next()));
        }
        compare(&array, &model, 0, INDEX_MAX);
    }
}

#[test]
fn the_last_index_costs_a_page_with_one_value() {
    let mut array = Array::new();
    assert!(array.set(INDEX_MAX, b"x"));
    assert!(array.memory_bytes() < 250, "{}", array.memory_bytes());
    assert_eq!((array.len(), array.count()), (u64::MAX, 1));
    assert_eq!(array.range(INDEX_MAX, 0).count(), 1);
    assert_eq!(array.take_range(1, INDEX_MAX).count(), 1);
    assert_eq!((array.len(), array.page_bytes), (0, 0));
}

#[test]
fn memory_follows_the_values_whatever_their_indexes() {
    let bytes = |indexes: &mut dyn Iterator<Item = u64>| {
        let mut array = Array::new();
        for index in indexes {
            array.set(index, b"1");
        }
        array.check_invariants();
        array.memory_bytes() as f64 / array.count() as f64
    };
    let neighbours = bytes(&mut (0..100_000));
    assert!(neighbours < 8.5, "{neighbours}");
    let downwards = bytes(&mut (0..100_000).rev());
    assert!(downwards < 8.5, "{downwards}");
    for (stride, most) in [(2, 17.0), (3, 25.0), (5, 21.0), (8, 21.0), (100, 21.0), (2000, 80.0)] {
        let apart = bytes(&mut (0..50_000).map(|i| i * stride));
        assert!(apart < most, "{apart} at every {stride}");
    }
    let alone = bytes(&mut (0..50_000).map(|i| i << 40));
    assert!(alone < 140.0, "{alone}");
}

#[test]
fn a_queue_leaves_nothing_behind() {
    let mut array = Array::new();
    for index in 0u64..50_000 {
        array.append(b"entry").unwrap();
        if let Some(old) = index.checked_sub(10) {
            assert!(array.remove(old));
        }
        assert!(array.memory_bytes() < 66_000, "{} at {index}", array.memory_bytes());
    }
    assert_eq!((array.count(), array.len()), (10, 50_000));
    assert!(array.memory_bytes() < 1000, "{}", array.memory_bytes());
}

#[test]
fn a_cursor_that_is_exhausted_appends_nothing() {
    let mut array = Array::new();
    array.set_cursor(INDEX_MAX);
    assert!(array.can_append(1) && !array.can_append(2));
    assert_eq!(array.append(b"last"), Ok(INDEX_MAX));
    assert_eq!(array.append(b"none"), Err(CursorOverflow));
    assert_eq!(array.cursor(), CURSOR_EXHAUSTED);
}
