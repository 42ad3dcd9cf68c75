//! `DEBUG OBJECT`: a line about how a value is kept.
//!
//! `serializedlength` is what the value takes in an RDB file without compression.

use std::fmt::Write;

use spinel_family::{Command, CommandError, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::{Entry, List, Text, ValueRef, usage};

use super::find;
use super::serialized::serialized_len;

/// Shows how a value is kept, even if its time has come.
#[derive(Command)]
#[command(name = "debug|object", group = Server, since = "1.0.0", complexity = "O(N) for N elements")]
pub(super) struct DebugObject<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for DebugObject<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        find(cx, self.key).map_or(0, |entry| entry.value().elements())
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let entry = find(cx, self.key).ok_or(CommandError::NoSuchKey)?;
        let idle = usage::idle_seconds(entry.access(), cx.now());
        let mut line = format!(
            "Value at:{:p} refcount:{} encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{idle}",
            entry.key().as_ptr(),
            references(entry),
            entry.encoding(),
            serialized_len(entry),
            entry.access() & 0x00FF_FFFF,
        );
        if let ValueRef::List(list) = entry.value() {
            describe_nodes(list, &mut line);
        }
        out.simple(&line);
        Ok(())
    }
}

/// Redis shares the objects of small integers and counts no references to them.
fn references(entry: &Entry) -> i32 {
    match entry.value() {
        ValueRef::String(Text::Int(0..10_000)) => i32::MAX,
        _ => 1,
    }
}

fn describe_nodes(list: &List, line: &mut String) {
    let (mut nodes, mut bytes) = (0_usize, 0_usize);
    for node in list.nodes() {
        nodes += 1;
        bytes += node.byte_len();
    }
    let average = list.len() as f64 / nodes.max(1) as f64;
    write!(
        line,
        " ql_nodes:{nodes} ql_avg_node:{average:.2} ql_listpack_max:{} ql_compressed:0 ql_uncompressed_size:{bytes}",
        list.node_limit()
    )
    .expect("a string takes any text");
}
