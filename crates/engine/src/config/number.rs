//! Numbers as redis.conf writes them: plain, in memory units, in octal, as percentages, and back to text.
//!
//! Quirks that files in the field rely on are kept: `kb` is 1024 but `k` is 1000, a unit alone or no text at
//! all is 0 in memory values, digits beyond 64 bits saturate and multiplication wraps. Bounds are the
//! directive's business.

/// A plain integer in its one canonical spelling: no sign but `-`, no leading zeros, no blanks.
pub(super) fn parse_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A leading integer the way `strtoll` reads one, when nothing is left over: blanks and a sign may come
/// first, an overlong number saturates and no digits at all count as 0 when the text is empty.
pub(super) fn parse_loose(text: &[u8], radix: u32) -> Option<i64> {
    parse_loose_checked(text, radix).map(|(value, _)| value)
}

/// An octal number; unlike [`parse_loose`] it refuses to saturate.
pub(super) fn parse_octal(text: &[u8]) -> Option<i64> {
    parse_loose_checked(text, 8).and_then(|(value, overflowed)| (!overflowed).then_some(value))
}

fn parse_loose_checked(text: &[u8], radix: u32) -> Option<(i64, bool)> {
    if text.is_empty() {
        return Some((0, false));
    }
    let unpadded = text.trim_ascii_start();
    let (negative, digits) = match unpadded {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, unpadded),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    let mut overflowed = false;
    for &byte in digits {
        let digit = i64::from(char::from(byte).to_digit(radix)?);
        let signed = if negative { -digit } else { digit };
        let next = value.checked_mul(i64::from(radix)).and_then(|tens| tens.checked_add(signed));
        overflowed |= next.is_none();
        value = next.unwrap_or(if negative { i64::MIN } else { i64::MAX });
    }
    Some((value, overflowed))
}

/// A memory amount in bytes: digits and one of the units `b k kb m mb g gb` in any case.
pub(crate) fn parse_memory(text: &[u8]) -> Option<u64> {
    const MAX_DIGITS: usize = 127;
    let digits = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits);
    if digits.len() > MAX_DIGITS {
        return None;
    }
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let amount = digits
        .iter()
        .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(amount.wrapping_mul(factor))
}

/// A percentage such as `30%`, without its sign.
pub(super) fn parse_percent(text: &[u8]) -> Option<i64> {
    parse_integer(text.strip_suffix(b"%")?).filter(|&percent| percent >= 0)
}

/// A real number, not NaN, without surrounding blanks.
pub(super) fn parse_real(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse::<f64>().ok().filter(|value| !value.is_nan())
}

/// Bytes in the largest unit that divides them, as a rewritten file has them.
pub(super) fn format_memory(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
    for (size, name) in UNITS {
        if bytes != 0 && bytes.is_multiple_of(size) {
            return format!("{}{name}", bytes / size);
        }
    }
    bytes.to_string()
}

/// A real with at most six decimals and no trailing zeros.
pub(super) fn format_real(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_spelling() {
        for (text, value) in [
            ("0", Some(0)),
            ("-7", Some(-7)),
            ("007", None),
            ("-0", None),
            ("+1", None),
            ("", None),
            ("1 ", None),
        ] {
            assert_eq!(parse_integer(text.as_bytes()), value, "{text}");
        }
        assert_eq!(parse_integer(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse_integer(b"9223372036854775808"), None);
    }

    #[test]
    fn memory_units_are_binary_with_b_and_decimal_without() {
        for (text, bytes) in [
            ("1k", Some(1000)),
            ("1Kb", Some(1024)),
            ("2M", Some(2_000_000)),
            ("2mb", Some(2 << 20)),
            ("3g", Some(3_000_000_000)),
            ("3GB", Some(3 << 30)),
            ("5b", Some(5)),
            ("", Some(0)),
            ("mb", Some(0)),
            ("-1", None),
            ("1tb", None),
            ("99999999999999999999", Some(u64::MAX)),
        ] {
            assert_eq!(parse_memory(text.as_bytes()), bytes, "{text}");
        }
    }

    #[test]
    fn loose_numbers_take_blanks_signs_and_nothing_behind() {
        assert_eq!(parse_loose(b" +12", 10), Some(12));
        assert_eq!(parse_loose(b"", 10), Some(0));
        assert_eq!(parse_loose(b"12x", 10), None);
        assert_eq!(parse_loose(b"-99999999999999999999", 10), Some(i64::MIN));
        assert_eq!(parse_octal(b"0770"), Some(0o770));
        assert_eq!(parse_octal(b"8"), None);
    }

    #[test]
    fn amounts_print_in_the_largest_unit_that_divides() {
        for (bytes, text) in [(0, "0"), (1000, "1000"), (1024, "1kb"), (3 << 20, "3mb"), (1 << 30, "1gb")] {
            assert_eq!(format_memory(bytes), text);
        }
        assert_eq!(format_real(99.90), "99.9");
        assert_eq!(format_real(100.0), "100");
    }
}
