//! The first byte of everything in a file: an opcode, or the type of a value.

use crate::decode::Fault;
use crate::version::Family;

/// State of a slot import in a Valkey file; metadata of the next key in one of Redis.
pub(crate) const SLOT_IMPORT_OR_KEY_META: u8 = 243;
/// Sizes of a cluster slot.
pub(crate) const SLOT_INFO: u8 = 244;
/// A library of functions.
pub(crate) const FUNCTION: u8 = 245;
/// The same, as release candidates of Redis 7.0 wrote it.
pub(crate) const FUNCTION_CANDIDATE: u8 = 246;
/// Data of a module that belongs to no key.
pub(crate) const MODULE_AUX: u8 = 247;
/// Seconds since the next key was used.
pub(crate) const IDLE: u8 = 248;
/// How frequently the next key is used.
pub(crate) const FREQUENCY: u8 = 249;
/// A name and a value about the file.
pub(crate) const AUX: u8 = 250;
/// Numbers of keys of the database.
pub(crate) const RESIZE_DB: u8 = 251;
/// When the next key expires, in milliseconds.
pub(crate) const EXPIRY_MS: u8 = 252;
/// When the next key expires, in seconds.
pub(crate) const EXPIRY_SECONDS: u8 = 253;
/// The database of the following keys.
pub(crate) const SELECT_DB: u8 = 254;
/// The end.
pub(crate) const EOF: u8 = 255;

/// A string that is an integer of one, two or four bytes, or compressed: its first byte.
pub(crate) const STRING_INT8: u8 = 0xC0;
pub(crate) const STRING_INT16: u8 = 0xC1;
pub(crate) const STRING_INT32: u8 = 0xC2;
pub(crate) const STRING_LZF: u8 = 0xC3;

/// The number of our arrays: far from those of others, and not theirs to read. Redis 8.8 has arrays at 28, in bytes that are
/// not documented.
const OWN_ARRAY: u8 = 200;

/// Nodes of a list of type [`ValueType::Quicklist2`].
pub(crate) const NODE_PLAIN: u64 = 1;
pub(crate) const NODE_PACKED: u64 = 2;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueType {
    String,
    List,
    Set,
    SortedSetText,
    Hash,
    SortedSet,
    HashZipmap,
    ListZiplist,
    SetIntset,
    SortedSetZiplist,
    HashZiplist,
    Quicklist,
    Stream1,
    HashListpack,
    SortedSetListpack,
    Quicklist2,
    Stream2,
    SetListpack,
    Stream3,
    /// Fields with times, as release candidates of Redis 7.4 wrote them.
    TimedHashCandidate,
    /// A listpack of fields with times, as they wrote it.
    TimedHashListpackCandidate,
    /// Fields with times, of Redis.
    TimedHash,
    /// A listpack of fields with times, of Redis.
    TimedHashListpack,
    /// Fields with times, of Valkey.
    ExpiringHash,
    Stream4,
    Stream5,
    /// Ours alone, see [`OWN_ARRAY`].
    Array,
}

/// What a file says of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamForm {
    /// Entries and groups, as of Redis 5.0.
    Plain,
    /// Also how many entries were added and read, as of 7.0.
    Counted,
    /// Also when consumers were last given something, as of 7.2.
    Active,
    /// Also what producers said, as of 8.6.
    Idempotent,
    /// Also what was released, as of 8.8.
    Released,
}

impl StreamForm {
    pub(crate) fn has_counters(self) -> bool {
        !matches!(self, Self::Plain)
    }

    pub(crate) fn has_activity(self) -> bool {
        matches!(self, Self::Active | Self::Idempotent | Self::Released)
    }

    pub(crate) fn has_idempotence(self) -> bool {
        matches!(self, Self::Idempotent | Self::Released)
    }

    pub(crate) fn has_released(self) -> bool {
        matches!(self, Self::Released)
    }
}

/// What a value's bytes are, for going past them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One string.
    Blob,
    /// A count and as many strings, or pairs of them.
    Strings { each: u64 },
    /// A count and as many strings, each with a score as text.
    TextScores,
    /// A count and as many strings, each with a score of eight bytes.
    Scores,
    /// A count and as many strings, each behind the kind of its node.
    Nodes,
    /// Eight bytes and a string.
    TimeAndBlob,
    /// A count, and as many times the length of a time, a name and a value; eight bytes before all if the times count from
    /// there.
    TimedFields { has_earliest: bool },
    /// A count, and as many times a name, a value and a time of eight bytes.
    ExpiringFields,
    /// A cursor, a count, and as many times a length and a string.
    Places,
    /// Blocks and groups.
    Stream(StreamForm),
}

