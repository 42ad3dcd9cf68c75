//! XXH3, the 64 bits of it without a seed: what `DIGEST` calls the digest of a string.
//!
//! Yann Collet's hash, by its public specification. Short inputs are mixed whole, by four ways for their lengths; from 241
//! bytes on eight sums run over stripes of 64 bytes and are scrambled after every kilobyte. It is quick and no protection
//! against those who look for collisions: two strings of the same digest are most likely equal, no more.
//!
//! What is deliberately absent: seeds, secrets of one's own, 128 bits, and hashing piece by piece.

const PRIME32_1: u64 = 0x9E37_79B1;
const PRIME32_2: u64 = 0x85EB_CA77;
const PRIME32_3: u64 = 0xC2B2_AE3D;
const PRIME64_1: u64 = 0x9E37_79B1_85EB_CA87;
const PRIME64_2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const PRIME64_3: u64 = 0x1656_67B1_9E37_79F9;
const PRIME64_4: u64 = 0x85EB_CA77_C2B2_AE63;
const PRIME64_5: u64 = 0x27D4_EB2F_1656_67C5;
const PRIME_MX1: u64 = 0x1656_6791_9E37_79F9;
const PRIME_MX2: u64 = 0x9FB2_1C65_1E98_DF25;

const SECRET_LEN: usize = 192;
const STRIPE_LEN: usize = 64;
const STRIPES_PER_BLOCK: usize = (SECRET_LEN - STRIPE_LEN) / 8;
const BLOCK_LEN: usize = STRIPE_LEN * STRIPES_PER_BLOCK;

#[rustfmt::skip]
const SECRET: [u8; SECRET_LEN] = [
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
];

/// The hash of some bytes.
#[must_use]
pub fn hash(input: &[u8]) -> u64 {
    match input.len() {
        0 => scattered(secret(56) ^ secret(64)),
        1..=3 => hash_to_3(input),
        4..=8 => hash_to_8(input),
        9..=16 => hash_to_16(input),
        17..=128 => hash_to_128(input),
        129..=240 => hash_to_240(input),
        _ => hash_long(input),
    }
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    let word = bytes[at..].first_chunk().expect("the caller knows the length");
    u64::from_le_bytes(*word)
}

fn read_u32(bytes: &[u8], at: usize) -> u64 {
    let word = bytes[at..].first_chunk().expect("the caller knows the length");
    u64::from(u32::from_le_bytes(*word))
}

fn secret(at: usize) -> u64 {
    read_u64(&SECRET, at)
}

/// Both halves of the product together.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

fn scattered(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 33).wrapping_mul(PRIME64_2);
    let hash = (hash ^ hash >> 29).wrapping_mul(PRIME64_3);
    hash ^ hash >> 32
}

fn avalanche(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 37).wrapping_mul(PRIME_MX1);
    hash ^ hash >> 32
}

fn hash_to_3(input: &[u8]) -> u64 {
    let len = input.len();
    let (first, middle, last) = (u64::from(input[0]), u64::from(input[len >> 1]), u64::from(input[len - 1]));
    let combined = first << 16 | middle << 24 | last | (len as u64) << 8;
    scattered(combined ^ read_u32(&SECRET, 0) ^ read_u32(&SECRET, 4))
}

fn hash_to_8(input: &[u8]) -> u64 {
    let len = input.len();
    let both = read_u32(input, len - 4).wrapping_add(read_u32(input, 0) << 32);
    let mut hash = both ^ secret(8) ^ secret(16);
    hash ^= hash.rotate_left(49) ^ hash.rotate_left(24);
    hash = hash.wrapping_mul(PRIME_MX2);
    hash ^= (hash >> 35).wrapping_add(len as u64);
    hash = hash.wrapping_mul(PRIME_MX2);
    hash ^ hash >> 28
}

fn hash_to_16(input: &[u8]) -> u64 {
    let len = input.len();
    let low = read_u64(input, 0) ^ secret(24) ^ secret(32);
    let high = read_u64(input, len - 8) ^ secret(40) ^ secret(48);
    let sum = (len as u64).wrapping_add(low.swap_bytes()).wrapping_add(high);
    avalanche(sum.wrapping_add(fold(low, high)))
}

/// Sixteen bytes of the input with sixteen of the secret.
fn mixed(input: &[u8], at: usize, of_secret: usize) -> u64 {
    fold(read_u64(input, at) ^ secret(of_secret), read_u64(input, at + 8) ^ secret(of_secret + 8))
}

