//! What a log tells of when its commands were written, and where it is to be cut for the sake of time.
//!
//! Our seals say it to the millisecond for the batch that follows; Redis's `#TS:` lines to the second for what follows
//! until the next one. Whatever follows the first that is later than the wanted moment is later, too: a clock that was set
//! back in between does not make it earlier.

use crate::annotation::LineKind;
use crate::reader::Record;

/// A place, and when what follows it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    pub(crate) at: u64,
    /// Milliseconds since 1970; where the second is known only, its first one.
    pub(crate) time_ms: u64,
}

/// What a record tells of the commands behind it.
pub(crate) fn told_by(record: &Record<'_>) -> Option<Told> {
    match record {
        Record::Timestamp { seconds, at } => {
            let time_ms = u64::try_from(*seconds).unwrap_or(0).saturating_mul(1000);
            Some(Told { at: *at, time_ms })
        }
        Record::Seal(seal) if seal.kind == LineKind::Batch => {
            Some(Told { at: seal.at, time_ms: seal.stamp.time_ms })
        }
        Record::Seal(_) | Record::Command { .. } | Record::Note { .. } => None,
    }
}

impl Told {
    /// Where to cut in order to keep nothing of what follows: never within a transaction, which began at `boundary`.
    pub(crate) fn cut(self, in_transaction: bool, boundary: u64) -> u64 {
        if in_transaction { boundary } else { self.at }
    }
}

/// The last millisecond of a second since 1970, as the options of Redis's tools count.
pub(crate) fn end_of_second(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1000).saturating_add(999)
}
