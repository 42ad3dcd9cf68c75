//! Storing a sorted set that a command computed, in place of whatever its destination held.

use spinel_family::{Encoder, EventClass, Key, UpdateContext};
use spinel_store::value::SortedSet;
use spinel_store::{Keep, NewValue};

/// Stores the result and answers with its size. An empty result removes the destination.
pub(crate) fn store_result(
    cx: &mut UpdateContext<'_>,
    destination: Key<'_>,
    result: SortedSet,
    event: &'static str,
    out: &mut Encoder,
) {
    out.integer(result.len() as i64);
    if !result.is_empty() {
        cx.put(destination, NewValue::SortedSet(Box::new(result)), Keep::Replace(None));
        cx.changed(destination, EventClass::SortedSet, event);
    } else if cx.remove_destination(destination) {
        cx.changed(destination, EventClass::Generic, "del");
    }
}
