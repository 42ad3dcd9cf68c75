//! Canonical decimal integers.
//!
//! Canonical means: no sign but a leading `-` before a non-zero number, no leading zero, no space, in
//! range. The rules are those of `string2ll` in Redis's `util.c`, observed through `INCR` and
//! `OBJECT ENCODING`.

/// A scratch buffer in which [`IntBuffer::format`](itoa::Buffer::format) writes an integer's text.
pub use itoa::Buffer as IntBuffer;

/// The longest text of an `i64`, in bytes: `-9223372036854775808`.
pub const I64_MAX_LEN: usize = 20;

/// Reads a canonical decimal `i64`, or `None` when `text` is anything else.
///
/// `"+1"`, `"01"`, `"-0"`, `" 1"`, `""` and values out of range are refused.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    if text.len() > I64_MAX_LEN {
        return None;
    }
    match text {
        [b'-', digits @ ..] => {
            let magnitude = parse_u64(digits)?;
            if magnitude == 0 || magnitude > i64::MIN.unsigned_abs() {
                return None;
            }
            Some(magnitude.wrapping_neg() as i64)
        }
        digits => i64::try_from(parse_u64(digits)?).ok(),
    }
}

/// Reads a canonical decimal `u64`, or `None` when `text` is anything else. No sign is accepted.
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match text {
        [b'0'] => return Some(0),
        [b'1'..=b'9', ..] if text.len() <= I64_MAX_LEN => {}
        _ => return None,
    }
    // Nineteen digits always fit; only the twentieth needs the overflow check.
    let (head, tail) = text.split_at(text.len().min(19));
    let mut value = 0u64;
    for &byte in head {
        value = value * 10 + u64::from(digit(byte)?);
    }
    for &byte in tail {
        value = value.checked_mul(10)?.checked_add(u64::from(digit(byte)?))?;
    }
    Some(value)
}

/// How many bytes the decimal text of `value` takes, its minus sign included.
#[inline]
pub fn i64_digits(value: i64) -> usize {
    let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
    digits + usize::from(value < 0)
}

/// Appends the decimal text of `value` to `out`.
#[inline]
pub fn push_i64(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(IntBuffer::new().format(value).as_bytes());
}

#[inline]
fn digit(byte: u8) -> Option<u8> {
    let value = byte.wrapping_sub(b'0');
    (value <= 9).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_canonical_texts_are_integers() {
        let good: [(&[u8], i64); 8] = [
            (b"0", 0),
            (b"7", 7),
            (b"-1", -1),
            (b"10", 10),
            (b"1000000000000000000", 1_000_000_000_000_000_000),
            (b"9223372036854775807", i64::MAX),
            (b"-9223372036854775808", i64::MIN),
            (b"-9223372036854775807", i64::MIN + 1),
        ];
        for (text, value) in good {
            assert_eq!(parse_i64(text), Some(value), "{}", text.escape_ascii());
        }
        let bad: [&[u8]; 20] = [
            b"",
            b"-",
            b"+1",
            b"-0",
            b"00",
            b"01",
            b"-01",
            b" 1",
            b"1 ",
            b"1.0",
            b"1e3",
            b"0x1",
            b"--1",
            b"1\0",
            b"9223372036854775808",
            b"-9223372036854775809",
            b"18446744073709551615",
            b"18446744073709551616",
            b"99999999999999999999",
            b"-99999999999999999999",
        ];
        for text in bad {
            assert_eq!(parse_i64(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn unsigned_texts_reach_the_whole_range_and_take_no_sign() {
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"-1"), None);
        assert_eq!(parse_u64(b"007"), None);
        assert_eq!(parse_u64(b"1234567890123456789a"), None);
    }

    proptest! {
        #[test]
        fn every_integer_survives_its_text(value: i64) {
            let mut text = Vec::new();
            push_i64(value, &mut text);
            prop_assert_eq!(text.len(), i64_digits(value));
            prop_assert_eq!(parse_i64(&text), Some(value));
            prop_assert_eq!(parse_u64(&text), u64::try_from(value).ok());
        }

        #[test]
        fn a_text_is_accepted_exactly_when_writing_it_gives_it_back(text in "[-+0-9]{0,22}") {
            let model = text.parse::<i64>().ok().filter(|value| value.to_string() == text);
            prop_assert_eq!(parse_i64(text.as_bytes()), model);
        }
    }
}
