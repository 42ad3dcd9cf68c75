//! Checks for arbitrary bytes, shared by the fuzz targets and by a test that runs every seed.
//!
//! Each function takes whatever a fuzzer comes up with and panics when a promise is broken. None is of use to a server.

use std::io::Read;

use spinel_store::value::HashField;
use spinel_store::{Array, EncodingLimits, Entry, HashKey, Stream, Text, ValueRef};
use spinel_structs::stream::StreamId;

use crate::decode::{DecodeContext, Mark, Piece, ReadError, Splitter, Value};
use crate::encode::{Attributes, EncodeOptions, put_entry};
use crate::payload::{Verify, dump, restore};
use crate::version::Target;

/// A payload without its footer: refused, or a sound value that is dumped and restored unchanged for every version.
pub fn fuzz_rdb_payload(data: &[u8]) {
    let (limits, hash_key) = (EncodingLimits::default(), HashKey::from_bytes([1; 16]));
    let cx = DecodeContext { limits: &limits, hash_key: &hash_key };
    for version in [11u16, 80] {
        let payload = [data, &version.to_le_bytes()[..], &[0; 8]].concat();
        let Ok(value) = restore(&payload, Verify::Nothing, cx) else { continue };
        let entry = entry_of(value);
        check(&entry);
        for target in [Target::V9, Target::V11, Target::V12, Target::Valkey80] {
            for compression in [false, true] {
                let options = EncodeOptions { compression, target, is_lowest: true };
                let dumped = dump(entry.value(), options);
                let again = restore(&dumped, Verify::Checksum, cx).expect("what we dump we restore");
                let again = entry_of(again);
                check(&again);
                if target != Target::Valkey80 || !is_of_redis_alone(&entry) {
                    assert!(contents(&entry, target) == contents(&again, target), "{options:?}");
                }
            }
        }
    }
    let _ = restore(data, Verify::Checksum, cx);
    let _ = restore(data, Verify::Nothing, cx);
}

/// A file: the same keys, marks and errors come from it whatever pieces it is read in.
pub fn fuzz_rdb_file(data: &[u8]) {
    let whole = walk(data, usize::MAX);
    for piece in [1 + data.len() / 7, 13] {
        assert!(walk(data, piece) == whole, "the pieces make a difference");
    }
    for signature in [b"REDIS0011", b"VALKEY080"] {
        walk(&[signature, data].concat(), usize::MAX);
    }
}

fn entry_of(value: Value<'_>) -> Entry {
    value.into_new(|value| Entry::new(b"key", value, None, 0))
}

/// Whether Valkey has no place for some of a value.
fn is_of_redis_alone(entry: &Entry) -> bool {
    let ValueRef::Stream(stream) = entry.value() else { return false };
    stream.idempotence().is_some() || stream.groups().any(|(_, group)| group.released_len() > 0)
}

/// Panics when an internal rule is broken.
fn check(entry: &Entry) {
    match entry.value() {
        ValueRef::String(_) | ValueRef::SortedSet(_) => {}
        ValueRef::List(list) => list.check_invariants(),
        ValueRef::Set(set) => set.check_invariants(),
        ValueRef::Hash(hash) => hash.check_invariants(),
        ValueRef::Stream(stream) => return stream.check_invariants(),
        ValueRef::Array(array) => array.check_invariants(),
    }
    assert!(entry.value().elements() > 0, "no collection is empty");
}

/// What a value holds that this version can hold; in order, where there is one.
fn contents(entry: &Entry, target: Target) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = match entry.value() {
        ValueRef::String(text) => return vec![text.to_vec()],
        ValueRef::List(list) => return list.range(0..list.len()).map(|element| element.to_vec()).collect(),
        ValueRef::SortedSet(zset) => {
            // A small set keeps no sign of zero.
            let bits = |score: f64| (score + 0.0).to_bits().to_le_bytes();
            return zset
                .iter()
                .map(|(member, score)| [&member.to_vec()[..], &bits(score)].concat())
                .collect();
        }
        ValueRef::Stream(stream) => return vec![format!("{:?}", stream_contents(stream)).into_bytes()],
        ValueRef::Array(array) => return array_contents(array),
        ValueRef::Set(set) => set.iter().map(Text::to_vec).collect(),
        ValueRef::Hash(hash) => {
            let time = |expiry: Option<_>| expiry.filter(|_| target.has_field_expiries());
            let text = |field: HashField<'_>| {
                let time = format!("@{:?}", time(field.expiry)).into_bytes();
                [field.name.to_vec(), b"=".to_vec(), field.value.to_vec(), time].concat()
            };
            hash.iter().map(text).collect()
        }
    };
    all.sort();
    all
}

