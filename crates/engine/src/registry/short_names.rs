//! Command names of up to eight bytes, which are nearly all that matter: a name is one word of the machine, made lower
//! case in a few instructions, and found with one multiplication and, mostly, one look.
//!
//! A table of 1,024 places for some 150 names, filled once and never changed; names that collide take the next place.

use hashbrown::HashMap;

use super::CommandId;

/// log2 of the places.
const BITS: u32 = 10;
const MASK: usize = (1 << BITS) - 1;
/// The longest name that is one word.
const MAX_NAME: usize = 8;

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// The name, zeros after it.
    name: u64,
    /// Its length; 0: the place is empty.
    len: u8,
    id: CommandId,
}

/// A word of up to eight bytes, as it was sent: quickly compared with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShortName {
    word: u64,
    len: usize,
}

impl ShortName {
    /// The name, if it is short.
    #[inline]
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        (name.len() <= MAX_NAME).then(|| Self { word: word_of(name), len: name.len() })
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct ShortNames(Box<[Place; 1 << BITS]>);

impl Default for ShortNames {
    fn default() -> Self {
        Self(Box::new([Place::default(); 1 << BITS]))
    }
}

impl ShortNames {
    /// The short ones of these names, which are in lower case.
    pub(super) fn of(names: &HashMap<&'static [u8], CommandId>) -> Self {
        let mut all = Self::default();
        for (name, id) in names.iter().filter(|(name, _)| (1..=MAX_NAME).contains(&name.len())) {
            let word = word_of(name);
            let mut at = place_of(word);
            while all.0[at].len != 0 {
                at = (at + 1) & MASK;
            }
            all.0[at] = Place { name: word, len: name.len() as u8, id: *id };
        }
        all
    }

    /// A command by its name in any case, if it has a short name.
    #[inline]
    pub(super) fn find(&self, name: &[u8]) -> Option<CommandId> {
        if name.len() > MAX_NAME {
            return None;
        }
        let word = to_lower(word_of(name));
        let mut at = place_of(word);
        loop {
            let place = &self.0[at];
            if place.name == word && usize::from(place.len) == name.len() {
                return Some(place.id).filter(|_| place.len != 0);
            }
            if place.len == 0 {
                return None;
            }
            at = (at + 1) & MASK;
        }
    }
}

#[inline]
fn place_of(word: u64) -> usize {
    (word.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - BITS)) as usize
}

/// Up to eight bytes, the first lowest, zeros above.
#[inline]
fn word_of(name: &[u8]) -> u64 {
    match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        // The halves overlap where there are fewer than eight bytes, and agree there.
        (Some(first), Some(last)) => {
            let (low, high) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            u64::from(low) | u64::from(high) << ((name.len() - 4) * 8)
        }
        _ => match *name {
            [] => 0,
            [a] => u64::from_le_bytes([a, 0, 0, 0, 0, 0, 0, 0]),
            [a, b] => u64::from_le_bytes([a, b, 0, 0, 0, 0, 0, 0]),
            [a, b, c, ..] => u64::from_le_bytes([a, b, c, 0, 0, 0, 0, 0]),
        },
    }
}

/// Makes the letters among eight bytes lower case.
#[inline]
fn to_lower(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let low_bits = word & !HIGH;
    // The high bit of a byte is set where its low seven bits are at least `A`, and where they are beyond `Z`.
    let from_a = low_bits + (0x80 - u64::from(b'A')) * ONES;
    let beyond_z = low_bits + (0x7f - u64::from(b'Z')) * ONES;
    let upper = from_a & !beyond_z & !word & HIGH;
    word | (upper >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_letters_change_their_case() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let mut bytes = *b"aZ@[`{\x80\xff";
                bytes[at] = byte;
                let lower = to_lower(u64::from_le_bytes(bytes)).to_le_bytes();
                assert_eq!(lower.to_vec(), bytes.to_ascii_lowercase());
            }
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_nothing_else_is() {
        let names = HashMap::from([(&b"get"[..], CommandId(3)), (b"zinterst", CommandId(4))]);
        let short = ShortNames::of(&names);
        assert_eq!(short.find(b"GeT"), Some(CommandId(3)));
        assert_eq!(short.find(b"ZINTERST"), Some(CommandId(4)));
        for len in 0..=MAX_NAME {
            let name = &b"abcdefgh"[..len];
            assert_eq!(word_of(name), name.iter().rev().fold(0, |word, &byte| (word << 8) | u64::from(byte)));
        }
        for name in [&b""[..], b"ge", b"get\0", b"zinterstore", b"\x07et"] {
            assert_eq!(short.find(name), None, "{}", name.escape_ascii());
        }
    }
}
