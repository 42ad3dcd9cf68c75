//! `DBSIZE`

use spinel_family::{Command, Encoder, Reply, Sweep, SweepContext};

/// Returns the number of keys in the database.
#[derive(Command)]
#[command(group = Server, since = "1.0.0", complexity = "O(1)", flags(fast), categories(Keyspace))]
#[command(tips("request_policy:all_shards", "response_policy:agg_sum"))]
pub(super) struct Dbsize;

impl Sweep for Dbsize {
    fn sweep(&self, cx: &mut SweepContext<'_>, out: &mut Encoder) -> Reply {
        out.integer(cx.keyspace().count(cx.options().db).0 as i64);
        Ok(())
    }
}
