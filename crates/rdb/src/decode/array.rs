//! Arrays: the cursor, a count, and as many times how far the index lies behind the next one, and a string.

use spinel_store::Array;
use spinel_structs::array::INDEX_MAX;

use super::{Cursor, Fault, Scratch};

/// Bytes of the shortest value with its distance.
const SHORTEST: usize = 2;

pub(super) fn values(cursor: &mut Cursor<'_>) -> Result<Array, Fault> {
    let mut array = Array::new();
    array.set_cursor(cursor.length()?);
    let count = cursor.count(SHORTEST)?;
    let mut scratch = Scratch::default();
    let mut next = 0u64;
    for _ in 0..count {
        let distance = cursor.length()?;
        let index = next.checked_add(distance).filter(|&index| index <= INDEX_MAX);
        let index = index.ok_or(Fault::Index(distance))?;
        array.set(index, scratch.bytes(cursor.string()?)?);
        next = index + 1;
    }
    Ok(array)
}
