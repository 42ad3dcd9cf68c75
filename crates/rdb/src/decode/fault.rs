//! What can be wrong with bytes from outside.

use std::fmt;

use spinel_store::value::LoadError;
use spinel_structs::intset::IntSetError;
use spinel_structs::listpack::ListpackError;
use spinel_structs::stream::StreamError;

pub use crate::legacy::ziplist::ZiplistError;
pub use crate::legacy::zipmap::ZipmapError;

/// What was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes end within something.
    Truncated,
    /// No length begins with this byte.
    Length(u8),
    /// A compressed string is damaged, or its length is not the one stated.
    Compression,
    /// More elements are stated than the bytes that follow can hold.
    Count(u64),
    /// An array has no place so far behind another.
    Index(u64),
    /// No type or opcode has this number.
    Type(u8),
    /// A type that is known but not kept here.
    Unsupported {
        /// Its description, with an article.
        what: &'static str,
        /// Its number.
        number: u8,
    },
    /// A value or metadata of this module, which is not here.
    Module(String),
    /// A module's data holds something other than numbers and strings.
    ModuleData(u64),
    /// Attributes such as an expiry stand before something else than a key.
    StrayAttribute,
    /// A listpack is damaged.
    Listpack(ListpackError),
    /// An intset is damaged.
    IntSet(IntSetError),
    /// A ziplist is damaged.
    Ziplist(ZiplistError),
    /// A zipmap is damaged.
    Zipmap(ZipmapError),
    /// The elements do not make a value.
    Value(LoadError),
    /// A stream is damaged.
    Stream(StreamError),
    /// A score's text is not a number.
    Score,
    /// No node of a list is of this kind, or it has no bytes.
    Node(u64),
    /// A collection has no elements. Only payloads are refused for it.
    Empty,
    /// Bytes follow the value of a payload.
    Trailing(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the data ends too early"),
            Self::Length(byte) => write!(f, "no length begins with byte {byte:#04x}"),
            Self::Compression => f.write_str("a compressed string is damaged"),
            Self::Count(count) => write!(f, "{count} elements are stated, more than can follow"),
            Self::Index(distance) => write!(f, "no index lies {distance} behind the one before"),
            Self::Type(number) => write!(f, "unknown type or opcode {number}"),
            Self::Unsupported { what, number } => write!(f, "{what} (type {number}) is not supported"),
            Self::Module(name) => write!(f, "the data belongs to the module '{name}', which is not here"),
            Self::ModuleData(kind) => write!(f, "the data of a module has a part of unknown kind {kind}"),
            Self::StrayAttribute => f.write_str("an expiry or an age without a key"),
            // The suites of Redis look for these words in the log.
            Self::Listpack(error) => write!(f, "listpack integrity check failed: {error}"),
            Self::IntSet(error) => write!(f, "intset integrity check failed: {error}"),
            Self::Ziplist(error) => write!(f, "ziplist integrity check failed: {error}"),
            Self::Zipmap(error) => write!(f, "Zipmap integrity check failed: {error}"),
            Self::Value(error) => write!(f, "integrity check failed: {error}"),
            Self::Stream(error) => write!(f, "stream integrity check failed: {error}"),
            Self::Score => f.write_str("a score is not a number"),
            Self::Node(kind) => write!(f, "a node of a list is empty or of unknown kind {kind}"),
            Self::Empty => f.write_str("a collection without elements"),
            Self::Trailing(bytes) => write!(f, "{bytes} bytes follow the value"),
        }
    }
}

impl std::error::Error for Fault {}

macro_rules! fault_from {
    ($($error:ty => $variant:ident),*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}

fault_from!(ListpackError => Listpack, IntSetError => IntSet, ZiplistError => Ziplist, ZipmapError => Zipmap);
fault_from!(LoadError => Value, StreamError => Stream);

/// A fault, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What was wrong.
    pub fault: Fault,
    /// The byte at which it showed, counted from the beginning of the file or payload.
    pub offset: u64,
    /// The key, if it was read before.
    pub key: Option<Vec<u8>>,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.fault, self.offset)?;
        match &self.key {
            Some(key) => write!(f, ", key '{}'", key.escape_ascii()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for DecodeError {}
