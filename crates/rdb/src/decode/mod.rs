//! Reading: bytes from outside become keys and values, or an error that says what was wrong and where.
//!
//! ```text
//!  Read ─▶ Splitter ─▶ Records ─▶ Record ─▶ Entry        many threads
//!                 └──▶ Mark                              (databases, names and values about the file, the end)
//!  Read ─▶ Reader ───▶ Item                              one thread
//! ```
//!
//! [`Splitter`] only walks over lengths and cuts a file into runs of whole records; what costs time, checking and
//! building values, is left to [`Records::decode`], which needs nothing but the bytes, so that as many threads do it
//! as there are cores. [`Reader`] does both.
//!
//! # Nothing is trusted
//! Every listpack, ziplist, zipmap and intset is checked to its last byte; members and fields must differ, scores be
//! numbers, counts have room in the bytes that follow, pending entries of a stream belong to one consumer each. Memory grows with bytes that were really read: at most 16 times
//! as many (32 times for the empty groups of a stream, 48 for values of an array that lie far apart), with a megabyte to begin with, where a compressed string counts as what it really becomes, which is known
//! before it is given room and never more than 88 times its own length.
//!
//! # To add a type
//! Its number in `opcode.rs` with the shape of its bytes, a file here that builds it, a line in `decode_value`.

mod array;
mod cursor;
mod fault;
mod hash;
mod list;
mod marks;
mod reader;
mod record;
mod set;
mod skip;
mod skip_stream;
mod sorted_set;
mod splitter;
mod stream;
mod value;

use spinel_store::EncodingLimits;
use spinel_structs::hash::HashKey;

use crate::opcode::{StreamForm, ValueType};
pub(crate) use cursor::{Cursor, Scratch, Str};
pub use fault::{DecodeError, Fault, ZiplistError, ZipmapError};
pub use marks::{FileChecksum, Mark};
pub use reader::{Item, Reader};
pub use record::Record;
pub use splitter::{Piece, ReadError, Records, Splitter};
pub use value::Value;

/// What a value is built for.
#[derive(Clone, Copy, Debug)]
pub struct DecodeContext<'a> {
    /// When collections are small.
    pub limits: &'a EncodingLimits,
    /// The key under which members and fields are hashed.
    pub hash_key: &'a HashKey,
}

/// Reads a value; `None` is a collection without elements.
pub(crate) fn decode_value<'a>(
    value_type: ValueType,
    cursor: &mut Cursor<'a>,
    cx: DecodeContext<'_>,
) -> Result<Option<Value<'a>>, Fault> {
    match value_type {
        ValueType::String => value::string(cursor).map(Some),
        ValueType::List => list::elements(cursor, cx).map(Value::list),
        ValueType::ListZiplist => list::ziplist(cursor, cx).map(Value::list),
        ValueType::Quicklist => list::ziplist_nodes(cursor, cx).map(Value::list),
        ValueType::Quicklist2 => list::nodes(cursor, cx).map(Value::list),
        ValueType::Set => set::members(cursor, cx).map(Value::set),
        ValueType::SetIntset => set::intset(cursor, cx).map(Value::set),
        ValueType::SetListpack => set::listpack(cursor, cx).map(Value::set),
        ValueType::Hash => hash::fields(cursor, cx).map(Value::hash),
        ValueType::HashZipmap => hash::zipmap(cursor, cx).map(Value::hash),
        ValueType::HashZiplist => hash::ziplist(cursor, cx).map(Value::hash),
        ValueType::HashListpack => hash::listpack(cursor, cx).map(Value::hash),
        ValueType::TimedHashCandidate => hash::timed_fields(cursor, false, cx).map(Value::hash),
        ValueType::TimedHash => hash::timed_fields(cursor, true, cx).map(Value::hash),
        ValueType::TimedHashListpackCandidate => hash::timed_listpack(cursor, cx).map(Value::hash),
        ValueType::TimedHashListpack => {
            // The earliest time, for whoever does not read the rest.
            cursor.array::<8>()?;
            hash::timed_listpack(cursor, cx).map(Value::hash)
        }
        ValueType::ExpiringHash => hash::expiring_fields(cursor, cx).map(Value::hash),
        ValueType::SortedSetText => sorted_set::text_scores(cursor, cx).map(Value::sorted_set),
        ValueType::SortedSet => sorted_set::scores(cursor, cx).map(Value::sorted_set),
        ValueType::SortedSetZiplist => sorted_set::ziplist(cursor, cx).map(Value::sorted_set),
        ValueType::SortedSetListpack => sorted_set::listpack(cursor, cx).map(Value::sorted_set),
        ValueType::Array => array::values(cursor).map(Value::array),
        ValueType::Stream1 => stream::stream(cursor, StreamForm::Plain).map(Value::stream),
        ValueType::Stream2 => stream::stream(cursor, StreamForm::Counted).map(Value::stream),
        ValueType::Stream3 => stream::stream(cursor, StreamForm::Active).map(Value::stream),
        ValueType::Stream4 => stream::stream(cursor, StreamForm::Idempotent).map(Value::stream),
        ValueType::Stream5 => stream::stream(cursor, StreamForm::Released).map(Value::stream),
    }
}
