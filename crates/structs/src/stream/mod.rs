//! An append-only sequence of entries ordered by ID, read by anybody and by consumer groups.
//!
//! # The idea
//! Entries of a stream look alike: IDs that grow by little, and field names that repeat. So they are written in blocks,
//! each one [listpack](crate::listpack) ([`block`]): the names stand once at its head, IDs are differences to the block's
//! first, small numbers take a byte. Appending writes a few dozen bytes at the end of the last block and allocates
//! nothing; a block that is full is left alone from then on.
//!
//! ```text
//! blocks: B-tree by the ID of each block's first entry
//!   1700000000000-0 ─▶ listpack of up to 100 entries or 4 KiB
//!   1700000000071-3 ─▶ listpack
//!   1700000000140-0 ─▶ listpack            ◀── appended to
//! groups: B-tree by name
//!   "workers" ─▶ last ID delivered, entries read
//!                pending:   ID ─▶ consumer, when, how often      (all of the group)
//!                released:  turn ─▶ ID                           (pending for nobody)
//!                consumers: name ─▶ seen, active, IDs pending    (of this one)
//! idempotence: producer ─▶ message ─▶ ID                         (nothing, in most)
//! ```
//! The listpacks are those of Redis to the byte, whose files and `DUMP` payloads hold them as they are.
//!
//! # Costs
//! | | |
//! |---|---|
//! | append | O(1) and the bytes written |
//! | find, delete one, begin a range | O(log blocks) and one block |
//! | trim | O(1) for each whole block, and one block |
//! | deliver, acknowledge | O(log pending) |
//!
//! # Sizes
//! An entry of one field with a value of ten bytes takes 16 bytes in its block; a block 80 beside its listpack; a
//! pending entry about 110.
//!
//! # What it does not do
//! It reads no clock and sends nothing: times are arguments. A deleted entry's bytes stay until its whole block is
//! deleted, as in Redis, whose replies about blocks depend on it.
//!
//! # Credits
//! The stream and the format of its blocks are Salvatore Sanfilippo's (Redis 5.0). He keeps the blocks in a radix tree;
//! [`radix`] says how many nodes that would have, because `XINFO` tells.

mod block;
mod counters;
mod group;
mod id;
mod idempotence;
mod load;
mod radix;
mod range;
mod references;
mod released;
#[cfg(test)]
mod tests;
mod trim;

use std::collections::BTreeMap;

use crate::listpack::Listpack;
pub use block::Fields;
pub use group::{Consumer, ConsumerId, Group, Pending};
pub use id::{ID_TEXT_MAX, IdText, StreamId};
pub use idempotence::{Idempotence, Memory};
pub use load::{Stated, StreamError};
pub use range::{Entries, EntriesBack, Entry};
pub use references::References;
pub use trim::{Trim, TrimTo};

/// No block and no entry is larger, in bytes.
pub const BLOCK_BYTES_MAX: usize = crate::listpack::SAFE_BYTES;

/// When a block is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLimits {
    /// Bytes (`stream-node-max-bytes`); 0 for as many as can be.
    pub bytes: usize,
    /// Entries, deleted ones included (`stream-node-max-entries`); 0 for any number.
    pub entries: usize,
}

impl Default for BlockLimits {
    fn default() -> Self {
        Self { bytes: 4096, entries: 100 }
    }
}

/// A stream; see the [module](self).
#[derive(Clone, Debug, Default)]
pub struct Stream {
    blocks: BTreeMap<StreamId, Listpack>,
    /// Bytes of heap of all listpacks.
    block_bytes: usize,
    len: usize,
    /// The greatest ID ever given.
    last_id: StreamId,
    /// The first entry's, 0-0 if there is none.
    first_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
    groups: BTreeMap<Box<[u8]>, Group>,
    idempotence: Option<Box<Idempotence>>,
}

impl Stream {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Entries.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The greatest ID ever given.
    #[inline]
    #[must_use]
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// The first entry's ID, 0-0 if there is none.
    #[must_use]
    pub fn first_id(&self) -> StreamId {
        self.first_id
    }

    /// The greatest ID of an entry that was deleted (not trimmed), 0-0 if none was.
    #[must_use]
    pub fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    /// Entries ever added.
    #[must_use]
    pub fn entries_added(&self) -> u64 {
        self.entries_added
    }

    /// The last entry's ID, 0-0 if there is none.
    #[must_use]
    pub fn top_id(&self) -> StreamId {
        self.range_back(StreamId::MIN, StreamId::MAX).next().map_or(StreamId::MIN, |entry| entry.id)
    }

    /// Blocks.
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// The blocks with the IDs of their first entries, as files hold them.
    pub fn blocks(&self) -> impl Iterator<Item = (StreamId, &Listpack)> + Clone {
        self.blocks.iter().map(|(key, pack)| (*key, pack))
    }

    /// The ID with which the first block begins, of a deleted entry perhaps; the greatest if there is none.
    #[must_use]
    pub fn first_block_id(&self) -> StreamId {
        self.blocks.first_key_value().map_or(StreamId::MAX, |(key, _)| *key)
    }

    /// Nodes of the radix tree that Redis would keep the blocks in.
    #[must_use]
    pub fn radix_nodes(&self) -> usize {
        radix::nodes(self.blocks.keys().copied())
    }

    /// The block in which an ID would stand.
    fn block_of(&self, id: StreamId) -> Option<(&StreamId, &Listpack)> {
        self.blocks.range(..=id).next_back()
    }

