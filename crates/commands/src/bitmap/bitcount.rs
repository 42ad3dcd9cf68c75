//! `BITCOUNT key [start end [BYTE | BIT]]`

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{Command, CommandError, Encoder, Field, Key, Parse, Query, QueryContext, Reply, Words};
use spinel_store::{Entry, Text};
use spinel_structs::bits::count_ones_between;

use super::BYTES_PER_ELEMENT;
use super::offset::{UNIT, UNIT_HISTORY, Unit};

const ARGS: &[ArgSpec] = &[
    ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("key", "") },
    Shape {
        children: &[
            Shape::word(ArgKind::Integer).arg("start", ""),
            Shape::word(ArgKind::Integer).arg("end", ""),
            UNIT,
        ],
        ..Shape::word(ArgKind::Block)
    }
    .or_absent()
    .arg("index", ""),
];

/// Counts the bits of a string that are set.
#[derive(Command)]
#[command(group = Bitmap, since = "2.6.0", complexity = "O(N) for N bytes in the range")]
#[command(manual, arity = -2, args = ARGS, history = UNIT_HISTORY)]
pub(super) struct Bitcount<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    /// Read after the key was looked up, as Redis does.
    range: Words<'a>,
}

impl<'a> Parse<'a> for Bitcount<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, range: words.rest() })
    }
}

impl Query for Bitcount<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        cx.peek(self.key).and_then(Entry::text).map_or(0, Text::len) / BYTES_PER_ELEMENT
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let Some(text) = cx.text(self.key)? else {
            out.integer(0);
            return Ok(());
        };
        let (ends, unit) = read_range(self.range)?;
        let count = text.with_bytes(|bytes| {
            let bits = unit.bits(ends, bytes.len());
            count_ones_between(bytes, bits.start, bits.end)
        });
        out.integer(count as i64);
        Ok(())
    }
}

fn read_range(mut words: Words<'_>) -> Result<((i64, i64), Unit), CommandError> {
    if words.is_empty() {
        return Ok(((0, -1), Unit::Byte));
    }
    if words.len() != 2 && words.len() != 3 {
        return Err(CommandError::Syntax);
    }
    let ends = (i64::parse(&mut words)?, i64::parse(&mut words)?);
    if ends.0 < 0 && ends.1 < 0 && ends.0 > ends.1 {
        // Redis looks at the unit no more.
        return Ok(((1, 0), Unit::Byte));
    }
    let unit = if words.is_empty() { Unit::Byte } else { Unit::parse(words.take()?)? };
    Ok((ends, unit))
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn bits_are_counted_in_all_of_a_string_or_in_a_part() {
        let mut server = Server::new();
        server.run("SET k foobar");
        for (line, count) in [
            ("BITCOUNT k", 26),
            ("BITCOUNT k 0 0", 4),
            ("BITCOUNT k 1 1 byte", 6),
            ("BITCOUNT k 5 30 BIT", 17),
            ("BITCOUNT k -2 -1", 7),
            ("BITCOUNT k -1 -2 nonsense", 0),
            ("BITCOUNT nothing x y z", 0),
        ] {
            assert_eq!(server.run(line), format!(":{count}\r\n"), "{line}");
        }
        assert_eq!(server.run("BITCOUNT k 0"), "-ERR syntax error\r\n");
        assert_eq!(server.run("BITCOUNT k 0 1 2"), "-ERR syntax error\r\n");
        assert_eq!(server.run("BITCOUNT k 0 x"), "-ERR value is not an integer or out of range\r\n");
    }
}
