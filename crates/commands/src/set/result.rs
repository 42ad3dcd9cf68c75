//! Where the results of unions, intersections and differences come from and go to.

use smallvec::SmallVec;
use spinel_family::{CommandError, Encoder, EventClass, Key, Many, QueryContext, Reply, UpdateContext};
use spinel_store::value::Set;
use spinel_store::{Keep, NewValue};

use crate::collection::{elements_of, reply_element};

/// The sets of a command's keys, in order; `None` for keys that do not exist.
pub(super) type Sources<'c> = SmallVec<[Option<&'c Set>; 8]>;

/// Looks all keys up.
pub(super) fn sources<'c>(
    cx: &'c QueryContext<'_>,
    keys: &Many<'_, Key<'_>>,
) -> Result<Sources<'c>, CommandError> {
    keys.keys().map(|key| cx.read::<Set>(key)).collect()
}

/// Members of all keys together.
pub(super) fn total_elements(cx: &QueryContext<'_>, keys: &Many<'_, Key<'_>>) -> usize {
    keys.keys().map(|key| elements_of(cx, key)).sum()
}

/// Writes all members of a set.
pub(super) fn reply_members(out: &mut Encoder, set: Option<&Set>) {
    out.set(set.map_or(0, Set::len));
    set.into_iter().flat_map(Set::iter).for_each(|member| reply_element(out, member));
}

/// Stores a result, whatever was there before, and answers how many members it has. An empty one removes the key.
pub(super) fn store(
    cx: &mut UpdateContext<'_>,
    destination: Key<'_>,
    result: Set,
    event: &'static str,
    out: &mut Encoder,
) -> Reply {
    out.integer(result.len() as i64);
    if !result.is_empty() {
        cx.put(destination, NewValue::Set(Box::new(result)), Keep::Replace(None));
        cx.changed(destination, EventClass::Set, event);
    } else if cx.remove_destination(destination) {
        cx.changed(destination, EventClass::Generic, "del");
    }
    Ok(())
}
