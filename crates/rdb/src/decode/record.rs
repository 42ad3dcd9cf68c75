//! A key with everything the file says of it.
//!
//! ```text
//!  [250 times of members]* [252 expiry, 8 bytes] [248 idle] [249 frequency] | type | key | value
//! ```
//! Or all of that in fields about the file, if the type is ours alone.

use std::borrow::Cow;

use spinel_store::{Entry, HashKey, UnixMillis};

use super::{Cursor, DecodeContext, Fault, Str, Value, decode_value};
use crate::member_times::{self, MemberTimes};
use crate::opcode::{self, ValueType};
use crate::own_key;
use crate::version::Family;

/// A key that was read.
#[derive(Debug)]
pub struct Record<'a> {
    /// The key.
    pub key: Cow<'a, [u8]>,
    /// The value; `None` if it is a collection without elements, as some old servers left behind. Redis leaves such
    /// keys out and says so.
    pub value: Option<Value<'a>>,
    /// When it expires.
    pub expiry: Option<UnixMillis>,
    /// Seconds since it was used.
    pub idle_seconds: Option<u64>,
    /// How frequently it is used.
    pub frequency: Option<u8>,
    /// When members of it expire.
    pub member_times: MemberTimes<'a>,
}

impl Record<'_> {
    /// The entry to store, unless there is no value.
    #[must_use]
    pub fn into_entry(self, access: u32, hash_key: &HashKey) -> Option<Entry> {
        let Self { key, value, expiry, member_times, .. } = self;
        let mut entry = value?.into_new(|value| Entry::new(&key, value, expiry, access));
        entry.set_element_expiries(member_times.iter(), hash_key);
        Some(entry)
    }
}

/// Why a record is not read, and whose it is.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) fault: Fault,
    pub(super) key: Option<Vec<u8>>,
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self { fault, key: None }
    }
}

/// What stands before a value.
pub(super) struct Head<'a> {
    pub(super) expiry: Option<UnixMillis>,
    pub(super) idle_seconds: Option<u64>,
    pub(super) frequency: Option<u8>,
    pub(super) member_times: MemberTimes<'a>,
    pub(super) value_type: ValueType,
    pub(super) key: Str<'a>,
}

impl<'a> Head<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>, family: Family) -> Result<Self, Refused> {
        let (mut expiry, mut idle_seconds, mut frequency) = (None, None, None);
        let mut member_times = MemberTimes::default();
        let number = loop {
            match cursor.byte()? {
                opcode::EXPIRY_MS => {
                    let at = i64::from_le_bytes(cursor.array()?);
                    // Redis keeps -1 for "none".
                    expiry = (at != -1).then_some(UnixMillis(at));
                }
                opcode::EXPIRY_SECONDS => {
                    let at = i32::from_le_bytes(cursor.array()?);
                    expiry = Some(UnixMillis(i64::from(at) * 1000));
                }
                opcode::AUX => member_times.push(member_times::read_field(cursor)?),
                opcode::IDLE => idle_seconds = Some(cursor.length()?),
                opcode::FREQUENCY => frequency = Some(cursor.byte()?),
                number => break number,
            }
        };
        let has_attributes =
            expiry.is_some() || idle_seconds.is_some() || frequency.is_some() || !member_times.is_empty();
        if has_attributes && number >= opcode::SLOT_INFO {
            return Err(Fault::StrayAttribute.into());
        }
        if number == opcode::SLOT_IMPORT_OR_KEY_META {
            return Err(Fault::Unsupported { what: "metadata of a key", number }.into());
        }
        let key = cursor.string()?;
        match ValueType::parse(number, family) {
            Ok(value_type) => Ok(Self { expiry, idle_seconds, frequency, member_times, value_type, key }),
            Err(fault) => {
                let fault = fault_of_module(number, cursor)?.unwrap_or(fault);
                Err(Refused { fault, key: key.into_vec().ok() })
            }
        }
    }
}

/// The fault that names the module, if the value of this type is one's.
fn fault_of_module(number: u8, cursor: &mut Cursor<'_>) -> Result<Option<Fault>, Fault> {
    match number {
        6 | 7 => Ok(Some(Fault::Module(super::marks::module_name(cursor.length()?)))),
        _ => Ok(None),
    }
}

/// Reads a key with its value.
pub(super) fn read<'a>(
    cursor: &mut Cursor<'a>,
    family: Family,
    cx: DecodeContext<'_>,
) -> Result<Record<'a>, Refused> {
    if matches!(own_key::begin_here(cursor.rest()), Ok(true)) {
        return read_own(&own_key::read_all(cursor)?, family, cx);
    }
    let head = Head::read(cursor, family)?;
    let key = head.key.into_cow()?;
    head.member_times.check()?;
    match decode_value(head.value_type, cursor, cx) {
        Ok(value) => Ok(Record {
            key,
            value,
            expiry: head.expiry,
            idle_seconds: head.idle_seconds,
            frequency: head.frequency,
            member_times: head.member_times,
        }),
        Err(fault) => Err(Refused { fault, key: Some(key.into_owned()) }),
    }
}

/// Reads a key with its value that stood in fields about the file: one of a type that is ours alone.
fn read_own<'a>(bytes: &[u8], family: Family, cx: DecodeContext<'_>) -> Result<Record<'a>, Refused> {
    let mut cursor = Cursor::new(bytes);
    let Head { expiry, idle_seconds, frequency, member_times, value_type, key } =
        Head::read(&mut cursor, family)?;
    let key = key.into_vec()?;
    let read = match value_type {
        _ if !member_times.is_empty() => Err(Fault::StrayAttribute),
        ValueType::Array => decode_value(value_type, &mut cursor, cx),
        other => Err(Fault::Type(other.number())),
    };
    let value = match read {
        Ok(None) => None,
        Ok(Some(Value::Array(array))) if cursor.remaining() == 0 => Some(Value::Array(array)),
        Ok(Some(_)) => {
            return Err(Refused { fault: Fault::Trailing(cursor.remaining()), key: Some(key) });
        }
        Err(fault) => return Err(Refused { fault, key: Some(key) }),
    };
    let key = Cow::Owned(key);
    Ok(Record { key, value, expiry, idle_seconds, frequency, member_times: MemberTimes::default() })
}