impl ValueType {
    /// The type of this number; the ones that are not kept here are refused by name.
    pub(crate) fn parse(number: u8, family: Family) -> Result<Self, Fault> {
        Ok(match number {
            0 => Self::String,
            1 => Self::List,
            2 => Self::Set,
            3 => Self::SortedSetText,
            4 => Self::Hash,
            5 => Self::SortedSet,
            9 => Self::HashZipmap,
            10 => Self::ListZiplist,
            11 => Self::SetIntset,
            12 => Self::SortedSetZiplist,
            13 => Self::HashZiplist,
            14 => Self::Quicklist,
            15 => Self::Stream1,
            16 => Self::HashListpack,
            17 => Self::SortedSetListpack,
            18 => Self::Quicklist2,
            19 => Self::Stream2,
            20 => Self::SetListpack,
            21 => Self::Stream3,
            22 if family == Family::Valkey => Self::ExpiringHash,
            22 => Self::TimedHashCandidate,
            23 if family == Family::Redis => Self::TimedHashListpackCandidate,
            24 if family == Family::Redis => Self::TimedHash,
            25 if family == Family::Redis => Self::TimedHashListpack,
            26 if family == Family::Redis => Self::Stream4,
            27 if family == Family::Redis => Self::Stream5,
            OWN_ARRAY => Self::Array,
            other => return Err(refusal(other, family)),
        })
    }

    /// The number in files and payloads.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::String => 0,
            Self::List => 1,
            Self::Set => 2,
            Self::SortedSetText => 3,
            Self::Hash => 4,
            Self::SortedSet => 5,
            Self::HashZipmap => 9,
            Self::ListZiplist => 10,
            Self::SetIntset => 11,
            Self::SortedSetZiplist => 12,
            Self::HashZiplist => 13,
            Self::Quicklist => 14,
            Self::Stream1 => 15,
            Self::HashListpack => 16,
            Self::SortedSetListpack => 17,
            Self::Quicklist2 => 18,
            Self::Stream2 => 19,
            Self::SetListpack => 20,
            Self::Stream3 => 21,
            Self::TimedHashCandidate | Self::ExpiringHash => 22,
            Self::TimedHashListpackCandidate => 23,
            Self::TimedHash => 24,
            Self::TimedHashListpack => 25,
            Self::Stream4 => 26,
            Self::Stream5 => 27,
            Self::Array => OWN_ARRAY,
        }
    }

    pub(crate) fn shape(self) -> Shape {
        match self {
            Self::String
            | Self::HashZipmap
            | Self::ListZiplist
            | Self::SetIntset
            | Self::SortedSetZiplist
            | Self::HashZiplist
            | Self::HashListpack
            | Self::TimedHashListpackCandidate
            | Self::SortedSetListpack
            | Self::SetListpack => Shape::Blob,
            Self::TimedHashListpack => Shape::TimeAndBlob,
            Self::TimedHashCandidate => Shape::TimedFields { has_earliest: false },
            Self::TimedHash => Shape::TimedFields { has_earliest: true },
            Self::ExpiringHash => Shape::ExpiringFields,
            Self::List | Self::Set | Self::Quicklist => Shape::Strings { each: 1 },
            Self::Hash => Shape::Strings { each: 2 },
            Self::SortedSetText => Shape::TextScores,
            Self::SortedSet => Shape::Scores,
            Self::Quicklist2 => Shape::Nodes,
            Self::Array => Shape::Places,
            Self::Stream1 => Shape::Stream(StreamForm::Plain),
            Self::Stream2 => Shape::Stream(StreamForm::Counted),
            Self::Stream3 => Shape::Stream(StreamForm::Active),
            Self::Stream4 => Shape::Stream(StreamForm::Idempotent),
            Self::Stream5 => Shape::Stream(StreamForm::Released),
        }
    }
}

/// Why a type is not read.
fn refusal(number: u8, family: Family) -> Fault {
    let unsupported = |what| Fault::Unsupported { what, number };
    match (number, family) {
        (6 | 7, _) => unsupported("a value of a module"),
        (28, Family::Redis) => unsupported("an array"),
        (29..=32, Family::Redis) => unsupported("a hash by a template"),
        (33, Family::Redis) => unsupported("a rate limit"),
        _ => Fault::Type(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_is_read_has_its_own_number() {
        for family in [Family::Redis, Family::Valkey] {
            for number in 0..=255 {
                if let Ok(value_type) = ValueType::parse(number, family) {
                    assert_eq!(value_type.number(), number);
                }
            }
        }
    }

    #[test]
    fn the_same_number_may_be_known_in_one_family_only() {
        assert_eq!(ValueType::parse(25, Family::Redis), Ok(ValueType::TimedHashListpack));
        assert_eq!(ValueType::parse(25, Family::Valkey), Err(Fault::Type(25)));
        assert_eq!(ValueType::parse(22, Family::Redis), Ok(ValueType::TimedHashCandidate));
        assert_eq!(ValueType::parse(22, Family::Valkey), Ok(ValueType::ExpiringHash));
    }
}
