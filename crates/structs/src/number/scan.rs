//! The grammar of C's `strtod` in the C locale, without the value.
//!
//! ```text
//! number   = [+-] ( "inf" | "infinity" | decimal | hexadecimal )      letters in any case
//! decimal  = digits [ "." [digits] ] [exp]  |  "." digits [exp]       exp = "e" [+-] digits
//! hexadecimal = "0x" the same with hexadecimal digits and "p" for "e"
//! ```
//! `nan` is read by C but refused by every caller, so it is no number here. Leading space is not skipped.

/// A number's text taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scanned<'a> {
    /// Whether a minus sign leads.
    pub(super) negative: bool,
    /// What follows the sign.
    pub(super) magnitude: Magnitude<'a>,
}

/// An unsigned number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Magnitude<'a> {
    /// `inf` or `infinity`.
    Infinity,
    /// Digits times a power of ten.
    Decimal(Digits<'a>),
    /// Hexadecimal digits times a power of two.
    Hexadecimal(Digits<'a>),
}

/// Digits before and after the point, and the exponent as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digits<'a> {
    /// The digits, point and exponent as written.
    pub(super) text: &'a [u8],
    pub(super) whole: &'a [u8],
    pub(super) fraction: &'a [u8],
    /// Held within ±[`EXPONENT_LIMIT`], far beyond what any text's digits could make up for.
    pub(super) exponent: i64,
}

/// Where exponents saturate.
const EXPONENT_LIMIT: i64 = 1 << 50;

impl Digits<'_> {
    /// Whether no digit differs from zero.
    pub(super) fn is_zero(&self) -> bool {
        self.whole.iter().chain(self.fraction).all(|&digit| digit == b'0')
    }
}

/// Takes `text` apart, or `None` when it is not a number from its first byte to its last.
pub(super) fn scan(text: &[u8]) -> Option<Scanned<'_>> {
    let (negative, rest) = split_sign(text);
    let magnitude = if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
        Magnitude::Infinity
    } else if let [b'0', b'x' | b'X', digits @ ..] = rest {
        Magnitude::Hexadecimal(scan_digits(digits, u8::is_ascii_hexdigit, b'p')?)
    } else {
        Magnitude::Decimal(scan_digits(rest, u8::is_ascii_digit, b'e')?)
    };
    Some(Scanned { negative, magnitude })
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    }
}

fn scan_digits(text: &[u8], is_digit: fn(&u8) -> bool, marker: u8) -> Option<Digits<'_>> {
    let run = |bytes: &[u8]| bytes.iter().position(|byte| !is_digit(byte)).unwrap_or(bytes.len());
    let (whole, mut rest) = text.split_at(run(text));
    let mut fraction: &[u8] = &[];
    if let [b'.', after @ ..] = rest {
        (fraction, rest) = after.split_at(run(after));
    }
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let exponent = match rest {
        [] => 0,
        [letter, written @ ..] if letter.to_ascii_lowercase() == marker => scan_exponent(written)?,
        _ => return None,
    };
    Some(Digits { text, whole, fraction, exponent })
}

fn scan_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value =
        digits.iter().fold(0, |value, digit| (value * 10 + i64::from(digit - b'0')).min(EXPONENT_LIMIT));
    Some(if negative { -value } else { value })
}
