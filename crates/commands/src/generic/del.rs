//! `DEL key [key ...]`

use spinel_family::{Command, Encoder, EventClass, Key, Many, Reply, Update, UpdateContext};

/// Removes keys; answers how many there were.
#[derive(Command)]
#[command(group = Generic, since = "1.0.0", complexity = "O(N)", categories(Keyspace))]
#[command(tips("request_policy:multi_shard", "response_policy:agg_sum"))]
pub(super) struct Del<'a> {
    #[key(rm, delete)]
    #[arg(name = "key")]
    keys: Many<'a, Key<'a>>,
}

impl Update for Del<'_> {
    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let mut removed = 0;
        for key in self.keys.keys() {
            if cx.remove(key) {
                cx.changed(key, EventClass::Generic, "del");
                removed += 1;
            }
        }
        out.integer(removed);
        Ok(())
    }
}
