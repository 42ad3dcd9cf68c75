//! Lengths and strings as they are written.
//!
//! ```text
//!  00llllll                           a length of 6 bits
//!  01llllll llllllll                  of 14 bits
//!  10000000 and four bytes            of 32 bits, the most significant first
//!  10000001 and eight bytes           of 64 bits
//!  11000000 and one byte              the string is this integer
//!  11000001 and two bytes             the same, the least significant first
//!  11000010 and four bytes
//!  11000011 length length and bytes   the string is compressed: bytes that follow, bytes they become
//! ```

use spinel_store::Text;
use spinel_structs::number::parse_i64;

use super::EncodeOptions;
use crate::lzf;
use crate::opcode::{STRING_INT8, STRING_INT16, STRING_INT32, STRING_LZF};

/// Strings up to this length are not worth compressing.
const COMPRESS_MIN_BYTES: usize = 20;
/// Longer strings are not compressed, so that their writer needs no second copy of them. Redis compresses these too;
/// it reads either.
pub(super) const COMPRESS_MAX_BYTES: usize = 16 << 20;
/// Compressing has to save so many bytes.
const COMPRESS_MIN_SAVING: usize = 4;
/// The longest text of an integer of 32 bits.
const INT32_TEXT_BYTES: usize = 11;
/// The longest that may stand before a compressed string: a byte and two lengths.
const LZF_HEAD_MAX: usize = 1 + 2 * 9;

/// Appends a length.
pub(crate) fn put_length(out: &mut Vec<u8>, length: u64) {
    match length {
        0..=0x3F => out.push(length as u8),
        0x40..=0x3FFF => out.extend_from_slice(&(0x4000 | length as u16).to_be_bytes()),
        0x4000..=0xFFFF_FFFF => {
            out.push(0x80);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
}

/// Appends a string in its shortest form.
#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8], options: EncodeOptions) {
    if bytes.len() <= INT32_TEXT_BYTES
        && let Some(n) = parse_i64(bytes)
        && put_int32(out, n)
    {
        return;
    }
    let compressible = (COMPRESS_MIN_BYTES + 1..=COMPRESS_MAX_BYTES).contains(&bytes.len());
    if !(options.compression && compressible && put_compressed(out, bytes)) {
        put_plain(out, bytes);
    }
}

/// Appends a text, which may be an integer.
#[inline]
pub(crate) fn put_text(out: &mut Vec<u8>, text: Text<'_>, options: EncodeOptions) {
    match text {
        Text::Bytes(bytes) => put_bytes(out, bytes, options),
        Text::Int(n) if put_int32(out, n) => {}
        Text::Int(_) => text.with_bytes(|bytes| put_plain(out, bytes)),
    }
}

/// Appends a string as it is.
#[inline]
pub(crate) fn put_plain(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends an integer of 32 bits; whether it is one.
#[inline]
fn put_int32(out: &mut Vec<u8>, n: i64) -> bool {
    let bytes = n.to_le_bytes();
    let (first, width) = match n {
        -0x80..=0x7F => (STRING_INT8, 1),
        -0x8000..=0x7FFF => (STRING_INT16, 2),
        -0x8000_0000..=0x7FFF_FFFF => (STRING_INT32, 4),
        _ => return false,
    };
    out.push(first);
    out.extend_from_slice(&bytes[..width]);
    true
}

/// Appends a string compressed; whether that saved anything.
fn put_compressed(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let start = out.len();
    // Compressed behind room for the longest head, then moved to the head it gets.
    let packed_at = start + LZF_HEAD_MAX;
    out.resize(packed_at + bytes.len() - COMPRESS_MIN_SAVING, 0);
    let Some(packed) = lzf::compress(bytes, &mut out[packed_at..]) else {
        out.truncate(start);
        return false;
    };
    let mut head = Head { bytes: [0; LZF_HEAD_MAX], len: 0 };
    head.push(&[STRING_LZF]);
    head.push_length(packed);
    head.push_length(bytes.len());
    out[start..start + head.len].copy_from_slice(&head.bytes[..head.len]);
    out.copy_within(packed_at..packed_at + packed, start + head.len);
    out.truncate(start + head.len + packed);
    true
}

/// What stands before a compressed string of up to [`COMPRESS_MAX_BYTES`].
struct Head {
    bytes: [u8; LZF_HEAD_MAX],
    len: usize,
}

impl Head {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn push_length(&mut self, length: usize) {
        let length = u32::try_from(length).expect("what is compressed is shorter than 16 MiB");
        match length {
            0..=0x3F => self.push(&[length as u8]),
            0x40..=0x3FFF => self.push(&(0x4000 | length as u16).to_be_bytes()),
            _ => {
                self.push(&[0x80]);
                self.push(&length.to_be_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(bytes: &[u8], compression: bool) -> Vec<u8> {
        let mut out = b"before".to_vec();
        put_bytes(&mut out, bytes, EncodeOptions { compression, ..EncodeOptions::default() });
        out.split_off(6)
    }

    #[test]
    fn each_length_takes_the_bytes_of_the_picture() {
        let length = |n| {
            let mut out = Vec::new();
            put_length(&mut out, n);
            out
        };
        assert_eq!(length(63), [63]);
        assert_eq!(length(64), [0x40, 64]);
        assert_eq!(length(16_383), [0x7F, 0xFF]);
        assert_eq!(length(16_384), [0x80, 0, 0, 0x40, 0]);
        assert_eq!(length(1 << 32), [0x81, 0, 0, 0, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn integers_of_32_bits_are_written_as_such() {
        assert_eq!(put(b"-128", true), [0xC0, 0x80]);
        assert_eq!(put(b"128", true), [0xC1, 0x80, 0]);
        assert_eq!(put(b"-2147483648", true), [0xC2, 0, 0, 0, 0x80]);
        assert_eq!(put(b"2147483648", true), b"\x0A2147483648");
        assert_eq!(put(b"007", true), b"\x03007");
        assert_eq!(put(b"", true), [0]);
    }

    #[test]
    fn strings_of_more_than_twenty_bytes_are_compressed_when_it_helps() {
        assert_eq!(put(&[b'a'; 20], true).len(), 21);
        assert_eq!(put(&[b'a'; 21], true), [0xC3, 5, 21, 0, b'a', 0xE0, 11, 0]);
        assert_eq!(put(&[b'a'; 21], false).len(), 22);
        assert_eq!(put(b"abcdefghijklmnopqrstuvwxyz", true).len(), 27);
        // A byte, and 379 times up to 264 repetitions of it: 2 + 3 * 379 bytes become 100,000.
        assert_eq!(put(&[b'a'; 100_000], true)[..8], [0xC3, 0x44, 0x73, 0x80, 0, 1, 0x86, 0xA0]);
    }
}
