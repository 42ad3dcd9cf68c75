//! `DEBUG DIGEST` and `DEBUG DIGEST-VALUE`: 160 bits that tell whether two data sets are the same.
//!
//! The values are those of Redis, so that a server can be compared with another. What has no order (keys, members,
//! fields) is added by exclusive or; what has one is mixed in, each element hashed together with all before it.

use sha1::{Digest as _, Sha1};
use spinel_family::{
    Command, DbIndex, Encoder, Exclusive, ExclusiveContext, Key, Many, Query, QueryContext, Reply,
};
use spinel_store::value::HashField;
use spinel_store::{Entry, Kind, ValueRef};
use spinel_structs::number::format_double;

use super::find;

/// Digests all databases, keys whose time has come included.
#[derive(Command)]
#[command(name = "debug|digest", group = Server, since = "1.0.0", complexity = "O(N) for N elements in all")]
#[command(flags(readonly))]
pub(super) struct DebugDigest;

impl Exclusive for DebugDigest {
    fn exclusive(&self, cx: &mut ExclusiveContext<'_, '_>, out: &mut Encoder) -> Reply {
        let mut total = Digest::default();
        for db in (0..cx.settings().databases).map(DbIndex) {
            let shards = || cx.held().iter().map(|shard| shard.db(db));
            if shards().all(spinel_store::Db::is_empty) {
                continue;
            }
            total.mix(&u32::from(db.0).to_be_bytes());
            for entry in shards().flat_map(|part| part.table().iter()) {
                let mut digest = Digest::default();
                digest.mix(entry.key());
                digest.mix_value(entry);
                total.add(&digest.0);
            }
        }
        out.simple(&total.to_string());
        Ok(())
    }
}

/// Digests the value of each key, even if its time has come.
#[derive(Command)]
#[command(name = "debug|digest-value", group = Server, since = "4.0.0", arity = -2)]
#[command(complexity = "O(N) for N elements in all")]
pub(super) struct DebugDigestValue<'a> {
    #[key(ro)]
    #[arg(trailing)]
    keys: Option<Many<'a, Key<'a>>>,
}

impl DebugDigestValue<'_> {
    fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        self.keys.iter().flat_map(Many::keys)
    }
}

impl Query for DebugDigestValue<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        self.keys().filter_map(|key| find(cx, key)).map(|entry| entry.value().elements()).sum()
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        out.array(self.keys().count());
        for key in self.keys() {
            let mut digest = Digest::default();
            if let Some(entry) = find(cx, key) {
                digest.mix_value(entry);
            }
            out.simple(&digest.to_string());
        }
        Ok(())
    }
}

/// A digest in the making.
#[derive(Clone, Copy, Default)]
struct Digest([u8; 20]);

impl Digest {
    /// Adds something that has no order among its like.
    fn add(&mut self, bytes: &[u8]) {
        let hash = Sha1::digest(bytes);
        self.0.iter_mut().zip(hash).for_each(|(sum, byte)| *sum ^= byte);
    }

    /// Adds something that comes after all before it.
    fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Adds the parts of one element that has no order among its like.
    fn add_element(&mut self, parts: &[&[u8]]) {
        let mut element = Self::default();
        parts.iter().for_each(|part| element.mix(part));
        self.add(&element.0);
    }

    /// Adds a field of a hash and whether it will expire.
    fn add_field(&mut self, HashField { name, value, expiry }: HashField<'_>) {
        let mut element = Self::default();
        name.with_bytes(|name| element.mix(name));
        value.with_bytes(|value| element.mix(value));
        if expiry.is_some() {
            element.add(b"!!hexpire!!");
        }
        self.add(&element.0);
    }

    /// Adds a value and whether it will expire.
    fn mix_value(&mut self, entry: &Entry) {
        self.mix(&type_number(entry.kind()).to_be_bytes());
        match entry.value() {
            ValueRef::String(text) => text.with_bytes(|bytes| self.mix(bytes)),
            ValueRef::List(list) => {
                list.range(0..list.len()).for_each(|element| self.mix(&element.to_vec()));
            }
            ValueRef::Set(set) => set.iter().for_each(|member| member.with_bytes(|bytes| self.add(bytes))),
            ValueRef::Hash(hash) => hash.iter().for_each(|field| self.add_field(field)),
            ValueRef::SortedSet(zset) => zset.iter().for_each(|(member, score)| {
                let mut text = Vec::new();
                format_double(score, &mut text);
                self.add_element(&[&member.to_vec(), &text]);
            }),
            ValueRef::Array(array) => {
                self.mix(&array.cursor().to_be_bytes());
                for (index, value) in array.iter() {
                    self.mix(&index.to_be_bytes());
                    value.with_bytes(|bytes| self.mix(bytes));
                }
            }
            ValueRef::Stream(stream) => stream.iter().for_each(|entry| {
                self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                for (name, value) in entry.fields {
                    self.mix(&name.to_vec());
                    self.mix(&value.to_vec());
                }
            }),
        }
        // What no other server has: members and elements of lists that will expire.
        for (member, _) in entry.value().expiring_elements().into_iter().flatten() {
            member.with_bytes(|member| self.add_element(&[member, b"!!mexpire!!"]));
        }
        if entry.expiry().is_some() {
            self.add(b"!!expire!!");
        }
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The numbers of Redis's types.
fn type_number(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::SortedSet => 3,
        Kind::Hash => 4,
        Kind::Stream => 6,
        // Not known to be that of Redis 8.8, whose digests are not comparable for other reasons.
        Kind::Array => 7,
    }
}
