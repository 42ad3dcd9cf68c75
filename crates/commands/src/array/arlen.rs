//! `ARLEN key`, `ARCOUNT key`

use spinel_family::{Command, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::value::Array;

use super::index::reply_number;

/// Returns the length of an array: its greatest index and one more.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(1)", flags(fast))]
pub(super) struct Arlen<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

impl Query for Arlen<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_number(out, cx.read::<Array>(self.key)?.map_or(0, Array::len));
        Ok(())
    }
}

/// Returns how many values an array has.
#[derive(Command)]
#[command(group = Array, since = "8.8.0", complexity = "O(1)", flags(fast))]
pub(super) struct Arcount<'a> {
    #[key(ro, access)]
    key: Key<'a>,
}

impl Query for Arcount<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_number(out, cx.read::<Array>(self.key)?.map_or(0, Array::count));
        Ok(())
    }
}
