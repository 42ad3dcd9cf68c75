//! Hashes: a listpack, a ziplist or a zipmap of pairs, or field by field.

use spinel_store::Hash;
use spinel_store::value::HashLoader;
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
