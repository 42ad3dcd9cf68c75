//! How far ahead expiries are on record, and the pass over the table that moves this on.
//!
//! ```text
//!     now              reached                pass.to
//! ─────┼──────────────────┼──────────────────────┼──────────────▶ time of expiry
//!      │   all on record  │ on record if passed  │ not on record
//! ```
//!
//! A key that expires in a week needs no record today: whoever walks through the table within that week finds it. So
//! only expiries before the horizon are put on record. When half of the [`SPAN`] up to it is over, a pass over the
//! table, some buckets at a time, records what expires before the next horizon. New and changed expiries are recorded
//! at once if they lie before the horizon that the pass is to reach. What must hold: *every key that expires before
//! `reached` has a record.*
//!
//! A pass costs some 0.1 µs a key twice a day, and spares the record, 4 to 5 bytes, of every key with an expiry beyond
//! a day.
//!
//! Who draws keys that expire at random wants all of them on record. Then there is no horizon until some time after the
//! last draw: a pass records the rest.

use crate::UnixMillis;

/// How far ahead a horizon lies, in milliseconds.
const SPAN: i64 = 86_400_000;
/// How long there is none after somebody wanted all on record, in milliseconds.
const WANTED: i64 = 3_600_000;
/// No horizon.
const NOWHERE: UnixMillis = UnixMillis(i64::MAX);

/// Where the horizon is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Horizon {
    reached: UnixMillis,
    pass: Option<Pass>,
    /// Until when all is to be on record.
    all_until: UnixMillis,
}

/// A pass under way.
#[derive(Clone, Copy, Debug)]
struct Pass {
    to: UnixMillis,
    /// Where in the table it is.
    cursor: u64,
}

impl Horizon {
    /// Begins anew: nothing expires.
    #[inline]
    pub(crate) fn reset(&mut self, now: UnixMillis) {
        *self = Self { reached: self.ahead(now), pass: None, all_until: self.all_until };
    }

    /// Where the next horizon is to be.
    fn ahead(&self, now: UnixMillis) -> UnixMillis {
        if now < self.all_until { NOWHERE } else { UnixMillis(now.0.saturating_add(SPAN)) }
    }

    /// Wants all expiries on record for some time.
    #[inline]
    pub(crate) fn want_all(&mut self, now: UnixMillis) {
        self.all_until = UnixMillis(now.0.saturating_add(WANTED));
    }

    /// Whether all expiries are on record.
    #[inline]
    pub(crate) fn has_all(&self) -> bool {
        self.reached == NOWHERE && self.pass.is_none()
    }

    /// Whether all are on record and nobody wants that any more.
    fn has_needless(&self, now: UnixMillis) -> bool {
        self.has_all() && now >= self.all_until
    }

    /// Comes back to a horizon when nobody wants all on record any more.
    pub(crate) fn relax(&mut self, now: UnixMillis) {
        if self.has_needless(now) {
            self.reached = self.ahead(now);
        }
    }

    /// Whether an expiry is to be on record.
    #[inline]
    pub(crate) fn is_near(&self, at: UnixMillis) -> bool {
        at < self.pass.map_or(self.reached, |pass| pass.to)
    }

    /// Whether a pass must go on, or begin.
    #[inline]
    pub(crate) fn is_pass_due(&self, now: UnixMillis) -> bool {
        self.pass.is_some()
            || self.reached.0.saturating_sub(now.0) <= SPAN / 2
            || self.reached != NOWHERE && now < self.all_until
            || self.has_needless(now)
    }

    /// The bucket that the pass looks at next; begins one if none is under way.
    pub(crate) fn cursor(&mut self, now: UnixMillis) -> u64 {
        let to = self.ahead(now);
        self.pass.get_or_insert(Pass { to, cursor: 0 }).cursor
    }

    /// Whether the pass must record an expiry that it meets.
    pub(crate) fn is_missing(&self, at: UnixMillis) -> bool {
        at >= self.reached && self.is_near(at)
    }

    /// The pass has looked at a bucket; 0 is the cursor after the last.
    pub(crate) fn move_on(&mut self, cursor: u64) {
        match &mut self.pass {
            Some(pass) if cursor != 0 => pass.cursor = cursor,
            Some(pass) => *self = Self { reached: pass.to, pass: None, ..*self },
            None => {}
        }
    }
}
