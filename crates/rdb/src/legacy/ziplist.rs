//! The ziplist: the predecessor of the listpack, in files up to version 9.
//!
//! # The bytes
//! ```text
//!  total    last     count   entry 0   entry 1         end
//! +--------+--------+-------+---------+---------+ ··· +------+
//! | u32 LE | u32 LE | u16 LE|         |         |     | 0xFF |
//! +--------+--------+-------+---------+---------+ ··· +------+
//!                           /         \
//!                          +-----------+---------------------+
//!                          | length of | encoding and data   |
//!                          | the entry |                     |
//!                          | before    |                     |
//!                          +-----------+---------------------+
//! ```
//! `last` is the offset of the last entry; a count of 65535 means "walk and count". The length of the entry before
//! takes one byte up to 253 bytes, else `0xFE` and four bytes. So the size of an entry depends on that of its
//! neighbour, and changing one could change all: that is why there are listpacks.
//!
//! | first byte | holds |
//! |---|---|
//! | `00llllll` | string of up to 63 bytes |
//! | `01llllll` and one byte | string of up to 16,383 bytes |
//! | `10000000` and four bytes | longer string; lengths have their most significant byte first |
//! | `0xC0` `0xD0` `0xE0` `0xF0` `0xFE` | integer of 16, 32, 64, 24, 8 bits, the least significant byte first |
//! | `0xF1` to `0xFD` | integer 0 to 12 |

use spinel_structs::listpack::{Listpack, ListpackValue, SAFE_BYTES};

const HEADER: usize = 10;
const END: u8 = 0xFF;
const BIG_BEFORE: u8 = 0xFE;
const COUNT_UNKNOWN: u16 = u16::MAX;

/// Why bytes are not a ziplist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZiplistError {
    /// Too short to hold a header and a terminator.
    TooShort,
    /// The header's total differs from the number of bytes.
    WrongTotal,
    /// The last byte is not the terminator.
    NoTerminator,
    /// The entry at this offset has an unknown encoding, reaches past the end, or tells a wrong length of the one before.
    BadEntry(usize),
    /// The header's count differs from the number of entries.
    WrongCount,
    /// The header's offset is not that of the last entry.
    WrongTail,
    /// As a listpack it would have more than 1 GiB.
    TooLong,
}

impl std::fmt::Display for ZiplistError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooShort => f.write_str("ziplist shorter than its header"),
            Self::WrongTotal => f.write_str("ziplist total differs from the bytes given"),
            Self::NoTerminator => f.write_str("ziplist without its terminator"),
            Self::BadEntry(offset) => write!(f, "ziplist entry at byte {offset} is malformed"),
            Self::WrongCount => f.write_str("ziplist count differs from its entries"),
            Self::WrongTail => f.write_str("ziplist tail is not its last entry"),
            Self::TooLong => f.write_str("ziplist of more than 1 GiB"),
        }
    }
}

/// Shows the values to `visit` in order, each after it was checked. What was shown before an error is worth nothing.
pub(crate) fn read<'a>(
    bytes: &'a [u8],
    mut visit: impl FnMut(ListpackValue<'a>),
) -> Result<(), ZiplistError> {
    if bytes.len() <= HEADER {
        return Err(ZiplistError::TooShort);
    }
    let word =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
    if word(0) != bytes.len() {
        return Err(ZiplistError::WrongTotal);
    }
    let end = bytes.len() - 1;
    if bytes[end] != END {
        return Err(ZiplistError::NoTerminator);
    }
    let (mut at, mut last, mut count) = (HEADER, HEADER, 0usize);
    while at < end {
        let before = at - last;
        let (value, length) = read_entry(&bytes[at..end], before).ok_or(ZiplistError::BadEntry(at))?;
        visit(value);
        last = at;
        at += length;
        count += 1;
    }
    let stated = u16::from_le_bytes([bytes[8], bytes[9]]);
    if stated != COUNT_UNKNOWN && usize::from(stated) != count {
        return Err(ZiplistError::WrongCount);
    }
    // Redis does not look at the tail of an empty one, nor let it lie beyond the end.
    let tail_is_right = if count == 0 { word(4) <= end } else { word(4) == last };
    if tail_is_right { Ok(()) } else { Err(ZiplistError::WrongTail) }
}

/// The same values as a listpack.
pub(crate) fn to_listpack(bytes: &[u8]) -> Result<Listpack, ZiplistError> {
    if bytes.len() > SAFE_BYTES {
        return Err(ZiplistError::TooLong);
    }
    let mut pack = Listpack::with_capacity(bytes.len());
    read(bytes, |value| match value {
        ListpackValue::Int(n) => pack.push_back_int(n),
        ListpackValue::Bytes(text) => pack.push_back(text),
    })?;
    pack.shrink_to_fit();
    Ok(pack)
}

