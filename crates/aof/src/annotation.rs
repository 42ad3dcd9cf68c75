//! The lines by which our own log proves itself: comments to Redis, seals to us.
//!
//! Redis skips every line that begins with `#`. Ours have a fixed width of [`LINE_LEN`] bytes:
//!
//! ```text
//! #SPINEL:1:B:<replication id>:<offset>:<time>:<at>:<durable>:<length>:<crc>\r\n
//!           │  40 hex digits    16       12     12   12        12       8 hex digits
//!           └ O open, R resume, B batch, C close
//! ```
//!
//! - `offset`: the replication offset after what follows; `time`: milliseconds since 1970.
//! - `at`: where in the file this line begins. A page that landed in a wrong place is found out by it.
//! - `durable`: up to which place of this file everything was known to be durable when the line was written. Damage in
//!   front of that place is damage; damage behind it is what a power cut leaves of writes nobody was told of.
//! - `length`: bytes of commands that follow the line; 0 for all kinds but B.
//! - `crc`: CRC-32C of the line up to here and of the commands that follow.
//!
//! The line comes in front of its batch: then a batch cut short is told from commands that another server appended
//! behind it, however both end.

use crc_fast::{CrcAlgorithm, Digest};

/// Bytes of every line, its end included.
pub const LINE_LEN: usize = 132;
/// What all lines begin with.
pub(crate) const PREFIX: &[u8] = b"#SPINEL:1:";
/// Where the checksum's digits begin.
const CRC_AT: usize = LINE_LEN - 2 - 8;
/// The largest number that 12 hex digits hold.
const MAX_12: u64 = (1 << 48) - 1;

/// A replication id: 40 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplicationId([u8; 40]);

impl ReplicationId {
    /// The id of one who has none.
    pub const ZERO: ReplicationId = ReplicationId([b'0'; 40]);

    /// Takes 40 lower case hexadecimal digits.
    #[must_use]
    pub fn new(digits: [u8; 40]) -> Option<Self> {
        digits.iter().all(|digit| hex_value(*digit).is_some()).then_some(Self(digits))
    }

    /// Its digits.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 40] {
        &self.0
    }
}

/// What a line says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineKind {
    /// Batches begin here; what is in front was read and accepted.
    Open,
    /// As `Open`, the first line of a file that repeats what the file before it holds behind its byte `durable`: a sync
    /// failed there.
    Resume,
    /// A batch follows.
    Batch,
    /// The file was closed here; what follows is not ours.
    Close,
}

impl LineKind {
    fn letter(self) -> u8 {
        match self {
            LineKind::Open => b'O',
            LineKind::Resume => b'R',
            LineKind::Batch => b'B',
            LineKind::Close => b'C',
        }
    }

    fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'O' => Some(LineKind::Open),
            b'R' => Some(LineKind::Resume),
            b'B' => Some(LineKind::Batch),
            b'C' => Some(LineKind::Close),
            _ => None,
        }
    }
}

/// Where the writer stands in its replication stream and in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// Whose stream.
    pub replication_id: ReplicationId,
    /// The offset after the batch.
    pub offset: u64,
    /// Milliseconds since 1970.
    pub time_ms: u64,
}

impl Stamp {
    /// The stamp of one who has no replication stream.
    #[must_use]
    pub fn at_time_ms(time_ms: u64) -> Self {
        Self { replication_id: ReplicationId::ZERO, offset: 0, time_ms }
    }
}

/// A line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SealLine {
    /// What it says.
    pub kind: LineKind,
    /// Where the writer stood.
    pub stamp: Stamp,
    /// Where in its file the line begins.
    pub at: u64,
    /// Up to where its file was durable; for `Resume`, up to where the file before it counts.
    pub durable: u64,
    /// Bytes of commands that follow.
    pub length: u64,
}

