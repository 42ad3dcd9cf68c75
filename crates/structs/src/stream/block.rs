//! One block of entries: a listpack in the format of Redis, read and changed in its place.
//!
//! ```text
//!  ┌───────┬─────────┬───────┬─────────────────┬───┬───────┬───────┬──
//!  │ count │ deleted │ names │ name name name  │ 0 │ entry │ entry │ ...
//!  └───────┴─────────┴───────┴─────────────────┴───┴───────┴───────┴──
//!                               /                             \
//!    ┌───────┬────┬─────┬──────────────────────────────────────┬────────┐
//!    │ flags │ ms │ seq │ value value value                    │ pieces │   with the names of the block
//!    ├───────┼────┼─────┼───────┬──────────────────────────────┼────────┤
//!    │ flags │ ms │ seq │ names │ name value name value ...    │ pieces │   with names of its own
//!    └───────┴────┴─────┴───────┴──────────────────────────────┴────────┘
//! ```
//! The names are those of the first entry, whose ID is the block's key; `ms` and `seq` are differences to it. `pieces`
//! counts the elements of the entry before it, for the way back. A deleted entry keeps its place until all are.

use super::StreamId;
use crate::listpack::{Iter, Listpack, ListpackValue, Pos};

/// The entry was deleted.
const DELETED: i64 = 1;
/// The entry has the names of the block.
const SAME_NAMES: i64 = 2;

/// What an element of a listpack may take besides its text.
const ELEMENT_OVERHEAD: usize = 10;

/// What stands before the entries of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) count: usize,
    pub(super) deleted: usize,
    names: usize,
    first_name: Pos,
    /// The first entry's flags.
    pub(super) first: Option<Pos>,
}

/// An entry in its block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    flags_at: Pos,
    flags: i64,
    pub(super) id: StreamId,
    names: usize,
    /// The first value, or the first name of its own.
    content: Pos,
}

impl Place {
    pub(super) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    fn has_same_names(&self) -> bool {
        self.flags & SAME_NAMES != 0
    }
}

fn number(pack: &Listpack, at: Pos) -> i64 {
    pack.get(at).as_i64().expect("blocks from outside are checked when they come in")
}

fn after(pack: &Listpack, at: Pos) -> Pos {
    pack.next(at).expect("blocks from outside are checked when they come in")
}

fn first(pack: &Listpack) -> Pos {
    pack.first().expect("no block is empty")
}

/// Entries of a block that were not deleted.
pub(super) fn count(pack: &Listpack) -> usize {
    number(pack, first(pack)) as usize
}

/// Reads what stands before the entries.
pub(super) fn head(pack: &Listpack) -> Head {
    let count_at = first(pack);
    let deleted_at = after(pack, count_at);
    let names_at = after(pack, deleted_at);
    let names = number(pack, names_at) as usize;
    let first_name = after(pack, names_at);
    let zero = (0..names).fold(first_name, |at, _| after(pack, at));
    Head {
        count: number(pack, count_at) as usize,
        deleted: number(pack, deleted_at) as usize,
        names,
        first_name,
        first: pack.next(zero),
    }
}

/// The entry whose flags stand at `at`.
pub(super) fn place(pack: &Listpack, key: StreamId, head: &Head, at: Pos) -> Place {
    let flags = number(pack, at);
    let ms_at = after(pack, at);
    let seq_at = after(pack, ms_at);
    let id = StreamId {
        ms: key.ms.wrapping_add(number(pack, ms_at) as u64),
        seq: key.seq.wrapping_add(number(pack, seq_at) as u64),
    };
    let next = after(pack, seq_at);
    if flags & SAME_NAMES != 0 {
        return Place { flags_at: at, flags, id, names: head.names, content: next };
    }
    let names = number(pack, next) as usize;
    Place { flags_at: at, flags, id, names, content: after(pack, next) }
}

/// Where the next entry's flags stand.
pub(super) fn following(pack: &Listpack, place: &Place) -> Option<Pos> {
    let elements = if place.has_same_names() { place.names } else { 2 * place.names };
    let pieces = (0..elements).fold(place.content, |at, _| after(pack, at));
    pack.next(pieces)
}

