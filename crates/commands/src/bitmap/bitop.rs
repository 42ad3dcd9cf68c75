//! `BITOP operation destkey key [key ...]`

use spinel_family::spec::{ArgKind, Shape};
use spinel_family::{
    Command, CommandError, Encoder, EventClass, Field, Key, Many, QueryContext, Reply, Update, UpdateContext,
    Words, is_token,
};
use spinel_store::{Entry, Keep, NewValue, Text};
use spinel_structs::bits::{BitOperation, combine, invert};

use super::BYTES_PER_ELEMENT;

/// Combines strings bit by bit and stores the result; answers its length.
#[derive(Command)]
#[command(group = Bitmap, since = "2.6.0", flags(denyoom))]
#[command(complexity = "O(N) for N bytes of all strings together")]
pub(super) struct Bitop<'a> {
    operation: Operation,
    #[key(ow, update)]
    destkey: Key<'a>,
    #[key(ro, access)]
    #[arg(name = "key")]
    keys: Many<'a, Key<'a>>,
}

/// What is done with the bits at the same place of all strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
    /// Set in the first and in none of the others.
    Diff,
    /// Set in one of the others, not in the first.
    Diff1,
    /// Set in the first and in one of the others.
    AndOr,
    /// Set in exactly one.
    One,
}

impl<'a> Field<'a> for Operation {
    const SHAPE: Shape = Shape::word(ArgKind::String);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        const NAMES: [(&str, Operation); 8] = [
            ("AND", Operation::And),
            ("OR", Operation::Or),
            ("XOR", Operation::Xor),
            ("NOT", Operation::Not),
            ("DIFF", Operation::Diff),
            ("DIFF1", Operation::Diff1),
            ("ANDOR", Operation::AndOr),
            ("ONE", Operation::One),
        ];
        let word = words.take()?;
        let found = NAMES.iter().find(|(name, _)| is_token(word, name));
        found.map(|(_, operation)| *operation).ok_or(CommandError::Syntax)
    }
}

impl Operation {
    fn check_keys(self, keys: usize) -> Result<(), CommandError> {
        let name = match self {
            Self::Not if keys != 1 => {
                return Err(CommandError::text("ERR BITOP NOT must be called with a single source key."));
            }
            Self::Diff => "ERR BITOP DIFF must be called with at least two source keys.",
            Self::Diff1 => "ERR BITOP DIFF1 must be called with at least two source keys.",
            Self::AndOr => "ERR BITOP ANDOR must be called with at least two source keys.",
            Self::And | Self::Or | Self::Xor | Self::Not | Self::One => return Ok(()),
        };
        if keys < 2 { Err(CommandError::text(name)) } else { Ok(()) }
    }

