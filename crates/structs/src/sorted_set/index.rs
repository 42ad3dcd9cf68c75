//! The member index: a hash table of aliases, for everything that begins with a member.
//!
//! It adds eight bytes and their share of a bucket to each element, which stays where the tree has it.

use super::element::{Alias, Element};
use crate::hash::{HashKey, hash_bytes};
use crate::table::{FetchAhead, Table, TableItem};
use std::fmt;

/// Elements by member.
pub(super) struct Index {
    table: Table<Alias>,
    key: HashKey,
}

impl TableItem for Alias {
    fn hash_again(&self, key: &HashKey) -> u64 {
        hash_bytes(key, self.element().member())
    }

    fn address(&self) -> *const u8 {
        self.element().address()
    }
}

impl Index {
    /// No elements; their members will be hashed under `key`.
    pub(super) fn new(key: HashKey) -> Self {
        Self { table: Table::new(key), key }
    }

    /// The key under which members are hashed.
    pub(super) fn hash_key(&self) -> HashKey {
        self.key
    }

    /// Number of elements.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// The hash of a member, which the methods below ask for: it is computed once per operation.
    pub(super) fn hash(&self, member: &[u8]) -> u64 {
        hash_bytes(&self.key, member)
    }

    /// Begins to fetch what looking for a member of this hash will read first.
    pub(super) fn fetch(&self, hash: u64) {
        self.table.prefetch_bucket(hash);
    }

    /// The table, to be fetched ahead.
    pub(super) fn ahead(&self) -> &dyn FetchAhead {
        &self.table
    }

    /// The element with this member.
    pub(super) fn find(&self, hash: u64, member: &[u8]) -> Option<&Element> {
        self.table.find(hash, is(member)).map(Alias::element)
    }

    /// Adds an element whose member is not in the index.
    pub(super) fn insert(&mut self, hash: u64, alias: Alias) {
        self.table.insert_unique(hash, alias);
    }

    /// Takes out the alias of the element with this member.
    pub(super) fn remove(&mut self, hash: u64, member: &[u8]) -> Option<Alias> {
        self.table.remove(hash, is(member))
    }

    /// Passes some elements to `see` and returns the next cursor, 0 after the last.
    pub(super) fn scan(&self, cursor: u64, mut see: impl FnMut(&Element)) -> u64 {
        self.table.scan(cursor, &mut |alias| see(alias.element()))
    }

    /// Forgets up to `limit` elements and returns how many.
    pub(super) fn forget_chunk(&mut self, limit: usize) -> usize {
        self.table.take_chunk(limit, drop)
    }

    /// Bytes of the table, without the elements.
    pub(super) fn memory_bytes(&self) -> usize {
        self.table.memory_bytes()
    }

    /// Panics unless the table is in order.
    pub(super) fn check_invariants(&self) {
        self.table.check_invariants();
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index of {}", self.len())
    }
}

fn is(member: &[u8]) -> impl FnMut(&Alias) -> bool {
    move |alias| alias.element().member() == member
}
