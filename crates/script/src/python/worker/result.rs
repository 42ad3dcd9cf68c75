//! The value that a script returns, as a reply in the client's protocol.
//!
//! | value | RESP3 | RESP2 |
//! |---|---|---|
//! | `None` | null | null |
//! | `bool` | boolean | 1 or 0 |
//! | `int` | integer; big number if 64 bits are too few | integer; byte string |
//! | `float` | double | byte string |
//! | `str`, `bytes` | byte string | byte string |
//! | `list`, `tuple` | array | array |
//! | `dict` | map | array of keys and values |
//! | `set`, `frozenset` | set | array |
//! | an exception | error | error |
//! | `redis.status_reply(...)` | status | status |
//!
//! Anything else is an error: a function, a class, an object of one.

use monty_types::MontyObject;
use spinel_resp::Encoder;

use super::api::status_of;
use super::errors::{line_of, text_of};

/// A value that is no reply: its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoReply(pub(super) String);

/// Writes the value.
///
/// # Errors
/// If it is no reply, or something in it is none. What was written is of no use then.
pub(super) fn write_result(value: &MontyObject, out: &mut Encoder) -> Result<(), NoReply> {
    match value {
        MontyObject::None => out.null(),
        MontyObject::Bool(value) => out.boolean(*value),
        MontyObject::Int(number) => out.integer(*number),
        MontyObject::BigInt(number) => out.big_number(&number.to_string()),
        MontyObject::Float(number) => out.double(*number),
        MontyObject::String(text) => out.bulk(text.as_bytes()),
        MontyObject::Bytes(bytes) => out.bulk(bytes),
        MontyObject::List(items) | MontyObject::Tuple(items) => {
            out.array(items.len());
            return write_all(items, out);
        }
        MontyObject::NamedTuple { values, .. } => {
            out.array(values.len());
            return write_all(values, out);
        }
        MontyObject::Set(items) | MontyObject::FrozenSet(items) => {
            out.set(items.len());
            return write_all(items, out);
        }
        MontyObject::Dict(pairs) => {
            out.map(pairs.len());
            for (key, value) in pairs {
                write_result(key, out)?;
                write_result(value, out)?;
            }
        }
        MontyObject::Exception { exc_type, arg } => out.error(text_of(*exc_type, arg.as_deref())),
        other => match status_of(other) {
            Some(text) => out.simple(&line_of(text)),
            None => return Err(NoReply(other.type_name().to_owned())),
        },
    }
    Ok(())
}

fn write_all(items: &[MontyObject], out: &mut Encoder) -> Result<(), NoReply> {
    items.iter().try_for_each(|item| write_result(item, out))
}
