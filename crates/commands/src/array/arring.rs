//! `ARRING key size value [value ...]`, `ARLASTITEMS key count [REV]`

use spinel_family::spec::{ArgKind, Shape};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Field, Key, Many, Query, QueryContext, Reply, Update,
    UpdateContext, Words,
};
use spinel_store::value::Array;
use spinel_store::{OwnedValue, Typed};

use super::index::{reply_number, reply_value};
use crate::collection::elements_of;

/// How many places a ring has; at least one.
#[derive(Clone, Copy)]
struct RingSize(u64);

impl<'a> Field<'a> for RingSize {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let size = u64::try_from(i64::parse(words)?).ok().filter(|&size| size > 0);
        size.map(Self).ok_or(CommandError::text("ERR size must be positive"))
    }
}

/// Puts values into an array as into a ring of so many places, over the oldest ones; answers the last one's index.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", flags(denyoom))]
#[command(
    complexity = "O(M) for M values, and O(N) if the ring is laid out anew for another size, N being the values kept"
)]
pub(super) struct Arring<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    size: RingSize,
    #[arg(name = "value")]
    values: Many<'a, &'a [u8]>,
}

impl Update for Arring<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let array = cx.peek(self.key).and_then(|entry| Array::of(entry.value()));
        let moved = array.filter(|array| array.len() != self.size.0).map_or(0, Array::count);
        self.values.len() + usize::try_from(moved.min(self.size.0)).unwrap_or(usize::MAX)
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let RingSize(size) = self.size;
        let array = cx.write_or_create::<Array>(self.key)?;
        let rest = array.fit_ring(size);
        let mut last = 0;
        for value in self.values.items() {
            last = array.ring_push(size, value);
        }
        if let Some(rest) = rest {
            cx.discard(OwnedValue::Array(Box::new(rest)));
        }
        cx.changed(self.key, EventClass::Array, "arring");
        cx.add_dirty(self.values.len() - 1);
        reply_number(out, last);
        Ok(())
    }
}

/// Returns the values put last into an array, the oldest of them first.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(N) for N values")]
pub(super) struct Arlastitems<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    count: i64,
    #[arg(token = "REV")]
    rev: bool,
}

impl Arlastitems<'_> {
    fn count(&self) -> u64 {
        u64::try_from(self.count).unwrap_or(0)
    }
}

impl Query for Arlastitems<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        usize::try_from(self.count()).unwrap_or(usize::MAX).min(elements_of(cx, self.key))
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let Some(array) = cx.read::<Array>(self.key)? else {
            out.array(0);
            return Ok(());
        };
        let items = array.last_items(self.count());
        out.array(items.len());
        if self.rev {
            items.for_each(|value| reply_value(out, value));
        } else {
            let newest_first: Vec<_> = items.collect();
            newest_first.into_iter().rev().for_each(|value| reply_value(out, value));
        }
        Ok(())
    }
}
