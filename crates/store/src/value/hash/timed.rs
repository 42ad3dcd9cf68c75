//! The small form of a hash with fields that expire: Redis's `listpackex`, a listpack of triples in the order of their times.
//!
//! ```text
//! │ name │ value │ time │ name │ value │ time │ ... │ name │ value │ 0 │
//!   the earliest first                               without a time last
//! ```
//!
//! Times are Unix milliseconds. A field that is given the time of others comes before them, one that is given none comes
//! last, as in Redis, so that replies have Redis's order. A time takes 10 bytes, none takes 2.

use spinel_structs::listpack::{self, Listpack, Pos};
use spinel_structs::number::IntBuffer;
use spinel_structs::size_class::malloc_size;

use super::HashField;
use super::fields::OldExpiry;
use crate::UnixMillis;
use crate::value::{LoadError, Text};

/// Values of a field.
const TRIPLE: usize = 3;
/// What a time takes at most.
const TIME_BYTES: usize = 10;
/// What stands for no time.
const NONE: i64 = 0;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct TimedPack {
    pack: Listpack,
}

impl TimedPack {
    /// With the fields of a listpack of pairs, none of which expires.
    pub(super) fn of_pairs(pairs: &Listpack) -> Self {
        let mut pack = Listpack::with_capacity(pairs.byte_len() + pairs.len());
        let mut buffer = IntBuffer::new();
        for (name, value) in pairs.pairs() {
            pack.push_back(name.to_bytes(&mut buffer));
            pack.push_back(value.to_bytes(&mut buffer));
            pack.push_back_int(NONE);
        }
        Self { pack }
    }

    /// Takes over a listpack of triples.
    ///
    /// # Errors
    /// When values are missing, a time is none, or times are not in order.
    pub(super) fn from_listpack(pack: Listpack) -> Result<Self, LoadError> {
        let mut values = pack.iter();
        let mut last = Some(UnixMillis(i64::MIN));
        while values.next().is_some() {
            let (Some(_), Some(time)) = (values.next(), values.next()) else { return Err(LoadError::Odd) };
            let time = match time {
                listpack::ListpackValue::Int(NONE) => None,
                listpack::ListpackValue::Int(at @ 1..) => Some(UnixMillis(at)),
                listpack::ListpackValue::Int(_) | listpack::ListpackValue::Bytes(_) => {
                    return Err(LoadError::NotATime);
                }
            };
            if time.is_some() && last.is_none_or(|last| time < Some(last)) {
                return Err(LoadError::UnorderedTimes);
            }
            last = time;
        }
        Ok(Self { pack })
    }

    pub(super) fn as_listpack(&self) -> &Listpack {
        &self.pack
    }

    pub(super) fn into_listpack(self) -> Listpack {
        self.pack
    }

    pub(super) fn len(&self) -> usize {
        self.pack.len() / TRIPLE
    }

    pub(super) fn would_exceed(&self, bytes: usize) -> bool {
        self.pack.would_exceed(bytes + TIME_BYTES)
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        Iter(self.pack.iter())
    }

    fn at(&self, pos: Pos) -> HashField<'_> {
        Iter(self.pack.iter_from(pos)).next().expect("a field has three values")
    }

    fn find(&self, name: &[u8]) -> Option<Pos> {
        self.pack.find(name, TRIPLE - 1)
    }

    pub(super) fn get(&self, name: &[u8], now: UnixMillis) -> Option<Text<'_>> {
        let field = self.at(self.find(name)?);
        (!field.is_expired(now)).then_some(field.value)
    }

    /// When a field expires, if there is one of this name.
    pub(super) fn expiry(&self, name: &[u8]) -> Option<Option<UnixMillis>> {
        Some(self.at(self.find(name)?).expiry)
    }

    /// The earliest expiry.
    pub(super) fn next_expiry(&self) -> Option<UnixMillis> {
        self.iter().next()?.expiry
    }

    /// Sets a field; returns whether it is new.
    pub(super) fn set(&mut self, name: &[u8], value: &[u8], old: OldExpiry) -> bool {
        let Some(pos) = self.find(name) else {
            self.insert(name, value, None);
            return true;
        };
        if old == OldExpiry::Drop && self.at(pos).expiry.is_some() {
            self.pack.remove_run(pos, TRIPLE);
            self.insert(name, value, None);
        } else {
            let value_at = self.pack.next(pos).expect("a field has a value");
            self.pack.replace(value_at, value);
        }
        false
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let Some(pos) = self.find(name) else { return false };
        self.pack.remove_run(pos, TRIPLE);
        true
    }

    /// Sets, changes or removes the expiry of a field, which goes to its new place; false if there is none of this name.
    pub(super) fn set_expiry(&mut self, name: &[u8], expiry: Option<UnixMillis>) -> bool {
        let Some(pos) = self.find(name) else { return false };
        let value = self.at(pos).value.to_vec();
        self.pack.remove_run(pos, TRIPLE);
        self.insert(name, &value, expiry);
        true
    }

    /// Puts a new field in its place.
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8], expiry: Option<UnixMillis>) {
        let mut fields = self.iter();
        let mut place = None;
        while let Some(expiry) = expiry
            && let Some(pos) = fields.0.position()
        {
            if fields.next().is_some_and(|field| field.expiry.is_none_or(|at| at >= expiry)) {
                place = Some(pos);
                break;
            }
        }
        let name_at = self.pack.insert_pair_before(place, name, value);
        let value_at = self.pack.next(name_at).expect("it was just inserted");
        let time = expiry.map_or(NONE, |at| at.0);
        self.pack.insert_after(value_at, IntBuffer::new().format(time).as_bytes());
    }

    /// Removes up to `limit` fields whose time has come and hands their names out; returns how many.
    pub(super) fn remove_due(
        &mut self,
        now: UnixMillis,
        limit: usize,
        removed: &mut impl FnMut(&[u8]),
    ) -> usize {
        let due = self.iter().take(limit).take_while(|field| field.is_expired(now));
        let count = due.inspect(|field| field.name.with_bytes(&mut *removed)).count();
        self.pack.remove_range(0, count * TRIPLE);
        count
    }

    pub(super) fn clear(&mut self) {
        self.pack.clear();
    }

    pub(super) fn memory_bytes(&self) -> usize {
        malloc_size(size_of::<Self>()) + malloc_size(self.pack.memory_bytes())
    }

    pub(super) fn check_invariants(&self) {
        self.pack.check_invariants();
        if let Err(error) = Self::from_listpack(self.pack.clone()) {
            panic!("a listpack of triples in order: {error}");
        }
    }
}

/// The fields of a small hash with fields that expire.
#[derive(Clone)]
pub struct Iter<'a>(listpack::Iter<'a>);

impl<'a> Iterator for Iter<'a> {
    type Item = HashField<'a>;

    #[inline]
    fn next(&mut self) -> Option<HashField<'a>> {
        let (name, value, time) = (self.0.next()?, self.0.next()?, self.0.next()?);
        let expiry = time.as_i64().filter(|&at| at != NONE).map(UnixMillis);
        Some(HashField { name: name.into(), value: value.into(), expiry })
    }
}
