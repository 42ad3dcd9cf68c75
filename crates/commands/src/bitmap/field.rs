//! Integers of any number of bits within a string: their types, and what happens when one overflows.

use spinel_family::{CommandError, is_token};
use spinel_structs::bits::{read_integer, write_integer};
use spinel_structs::number::parse_i64;

/// A signed integer of up to 64 bits or an unsigned one of up to 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IntegerType {
    signed: bool,
    pub(super) bits: u32,
}

/// What becomes of a result that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overflow {
    /// The bits that fit are kept.
    Wrap,
    /// The nearest that fits is stored.
    Saturate,
    /// Nothing is stored.
    Fail,
}

impl Overflow {
    pub(super) fn parse(word: &[u8]) -> Result<Self, CommandError> {
        if is_token(word, "WRAP") {
            Ok(Self::Wrap)
        } else if is_token(word, "SAT") {
            Ok(Self::Saturate)
        } else if is_token(word, "FAIL") {
            Ok(Self::Fail)
        } else {
            Err(CommandError::text("ERR Invalid OVERFLOW type specified"))
        }
    }
}

impl IntegerType {
    /// `i` or `u`, and the number of bits.
    pub(super) fn parse(word: &[u8]) -> Result<Self, CommandError> {
        let read = || {
            let (sign, bits) = word.split_first()?;
            let signed = match sign {
                b'i' => true,
                b'u' => false,
                _ => return None,
            };
            let most = if signed { 64 } else { 63 };
            let bits = parse_i64(bits).filter(|bits| (1..=most).contains(bits))?;
            Some(Self { signed, bits: bits as u32 })
        };
        read().ok_or(CommandError::text(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        ))
    }

    /// The integer at a bit of a string, which may end before it does.
    pub(super) fn read(self, bytes: &[u8], at: usize) -> i64 {
        let value = read_integer(bytes, at, self.bits);
        self.signed_or_not(value)
    }

    /// Puts an integer that fits at a bit of a string that is long enough.
    pub(super) fn write(self, bytes: &mut [u8], at: usize, value: i64) {
        write_integer(bytes, at, self.bits, value as u64);
    }

    /// A number as one of this type; `None` if it does not fit and that is a failure.
    pub(super) fn fit(self, value: i128, overflow: Overflow) -> Option<i64> {
        let (least, most) = if self.signed {
            (-(1i128 << (self.bits - 1)), (1i128 << (self.bits - 1)) - 1)
        } else {
            (0, (1i128 << self.bits) - 1)
        };
        if (least..=most).contains(&value) {
            return Some(value as i64);
        }
        match overflow {
            Overflow::Wrap => Some(self.signed_or_not(value as u64 & (u64::MAX >> (64 - self.bits)))),
            Overflow::Saturate => Some(value.clamp(least, most) as i64),
            Overflow::Fail => None,
        }
    }

    /// What a `SET` of this value means: to an unsigned type a negative one is a very large one. So it is to a signed type
    /// if it is so far below that Redis, when it asks whether it is too large, leaves the range of 64 bits.
    pub(super) fn given(self, value: i64) -> i128 {
        let most = (1i128 << (self.bits - 1)) - 1;
        let wraps = self.bits < 64 && most - i128::from(value) > i128::from(i64::MAX);
        match self.signed {
            true if wraps => i128::from(value) + (1 << 64),
            true => i128::from(value),
            false => i128::from(value as u64),
        }
    }

    fn signed_or_not(self, bits: u64) -> i64 {
        let unused = 64 - self.bits;
        if self.signed { (bits << unused) as i64 >> unused } else { bits as i64 }
    }
}

#[cfg(test)]
mod tests {
    use super::{IntegerType, Overflow};

    fn of(word: &str) -> IntegerType {
        IntegerType::parse(word.as_bytes()).unwrap()
    }

    #[test]
    fn a_type_has_a_sign_and_a_width() {
        for bad in ["", "i", "u", "i0", "u0", "u64", "i65", "I8", "8", "i 8", "u-1"] {
            assert!(IntegerType::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(of("i64").bits, 64);
        assert_eq!(of("u63").bits, 63);
    }

    #[test]
    fn what_does_not_fit_wraps_saturates_or_fails() {
        for (word, value, wrapped, saturated) in [
            ("i8", 128, -128, 127),
            ("i8", -129, 127, -128),
            ("u8", 256, 0, 255),
            ("u8", -1, 255, 0),
            ("u2", 5, 1, 3),
            ("i1", 1, -1, 0),
            ("i64", i128::from(i64::MAX) + 1, i64::MIN, i64::MAX),
            ("i64", i128::from(i64::MIN) - 1, i64::MAX, i64::MIN),
            ("u63", i128::from(i64::MAX) + 1, 0, i64::MAX),
        ] {
            assert_eq!(of(word).fit(value, Overflow::Wrap), Some(wrapped), "{word} {value}");
            assert_eq!(of(word).fit(value, Overflow::Saturate), Some(saturated), "{word} {value}");
            assert_eq!(of(word).fit(value, Overflow::Fail), None, "{word} {value}");
        }
        assert_eq!(of("i8").fit(-128, Overflow::Fail), Some(-128));
        // As Redis has it: the largest there is, not the smallest.
        assert_eq!(of("u8").fit(of("u8").given(-1), Overflow::Saturate), Some(255));
        let set = |value| of("i54").fit(of("i54").given(value), Overflow::Saturate);
        assert_eq!(set(i64::MIN), Some((1 << 53) - 1));
        assert_eq!(set(i64::MIN + (1 << 53)), Some(-(1 << 53)));
    }
}