    /// The result for these strings, as long as the longest.
    fn apply(self, strings: &[Text<'_>]) -> Vec<u8> {
        let length = strings.iter().map(|text| text.len()).max().unwrap_or(0);
        let (first, others) = strings.split_first().expect("there is at least one key");
        let mut result = padded(*first, length);
        let mut fold = |operation| others.iter().for_each(|text| add(operation, &mut result, *text));
        match self {
            Self::And => fold(BitOperation::And),
            Self::Or => fold(BitOperation::Or),
            Self::Xor => fold(BitOperation::Xor),
            Self::Diff => fold(BitOperation::AndNot),
            Self::Not => invert(&mut result),
            Self::AndOr => combine(BitOperation::And, &mut result, &any_of(others, length)),
            Self::Diff1 => {
                let mut any = any_of(others, length);
                combine(BitOperation::AndNot, &mut any, &result);
                result = any;
            }
            Self::One => {
                let mut several = vec![0; length];
                for text in others {
                    let string = padded(*text, length);
                    let mut both = result.clone();
                    combine(BitOperation::And, &mut both, &string);
                    combine(BitOperation::Or, &mut several, &both);
                    combine(BitOperation::Or, &mut result, &string);
                }
                combine(BitOperation::AndNot, &mut result, &several);
            }
        }
        result
    }
}

/// A string with zeros up to `length`.
fn padded(text: Text<'_>, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length);
    text.with_bytes(|text| bytes.extend_from_slice(text));
    bytes.resize(length, 0);
    bytes
}

fn add(operation: BitOperation, result: &mut [u8], text: Text<'_>) {
    text.with_bytes(|text| combine(operation, result, text));
}

/// The bits that are set in any of these strings.
fn any_of(strings: &[Text<'_>], length: usize) -> Vec<u8> {
    let mut any = vec![0; length];
    strings.iter().for_each(|text| add(BitOperation::Or, &mut any, *text));
    any
}

impl Update for Bitop<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let len = |key| cx.peek(key).and_then(Entry::text).map_or(0, Text::len);
        self.keys.keys().map(len).sum::<usize>() / BYTES_PER_ELEMENT
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        self.operation.check_keys(self.keys.len())?;
        let query = cx.as_query();
        let strings = self.keys.iter().map(|key| Ok(query.text(key?)?.unwrap_or(Text::Bytes(b""))));
        let result = self.operation.apply(&strings.collect::<Result<Vec<_>, CommandError>>()?);
        let length = result.len();
        if length > 0 {
            cx.put(self.destkey, NewValue::Raw(result), Keep::Replace(None));
            cx.changed(self.destkey, EventClass::String, "set");
        } else if cx.remove_destination(self.destkey) {
            cx.changed(self.destkey, EventClass::Generic, "del");
        }
        out.integer(length as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    fn bits(server: &mut Server, operation: &str, keys: &str) -> String {
        let reply = server.run(&format!("BITOP {operation} d {keys}"));
        let text = server.run("GET d");
        if text.starts_with("$-1") { reply } else { text }
    }

    #[test]
    fn strings_are_combined_as_if_the_shorter_ended_in_zeros() {
        let mut server = Server::new();
        server.run("MSET a abc b ABCD c 1");
        assert_eq!(bits(&mut server, "AND", "a b"), "$4\r\nABC\0\r\n");
        assert_eq!(bits(&mut server, "or", "a b"), "$4\r\nabcD\r\n");
        assert_eq!(bits(&mut server, "XOR", "a b"), "$4\r\n   D\r\n");
        assert_eq!(bits(&mut server, "AND", "a nothing"), "$3\r\n\0\0\0\r\n");
        assert_eq!(server.event_names(), Vec::<&str>::new());
        assert_eq!(server.run("BITOP OR d c"), ":1\r\n");
        assert_eq!(server.run("OBJECT ENCODING d"), "$3\r\nraw\r\n");
        assert_eq!(server.run("BITOP NOT d nothing"), ":0\r\n");
        assert_eq!(server.event_names(), ["keymiss", "del"]);
        assert_eq!(server.run("EXISTS d"), ":0\r\n");
    }

    #[test]
    fn the_newer_operations_are_made_of_the_older() {
        let mut server = Server::new();
        // 0110_0001, 0011_0011, 0101_0101
        server.run("MSET x a y 3 z U");
        assert_eq!(bits(&mut server, "DIFF", "x y z"), "$1\r\n\0\r\n");
        assert_eq!(bits(&mut server, "DIFF", "z y"), "$1\r\nD\r\n");
        assert_eq!(bits(&mut server, "DIFF1", "x y z"), "$1\r\n\u{16}\r\n");
        assert_eq!(bits(&mut server, "ANDOR", "x y z"), "$1\r\na\r\n");
        assert_eq!(bits(&mut server, "ONE", "x y z"), "$1\r\n\u{6}\r\n");
        assert_eq!(bits(&mut server, "ONE", "x"), "$1\r\na\r\n");
        let few = server.run("BITOP DIFF d x");
        assert_eq!(few, "-ERR BITOP DIFF must be called with at least two source keys.\r\n");
    }

    #[test]
    fn a_key_of_another_type_or_a_wrong_number_of_keys_changes_nothing() {
        let mut server = Server::new();
        server.run("MSET a x d old");
        server.run("RPUSH list x");
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
        assert_eq!(server.run("BITOP AND d a list"), wrong);
        let not = "-ERR BITOP NOT must be called with a single source key.\r\n";
        assert_eq!(server.run("BITOP NOT d list a"), not);
        assert_eq!(server.run("BITOP NAND d a"), "-ERR syntax error\r\n");
        assert_eq!(server.run("GET d"), "$3\r\nold\r\n");
    }
}
