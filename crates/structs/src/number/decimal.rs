//! Doubles as decimal texts without an exponent: coordinates and distances.

use super::exact::shift_half_even;
use super::integer::push_i64;

/// Digits behind the point at most in [`format_human`].
const FRACTION_DIGITS: usize = 17;
const FRACTION_SCALE: u128 = 10u128.pow(FRACTION_DIGITS as u32);
const FIXED_DIGITS: usize = 4;

/// Appends `printf("%.17f")` without trailing zeros, a trailing point and the sign of a zero: as Redis replies
/// coordinates. Infinities are `inf` and `-inf`.
pub fn format_human(value: f64, out: &mut Vec<u8>) {
    const WHOLE_BITS: u64 = 1 << 53;
    let magnitude = value.abs();
    if magnitude.is_nan() || magnitude >= WHOLE_BITS as f64 {
        // Rust writes every digit, too.
        out.extend_from_slice(format!("{value:.0}").to_ascii_lowercase().as_bytes());
        return;
    }
    let mut whole = magnitude as u64;
    let (mantissa, places) = parts(magnitude - whole as f64);
    let mut fraction = shift_half_even(u128::from(mantissa) * FRACTION_SCALE, places);
    if fraction == FRACTION_SCALE {
        (whole, fraction) = (whole + 1, 0);
    }
    if value < 0.0 && (whole, fraction) != (0, 0) {
        out.push(b'-');
    }
    push_i64(whole as i64, out);
    if fraction == 0 {
        return;
    }
    let mut digits = [b'0'; FRACTION_DIGITS];
    let mut rest = fraction as u64;
    for digit in digits.iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    let kept = digits.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
    out.push(b'.');
    out.extend_from_slice(&digits[..kept]);
}

/// Mantissa and places of a number below one: it is `mantissa / 2^places`.
fn parts(value: f64) -> (u64, u64) {
    let bits = value.to_bits();
    let exponent = bits >> 52 & 0x7FF;
    let mantissa = bits & ((1 << 52) - 1);
    if exponent == 0 { (mantissa, 1074) } else { (mantissa | 1 << 52, 1075 - exponent) }
}

/// Appends a number with four digits behind the point, as Redis replies distances. What is out of the range of 64 bits, when
/// multiplied by ten thousand, is the lowest number there.
pub fn format_fixed(value: f64, out: &mut Vec<u8>) {
    const SCALE: u64 = 10u64.pow(FIXED_DIGITS as u32);
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let scaled = (value * SCALE as f64).round_ties_even();
    let scaled = if (-LIMIT..LIMIT).contains(&scaled) { scaled as i64 } else { i64::MIN };
    if scaled < 0 {
        out.push(b'-');
    }
    let magnitude = scaled.unsigned_abs();
    push_i64((magnitude / SCALE) as i64, out);
    out.push(b'.');
    let mut rest = magnitude % SCALE;
    let start = out.len();
    out.resize(start + FIXED_DIGITS, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn human(value: f64) -> String {
        let mut out = Vec::new();
        format_human(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn fixed(value: f64) -> String {
        let mut out = Vec::new();
        format_fixed(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn coordinates_are_written_as_redis_writes_them() {
        for (value, text) in [
            (13.361_389_338_970_184, "13.36138933897018433"),
            (38.115_556_395_496_3, "38.11555639549629859"),
            (-0.0, "0"),
            (-1e-30, "0"),
            (-122.5, "-122.5"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (1e22, "10000000000000000000000"),
            (0.999_999_999_999_999_9, "0.99999999999999989"),
        ] {
            assert_eq!(human(value), text);
        }
    }

    #[test]
    fn distances_have_four_digits() {
        for (value, text) in [
            (0.0, "0.0000"),
            (0.000_06, "0.0001"),
            (0.775, "0.7750"),
            (-0.01, "-0.0100"),
            (-0.000_01, "0.0000"),
            (166_274.151_6, "166274.1516"),
            (f64::NAN, "-922337203685477.5808"),
            (1e300, "-922337203685477.5808"),
        ] {
            assert_eq!(fixed(value), text);
        }
    }

    proptest! {
        #[test]
        fn every_digit_is_the_right_one(value in -1e6..1e6f64) {
            let text = format!("{value:.17}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            prop_assert_eq!(human(value), if text == "-0" { "0" } else { text });
        }

        #[test]
        fn any_number_has_a_text(value: f64) {
            prop_assert!(!human(value).is_empty() && fixed(value).contains('.'));
        }
    }
}
