//! A key for the hash tables of a tool, which reads files from anywhere.

use std::hash::{BuildHasher, Hasher, RandomState};

use spinel_structs::hash::HashKey;

/// A key that whoever made the file does not know.
pub(crate) fn random_key() -> HashKey {
    let half = || RandomState::new().build_hasher().finish().to_le_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half());
    bytes[8..].copy_from_slice(&half());
    HashKey::from_bytes(bytes)
}
