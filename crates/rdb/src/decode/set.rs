//! Sets: an intset, a listpack as servers from 7.2 on write it, or member by member.

use spinel_store::value::SetLoader;
use spinel_store::{Set, Text};
use spinel_structs::intset::IntSet;
use spinel_structs::listpack::Listpack;

use super::{Cursor, DecodeContext, Fault, Scratch, Str};

/// A count and members.
pub(super) fn members(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<Set, Fault> {
    let count = cursor.count(1)?;
    let mut loader = SetLoader::new(count, cx.limits, cx.hash_key);
    let mut scratch = Scratch::default();
    for _ in 0..count {
        match cursor.string()? {
            Str::Int(n) => loader.push(Text::Int(n))?,
            other => loader.push(Text::Bytes(scratch.bytes(other)?))?,
        }
    }
    Ok(loader.finish()?)
}

/// An intset.
pub(super) fn intset(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<Set, Fault> {
    let ints = IntSet::from_bytes(cursor.string()?.into_vec()?)?;
    Ok(Set::from_intset(ints, cx.limits, cx.hash_key))
}

/// A listpack.
pub(super) fn listpack(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<Set, Fault> {
    let pack = Listpack::from_bytes(cursor.string()?.into_vec()?)?;
    let mut loader = SetLoader::new(pack.len(), cx.limits, cx.hash_key);
    for member in &pack {
        loader.push(member.into())?;
    }
    Ok(loader.finish()?)
}
