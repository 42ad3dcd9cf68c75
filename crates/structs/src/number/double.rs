//! Doubles: scores, and the ends of score ranges.
//!
//! Read as Redis 7.0 reads them through `strtod`, and written as its `printf("%.17g")` writes them, with
//! every bit visible: `0.1` comes back as `0.10000000000000001`.

use std::io::Write;

use super::exact::{Exact, Format, Rounded};
use super::integer::push_i64;
use super::scan::{Digits, Magnitude, Scanned, scan};

/// One end of a range of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangeBound {
    /// The score, never NaN.
    pub score: f64,
    /// Whether the score itself is left out.
    pub exclusive: bool,
}

/// Reads a double: decimal or hexadecimal digits with an optional exponent, or `inf`/`infinity` in any
/// case, with an optional sign.
///
/// `None` for anything else: surrounding space, an empty text, `nan`, and, as in `string2d` of Redis, a text
/// so large that only infinity or so small that only zero is near it.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let scanned = scan(text)?;
    let value = nearest(&scanned);
    let lost = match scanned.magnitude {
        Magnitude::Infinity => false,
        Magnitude::Decimal(digits) | Magnitude::Hexadecimal(digits) => {
            value.is_infinite() || (value == 0.0 && !digits.is_zero())
        }
    };
    (!lost).then_some(value)
}

/// Reads one end of a range of scores as `ZRANGEBYSCORE` does: `(` excludes the score itself.
///
/// More generous than [`parse_f64`], as Redis is: space may lead, what is too large or too small becomes
/// infinity or zero, a NUL byte ends the text, and no text at all is zero.
pub fn parse_range_bound(text: &[u8]) -> Option<RangeBound> {
    let (exclusive, text) = match text {
        [b'(', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let text = c_text(text);
    if text.is_empty() {
        return Some(RangeBound { score: 0.0, exclusive });
    }
    Some(RangeBound { score: nearest(&scan(behind_space(text)?)?), exclusive })
}

/// Reads a number to sort by as `SORT` does: space may lead, a NUL byte ends the text, and no text at all is zero.
///
/// What is too large, or so small that digits are lost, is none.
pub fn parse_weight(text: &[u8]) -> Option<f64> {
    let text = c_text(text);
    if text.is_empty() {
        return Some(0.0);
    }
    parse_f64(behind_space(text)?).filter(|weight| !weight.is_subnormal())
}

/// What C sees of a text: its bytes up to the first that is zero.
fn c_text(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// The text from the first byte on that is no space, if there is one.
fn behind_space(text: &[u8]) -> Option<&[u8]> {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    text.iter().position(|byte| !space(byte)).map(|start| &text[start..])
}

/// Appends `value` as Redis 7.0 replies it: `%.17g`, with `inf`, `-inf` and `-0`.
pub fn format_double(value: f64, out: &mut Vec<u8>) {
    if value.abs() < 1e17 && push_integral(value, out) {
        return;
    }
    push_seventeen_digits(value, out);
}

/// Appends `value` as a small sorted set keeps a score: like [`format_double`], but integers up to 2^62 are
/// written in full and zero loses its sign, so that a listpack can store them as integers.
pub fn format_score(value: f64, out: &mut Vec<u8>) {
    const LIMIT: f64 = (1u64 << 62) as f64;
    // Adding zero turns -0 into 0 and changes nothing else.
    if value.abs() <= LIMIT && push_integral(value + 0.0, out) {
        return;
    }
    push_seventeen_digits(value, out);
}

/// Appends a value that is an integer of the `i64` range, zeros of either sign included.
fn push_integral(value: f64, out: &mut Vec<u8>) -> bool {
    let integer = value as i64;
    if integer as f64 != value {
        return false;
    }
    if value == 0.0 && value.is_sign_negative() {
        out.push(b'-');
    }
    push_i64(integer, out);
    true
}

/// Appends `printf("%.17g")` of any value but zero.
fn push_seventeen_digits(value: f64, out: &mut Vec<u8>) {
    if value.is_nan() {
        out.extend_from_slice(b"nan");
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value.is_infinite() {
        out.extend_from_slice(b"inf");
        return;
    }
    // One digit, a point, sixteen digits, "e" and the exponent.
    let mut scratch = [0u8; 32];
    let mut rest = &mut scratch[..];
    write!(rest, "{:.16e}", value.abs()).expect("24 bytes always suffice");
    let mut digits = [0u8; 17];
    digits[0] = scratch[0];
    digits[1..].copy_from_slice(&scratch[2..18]);
    let end = scratch[19..].iter().position(|&byte| byte == 0).map_or(32, |length| 19 + length);
    let exponent = std::str::from_utf8(&scratch[19..end]).ok().and_then(|text| text.parse::<i32>().ok());
    let exponent = exponent.expect("the standard library writes a decimal exponent");
    let kept = digits.iter().rposition(|&digit| digit != b'0').map_or(1, |last| last + 1);
    push_general(&digits[..kept], exponent, out);
}

/// Lays out `digits` (without trailing zeros), whose first is worth 10^`exponent`, as `%g` does.
fn push_general(digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    match exponent {
        ..-4 | 17.. => {
            push_pointed(digits, 1, out);
            out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
            if exponent.abs() < 10 {
                out.push(b'0');
            }
            push_i64(i64::from(exponent.abs()), out);
        }
        -4..0 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + exponent.unsigned_abs() as usize - 1, b'0');
            out.extend_from_slice(digits);
        }
        0..17 => push_pointed(digits, exponent as usize + 1, out),
    }
}

/// Appends `digits` with a point after the first `whole` of them, which are filled up with zeros.
fn push_pointed(digits: &[u8], whole: usize, out: &mut Vec<u8>) {
    if digits.len() > whole {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    } else {
        out.extend_from_slice(digits);
        out.resize(out.len() + whole - digits.len(), b'0');
    }
}

/// The double nearest to a number, infinities and zeros included.
fn nearest(scanned: &Scanned<'_>) -> f64 {
    let magnitude = match &scanned.magnitude {
        Magnitude::Infinity => f64::INFINITY,
        Magnitude::Decimal(digits) => nearest_decimal(digits),
        Magnitude::Hexadecimal(digits) => assemble(Exact::from_hexadecimal(digits).round(Format::DOUBLE)),
    };
    if scanned.negative { -magnitude } else { magnitude }
}

fn nearest_decimal(digits: &Digits<'_>) -> f64 {
    fast_float2::parse(digits.text).expect("the scanner's grammar is a part of the library's")
}

/// The double that a rounded number is.
fn assemble(rounded: Rounded) -> f64 {
    const HIDDEN_BIT: u64 = 1 << 52;
    match rounded {
        Rounded::Overflow => f64::INFINITY,
        Rounded::Finite { mantissa, .. } if mantissa < HIDDEN_BIT => f64::from_bits(mantissa),
        Rounded::Finite { mantissa, exponent } => {
            let biased = u64::try_from(exponent + 1075).expect("the format's least exponent is -1074");
            f64::from_bits(biased << 52 | (mantissa - HIDDEN_BIT))
        }
    }
}

#[cfg(test)]
#[path = "double_tests.rs"]
mod tests;
