//! What `DUMP` gives and `RESTORE` takes: one value.
//!
//! ```text
//!  type | value | version, 2 bytes | checksum of all before, 8 bytes
//! ```
//! Both numbers have their least significant byte first. There is no magic: a version of 80 says that it is Valkey's.

use std::fmt;

use spinel_store::ValueRef;

use crate::checksum::Checksum;
use crate::decode::{Cursor, DecodeContext, DecodeError, Fault, Value, decode_value};
use crate::encode::{EncodeOptions, ValueEncoder, put_value};
use crate::opcode::ValueType;
use crate::version::Origin;

/// Bytes behind the value.
const FOOTER_BYTES: usize = 2 + CHECKSUM_BYTES;
const CHECKSUM_BYTES: usize = 8;

/// Whether the checksum of a payload is looked at (`DEBUG SET-SKIP-CHECKSUM-VALIDATION`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// It must be right.
    #[default]
    Checksum,
    /// It may be anything.
    Nothing,
}

/// Why a payload is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// It is too short, its version is not known, or its checksum is wrong.
    Footer,
    /// The value is damaged or not supported.
    Value(DecodeError),
}

impl fmt::Display for PayloadError {
    /// The text that `RESTORE` replies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Footer => "DUMP payload version or checksum are wrong",
            Self::Value(_) => "Bad data format",
        })
    }
}

impl std::error::Error for PayloadError {}

/// The payload of a value.
#[must_use]
pub fn dump(value: ValueRef<'_>, options: EncodeOptions) -> Vec<u8> {
    let mut out = vec![ValueEncoder::type_byte(value, options)];
    put_value(&mut out, value, options);
    out.extend_from_slice(&options.target.number().to_le_bytes());
    let checksum = Checksum::of(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// The value of a payload.
///
/// # Errors
/// When the payload is not one, is damaged, holds an empty collection, more than a value, or a type that is not
/// supported.
pub fn restore<'a>(
    payload: &'a [u8],
    verify: Verify,
    cx: DecodeContext<'_>,
) -> Result<Value<'a>, PayloadError> {
    let (body, footer) = payload.split_last_chunk::<FOOTER_BYTES>().ok_or(PayloadError::Footer)?;
    let origin =
        Origin::of_payload(u16::from_le_bytes([footer[0], footer[1]])).ok_or(PayloadError::Footer)?;
    if verify == Verify::Checksum {
        let (summed, stated) = payload.split_last_chunk::<CHECKSUM_BYTES>().ok_or(PayloadError::Footer)?;
        if Checksum::of(summed) != u64::from_le_bytes(*stated) {
            return Err(PayloadError::Footer);
        }
    }
    let mut cursor = Cursor::new(body);
    read(&mut cursor, origin, cx).map_err(|fault| {
        PayloadError::Value(DecodeError { fault, offset: cursor.position() as u64, key: None })
    })
}

/// What a payload holds by its first byte, as the log of Redis calls it: for messages.
#[must_use]
pub fn what_it_holds(payload: &[u8]) -> &'static str {
    match payload.first() {
        Some(0) => "String",
        Some(1 | 10 | 14 | 18) => "List",
        Some(2 | 11 | 20) => "Set",
        Some(3 | 5 | 12 | 17) => "Zset",
        Some(4 | 9 | 13 | 16 | 22..=25) => "Hash",
        Some(15 | 19 | 21) => "Stream",
        Some(200) => "Array",
        _ => "Value",
    }
}

fn read<'a>(cursor: &mut Cursor<'a>, origin: Origin, cx: DecodeContext<'_>) -> Result<Value<'a>, Fault> {
    let value_type = ValueType::parse(cursor.byte()?, origin.family)?;
    let value = decode_value(value_type, cursor, cx)?.ok_or(Fault::Empty)?;
    match cursor.remaining() {
        0 => Ok(value),
        bytes => Err(Fault::Trailing(bytes)),
    }
}
