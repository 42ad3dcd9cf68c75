//! Tests of HyperLogLogs.

use super::*;
use crate::fuzzing::{check_corpus, fuzz_hyperloglog};
use proptest::prelude::*;

fn seen(elements: impl Iterator<Item = u64>, max_sparse: usize) -> Vec<u8> {
    let mut bytes = new();
    elements.for_each(|element| {
        add(&mut bytes, element.to_string().as_bytes(), max_sparse).unwrap();
    });
    bytes
}

#[test]
fn a_new_one_is_sparse_and_counts_nothing() {
    assert_eq!(new(), b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    assert_eq!(encoding(&new()), Some(Encoding::Sparse));
    assert_eq!((count(&new()), cached(&new())), (Ok(0), Some(0)));
}

#[test]
fn the_estimate_is_near_and_the_same_in_both_encodings() {
    for elements in [1, 10, 100, 1000, 10_000, 200_000u64] {
        let sparse = seen(0..elements, 3000);
        let dense = seen(0..elements, 0);
        let estimate = count(&sparse).unwrap();
        assert_eq!(count(&dense), Ok(estimate));
        let error = estimate.abs_diff(elements) as f64 / elements as f64;
        assert!(error < 0.03, "{estimate} of {elements}");
        let mut converted = sparse.clone();
        to_dense(&mut converted).unwrap();
        assert!(converted[HEADER..] == dense[HEADER..]);
        assert_eq!(Registers::of(&sparse).unwrap().values(), Registers::of(&dense).unwrap().values());
    }
}

#[test]
fn what_was_seen_before_changes_nothing() {
    let mut bytes = seen(0..500, 3000);
    let before = bytes.clone();
    for element in 0..500u64 {
        assert_eq!(add(&mut bytes, element.to_string().as_bytes(), 3000), Ok(false));
    }
    assert!(bytes == before);
    assert_eq!(cached(&bytes), None);
    set_cached(&mut bytes, 500);
    assert_eq!(cached(&bytes), Some(500));
}

#[test]
fn a_sparse_one_stays_within_its_limit() {
    let bytes = seen(0..5000, 3000);
    assert_eq!((encoding(&bytes), bytes.len()), (Some(Encoding::Dense), DENSE_LEN));
    for limit in [100, 500, 3000] {
        let mut bytes = new();
        for element in 0..5000u64 {
            add(&mut bytes, &element.to_le_bytes(), limit).unwrap();
            assert!(encoding(&bytes) == Some(Encoding::Dense) || bytes.len() <= limit);
        }
    }
}

#[test]
fn neighbours_of_the_same_value_become_one_run() {
    let mut bytes = new();
    for index in [10, 12, 11, 13, 14] {
        assert_eq!(raise(&mut bytes, index, 3, 3000), Ok(true));
    }
    let found: Vec<Run> = runs(&bytes).map(Result::unwrap).collect();
    let equal = |len| Run::Equal { count: 3, len };
    assert_eq!(found, [Run::Zeros(10), equal(4), equal(1), Run::Zeros(16_369)]);
    // Too high for a run.
    assert_eq!(raise(&mut bytes, 0, 33, 3000), Ok(true));
    assert_eq!(encoding(&bytes), Some(Encoding::Dense));
}

#[test]
fn what_does_not_add_up_is_an_error_and_left_alone() {
    let header = &new()[..HEADER];
    for body in [&b""[..], b"\x7f", b"\x7f\xfe", b"\x7f\xff\x00", b"\x7f\xff\x80", b"\x00\x7f\xff"] {
        let mut bytes = [header, body].concat();
        let before = bytes.clone();
        assert_eq!(count(&bytes), Err(Corrupt), "{body:?}");
        assert!(Registers::of(&bytes).is_err());
        assert_eq!(to_dense(&mut bytes), Err(Corrupt));
        assert!(bytes == before);
    }
    assert_eq!(add(&mut header.to_vec(), b"x", 3000), Err(Corrupt));
}

#[test]
fn every_seed_of_the_fuzzer_passes() {
    check_corpus("hyperloglog", fuzz_hyperloglog);
}

proptest! {
    #[test]
    fn sparse_and_dense_registers_are_raised_alike(
        raises in prop::collection::vec((0..60usize, 1..40u8), 0..200), limit in 20..400usize,
    ) {
        let (mut bytes, mut plain) = (new(), vec![0u8; REGISTERS]);
        for (index, count) in raises {
            let is_higher = plain[index] < count;
            plain[index] = plain[index].max(count);
            prop_assert_eq!(raise(&mut bytes, index, count, limit), Ok(is_higher));
        }
        let registers = Registers::of(&bytes).unwrap();
        prop_assert_eq!(&registers.values()[..], &plain[..]);
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_work(body in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz_hyperloglog(&body);
    }
}
