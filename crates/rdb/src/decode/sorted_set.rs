//! Sorted sets: a listpack or a ziplist of members and scores, or member by member.

use spinel_store::SortedSet;
use spinel_store::value::SortedSetLoader;
use spinel_structs::listpack::Listpack;
use spinel_structs::number::parse_f64;

use super::{Cursor, DecodeContext, Fault, Scratch};
use crate::legacy::ziplist;

/// Scores as text that are no text: what stands in the place of its length.
const NOT_A_NUMBER: u8 = 253;
const INFINITY: u8 = 254;
const NEGATIVE_INFINITY: u8 = 255;

/// A count, and members with binary scores.
pub(super) fn scores(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<SortedSet, Fault> {
    members(cursor, cx, 1 + 8, |cursor| cursor.array().map(f64::from_le_bytes))
}

/// A count, and members with scores as text.
pub(super) fn text_scores(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<SortedSet, Fault> {
    members(cursor, cx, 1 + 1, |cursor| match cursor.byte()? {
        NOT_A_NUMBER => Ok(f64::NAN),
        INFINITY => Ok(f64::INFINITY),
        NEGATIVE_INFINITY => Ok(f64::NEG_INFINITY),
        length => parse_f64(cursor.take(u64::from(length))?).ok_or(Fault::Score),
    })
}

fn members<'a>(
    cursor: &mut Cursor<'a>,
    cx: DecodeContext<'_>,
    least_bytes: usize,
    score: impl Fn(&mut Cursor<'a>) -> Result<f64, Fault>,
) -> Result<SortedSet, Fault> {
    let count = cursor.count(least_bytes)?;
    let mut loader = SortedSetLoader::with_capacity(count);
    let mut scratch = Scratch::default();
    for _ in 0..count {
        let member = scratch.bytes(cursor.string()?)?;
        loader.push(member, score(cursor)?)?;
    }
    Ok(loader.finish(cx.limits, cx.hash_key)?)
}

/// A ziplist of members and scores.
pub(super) fn ziplist(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<SortedSet, Fault> {
    let bytes = cursor.string()?.into_cow()?;
    Ok(SortedSet::from_listpack(ziplist::to_listpack(&bytes)?, cx.limits, cx.hash_key)?)
}

/// A listpack of members and scores.
pub(super) fn listpack(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<SortedSet, Fault> {
    let pack = Listpack::from_bytes(cursor.string()?.into_vec()?)?;
    Ok(SortedSet::from_listpack(pack, cx.limits, cx.hash_key)?)
}
