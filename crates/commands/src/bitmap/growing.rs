//! Strings that grow so that a bit lies within.

use spinel_family::{CommandError, Key, QueryContext, UpdateContext};
use spinel_store::{Entry, Keep, NewValue, Text};

use super::BYTES_PER_ELEMENT;
use crate::string::make_room;

/// The bytes of a string, to change, made at least `len` long with zeros; and whether it has grown.
pub(super) fn grow_to<'c>(
    cx: &'c mut UpdateContext<'_>,
    key: Key<'_>,
    len: usize,
) -> Result<(&'c mut Vec<u8>, bool), CommandError> {
    let is_new = cx.write_text(key)?.is_none();
    if is_new {
        cx.put(key, NewValue::Raw(vec![0; len]), Keep::Replace(None));
    }
    let bytes = cx.write_text(key)?.expect("it was there, or is now");
    let grows = bytes.len() < len;
    if grows {
        make_room(bytes, len);
        bytes.resize(len, 0);
    }
    Ok((bytes, is_new || grows))
}

/// What it costs to make a string reach a bit.
pub(super) fn zeros_cost(cx: &QueryContext<'_>, key: Key<'_>, offset: usize) -> usize {
    let bytes = offset / 8;
    if bytes < BYTES_PER_ELEMENT {
        return 0;
    }
    let old = cx.peek(key).and_then(Entry::text).map_or(0, Text::len);
    bytes.saturating_sub(old) / BYTES_PER_ELEMENT
}
