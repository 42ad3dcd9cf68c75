//! The keyed hash: one function, [`hash_bytes`], behind which every table of the process hashes its keys.
//!
//! It is SipHash (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) with one round per word and three at
//! the end, as Rust's and Python's own tables have it: whoever does not know the key cannot choose keys that collide, so nobody
//! can turn a table into a list from outside. Measured on an EPYC of 2.6 GHz: 6.7 ns for 8 bytes, 8.2 ns for 16, 12 ns for
//! 37. An implementation of our own, specialised for slices, was faster by 1 to 10 %: not enough to own one.
//!
//! It offers no `Hasher`: side tables of the standard kind bring their own.

use siphasher::sip::SipHasher13;

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

/// Hashes `bytes` under `key` to 64 bits, all equally good.
#[inline]
pub fn hash_bytes(key: &HashKey, bytes: &[u8]) -> u64 {
    SipHasher13::new_with_keys(key.low, key.high).hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn every_byte_of_the_key_matters() {
        let mut hashes: Vec<u64> = (0..16)
            .map(|byte| {
                let mut key = [0; 16];
                key[byte] = 1;
                hash_bytes(&HashKey::from_bytes(key), b"same")
            })
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 16);
    }
}
