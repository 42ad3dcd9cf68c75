//! Comparing what a key holds with what a client expects: the value itself, or its digest.

use spinel_family::CommandError;
use spinel_store::Text;
use spinel_structs::xxh3;

/// Hexadecimal digits of a digest.
const DIGEST_LEN: usize = 16;

/// What a string has to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Comparison<'a> {
    Equal(&'a [u8]),
    Unequal(&'a [u8]),
    DigestEqual(&'a [u8]),
    DigestUnequal(&'a [u8]),
}

impl Comparison<'_> {
    /// Whether it is so. Nothing at all is unequal to everything.
    pub(super) fn is_met(self, text: Option<Text<'_>>) -> Result<bool, CommandError> {
        let equals = |value: &[u8]| text.is_some_and(|text| text.with_bytes(|bytes| bytes == value));
        let matches = |expected: &[u8]| match text {
            _ if expected.len() != DIGEST_LEN => {
                Err(CommandError::text("ERR must be exactly 16 hexadecimal characters"))
            }
            None => Ok(false),
            Some(text) => Ok(digest(text).as_bytes().eq_ignore_ascii_case(expected)),
        };
        Ok(match self {
            Self::Equal(value) => equals(value),
            Self::Unequal(value) => !equals(value),
            Self::DigestEqual(expected) => matches(expected)?,
            Self::DigestUnequal(expected) => !matches(expected)?,
        })
    }
}

/// The digest of a string, as clients know it.
pub(super) fn digest(text: Text<'_>) -> String {
    format!("{:016x}", text.with_bytes(xxh3::hash))
}
