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

/// Nodes of a list of type [`ValueType::Quicklist2`].
pub(crate) const NODE_PLAIN: u64 = 1;
pub(crate) const NODE_PACKED: u64 = 2;

/// How a value is written. The numbers are those of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ValueType {
    String = 0,
    List = 1,
    Set = 2,
    SortedSetText = 3,
    Hash = 4,
    SortedSet = 5,
    HashZipmap = 9,
    ListZiplist = 10,
    SetIntset = 11,
    SortedSetZiplist = 12,
    HashZiplist = 13,
    Quicklist = 14,
    Stream1 = 15,
    HashListpack = 16,
    SortedSetListpack = 17,
    Quicklist2 = 18,
    Stream2 = 19,
    SetListpack = 20,
    Stream3 = 21,
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
}

impl StreamForm {
    pub(crate) fn has_counters(self) -> bool {
        !matches!(self, Self::Plain)
    }

    pub(crate) fn has_activity(self) -> bool {
        matches!(self, Self::Active)
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
            other => return Err(refusal(other, family)),
        })
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
            | Self::SortedSetListpack
            | Self::SetListpack => Shape::Blob,
            Self::List | Self::Set | Self::Quicklist => Shape::Strings { each: 1 },
            Self::Hash => Shape::Strings { each: 2 },
            Self::SortedSetText => Shape::TextScores,
            Self::SortedSet => Shape::Scores,
            Self::Quicklist2 => Shape::Nodes,
            Self::Stream1 => Shape::Stream(StreamForm::Plain),
            Self::Stream2 => Shape::Stream(StreamForm::Counted),
            Self::Stream3 => Shape::Stream(StreamForm::Active),
        }
    }
}

/// Why a type is not read.
fn refusal(number: u8, family: Family) -> Fault {
    let unsupported = |what| Fault::Unsupported { what, number };
    match (number, family) {
        (6 | 7, _) => unsupported("a value of a module"),
        (26 | 27, Family::Redis) => unsupported("a stream"),
        (22, Family::Valkey) | (22..=25, Family::Redis) => unsupported("a hash whose fields expire"),
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
        for number in 0..=255 {
            if let Ok(value_type) = ValueType::parse(number, Family::Redis) {
                assert_eq!(value_type as u8, number);
                assert!(number < 22, "types that differ between the families are refused");
            }
        }
    }

    #[test]
    fn the_same_number_may_be_known_in_one_family_only() {
        assert!(matches!(ValueType::parse(25, Family::Redis), Err(Fault::Unsupported { .. })));
        assert!(matches!(ValueType::parse(25, Family::Valkey), Err(Fault::Type(25))));
    }
}
