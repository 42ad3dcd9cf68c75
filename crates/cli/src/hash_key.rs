//! A key for the hash tables of a tool, which reads files from anywhere.

use std::hash::{BuildHasher, Hasher, RandomState};

use spinel_structs::hash::HashKey;

/// A key that whoever made the file does not know.
pub(crate) fn random_key() -> HashKey {
    HashKey::from_bytes(random_bytes())
}

/// Bytes that whoever made the file does not know.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    for chunk in bytes.chunks_mut(8) {
        let draw = RandomState::new().build_hasher().finish().to_le_bytes();
        chunk.copy_from_slice(&draw[..chunk.len()]);
    }
    bytes
}
