//! Strings that grow so that a bit lies within.

use spinel_family::{CommandError, Key, UpdateContext};
use spinel_store::{Keep, NewValue};

use crate::string::make_room;

/// Changes the bytes of a string, made at least `len` long with zeros; `change` learns whether it has grown.
pub(super) fn change_grown<R>(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    len: usize,
    change: impl FnOnce(&mut [u8], bool) -> R,
) -> Result<R, CommandError> {
    if let Some(bytes) = cx.write_text(key)? {
        let grows = bytes.len() < len;
        if grows {
            make_room(bytes, len);
            bytes.resize(len, 0);
        }
        return Ok(change(bytes, grows));
    }
    let mut bytes = vec![0; len];
    let result = change(&mut bytes, true);
    cx.put(key, NewValue::Raw(bytes), Keep::Replace(None));
    Ok(result)
}
