//! `BITPOS key bit [start [end [BYTE | BIT]]]`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{Command, CommandError, Encoder, Field, Key, Parse, Query, QueryContext, Reply, Words};
use spinel_store::{Entry, Text};
use spinel_structs::bits::find;

use super::BYTES_PER_ELEMENT;
use super::offset::{UNIT, UNIT_HISTORY, Unit};

const END: ArgSpec =
    Shape { children: &[Shape::word(ArgKind::Integer).arg("end", ""), UNIT], ..Shape::word(ArgKind::Block) }
        .or_absent()
        .arg("end_index", "");

const ARGS: &[ArgSpec] = &[
    ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("key", "") },
    Shape::word(ArgKind::Integer).arg("bit", ""),
    Shape { children: &[Shape::word(ArgKind::Integer).arg("start", ""), END], ..Shape::word(ArgKind::Block) }
        .or_absent()
        .arg("index", ""),
];

/// Finds the first bit of a string that is set, or clear.
#[derive(Command)]
#[command(group = Bitmap, since = "2.8.7", complexity = "O(N) for N bytes in the range")]
#[command(manual, arity = -3, args = ARGS, history = UNIT_HISTORY)]
pub(super) struct Bitpos<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    bit: bool,
    /// Read after the key was looked up, as Redis does.
    range: Words<'a>,
}

impl<'a> Parse<'a> for Bitpos<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let key = words.key()?;
        let bit = match i64::parse(words)? {
            0 => false,
            1 => true,
            _ => return Err(CommandError::text("ERR The bit argument must be 1 or 0.")),
        };
        Ok(Self { key, bit, range: words.rest() })
    }
}

impl Query for Bitpos<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        cx.peek(self.key).and_then(Entry::text).map_or(0, Text::len) / BYTES_PER_ELEMENT
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let Some(text) = cx.text(self.key)? else {
            // As if it had zeros without end.
            out.integer(if self.bit { -1 } else { 0 });
            return Ok(());
        };
        let range = Range::read(self.range)?;
        let found = text.with_bytes(|bytes| {
            let bits = range.unit.bits((range.start, range.end.unwrap_or(-1)), bytes.len());
            // Without an end, zeros follow the string.
            let behind = (range.end.is_none() && !self.bit && !bits.is_empty()).then_some(bits.end);
            find(bytes, self.bit, bits.start, bits.end).or(behind)
        });
        out.integer(found.map_or(-1, |at| at as i64));
        Ok(())
    }
}

struct Range {
    start: i64,
    end: Option<i64>,
    unit: Unit,
}

impl Range {
    fn read(mut words: Words<'_>) -> Result<Self, CommandError> {
        if words.is_empty() {
            return Ok(Self { start: 0, end: None, unit: Unit::Byte });
        }
        let has_unit = words.len() == 3;
        if words.len() > 3 {
            return Err(CommandError::Syntax);
        }
        let start = i64::parse(&mut words)?;
        // The unit is looked at before the end.
        let mut behind = words;
        let unit = if has_unit {
            behind.skip_one();
            Unit::parse(behind.take()?)?
        } else {
            Unit::Byte
        };
        let end = if words.is_empty() { None } else { Some(i64::parse(&mut words)?) };
        Ok(Self { start, end, unit })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn a_clear_bit_is_found_behind_the_string_unless_an_end_was_given() {
        let mut server = Server::new();
        assert_eq!(server.run_words(["SET", "k", "\u{7f}"]), "+OK\r\n");
        for (line, at) in [
            ("BITPOS k 0", 0),
            ("BITPOS k 1", 1),
            ("BITPOS k 0 0 -1", 0),
            ("BITPOS k 0 1 7 BIT", -1),
            ("BITPOS k 1 2 3 BIT", 2),
            ("BITPOS k 1 1", -1),
            ("BITPOS k 0 1", -1),
            ("BITPOS nothing 0", 0),
            ("BITPOS nothing 1 x y z", -1),
        ] {
            assert_eq!(server.run(line), format!(":{at}\r\n"), "{line}");
        }
        server.run("SETBIT k 0 1");
        assert_eq!(server.run("BITPOS k 0"), ":8\r\n");
        assert_eq!(server.run("BITPOS k 0 0"), ":8\r\n");
        assert_eq!(server.run("BITPOS k 0 0 0"), ":-1\r\n");
        assert_eq!(server.run("BITPOS k 2"), "-ERR The bit argument must be 1 or 0.\r\n");
        assert_eq!(server.run("BITPOS k 1 0 x BITS"), "-ERR syntax error\r\n");
        assert_eq!(server.run("BITPOS k 1 0 x BIT"), "-ERR value is not an integer or out of range\r\n");
    }
}
