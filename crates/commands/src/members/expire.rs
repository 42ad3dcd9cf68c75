//! Letting members expire: the body of `SEXPIRE`, `ZEXPIRE` and their kin.

use smallvec::SmallVec;
use spinel_family::{CommandError, Encoder, Key, Reply, UpdateContext, Words};

use super::words::{propagate_expiry, propagate_removal};
use super::{Membered, named_members};
use crate::element_words::{Clock, NO_ELEMENT, NOT_MET, REMOVED, Rest, SET, reply_same};
use crate::generic::expire::Conditions;

/// The conditions in front of `MEMBERS`.
pub(crate) fn conditions(words: &mut Words<'_>) -> Result<Conditions, CommandError> {
    let mut conditions = Conditions::default();
    while let Some(word) = words.peek()
        && conditions.add(word)
    {
        words.skip_one();
    }
    conditions.check()?;
    Ok(conditions)
}

/// Lets the named members expire at the time that the first word says.
pub(crate) fn expire<T: Membered>(
    cx: &mut UpdateContext<'_>,
    key: Key<'_>,
    Rest(mut words): Rest<'_>,
    (clock, command): (Clock, &'static str),
    out: &mut Encoder,
) -> Reply {
    let exists = cx.write::<T>(key)?.is_some();
    let (now, hash_key) = (cx.now(), cx.hash_key());
    let at = clock.time(words.take()?, now, command)?;
    let conditions = conditions(&mut words)?;
    let members = named_members(&mut words)?;
    if !exists {
        reply_same(out, members.len(), NO_ELEMENT);
        return Ok(());
    }
    let mut changed: SmallVec<[&[u8]; 8]> = SmallVec::new();
    let is_over = at <= now;
    cx.change_typed(key, |collection: &mut T| {
        out.array(members.len());
        for member in members.items() {
            let code = match collection.expiry(member) {
                None => NO_ELEMENT,
                Some(old) if !conditions.allow(old, at) => NOT_MET,
                Some(_) if is_over => {
                    collection.remove(member);
                    REMOVED
                }
                Some(_) => {
                    collection.set_expiry(member, Some(at), hash_key);
                    SET
                }
            };
            if matches!(code, SET | REMOVED) {
                changed.push(member);
            }
            out.integer(code);
        }
    });
    if changed.is_empty() {
        return Ok(());
    }
    cx.touch_watchers(key);
    cx.notify(T::CLASS, if is_over { T::NAMES.remove } else { T::NAMES.expire }, key);
    cx.add_dirty(changed.len());
    if is_over {
        cx.effects().expired_members += changed.len() as u64;
        cx.remove_if_empty::<T>(key);
        propagate_removal::<T>(cx, key, &changed);
    } else {
        propagate_expiry::<T>(cx, key, at, &changed);
    }
    Ok(())
}
