//! How lengths are written in front of the bytes: in 1, 2, 3, 5 or 9 bytes.
//!
//! ```text
//! f0-f123   the length itself
//! f124 +1   124 + one byte: 124 to 379
//! f125 +2   two bytes, little endian
//! f126 +4   four bytes
//! f127 +8   eight bytes
//! ```
//!
//! `f` is the top bit of the first byte. It belongs to the item, not to the length; lengths are written with
//! it clear and read ignoring it.

/// The bytes of the longest form.
pub(super) const MAX_SIZE: usize = 9;
const SHORT_MAX: usize = 123;
const ONE_MORE: u8 = 124;
const TWO_MORE: u8 = 125;
const FOUR_MORE: u8 = 126;
const EIGHT_MORE: u8 = 127;
const ONE_MORE_MAX: usize = SHORT_MAX + 256;
const LENGTH_BITS: u8 = 0x7f;

/// The bytes that the written form of `length` takes.
#[inline]
pub(super) const fn size(length: usize) -> usize {
    if length <= SHORT_MAX {
        1
    } else if length <= ONE_MORE_MAX {
        2
    } else if length <= u16::MAX as usize {
        3
    } else if length as u64 <= u32::MAX as u64 {
        5
    } else {
        9
    }
}

/// Writes `length` at the beginning of `to` and returns the bytes it took.
#[inline]
pub(super) fn write(length: usize, to: &mut [u8]) -> usize {
    let size = size(length);
    match size {
        1 => to[0] = length as u8,
        2 => to[..2].copy_from_slice(&[ONE_MORE, (length - SHORT_MAX - 1) as u8]),
        3 => {
            to[0] = TWO_MORE;
            to[1..3].copy_from_slice(&(length as u16).to_le_bytes());
        }
        5 => {
            to[0] = FOUR_MORE;
            to[1..5].copy_from_slice(&(length as u32).to_le_bytes());
        }
        _ => {
            to[0] = EIGHT_MORE;
            to[1..9].copy_from_slice(&(length as u64).to_le_bytes());
        }
    }
    size
}

/// Reads a length; `byte(i)` gives the i-th byte of its written form. Asks for no byte behind it.
#[inline]
pub(super) fn read(byte: impl Fn(usize) -> u8) -> usize {
    let first = byte(0) & LENGTH_BITS;
    let little_endian =
        |count: usize| (1..=count).rev().fold(0, |value, i| value << 8 | usize::from(byte(i)));
    match first {
        ONE_MORE => SHORT_MAX + 1 + usize::from(byte(1)),
        TWO_MORE => little_endian(2),
        FOUR_MORE => little_endian(4),
        EIGHT_MORE => little_endian(8),
        short => usize::from(short),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_read_as_it_was_written() {
        let edges =
            [0, 1, 123, 124, 125, 379, 380, 65_535, 65_536, 0xffff_ffff, 0x1_0000_0000, isize::MAX as usize];
        for length in edges {
            let mut bytes = [0xee; 10];
            let written = write(length, &mut bytes);
            assert_eq!(written, size(length));
            assert_eq!(bytes[written], 0xee, "nothing is written behind {length}");
            assert_eq!(bytes[0] & 0x80, 0, "the flag of {length} is clear");
            let read_back =
                |bytes: &[u8]| read(|i| *bytes.get(i).expect("no byte behind the length is asked for"));
            assert_eq!(read_back(&bytes[..written]), length);
            bytes[0] |= 0x80;
            assert_eq!(read_back(&bytes[..written]), length, "the flag does not matter");
        }
    }

    #[test]
    fn a_length_takes_the_bytes_that_the_picture_says() {
        for (length, bytes) in
            [(123, 1), (124, 2), (379, 2), (380, 3), (65_535, 3), (65_536, 5), (1 << 32, 9)]
        {
            assert_eq!(size(length), bytes, "of {length}");
        }
    }
}