/// Where the flags of the entry stand that ends before `end`, or before the end of the block.
pub(super) fn preceding(pack: &Listpack, head: &Head, end: Option<Pos>) -> Option<Pos> {
    if end.is_some() && end == head.first {
        return None;
    }
    let pieces_at = match end {
        Some(end) => pack.prev(end)?,
        None => pack.last()?,
    };
    let back = number(pack, pieces_at);
    (0..back).try_fold(pieces_at, |at, _| pack.prev(at))
}

/// The last entry, deleted or not.
pub(super) fn last(pack: &Listpack, key: StreamId, head: &Head) -> Option<Place> {
    head.first?;
    preceding(pack, head, None).map(|at| place(pack, key, head, at))
}

/// The entry with this ID that was not deleted.
pub(super) fn find(pack: &Listpack, key: StreamId, id: StreamId) -> Option<(Head, Place)> {
    let head = head(pack);
    let mut at = head.first;
    while let Some(flags_at) = at {
        let place = place(pack, key, &head, flags_at);
        if place.id >= id && !place.is_deleted() {
            return (place.id == id).then_some((head, place));
        }
        at = following(pack, &place);
    }
    None
}

/// Marks an entry as deleted, without counting it.
pub(super) fn mark_deleted(pack: &mut Listpack, place: &Place) {
    pack.replace_int(place.flags_at, place.flags | DELETED);
}

/// Sets how many entries there are and were deleted.
pub(super) fn set_counts(pack: &mut Listpack, count: usize, deleted: usize) {
    let at = first(pack);
    pack.replace_int(at, count as i64);
    pack.replace_int(after(pack, at), deleted as i64);
}

/// Bytes that an entry takes at most.
pub(super) fn entry_room<'v>(content: impl Iterator<Item = (&'v [u8], &'v [u8])>) -> usize {
    let text: usize = content.map(|(name, value)| 2 * name.len() + value.len() + 3 * ELEMENT_OVERHEAD).sum();
    text + 9 * ELEMENT_OVERHEAD
}

/// A block with one entry, with room for `capacity` bytes or what it needs.
pub(super) fn open<'v, I>(content: I, pairs: usize, capacity: usize) -> Listpack
where
    I: Iterator<Item = (&'v [u8], &'v [u8])> + Clone,
{
    let mut pack = Listpack::with_capacity(capacity);
    let mut end = pack.appender(if capacity == 0 { entry_room(content.clone()) } else { 0 });
    end.int(1);
    end.int(0);
    end.int(pairs as i64);
    content.clone().for_each(|(name, _)| end.bytes(name));
    end.int(0);
    end.int(SAME_NAMES);
    end.int(0);
    end.int(0);
    content.for_each(|(_, value)| end.bytes(value));
    end.int(pairs as i64 + 3);
    drop(end);
    pack
}

/// Adds an entry to a block.
pub(super) fn append<'v, I>(pack: &mut Listpack, key: StreamId, id: StreamId, content: I, pairs: usize)
where
    I: Iterator<Item = (&'v [u8], &'v [u8])> + Clone,
{
    let count_at = first(pack);
    let names_at = after(pack, after(pack, count_at));
    let same = number(pack, names_at) == pairs as i64 && {
        let names = pack.iter_from(after(pack, names_at));
        names.zip(content.clone()).all(|(known, (name, _))| known.eq_bytes(name))
    };
    let count = number(pack, count_at);
    pack.replace_int(count_at, count + 1);
    let mut end = pack.appender(0);
    end.int(if same { SAME_NAMES } else { 0 });
    end.int(id.ms.wrapping_sub(key.ms) as i64);
    end.int(id.seq.wrapping_sub(key.seq) as i64);
    if same {
        content.for_each(|(_, value)| end.bytes(value));
        end.int(pairs as i64 + 3);
        return;
    }
    end.int(pairs as i64);
    content.for_each(|(name, value)| {
        end.bytes(name);
        end.bytes(value);
    });
    end.int(2 * pairs as i64 + 4);
}

/// The fields of an entry, in order, each with its value.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    /// The names, if they stand at the head of the block.
    names: Option<Iter<'a>>,
    content: Iter<'a>,
    left: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn of(pack: &'a Listpack, head: &Head, place: &Place) -> Self {
        Self {
            names: place.has_same_names().then(|| pack.iter_from(head.first_name)),
            content: pack.iter_from(place.content),
            left: place.names,
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (ListpackValue<'a>, ListpackValue<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => names.next()?,
            None => self.content.next()?,
        };
        Some((name, self.content.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}
