//! Versions of the format: what a file's first nine bytes say, and for whom files are written.
//!
//! | number | written by | what it brought |
//! |---|---|---|
//! | 1 to 8 | Redis up to 4.0 | from 5 on a checksum, from 7 on quicklists, from 8 on binary scores |
//! | 9 | Redis 5.0 to 6.2 | time and frequency of use, streams |
//! | 10 | Redis 7.0 | listpacks in place of ziplists, functions |
//! | 11 | Redis 7.2, Valkey 7.2 to 8.1 | sets as listpacks |
//! | 12 | Redis 7.4 to 8.4 | expiries of hash fields, sizes of slots |
//! | 13 to 15 | Redis 8.6 to 8.10 | metadata of keys, and types that are refused by name |
//! | 80 | Valkey 9 | expiries of hash fields in its own form; its magic is `VALKEY` |
//!
//! A server refuses numbers greater than its own, in files and in payloads alike, so a file for an older server needs
//! that server's number, not only its types.

use crate::opcode::StreamForm;

/// Whose numbers of types and opcodes these are: above those of version 11 the two differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `REDIS0011`.
    Redis,
    /// `VALKEY080`.
    Valkey,
}

/// Bytes of the magic and the number.
pub const SIGNATURE_BYTES: usize = 9;

/// The greatest number of Redis's that is read.
const NEWEST_REDIS: u16 = 15;
/// The number of Valkey's that is read.
const VALKEY: u16 = 80;
/// From this version on, a file ends in a checksum.
const FIRST_WITH_CHECKSUM: u16 = 5;

/// Who wrote a file, as its first nine bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The family.
    pub family: Family,
    /// The version's number.
    pub version: u16,
}

/// Why a file or payload is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// It is none of ours.
    Signature,
    /// Its version is not known.
    Version(u16),
}

impl Origin {
    /// Reads the first nine bytes of a file.
    ///
    /// # Errors
    /// When they are none, or of a version that is not known.
    pub fn parse(signature: &[u8; SIGNATURE_BYTES]) -> Result<Self, SignatureError> {
        let (family, digits) = if let Some(digits) = signature.strip_prefix(b"REDIS") {
            (Family::Redis, digits)
        } else if let Some(digits) = signature.strip_prefix(b"VALKEY") {
            (Family::Valkey, digits)
        } else {
            return Err(SignatureError::Signature);
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(SignatureError::Signature);
        }
        let version = digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
        match (family, version) {
            (Family::Redis, 1..=NEWEST_REDIS) | (Family::Valkey, VALKEY) => Ok(Self { family, version }),
            _ => Err(SignatureError::Version(version)),
        }
    }

    /// Whose a payload is, which has the number only.
    #[must_use]
    pub fn of_payload(version: u16) -> Option<Self> {
        match version {
            VALKEY => Some(Self { family: Family::Valkey, version }),
            0..=NEWEST_REDIS => Some(Self { family: Family::Redis, version }),
            _ => None,
        }
    }

    /// Whether a file ends in a checksum.
    #[must_use]
    pub fn has_checksum(self) -> bool {
        self.version >= FIRST_WITH_CHECKSUM
    }
}

/// The version that is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// For Redis 5.0 to 6.2: ziplists in place of listpacks.
    V9,
    /// For Redis 7.0.
    V10,
    /// For Redis from 7.2 and Valkey.
    #[default]
    V11,
    /// For Redis from 7.4.
    V12,
    /// For Valkey from 9.0.
    Valkey80,
}

impl Target {
    /// The target with this number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        [Self::V9, Self::V10, Self::V11, Self::V12, Self::Valkey80].into_iter().find(|t| t.number() == number)
    }

    /// The version's number, as files and payloads have it.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::V9 => 9,
            Self::V10 => 10,
            Self::V11 => 11,
            Self::V12 => 12,
            Self::Valkey80 => VALKEY,
        }
    }

    /// The first nine bytes of a file.
    #[must_use]
    pub const fn signature(self) -> &'static [u8; SIGNATURE_BYTES] {
        match self {
            Self::V9 => b"REDIS0009",
            Self::V10 => b"REDIS0010",
            Self::V11 => b"REDIS0011",
            Self::V12 => b"REDIS0012",
            Self::Valkey80 => b"VALKEY080",
        }
    }

    /// Whether a file may hold libraries of functions, which Redis has from 7.0 on.
    #[must_use]
    pub const fn has_functions(self) -> bool {
        !matches!(self, Self::V9)
    }

    /// Whether fields of hashes may expire; for older servers they are written as if they did not.
    #[must_use]
    pub const fn has_field_expiries(self) -> bool {
        matches!(self, Self::V12 | Self::Valkey80)
    }

    /// How streams are written.
    pub(crate) const fn stream_form(self) -> StreamForm {
        match self {
            Self::V9 => StreamForm::Plain,
            Self::V10 => StreamForm::Counted,
            Self::V11 | Self::V12 | Self::Valkey80 => StreamForm::Active,
        }
    }

    /// Whether small values are written as listpacks.
    pub(crate) const fn has_listpacks(self) -> bool {
        !matches!(self, Self::V9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for target in [Target::V9, Target::V10, Target::V11, Target::V12, Target::Valkey80] {
            let origin = Origin::parse(target.signature()).unwrap();
            assert_eq!(origin.version, target.number());
            assert_eq!(Origin::of_payload(target.number()), Some(origin));
            assert_eq!(Target::from_number(target.number()), Some(target));
        }
        assert_eq!(Target::from_number(8), None);
    }

    #[test]
    fn foreign_signatures_and_unknown_versions_are_told_apart() {
        let error = |signature: &[u8; 9]| Origin::parse(signature).err();
        assert_eq!(error(b"REDIS0001"), None);
        assert_eq!(error(b"REDIS0015"), None);
        for (signature, version) in [
            (b"REDIS0000", 0),
            (b"REDIS0016", 16),
            (b"REDIS0080", 80),
            (b"VALKEY011", 11),
            (b"VALKEY081", 81),
        ] {
            assert_eq!(error(signature), Some(SignatureError::Version(version)));
        }
        for signature in [b"RADIS0011", b"REDIS 011", b"VALKEYS80", b"\0\0\0\0\0\0\0\0\0"] {
            assert_eq!(error(signature), Some(SignatureError::Signature));
        }
    }
}
