//! Offsets of bits, and the unit of the ends of a range.

use std::ops::Range;

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{CommandError, CommandSettings, Field, Words, is_token};
use spinel_structs::number::parse_i64;

/// A word that is read as an integer by the command itself, with an error of its own.
#[derive(Clone, Copy)]
pub(super) struct Unread<'a>(pub(super) &'a [u8]);

impl<'a> Field<'a> for Unread<'a> {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        words.take().map(Self)
    }
}

/// The bit that a word names. In commands about integers of `bits` bits, `#N` is the first bit of the Nth of them.
pub(super) fn bit_offset(
    word: &[u8],
    bits: Option<u32>,
    settings: &CommandSettings,
) -> Result<usize, CommandError> {
    let numbered = bits.and_then(|bits| Some((word.strip_prefix(b"#")?, bits)));
    let offset = match numbered {
        Some((number, bits)) => parse_i64(number).and_then(|number| number.checked_mul(i64::from(bits))),
        None => parse_i64(word),
    };
    let offset = offset.and_then(|offset| u64::try_from(offset).ok());
    let offset = offset.filter(|offset| offset / 8 < settings.max_string_len);
    let offset = offset.and_then(|offset| usize::try_from(offset).ok());
    offset.ok_or(CommandError::text("ERR bit offset is not an integer or out of range"))
}

/// What the ends of a range count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Byte,
    Bit,
}

impl Unit {
    pub(super) fn parse(word: &[u8]) -> Result<Self, CommandError> {
        if is_token(word, "BIT") {
            Ok(Self::Bit)
        } else if is_token(word, "BYTE") {
            Ok(Self::Byte)
        } else {
            Err(CommandError::Syntax)
        }
    }

    /// So many of these in a string of `bytes` bytes.
    pub(super) fn count(self, bytes: usize) -> i64 {
        bytes as i64 * if self == Self::Bit { 8 } else { 1 }
    }

    /// The bits of a string of `bytes` bytes between two ends, both included and counted from the back if negative.
    pub(super) fn bits(self, (start, end): (i64, i64), bytes: usize) -> Range<usize> {
        let count = self.count(bytes);
        let from_front = |at: i64| if at < 0 { at.saturating_add(count).max(0) } else { at };
        let (start, end) = (from_front(start), from_front(end).min(count - 1));
        if start > end {
            return 0..0;
        }
        let width = if self == Self::Bit { 1 } else { 8 };
        start as usize * width..(end as usize + 1) * width
    }
}

/// `BYTE | BIT`, which came later than the commands.
pub(super) const UNIT: ArgSpec = ArgSpec {
    since: "7.0.0",
    ..Shape {
        children: &[
            Shape::word(ArgKind::PureToken).arg("byte", "BYTE"),
            Shape::word(ArgKind::PureToken).arg("bit", "BIT"),
        ],
        ..Shape::word(ArgKind::OneOf)
    }
    .or_absent()
    .arg("index_unit", "")
};
/// The history of the commands that have a unit.
pub(super) const UNIT_HISTORY: &[(&str, &str)] = &[("7.0.0", "The ends of the range may count bits.")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_a_bit_or_the_number_of_an_integer() {
        let settings = CommandSettings::default();
        let offset = |word: &str, bits| bit_offset(word.as_bytes(), bits, &settings).ok();
        assert_eq!(offset("7", None), Some(7));
        assert_eq!(offset("#7", Some(5)), Some(35));
        assert_eq!(offset("7", Some(5)), Some(7));
        assert_eq!(offset("4294967295", None), Some(4_294_967_295));
        for bad in ["4294967296", "-1", "#1", "x", "", "9223372036854775808"] {
            assert_eq!(offset(bad, None), None, "{bad}");
        }
        for bad in ["#-1", "#", "#4294967296", "#9223372036854775807", "##1"] {
            assert_eq!(offset(bad, Some(8)), None, "{bad}");
        }
    }

    #[test]
    fn a_range_counts_from_either_end_in_either_unit() {
        for (ends, bytes, unit, expected) in [
            ((0, -1), 3, Unit::Byte, 0..24),
            ((1, 1), 3, Unit::Byte, 8..16),
            ((-2, 100), 3, Unit::Byte, 8..24),
            ((5, 30), 3, Unit::Bit, 5..24),
            ((-3, -2), 3, Unit::Bit, 21..23),
            ((3, 2), 3, Unit::Bit, 0..0),
            ((0, 0), 0, Unit::Byte, 0..0),
            ((i64::MIN, i64::MAX), 1, Unit::Bit, 0..8),
        ] {
            assert_eq!(unit.bits(ends, bytes), expected, "{ends:?} of {bytes}");
        }
    }
}