    /// Adds an entry at the end. `id` is greater than [`last_id`](Self::last_id), and the content has `pairs` fields
    /// with values, altogether shorter than [`BLOCK_BYTES_MAX`].
    pub fn append<'v, I>(&mut self, id: StreamId, content: I, pairs: usize, limits: BlockLimits)
    where
        I: Iterator<Item = (&'v [u8], &'v [u8])> + Clone,
    {
        debug_assert!(id > self.last_id, "IDs grow");
        let bytes: usize = content.clone().map(|(name, value)| name.len() + value.len()).sum();
        let mut capacity = 0;
        match self.blocks.last_entry() {
            Some(mut last) if has_room(last.get(), bytes, limits) => {
                let (key, pack) = (*last.key(), last.get_mut());
                let before = pack.memory_bytes();
                block::append(pack, key, id, content, pairs);
                self.block_bytes += pack.memory_bytes() - before;
            }
            full => {
                if let Some(mut full) = full {
                    let pack = full.get_mut();
                    let before = pack.memory_bytes();
                    // The next block is likely to become as long as this one.
                    capacity = before;
                    pack.shrink_to_fit();
                    self.block_bytes -= before - pack.memory_bytes();
                }
                let pack = block::open(content, pairs, capacity);
                self.block_bytes += pack.memory_bytes();
                self.blocks.insert(id, pack);
            }
        }
        if self.len == 0 {
            self.first_id = id;
        }
        self.len += 1;
        self.last_id = id;
        self.entries_added += 1;
    }

    /// Deletes an entry; false if there is none with this ID.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some((key, pack)) = self.blocks.range_mut(..=id).next_back() else { return false };
        let key = *key;
        let Some((head, place)) = block::find(pack, key, id) else { return false };
        if head.count == 1 {
            self.remove_block(key);
        } else {
            let before = pack.memory_bytes();
            block::mark_deleted(pack, &place);
            block::set_counts(pack, head.count - 1, head.deleted + 1);
            self.block_bytes = self.block_bytes + pack.memory_bytes() - before;
        }
        self.len -= 1;
        self.max_deleted_id = self.max_deleted_id.max(id);
        if id == self.first_id || self.len == 0 {
            self.find_first_id();
        }
        true
    }

    fn remove_block(&mut self, key: StreamId) {
        if let Some(pack) = self.blocks.remove(&key) {
            self.block_bytes -= pack.memory_bytes();
        }
    }

    fn find_first_id(&mut self) {
        self.first_id = self.iter().next().map_or(StreamId::MIN, |entry| entry.id);
    }

    /// Sets the greatest ID given, and what else is said. The ID is not below that of any entry.
    pub fn set_id(&mut self, last: StreamId, entries_added: Option<u64>, max_deleted: Option<StreamId>) {
        self.last_id = last;
        self.entries_added = entries_added.unwrap_or(self.entries_added);
        self.max_deleted_id = max_deleted.unwrap_or(self.max_deleted_id);
    }

    /// Bytes of heap: O(groups).
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let index = group::tree_bytes::<StreamId, Listpack>(self.blocks.len());
        let groups: usize = self.groups.iter().map(|(name, group)| name.len() + group.memory_bytes()).sum();
        let names = group::tree_bytes::<Box<[u8]>, Group>(self.groups.len());
        let said = self.idempotence.as_ref().map_or(0, |said| said.memory_bytes());
        index + self.block_bytes + names + groups + said
    }

    /// Blocks, pending entries of all groups, and messages remembered: what freeing and copying takes.
    #[must_use]
    pub fn parts(&self) -> usize {
        let said = self.idempotence.as_ref().map_or(0, |said| said.parts());
        self.blocks.len() + self.groups.values().map(|group| 1 + group.parts()).sum::<usize>() + said
    }

    /// Frees about `n` entries or pending entries; how much is left, 0 for nothing.
    pub fn take_chunk(&mut self, n: usize) -> usize {
        let mut freed = 0;
        while freed < n {
            let Some((_, pack)) = self.blocks.pop_last() else { break };
            freed += 1 + block::count(&pack).min(64);
        }
        while freed < n {
            let Some(mut last) = self.groups.last_entry() else { break };
            freed += last.get_mut().take_chunk(n - freed) + 1;
            if last.get().parts() == 0 {
                last.remove();
            }
        }
        if let Some(said) = self.idempotence.as_mut().filter(|_| freed < n) {
            said.take_chunk(n - freed);
        }
        self.parts()
    }

    /// Panics when an internal rule is broken; for tests.
    pub fn check_invariants(&self) {
        self.check_invariants_of_blocks();
        assert_eq!(self.first_id, self.iter().next().map_or(StreamId::MIN, |entry| entry.id));
        self.groups.values().for_each(Group::check_invariants);
        self.idempotence.iter().for_each(|said| said.check_invariants());
    }

    fn check_invariants_of_blocks(&self) {
        let (mut len, mut bytes, mut last) = (0, 0, None);
        for (key, pack) in &self.blocks {
            pack.check_invariants();
            let checked = load::check_block(*key, pack).expect("every block is sound");
            assert!(last.is_none_or(|last| last < *key), "blocks do not overlap");
            len += checked.count;
            bytes += pack.memory_bytes();
            last = Some(checked.last);
        }
        assert_eq!((len, bytes), (self.len, self.block_bytes));
        assert!(last.is_none_or(|last| last <= self.last_id || self.len == 0));
    }
}

/// Whether an entry of so many bytes may join a block.
fn has_room(pack: &Listpack, bytes: usize, limits: BlockLimits) -> bool {
    let most = if limits.bytes == 0 { BLOCK_BYTES_MAX } else { limits.bytes.min(BLOCK_BYTES_MAX) };
    if pack.byte_len().saturating_add(bytes) >= most {
        return false;
    }
    if limits.entries == 0 {
        return true;
    }
    let mut counts = pack.iter();
    let mut next = || counts.next().and_then(|count| count.as_i64()).unwrap_or(0);
    next().saturating_add(next()) < limits.entries as i64
}
