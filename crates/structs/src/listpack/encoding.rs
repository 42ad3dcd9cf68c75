//! One entry as bytes: the encodings of values and the backward length.
//!
//! Knows nothing of whole listpacks. Readers here trust the bytes and may panic on bad ones; hostile
//! input is kept out by [`validate`](super::validate), which calls [`checked_len`] first.

use super::ListpackValue;
use crate::number::parse_i64;

/// The terminator that follows the last entry.
pub(super) const END: u8 = 0xFF;

const STR_6: u8 = 0x80;
const INT_13: u8 = 0xC0;
const STR_12: u8 = 0xE0;
const STR_32: u8 = 0xF0;
const INT_16: u8 = 0xF1;
const INT_24: u8 = 0xF2;
const INT_32: u8 = 0xF3;
const INT_64: u8 = 0xF4;

/// The widest fixed part of an entry: the nine bytes of a 64-bit integer.
const HEAD_MAX: usize = 9;

/// An entry ready to be written: a fixed part, then the string's bytes if it is one.
pub(super) struct Encoded<'a> {
    head: [u8; HEAD_MAX],
    head_len: u8,
    body: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// Chooses the encoding of a client's bytes: an integer when they are its canonical text.
    #[inline]
    pub(super) fn of_bytes(value: &'a [u8]) -> Self {
        match parse_i64(value) {
            Some(integer) => Encoded::of_int(integer),
            None => Encoded::of_string(value),
        }
    }

    /// The narrowest integer encoding that holds `value`.
    #[inline]
    pub(super) fn of_int(value: i64) -> Self {
        let mut head = [0; HEAD_MAX];
        let payload = value.to_le_bytes();
        let mut tagged = |tag: u8, width: usize| {
            head[0] = tag;
            head[1..=width].copy_from_slice(&payload[..width]);
            width as u8 + 1
        };
        let head_len = match value {
            0..=127 => {
                head[0] = payload[0];
                1
            }
            -4096..=4095 => {
                head[0] = INT_13 | (payload[1] & 0x1F);
                head[1] = payload[0];
                2
            }
            -0x8000..=0x7FFF => tagged(INT_16, 2),
            -0x80_0000..=0x7F_FFFF => tagged(INT_24, 3),
            -0x8000_0000..=0x7FFF_FFFF => tagged(INT_32, 4),
            _ => tagged(INT_64, 8),
        };
        Encoded { head, head_len, body: &[] }
    }

    #[inline]
    fn of_string(value: &'a [u8]) -> Self {
        let mut head = [0; HEAD_MAX];
        let length = u32::try_from(value.len()).expect("callers bound an element by the 4 GiB of a listpack");
        let bytes = length.to_le_bytes();
        let head_len = match length {
            0..64 => {
                head[0] = STR_6 | bytes[0];
                1
            }
            64..4096 => {
                head[0] = STR_12 | bytes[1];
                head[1] = bytes[0];
                2
            }
            _ => {
                head[0] = STR_32;
                head[1..5].copy_from_slice(&bytes);
                5
            }
        };
        Encoded { head, head_len, body: value }
    }

    /// Bytes of the encoding and the data, without the backward length.
    #[inline]
    fn data_len(&self) -> usize {
        usize::from(self.head_len) + self.body.len()
    }

    /// Bytes the whole entry takes.
    #[inline]
    pub(super) fn size(&self) -> usize {
        let data = self.data_len();
        data + backlen_size(data)
    }

    /// Appends the entry.
    #[inline]
    pub(super) fn push_to(&self, out: &mut Vec<u8>) {
        let data = self.data_len();
        out.extend_from_slice(&self.head[..usize::from(self.head_len)]);
        out.extend_from_slice(self.body);
        if data < 128 {
            out.push(data as u8);
        } else {
            let width = backlen_size(data);
            let mut backward = [0; 5];
            write_backlen(&mut backward, data);
            out.extend_from_slice(&backward[..width]);
        }
    }

    /// Writes the entry at the start of `out`, which holds at least [`Encoded::size`] bytes.
    #[inline]
    pub(super) fn write(&self, out: &mut [u8]) {
        let head = usize::from(self.head_len);
        let data = self.data_len();
        out[..head].copy_from_slice(&self.head[..head]);
        out[head..data].copy_from_slice(self.body);
        write_backlen(&mut out[data..], data);
    }
}

