//! HyperLogLog: how many different elements were seen, within about 0.8 percent, in 12 KB at most.
//!
//! The bytes are those of Redis, so that values can be exchanged:
//!
//! ```text
//!  0      4          5        8              16
//! ┌──────┬──────────┬────────┬──────────────┬───────────┐
//! │ HYLL │ encoding │ unused │ cardinality  │ registers │
//! └──────┴──────────┴────────┴──────────────┴───────────┘
//! ```
//!
//! - An element picks one of 16384 registers by the low 14 bits of its hash. The register keeps the longest run of zeros,
//!   plus one, that the rest of a hash began with.
//! - *dense*: 6 bits for each register. *sparse*: runs of equal registers ([`sparse`]), up to a size that is a setting.
//! - The cardinality computed last is kept, little-endian, until its highest bit says that registers have changed.
//!
//! The estimate is Otmar Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284).

mod estimate;
mod murmur;
pub mod sparse;

use murmur::murmur_hash_64a;
use sparse::Run;

/// Registers.
pub const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of the hash that pick the register.
const INDEX_BITS: u32 = 14;
/// Bits of the hash in which zeros are counted.
const RUN_BITS: u32 = 64 - INDEX_BITS;
/// Bytes in front of the registers.
const HEADER: usize = 16;
const MAGIC: &[u8] = b"HYLL";
/// Bytes of a dense one.
pub const DENSE_LEN: usize = HEADER + REGISTERS * 6 / 8;
const SEED: u64 = 0xadc8_3b19;

/// How the registers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Six bits each.
    Dense,
    /// Runs of equal ones.
    Sparse,
}

/// The registers do not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// One that has seen nothing.
#[must_use]
pub fn new() -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes[4] = 1;
    Run::Zeros(REGISTERS as u32).put(&mut bytes);
    bytes
}

/// The encoding, if these bytes are a HyperLogLog at first sight.
#[must_use]
pub fn encoding(bytes: &[u8]) -> Option<Encoding> {
    if bytes.len() < HEADER || !bytes.starts_with(MAGIC) {
        return None;
    }
    match bytes[4] {
        0 => (bytes.len() == DENSE_LEN).then_some(Encoding::Dense),
        1 => Some(Encoding::Sparse),
        _ => None,
    }
}

/// The cardinality computed last, if no register has changed since.
#[must_use]
pub fn cached(bytes: &[u8]) -> Option<u64> {
    let cardinality = u64::from_le_bytes(*bytes[8..].first_chunk().expect("the header was looked at"));
    (cardinality >> 63 == 0).then_some(cardinality)
}

/// Keeps a cardinality.
pub fn set_cached(bytes: &mut [u8], cardinality: u64) {
    bytes[8..HEADER].copy_from_slice(&cardinality.to_le_bytes());
}

/// Says that the cardinality kept is not right any more.
pub fn forget_cached(bytes: &mut [u8]) {
    bytes[HEADER - 1] |= 0x80;
}

/// Adds an element; true if that changed a register. A sparse one that would be longer than `max_sparse` bytes becomes
/// dense.
///
/// # Errors
/// [`Corrupt`]; the bytes are as they were.
pub fn add(bytes: &mut Vec<u8>, element: &[u8], max_sparse: usize) -> Result<bool, Corrupt> {
    let (index, count) = place(element);
    raise(bytes, index, count, max_sparse)
}

/// The register of an element and what it asks of it.
fn place(element: &[u8]) -> (usize, u8) {
    let hash = murmur_hash_64a(element, SEED);
    let index = hash as usize & (REGISTERS - 1);
    let rest = (hash >> INDEX_BITS) | 1 << RUN_BITS;
    (index, rest.trailing_zeros() as u8 + 1)
}

/// Raises a register to `count` if it is lower; true if it was. See [`add`].
///
/// # Errors
/// [`Corrupt`]; the bytes are as they were.
pub fn raise(bytes: &mut Vec<u8>, index: usize, count: u8, max_sparse: usize) -> Result<bool, Corrupt> {
    if encoding(bytes) == Some(Encoding::Sparse) {
        match sparse::raise(bytes, index, count, max_sparse)? {
            sparse::Raised::No => return Ok(false),
            sparse::Raised::Yes => return Ok(true),
            sparse::Raised::NoRoom => to_dense(bytes)?,
        }
    }
    Ok(raise_dense(bytes, index, count))
}

fn raise_dense(bytes: &mut [u8], index: usize, count: u8) -> bool {
    let registers = &mut bytes[HEADER..];
    let is_lower = dense_register(registers, index) < count;
    if is_lower {
        set_dense_register(registers, index, count);
        forget_cached(bytes);
    }
    is_lower
}

