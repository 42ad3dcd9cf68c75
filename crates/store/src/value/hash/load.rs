//! Hashes from outside, as dumps and snapshots hold them: a listpack of pairs or of triples, or fields one by one.

use spinel_structs::hash::HashKey;
use spinel_structs::listpack::Listpack;

use super::{Fields, Form, Hash, HashField, HashIter, TimedPack};
use crate::UnixMillis;
use crate::value::EncodingLimits;
use crate::value::distinct::{LoadError, all_differ};

impl Hash {
    /// The listpack of a small hash without fields that expire, as dumps and snapshots hold it.
    #[must_use]
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Packed(pack) => Some(pack),
            Form::Timed(_) | Form::Table(_) => None,
        }
    }

    /// The listpack of triples of a small hash with fields that expire, as dumps and snapshots hold it.
    #[must_use]
    pub fn as_timed_listpack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Timed(pack) => Some(pack.as_listpack()),
            Form::Packed(_) | Form::Table(_) => None,
        }
    }

    /// Takes over a listpack of triples: name, value, Unix time in milliseconds or 0. It stays one unless it has too many
    /// fields or bytes.
    ///
    /// # Errors
    /// When values are missing, a field comes twice, a time is none, or times are not in order.
    pub fn from_timed_listpack(
        pack: Listpack,
        limits: &EncodingLimits,
        hash_key: &HashKey,
    ) -> Result<Self, LoadError> {
        let is_small = pack.len() / 3 <= limits.hash_max_listpack_entries && !pack.would_exceed(0);
        let pack = TimedPack::from_listpack(pack)?;
        if is_small {
            let names = pack.as_listpack().iter().step_by(3);
            return if all_differ(names, hash_key) {
                Ok(Self { form: Form::Timed(Box::new(pack)) })
            } else {
                Err(LoadError::Repeated)
            };
        }
        let count = pack.len();
        let mut hash = Self { form: Form::Timed(Box::new(pack)) };
        let fields = hash.make_table(hash_key).len();
        if fields == count { Ok(hash) } else { Err(LoadError::Repeated) }
    }

    /// Takes over a listpack of pairs. It stays one unless it has too many fields or bytes; how long the fields are is,
    /// as in Redis, looked at when the hash is changed.
    ///
    /// # Errors
    /// When a value is missing or a field comes twice.
    pub fn from_listpack(
        pack: Listpack,
        limits: &EncodingLimits,
        hash_key: &HashKey,
    ) -> Result<Self, LoadError> {
        let values = pack.len();
        if !values.is_multiple_of(2) {
            return Err(LoadError::Odd);
        }
        if values / 2 <= limits.hash_max_listpack_entries && !pack.would_exceed(0) {
            let names = pack.pairs().map(|(name, _)| name);
            return if all_differ(names, hash_key) {
                Ok(Self { form: Form::Packed(pack) })
            } else {
                Err(LoadError::Repeated)
            };
        }
        let mut hash = Self { form: Form::Packed(pack) };
        let fields = hash.make_table(hash_key).len();
        if fields == values / 2 { Ok(hash) } else { Err(LoadError::Repeated) }
    }
}

/// A hash whose fields come one by one from outside.
pub struct HashLoader<'a> {
    form: Loading,
    limits: &'a EncodingLimits,
    hash_key: &'a HashKey,
}

enum Loading {
    Packed(Listpack),
    /// Names so far are not compared; they are when the hash is whole.
    Timed(Box<TimedPack>),
    Table(Box<Fields>),
}

impl<'a> HashLoader<'a> {
    /// Ready for `count` fields, which decides the encoding; nothing is allocated for them.
    #[must_use]
    pub fn new(count: usize, limits: &'a EncodingLimits, hash_key: &'a HashKey) -> Self {
        let form = if count > limits.hash_max_listpack_entries {
            Loading::Table(Box::new(Fields::new(hash_key)))
        } else {
            Loading::Packed(Listpack::new())
        };
        Self { form, limits, hash_key }
    }

    /// Ready for `count` fields some of which may expire.
    #[must_use]
    pub fn with_expiries(count: usize, limits: &'a EncodingLimits, hash_key: &'a HashKey) -> Self {
        let mut loader = Self::new(count, limits, hash_key);
        if let Loading::Packed(pack) = &loader.form {
            loader.form = Loading::Timed(Box::new(TimedPack::of_pairs(pack)));
        }
        loader
    }

