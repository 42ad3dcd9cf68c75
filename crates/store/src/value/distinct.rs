//! Taking over collections from outside: what may be wrong with them, and whether elements differ.

use std::collections::HashSet;
use std::fmt;

use smallvec::SmallVec;
use spinel_structs::hash::{HashKey, hash_bytes};
use spinel_structs::listpack::ListpackValue;
use spinel_structs::number::IntBuffer;

/// Up to so many elements are compared without an allocation.
const INLINE_HASHES: usize = 64;

/// Why elements from outside are not a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// A member or a field comes twice.
    Repeated,
    /// A field without a value, or a member without a score.
    Odd,
    /// A score is not a number.
    NotANumber,
    /// Members and scores are not in order.
    Unordered,
    /// The time at which a field expires is none.
    NotATime,
    /// Fields are not in the order of their times.
    UnorderedTimes,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repeated => "a member or field comes twice",
            Self::Odd => "the last member or field has no partner",
            Self::NotANumber => "a score is not a number",
            Self::NotATime => "the time at which a field expires is none",
            Self::UnorderedTimes => "fields are not in the order of their times",
            Self::Unordered => "members are not in the order of their scores, or a score is not a number",
        })
    }
}

impl std::error::Error for LoadError {}

/// Whether all texts differ: O(n log n) with eight bytes each. Their hashes are sorted; only if two are equal, which is
/// next to always because two texts are, the texts are compared themselves.
pub(super) fn all_differ<'a>(
    texts: impl Iterator<Item = ListpackValue<'a>> + Clone,
    hash_key: &HashKey,
) -> bool {
    let mut number = IntBuffer::new();
    let mut hashes: SmallVec<[u64; INLINE_HASHES]> =
        texts.clone().map(|text| hash_bytes(hash_key, text.to_bytes(&mut number))).collect();
    hashes.sort_unstable();
    if hashes.windows(2).all(|pair| pair[0] != pair[1]) {
        return true;
    }
    let mut seen = HashSet::new();
    let mut texts = texts;
    texts.all(|text| seen.insert(text.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_and_its_text_are_the_same() {
        let key = HashKey::from_bytes([3; 16]);
        let different = [ListpackValue::Int(5), ListpackValue::Bytes(b"05"), ListpackValue::Bytes(b"")];
        assert!(all_differ(different.into_iter(), &key));
        let repeated = [ListpackValue::Int(5), ListpackValue::Bytes(b"x"), ListpackValue::Bytes(b"5")];
        assert!(!all_differ(repeated.into_iter(), &key));
    }

    #[test]
    fn one_repetition_among_many_is_found() {
        let key = HashKey::from_bytes([3; 16]);
        let many = || (0..10_000).map(ListpackValue::Int);
        assert!(all_differ(many(), &key));
        assert!(!all_differ(many().chain([ListpackValue::Bytes(b"9999")]), &key));
    }
}