fn hash_to_128(input: &[u8]) -> u64 {
    let len = input.len();
    let mut sum = (len as u64).wrapping_mul(PRIME64_1);
    for pair in 0..len.div_ceil(32) {
        let from_end = len - 16 * (pair + 1);
        sum = sum.wrapping_add(mixed(input, 16 * pair, 32 * pair));
        sum = sum.wrapping_add(mixed(input, from_end, 32 * pair + 16));
    }
    avalanche(sum)
}

fn hash_to_240(input: &[u8]) -> u64 {
    let len = input.len();
    let start = (len as u64).wrapping_mul(PRIME64_1);
    let head = (0..8).fold(start, |sum, i| sum.wrapping_add(mixed(input, 16 * i, 16 * i)));
    let body = (8..len / 16)
        .fold(avalanche(head), |sum, i| sum.wrapping_add(mixed(input, 16 * i, 16 * (i - 8) + 3)));
    avalanche(body.wrapping_add(mixed(input, len - 16, 136 - 17)))
}

fn accumulate(sums: &mut [u64; 8], stripe: &[u8], of_secret: usize) {
    for i in 0..8 {
        let word = read_u64(stripe, 8 * i);
        let keyed = word ^ secret(of_secret + 8 * i);
        sums[i ^ 1] = sums[i ^ 1].wrapping_add(word);
        sums[i] = sums[i].wrapping_add((keyed & 0xFFFF_FFFF).wrapping_mul(keyed >> 32));
    }
}

fn scramble(sums: &mut [u64; 8]) {
    for (i, sum) in sums.iter_mut().enumerate() {
        let keyed = *sum ^ *sum >> 47 ^ secret(SECRET_LEN - STRIPE_LEN + 8 * i);
        *sum = keyed.wrapping_mul(PRIME32_1);
    }
}

fn hash_long(input: &[u8]) -> u64 {
    let len = input.len();
    let mut sums = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1];
    // The last byte belongs to the last stripe, which may overlap the one before.
    for block in input[..len - 1].chunks(BLOCK_LEN) {
        let (stripes, _) = block.as_chunks::<STRIPE_LEN>();
        for (n, stripe) in stripes.iter().enumerate() {
            accumulate(&mut sums, stripe, 8 * n);
        }
        if stripes.len() == STRIPES_PER_BLOCK {
            scramble(&mut sums);
        }
    }
    accumulate(&mut sums, &input[len - STRIPE_LEN..], SECRET_LEN - STRIPE_LEN - 7);
    let start = (len as u64).wrapping_mul(PRIME64_1);
    let merged = (0..4).fold(start, |sum, i| {
        let key = 11 + 16 * i;
        sum.wrapping_add(fold(sums[2 * i] ^ secret(key), sums[2 * i + 1] ^ secret(key + 8)))
    });
    avalanche(merged)
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn hashes_of_all_ways_are_those_of_the_reference() {
        // What the library says (xxhash 3.6.0 for Python).
        let bytes: Vec<u8> = (0..3000).map(|i| ((i * 7 + i / 251) & 255) as u8).collect();
        for (len, expected) in [
            (0, 0x2d06800538d394c2),
            (1, 0xc44bdff4074eecdb),
            (3, 0xc3489259e968ad9e),
            (4, 0xd3d60c1519014e89),
            (8, 0xb88dee77f6bf6980),
            (9, 0x03688dcad730d826),
            (16, 0x9da23836adf2be1e),
            (17, 0xf34c3c9cf5a112d1),
            (32, 0x99cb9ad0f1a11fbe),
            (33, 0xc077b45492d29cde),
            (64, 0x6efb76ff16f37561),
            (65, 0x2640848e9137156b),
            (96, 0x764d2d5db92942df),
            (97, 0x077acb7e5f4fd940),
            (128, 0x65f3c2c00fa93185),
            (129, 0x28065c6ec25f5b25),
            (240, 0x4917a75c0ef8eed7),
            (241, 0x541b19226f0052e8),
            (255, 0xd7b24287b3dcf385),
            (256, 0xf2331523b74cf0a4),
            (512, 0x717ea4dbb4b419c1),
            (1023, 0x4e4c866306f8b848),
            (1024, 0xba464919c6bb3ccd),
            (1025, 0x2aa0034e7827ee42),
            (2048, 0x956f98bea3210c05),
            (2049, 0xe26adc81a9c9e336),
            (3000, 0x63df341b1e97c067),
        ] {
            assert_eq!(hash(&bytes[..len]), expected, "{len} bytes");
        }
        assert_eq!(hash(b"abc"), 0x78af_5f94_892f_3950);
    }
}
