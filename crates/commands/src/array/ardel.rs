//! `ARDEL key index [index ...]`, `ARDELRANGE key start end [start end ...]`

use spinel_family::{
    Block, Command, CommandError, Encoder, EventClass, Key, Many, QueryContext, Reply, Update, UpdateContext,
};
use spinel_store::value::Array;
use spinel_store::{OwnedValue, Typed};
use spinel_structs::array::PAGE_PLACES;

use super::index::{Index, reply_number, span};

/// What a page costs that goes as a whole.
const PAGE_COST: usize = 8;

/// Removes the values of an array at some indexes; answers how many there were.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(N) for N indexes", flags(fast))]
pub(super) struct Ardel<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    #[arg(name = "index")]
    indexes: Many<'a, Index>,
}

impl Update for Ardel<'_> {
    fn cost(&self, _cx: &QueryContext<'_>) -> usize {
        self.indexes.len()
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        self.indexes.iter().try_for_each(|index| index.map(drop))?;
        let mut removed = 0;
        if let Some(array) = cx.write::<Array>(self.key)? {
            for Index(index) in self.indexes.iter().flatten() {
                removed += u64::from(array.remove(index));
            }
        }
        finish(cx, self.key, removed, "ardel");
        reply_number(out, removed);
        Ok(())
    }
}

/// From one index to another, both included.
#[derive(Block)]
pub(super) struct IndexRange {
    start: Index,
    end: Index,
}

/// Removes the values of an array in some ranges; answers how many there were.
#[derive(Command)]
#[command(group = Array, since = "8.8.0")]
#[command(complexity = "O(N) for N pages with values in the ranges, and the values at their ends")]
pub(super) struct Ardelrange<'a> {
    #[key(rw, delete)]
    key: Key<'a>,
    #[arg(name = "range")]
    ranges: Many<'a, IndexRange>,
}

impl Update for Ardelrange<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let Some(array) = cx.peek(self.key).and_then(|entry| Array::of(entry.value())) else { return 0 };
        let most = array.page_count() * PAGE_COST + 2 * PAGE_PLACES as usize;
        let each = |range: IndexRange| span(range.start.0, range.end.0).min(most);
        self.ranges.iter().flatten().map(each).fold(0, usize::saturating_add)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        if !self.ranges.is_whole() {
            return Err(CommandError::Arity);
        }
        self.ranges.iter().try_for_each(|range| range.map(drop))?;
        let mut removed = 0;
        for range in self.ranges.iter() {
            let IndexRange { start: Index(start), end: Index(end) } = range?;
            let Some(array) = cx.write::<Array>(self.key)? else { break };
            let gone = array.take_range(start.min(end), start.max(end));
            removed += gone.count();
            if !gone.is_empty() {
                cx.discard(OwnedValue::Array(Box::new(gone)));
            }
        }
        finish(cx, self.key, removed, "ardelrange");
        reply_number(out, removed);
        Ok(())
    }
}

/// The traces of having removed so many values.
fn finish(cx: &mut UpdateContext<'_>, key: Key<'_>, removed: u64, event: &'static str) {
    if removed > 0 {
        cx.changed(key, EventClass::Array, event);
        cx.add_dirty(usize::try_from(removed - 1).unwrap_or(usize::MAX));
        cx.remove_if_empty::<Array>(key);
    }
}
