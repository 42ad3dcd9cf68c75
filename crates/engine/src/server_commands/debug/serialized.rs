//! How many bytes a value takes in an RDB file of version 10 whose strings are not compressed.

use spinel_store::value::HashField;
use spinel_store::{Entry, List, Stream, Text, ValueRef};
use spinel_structs::number::{format_score, parse_i64};
use spinel_structs::quicklist::Node;
use spinel_structs::stream::StreamId;

/// Bytes of a listpack without elements.
pub(super) const LISTPACK_FRAME: usize = 7;
/// Bytes of an intset without members.
const INTSET_FRAME: usize = 8;
/// Bytes of a score.
const SCORE: usize = 8;

/// The length of an entry's value, without its key and expiry.
pub(super) fn serialized_len(entry: &Entry) -> usize {
    let encoding = entry.encoding();
    match entry.value() {
        ValueRef::String(text) => text.with_bytes(string),
        ValueRef::List(list) => list_nodes(list),
        ValueRef::Set(set) if encoding == "intset" => {
            let width = set.iter().map(int_width).max().unwrap_or(2);
            raw(INTSET_FRAME + width * set.len())
        }
        ValueRef::Set(set) => {
            length(set.len()) + set.iter().map(|text| text.with_bytes(string)).sum::<usize>()
        }
        ValueRef::Hash(hash) if encoding == "listpack" => {
            let pair = |field: HashField<'_>| field.name.with_bytes(packed) + field.value.with_bytes(packed);
            raw(LISTPACK_FRAME + hash.iter().map(pair).sum::<usize>())
        }
        ValueRef::Hash(hash) => {
            let pair = |field: HashField<'_>| field.name.with_bytes(string) + field.value.with_bytes(string);
            length(hash.len()) + hash.iter().map(pair).sum::<usize>()
        }
        ValueRef::SortedSet(zset) if encoding == "listpack" => {
            let mut text = Vec::new();
            let pairs = zset.iter().map(|(member, score)| {
                text.clear();
                format_score(score, &mut text);
                packed(&member.to_vec()) + packed(&text)
            });
            raw(LISTPACK_FRAME + pairs.sum::<usize>())
        }
        ValueRef::SortedSet(zset) => {
            let pairs = zset.iter().map(|(member, _)| string(&member.to_vec()) + SCORE);
            length(zset.len()) + pairs.sum::<usize>()
        }
        ValueRef::Stream(stream) => stream_len(stream),
        ValueRef::Array(array) => {
            let mut next = 0;
            let places = array.iter().map(|(index, value)| {
                let distance = length((index - next) as usize);
                next = index + 1;
                distance + value.with_bytes(string)
            });
            let places = places.sum::<usize>();
            length(array.cursor() as usize) + length(array.count() as usize) + places
        }
    }
}

/// Blocks behind their IDs, then counters and groups, of version 10.
fn stream_len(stream: &Stream) -> usize {
    let id = |id: StreamId| length(id.ms as usize) + length(id.seq as usize);
    let blocks = stream.blocks().map(|(_, pack)| raw(16) + raw(pack.byte_len()));
    let groups = stream.groups().map(|(name, group)| {
        let pending = group.pending_from(StreamId::MIN);
        let pending = pending.map(|(_, entry)| 16 + 8 + length(entry.deliveries as usize));
        let consumers = group.consumers().map(|consumer| {
            string(consumer.name()) + 8 + length(consumer.pending_len()) + 16 * consumer.pending_len()
        });
        let counts = length(group.entries_read.unwrap_or(-1) as usize)
            + length(group.pending_len())
            + length(group.consumer_count());
        string(name) + id(group.last_id) + counts + pending.sum::<usize>() + consumers.sum::<usize>()
    });
    let ids = [stream.last_id(), stream.first_id(), stream.max_deleted_id()].map(id);
    let counts = [stream.block_count(), stream.len(), stream.entries_added() as usize, stream.groups().len()];
    blocks.sum::<usize>()
        + ids.iter().sum::<usize>()
        + counts.map(length).iter().sum::<usize>()
        + groups.sum::<usize>()
}

/// Each node has its kind before it.
fn list_nodes(list: &List) -> usize {
    let node_len = |node: &Node| match node {
        Node::Packed(pack) => 1 + raw(pack.byte_len()),
        Node::Plain(value) => 1 + string(value),
    };
    length(list.nodes().count()) + list.nodes().map(node_len).sum::<usize>()
}

/// A length as it stands before what it counts.
fn length(n: usize) -> usize {
    match n {
        0..64 => 1,
        64..16_384 => 2,
        16_384..=0xFFFF_FFFF => 5,
        _ => 9,
    }
}

/// A string that is never an integer.
fn raw(bytes: usize) -> usize {
    length(bytes) + bytes
}

/// A string; one that is a small canonical integer is kept as such.
fn string(bytes: &[u8]) -> usize {
    /// The digits of a 32-bit integer and its sign.
    const LONGEST_INTEGER: usize = 11;
    let number = if bytes.len() <= LONGEST_INTEGER { parse_i64(bytes) } else { None };
    match number {
        Some(-0x80..=0x7F) => 2,
        Some(-0x8000..=0x7FFF) => 3,
        Some(-0x8000_0000..=0x7FFF_FFFF) => 5,
        _ => raw(bytes.len()),
    }
}

/// An element of a listpack.
pub(super) fn packed(bytes: &[u8]) -> usize {
    let head_and_data = match (parse_i64(bytes), bytes.len()) {
        (Some(0..=127), _) => 1,
        (Some(-4096..=4095), _) => 2,
        (Some(-0x8000..=0x7FFF), _) => 3,
        (Some(-0x80_0000..=0x7F_FFFF), _) => 4,
        (Some(-0x8000_0000..=0x7FFF_FFFF), _) => 5,
        (Some(_), _) => 9,
        (None, len @ 0..64) => 1 + len,
        (None, len @ 64..4096) => 2 + len,
        (None, len) => 5 + len,
    };
    let back_len = match head_and_data {
        0..128 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    head_and_data + back_len
}

/// Bytes of each member of an intset that holds this one.
fn int_width(member: Text<'_>) -> usize {
    match member {
        Text::Int(-0x8000..=0x7FFF) => 2,
        Text::Int(-0x8000_0000..=0x7FFF_FFFF) => 4,
        _ => 8,
    }
}
