//! Ending the expiry of members: the body of `SPERSIST` and `ZPERSIST`.

use smallvec::SmallVec;
use spinel_family::{Encoder, Key, Reply, UpdateContext};

use super::words::propagate_persistence;
use super::{Membered, named_members};
use crate::element_words::{NO_ELEMENT, NO_EXPIRY, PERSISTED, Rest, reply_same};

/// Ends the expiry of the named members.
pub(crate) fn persist<T: Membered>(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    Rest(mut words): Rest<'_>,
    out: &mut Encoder,
) -> Reply {
    let exists = cx.write::<T>(key)?.is_some();
    let (members, hash_key) = (named_members(&mut words)?, cx.hash_key());
    if !exists {
        reply_same(out, members.len(), NO_ELEMENT);
        return Ok(());
    }
    let mut changed: SmallVec<[&[u8]; 8]> = SmallVec::new();
    cx.change_typed(key, |collection: &mut T| {
        out.array(members.len());
        for member in members.items() {
            out.integer(match collection.expiry(member) {
                None => NO_ELEMENT,
                Some(None) => NO_EXPIRY,
                Some(Some(_)) => {
                    collection.set_expiry(member, None, hash_key);
                    changed.push(member);
                    PERSISTED
                }
            });
        }
    });
    if !changed.is_empty() {
        cx.changed(key, T::CLASS, T::NAMES.persist);
        propagate_persistence::<T>(cx, key, &changed);
    }
    Ok(())
}
