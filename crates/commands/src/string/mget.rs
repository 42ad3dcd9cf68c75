//! `MGET key [key ...]`

use spinel_family::{Command, Encoder, Key, Many, Query, QueryContext, Reply};

/// Returns the strings of several keys; null for those without one.
#[derive(Command)]
#[command(group = String, since = "1.0.0", complexity = "O(N) for N keys", flags(fast))]
#[command(tips("request_policy:multi_shard"))]
pub(super) struct Mget<'a> {
    #[key(ro, access)]
    #[arg(name = "key")]
    keys: Many<'a, Key<'a>>,
}

impl Query for Mget<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        out.array(self.keys.len());
        for key in self.keys.keys() {
            match cx.text(key) {
                Ok(Some(text)) => text.with_bytes(|bytes| out.bulk(bytes)),
                Ok(None) | Err(_) => out.null(),
            }
        }
        Ok(())
    }
}
