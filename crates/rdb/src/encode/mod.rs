//! Writing: keys with their values, and what stands around them.
//!
//! Everything appends to a growing buffer, so that each shard's walker fills its own and one writer puts them in a row.
//! Small values become bytes at once ([`put_entry`]); of a large one [`ValueEncoder`] writes as much as it is asked to.
//!
//! Small collections are written as the very bytes they consist of; only for version 9 their listpacks are rewritten as
//! the ziplists that older servers know, and lists element by element. Members and fields of large ones are written in the order of their tables,
//! members of sorted sets from the greatest down, which readers insert at their front.

mod hash;
mod stream;
mod text;
mod value;

use spinel_store::{Stream, UnixMillis, ValueRef};

use crate::checksum::Checksum;
use crate::member_times::MemberTimesEncoder;
use crate::opcode::{self, StreamForm};
use crate::own_key::OwnKeyEncoder;
use crate::version::Target;
use stream::form_of;
use text::put_bytes;
pub(crate) use text::put_length;
pub use value::{Progress, ValueEncoder};

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Whether strings are compressed (`rdbcompression`).
    pub compression: bool,
    /// The version.
    pub target: Target,
    /// Whether a value that this version cannot hold is written as a later one does, rather than with less in it.
    pub is_lowest: bool,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self { compression: true, target: Target::default(), is_lowest: false }
    }
}

impl EncodeOptions {
    /// How a stream is written.
    fn stream_form(self, stream: &Stream) -> StreamForm {
        // What Valkey 9 has at these numbers is not a stream.
        form_of(stream, self.target.stream_form(), self.is_lowest && self.target != Target::Valkey80)
    }
}

/// What is written of a key besides its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// When it expires.
    pub expiry: Option<UnixMillis>,
    /// Seconds since it was used, if the policy of eviction goes by that.
    pub idle_seconds: Option<u64>,
    /// How frequently it is used, if the policy of eviction goes by that.
    pub frequency: Option<u8>,
}

/// Appends a key with its value, whole, and with the times of its members; in fields that others pass over if the type is ours
/// alone.
pub fn put_entry(
    out: &mut Vec<u8>,
    key: &[u8],
    value: ValueRef<'_>,
    attributes: Attributes,
    options: EncodeOptions,
) {
    if let Some(mut own) = OwnKeyEncoder::new(key, value, attributes, options) {
        while own.step(out, usize::MAX) == Progress::More {}
        return;
    }
    if let Some(mut times) = MemberTimesEncoder::new(value) {
        while times.step(out, usize::MAX) == Progress::More {}
    }
    let mut encoder = put_key(out, key, value, attributes, options);
    while encoder.step(out, usize::MAX) == Progress::More {}
}

/// Appends a key up to its value, which the encoder returned then writes. The times of its members stand in front, if there
/// are any ([`MemberTimesEncoder`]). Keys of a type that is ours alone are written by [`OwnKeyEncoder`].
pub fn put_key<'a>(
    out: &mut Vec<u8>,
    key: &[u8],
    value: ValueRef<'a>,
    attributes: Attributes,
    options: EncodeOptions,
) -> ValueEncoder<'a> {
    if let Some(UnixMillis(at)) = attributes.expiry {
        out.push(opcode::EXPIRY_MS);
        out.extend_from_slice(&at.to_le_bytes());
    }
    if let Some(seconds) = attributes.idle_seconds {
        out.push(opcode::IDLE);
        put_length(out, seconds);
    }
    if let Some(frequency) = attributes.frequency {
        out.extend_from_slice(&[opcode::FREQUENCY, frequency]);
    }
    out.push(ValueEncoder::type_byte(value, options));
    put_bytes(out, key, options);
    ValueEncoder::new(value, options)
}

/// Appends a value, without its type.
pub fn put_value(out: &mut Vec<u8>, value: ValueRef<'_>, options: EncodeOptions) {
    let mut encoder = ValueEncoder::new(value, options);
    while encoder.step(out, usize::MAX) == Progress::More {}
}

/// Appends the first bytes of a file.
pub fn put_header(out: &mut Vec<u8>, target: Target) {
    out.extend_from_slice(target.signature());
}

/// Appends a name and a value about the file, such as `redis-ver`.
pub fn put_aux(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    let options = EncodeOptions { compression: false, ..EncodeOptions::default() };
    out.push(opcode::AUX);
    put_bytes(out, name, options);
    put_bytes(out, value, options);
}

/// Appends the database of the keys that follow.
pub fn put_select_db(out: &mut Vec<u8>, db: u16) {
    out.push(opcode::SELECT_DB);
    put_length(out, u64::from(db));
}

/// Appends how many keys the database has, and how many of them expire.
pub fn put_resize_db(out: &mut Vec<u8>, keys: u64, expiring: u64) {
    out.push(opcode::RESIZE_DB);
    put_length(out, keys);
    put_length(out, expiring);
}

/// Appends a library of functions.
pub fn put_function(out: &mut Vec<u8>, code: &[u8], options: EncodeOptions) {
    out.push(opcode::FUNCTION);
    put_bytes(out, code, options);
}

/// Appends the end. `checksum` has gone over every byte of the file before; `None` writes that there is no checksum.
pub fn put_eof(out: &mut Vec<u8>, checksum: Option<Checksum>) {
    out.push(opcode::EOF);
    let sum = checksum.map_or(0, |mut checksum| {
        checksum.update(&[opcode::EOF]);
        checksum.value()
    });
    out.extend_from_slice(&sum.to_le_bytes());
}
