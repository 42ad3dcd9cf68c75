//! The zipmap: a small hash in files of Redis 2.4 and before.
//!
//! ```text
//!  count   name           value                     end
//! +------+--------+----+--------+------+----+---+ ··· +------+
//! | u8   | length | .. | length | free | .. | . |     | 0xFF |
//! +------+--------+----+--------+------+----+---+ ··· +------+
//! ```
//! A length takes one byte up to 253, else `0xFE` and four bytes, the least significant first. `free` counts the bytes
//! behind a value that were left when it became shorter. A count of 254 means "walk and count".

const BIG: u8 = 0xFE;
const END: u8 = 0xFF;

/// Why bytes are not a zipmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZipmapError {
    /// Too short to hold a count and a terminator.
    TooShort,
    /// The last byte is not the terminator.
    NoTerminator,
    /// The pair at this offset reaches past the end or has a length in a form that is too long.
    BadPair(usize),
    /// The count differs from the number of pairs.
    WrongCount,
    /// There is no pair.
    Empty,
}

impl std::fmt::Display for ZipmapError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("zipmap without pairs"),
            Self::TooShort => f.write_str("zipmap shorter than its count and terminator"),
            Self::NoTerminator => f.write_str("zipmap without its terminator"),
            Self::BadPair(offset) => write!(f, "zipmap pair at byte {offset} is malformed"),
            Self::WrongCount => f.write_str("zipmap count differs from its pairs"),
        }
    }
}

/// Shows names and values to `visit` in order, each pair after it was checked. What was shown before an error is worth
/// nothing.
pub(crate) fn read<'a>(
    bytes: &'a [u8],
    mut visit: impl FnMut(&'a [u8], &'a [u8]),
) -> Result<(), ZipmapError> {
    let [stated, pairs @ .., end] = bytes else { return Err(ZipmapError::TooShort) };
    if *end != END {
        return Err(ZipmapError::NoTerminator);
    }
    let mut rest = pairs;
    let mut count = 0usize;
    while !rest.is_empty() {
        let offset = 1 + pairs.len() - rest.len();
        let (name, value, after) = read_pair(rest).ok_or(ZipmapError::BadPair(offset))?;
        visit(name, value);
        rest = after;
        count += 1;
    }
    if *stated != BIG && usize::from(*stated) != count {
        return Err(ZipmapError::WrongCount);
    }
    Ok(())
}

fn read_pair(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name_length, rest) = read_length(bytes)?;
    let (name, rest) = rest.split_at_checked(name_length)?;
    let (value_length, rest) = read_length(rest)?;
    let (free, rest) = rest.split_first()?;
    let (value, rest) = rest.split_at_checked(value_length)?;
    Some((name, value, rest.get(usize::from(*free)..)?))
}

fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [small @ 0..BIG, rest @ ..] => Some((usize::from(*small), rest)),
        [BIG, a, b, c, d, rest @ ..] => {
            let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            (length >= usize::from(BIG)).then_some((length, rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXAMPLE: &[u8] = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world..\xff";

    type OwnedPairs = Vec<(Vec<u8>, Vec<u8>)>;

    fn pairs(bytes: &[u8]) -> Result<OwnedPairs, ZipmapError> {
        let mut pairs = Vec::new();
        read(bytes, |name, value| pairs.push((name.to_vec(), value.to_vec()))).map(|()| pairs)
    }

    #[test]
    fn pairs_are_read_past_free_bytes() {
        let expected = [("foo", "bar"), ("hello", "world")];
        let expected = expected.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        assert_eq!(pairs(EXAMPLE), Ok(expected.to_vec()));
        let long = [&b"\xFE\x01k\xFE\x2C\x01\x00\x00\x00"[..], &[b'x'; 300], b"\xFF"].concat();
        assert_eq!(pairs(&long).unwrap()[0].1.len(), 300);
    }

    #[test]
    fn damage_is_named() {
        assert_eq!(pairs(b"\xFF"), Err(ZipmapError::TooShort));
        assert_eq!(pairs(b"\x00\x00"), Err(ZipmapError::NoTerminator));
        assert_eq!(pairs(b"\x01\x09foo\x03\x00bar\xFF"), Err(ZipmapError::BadPair(1)));
        assert_eq!(pairs(b"\x01\xFE\x03\x00\x00\x00foo\x03\x00bar\xFF"), Err(ZipmapError::BadPair(1)));
        assert_eq!(pairs(b"\x02\x03foo\x03\x00bar\xFF"), Err(ZipmapError::WrongCount));
        assert_eq!(pairs(b"\x00\xFF"), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let framed = [&[BIG][..], &bytes, &[END]].concat();
            if let Ok(pairs) = pairs(&framed) {
                prop_assert!(pairs.len() * 3 <= bytes.len());
            }
            let _ = pairs(&bytes);
        }
    }
}
