//! The expiries of members. The set itself goes on to hold and show a member whose time has come until its owner, who is told
//! the earliest time, removes it: before any command sees the set.
//!
//! A set of which a member expires is a table from then on: the bytes of intsets and listpacks are what other servers know.

use spinel_structs::compact::Member;
use spinel_structs::hash::HashKey;
use spinel_structs::table;

use super::{Form, Set};
use crate::UnixMillis;
use crate::value::Text;

impl Set {
    /// When a member expires, if there is such a member.
    #[must_use]
    pub fn expiry(&self, member: Text<'_>) -> Option<Option<UnixMillis>> {
        match &self.form {
            Form::Ints(_) | Form::Packed(_) => self.contains(member).then_some(None),
            Form::Table(members) => {
                member.with_bytes(|bytes| members.find(bytes).map(|member| member.expiry().map(UnixMillis)))
            }
        }
    }

    /// Sets, changes or removes the expiry of a member; false if there is no such member.
    pub fn set_expiry(&mut self, member: Text<'_>, expiry: Option<UnixMillis>, hash_key: &HashKey) -> bool {
        if !matches!(self.form, Form::Table(_)) && (expiry.is_none() || !self.contains(member)) {
            return self.contains(member);
        }
        member.with_bytes(|bytes| self.make_table(hash_key).set_expiry(bytes, expiry))
    }

    /// The earliest expiry of a member.
    #[inline]
    #[must_use]
    pub fn next_expiry(&self) -> Option<UnixMillis> {
        match &self.form {
            Form::Ints(_) | Form::Packed(_) => None,
            Form::Table(members) => members.next_expiry(),
        }
    }

    /// Removes up to `limit` members whose time has come, the earliest first, and hands them out; returns how many.
    pub fn remove_due(&mut self, now: UnixMillis, limit: usize, mut removed: impl FnMut(&[u8])) -> usize {
        match &mut self.form {
            Form::Ints(_) | Form::Packed(_) => 0,
            Form::Table(members) => members.remove_due(now, limit, &mut removed),
        }
    }

    /// The members that expire, with their times.
    #[must_use]
    pub fn expiring(&self) -> ExpiringMembers<'_> {
        ExpiringMembers(match &self.form {
            Form::Table(members) if members.has_expiries() => Some(members.iter()),
            Form::Ints(_) | Form::Packed(_) | Form::Table(_) => None,
        })
    }
}

/// Members that expire, with their times, in no order.
pub struct ExpiringMembers<'a>(pub(in crate::value) Option<table::Iter<'a, Member>>);

impl<'a> Iterator for ExpiringMembers<'a> {
    type Item = (&'a [u8], UnixMillis);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.as_mut()?.find_map(|member| member.expiry().map(|at| (member.as_bytes(), UnixMillis(at))))
    }
}

#[cfg(test)]
#[path = "expiry_tests.rs"]
mod tests;