/// The cursor of an array, and its indexes and values.
fn array_contents(array: &Array) -> Vec<Vec<u8>> {
    let values = array.iter().map(|(index, value)| format!("{index} {value:?}").into_bytes());
    std::iter::once(array.cursor().to_string().into_bytes()).chain(values).collect()
}

/// What every version of the format keeps of a stream.
fn stream_contents(stream: &Stream) -> impl std::fmt::Debug {
    let entries: Vec<_> = stream
        .iter()
        .map(|entry| {
            (entry.id, entry.fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect::<Vec<_>>())
        })
        .collect();
    let groups: Vec<_> = stream
        .groups()
        .map(|(name, group)| {
            let pending: Vec<_> = group.pending_from(StreamId::MIN).map(|(id, entry)| (id, *entry)).collect();
            let consumers: Vec<_> =
                group.consumers().map(|consumer| (consumer.name().to_vec(), consumer.seen_ms)).collect();
            (name.to_vec(), group.last_id, pending, consumers, group.released().collect::<Vec<_>>())
        })
        .collect();
    let said = stream.idempotence().map(|said| {
        let producers = said.producers().map(|(name, _, messages)| {
            let messages: Vec<_> = messages.map(|(message, id)| (message.to_vec(), id)).collect();
            (name.to_vec(), messages)
        });
        (said.memory(), producers.collect::<Vec<_>>(), said.added(), said.duplicates())
    });
    (entries, stream.last_id(), groups, said)
}

/// A source that gives at most so many bytes at a time.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

/// What a file holds: keys as we would write them, marks, and the error at its end.
fn walk(file: &[u8], piece: usize) -> (Vec<Vec<u8>>, Vec<Mark>, Option<String>) {
    let (limits, hash_key) = (EncodingLimits::default(), HashKey::from_bytes([1; 16]));
    let cx = DecodeContext { limits: &limits, hash_key: &hash_key };
    let (mut keys, mut marks) = (Vec::new(), Vec::new());
    let mut splitter = Splitter::new(Pieces(file, piece));
    loop {
        match splitter.next_piece() {
            Ok(None) => {
                assert!(splitter.offset() <= file.len() as u64);
                return (keys, marks, None);
            }
            Ok(Some(Piece::Mark(mark))) => marks.push(mark),
            Ok(Some(Piece::Records(records))) => {
                for record in records.decode(cx) {
                    match record {
                        Ok(record) => {
                            keys.extend(record.into_entry(0, &hash_key).map(|entry| rewritten(&entry)));
                        }
                        Err(error) => return (keys, marks, Some(error.to_string())),
                    }
                }
            }
            Err(ReadError::Io(error)) => panic!("a slice does not fail: {error}"),
            Err(error) => return (keys, marks, Some(error.to_string())),
        }
    }
}

fn rewritten(entry: &Entry) -> Vec<u8> {
    let attributes = Attributes { expiry: entry.expiry(), ..Attributes::default() };
    let mut out = Vec::new();
    let options = EncodeOptions { target: Target::V12, ..EncodeOptions::default() };
    put_entry(&mut out, entry.key(), entry.value(), attributes, options);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use spinel_structs::fuzzing::check_corpus;

    #[test]
    fn every_seed_of_the_corpora_keeps_the_promises() {
        check_corpus("rdb_payload", fuzz_rdb_payload);
        check_corpus("rdb_file", fuzz_rdb_file);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_keep_the_promises(
            value_type in prop_oneof![0u8..28, Just(200u8)],
            data in prop::collection::vec(prop_oneof![any::<u8>(), 0u8..8], 0..100),
        ) {
            fuzz_rdb_payload(&[&[value_type][..], &data].concat());
            fuzz_rdb_file(&[b"REDIS0011", &[value_type][..], b"\x03key", &data].concat());
            fuzz_rdb_file(&[b"REDIS0011", &data[..]].concat());
        }
    }
}
