//! Parts of descriptions that several commands share: arguments and keys as `COMMAND DOCS` and `COMMAND INFO` show
//! them.
//!
//! Here stand only those that no field type expresses: counted keys, and options that a command reads word by word.

use spinel_family::spec::{ArgFlags, ArgKind, ArgSpec, Begin, Find, KeyFlags, KeySpec, Shape};

/// The flags of keys that are read.
pub(crate) const READ: KeyFlags = KeyFlags::RO.with(KeyFlags::ACCESS);
/// The flags of keys that a result is stored under.
pub(crate) const STORE: KeyFlags = KeyFlags::OW.with(KeyFlags::UPDATE);
/// The flags of keys that elements are popped from.
pub(crate) const POP: KeyFlags = KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE);

/// A required word.
pub(crate) const fn word(name: &'static str, kind: ArgKind) -> ArgSpec {
    Shape::word(kind).arg(name, "")
}

/// A token that may be left out.
pub(crate) const fn token(name: &'static str, token: &'static str) -> ArgSpec {
    Shape::word(ArgKind::PureToken).or_absent().arg(name, token)
}

/// A token of a choice.
pub(crate) const fn choice(name: &'static str, token: &'static str) -> ArgSpec {
    Shape::word(ArgKind::PureToken).arg(name, token)
}

/// One of several arguments.
pub(crate) const fn one_of(name: &'static str, choices: &'static [ArgSpec]) -> ArgSpec {
    Shape { children: choices, ..Shape::word(ArgKind::OneOf) }.arg(name, "")
}

/// The same argument, which may be left out.
pub(crate) const fn maybe(arg: ArgSpec) -> ArgSpec {
    ArgSpec { flags: ArgFlags { optional: true, ..arg.flags }, ..arg }
}

/// When elements that a command adds expire: in some time, or at a point of time.
pub(crate) const EXPIRATION: ArgSpec = maybe(one_of("expiration", &[EX, PX, EXAT, PXAT]));
/// As [`EXPIRATION`]; or what stands there already keeps its expiry.
pub(crate) const EXPIRATION_OR_KEEP: ArgSpec =
    maybe(one_of("expiration", &[EX, PX, EXAT, PXAT, choice("keepttl", "KEEPTTL")]));
/// As [`EXPIRATION`]; or they expire no more.
pub(crate) const EXPIRATION_OR_PERSIST: ArgSpec =
    maybe(one_of("expiration", &[EX, PX, EXAT, PXAT, choice("persist", "PERSIST")]));
const EX: ArgSpec = Shape::word(ArgKind::Integer).arg("seconds", "EX");
const PX: ArgSpec = Shape::word(ArgKind::Integer).arg("milliseconds", "PX");
const EXAT: ArgSpec = Shape::word(ArgKind::UnixTime).arg("unix-time-seconds", "EXAT");
const PXAT: ArgSpec = Shape::word(ArgKind::UnixTime).arg("unix-time-milliseconds", "PXAT");

/// An option with a value.
pub(crate) const fn option(name: &'static str, token: &'static str, kind: ArgKind) -> ArgSpec {
    Shape::word(kind).or_absent().arg(name, token)
}

/// The same argument, introduced by a later version than the command.
pub(crate) const fn since(version: &'static str, arg: ArgSpec) -> ArgSpec {
    ArgSpec { since: version, ..arg }
}

/// A key of the given key specification.
pub(crate) const fn key(name: &'static str, spec: usize) -> ArgSpec {
    ArgSpec { key_spec: Some(spec), ..word(name, ArgKind::Key) }
}

/// The keys of the given key specification.
pub(crate) const fn keys(spec: usize) -> ArgSpec {
    ArgSpec { key_spec: Some(spec), ..Shape::word(ArgKind::Key).repeated().arg("key", "") }
}

/// How many keys follow.
pub(crate) const NUMKEYS: ArgSpec = word("numkeys", ArgKind::Integer);
/// `WITHSCORES`
pub(crate) const WITHSCORES: ArgSpec = token("withscores", "WITHSCORES");
/// `LIMIT offset count`
pub(crate) const LIMIT: ArgSpec =
    Shape { children: LIMIT_PARTS, ..Shape::word(ArgKind::Block) }.or_absent().arg("offset_count", "LIMIT");
const LIMIT_PARTS: &[ArgSpec] = &[word("offset", ArgKind::Integer), word("count", ArgKind::Integer)];
/// `MIN | MAX`
pub(crate) const WHERE: ArgSpec =
    Shape { children: &[choice("min", "MIN"), choice("max", "MAX")], ..Shape::word(ArgKind::OneOf) }
        .arg("where", "");
/// `COUNT count`
pub(crate) const COUNT: ArgSpec = option("count", "COUNT", ArgKind::Integer);

/// One key at a place.
pub(crate) const fn key_at(at: i32, flags: KeyFlags) -> KeySpec {
    KeySpec { flags, begin: Begin::Index(at), find: Find::Range { last: 0, step: 1, limit: 0 }, notes: "" }
}

/// Keys that the words do not tell.
pub(crate) const fn unknown_keys(flags: KeyFlags, notes: &'static str) -> KeySpec {
    KeySpec { flags, begin: Begin::Unknown, find: Find::Unknown, notes }
}

/// A number of keys at a place, and the keys.
pub(crate) const fn counted_at(at: i32, flags: KeyFlags) -> KeySpec {
    KeySpec { flags, begin: Begin::Index(at), find: Find::KeyNum { at: 0, first: 1, step: 1 }, notes: "" }
}
