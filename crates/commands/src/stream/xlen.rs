//! `XLEN key`

use spinel_family::{Command, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::Stream;

/// Returns the number of entries of a stream.
#[derive(Command)]
#[command(group = Stream, since = "5.0.0", complexity = "O(1)", flags(fast))]
pub(super) struct Xlen<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for Xlen<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let len = cx.read::<Stream>(self.key)?.map_or(0, Stream::len);
        out.integer(len as i64);
        Ok(())
    }
}
