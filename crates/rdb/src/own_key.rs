//! Keys of types that other servers do not know: in fields about the file, which they pass over.
//!
//! ```text
//! │ 250 │ "spinel-key" │ string │ 250 │ "spinel-key" │ string │ ...
//!                      └ 0 │ part  of the record      └ 1 │ the last part
//! ```
//! The parts, one behind the other, are what would stand in the file if everybody knew the type: expiry, age, type, key and
//! value. So the expiry cannot fall to the key behind. The first byte of a string says whether it has the last
//! part. A string has about [`PART_BYTES`], more only if a single value has.

use spinel_store::ValueRef;

use crate::decode::{Cursor, Fault};
use crate::encode::{Attributes, EncodeOptions, Progress, ValueEncoder, put_key, put_length};
use crate::opcode;

/// The first bytes of each field: the opcode, the length of the name, the name.
const HEAD: &[u8] = b"\xFA\x0Aspinel-key";
/// Bytes of a part, about.
const PART_BYTES: usize = 32 << 10;
const MORE: u8 = 0;
const LAST: u8 = 1;

/// Writes a key of a type that is ours alone, with its value, in slices.
pub struct OwnKeyEncoder<'a> {
    /// What stands before the value, until it is written.
    head: Vec<u8>,
    value: ValueEncoder<'a>,
}

impl<'a> OwnKeyEncoder<'a> {
    /// Ready to write, if the type is such a one.
    #[must_use]
    pub fn new(
        key: &[u8],
        value: ValueRef<'a>,
        attributes: Attributes,
        options: EncodeOptions,
    ) -> Option<Self> {
        if !matches!(value, ValueRef::Array(_)) {
            return None;
        }
        let mut head = Vec::new();
        let value = put_key(&mut head, key, value, attributes, options);
        Some(Self { head, value })
    }

    /// Appends about so many bytes, a whole field at least.
    pub fn step(&mut self, out: &mut Vec<u8>, budget: usize) -> Progress {
        let limit = out.len().saturating_add(budget);
        loop {
            let mut part = std::mem::take(&mut self.head);
            let progress = self.value.step(&mut part, PART_BYTES);
            out.extend_from_slice(HEAD);
            put_length(out, 1 + part.len() as u64);
            out.push(if progress == Progress::Done { LAST } else { MORE });
            out.extend_from_slice(&part);
            if progress == Progress::Done || out.len() >= limit {
                return progress;
            }
        }
    }
}

/// Whether one of the fields is at the front of `bytes`.
///
/// # Errors
/// [`Fault::Truncated`] when there are too few bytes to say.
pub(crate) fn begin_here(bytes: &[u8]) -> Result<bool, Fault> {
    match bytes.get(..HEAD.len()) {
        Some(front) => Ok(front == HEAD),
        None if HEAD.starts_with(bytes) => Err(Fault::Truncated),
        None => Ok(false),
    }
}

/// Goes past a field and gives its part, and whether it is the last.
pub(crate) fn read_part<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a [u8], bool), Fault> {
    if cursor.take(HEAD.len() as u64)? != HEAD {
        return Err(Fault::Type(opcode::AUX));
    }
    let length = cursor.length()?;
    match cursor.take(length)?.split_first() {
        Some((&LAST, part)) => Ok((part, true)),
        Some((&MORE, part)) => Ok((part, false)),
        _ => Err(Fault::Type(opcode::AUX)),
    }
}

/// The parts put together.
pub(crate) fn read_all(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Fault> {
    let mut whole = Vec::new();
    loop {
        let (part, is_last) = read_part(cursor)?;
        whole.extend_from_slice(part);
        if is_last {
            return Ok(whole);
        }
    }
}