    /// Adds a field.
    ///
    /// # Errors
    /// When it is seen to come twice; for a small hash only [`HashLoader::finish`] tells.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), LoadError> {
        self.push_expiring(name, value, None)
    }

    /// Adds a field that may expire: only to a loader made [`with_expiries`](Self::with_expiries).
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_expiring(
        &mut self,
        name: &[u8],
        value: &[u8],
        expiry: Option<UnixMillis>,
    ) -> Result<(), LoadError> {
        let is_long = name.len().max(value.len()) > self.limits.hash_max_listpack_value;
        let bytes = name.len() + value.len();
        match &mut self.form {
            Loading::Packed(pack) if !is_long && !pack.would_exceed(bytes) => {
                debug_assert!(expiry.is_none(), "this loader was not told of expiries");
                pack.push_pair(name, value);
                Ok(())
            }
            Loading::Timed(pack) if !is_long && !pack.would_exceed(bytes) => {
                pack.insert(name, value, expiry);
                Ok(())
            }
            Loading::Packed(_) | Loading::Timed(_) => {
                let mut fields = self.form.table(self.hash_key)?;
                let added = once(fields.add(name, value, expiry));
                self.form = Loading::Table(fields);
                added
            }
            Loading::Table(fields) => once(fields.add(name, value, expiry)),
        }
    }

    /// The hash.
    ///
    /// # Errors
    /// When a field came twice.
    pub fn finish(self) -> Result<Hash, LoadError> {
        match self.form {
            Loading::Packed(mut pack) => {
                pack.shrink_to_fit();
                Hash::from_listpack(pack, self.limits, self.hash_key)
            }
            Loading::Timed(pack) => {
                let mut pack = pack.into_listpack();
                pack.shrink_to_fit();
                Hash::from_timed_listpack(pack, self.limits, self.hash_key)
            }
            Loading::Table(fields) => Ok(Hash { form: Form::Table(fields) }),
        }
    }
}

impl Loading {
    /// The fields so far, in a table.
    fn table(&self, hash_key: &HashKey) -> Result<Box<Fields>, LoadError> {
        let fields = match self {
            Self::Packed(pack) => HashIter::Packed(pack.pairs()),
            Self::Timed(pack) => HashIter::Timed(pack.iter()),
            Self::Table(fields) => HashIter::Table(fields.iter()),
        };
        let mut table = Box::new(Fields::new(hash_key));
        for HashField { name, value, expiry } in fields {
            once(name.with_bytes(|name| value.with_bytes(|value| table.add(name, value, expiry))))?;
        }
        Ok(table)
    }
}

fn once(is_new: bool) -> Result<(), LoadError> {
    if is_new { Ok(()) } else { Err(LoadError::Repeated) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;

    fn key() -> HashKey {
        HashKey::from_bytes([7; 16])
    }

    fn limits(entries: usize, value: usize) -> EncodingLimits {
        EncodingLimits {
            hash_max_listpack_entries: entries,
            hash_max_listpack_value: value,
            ..EncodingLimits::default()
        }
    }

    fn load(fields: &[(&str, &str)], limits: &EncodingLimits) -> Result<Hash, LoadError> {
        let key = key();
        let mut loader = HashLoader::new(fields.len(), limits, &key);
        for (name, value) in fields {
            loader.push(name.as_bytes(), value.as_bytes())?;
        }
        loader.finish()
    }

    #[test]
    fn loaded_fields_take_the_encoding_that_their_number_and_length_ask_for() {
        let fields = [("a", "1"), ("b", "two")];
        for (limits, encoding) in
            [(limits(2, 3), "listpack"), (limits(1, 3), "hashtable"), (limits(2, 2), "hashtable")]
        {
            let hash = load(&fields, &limits).unwrap();
            assert_eq!((hash.encoding(), hash.len()), (encoding, 2));
            assert_eq!(hash.get(b"b", UnixMillis(1)), Some(Text::Bytes(b"two")));
            hash.check_invariants();
        }
    }

    #[test]
    fn a_field_that_comes_twice_is_refused_in_every_encoding() {
        let fields = [("a", "1"), ("long name", "x"), ("a", "2")];
        for limits in [limits(9, 9), limits(9, 3), limits(1, 9)] {
            assert_eq!(load(&fields, &limits).err(), Some(LoadError::Repeated));
        }
    }

    #[test]
    fn a_listpack_is_taken_over_as_it_is_or_moved_when_it_has_too_many_fields() {
        let pack: Listpack = ["a", "1", "b", "a long value"].iter().collect();
        let hash = Hash::from_listpack(pack.clone(), &limits(2, 1), &key()).unwrap();
        assert_eq!(hash.as_listpack(), Some(&pack));
        let hash = Hash::from_listpack(pack, &limits(1, 1), &key()).unwrap();
        assert_eq!((hash.encoding(), hash.len(), hash.as_listpack()), ("hashtable", 2, None));
        let twice: Listpack = ["a", "1", "a", "2"].iter().collect();
        for entries in [1, 2] {
            let refused = Hash::from_listpack(twice.clone(), &limits(entries, 9), &key());
            assert_eq!(refused.err(), Some(LoadError::Repeated));
        }
        let odd: Listpack = ["a", "1", "b"].iter().collect();
        assert_eq!(Hash::from_listpack(odd, &limits(2, 9), &key()).err(), Some(LoadError::Odd));
    }
}