impl SealLine {
    /// The line as bytes, sealing `commands`.
    #[must_use]
    pub fn encode(&self, commands: &[u8]) -> [u8; LINE_LEN] {
        debug_assert_eq!(self.length, commands.len() as u64);
        let mut line = [b':'; LINE_LEN];
        line[..PREFIX.len()].copy_from_slice(PREFIX);
        line[10] = self.kind.letter();
        line[12..52].copy_from_slice(self.stamp.replication_id.as_bytes());
        write_hex(&mut line[53..69], self.stamp.offset);
        write_hex(&mut line[70..82], self.stamp.time_ms.min(MAX_12));
        write_hex(&mut line[83..95], self.at);
        write_hex(&mut line[96..108], self.durable);
        write_hex(&mut line[109..121], self.length);
        let crc = checksum(&line[..CRC_AT], commands);
        write_hex(&mut line[CRC_AT..CRC_AT + 8], u64::from(crc));
        line[LINE_LEN - 2..].copy_from_slice(b"\r\n");
        line
    }

    /// Reads a line strictly: what is not spelled as [`encode`](Self::encode) spells it is none. The checksum is
    /// returned, not compared.
    #[must_use]
    pub fn decode(line: &[u8; LINE_LEN]) -> Option<(SealLine, u32)> {
        let separators = [11, 52, 69, 82, 95, 108, 121];
        if !line.starts_with(PREFIX)
            || separators.iter().any(|at| line[*at] != b':')
            || !line.ends_with(b"\r\n")
        {
            return None;
        }
        let kind = LineKind::from_letter(line[10])?;
        let replication_id = ReplicationId::new(line[12..52].try_into().ok()?)?;
        let stamp =
            Stamp { replication_id, offset: read_hex(&line[53..69])?, time_ms: read_hex(&line[70..82])? };
        let seal = SealLine {
            kind,
            stamp,
            at: read_hex(&line[83..95])?,
            durable: read_hex(&line[96..108])?,
            length: read_hex(&line[109..121])?,
        };
        let crc = read_hex(&line[CRC_AT..CRC_AT + 8])?;
        let sensible = seal.kind == LineKind::Batch || seal.length == 0;
        sensible.then_some((seal, u32::try_from(crc).ok()?))
    }
}

/// The checksum over a line's front and the commands it seals.
pub(crate) fn checksum(line_front: &[u8], commands: &[u8]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(line_front);
    digest.update(commands);
    digest.finalize() as u32
}

/// The part of a line that its checksum covers.
pub(crate) fn sealed_front(line: &[u8; LINE_LEN]) -> &[u8] {
    &line[..CRC_AT]
}

fn write_hex(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
    assert_eq!(number, 0, "a number that does not fit its field of a log annotation");
}

fn read_hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |number, digit| Some(number << 4 | u64::from(hex_value(*digit)?)))
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{LINE_LEN, LineKind, ReplicationId, SealLine, Stamp, checksum, sealed_front};
    use proptest::prelude::{any, prop, proptest};

    fn sample() -> SealLine {
        let stamp = Stamp {
            replication_id: ReplicationId::new(*b"0123456789abcdef0123456789abcdef01234567").unwrap(),
            offset: 0xfedc_ba98_7654_3210,
            time_ms: 1_700_000_000_123,
        };
        SealLine { kind: LineKind::Batch, stamp, at: 4096, durable: 300, length: 5 }
    }

    #[test]
    fn the_checksum_is_crc32c() {
        assert_eq!(checksum(b"12345", b"6789"), 0xe306_9283);
    }

    #[test]
    fn a_line_is_one_line_of_fixed_width_that_redis_skips() {
        let line = sample().encode(b"hello");
        assert!(line.starts_with(b"#"));
        assert_eq!(memchr::memchr(b'\n', &line), Some(LINE_LEN - 1));
        let (decoded, crc) = SealLine::decode(&line).unwrap();
        assert_eq!(decoded, sample());
        assert_eq!(crc, checksum(sealed_front(&line), b"hello"));
    }

    #[test]
    fn no_single_changed_bit_goes_unnoticed() {
        let line = sample().encode(b"hello");
        for bit in 0..LINE_LEN * 8 {
            let mut changed = line;
            changed[bit / 8] ^= 1 << (bit % 8);
            let accepted = SealLine::decode(&changed)
                .is_some_and(|(_, crc)| crc == checksum(sealed_front(&changed), b"hello"));
            assert!(!accepted, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), LINE_LEN)) {
            let _ = SealLine::decode(&bytes.try_into().unwrap());
        }
    }
}
