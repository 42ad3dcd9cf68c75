//! The keyed hash: one function, [`hash_bytes`], behind which every table of the process hashes its keys.
//!
//! It is SipHash (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) with one round per word
//! and three at the end, as Rust's and Python's own tables have it: whoever does not know the key cannot
//! choose keys that collide, so nobody can turn a table into a list from outside.
//!
//! The implementation is specialised for a slice that is there as a whole: eight bytes at a time by unaligned
//! loads, no buffer. Measured on an EPYC of 2.6 GHz: 6.6 ns for 8 bytes, 8.0 for 16, 11.4 for 37. Alone that
//! is only 1 to 10 % less than the `siphasher` crate takes, which is the oracle of its tests. But look-ups
//! one after the other in a table of 5 million items take 132 ns with it and 222 with the crate, in batches
//! of 16 prefetched ones 45 and 50; presumably the processor sees further ahead over the shorter code.
//!
//! It offers no `Hasher`: side tables of the standard kind bring their own.

/// The 128-bit key of the hash. One per process, drawn at random by whoever starts it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey {
    low: u64,
    high: u64,
}

impl HashKey {
    /// Makes a key of 16 bytes, which should be random.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_le_bytes(bytes);
        Self { low: both as u64, high: (both >> 64) as u64 }
    }
}

impl std::fmt::Debug for HashKey {
    /// Hides the key: with it, colliding keys can be made.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// Hashes `bytes` under `key` to 64 bits, all equally good: SipHash-1-3.
#[inline]
pub fn hash_bytes(key: &HashKey, bytes: &[u8]) -> u64 {
    let mut state = State::new(key);
    for word in bytes.as_chunks::<8>().0 {
        state.absorb(u64::from_le_bytes(*word));
    }
    state.absorb(last_word(bytes));
    state.finish()
}

/// The last word: the up to seven bytes that are left, and the length (mod 256) on top.
#[inline]
fn last_word(bytes: &[u8]) -> u64 {
    let length = (bytes.len() as u64) << 56;
    let rest = bytes.len() % 8;
    match bytes.last_chunk::<8>() {
        // In two steps, for there is no shift by all 64 bits.
        Some(last) => length | (u64::from_le_bytes(*last) >> (56 - 8 * rest)) >> 8,
        None => length | short_word(bytes),
    }
}

/// Up to seven bytes as a word.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    let mut word = 0;
    let mut bytes = bytes;
    let mut shift = 0;
    if let Some((four, more)) = bytes.split_first_chunk::<4>() {
        word |= u64::from(u32::from_le_bytes(*four));
        bytes = more;
        shift = 32;
    }
    if let Some((two, more)) = bytes.split_first_chunk::<2>() {
        word |= u64::from(u16::from_le_bytes(*two)) << shift;
        bytes = more;
        shift += 16;
    }
    if let Some(&one) = bytes.first() {
        word |= u64::from(one) << shift;
    }
    word
}

/// The four words of SipHash, with the names of the paper.
struct State {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl State {
    /// The constants are the paper's: "somepseudorandomlygeneratedbytes".
    #[inline]
    fn new(key: &HashKey) -> Self {
        Self {
            v0: key.low ^ 0x736f_6d65_7073_6575,
            v1: key.high ^ 0x646f_7261_6e64_6f6d,
            v2: key.low ^ 0x6c79_6765_6e65_7261,
            v3: key.high ^ 0x7465_6462_7974_6573,
        }
    }

    #[inline]
    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }

    #[inline]
    fn absorb(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.v0 ^= word;
    }

    #[inline]
    fn finish(mut self) -> u64 {
        self.v2 ^= 0xff;
        self.round();
        self.round();
        self.round();
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use siphasher::sip::SipHasher13;

    #[test]
    fn hashes_are_those_that_python_gives_under_the_key_of_zeros() {
        // python3 3.11 with PYTHONHASHSEED=0, sys.hash_info.algorithm siphash13: hash(bytes) mod 2^64.
        let hundred: [u8; 100] = std::array::from_fn(|i| i as u8);
        let cases: [(&[u8], u64); 5] = [
            (b"a", 0x4074_48d2_b89b_1813),
            (b"abcdefg", 0x6db1_2aae_9070_f506),
            (b"abcdefgh", 0x3f7b_849c_0b8e_35ea),
            (b"key:000000000000", 0x018e_f281_2fc8_b84e),
            (&hundred, 0x1c6a_66e1_506e_7908),
        ];
        for (bytes, hash) in cases {
            assert_eq!(hash_bytes(&HashKey::from_bytes([0; 16]), bytes), hash, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn every_length_hashes_as_the_reference_implementation_does() {
        let key_bytes: [u8; 16] = std::array::from_fn(|i| i as u8);
        let bytes: Vec<u8> = (0..600).map(|i| (i * 7 + 3) as u8).collect();
        let reference = SipHasher13::new_with_key(&key_bytes);
        let key = HashKey::from_bytes(key_bytes);
        for length in 0..bytes.len() {
            assert_eq!(
                hash_bytes(&key, &bytes[..length]),
                reference.hash(&bytes[..length]),
                "length {length}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_key_and_bytes_hash_as_the_reference_implementation_does(key: [u8; 16], bytes: Vec<u8>) {
            let reference = SipHasher13::new_with_key(&key);
            prop_assert_eq!(hash_bytes(&HashKey::from_bytes(key), &bytes), reference.hash(&bytes));
        }
    }
}