/// Registers begin at the lowest bit of a byte.
fn dense_register(registers: &[u8], index: usize) -> u8 {
    let (byte, shift) = (index * 6 / 8, index * 6 % 8);
    let high = registers.get(byte + 1).copied().unwrap_or(0);
    (u16::from_le_bytes([registers[byte], high]) >> shift) as u8 & 63
}

fn set_dense_register(registers: &mut [u8], index: usize, count: u8) {
    let (byte, shift) = (index * 6 / 8, index * 6 % 8);
    let high = registers.get(byte + 1).copied().unwrap_or(0);
    let pair = u16::from_le_bytes([registers[byte], high]);
    let pair = pair & !(63 << shift) | u16::from(count) << shift;
    let [low, high] = pair.to_le_bytes();
    registers[byte] = low;
    if let Some(next) = registers.get_mut(byte + 1) {
        *next = high;
    }
}

/// Makes a sparse one dense.
///
/// # Errors
/// [`Corrupt`]; the bytes are as they were.
pub fn to_dense(bytes: &mut Vec<u8>) -> Result<(), Corrupt> {
    if encoding(bytes) == Some(Encoding::Dense) {
        return Ok(());
    }
    let mut dense = vec![0; DENSE_LEN];
    dense[..HEADER].copy_from_slice(&bytes[..HEADER]);
    dense[4] = 0;
    let mut index = 0;
    for run in runs(bytes) {
        let run = run?;
        let end = index + run.len();
        if end > REGISTERS {
            return Err(Corrupt);
        }
        if let Run::Equal { count, .. } = run {
            (index..end).for_each(|index| set_dense_register(&mut dense[HEADER..], index, count));
        }
        index = end;
    }
    if index != REGISTERS {
        return Err(Corrupt);
    }
    *bytes = dense;
    Ok(())
}

/// All registers, one byte each.
#[derive(Clone)]
pub struct Registers(Box<[u8; REGISTERS]>);

impl Default for Registers {
    fn default() -> Self {
        Self(vec![0; REGISTERS].into_boxed_slice().try_into().expect("it has that length"))
    }
}

impl Registers {
    /// Those of a HyperLogLog.
    ///
    /// # Errors
    /// [`Corrupt`].
    pub fn of(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut registers = Self::default();
        registers.merge(bytes)?;
        Ok(registers)
    }

    /// Raises each to what it is in a HyperLogLog. After an error some may be raised.
    ///
    /// # Errors
    /// [`Corrupt`].
    pub fn merge(&mut self, bytes: &[u8]) -> Result<(), Corrupt> {
        if encoding(bytes) == Some(Encoding::Dense) {
            let values = &bytes[HEADER..];
            // Four registers are three bytes.
            for (four, three) in self.0.as_chunks_mut::<4>().0.iter_mut().zip(values.as_chunks::<3>().0) {
                let bits = u32::from_le_bytes([three[0], three[1], three[2], 0]);
                for (number, register) in four.iter_mut().enumerate() {
                    *register = (*register).max((bits >> (6 * number)) as u8 & 63);
                }
            }
            return Ok(());
        }
        let mut index = 0;
        for run in runs(bytes) {
            let run = run?;
            let registers = self.0.get_mut(index..index + run.len()).ok_or(Corrupt)?;
            if let Run::Equal { count, .. } = run {
                registers.iter_mut().for_each(|register| *register = (*register).max(count));
            }
            index += run.len();
        }
        if index == REGISTERS { Ok(()) } else { Err(Corrupt) }
    }

    /// Their values.
    #[must_use]
    pub fn values(&self) -> &[u8; REGISTERS] {
        &self.0
    }

    /// The estimated number of different elements.
    #[must_use]
    pub fn count(&self) -> u64 {
        estimate::cardinality(&estimate::histogram(&self.0))
    }
}

/// The estimated number of different elements.
///
/// # Errors
/// [`Corrupt`].
pub fn count(bytes: &[u8]) -> Result<u64, Corrupt> {
    if encoding(bytes) == Some(Encoding::Dense) {
        return Registers::of(bytes).map(|registers| registers.count());
    }
    let mut histogram = estimate::EMPTY;
    let mut index = 0;
    for run in runs(bytes) {
        let run = run?;
        histogram[usize::from(run.count())] += run.len() as u32;
        index += run.len();
    }
    if index == REGISTERS { Ok(estimate::cardinality(&histogram)) } else { Err(Corrupt) }
}

/// The runs of a sparse one.
pub fn runs(bytes: &[u8]) -> impl Iterator<Item = Result<Run, Corrupt>> {
    sparse::runs(&bytes[HEADER..])
}

#[cfg(test)]
mod tests;
