//! Accepting a listpack from outside: every byte is checked before anything trusts it.

use std::fmt;

use super::{COUNT_UNKNOWN, END, HEADER, Listpack, encoding};

/// Why bytes are not a listpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListpackError {
    /// Too short to hold a header and a terminator.
    TooShort,
    /// The header's total differs from the number of bytes.
    WrongTotal,
    /// The last byte is not the terminator.
    NoTerminator,
    /// The entry at this byte offset has an unknown encoding, reaches past the end, or its two lengths
    /// disagree.
    BadEntry(usize),
    /// The header's count differs from the number of entries.
    WrongCount,
}

impl fmt::Display for ListpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListpackError::TooShort => f.write_str("listpack shorter than its header"),
            ListpackError::WrongTotal => f.write_str("listpack total differs from the bytes given"),
            ListpackError::NoTerminator => f.write_str("listpack without its terminator"),
            ListpackError::BadEntry(offset) => write!(f, "listpack entry at byte {offset} is malformed"),
            ListpackError::WrongCount => f.write_str("listpack count differs from its entries"),
        }
    }
}

impl std::error::Error for ListpackError {}

impl Listpack {
    /// Takes `bytes` as a listpack after checking all of them: O(bytes), no copy.
    ///
    /// # Errors
    /// A [`ListpackError`] with the first fault found. What is accepted can be walked from both ends without
    /// a panic. Integers in a wider encoding than needed and integer texts stored as strings are valid.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ListpackError> {
        validate(&bytes)?;
        Ok(Listpack { bytes })
    }

    /// Panics when an internal rule is broken; for tests.
    pub fn check_invariants(&self) {
        if let Err(error) = validate(&self.bytes) {
            panic!("{error}");
        }
        assert_eq!(self.iter().count(), self.iter().rev().count(), "both directions see the same elements");
        assert_eq!(self.len(), self.iter().count());
    }
}

fn validate(bytes: &[u8]) -> Result<(), ListpackError> {
    if bytes.len() <= HEADER {
        return Err(ListpackError::TooShort);
    }
    let total = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    if bytes.len() != total as usize {
        return Err(ListpackError::WrongTotal);
    }
    let end = bytes.len() - 1;
    if bytes[end] != END {
        return Err(ListpackError::NoTerminator);
    }
    let mut at = HEADER;
    let mut count = 0usize;
    while at < end {
        at += encoding::checked_len(&bytes[at..end]).ok_or(ListpackError::BadEntry(at))?;
        count += 1;
    }
    let stated = u16::from_le_bytes([bytes[4], bytes[5]]);
    if stated != COUNT_UNKNOWN && usize::from(stated) != count {
        return Err(ListpackError::WrongCount);
    }
    Ok(())
}