/// The value of the entry that starts `bytes`, and the entry's length. `before` is the length of the entry before.
fn read_entry(bytes: &[u8], before: usize) -> Option<(ListpackValue<'_>, usize)> {
    let (stated, rest) = match bytes {
        [BIG_BEFORE, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        [small @ 0..BIG_BEFORE, rest @ ..] => (usize::from(*small), rest),
        _ => return None,
    };
    if stated != before {
        return None;
    }
    let (head, data): (usize, usize) = match rest {
        [short @ 0..0x40, ..] => (1, usize::from(*short)),
        [high @ 0x40..0x80, low, ..] => (2, usize::from(high & 0x3F) << 8 | usize::from(*low)),
        [0x80, a, b, c, d, ..] => (5, u32::from_be_bytes([*a, *b, *c, *d]) as usize),
        [0xC0, ..] => (1, 2),
        [0xF0, ..] => (1, 3),
        [0xD0, ..] => (1, 4),
        [0xE0, ..] => (1, 8),
        [0xFE, ..] => (1, 1),
        [0xF1..=0xFD, ..] => (1, 0),
        _ => return None,
    };
    let data = rest.get(head..head.checked_add(data)?)?;
    let value = match rest[0] {
        0..=0x80 => ListpackValue::Bytes(data),
        immediate @ 0xF1..=0xFD => ListpackValue::Int(i64::from(immediate) - 0xF1),
        _ => ListpackValue::Int(read_int(data)),
    };
    Some((value, bytes.len() - rest.len() + head + data.len()))
}

/// Sign-extends a little-endian integer.
fn read_int(bytes: &[u8]) -> i64 {
    let mut wide = [0; 8];
    wide[8 - bytes.len()..].copy_from_slice(bytes);
    i64::from_le_bytes(wide) >> (64 - 8 * bytes.len())
}

/// A ziplist of these values.
pub(crate) fn from_values<'a>(values: impl Iterator<Item = ListpackValue<'a>>) -> Vec<u8> {
    let mut out = vec![0; HEADER];
    let (mut last, mut count) = (HEADER, 0usize);
    for value in values {
        let at = out.len();
        match at - last {
            small @ 0..=0xFD => out.push(small as u8),
            big => {
                out.push(BIG_BEFORE);
                out.extend_from_slice(&(big as u32).to_le_bytes());
            }
        }
        match value {
            ListpackValue::Int(n) => put_int(&mut out, n),
            ListpackValue::Bytes(text) => put_text(&mut out, text),
        }
        last = at;
        count += 1;
    }
    out.push(END);
    let total = u32::try_from(out.len()).expect("a node of a list is shorter than 4 GiB");
    out[..4].copy_from_slice(&total.to_le_bytes());
    out[4..8].copy_from_slice(&(last as u32).to_le_bytes());
    out[8..HEADER].copy_from_slice(&u16::try_from(count).unwrap_or(COUNT_UNKNOWN).to_le_bytes());
    out
}

fn put_int(out: &mut Vec<u8>, n: i64) {
    let bytes = n.to_le_bytes();
    let (first, width) = match n {
        0..=12 => (0xF1 + n as u8, 0),
        -0x80..=0x7F => (0xFE, 1),
        -0x8000..=0x7FFF => (0xC0, 2),
        -0x80_0000..=0x7F_FFFF => (0xF0, 3),
        -0x8000_0000..=0x7FFF_FFFF => (0xD0, 4),
        _ => (0xE0, 8),
    };
    out.push(first);
    out.extend_from_slice(&bytes[..width]);
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        short @ 0..0x40 => out.push(short as u8),
        middle @ 0x40..0x4000 => out.extend_from_slice(&(0x4000 | middle as u16).to_be_bytes()),
        long => {
            out.push(0x80);
            out.extend_from_slice(&(long as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of the format's description: the strings "2" and "5".
    const TWO_AND_FIVE: [u8; 15] = [0x0F, 0, 0, 0, 0x0C, 0, 0, 0, 2, 0, 0, 0xF3, 2, 0xF6, 0xFF];

    fn values(bytes: &[u8]) -> Result<Vec<Vec<u8>>, ZiplistError> {
        let mut values = Vec::new();
        read(bytes, |value| values.push(value.to_vec())).map(|()| values)
    }

    #[test]
    fn the_example_of_the_format_is_read_and_written() {
        assert_eq!(values(&TWO_AND_FIVE), Ok(vec![b"2".to_vec(), b"5".to_vec()]));
        let written = from_values([ListpackValue::Int(2), ListpackValue::Int(5)].into_iter());
        assert_eq!(written, TWO_AND_FIVE);
    }

    #[test]
    fn damage_is_named() {
        let damaged = |at: usize, byte: u8| {
            let mut bytes = TWO_AND_FIVE;
            bytes[at] = byte;
            values(&bytes).err()
        };
        assert_eq!(values(&TWO_AND_FIVE[..10]).err(), Some(ZiplistError::TooShort));
        assert_eq!(damaged(0, 14), Some(ZiplistError::WrongTotal));
        assert_eq!(damaged(4, 10), Some(ZiplistError::WrongTail));
        assert_eq!(damaged(8, 3), Some(ZiplistError::WrongCount));
        assert_eq!(damaged(11, 0xFF), Some(ZiplistError::BadEntry(10)));
        assert_eq!(damaged(11, 9), Some(ZiplistError::BadEntry(10)));
        assert_eq!(damaged(12, 1), Some(ZiplistError::BadEntry(12)));
        assert_eq!(damaged(14, 0), Some(ZiplistError::NoTerminator));
    }

    fn value() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any::<i64>().prop_map(|n| n.to_string().into_bytes()),
            (-70_000i64..70_000).prop_map(|n| n.to_string().into_bytes()),
            prop::collection::vec(any::<u8>(), 0..300),
            (250usize..20_000).prop_map(|length| vec![b'x'; length]),
        ]
    }

    proptest! {
        #[test]
        fn values_come_back_through_a_listpack(texts in prop::collection::vec(value(), 0..20)) {
            let pack: Listpack = texts.iter().collect();
            let bytes = from_values(pack.iter());
            prop_assert_eq!(&values(&bytes), &Ok(texts));
            prop_assert_eq!(to_listpack(&bytes), Ok(pack));
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_read(mut bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if bytes.len() > HEADER {
                let total = bytes.len() as u32;
                bytes[..4].copy_from_slice(&total.to_le_bytes());
                *bytes.last_mut().unwrap() = END;
                bytes[8..10].copy_from_slice(&[0xFF; 2]);
            }
            let _ = values(&bytes);
        }
    }
}
