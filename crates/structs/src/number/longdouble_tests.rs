//! Tests of long doubles, with sums that redis-server 7.0.15 confirmed.

use proptest::prelude::*;

use super::*;

fn sum(first: &[u8], second: &[u8]) -> String {
    let (Some(first), Some(second)) = (LongDouble::parse(first), LongDouble::parse(second)) else {
        return "invalid".to_owned();
    };
    first.checked_add(second).map_or("infinite".to_owned(), LongDouble::to_human)
}

/// Whether `text` is what the table says, which shortens what is very long.
fn agrees(text: &str, answer: &str) -> bool {
    match answer.split_once(" of ") {
        None => text == answer,
        Some((ends, length)) => {
            let (start, end) = ends.split_once("...").unwrap();
            text.len().to_string() == length && text.starts_with(start) && text.ends_with(end)
        }
    }
}

#[test]
fn sums_have_the_digits_redis_gives() {
    let mut checked = 0;
    for line in include_str!("longdouble_cases.txt").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let sum = sum(fields[0].as_bytes(), fields[1].as_bytes());
        assert!(agrees(&sum, fields[2]), "{line}: {sum}");
        checked += 1;
    }
    assert!(checked > 100);
}

#[test]
fn a_text_is_read_up_to_the_limit_of_its_length() {
    let zeros = |count: usize| vec![b'0'; count];
    assert_eq!(sum(&zeros(5119), b"1"), "1");
    assert_eq!(sum(&zeros(5120), b"1"), "invalid");
    assert_eq!(sum(&[&b"1"[..], &zeros(4931)].concat(), b"0").len(), 4932);
    assert_eq!(sum(&[&b"1"[..], &zeros(5000)].concat(), b"0"), "invalid");
    assert_eq!(sum(&[&b"0."[..], &zeros(5000), b"1"].concat(), b"1"), "invalid");
    assert_eq!(sum(&[&b"0."[..], &zeros(5000), b"1e5001"].concat(), b"1"), "2");
    assert_eq!(sum(&[&b"1"[..], &zeros(5000), b"e-5000"].concat(), b"1"), "2");
}

#[test]
fn an_exponent_of_any_length_is_no_trouble() {
    assert_eq!(sum(b"0e99999999999999999999999", b"1"), "1");
    assert_eq!(sum(b"1e99999999999999999999999", b"1"), "invalid");
    assert_eq!(sum(b"1e-99999999999999999999999", b"1"), "invalid");
    assert_eq!(sum(b"0x0p99999999999999999999999", b"1"), "1");
    assert_eq!(sum(b"0x1p99999999999999999999999", b"1"), "invalid");
    assert_eq!(sum(b"0x1p-99999999999999999999999", b"1"), "invalid");
}

#[test]
fn infinities_are_read_and_written_but_never_added() {
    assert_eq!(LongDouble::parse(b"-Infinity").unwrap().to_human(), "-inf");
    assert!(LongDouble::parse(b"inf").unwrap().checked_add(LongDouble::from(1)).is_none());
}

proptest! {
    #[test]
    fn sums_of_integers_that_fit_are_exact(first in -(1i64 << 62)..1 << 62, second in -(1i64 << 62)..1 << 62) {
        let total = LongDouble::from(first).checked_add(LongDouble::from(second)).unwrap();
        prop_assert_eq!(total.to_human(), (first + second).to_string());
        prop_assert_eq!(LongDouble::parse(first.to_string().as_bytes()).unwrap().to_human(), first.to_string());
    }

    #[test]
    fn money_adds_up_to_the_cent(first in -10_000_000_000i64..10_000_000_000, second in -10_000_000_000i64..10_000_000_000) {
        let text = |cents: i64| {
            let sign = if cents < 0 { "-" } else { "" };
            format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
        };
        let expected = text(first + second);
        let expected = expected.trim_end_matches('0').trim_end_matches('.');
        let given = sum(text(first).as_bytes(), text(second).as_bytes());
        // Up to 10^8 the 64-bit mantissa resolves steps of 2^-37, far finer than a cent.
        let error = given.parse::<f64>().unwrap() - expected.parse::<f64>().unwrap();
        prop_assert!(error.abs() < 1e-9, "{} {}", given, expected);
    }

    #[test]
    fn short_and_long_digits_of_one_number_read_the_same(digits in 1u64.., power in -27i32..27, zeros in 20usize..60) {
        let short = LongDouble::parse(format!("{digits}e{power}").as_bytes()).unwrap();
        let long = format!("{digits}{}e{}", "0".repeat(zeros), power - zeros as i32);
        let long = LongDouble::parse(long.as_bytes()).unwrap();
        prop_assert_eq!(short.value, long.value);
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..12)) {
        if let Some(value) = LongDouble::parse(&text) {
            prop_assert!(!value.to_human().is_empty());
        }
    }

    #[test]
    fn texts_are_accepted_like_doubles_where_both_reach(text in "[-+]?[0-9]{0,20}[.]?[0-9]{0,20}(e[-+]?[0-9]{1,2})?") {
        let double = crate::number::parse_f64(text.as_bytes());
        prop_assert_eq!(LongDouble::parse(text.as_bytes()).is_some(), double.is_some());
    }
}