/// Bytes of the entry that starts `bytes`, without its backward length.
#[inline]
pub(super) fn data_len(bytes: &[u8]) -> usize {
    match bytes[0] {
        0..STR_6 => 1,
        tag @ STR_6..INT_13 => 1 + usize::from(tag & 0x3F),
        INT_13..STR_12 => 2,
        tag @ STR_12..STR_32 => 2 + (usize::from(tag & 0x0F) << 8 | usize::from(bytes[1])),
        STR_32 => 5 + read_u32(&bytes[1..]) as usize,
        INT_16 => 3,
        INT_24 => 4,
        INT_32 => 5,
        INT_64 => 9,
        0xF5..=END => panic!("an entry starts with an unknown encoding"),
    }
}

/// Bytes of the whole entry that starts `bytes`.
#[inline]
pub(super) fn entry_len(bytes: &[u8]) -> usize {
    let data = data_len(bytes);
    data + backlen_size(data)
}

/// The value of the entry that starts `bytes`.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> ListpackValue<'_> {
    match bytes[0] {
        small @ 0..STR_6 => ListpackValue::Int(i64::from(small)),
        STR_6..INT_13 => ListpackValue::Bytes(&bytes[1..data_len(bytes)]),
        INT_13..STR_12 => {
            let raw = u16::from_be_bytes([bytes[0], bytes[1]]) << 3;
            ListpackValue::Int(i64::from(raw as i16 >> 3))
        }
        STR_12..STR_32 => ListpackValue::Bytes(&bytes[2..data_len(bytes)]),
        STR_32 => ListpackValue::Bytes(&bytes[5..data_len(bytes)]),
        INT_16 => ListpackValue::Int(read_int(&bytes[1..3])),
        INT_24 => ListpackValue::Int(read_int(&bytes[1..4])),
        INT_32 => ListpackValue::Int(read_int(&bytes[1..5])),
        INT_64 => ListpackValue::Int(read_int(&bytes[1..9])),
        0xF5..=END => panic!("an entry starts with an unknown encoding"),
    }
}

/// Bytes of the backward length of an entry of `data` bytes.
///
/// The borders at 16383, 2097151 and 268435455 lie one below what seven bits a byte would allow, as in
/// `lpEncodeBacklen` of Redis; readers recompute this width, so it has to be the same.
#[inline]
pub(super) fn backlen_size(data: usize) -> usize {
    match data {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

#[inline]
fn write_backlen(out: &mut [u8], data: usize) {
    let width = backlen_size(data);
    for (place, byte) in out[..width].iter_mut().rev().enumerate() {
        let more = if place + 1 < width { 0x80 } else { 0 };
        *byte = ((data >> (7 * place)) & 0x7F) as u8 | more;
    }
}

/// Reads the backward length that ends `bytes`, right to left; `None` when it is longer than five bytes
/// or runs out of bytes.
#[inline]
pub(super) fn read_backlen(bytes: &[u8]) -> Option<usize> {
    let mut value = 0;
    for (place, &byte) in bytes.iter().rev().take(5).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Length of the whole entry that starts `bytes`, trusting nothing: `None` when its encoding is unknown,
/// it reaches past the end of `bytes`, or its two lengths disagree.
pub(super) fn checked_len(bytes: &[u8]) -> Option<usize> {
    let prefix = match *bytes.first()? {
        STR_12..STR_32 => 2,
        STR_32 => 5,
        0xF5..=END => return None,
        _ => 1,
    };
    if bytes.len() < prefix {
        return None;
    }
    let data = data_len(bytes);
    let entry = data + backlen_size(data);
    let backward = bytes.get(data..entry)?;
    (read_backlen(backward) == Some(data)).then_some(entry)
}

#[inline]
fn read_u32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// Sign-extends a little-endian integer of 2, 3, 4 or 8 bytes.
#[inline]
fn read_int(bytes: &[u8]) -> i64 {
    let mut wide = [0; 8];
    wide[8 - bytes.len()..].copy_from_slice(bytes);
    i64::from_le_bytes(wide) >> (64 - 8 * bytes.len())
}
