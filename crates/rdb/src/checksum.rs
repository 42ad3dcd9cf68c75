//! The checksum at the end of files and payloads: CRC-64 with Jones's polynomial, not inverted.
//!
//! Computed by carry-less multiplication where the processor has it: several gigabytes a second.

use crc_fast::{CrcAlgorithm, Digest};

/// A checksum over bytes that come in pieces.
#[derive(Clone, Debug)]
pub struct Checksum(Digest);

impl Default for Checksum {
    fn default() -> Self {
        Self::new()
    }
}

impl Checksum {
    /// Of no bytes yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Digest::new(CrcAlgorithm::Crc64Redis))
    }

    /// Goes on with `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Of all bytes so far.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.finalize()
    }

    /// Of `bytes` alone.
    #[must_use]
    pub fn of(bytes: &[u8]) -> u64 {
        crc_fast::checksum(CrcAlgorithm::Crc64Redis, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_checksum_that_redis_writes() {
        // The check value of CRC-64/REDIS.
        assert_eq!(Checksum::of(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(Checksum::of(b""), 0);
    }

    #[test]
    fn pieces_give_the_checksum_of_the_whole() {
        let bytes: Vec<u8> = (0..5000u32).map(|i| ((i * i) >> 3) as u8).collect();
        for size in [1, 7, 64, 4999] {
            let mut checksum = Checksum::new();
            bytes.chunks(size).for_each(|piece| checksum.update(piece));
            assert_eq!(checksum.value(), Checksum::of(&bytes));
        }
    }
}
