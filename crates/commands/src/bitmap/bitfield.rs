//! `BITFIELD key [GET type offset | [OVERFLOW mode] SET type offset value | INCRBY type offset increment ...]`,
//! `BITFIELD_RO key [GET type offset ...]`

use spinel_family::spec::{ArgFlags, ArgKind, ArgSpec, Begin, Find, KeyFlags, KeySpec, Shape};
use spinel_family::{
    Command, CommandError, CommandSettings, Encoder, EventClass, Field, Key, Parse, Query, QueryContext,
    Reply, Update, UpdateContext, Words, is_token,
};

use super::field::{IntegerType, Overflow};
use super::growing::change_grown;
use super::offset::bit_offset;
use crate::string::zeros_cost;

const KEYS: &[KeySpec] = &[KeySpec {
    flags: KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE).with(KeyFlags::VARIABLE_FLAGS),
    begin: Begin::Index(1),
    find: Find::Range { last: 0, step: 1, limit: 0 },
    notes: "This command allows both access and modification of the key",
}];

const KEY: ArgSpec = ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("key", "") };
const ENCODING: ArgSpec = Shape::word(ArgKind::String).arg("encoding", "");
const OFFSET: ArgSpec = integer("offset");

const fn integer(name: &'static str) -> ArgSpec {
    Shape::word(ArgKind::Integer).arg(name, "")
}

const fn token(name: &'static str, token: &'static str) -> ArgSpec {
    Shape::word(ArgKind::PureToken).arg(name, token)
}

const fn group(
    kind: ArgKind,
    children: &'static [ArgSpec],
    name: &'static str,
    token: &'static str,
) -> ArgSpec {
    Shape { children, ..Shape::word(kind) }.arg(name, token)
}

const WRITE: ArgSpec = group(
    ArgKind::Block,
    &[
        ArgSpec {
            flags: ArgFlags { optional: true, multiple: false, multiple_token: false },
            ..group(
                ArgKind::OneOf,
                &[token("wrap", "WRAP"), token("sat", "SAT"), token("fail", "FAIL")],
                "wrap_sat_fail",
                "OVERFLOW",
            )
        },
        group(
            ArgKind::OneOf,
            &[
                group(ArgKind::Block, &[ENCODING, OFFSET, integer("value")], "encoding_offset_value", "SET"),
                group(
                    ArgKind::Block,
                    &[ENCODING, OFFSET, integer("increment")],
                    "encoding_offset_increment",
                    "INCRBY",
                ),
            ],
            "write_operation",
            "",
        ),
    ],
    "write",
    "",
);

const ARGS: &[ArgSpec] = &[
    KEY,
    ArgSpec {
        flags: ArgFlags { optional: true, multiple: true, multiple_token: false },
        ..group(
            ArgKind::OneOf,
            &[group(ArgKind::Block, &[ENCODING, OFFSET], "encoding_offset", "GET"), WRITE],
            "operation",
            "",
        )
    },
];

const READ_ARGS: &[ArgSpec] = &[
    KEY,
    ArgSpec {
        flags: ArgFlags { optional: true, multiple: true, multiple_token: true },
        ..group(ArgKind::Block, &[ENCODING, OFFSET], "encoding_offset", "GET")
    },
];

/// Reads and changes integers of any number of bits within a string.
#[derive(Command)]
#[command(group = Bitmap, since = "3.2.0", flags(denyoom), complexity = "O(1) for each operation")]
#[command(manual, arity = -2, keys = KEYS, args = ARGS)]
pub(super) struct Bitfield<'a> {
    key: Key<'a>,
    operations: Words<'a>,
}

/// Reads integers of any number of bits within a string.
#[derive(Command)]
#[command(name = "bitfield_ro", group = Bitmap, since = "6.0.0", flags(fast))]
#[command(complexity = "O(1) for each operation", manual, arity = -2, args = READ_ARGS)]
pub(super) struct BitfieldRo<'a> {
    #[key(ro, access)]
    key: Key<'a>,
    operations: Words<'a>,
}

impl<'a> Parse<'a> for Bitfield<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, operations: words.rest() })
    }
}

impl<'a> Parse<'a> for BitfieldRo<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key: words.key()?, operations: words.rest() })
    }
}

/// One operation.
#[derive(Clone, Copy)]
struct Operation {
    integer: IntegerType,
    at: usize,
    action: Action,
}

#[derive(Clone, Copy)]
enum Action {
    Get,
    Set(i64, Overflow),
    Increment(i64, Overflow),
}

/// All operations of a command; nothing is done unless all can be read.
fn read_operations(mut words: Words<'_>, settings: &CommandSettings) -> Result<Vec<Operation>, CommandError> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    while !words.is_empty() {
        let name = words.take()?;
        let follow = words.len();
        let is = |token, words| is_token(name, token) && follow >= words;
        if is("OVERFLOW", 1) {
            overflow = Overflow::parse(words.take()?)?;
            continue;
        }
        let (gets, sets) = (is("GET", 2), is("SET", 3));
        if !gets && !sets && !is("INCRBY", 3) {
            return Err(CommandError::Syntax);
        }
        let integer = IntegerType::parse(words.take()?)?;
        let at = bit_offset(words.take()?, Some(integer.bits), settings)?;
        let action = if gets {
            Action::Get
        } else {
            let value = i64::parse(&mut words)?;
            if sets { Action::Set(value, overflow) } else { Action::Increment(value, overflow) }
        };
        operations.push(Operation { integer, at, action });
    }
    Ok(operations)
}

impl Operation {
    fn writes(&self) -> bool {
        !matches!(self.action, Action::Get)
    }

    fn last_bit(&self) -> usize {
        self.at + self.integer.bits as usize - 1
    }

