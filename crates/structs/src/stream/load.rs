//! Streams from outside: nothing is trusted but what was looked at.

use std::fmt;

use super::{Group, Stream, StreamId};
use crate::listpack::{Listpack, Pos};

/// Why parts do not make a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamError {
    /// A block's listpack is not built as a block is.
    Block,
    /// The IDs of blocks or entries do not grow, or are beyond the last one.
    Order,
    /// The number of entries is not the one stated.
    Length,
    /// Two groups have the same name.
    GroupName,
    /// Two consumers of a group have the same name.
    ConsumerName,
    /// A pending entry is stated twice, or belongs to no consumer or to an entry that is not pending.
    Pending,
    /// What producers said is stated twice, without a name, or is more than is remembered.
    Idempotence,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Block => "a block of a stream is damaged",
            Self::Order => "the IDs of a stream are out of order",
            Self::Length => "a stream has another number of entries than stated",
            Self::GroupName => "Duplicated consumer group name",
            Self::ConsumerName => "Duplicate stream consumer detected",
            Self::Pending => "the pending entries of a group do not fit its consumers",
            Self::Idempotence => "the idempotent messages of a stream do not fit its settings",
        })
    }
}

impl std::error::Error for StreamError {}

/// What a look at a block yields.
pub(super) struct Checked {
    /// Entries that were not deleted.
    pub(super) count: usize,
    /// The greatest ID, or the block's own if there is no entry left.
    pub(super) last: StreamId,
}

/// Goes through elements one by one.
struct Elements<'a> {
    pack: &'a Listpack,
    at: Option<Pos>,
}

impl Elements<'_> {
    fn skip(&mut self) -> Result<(), StreamError> {
        let at = self.at.ok_or(StreamError::Block)?;
        self.at = self.pack.next(at);
        Ok(())
    }

    fn number(&mut self) -> Result<i64, StreamError> {
        let at = self.at.ok_or(StreamError::Block)?;
        self.skip()?;
        self.pack.get(at).as_i64().ok_or(StreamError::Block)
    }

    /// A number of things, each of which takes two bytes or more.
    fn count(&mut self) -> Result<usize, StreamError> {
        let most = self.pack.byte_len() / 2;
        usize::try_from(self.number()?).ok().filter(|count| *count <= most).ok_or(StreamError::Block)
    }
}

/// Looks at every element of a sound listpack.
pub(super) fn check_block(key: StreamId, pack: &Listpack) -> Result<Checked, StreamError> {
    let mut elements = Elements { pack, at: pack.first() };
    let count = elements.count()?;
    let deleted = elements.count()?;
    let names = elements.count()?;
    for _ in 0..names {
        elements.skip()?;
    }
    if elements.number()? != 0 {
        return Err(StreamError::Block);
    }
    let mut last: Option<StreamId> = None;
    let (mut live, mut dead) = (0, 0);
    while elements.at.is_some() {
        // Where a deleted entry stood does not matter: XSETID may have given its ID away again.
        let Some(id) = check_entry(&mut elements, key, names)? else {
            dead += 1;
            continue;
        };
        if id < key || last.is_some_and(|last| last >= id) {
            return Err(StreamError::Order);
        }
        last = Some(id);
        live += 1;
    }
    if (live, dead) != (count, deleted) || count + deleted == 0 {
        return Err(StreamError::Block);
    }
    Ok(Checked { count, last: last.unwrap_or(key) })
}

/// Goes past an entry; its ID, unless it was deleted.
fn check_entry(
    elements: &mut Elements<'_>,
    key: StreamId,
    names: usize,
) -> Result<Option<StreamId>, StreamError> {
    let flags = elements.number()?;
    if !(0..4).contains(&flags) {
        return Err(StreamError::Block);
    }
    let ms = key.ms.wrapping_add(elements.number()? as u64);
    let seq = key.seq.wrapping_add(elements.number()? as u64);
    let (values, fixed) = if flags & 2 != 0 { (names, 3) } else { (2 * elements.count()?, 4) };
    for _ in 0..values {
        elements.skip()?;
    }
    if elements.number()? != (values + fixed) as i64 {
        return Err(StreamError::Block);
    }
    Ok((flags & 1 == 0).then_some(StreamId { ms, seq }))
}

/// What is stated of a stream beside its blocks.
#[derive(Clone, Copy, Debug)]
pub struct Stated {
    /// Entries.
    pub len: u64,
    /// The greatest ID ever given.
    pub last_id: StreamId,
    /// Entries ever added, if that was counted.
    pub entries_added: Option<u64>,
    /// The greatest ID of an entry that was deleted.
    pub max_deleted_id: StreamId,
}

impl Stream {
    /// Adds a block at the end.
    ///
    /// # Errors
    /// When it is none, or begins before the last one ends.
    pub fn push_block(&mut self, key: StreamId, mut pack: Listpack) -> Result<(), StreamError> {
        let checked = check_block(key, &pack)?;
        if !self.blocks.is_empty() && key <= self.last_id {
            return Err(StreamError::Order);
        }
        // Redis keeps a block all of whose entries were deleted when the oldest were cut off; here it goes.
        if checked.count == 0 {
            return Ok(());
        }
        pack.shrink_to_fit();
        self.len += checked.count;
        self.last_id = checked.last;
        self.block_bytes += pack.memory_bytes();
        self.blocks.insert(key, pack);
        Ok(())
    }

    /// Takes over what is stated of the stream; its blocks are complete.
    ///
    /// # Errors
    /// When the blocks say otherwise.
    pub fn finish(&mut self, stated: Stated) -> Result<(), StreamError> {
        if stated.len != self.len as u64 {
            return Err(StreamError::Length);
        }
        self.find_first_id();
        // The last entries may have been deleted, and their IDs given up by XSETID.
        if self.len > 0 && self.top_id() > stated.last_id {
            return Err(StreamError::Order);
        }
        self.last_id = stated.last_id;
        self.entries_added = stated.entries_added.unwrap_or(stated.len);
        self.max_deleted_id = stated.max_deleted_id;
        Ok(())
    }

    /// Adds a group.
    ///
    /// # Errors
    /// When there is one of this name.
    pub fn push_group(&mut self, name: &[u8], group: Group) -> Result<(), StreamError> {
        if self.create_group(name, group) { Ok(()) } else { Err(StreamError::GroupName) }
    }
}
