//! The x87 80-bit extended format, in integer arithmetic.
//!
//! `INCRBYFLOAT` and `HINCRBYFLOAT` are defined by C's `long double` on x86-64: a 64-bit mantissa, an
//! exponent of 15 bits, rounding to nearest with ties to even, gradual underflow; and by
//! `printf("%.17Lf")` of the result. A [`LongDouble`] gives the same digits on any processor.
//!
//! Parsing and adding round exactly once. Numbers of up to 19 digits and moderate exponents, which are
//! nearly all, stay in 128-bit arithmetic; longer ones take the big-integer path. Multiplication and the
//! rest are absent, since no command needs them.

use num_bigint::BigUint;

use super::exact::{Beyond, Exact, Format, Rounded, shift_half_even};
use super::scan::{Magnitude, scan};

/// Texts of this many bytes or more are no long double to Redis, whatever they say.
pub const LONG_DOUBLE_MAX_LEN: usize = 5 * 1024;

/// Digits behind the point in [`LongDouble::to_human`].
const FRACTION_DIGITS: usize = 17;
const FRACTION_SCALE: u128 = 10u128.pow(FRACTION_DIGITS as u32);

/// An 80-bit extended number: finite or infinite, never NaN.
#[derive(Debug, Clone, Copy)]
pub struct LongDouble {
    negative: bool,
    value: Rounded,
}

impl LongDouble {
    /// Reads a number as Redis's `string2ld` does, correctly rounded.
    ///
    /// The grammar is that of [`parse_f64`](super::parse_f64); `None` also for texts of
    /// [`LONG_DOUBLE_MAX_LEN`] bytes and for what only infinity or zero is near. `inf` itself is read, and
    /// refused only by the addition.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= LONG_DOUBLE_MAX_LEN {
            return None;
        }
        let scanned = scan(text)?;
        let exact = match &scanned.magnitude {
            Magnitude::Infinity => {
                return Some(LongDouble { negative: scanned.negative, value: Rounded::Overflow });
            }
            Magnitude::Decimal(digits) => match Exact::from_decimal(digits) {
                Ok(exact) => exact,
                Err(Beyond::Small | Beyond::Large) => return None,
            },
            Magnitude::Hexadecimal(digits) => Exact::from_hexadecimal(digits),
        };
        match exact.round(Format::EXTENDED) {
            Rounded::Overflow => None,
            Rounded::Finite { mantissa: 0, .. } if exact.mantissa != 0 => None,
            value => Some(LongDouble { negative: scanned.negative, value }),
        }
    }

    /// The sum, or `None` when it would be NaN or infinite.
    pub fn checked_add(self, other: LongDouble) -> Option<LongDouble> {
        let Rounded::Finite { mantissa: first, exponent: first_exponent } = self.value else { return None };
        let Rounded::Finite { mantissa: second, exponent: second_exponent } = other.value else {
            return None;
        };
        let mut large = (first, first_exponent, self.negative);
        let mut small = (second, second_exponent, other.negative);
        if (small.1, small.0) > (large.1, large.0) {
            std::mem::swap(&mut large, &mut small);
        }
        // Sixty-two bits below the larger number's last: room to align exactly, or to remember a remainder.
        const GUARD: u32 = 62;
        let distance = u64::try_from(large.1 - small.1).expect("the larger exponent is not smaller");
        let upper = u128::from(large.0) << GUARD;
        let lower = shift_with_memory(u128::from(small.0) << GUARD, distance);
        let mantissa = if large.2 == small.2 { upper + lower } else { upper - lower };
        let exact = Exact { mantissa, exponent: large.1 - i64::from(GUARD) };
        match exact.round(Format::EXTENDED) {
            Rounded::Overflow => None,
            value => Some(LongDouble { negative: large.2, value }),
        }
    }

    /// The same number with the other sign.
    #[must_use]
    pub fn negated(self) -> LongDouble {
        LongDouble { negative: !self.negative, ..self }
    }

    /// Whether it is no infinity.
    #[must_use]
    pub fn is_finite(self) -> bool {
        self.value != Rounded::Overflow
    }

    /// Whether it is below another.
    #[must_use]
    pub fn is_below(self, other: LongDouble) -> bool {
        match (self.is_finite(), other.is_finite()) {
            (true, true) => self.checked_add(other.negated()).is_some_and(|difference| {
                difference.negative && !matches!(difference.value, Rounded::Finite { mantissa: 0, .. })
            }),
            (true, false) => !other.negative,
            (false, true) => self.negative,
            (false, false) => self.negative && !other.negative,
        }
    }

    /// The text of `printf("%.17Lf")` without trailing zeros and a trailing point, and without the sign of
    /// a zero: the reply of `INCRBYFLOAT`. Infinities are `inf` and `-inf`.
    pub fn to_human(self) -> String {
        let magnitude = match self.value {
            Rounded::Overflow => "inf".to_owned(),
            Rounded::Finite { mantissa, exponent } if exponent >= 0 => {
                (BigUint::from(mantissa) << exponent.unsigned_abs()).to_string()
            }
            Rounded::Finite { mantissa, exponent } => {
                let scaled = shift_half_even(u128::from(mantissa) * FRACTION_SCALE, exponent.unsigned_abs());
                let (whole, fraction) = (scaled / FRACTION_SCALE, scaled % FRACTION_SCALE);
                let text = format!("{whole}.{fraction:0FRACTION_DIGITS$}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        };
        if self.negative && magnitude != "0" { format!("-{magnitude}") } else { magnitude }
    }
}

impl From<i64> for LongDouble {
    /// Every `i64` is an extended number.
    fn from(value: i64) -> Self {
        let exact = Exact { mantissa: u128::from(value.unsigned_abs()), exponent: 0 };
        LongDouble { negative: value < 0, value: exact.round(Format::EXTENDED) }
    }
}

/// `value / 2^places`, whose lowest bit remembers whether anything was cut off.
fn shift_with_memory(value: u128, places: u64) -> u128 {
    match places {
        0..=127 => {
            let kept = value >> places;
            kept | u128::from(kept << places != value)
        }
        _ => u128::from(value != 0),
    }
}

#[cfg(test)]
#[path = "longdouble_tests.rs"]
mod tests;
