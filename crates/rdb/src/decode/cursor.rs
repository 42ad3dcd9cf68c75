//! Walking through bytes nobody has checked.
//!
//! Nothing here allocates by what the bytes claim. A string is first only found ([`Str`]); turning it into bytes is a
//! second step, and a compressed one is measured before it is given room.

use std::borrow::Cow;

use spinel_structs::number::IntBuffer;

use super::Fault;
use crate::lzf;
use crate::opcode::{STRING_INT8, STRING_INT16, STRING_INT32, STRING_LZF};

/// A place in a slice.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes passed.
    #[inline]
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Bytes not yet passed.
    #[inline]
    /// The bytes left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, Fault> {
        let byte = *self.bytes.get(self.at).ok_or(Fault::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    /// The next byte, which stays the next.
    #[inline]
    pub(crate) fn peek(&self) -> Result<u8, Fault> {
        self.bytes.get(self.at).copied().ok_or(Fault::Truncated)
    }

    #[inline]
    pub(crate) fn take(&mut self, count: u64) -> Result<&'a [u8], Fault> {
        let count = usize::try_from(count).map_err(|_| Fault::Truncated)?;
        let taken = self.bytes[self.at..].get(..count).ok_or(Fault::Truncated)?;
        self.at += count;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let taken = self.bytes[self.at..].first_chunk::<N>().ok_or(Fault::Truncated)?;
        self.at += N;
        Ok(*taken)
    }

    /// A length.
    #[inline]
    pub(crate) fn length(&mut self) -> Result<u64, Fault> {
        let first = self.byte()?;
        match first {
            0..0x40 => Ok(u64::from(first)),
            0x40..0x80 => Ok(u64::from(first & 0x3F) << 8 | u64::from(self.byte()?)),
            0x80 => Ok(u64::from(u32::from_be_bytes(self.array()?))),
            0x81 => Ok(u64::from_be_bytes(self.array()?)),
            _ => Err(Fault::Length(first)),
        }
    }

    /// A count of elements that take at least `each` bytes, so that what follows has room for them.
    #[inline]
    pub(crate) fn count(&mut self, each: usize) -> Result<usize, Fault> {
        let count = self.length()?;
        let most = self.remaining() / each;
        usize::try_from(count).ok().filter(|count| *count <= most).ok_or(Fault::Count(count))
    }

    /// A string.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Str<'a>, Fault> {
        match self.peek()? {
            STRING_INT8..=STRING_LZF => self.encoded_string(),
            _ => {
                let length = self.length()?;
                Ok(Str::Plain(self.take(length)?))
            }
        }
    }

    fn encoded_string(&mut self) -> Result<Str<'a>, Fault> {
        Ok(match self.byte()? {
            STRING_INT8 => Str::Int(i8::from_le_bytes(self.array()?).into()),
            STRING_INT16 => Str::Int(i16::from_le_bytes(self.array()?).into()),
            STRING_INT32 => Str::Int(i32::from_le_bytes(self.array()?).into()),
            _ => {
                let packed = self.length()?;
                let length = self.length()?;
                Str::Packed(self.take(packed)?, length)
            }
        })
    }
}

/// A string as it was found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Str<'a> {
    Plain(&'a [u8]),
    Int(i64),
    /// Compressed bytes, and how many they shall become.
    Packed(&'a [u8], u64),
}

impl<'a> Str<'a> {
    /// The bytes.
    pub(crate) fn into_cow(self) -> Result<Cow<'a, [u8]>, Fault> {
        match self {
            Self::Plain(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::Int(_) | Self::Packed(..) => self.into_vec().map(Cow::Owned),
        }
    }

    /// The bytes, in an allocation of their own.
    pub(crate) fn into_vec(self) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Plain(bytes) => Ok(bytes.to_vec()),
            Self::Int(n) => Ok(IntBuffer::new().format(n).as_bytes().to_vec()),
            Self::Packed(..) => {
                let mut out = Vec::new();
                self.unpack(&mut out)?;
                Ok(out)
            }
        }
    }
}

impl Str<'_> {
    fn unpack(self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let Self::Packed(packed, length) = self else { return Ok(()) };
        let length = usize::try_from(length).map_err(|_| Fault::Compression)?;
        if lzf::decompress(packed, length, out) { Ok(()) } else { Err(Fault::Compression) }
    }
}

/// Room for the text of one string at a time.
#[derive(Default)]
pub(crate) struct Scratch {
    number: IntBuffer,
    unpacked: Vec<u8>,
}

impl Scratch {
    /// The bytes of a string, until the next one.
    #[inline]
    pub(crate) fn bytes<'s>(&'s mut self, string: Str<'s>) -> Result<&'s [u8], Fault> {
        match string {
            Str::Plain(bytes) => Ok(bytes),
            Str::Int(n) => Ok(self.number.format(n).as_bytes()),
            Str::Packed(..) => {
                self.unpacked.clear();
                string.unpack(&mut self.unpacked)?;
                Ok(&self.unpacked)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::put_length;
    use proptest::prelude::*;

    #[test]
    fn every_form_of_a_string_is_read() {
        let vec = |bytes: &[u8]| Cursor::new(bytes).string().and_then(Str::into_vec);
        assert_eq!(vec(b"\x03abc"), Ok(b"abc".to_vec()));
        assert_eq!(vec(&[0xC0, 0x80]), Ok(b"-128".to_vec()));
        assert_eq!(vec(&[0xC1, 0, 0x80]), Ok(b"-32768".to_vec()));
        assert_eq!(vec(&[0xC2, 0xFF, 0xFF, 0xFF, 0x7F]), Ok(b"2147483647".to_vec()));
        assert_eq!(vec(&[0xC3, 5, 21, 0, b'a', 0xE0, 11, 0]), Ok(vec![b'a'; 21]));
        assert_eq!(vec(&[0xC3, 5, 22, 0, b'a', 0xE0, 11, 0]), Err(Fault::Compression));
        assert_eq!(vec(&[0xC4, 0]), Err(Fault::Length(0xC4)));
        assert_eq!(vec(&[0x82]), Err(Fault::Length(0x82)));
        assert_eq!(vec(b"\x04abc"), Err(Fault::Truncated));
        assert_eq!(vec(&[0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]), Err(Fault::Truncated));
    }

    #[test]
    fn a_count_must_have_room_in_what_follows() {
        assert_eq!(Cursor::new(&[2, 0, 0, 0, 0]).count(2), Ok(2));
        assert_eq!(Cursor::new(&[3, 0, 0, 0, 0]).count(2), Err(Fault::Count(3)));
    }

    proptest! {
        #[test]
        fn lengths_come_back(length in prop_oneof![any::<u64>(), 0u64..70_000]) {
            let mut out = Vec::new();
            put_length(&mut out, length);
            let mut cursor = Cursor::new(&out);
            prop_assert_eq!(cursor.length(), Ok(length));
            prop_assert_eq!(cursor.remaining(), 0);
        }
    }
}
