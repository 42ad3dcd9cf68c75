//! Values as plain data, and entries made of them.
#![allow(dead_code, unreachable_pub, reason = "each test uses what it needs")]

pub mod old;
pub mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use proptest::prelude::*;
use spinel_rdb::decode::DecodeContext;
use spinel_store::{
    Array, EncodingLimits, End, Entry, Hash, HashKey, List, NewValue, Set, SortedSet, Text, UnixMillis,
    ValueRef,
};

/// What a single element or small collection of [`every_encoding`] may take.
pub const LONGEST_PART: usize = 70_000;

/// A value as plain data. Scores are kept by their bits, whose order is that of the numbers only among equals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Model {
    Text(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
    SortedSet(BTreeMap<Vec<u8>, u64>),
    Stream(streams::StreamModel),
    /// The values by their indexes, and the cursor.
    Array(BTreeMap<u64, Vec<u8>>, u64),
}

pub fn limits() -> &'static EncodingLimits {
    static LIMITS: OnceLock<EncodingLimits> = OnceLock::new();
    LIMITS.get_or_init(EncodingLimits::default)
}

pub fn small_limits() -> EncodingLimits {
    EncodingLimits {
        hash_max_listpack_entries: 0,
        set_max_intset_entries: 0,
        set_max_listpack_entries: 0,
        zset_max_listpack_entries: 0,
        ..EncodingLimits::default()
    }
}

pub fn hash_key() -> &'static HashKey {
    static KEY: OnceLock<HashKey> = OnceLock::new();
    KEY.get_or_init(|| HashKey::from_bytes([9; 16]))
}

pub fn cx() -> DecodeContext<'static> {
    DecodeContext { limits: limits(), hash_key: hash_key() }
}

pub fn entry_of(key: &[u8], model: &Model, expiry: Option<UnixMillis>) -> Entry {
    let (limits, hash_key) = (limits(), hash_key());
    let value = match model {
        Model::Text(text) => return Entry::new(key, NewValue::Text(text), expiry, 0),
        Model::List(elements) => {
            let mut list = List::new();
            list.push(End::Back, elements.iter().map(Vec::as_slice), limits);
            NewValue::List(Box::new(list))
        }
        Model::Set(members) => {
            let mut set = Set::new();
            for member in members {
                set.add(Text::Bytes(member), limits, hash_key);
            }
            NewValue::Set(Box::new(set))
        }
        Model::Hash(fields) => {
            let mut hash = Hash::new();
            for (name, value) in fields {
                hash.set(name, value, limits, hash_key);
            }
            NewValue::Hash(Box::new(hash))
        }
        Model::SortedSet(members) => {
            let mut zset = SortedSet::new();
            for (member, score) in members {
                zset.insert(member, f64::from_bits(*score), limits, hash_key);
            }
            NewValue::SortedSet(Box::new(zset))
        }
        Model::Array(values, cursor) => {
            let mut array = Array::new();
            for (index, value) in values {
                array.set(*index, value);
            }
            array.set_cursor(*cursor);
            NewValue::Array(Box::new(array))
        }
        Model::Stream(model) => NewValue::Stream(Box::new(streams::make(model))),
    };
    Entry::new(key, value, expiry, 0)
}

pub fn entries(models: &[Model]) -> Vec<Entry> {
    models.iter().map(|model| entry_of(b"key", model, None)).collect()
}

pub fn model_of(entry: &Entry) -> Model {
    match entry.value() {
        ValueRef::String(text) => Model::Text(text.to_vec()),
        ValueRef::List(list) => {
            Model::List(list.range(0..list.len()).map(|element| element.to_vec()).collect())
        }
        ValueRef::Set(set) => {
            set.check_invariants();
            Model::Set(set.iter().map(Text::to_vec).collect())
        }
        ValueRef::Hash(hash) => {
            hash.check_invariants();
            Model::Hash(hash.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect())
        }
        ValueRef::SortedSet(zset) => {
            Model::SortedSet(zset.iter().map(|(member, score)| (member.to_vec(), score.to_bits())).collect())
        }
        ValueRef::Array(array) => {
            array.check_invariants();
            let values = array.iter().map(|(index, value)| (index, value.with_bytes(<[u8]>::to_vec)));
            Model::Array(values.collect(), array.cursor())
        }
        ValueRef::Stream(stream) => Model::Stream(streams::model_of(stream)),
    }
}

