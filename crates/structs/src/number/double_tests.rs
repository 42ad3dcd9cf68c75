//! Tests of reading and printing doubles, with cases that redis-server 7.0.15 confirmed.

use proptest::prelude::*;

use super::*;

/// The rows of a table: tab-separated fields, `\xHH` standing for that byte.
fn rows(table: &str) -> impl Iterator<Item = (Vec<u8>, &str)> {
    table.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (input, answer) = line.split_once('\t').unwrap();
        let mut pieces = input.split("\\x");
        let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
        for piece in pieces {
            bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
            bytes.extend_from_slice(&piece.as_bytes()[2..]);
        }
        (bytes, answer)
    })
}

fn printed(value: f64) -> String {
    let mut out = Vec::new();
    format_double(value, &mut out);
    String::from_utf8(out).unwrap()
}

fn stored(value: f64) -> String {
    let mut out = Vec::new();
    format_score(value, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn scores_are_read_and_printed_as_redis_does() {
    let mut checked = 0;
    for (text, answer) in rows(include_str!("double_cases.txt")) {
        let read = parse_f64(&text).map_or("refused".to_owned(), printed);
        assert_eq!(read, answer, "{}", text.escape_ascii());
        checked += 1;
    }
    assert!(checked > 150);
}

#[test]
fn the_ends_of_score_ranges_are_read_as_redis_does() {
    let table = include_str!("bound_cases.txt");
    let scores: Vec<&str> = table.lines().nth(1).unwrap()[2..].split(' ').collect();
    let mut checked = 0;
    for (text, answer) in rows(table) {
        let found = parse_range_bound(&text).map(|bound| {
            let above = |score: f64| score > bound.score || (score == bound.score && !bound.exclusive);
            scores.iter().copied().find(|score| above(score.parse().unwrap())).unwrap_or("none")
        });
        assert_eq!(found.unwrap_or("refused"), answer, "{}", text.escape_ascii());
        checked += 1;
    }
    assert!(checked > 30);
}

#[test]
fn a_stored_score_writes_out_integers_that_a_reply_does_not() {
    for (value, reply, score) in [
        (1e17, "1e+17", "100000000000000000"),
        (4_611_686_018_427_387_904.0, "4.6116860184273879e+18", "4611686018427387904"),
        (9_223_372_036_854_775_808.0, "9.2233720368547758e+18", "9.2233720368547758e+18"),
        (-0.0, "-0", "0"),
        (2.5, "2.5", "2.5"),
        (f64::NEG_INFINITY, "-inf", "-inf"),
        (f64::NAN, "nan", "nan"),
    ] {
        assert_eq!((printed(value).as_str(), stored(value).as_str()), (reply, score));
    }
}

#[test]
fn a_text_with_many_digits_is_read_in_full() {
    let long = [&b"0."[..], &vec![b'0'; 100_000], b"1e100001"].concat();
    assert_eq!(parse_f64(&long), Some(1.0));
    let hexadecimal = [&b"0x"[..], &vec![b'f'; 400], b"p-1600"].concat();
    assert_eq!(parse_f64(&hexadecimal), Some(1.0));
    let just_above_half = [&b"0x1.00000000000008"[..], &vec![b'0'; 300], b"1"].concat();
    assert_eq!(parse_f64(&just_above_half), Some(1.0 + f64::EPSILON));
}

proptest! {
    #[test]
    fn seventeen_digits_keep_every_bit(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(!value.is_nan());
        prop_assert_eq!(parse_f64(printed(value).as_bytes()).map(f64::to_bits), Some(bits));
        prop_assert_eq!(parse_f64(stored(value).as_bytes()), Some(value));
    }

    #[test]
    fn hexadecimal_digits_are_rounded_once(mantissa: u64, exponent in -1140i32..900) {
        let text = format!("0x{mantissa:x}p{exponent}");
        // Splitting at 32 bits keeps both parts exact, unless gradual underflow rounds them.
        prop_assume!(exponent >= -1074);
        let scaled = |part: u64, power: i32| part as f64 * 2f64.powi(power / 2) * 2f64.powi(power - power / 2);
        let model = mantissa as f64;
        prop_assert_eq!(parse_f64(text.as_bytes()), Some(scaled(1, exponent) * model));
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..12)) {
        let read = parse_f64(&text);
        prop_assert!(read.is_none_or(|value| !value.is_nan()));
        if let Some(value) = read {
            prop_assert_eq!(parse_range_bound(&text), Some(RangeBound { score: value, exclusive: false }));
        }
    }

    #[test]
    fn texts_of_numbers_agree_with_the_standard_library(text in "[-+]?[0-9]{0,20}[.]?[0-9]{0,20}(e[-+]?[0-9]{1,3})?") {
        let digits = text.split('e').next().unwrap();
        let nonzero = digits.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        let model = text.parse::<f64>().ok().filter(|value| value.is_finite() && (*value != 0.0 || !nonzero));
        prop_assert_eq!(parse_f64(text.as_bytes()), model);
    }
}
