//! Telling when members expire: the body of `STTL`, `ZTTL` and their kin.

use spinel_family::{Encoder, Key, QueryContext, Reply};

use super::{Membered, named_members};
use crate::element_words::{Clock, NO_ELEMENT, NO_EXPIRY, Rest};

/// Tells what time the named members have left, or when they expire.
pub(crate) fn tell<T: Membered>(
    cx: &QueryContext<'_>,
    key: Key<'_>,
    Rest(mut words): Rest<'_>,
    clock: Clock,
    out: &mut Encoder,
) -> Reply {
    let collection = cx.read::<T>(key)?;
    let members = named_members(&mut words)?;
    out.array(members.len());
    for member in members.items() {
        out.integer(match collection.and_then(|collection| collection.expiry(member)) {
            None => NO_ELEMENT,
            Some(None) => NO_EXPIRY,
            Some(Some(at)) => clock.tell(at, cx.now()),
        });
    }
    Ok(())
}
