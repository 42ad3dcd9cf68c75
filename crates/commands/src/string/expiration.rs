//! The expiry words shared by `SET`, `SETEX`, `PSETEX` and `GETEX`: when a positive amount of time ends.

use spinel_family::{CommandError, UnixMillis};

/// What an amount of time counts, and from when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Millis,
    /// Seconds since the epoch.
    SecondsAt,
    /// Milliseconds since the epoch.
    MillisAt,
}

impl Clock {
    /// The time an amount leads to. An amount below one, or a time beyond the range, is the error that names
    /// `command`.
    pub(super) fn time(
        self,
        amount: i64,
        now: UnixMillis,
        command: &'static str,
    ) -> Result<UnixMillis, CommandError> {
        let (unit, base) = match self {
            Self::Seconds => (1000, now.0),
            Self::Millis => (1, now.0),
            Self::SecondsAt => (1000, 0),
            Self::MillisAt => (1, 0),
        };
        let millis = if amount > 0 { amount.checked_mul(unit) } else { None };
        let at = millis.and_then(|millis| millis.checked_add(base));
        at.map(UnixMillis).ok_or(CommandError::InvalidExpire(command))
    }
}
