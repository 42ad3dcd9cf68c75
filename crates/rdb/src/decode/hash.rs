//! Hashes: a listpack, a ziplist or a zipmap of pairs, or field by field; with times, a listpack of triples, or field by field.

use spinel_store::value::{HashLoader, LoadError};
use spinel_store::{Hash, UnixMillis};
use spinel_structs::listpack::Listpack;

use super::{Cursor, DecodeContext, Fault, Scratch};
use crate::legacy::{ziplist, zipmap};

/// A count and pairs of strings.
pub(super) fn fields(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<Hash, Fault> {
    let count = cursor.count(2)?;
    let mut loader = HashLoader::new(count, cx.limits, cx.hash_key);
    let (mut names, mut values) = (Scratch::default(), Scratch::default());
    for _ in 0..count {
        let name = names.bytes(cursor.string()?)?;
        let value = values.bytes(cursor.string()?)?;
        loader.push(name, value)?;
    }
    Ok(loader.finish()?)
}

/// A zipmap. Unlike the other small forms its values may be too long for a listpack, since servers of that age had
/// other limits.
pub(super) fn zipmap(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<Hash, Fault> {
    let bytes = cursor.string()?.into_cow()?;
    let mut count = 0;
    zipmap::read(&bytes, |_, _| count += 1)?;
    if count == 0 {
        // Unlike other collections: no server wrote one, and Redis refuses it in files, too.
        return Err(zipmap::ZipmapError::Empty.into());
    }
    let mut loader = HashLoader::new(count, cx.limits, cx.hash_key);
    let mut outcome = Ok(());
    zipmap::read(&bytes, |name, value| {
        if outcome.is_ok() {
            outcome = loader.push(name, value);
        }
    })?;
    outcome?;
    Ok(loader.finish()?)
}

/// A ziplist of pairs.
pub(super) fn ziplist(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<Hash, Fault> {
    let bytes = cursor.string()?.into_cow()?;
    Ok(Hash::from_listpack(ziplist::to_listpack(&bytes)?, cx.limits, cx.hash_key)?)
}

/// A listpack of pairs.
pub(super) fn listpack(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<Hash, Fault> {
    let pack = Listpack::from_bytes(cursor.string()?.into_vec()?)?;
    Ok(Hash::from_listpack(pack, cx.limits, cx.hash_key)?)
}

/// The greatest time that Redis keeps.
const LATEST_OF_REDIS: u64 = (1 << 48) - 1;

/// A count, and times, names and values, of Redis: a time is 0 for none, else counts from the earliest, which is 1.
pub(super) fn timed_fields(
    cursor: &mut Cursor<'_>,
    has_earliest: bool,
    cx: DecodeContext<'_>,
) -> Result<Hash, Fault> {
    let earliest = if has_earliest { u64::from_le_bytes(cursor.array()?) } else { 1 };
    let count = cursor.count(3)?;
    let mut loader = HashLoader::with_expiries(count, cx.limits, cx.hash_key);
    let (mut names, mut values) = (Scratch::default(), Scratch::default());
    for _ in 0..count {
        let expiry = match cursor.length()? {
            0 => None,
            ahead => {
                let at = (ahead - 1).checked_add(earliest).filter(|&at| at <= LATEST_OF_REDIS);
                Some(UnixMillis(at.ok_or(LoadError::NotATime)? as i64))
            }
        };
        let name = names.bytes(cursor.string()?)?;
        let value = values.bytes(cursor.string()?)?;
        // What Redis would take for no time is long over.
        loader.push_expiring(name, value, expiry.map(|at| at.max(UnixMillis(1))))?;
    }
    Ok(loader.finish()?)
}

/// A count, and names, values and times, of Valkey: a time of -1 is none.
pub(super) fn expiring_fields(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<Hash, Fault> {
    let count = cursor.count(2 + 8)?;
    let mut loader = HashLoader::with_expiries(count, cx.limits, cx.hash_key);
    let (mut names, mut values) = (Scratch::default(), Scratch::default());
    for _ in 0..count {
        let name = names.bytes(cursor.string()?)?;
        let value = values.bytes(cursor.string()?)?;
        let expiry = match i64::from_le_bytes(cursor.array()?) {
            -1 => None,
            at @ 0.. => Some(UnixMillis(at.max(1))),
            _ => return Err(LoadError::NotATime.into()),
        };
        loader.push_expiring(name, value, expiry)?;
    }
    Ok(loader.finish()?)
}

/// A listpack of triples.
pub(super) fn timed_listpack(cursor: &mut Cursor<'_>, cx: DecodeContext<'_>) -> Result<Hash, Fault> {
    let pack = Listpack::from_bytes(cursor.string()?.into_vec()?)?;
    Ok(Hash::from_timed_listpack(pack, cx.limits, cx.hash_key)?)
}
