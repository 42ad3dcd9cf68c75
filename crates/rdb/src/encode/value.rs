//! A value as bytes, in one go or in slices.

use spinel_store::value::{ArrayRange, HashIter, ListElements, ListNodes, Members, SetIter};
use spinel_store::{Hash, ListElement, ListNode, Text, ValueRef};
use spinel_structs::listpack::Listpack;
use spinel_structs::sorted_set::Order;

use super::EncodeOptions;
use super::hash::{Times, Written, pairs, put_field};
use super::stream::StreamRest;
use super::text::{COMPRESS_MAX_BYTES, put_bytes, put_length, put_text};
use crate::legacy::ziplist;
use crate::opcode::{NODE_PACKED, NODE_PLAIN, StreamForm, ValueType};

/// What is left of a value after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to write.
    More,
    /// It is written.
    Done,
}

/// Writes a value in slices: memory stays bounded by the slice and the longest element, whatever the value's size.
pub struct ValueEncoder<'a> {
    rest: Rest<'a>,
    options: EncodeOptions,
}

/// What is still to write.
enum Rest<'a> {
    Whole(ValueRef<'a>),
    /// The end of a long string.
    Bytes(&'a [u8]),
    Nodes(ListNodes<'a>),
    /// A long plain node's bytes, then the nodes after it.
    Node(&'a [u8], ListNodes<'a>),
    Elements(ListElements<'a>),
    Members(SetIter<'a>),
    Fields(HashIter<'a>, Times),
    Scores(Members<'a>),
    Stream(Box<StreamRest<'a>>),
    /// Values of an array, and the index behind the last one written.
    Places(ArrayRange<'a>, u64),
    Nothing,
}

impl<'a> ValueEncoder<'a> {
    /// Ready to write `value`.
    #[must_use]
    pub fn new(value: ValueRef<'a>, options: EncodeOptions) -> Self {
        Self { rest: Rest::Whole(value), options }
    }

    /// The byte that says how `value` is written.
    #[must_use]
    pub fn type_byte(value: ValueRef<'_>, options: EncodeOptions) -> u8 {
        let packed = options.target.has_listpacks();
        let value_type = match value {
            ValueRef::String(_) => ValueType::String,
            ValueRef::List(_) if packed => ValueType::Quicklist2,
            ValueRef::List(_) => ValueType::List,
            ValueRef::Set(set) if set.as_intset().is_some() => ValueType::SetIntset,
            ValueRef::Set(_) => ValueType::Set,
            ValueRef::Hash(hash) => Written::of(hash, options.target).value_type(options.target),
            ValueRef::SortedSet(zset) => match zset.as_listpack() {
                Some(_) if packed => ValueType::SortedSetListpack,
                Some(_) => ValueType::SortedSetZiplist,
                None => ValueType::SortedSet,
            },
            ValueRef::Array(_) => ValueType::Array,
            ValueRef::Stream(stream) => match options.stream_form(stream) {
                StreamForm::Plain => ValueType::Stream1,
                StreamForm::Counted => ValueType::Stream2,
                StreamForm::Active => ValueType::Stream3,
                StreamForm::Idempotent => ValueType::Stream4,
                StreamForm::Released => ValueType::Stream5,
            },
        };
        value_type.number()
    }

    /// Appends what comes next: about `budget` bytes, more only by an element or by the bytes of a small collection.
    pub fn step(&mut self, out: &mut Vec<u8>, budget: usize) -> Progress {
        let limit = out.len().saturating_add(budget);
        let rest = std::mem::replace(&mut self.rest, Rest::Nothing);
        self.rest = match rest {
            Rest::Whole(value) => self.begin(out, value),
            other => other,
        };
        loop {
            let rest = std::mem::replace(&mut self.rest, Rest::Nothing);
            self.rest = self.go_on(out, limit, rest);
            if matches!(self.rest, Rest::Nothing) {
                return Progress::Done;
            }
            if out.len() >= limit {
                return Progress::More;
            }
        }
    }

    /// Writes what stands before the elements, or a small value whole.
    fn begin(&self, out: &mut Vec<u8>, value: ValueRef<'a>) -> Rest<'a> {
        match value {
            ValueRef::String(Text::Bytes(bytes)) if bytes.len() > COMPRESS_MAX_BYTES => {
                put_length(out, bytes.len() as u64);
                return Rest::Bytes(bytes);
            }
            ValueRef::String(text) => put_text(out, text, self.options),
            ValueRef::List(list) if self.options.target.has_listpacks() => {
                put_length(out, list.node_count() as u64);
                return Rest::Nodes(list.nodes());
            }
            ValueRef::List(list) => {
                put_length(out, list.len() as u64);
                return Rest::Elements(list.range(0..list.len()));
            }
            ValueRef::Set(set) => match set.as_intset() {
                Some(ints) => put_bytes(out, ints.as_bytes(), self.options),
                None => {
                    put_length(out, set.len() as u64);
                    return Rest::Members(set.iter());
                }
            },
            ValueRef::Hash(hash) => return self.begin_hash(out, hash),
            ValueRef::SortedSet(zset) => match zset.as_listpack() {
                Some(pack) => self.put_pack(out, pack),
                None => {
                    put_length(out, zset.len() as u64);
                    return Rest::Scores(zset.members(0..zset.len(), Order::Descending));
                }
            },
            ValueRef::Array(array) => {
                put_length(out, array.cursor());
                put_length(out, array.count());
                return Rest::Places(array.iter(), 0);
            }
            ValueRef::Stream(stream) => {
                return Rest::Stream(StreamRest::begin(out, stream, self.options.stream_form(stream)));
            }
        }
        Rest::Nothing
    }

    fn begin_hash(&self, out: &mut Vec<u8>, hash: &'a Hash) -> Rest<'a> {
        match Written::of(hash, self.options.target) {
            Written::Pack(pack) => self.put_pack(out, pack),
            Written::PackWithoutTimes => self.put_pack(out, &pairs(hash)),
            Written::TimedPack(pack, earliest) => {
                out.extend_from_slice(&earliest.0.to_le_bytes());
                put_bytes(out, pack.as_bytes(), self.options);
            }
            Written::Fields(times) => {
                if let Times::SinceEarliest(earliest) = times {
                    out.extend_from_slice(&earliest.0.to_le_bytes());
                }
                put_length(out, hash.len() as u64);
                return Rest::Fields(hash.iter(), times);
            }
        }
        Rest::Nothing
    }

    /// Writes elements until there are `limit` bytes.
    fn go_on(&self, out: &mut Vec<u8>, limit: usize, rest: Rest<'a>) -> Rest<'a> {
        match rest {
            Rest::Whole(_) | Rest::Nothing => Rest::Nothing,
            Rest::Bytes(bytes) => put_slice(out, limit, bytes).map_or(Rest::Nothing, Rest::Bytes),
            Rest::Node(bytes, nodes) => match put_slice(out, limit, bytes) {
                Some(bytes) => Rest::Node(bytes, nodes),
                None => Rest::Nodes(nodes),
            },
            Rest::Nodes(mut nodes) => match nodes.next() {
                Some(node) => self.put_node(out, node, nodes),
                None => Rest::Nothing,
            },
            Rest::Elements(mut elements) => {
                while out.len() < limit {
                    let Some(element) = elements.next() else { return Rest::Nothing };
                    self.put_element(out, element);
                }
                Rest::Elements(elements)
            }
            Rest::Members(mut members) => {
                while out.len() < limit {
                    let Some(member) = members.next() else { return Rest::Nothing };
                    put_text(out, member, self.options);
                }
                Rest::Members(members)
            }
            Rest::Fields(mut fields, times) => {
                while out.len() < limit {
                    if !put_field(out, &mut fields, times, self.options) {
                        return Rest::Nothing;
                    }
                }
                Rest::Fields(fields, times)
            }
            Rest::Stream(mut stream) => {
                while out.len() < limit {
                    if !stream.put_some(out, self.options) {
                        return Rest::Nothing;
                    }
                }
                Rest::Stream(stream)
            }
            Rest::Places(mut places, mut next) => {
                while out.len() < limit {
                    let Some((index, value)) = places.next() else { return Rest::Nothing };
                    put_length(out, index - next);
                    put_text(out, value.into(), self.options);
                    next = index + 1;
                }
                Rest::Places(places, next)
            }
            Rest::Scores(mut members) => {
                while out.len() < limit {
                    let Some((member, score)) = members.next() else { return Rest::Nothing };
                    self.put_element(out, member);
                    out.extend_from_slice(&score.to_le_bytes());
                }
                Rest::Scores(members)
            }
        }
    }

    fn put_node(&self, out: &mut Vec<u8>, node: &'a ListNode, nodes: ListNodes<'a>) -> Rest<'a> {
        match node {
            ListNode::Packed(pack) => {
                put_length(out, NODE_PACKED);
                put_bytes(out, pack.as_bytes(), self.options);
            }
            ListNode::Plain(bytes) => {
                put_length(out, NODE_PLAIN);
                if bytes.len() > COMPRESS_MAX_BYTES {
                    put_length(out, bytes.len() as u64);
                    return Rest::Node(bytes, nodes);
                }
                put_bytes(out, bytes, self.options);
            }
        }
        Rest::Nodes(nodes)
    }

    fn put_element(&self, out: &mut Vec<u8>, element: ListElement<'_>) {
        match element {
            ListElement::Int(n) => put_text(out, Text::Int(n), self.options),
            ListElement::Bytes(bytes) => put_bytes(out, bytes, self.options),
        }
    }

    fn put_pack(&self, out: &mut Vec<u8>, pack: &Listpack) {
        if self.options.target.has_listpacks() {
            put_bytes(out, pack.as_bytes(), self.options);
        } else {
            put_bytes(out, &ziplist::from_values(pack.iter()), self.options);
        }
    }
}

/// Appends bytes up to `limit`; what is left of them.
fn put_slice<'a>(out: &mut Vec<u8>, limit: usize, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (now, rest) = bytes.split_at(bytes.len().min(limit.saturating_sub(out.len())));
    out.extend_from_slice(now);
    (!rest.is_empty()).then_some(rest)
}
