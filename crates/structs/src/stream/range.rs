//! Walking the entries of a stream, from either end.

use std::collections::btree_map;

use super::block::{self, Fields, Head};
use super::{Stream, StreamId};
use crate::listpack::{Listpack, Pos};

/// An entry of a stream.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Its ID.
    pub id: StreamId,
    /// Its fields with their values.
    pub fields: Fields<'a>,
}

/// A block being walked: `at` is the next entry's place forwards, and the end of the next one's backwards.
#[derive(Clone, Debug)]
struct Walk<'a> {
    key: StreamId,
    pack: &'a Listpack,
    head: Head,
    at: Option<Pos>,
}

impl<'a> Walk<'a> {
    fn new((key, pack): (&StreamId, &'a Listpack)) -> Self {
        Self { key: *key, pack, head: block::head(pack), at: None }
    }

    fn forward(block: (&StreamId, &'a Listpack)) -> Self {
        let mut walk = Self::new(block);
        walk.at = walk.head.first;
        walk
    }

    fn entry(&self, place: &block::Place) -> Entry<'a> {
        Entry { id: place.id, fields: Fields::of(self.pack, &self.head, place) }
    }
}

/// Entries in the order of their IDs.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    blocks: btree_map::Range<'a, StreamId, Listpack>,
    walk: Option<Walk<'a>>,
    start: StreamId,
    end: StreamId,
}

/// Entries from the greatest ID down.
#[derive(Clone, Debug)]
pub struct EntriesBack<'a> {
    blocks: btree_map::Range<'a, StreamId, Listpack>,
    walk: Option<Walk<'a>>,
    start: StreamId,
    end: StreamId,
}

impl Stream {
    /// The entries from `start` to `end`, both included.
    #[must_use]
    pub fn range(&self, start: StreamId, end: StreamId) -> Entries<'_> {
        let first = self.block_of(start).map_or(start, |(key, _)| *key);
        let blocks = if first <= end { self.blocks.range(first..=end) } else { self.blocks.range(end..end) };
        Entries { blocks, walk: None, start, end }
    }

    /// The same entries, from the last to the first.
    #[must_use]
    pub fn range_back(&self, start: StreamId, end: StreamId) -> EntriesBack<'_> {
        let Entries { blocks, .. } = self.range(start, end);
        EntriesBack { blocks, walk: None, start, end }
    }

    /// About how many entries lie between two IDs, counted by whole blocks until there are `enough`.
    #[must_use]
    pub fn count_about(&self, start: StreamId, end: StreamId, enough: usize) -> usize {
        let mut count = 0;
        for (_, pack) in self.range(start, end).blocks {
            count += block::count(pack);
            if count >= enough {
                break;
            }
        }
        count
    }

    /// All entries.
    #[must_use]
    pub fn iter(&self) -> Entries<'_> {
        self.range(StreamId::MIN, StreamId::MAX)
    }

    /// The entry with this ID.
    #[must_use]
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        let (key, pack) = self.block_of(id)?;
        let (head, place) = block::find(pack, *key, id)?;
        Some(Entry { id, fields: Fields::of(pack, &head, &place) })
    }

    /// Whether there is an entry with this ID.
    #[must_use]
    pub fn contains(&self, id: StreamId) -> bool {
        self.get(id).is_some()
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if self.walk.is_none() {
                self.walk = Some(Walk::forward(self.blocks.next()?));
            }
            let walk = self.walk.as_mut()?;
            let Some(at) = walk.at else {
                self.walk = None;
                continue;
            };
            let place = block::place(walk.pack, walk.key, &walk.head, at);
            walk.at = block::following(walk.pack, &place);
            if place.is_deleted() || place.id < self.start {
                continue;
            }
            if place.id > self.end {
                walk.at = None;
                self.blocks = btree_map::Range::default();
                return None;
            }
            return Some(walk.entry(&place));
        }
    }
}

impl<'a> Iterator for EntriesBack<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let (walk, at) = match self.walk.take() {
                Some(walk) => {
                    let at = block::preceding(walk.pack, &walk.head, walk.at);
                    (walk, at)
                }
                None => {
                    let walk = Walk::new(self.blocks.next_back()?);
                    let at = walk.head.first.and_then(|_| block::preceding(walk.pack, &walk.head, None));
                    (walk, at)
                }
            };
            let Some(at) = at else { continue };
            let place = block::place(walk.pack, walk.key, &walk.head, at);
            let walk = Walk { at: Some(at), ..walk };
            if place.is_deleted() || place.id > self.end {
                self.walk = Some(walk);
                continue;
            }
            if place.id < self.start {
                self.blocks = btree_map::Range::default();
                return None;
            }
            let entry = walk.entry(&place);
            self.walk = Some(walk);
            return Some(entry);
        }
    }
}
