//! Sets from outside, as dumps and snapshots hold them: an intset, or members one by one; those of a listpack come so, too.

use spinel_structs::hash::HashKey;
use spinel_structs::intset::IntSet;
use spinel_structs::listpack::Listpack;

use super::{Form, MAX_INTS, Members, Set, integer};
use crate::value::distinct::{LoadError, all_differ};
use crate::value::{EncodingLimits, Text};

impl Set {
    /// The intset of a small set of integers, as dumps and snapshots hold it.
    #[must_use]
    pub fn as_intset(&self) -> Option<&IntSet> {
        match &self.form {
            Form::Ints(ints) => Some(ints),
            Form::Packed(_) | Form::Table(_) => None,
        }
    }

    /// Takes over an intset, which stays one unless it has too many members.
    #[must_use]
    pub fn from_intset(ints: IntSet, limits: &EncodingLimits, hash_key: &HashKey) -> Self {
        let is_large = ints.len() > limits.set_max_intset_entries.min(MAX_INTS);
        let mut set = Self { form: Form::Ints(ints) };
        if is_large {
            set.make_table(hash_key);
        }
        set
    }
}

/// A set whose members come one by one from outside.
pub struct SetLoader<'a> {
    form: Loading,
    is_few: bool,
    limits: &'a EncodingLimits,
    hash_key: &'a HashKey,
}

enum Loading {
    Ints(Vec<i64>),
    /// Members so far are not compared; they are when the set is whole.
    Packed(Listpack),
    Table(Box<Members>),
}

impl<'a> SetLoader<'a> {
    /// Ready for `count` members, which decides the encoding; nothing is allocated for them.
    #[must_use]
    pub fn new(count: usize, limits: &'a EncodingLimits, hash_key: &'a HashKey) -> Self {
        let is_few = count <= limits.set_max_listpack_entries;
        let form = if is_few || count <= limits.set_max_intset_entries.min(MAX_INTS) {
            Loading::Ints(Vec::new())
        } else {
            Loading::Table(Box::new(Members::new(hash_key)))
        };
        Self { form, is_few, limits, hash_key }
    }

    /// Adds a member.
    ///
    /// # Errors
    /// When it is seen to come twice; of a small set only [`SetLoader::finish`] tells.
    pub fn push(&mut self, member: Text<'_>) -> Result<(), LoadError> {
        if let Loading::Ints(ints) = &mut self.form {
            if let Some(n) = integer(member) {
                ints.push(n);
                return Ok(());
            }
            let mut pack = Listpack::new();
            ints.iter().for_each(|n| pack.push_back_int(*n));
            self.form = Loading::Packed(pack);
        }
        member.with_bytes(|bytes| self.push_bytes(bytes))
    }

    fn push_bytes(&mut self, member: &[u8]) -> Result<(), LoadError> {
        if let Loading::Packed(pack) = &mut self.form {
            let is_small = self.is_few
                && member.len() <= self.limits.set_max_listpack_value
                && !pack.would_exceed(member.len());
            if is_small {
                pack.push_back(member);
                return Ok(());
            }
            let members = table_of(pack, self.hash_key)?;
            self.form = Loading::Table(members);
        }
        match &mut self.form {
            Loading::Table(members) => {
                if members.add(member) {
                    Ok(())
                } else {
                    Err(LoadError::Repeated)
                }
            }
            Loading::Ints(_) | Loading::Packed(_) => unreachable!("it was just made a table"),
        }
    }

    /// The set.
    ///
    /// # Errors
    /// When a member came twice.
    pub fn finish(self) -> Result<Set, LoadError> {
        match self.form {
            Loading::Ints(mut ints) => {
                ints.sort_unstable();
                if ints.windows(2).any(|pair| pair[0] == pair[1]) {
                    return Err(LoadError::Repeated);
                }
                Ok(Set::from_intset(ints.into_iter().collect(), self.limits, self.hash_key))
            }
            Loading::Packed(pack) if all_differ(pack.iter(), self.hash_key) => {
                Ok(Set { form: Form::Packed(Box::new(pack)) })
            }
            Loading::Packed(_) => Err(LoadError::Repeated),
            Loading::Table(members) => Ok(Set { form: Form::Table(members) }),
        }
    }
}

fn table_of(pack: &Listpack, hash_key: &HashKey) -> Result<Box<Members>, LoadError> {
    let mut members = Box::new(Members::new(hash_key));
    for member in pack {
        if !Text::from(member).with_bytes(|bytes| members.add(bytes)) {
            return Err(LoadError::Repeated);
        }
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> HashKey {
        HashKey::from_bytes([7; 16])
    }

    fn limits(entries: usize) -> EncodingLimits {
        EncodingLimits {
            set_max_intset_entries: entries,
            set_max_listpack_entries: 0,
            ..EncodingLimits::default()
        }
    }

    fn packing(entries: usize, bytes: usize) -> EncodingLimits {
        EncodingLimits {
            set_max_listpack_entries: entries,
            set_max_listpack_value: bytes,
            ..EncodingLimits::default()
        }
    }

    fn load(members: &[&str], limits: &EncodingLimits) -> Result<Set, LoadError> {
        let key = key();
        let mut loader = SetLoader::new(members.len(), limits, &key);
        for member in members {
            loader.push(Text::Bytes(member.as_bytes()))?;
        }
        loader.finish()
    }

    #[test]
    fn loaded_members_take_the_encoding_that_they_ask_for() {
        for (members, entries, encoding) in [
            (&["3", "-1", "2"][..], 3, "intset"),
            (&["3", "-1", "2"], 2, "hashtable"),
            (&["3", "-1", "02"], 3, "hashtable"),
        ] {
            let set = load(members, &limits(entries)).unwrap();
            assert_eq!((set.encoding(), set.len()), (encoding, 3));
            assert!(members.iter().all(|member| set.contains(Text::Bytes(member.as_bytes()))));
            set.check_invariants();
        }
    }

    #[test]
    fn a_few_short_members_are_loaded_into_a_listpack() {
        for (members, entries, bytes, is_packed) in [
            (&["3", "x", "2"][..], 3, 1, true),
            (&["3", "x", "2"], 2, 9, false),
            (&["3", "xy", "2"], 3, 1, false),
            (&["3", "x", "yz"], 3, 1, false),
        ] {
            let set = load(members, &packing(entries, bytes)).unwrap();
            assert_eq!((set.encoding(), set.len()), ("hashtable", 3));
            assert_eq!(matches!(set.form, Form::Packed(_)), is_packed);
            assert!(members.iter().all(|member| set.contains(Text::Bytes(member.as_bytes()))));
            set.check_invariants();
        }
    }

    #[test]
    fn a_member_that_comes_twice_is_refused_in_every_encoding() {
        for entries in [0, 9] {
            assert_eq!(load(&["3", "1", "3"], &limits(entries)).err(), Some(LoadError::Repeated));
            assert_eq!(load(&["3", "3", "x"], &limits(entries)).err(), Some(LoadError::Repeated));
            assert_eq!(load(&["3", "x", "3"], &limits(entries)).err(), Some(LoadError::Repeated));
        }
    }

    #[test]
    fn an_intset_is_taken_over_as_it_is_or_moved_when_it_has_too_many_members() {
        let ints: IntSet = [1, 2, 70_000].into_iter().collect();
        let set = Set::from_intset(ints.clone(), &limits(3), &key());
        assert_eq!(set.as_intset(), Some(&ints));
        let set = Set::from_intset(ints, &limits(2), &key());
        assert_eq!((set.encoding(), set.len(), set.as_intset()), ("hashtable", 3, None));
    }
}
