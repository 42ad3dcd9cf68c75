//! Binary numbers wide enough to be rounded once, correctly, into a floating-point format.

use num_bigint::BigUint;

use super::scan::Digits;

/// A positive number `mantissa * 2^exponent`. Whatever was cut off below is remembered by a set lowest
/// bit, which lies at least two places under the last bit any [`Format`] keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exact {
    pub(super) mantissa: u128,
    pub(super) exponent: i64,
}

/// A floating-point format with gradual underflow; exponents are those of a mantissa's lowest bit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    pub(super) precision: u32,
    pub(super) min_exponent: i64,
    pub(super) max_exponent: i64,
}

impl Format {
    /// IEEE 754 double.
    pub(super) const DOUBLE: Format = Format { precision: 53, min_exponent: -1074, max_exponent: 971 };
    /// x87 extended: 64 bits of mantissa, 15 of exponent.
    pub(super) const EXTENDED: Format = Format { precision: 64, min_exponent: -16_445, max_exponent: 16_320 };
}

/// A number in a [`Format`]: the mantissa fills the precision unless the exponent is the least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounded {
    Finite { mantissa: u64, exponent: i64 },
    Overflow,
}

/// Bits kept of a longer number: room for the precision, the rounding bit and one to spare in 128.
const KEPT_BITS: u64 = 120;

impl Exact {
    /// Rounds to nearest, ties to even.
    pub(super) fn round(self, format: Format) -> Rounded {
        if self.mantissa == 0 {
            return Rounded::Finite { mantissa: 0, exponent: format.min_exponent };
        }
        let bits = 128 - self.mantissa.leading_zeros();
        let mut exponent =
            (self.exponent + i64::from(bits) - i64::from(format.precision)).max(format.min_exponent);
        let mut mantissa = match exponent - self.exponent {
            up @ ..=0 => self.mantissa << up.unsigned_abs(),
            down => shift_half_even(self.mantissa, down.unsigned_abs()),
        };
        if mantissa >> format.precision != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
        if exponent > format.max_exponent {
            return Rounded::Overflow;
        }
        let mantissa = u64::try_from(mantissa).expect("a precision is at most 64 bits");
        Rounded::Finite { mantissa, exponent }
    }

    /// The value of hexadecimal digits with a binary exponent.
    pub(super) fn from_hexadecimal(digits: &Digits<'_>) -> Exact {
        let mut mantissa = 0u128;
        let mut exponent = digits.exponent - 4 * digits.fraction.len() as i64;
        for &byte in digits.whole.iter().chain(digits.fraction) {
            let digit = char::from(byte).to_digit(16).expect("the scanner saw a hexadecimal digit");
            if mantissa >> (KEPT_BITS - 4) == 0 {
                mantissa = mantissa << 4 | u128::from(digit);
            } else {
                mantissa |= u128::from(digit != 0);
                exponent += 4;
            }
        }
        Exact { mantissa, exponent }
    }

    /// The value of decimal digits, unless it lies [`Beyond`] every format.
    pub(super) fn from_decimal(digits: &Digits<'_>) -> Result<Exact, Beyond> {
        let zeros = digits.whole.iter().chain(digits.fraction).take_while(|&&digit| digit == b'0').count();
        let significant = digits.whole.len() + digits.fraction.len() - zeros;
        let power = digits.exponent - digits.fraction.len() as i64;
        if significant == 0 {
            return Ok(Exact { mantissa: 0, exponent: 0 });
        }
        let all = digits.whole.iter().chain(digits.fraction).skip(zeros);
        if significant <= 19 && power.abs() <= SMALL_POWER {
            let value = all.fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0'));
            return Ok(Exact::from_small(value, power));
        }
        match significant as i64 + power {
            ..-5_000 => return Err(Beyond::Small),
            5_001.. => return Err(Beyond::Large),
            _ => {}
        }
        let text: Vec<u8> = all.map(|digit| digit - b'0').collect();
        let value = BigUint::from_radix_be(&text, 10).expect("every element is a decimal digit");
        Ok(Exact::from_large(value, power))
    }

    /// `value * 10^power` for a power of at most [`SMALL_POWER`] either way.
    fn from_small(value: u64, power: i64) -> Exact {
        let fives = 5u128.pow(power.unsigned_abs() as u32);
        if power >= 0 {
            return Exact { mantissa: u128::from(value) * fives, exponent: power };
        }
        // The dividend fills 128 bits and the divisor is below 2^62.7, so the quotient has the 65 bits that
        // rounding needs; it stays below 2^126, which leaves room for the memory of the rest.
        let shift = value.leading_zeros() + 64;
        let dividend = u128::from(value) << shift;
        let (quotient, rest) = (dividend / fives, dividend % fives);
        let exponent = power - i64::from(shift) - 2;
        Exact { mantissa: quotient << 2 | u128::from(rest != 0), exponent }
    }

    fn from_large(value: BigUint, power: i64) -> Exact {
        let fives = BigUint::from(5u32).pow(power.unsigned_abs() as u32);
        if power >= 0 {
            return Exact::from_big(&(value * fives), power, false);
        }
        let shift = (fives.bits() + KEPT_BITS).saturating_sub(value.bits());
        let dividend = value << shift;
        let quotient = &dividend / &fives;
        let inexact = &quotient * &fives != dividend;
        Exact::from_big(&quotient, power - shift as i64, inexact)
    }

    /// The leading bits of `value * 2^exponent`; `inexact` says that something lies below.
    fn from_big(value: &BigUint, exponent: i64, inexact: bool) -> Exact {
        let drop = value.bits().saturating_sub(KEPT_BITS);
        let inexact = inexact || value.trailing_zeros().is_some_and(|zeros| zeros < drop);
        let kept = u128::try_from(value >> drop).expect("the kept bits fit");
        Exact { mantissa: kept << 2 | u128::from(inexact), exponent: exponent + drop as i64 - 2 }
    }
}

/// The largest power of ten whose five-part fits 63 bits.
const SMALL_POWER: i64 = 27;

/// Why a decimal text has no [`Exact`]: no format could tell it from zero, or from infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    Small,
    Large,
}

/// `value / 2^places`, rounded to nearest, ties to even.
pub(super) fn shift_half_even(value: u128, places: u64) -> u128 {
    match places {
        0 => value,
        1..=127 => {
            let kept = value >> places;
            let rest = value & ((1 << places) - 1);
            let half = 1 << (places - 1);
            kept + u128::from(rest > half || (rest == half && kept & 1 == 1))
        }
        128 => u128::from(value > 1 << 127),
        _ => 0,
    }
}
