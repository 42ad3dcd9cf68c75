//! Cutting off the oldest entries.

use super::block;
use super::{References, Stream, StreamId};

/// What is left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimTo {
    /// So many entries.
    Len(usize),
    /// Entries with this ID or greater ones.
    MinId(StreamId),
}

/// How a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// To what.
    pub to: TrimTo,
    /// Only whole blocks are removed.
    pub by_blocks: bool,
    /// No block is touched with which more entries than these would be removed.
    pub limit: Option<usize>,
    /// What becomes of entries that groups refer to.
    pub references: References,
}

impl Stream {
    /// Removes the oldest entries; returns how many. They do not count as deleted.
    pub fn trim(&mut self, trim: Trim) -> usize {
        match trim.references {
            References::Keep => self.trim_any(trim),
            References::Respect => self.trim_unreferenced(trim.to, trim.limit),
            References::Remove => {
                let pending = self.groups.values().flat_map(|group| group.pending_from(StreamId::MIN));
                let pending = pending.map(|(id, _)| id).filter(|id| self.contains(*id));
                let pending: Vec<StreamId> = pending.collect();
                let removed = self.trim_any(trim);
                for id in pending {
                    if !self.contains(id) {
                        self.acknowledge_everywhere(id);
                    }
                }
                removed
            }
        }
    }

    fn trim_any(&mut self, trim: Trim) -> usize {
        let mut removed = 0;
        while let Some(first) = self.blocks.first_entry() {
            if matches!(trim.to, TrimTo::Len(len) if self.len <= len) {
                break;
            }
            let (key, pack) = (*first.key(), first.get());
            let count = block::count(pack);
            if trim.limit.is_some_and(|limit| removed + count > limit) {
                break;
            }
            let whole = match trim.to {
                TrimTo::Len(len) => self.len - count >= len,
                TrimTo::MinId(id) => {
                    let head = block::head(pack);
                    block::last(pack, key, &head).is_none_or(|last| last.id < id)
                }
            };
            if whole {
                self.block_bytes -= first.remove().memory_bytes();
                self.len -= count;
                removed += count;
                continue;
            }
            if !trim.by_blocks {
                removed += self.trim_first_block(trim.to);
            }
            break;
        }
        if removed > 0 {
            self.find_first_id();
        }
        removed
    }

    /// Marks entries of the first block as deleted as far as needed; a block without any others goes.
    fn trim_first_block(&mut self, to: TrimTo) -> usize {
        let Some(mut first) = self.blocks.first_entry() else { return 0 };
        let key = *first.key();
        let pack = first.get_mut();
        let before = pack.memory_bytes();
        let head = block::head(pack);
        let mut at = head.first;
        let mut marked = Vec::new();
        while let Some(flags_at) = at {
            let place = block::place(pack, key, &head, flags_at);
            let enough = match to {
                TrimTo::Len(len) => self.len - marked.len() <= len,
                TrimTo::MinId(id) => place.id >= id,
            };
            if enough {
                break;
            }
            at = block::following(pack, &place);
            if !place.is_deleted() {
                marked.push(place);
            }
        }
        let removed = marked.len();
        if removed == head.count {
            // Those behind had been deleted before.
            self.block_bytes -= first.remove().memory_bytes();
            self.len -= removed;
            return removed;
        }
        // Flags written elsewhere may take more bytes than ours, so marking one may move those behind it.
        marked.iter().rev().for_each(|place| block::mark_deleted(pack, place));
        block::set_counts(pack, head.count - removed, head.deleted + removed);
        self.block_bytes = self.block_bytes + pack.memory_bytes() - before;
        self.len -= removed;
        removed
    }
}