    /// Performs the operation and answers; says what that left.
    fn write(&self, bytes: &mut [u8], out: &mut Encoder) -> Stored {
        let Self { integer, at, action } = *self;
        let old = integer.read(bytes, at);
        let (wanted, overflow) = match action {
            Action::Get => {
                out.integer(old);
                return Stored::Nothing;
            }
            Action::Set(value, overflow) => (integer.given(value), overflow),
            Action::Increment(by, overflow) => (i128::from(old) + i128::from(by), overflow),
        };
        let Some(new) = integer.fit(wanted, overflow) else {
            out.null();
            return Stored::Nothing;
        };
        integer.write(bytes, at, new);
        out.integer(if matches!(action, Action::Set(..)) { old } else { new });
        if new == old { Stored::Same } else { Stored::New }
    }
}

/// What an operation left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stored {
    Nothing,
    Same,
    New,
}

/// Answers operations that only read.
fn reply_reads(cx: &QueryContext<'_>, key: Key<'_>, operations: &[Operation], out: &mut Encoder) -> Reply {
    let text = cx.text(key)?;
    let mut reply = |bytes: &[u8]| {
        out.array(operations.len());
        operations.iter().for_each(|operation| out.integer(operation.integer.read(bytes, operation.at)));
    };
    match text {
        Some(text) => text.with_bytes(reply),
        None => reply(b""),
    }
    Ok(())
}

impl Query for BitfieldRo<'_> {
    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let operations = read_operations(self.operations, cx.settings())?;
        if operations.iter().any(Operation::writes) {
            return Err(CommandError::text("ERR BITFIELD_RO only supports the GET subcommand"));
        }
        reply_reads(cx, self.key, &operations, out)
    }
}

impl Update for Bitfield<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let Ok(operations) = read_operations(self.operations, cx.settings()) else { return 0 };
        let writing = operations.iter().filter(|operation| operation.writes());
        writing.map(Operation::last_bit).max().map_or(0, |last| zeros_cost(cx, self.key, last / 8))
    }

    fn update(&self, cx: &mut UpdateContext<'_>, out: &mut Encoder) -> Reply {
        let operations = read_operations(self.operations, cx.settings())?;
        let writing = operations.iter().filter(|operation| operation.writes());
        let Some(last_bit) = writing.map(Operation::last_bit).max() else {
            return reply_reads(cx.as_query(), self.key, &operations, out);
        };
        let (changes, has_grown) = change_grown(cx, self.key, last_bit / 8 + 1, |bytes, has_grown| {
            out.array(operations.len());
            let mut changes = 0;
            for operation in &operations {
                let stored = operation.write(bytes, out);
                changes += usize::from(stored == Stored::New || has_grown && stored == Stored::Same);
            }
            (changes, has_grown)
        })?;
        if changes > 0 {
            cx.changed(self.key, EventClass::String, "setbit");
            cx.add_dirty(changes - 1);
        } else if has_grown {
            // Redis tells nobody of the zeros; but what is in memory must be in the log.
            cx.touch_watchers(self.key);
            cx.add_dirty(1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn integers_are_read_set_and_incremented_in_one_go() {
        let mut server = Server::new();
        assert_eq!(
            server.run("BITFIELD a SET u8 0 255 GET u4 0 INCRBY i5 #1 -1"),
            "*3\r\n:0\r\n:15\r\n:-5\r\n"
        );
        assert_eq!(server.effects.dirty, 2);
        assert_eq!(server.event_names(), ["new", "setbit"]);
        assert_eq!(server.run("BITFIELD_RO a GET i5 #1 GET u63 1000"), "*2\r\n:-5\r\n:0\r\n");
        assert_eq!(server.run("BITFIELD a GET i5 #1"), "*1\r\n:-5\r\n");
        assert_eq!(server.run("BITFIELD a"), "*0\r\n");
        assert_eq!(server.run("BITFIELD nothing GET u8 0"), "*1\r\n:0\r\n");
        assert_eq!(server.run("EXISTS nothing"), ":0\r\n");
    }

    #[test]
    fn the_mode_of_overflow_holds_for_what_follows() {
        let mut server = Server::new();
        let line =
            "BITFIELD a SET u2 0 3 INCRBY u2 0 1 OVERFLOW SAT INCRBY u2 0 9 OVERFLOW FAIL INCRBY u2 0 1";
        assert_eq!(server.run(line), "*4\r\n:0\r\n:0\r\n:3\r\n$-1\r\n");
        assert_eq!(server.run("BITFIELD a OVERFLOW FAIL SET u2 0 4"), "*1\r\n$-1\r\n");
        assert_eq!(server.effects.dirty, 0);
        // A string that only grew is journalled all the same.
        assert_eq!(server.run("BITFIELD b OVERFLOW FAIL INCRBY u8 0 256"), "*1\r\n$-1\r\n");
        assert_eq!((server.effects.dirty, server.run("STRLEN b").as_str()), (1, ":1\r\n"));
    }

    #[test]
    fn what_cannot_be_read_whole_is_not_begun() {
        let mut server = Server::new();
        assert_eq!(server.run("BITFIELD a SET u8 0 1 GET u8"), "-ERR syntax error\r\n");
        assert_eq!(server.run("BITFIELD a OVERFLOW up GET u8 0"), "-ERR Invalid OVERFLOW type specified\r\n");
        assert_eq!(
            server.run("BITFIELD_RO a GET u8 0 SET u8 0 1"),
            "-ERR BITFIELD_RO only supports the GET subcommand\r\n"
        );
        let offset = "-ERR bit offset is not an integer or out of range\r\n";
        assert_eq!(server.run("BITFIELD a SET u8 -1 1"), offset);
        assert_eq!(server.run("EXISTS a"), ":0\r\n");
    }
}
