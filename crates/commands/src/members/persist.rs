//! Ending the expiry of members: the body of `SPERSIST` and `ZPERSIST`.

use smallvec::SmallVec;
use spinel_family::{Encoder, Key, Reply, UpdateContext};

use super::words::{propagate_persistence, reply_same};
use super::{Membered, NO_EXPIRY, NO_MEMBER, named_members};
use crate::element_words::Rest;

/// The member expires no more.
const DONE: i64 = 1;

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
        reply_same(out, members.len(), NO_MEMBER);
        return Ok(());
    }
    let mut changed: SmallVec<[&[u8]; 8]> = SmallVec::new();
    cx.change_typed(key, |collection: &mut T| {
        out.array(members.len());
        for member in members.items() {
            out.integer(match collection.expiry(member) {
                None => NO_MEMBER,
                Some(None) => NO_EXPIRY,
                Some(Some(_)) => {
                    collection.set_expiry(member, None, hash_key);
                    changed.push(member);
                    DONE
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
