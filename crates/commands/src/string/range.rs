//! `SETRANGE key offset value`, `GETRANGE key start end`, `SUBSTR key start end`

use std::ops::Range;

use spinel_family::{
    Command, CommandError, Encoder, EventClass, Key, Query, QueryContext, Reply, Update, UpdateContext,
};
use spinel_store::{Entry, Keep, NewValue, Text};

use super::append::{check_length, make_room};

/// Zero bytes that take as long to write as touching one element.
const ZEROS_PER_ELEMENT: usize = 256;

/// What it costs to fill a string with zeros up to `offset`.
pub(crate) fn zeros_cost(cx: &QueryContext<'_>, key: Key<'_>, offset: usize) -> usize {
    if offset < ZEROS_PER_ELEMENT {
        return 0;
    }
    let old = cx.peek(key).and_then(Entry::text).map_or(0, Text::len);
    offset.saturating_sub(old) / ZEROS_PER_ELEMENT
}

/// Overwrites a part of a string, which grows as needed, with zero bytes in between.
#[derive(Command)]
#[command(group = String, since = "2.2.0", flags(denyoom))]
#[command(complexity = "O(M) for M bytes of value, plus the growth of the string")]
pub(super) struct Setrange<'a> {
    #[key(rw, update)]
    key: Key<'a>,
    offset: i64,
    value: &'a [u8],
}

impl Update for Setrange<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        zeros_cost(cx, self.key, usize::try_from(self.offset).unwrap_or(0))
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let offset =
            usize::try_from(self.offset).map_err(|_| CommandError::text("ERR offset is out of range"))?;
        let settings = cx.settings();
        let len = match cx.find_mut(self.key) {
            Some(entry) => {
                let old = entry.text().ok_or(CommandError::WrongType)?.len();
                if self.value.is_empty() {
                    out.integer(old as i64);
                    return Ok(());
                }
                check_length(settings, offset, self.value.len())?;
                self.write(entry.make_raw(), offset)
            }
            None if self.value.is_empty() => {
                out.integer(0);
                return Ok(());
            }
            None => {
                check_length(settings, offset, self.value.len())?;
                let mut bytes = Vec::with_capacity(offset + self.value.len());
                let len = self.write(&mut bytes, offset);
                cx.put(self.key, NewValue::Raw(bytes), Keep::Replace(None));
                len
            }
        };
        cx.changed(self.key, EventClass::String, "setrange");
        out.integer(len as i64);
        Ok(())
    }
}

impl Setrange<'_> {
    /// Puts the value in its place and returns the length of the whole.
    fn write(&self, bytes: &mut Vec<u8>, offset: usize) -> usize {
        let end = offset + self.value.len();
        if end > bytes.len() {
            make_room(bytes, end);
            bytes.resize(end, 0);
        }
        bytes[offset..end].copy_from_slice(self.value);
        bytes.len()
    }
}

/// Returns a part of a string.
#[derive(Command)]
#[command(group = String, since = "2.4.0", complexity = "O(N) for N bytes returned")]
pub(super) struct Getrange<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    start: i64,
    end: i64,
}

impl Query for Getrange<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_part(cx, self.key, (self.start, self.end), out)
    }
}

/// Returns a part of a string.
#[derive(Command)]
#[command(group = String, since = "1.0.0", complexity = "O(N) for N bytes returned")]
#[command(doc_flags(Deprecated), deprecated_since = "2.0.0", replaced_by = "`GETRANGE`")]
pub(super) struct Substr<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    start: i64,
    end: i64,
}

impl Query for Substr<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        reply_part(cx, self.key, (self.start, self.end), out)
    }
}

fn reply_part(cx: &QueryContext<'_>, key: Key<'_>, ends: (i64, i64), out: &mut Encoder) -> Reply {
    match cx.text(key)? {
        Some(text) => text.with_bytes(|bytes| out.bulk(&bytes[clamp(ends, bytes.len())])),
        None => out.bulk(b""),
    }
    Ok(())
}

/// The part of `len` bytes between two ends, both included and counted from the back if negative.
fn clamp((start, end): (i64, i64), len: usize) -> Range<usize> {
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let len = len as i64;
    let from_front = |at: i64| if at < 0 { (at + len).max(0) } else { at };
    let (start, end) = (from_front(start), from_front(end).min(len - 1));
    if start > end { 0..0 } else { start as usize..end as usize + 1 }
}

#[cfg(test)]
mod tests {
    use super::clamp;
    use crate::testing::Server;

    #[test]
    fn a_range_counts_from_either_end_and_stays_inside() {
        let cases = [
            ((0, 3), 12, 0..4),
            ((0, -1), 12, 0..12),
            ((-4, -1), 12, 8..12),
            ((5, 3), 12, 0..0),
            ((5, 5000), 12, 5..12),
            ((-5000, 10000), 12, 0..12),
            ((-1, -5000), 12, 0..0),
            ((0, -5000), 12, 0..1),
            ((0, 0), 0, 0..0),
            ((i64::MIN, i64::MAX), 3, 0..3),
        ];
        for (ends, len, expected) in cases {
            assert_eq!(clamp(ends, len), expected, "{ends:?} of {len}");
        }
    }

    #[test]
    fn setrange_fills_with_zero_bytes_and_makes_raw() {
        let mut server = Server::new();
        assert_eq!(server.run_words(["SETRANGE", "a", "0", ""]), ":0\r\n");
        assert_eq!(server.effects.dirty, 0);
        assert_eq!(server.run("SETRANGE a 2 xy"), ":4\r\n");
        assert_eq!(server.event_names(), ["new", "setrange"]);
        assert_eq!(server.run("GETRANGE a 1 -1"), "$3\r\n\0xy\r\n");
        assert_eq!(server.run("OBJECT ENCODING a"), "$3\r\nraw\r\n");
        server.run("SET a 1234");
        assert_eq!(server.run("SETRANGE a 1 0"), ":4\r\n");
        assert_eq!(server.run("SUBSTR a 0 -1"), "$4\r\n1034\r\n");
        assert_eq!(server.run("OBJECT ENCODING a"), "$3\r\nraw\r\n");
        assert_eq!(server.run("SETRANGE a -1 x"), "-ERR offset is out of range\r\n");
    }
}
