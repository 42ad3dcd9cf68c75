//! `OBJECT ENCODING key`

use spinel_family::{Command, Encoder, Key, Query, QueryContext, Reply};

/// Looks into how a value is kept.
#[derive(Command)]
#[command(group = Generic, since = "2.2.3", arity = -2, manual)]
pub(super) struct Object;

/// Returns the name of the encoding of a value.
#[derive(Command)]
#[command(name = "object|encoding", group = Generic, since = "2.2.3", complexity = "O(1)")]
#[command(categories(Keyspace), tips("nondeterministic_output"))]
pub(super) struct ObjectEncoding<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for ObjectEncoding<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        match cx.peek(self.key) {
            Some(entry) => out.bulk(entry.encoding().as_bytes()),
            None => out.null(),
        }
        Ok(())
    }
}
