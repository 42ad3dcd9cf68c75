//! The expiries of fields. A field whose time has come is not seen any more by those who read the hash; it is removed by
//! whoever owns the hash, who is told the earliest time.

use super::{Form, Hash, TimedPack};
use crate::UnixMillis;

impl Hash {
    /// When a field expires, if there is one of this name that is alive.
    #[must_use]
    pub fn expiry(&self, name: &[u8], now: UnixMillis) -> Option<Option<UnixMillis>> {
        let expiry = match &self.form {
            Form::Packed(pack) => pack.find(name, 1).map(|_| None),
            Form::Timed(pack) => pack.expiry(name),
            Form::Table(fields) => fields.find(name).map(|field| field.expiry().map(UnixMillis)),
        };
        expiry.filter(|expiry| expiry.is_none_or(|at| at > now))
    }

    /// Whether there is a field of this name whose time has come.
    #[must_use]
    pub fn is_field_due(&self, name: &[u8], now: UnixMillis) -> bool {
        let expiry = match &self.form {
            Form::Packed(_) => None,
            Form::Timed(pack) => pack.expiry(name).flatten(),
            Form::Table(fields) => fields.find(name).and_then(|field| field.expiry().map(UnixMillis)),
        };
        expiry.is_some_and(|at| at <= now)
    }

    /// Makes a small hash one whose fields may expire: what Redis does as soon as it is asked for an expiry, even if no
    /// field is given one then.
    pub fn begin_expiries(&mut self) {
        if let Form::Packed(pack) = &self.form {
            self.form = Form::Timed(Box::new(TimedPack::of_pairs(pack)));
        }
    }

    /// Sets, changes or removes the expiry of a field; false if there is none of this name.
    pub fn set_expiry(&mut self, name: &[u8], expiry: Option<UnixMillis>) -> bool {
        if expiry.is_some() {
            self.begin_expiries();
        }
        match &mut self.form {
            Form::Packed(pack) => pack.find(name, 1).is_some(),
            Form::Timed(pack) => pack.set_expiry(name, expiry),
            Form::Table(fields) => fields.set_expiry(name, expiry),
        }
    }

    /// The earliest expiry of a field.
    #[inline]
    #[must_use]
    pub fn next_expiry(&self) -> Option<UnixMillis> {
        match &self.form {
            Form::Packed(_) => None,
            Form::Timed(pack) => pack.next_expiry(),
            Form::Table(fields) => fields.next_expiry(),
        }
    }

    /// Whether the time of some field has come.
    #[inline]
    #[must_use]
    pub fn is_due(&self, now: UnixMillis) -> bool {
        self.next_expiry().is_some_and(|at| at <= now)
    }

    /// Removes up to `limit` fields whose time has come, the earliest first, and hands their names out; returns how many.
    pub fn remove_due(&mut self, now: UnixMillis, limit: usize, mut removed: impl FnMut(&[u8])) -> usize {
        match &mut self.form {
            Form::Packed(_) => 0,
            Form::Timed(pack) => pack.remove_due(now, limit, &mut removed),
            Form::Table(fields) => fields.remove_due(now, limit, &mut removed),
        }
    }
}

#[cfg(test)]
#[path = "expiry_tests.rs"]
mod tests;
