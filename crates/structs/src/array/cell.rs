//! One place of an array: eight bytes that hold a number, a short string, or the address of a longer one.
//!
//! ```text
//!  byte 0             bytes 1 to 7
//! ┌──────────────────┬─────────────────────────────┐
//! │ 0                │ 0                           │ nothing
//! │ ..... 000        │ ...                         │ the address of a `Member`
//! │ 00len 001        │ up to seven bytes           │ a string
//! │ ..... 010        │ ...                         │ a number of 61 bits above the tag
//! └──────────────────┴─────────────────────────────┘
//! ```
//! The eight bytes are a number with its least significant byte first, whose lowest three bits are the tag.
//!
//! `unsafe` here is about addresses only: *(C1) a cell with the tag [`ADDRESS`] that is not zero has the address of a living
//! `Member` that nobody else owns.*

use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use crate::compact::Member;
use crate::number::parse_i64;

const TAG: u64 = 7;
const ADDRESS: u64 = 0;
const SHORT: u64 = 1;
const NUMBER: u64 = 2;
const TAG_BITS: u32 = 3;
/// The longest string that stands in the cell itself.
const SHORT_MAX: usize = 7;

/// A value of an array, to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayValue<'a> {
    /// A string that is a canonical integer.
    Int(i64),
    /// Any other string.
    Bytes(&'a [u8]),
}

impl ArrayValue<'_> {
    /// Calls `with` with the bytes; an integer is written out on the stack.
    pub fn with_bytes<R>(self, with: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Int(n) => with(itoa::Buffer::new().format(n).as_bytes()),
            Self::Bytes(bytes) => with(bytes),
        }
    }
}

/// See the module.
pub(super) struct Cell([u8; 8]);

// SAFETY: by C1 a cell owns what it points to, which is `Send`.
unsafe impl Send for Cell {}
// SAFETY: as above; `Member` is `Sync`, and a shared cell gives shared access to it only.
unsafe impl Sync for Cell {}

impl Cell {
    pub(super) const EMPTY: Self = Self([0; 8]);

    pub(super) fn new(bytes: &[u8]) -> Self {
        if let Some(n) = parse_i64(bytes).filter(|&n| n << TAG_BITS >> TAG_BITS == n) {
            return Self(((n << TAG_BITS) as u64 | NUMBER).to_le_bytes());
        }
        if bytes.len() <= SHORT_MAX {
            let mut cell = [0; 8];
            cell[0] = (bytes.len() as u8) << TAG_BITS | SHORT as u8;
            cell[1..=bytes.len()].copy_from_slice(bytes);
            return Self(cell);
        }
        Self::far(bytes)
    }

    /// A string that does not stand in the cell.
    fn far(bytes: &[u8]) -> Self {
        let address = Member::new(bytes).into_address().as_ptr() as u64;
        debug_assert_eq!(address & TAG, ADDRESS);
        Self(address.to_le_bytes())
    }

    #[inline]
    fn word(&self) -> u64 {
        u64::from_le_bytes(self.0)
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.word() == 0
    }

    /// Where the string lies that does not stand in the cell.
    #[inline]
    fn address(&self) -> Option<NonNull<u8>> {
        let word = self.word();
        if word & TAG == ADDRESS { NonNull::new(word as *mut u8) } else { None }
    }

    /// The value; nothing if the cell is empty.
    pub(super) fn value(&self) -> Option<ArrayValue<'_>> {
        let word = self.word();
        match word & TAG {
            NUMBER => Some(ArrayValue::Int(word as i64 >> TAG_BITS)),
            SHORT => Some(ArrayValue::Bytes(&self.0[1..=usize::from(self.0[0] >> TAG_BITS)])),
            _ => self.far_bytes().map(ArrayValue::Bytes),
        }
    }

    /// The string that does not stand in the cell.
    fn far_bytes(&self) -> Option<&[u8]> {
        let address = self.address()?;
        // SAFETY: by C1 the address is that of a living member; it is not dropped here.
        let member = ManuallyDrop::new(unsafe { Member::from_address(address) });
        let bytes = member.as_bytes();
        // SAFETY: the bytes lie behind the address, not in `member`, and live as long as this cell, which is borrowed.
        Some(unsafe { std::slice::from_raw_parts(bytes.as_ptr(), bytes.len()) })
    }

    /// Bytes of heap behind it.
    pub(super) fn heap_bytes(&self) -> usize {
        let Some(address) = self.address() else { return 0 };
        // SAFETY: by C1 it is a living member's address; it is not dropped here.
        let member = ManuallyDrop::new(unsafe { Member::from_address(address) });
        member.memory_bytes()
    }
}

impl Drop for Cell {
    #[inline]
    fn drop(&mut self) {
        if let Some(address) = self.address() {
            // SAFETY: by C1 it is a living member's address that this cell alone has, and it is going.
            drop(unsafe { Member::from_address(address) });
        }
    }
}

impl Clone for Cell {
    fn clone(&self) -> Self {
        match self.far_bytes() {
            Some(bytes) => Self::far(bytes),
            None => Self(self.0),
        }
    }
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.value().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_short_strings_take_no_memory_beside_the_cell() {
        let (least, most) = ((-1i64 << 60).to_string(), ((1i64 << 60) - 1).to_string());
        for (text, heap) in [
            (&b""[..], 0),
            (b"1234567", 0),
            (b"seven b", 0),
            (b"eight by", 16),
            (b"-0", 0),
            (b"007", 0),
            (b"123456789012345678", 0),
            (least.as_bytes(), 0),
            (most.as_bytes(), 0),
            (b"9223372036854775807", 24),
            (&[b'x'; 16], 24),
        ] {
            let cell = Cell::new(text);
            assert!(!cell.is_empty());
            assert_eq!(cell.heap_bytes(), heap, "{}", text.escape_ascii());
            for cell in [cell.clone(), cell] {
                assert_eq!(cell.value().unwrap().with_bytes(<[u8]>::to_vec), text);
            }
        }
        assert_eq!(Cell::EMPTY.value(), None);
    }

    #[test]
    fn a_number_beyond_61_bits_is_kept_as_its_text() {
        for n in [1i64 << 60, (-1i64 << 60) - 1, i64::MAX, i64::MIN] {
            let cell = Cell::new(n.to_string().as_bytes());
            assert_eq!(cell.value(), Some(ArrayValue::Bytes(n.to_string().as_bytes())));
        }
    }
}
