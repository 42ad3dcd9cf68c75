//! Registers as runs of equal ones.
//!
//! ```text
//! 00nnnnnn            n+1 registers are zero
//! 01nnnnnn nnnnnnnn   n+1 registers are zero
//! 1vvvvvnn            n+1 registers are v+1
//! ```

use super::{Corrupt, HEADER, forget_cached};

/// The longest run of zeros in one byte, and the longest run of others.
const SHORT_ZEROS: u32 = 64;
const LONGEST_EQUAL: u32 = 4;
/// The highest value that a run can have.
const HIGHEST: u8 = 32;
/// Runs looked at for a merge after a change, from the one in front of it.
const MERGED_RUNS: usize = 5;

/// A run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// So many zeros.
    Zeros(u32),
    /// So many of a value.
    Equal {
        /// The value.
        count: u8,
        /// How many.
        len: u32,
    },
}

impl Run {
    /// Registers.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Zeros(len) | Self::Equal { len, .. } => len as usize,
        }
    }

    /// Never: a run has a register.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Their value.
    #[must_use]
    pub fn count(self) -> u8 {
        match self {
            Self::Zeros(_) => 0,
            Self::Equal { count, .. } => count,
        }
    }

    pub(super) fn put(self, out: &mut Vec<u8>) {
        match self {
            Self::Zeros(0) | Self::Equal { len: 0, .. } => {}
            Self::Zeros(len) if len <= SHORT_ZEROS => out.push((len - 1) as u8),
            Self::Zeros(len) => {
                let [high, low] = ((len - 1) as u16).to_be_bytes();
                out.extend([0x40 | high, low]);
            }
            Self::Equal { count, len } => out.push(0x80 | (count - 1) << 2 | (len - 1) as u8),
        }
    }

    /// The run at the front, and its bytes.
    fn read(bytes: &[u8]) -> Result<(Self, usize), Corrupt> {
        match *bytes {
            [first, ..] if first & 0x80 != 0 => {
                let (count, len) = ((first >> 2 & 31) + 1, u32::from(first & 3) + 1);
                Ok((Self::Equal { count, len }, 1))
            }
            [first, ..] if first & 0x40 == 0 => Ok((Self::Zeros(u32::from(first) + 1), 1)),
            [first, second, ..] => {
                Ok((Self::Zeros(u32::from(u16::from_be_bytes([first & 0x3f, second])) + 1), 2))
            }
            _ => Err(Corrupt),
        }
    }
}

/// The runs of these bytes, to the first that is cut off.
pub(super) fn runs(bytes: &[u8]) -> impl Iterator<Item = Result<Run, Corrupt>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let read = Run::read(rest);
        rest = read.map_or(&[], |(_, bytes)| &rest[bytes..]);
        Some(read.map(|(run, _)| run))
    })
}

/// What came of raising a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// It was as high already.
    No,
    Yes,
    /// That takes a dense one; nothing was changed.
    NoRoom,
}

/// Raises a register to `count` if it is lower.
pub(super) fn raise(bytes: &mut Vec<u8>, index: usize, count: u8, max_len: usize) -> Result<Raised, Corrupt> {
    if count > HIGHEST {
        return Ok(Raised::NoRoom);
    }
    let Found { run, at, width, first, before } = find(bytes, index)?;
    if run.count() >= count {
        return Ok(Raised::No);
    }
    // What comes in its place: what is in front of the register, the register, what is behind it.
    let (ahead, behind) = ((index - first) as u32, (first + run.len() - 1 - index) as u32);
    let part = |len| match run {
        Run::Zeros(_) => Run::Zeros(len),
        Run::Equal { count, .. } => Run::Equal { count, len },
    };
    let mut new = Vec::with_capacity(MERGED_RUNS);
    part(ahead).put(&mut new);
    Run::Equal { count, len: 1 }.put(&mut new);
    part(behind).put(&mut new);
    if new.len() > width && bytes.len() + new.len() - width > max_len {
        return Ok(Raised::NoRoom);
    }
    bytes.splice(at..at + width, new);
    merge_runs(bytes, before.unwrap_or(HEADER));
    forget_cached(bytes);
    Ok(Raised::Yes)
}

/// The run that a register is in.
struct Found {
    run: Run,
    /// Its first byte, and how many they are.
    at: usize,
    width: usize,
    /// Its first register.
    first: usize,
    /// The first byte of the run in front of it.
    before: Option<usize>,
}

fn find(bytes: &[u8], index: usize) -> Result<Found, Corrupt> {
    let (mut at, mut first, mut before) = (HEADER, 0, None);
    loop {
        let (run, width) = Run::read(&bytes[at..])?;
        if index < first + run.len() {
            return Ok(Found { run, at, width, first, before });
        }
        before = Some(at);
        at += width;
        first += run.len();
    }
}

/// Makes one run of neighbours of the same value where that is possible, among the next few.
fn merge_runs(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..MERGED_RUNS {
        let Some(Ok((run, width))) = bytes.get(at..).map(Run::read) else { return };
        let next = bytes.get(at + width..).map(Run::read);
        if let Run::Equal { count, len } = run
            && let Some(Ok((Run::Equal { count: other, len: more }, _))) = next
            && count == other
            && len + more <= LONGEST_EQUAL
        {
            let mut merged = Vec::with_capacity(1);
            Run::Equal { count, len: len + more }.put(&mut merged);
            // Looked at again: the next may fit, too.
            bytes.splice(at..at + 2, merged);
        } else {
            at += width;
        }
    }
}
