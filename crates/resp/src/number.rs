//! Decimal integers on the wire, read as strictly as Redis reads them.
//!
//! It only reads; replies are written by the encoder.

/// The number that `text` is the one and only decimal spelling of: no plus sign, no leading zero, no `-0`, no blanks, and
/// within the range of `i64`. Redis accepts the same set wherever it expects an integer.
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'0'] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !matches!(digits.first(), Some(b'1'..=b'9')) || digits.len() > MAX_DIGITS {
        return None;
    }
    let mut magnitude = 0u64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        magnitude = magnitude * 10 + u64::from(digit);
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Digits of `i64::MIN` and `i64::MAX`. So many nines still fit `u64`, hence the sum above cannot overflow.
const MAX_DIGITS: usize = 19;

/// The length in a complete header line at the start of `line` (after its type byte), and how many bytes the line has up
/// to and including its two end bytes. `None` if the line is not complete or anything but an ordinary length: then the
/// careful path has to look.
#[inline(always)]
pub(crate) fn short_length(line: &[u8]) -> Option<(usize, usize)> {
    match *line {
        [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9', ..] => medium_length(line),
        _ => tiny_length(line),
    }
}

/// [`short_length`] for one or two digits.
#[inline(always)]
fn tiny_length(line: &[u8]) -> Option<(usize, usize)> {
    match *line {
        [a @ b'0'..=b'9', b'\r', _, ..] => Some((digit(a), 3)),
        [a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', _, ..] => Some((digit(a) * 10 + digit(b), 4)),
        _ => None,
    }
}

/// [`short_length`] for three to nine digits.
#[inline]
fn medium_length(line: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0;
    for (at, &byte) in line.iter().enumerate().take(10) {
        if byte == b'\r' {
            return (at + 1 < line.len()).then_some((length, at + 2));
        }
        if !byte.is_ascii_digit() || at == 9 {
            return None;
        }
        length = length * 10 + digit(byte);
    }
    None
}

#[inline(always)]
pub(crate) fn digit(byte: u8) -> usize {
    usize::from(byte.wrapping_sub(b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    #[test]
    fn only_the_canonical_spelling_is_a_number() {
        for (text, number) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("9999999999999999999", None),
            ("10000000000000000000", None),
            ("", None),
            ("-", None),
            ("-0", None),
            ("00", None),
            ("01", None),
            ("+1", None),
            (" 1", None),
            ("1 ", None),
            ("1x", None),
        ] {
            assert_eq!(parse_integer(text.as_bytes()), number, "{text:?}");
        }
    }

    #[test]
    fn a_short_length_needs_its_whole_line() {
        assert_eq!(short_length(b"3\r\nSET"), Some((3, 3)));
        assert_eq!(short_length(b"42\r\n"), Some((42, 4)));
        assert_eq!(short_length(b"123\r\n"), Some((123, 5)));
        assert_eq!(short_length(b"123456789\r\n"), Some((123_456_789, 11)));
        for line in [
            &b""[..],
            b"1",
            b"1\r",
            b"12\r",
            b"123\r",
            b"123",
            b"1234567890\r\n",
            b"01\r\n",
            b"-1\r\n",
            b"\r\n",
        ] {
            assert_eq!(short_length(line), None, "{:?}", line.escape_ascii().to_string());
        }
    }

    proptest! {
        #[test]
        fn every_integer_is_read_back(number in any::<i64>()) {
            prop_assert_eq!(parse_integer(number.to_string().as_bytes()), Some(number));
        }

        #[test]
        fn short_lengths_agree_with_the_strict_reader(length in 0usize..1_000_000_000) {
            let line = format!("{length}\r\n");
            prop_assert_eq!(short_length(line.as_bytes()), Some((length, line.len())));
        }
    }
}