/// The name of a collection's encoding.
pub fn encoding(entry: &Entry) -> &'static str {
    match entry.value() {
        ValueRef::String(Text::Int(_)) => "int",
        ValueRef::String(Text::Bytes(_)) => "text",
        ValueRef::List(list) => list.encoding(),
        ValueRef::Set(set) => set.encoding(),
        ValueRef::Hash(hash) => hash.encoding(),
        ValueRef::SortedSet(zset) => zset.encoding(),
        ValueRef::Stream(_) => "stream",
        ValueRef::Array(_) => "array",
    }
}

fn words(count: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|i| format!("word number {i}").into_bytes())
}

fn numbers(count: i64) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|i| (i * i * i - 1000).to_string().into_bytes())
}

fn score(i: usize) -> u64 {
    [i as f64, i as f64 / 3.0, -1e300, f64::NEG_INFINITY, f64::INFINITY][i % 5].to_bits()
}

/// A value of every type in every encoding, with elements in all their forms.
pub fn every_encoding() -> Vec<Model> {
    let all: Vec<u8> = (0..=255).collect();
    let odd =
        || [Vec::new(), b"007".to_vec(), vec![b'z'; 300], all.clone(), b"-9223372036854775808".to_vec()];
    vec![
        Model::Text(Vec::new()),
        Model::Text(b"-12".to_vec()),
        Model::Text(b"9223372036854775807".to_vec()),
        Model::Text(b"a text of more than twenty bytes, of more than twenty bytes".to_vec()),
        Model::Text(all.repeat(200)),
        Model::List(words(3).chain(numbers(9)).chain(odd()).collect()),
        Model::List(words(5000).chain([vec![b'y'; 60_000]]).collect()),
        Model::Set(numbers(20).collect()),
        Model::Set(numbers(400).collect()),
        Model::Set(numbers(600).collect()),
        Model::Set(words(700).chain(odd()).collect()),
        Model::Hash(words(10).zip(numbers(10)).collect()),
        Model::Hash(numbers(600).zip(words(600)).collect()),
        Model::Hash(odd().into_iter().zip(odd()).collect()),
        Model::SortedSet(words(20).chain(numbers(20)).enumerate().map(|(i, m)| (m, score(i))).collect()),
        Model::SortedSet(words(500).chain(odd()).enumerate().map(|(i, m)| (m, score(i))).collect()),
        Model::Stream(streams::StreamModel::default()),
        Model::Stream(streams::example(20)),
        Model::Stream(streams::example(1000)),
        Model::Array((0..9).zip(words(3).chain(odd())).collect(), 9),
        Model::Array((0..6000).map(|i| (i * i * i * i, (i % 2000).to_string().into_bytes())).collect(), 0),
        Model::Array((u64::MAX - 9..u64::MAX).zip(numbers(9)).collect(), u64::MAX),
        Model::Array((7..).zip(words(5000).chain([vec![b'y'; 30_000]])).collect(), 1 << 40),
    ]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        (-5000i64..5000).prop_map(|n| n.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..70),
        (any::<u8>(), 0usize..300).prop_map(|(byte, count)| vec![byte; count]),
    ]
}

/// Any value.
pub fn model() -> impl Strategy<Value = Model> {
    let score = prop_oneof![any::<i16>().prop_map(f64::from), any::<f64>()]
        .prop_filter("no score is NaN, and a small set keeps no sign of zero", |score| {
            !score.is_nan() && score.to_bits() != (-0.0f64).to_bits()
        })
        .prop_map(f64::to_bits);
    let index = prop_oneof![0u64..100, 0u64..10_000, 0..u64::MAX];
    prop_oneof![
        text().prop_map(Model::Text),
        prop::collection::vec(text(), 1..200).prop_map(Model::List),
        prop::collection::btree_set(text(), 1..200).prop_map(Model::Set),
        prop::collection::btree_set(any::<i32>().prop_map(|n| n.to_string().into_bytes()), 1..700)
            .prop_map(Model::Set),
        prop::collection::btree_map(text(), text(), 1..200).prop_map(Model::Hash),
        prop::collection::btree_map(text(), score, 1..200).prop_map(Model::SortedSet),
        (0u64..300).prop_map(|entries| Model::Stream(streams::example(entries))),
        (prop::collection::btree_map(index, text(), 1..100), 0u64..200)
            .prop_map(|(values, cursor)| Model::Array(values, cursor)),
    ]
}
