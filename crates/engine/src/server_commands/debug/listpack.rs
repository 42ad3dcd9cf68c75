//! `DEBUG LISTPACK`: the elements of a small hash or sorted set one by one.
//!
//! Redis prints them where nobody who asks can see them, on its standard output; here they are the reply.

use std::fmt::Write;

use spinel_family::{Command, CommandError, Encoder, Key, Query, QueryContext, Reply};
use spinel_store::{Text, ValueRef};
use spinel_structs::number::{format_score, parse_i64};

use super::serialized::{LISTPACK_FRAME, packed};

/// Shows the elements of a value whose encoding is a listpack, with the bytes that each takes in it.
#[derive(Command)]
#[command(name = "debug|listpack", group = Server, since = "7.0.0", complexity = "O(N) for N elements")]
pub(super) struct DebugListpack<'a> {
    #[key(ro)]
    key: Key<'a>,
}

impl Query for DebugListpack<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let entry = cx.inspect(self.key).ok_or(CommandError::NoSuchKey)?;
        if !matches!(entry.encoding(), "listpack" | "listpackex") {
            return Err(CommandError::text("ERR Not a listpack encoded object."));
        }
        let mut elements = Elements::default();
        match entry.value() {
            ValueRef::Hash(hash) => {
                let is_timed = hash.as_timed_listpack().is_some();
                for field in hash.iter() {
                    elements.add_pair(field.name, field.value);
                    if is_timed {
                        Text::Int(field.expiry.map_or(0, |at| at.0)).with_bytes(|time| elements.add(time));
                    }
                }
            }
            ValueRef::SortedSet(zset) => zset.iter().for_each(|(member, score)| {
                let mut text = Vec::new();
                format_score(score, &mut text);
                elements.add_pair(Text::Bytes(&member.to_vec()), Text::Bytes(&text));
            }),
            ValueRef::String(_)
            | ValueRef::List(_)
            | ValueRef::Set(_)
            | ValueRef::Stream(_)
            | ValueRef::Array(_) => {}
        }
        out.verbatim("txt", elements.report().as_bytes());
        Ok(())
    }
}

/// What was seen so far.
#[derive(Default)]
struct Elements {
    count: usize,
    bytes: usize,
    lines: String,
}

impl Elements {
    fn add_pair(&mut self, first: Text<'_>, second: Text<'_>) {
        first.with_bytes(|bytes| self.add(bytes));
        second.with_bytes(|bytes| self.add(bytes));
    }

    fn add(&mut self, element: &[u8]) {
        let bytes = packed(element);
        let kind = if parse_i64(element).is_some() { "integer" } else { "string" };
        let shown = element.escape_ascii();
        writeln!(self.lines, "{{{}}} {bytes} bytes, {kind} \"{shown}\"", self.count)
            .expect("a string takes any text");
        self.count += 1;
        self.bytes += bytes;
    }

    fn report(&self) -> String {
        format!("{} bytes, {} entries\n{}", LISTPACK_FRAME + self.bytes, self.count, self.lines)
    }
}
