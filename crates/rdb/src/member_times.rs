//! When members of sets and sorted sets and elements of lists expire: in fields about the file, which other servers pass over.
//!
//! ```text
//! │ 250 │ "spinel-members" │ string │ ... │ [252 expiry] ... │ type │ key │ value │
//!                            └ time, 8 bytes │ length │ member │ time │ length │ member │ ...
//! ```
//!
//! The fields stand in front of the key that they belong to, as many as are needed for strings of about
//! [`SLICE_BYTES`]; what follows them is the plain collection with all its members. So every server reads the collection, and
//! those who know the fields also when its members expire. A time is Unix milliseconds, the least significant byte first; a
//! length is written as everywhere in the format. In the place of a member stands, for an element of a list, its index in
//! decimal digits. What is said of a member that is not there says nothing.

use spinel_store::value::ExpiringElements;
use spinel_store::{Text, UnixMillis, ValueRef};

use crate::decode::{Cursor, Fault};
use crate::encode::{Progress, put_length};
use crate::opcode;

/// The first bytes of each field: the opcode, the length of the name, the name.
const HEAD: &[u8] = b"\xFA\x0Espinel-members";
/// Bytes of a field's value, about.
const SLICE_BYTES: usize = 32 << 10;

/// Writes the times of a collection's members in slices.
pub struct MemberTimesEncoder<'a> {
    members: ExpiringElements<'a>,
    /// The first of the next slice.
    next: Option<(Text<'a>, UnixMillis)>,
}

impl<'a> MemberTimesEncoder<'a> {
    /// Ready to write, if there is something to write.
    #[must_use]
    pub fn new(value: ValueRef<'a>) -> Option<Self> {
        let mut members = value.expiring_elements()?;
        let next = Some(members.next()?);
        Some(Self { members, next })
    }

    /// Appends about so many bytes, a whole field at least.
    pub fn step(&mut self, out: &mut Vec<u8>, budget: usize) -> Progress {
        let limit = out.len().saturating_add(budget);
        while self.next.is_some() {
            self.put_field(out);
            if out.len() >= limit && self.next.is_some() {
                return Progress::More;
            }
        }
        Progress::Done
    }

    fn put_field(&mut self, out: &mut Vec<u8>) {
        let mut slice = Vec::new();
        while let Some((member, UnixMillis(at))) = self.next
            && slice.len() < SLICE_BYTES
        {
            slice.extend_from_slice(&at.to_le_bytes());
            member.with_bytes(|member| {
                put_length(&mut slice, member.len() as u64);
                slice.extend_from_slice(member);
            });
            self.next = self.members.next();
        }
        out.extend_from_slice(HEAD);
        put_length(out, slice.len() as u64);
        out.extend_from_slice(&slice);
    }
}

/// Whether one of the fields is at the front of `bytes`.
///
/// # Errors
/// [`Fault::Truncated`] when there are too few bytes to say.
pub(crate) fn begin_here(bytes: &[u8]) -> Result<bool, Fault> {
    match bytes.get(..HEAD.len()) {
        Some(front) => Ok(front == HEAD),
        None if HEAD.starts_with(bytes) => Err(Fault::Truncated),
        None => Ok(false),
    }
}

/// Goes past a field whose first byte was passed, and gives its value.
pub(crate) fn read_field<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Fault> {
    if cursor.take(HEAD.len() as u64 - 1)? != &HEAD[1..] {
        return Err(Fault::Type(opcode::AUX));
    }
    let length = cursor.length()?;
    cursor.take(length)
}

/// Times of members, as they were found in front of a key.
#[derive(Clone, Debug, Default)]
pub struct MemberTimes<'a> {
    slices: Vec<&'a [u8]>,
}

impl<'a> MemberTimes<'a> {
    pub(crate) fn push(&mut self, slice: &'a [u8]) {
        self.slices.push(slice);
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// The members with their times, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], UnixMillis)> {
        self.slices.iter().flat_map(|slice| {
            let mut cursor = Cursor::new(slice);
            std::iter::from_fn(move || next(&mut cursor).expect("the slices were checked"))
        })
    }

    /// Reads all, so that nobody meets a fault later.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        for slice in &self.slices {
            let mut cursor = Cursor::new(slice);
            while next(&mut cursor)?.is_some() {}
        }
        Ok(())
    }
}

/// The next member and its time; nothing at the end.
fn next<'a>(cursor: &mut Cursor<'a>) -> Result<Option<(&'a [u8], UnixMillis)>, Fault> {
    if cursor.remaining() == 0 {
        return Ok(None);
    }
    let at = i64::from_le_bytes(cursor.array()?);
    let length = cursor.length()?;
    Ok(Some((cursor.take(length)?, UnixMillis(at))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use spinel_store::value::Set;
    use spinel_store::{EncodingLimits, End, HashKey, List, Text, ValueMut};

    fn set_of(members: &[(Vec<u8>, Option<i64>)]) -> Set {
        let (limits, key) = (EncodingLimits::default(), HashKey::from_bytes([1; 16]));
        let mut set = Set::new();
        for (member, at) in members {
            set.add(Text::Bytes(member), &limits, &key);
            set.set_expiry(Text::Bytes(member), at.map(UnixMillis), &key);
        }
        set
    }

    /// The fields of a written front, and what follows them.
    fn fields(bytes: &[u8]) -> MemberTimes<'_> {
        let (mut cursor, mut times) = (Cursor::new(bytes), MemberTimes::default());
        while cursor.remaining() > 0 {
            assert_eq!(begin_here(&bytes[cursor.position()..]), Ok(true));
            assert_eq!(cursor.byte(), Ok(opcode::AUX));
            times.push(read_field(&mut cursor).unwrap());
        }
        times.check().unwrap();
        times
    }

    #[test]
    fn the_first_bytes_tell_a_field_as_soon_as_they_can() {
        for end in 0..HEAD.len() {
            assert_eq!(begin_here(&HEAD[..end]), Err(Fault::Truncated));
        }
        assert_eq!(begin_here(b"\xFA\x0Espinel-members\x00"), Ok(true));
        assert_eq!(begin_here(b"\xFA\x05ctime"), Ok(false));
        assert_eq!(begin_here(b"\xFC"), Ok(false));
    }

    #[test]
    fn many_members_take_many_fields_of_bounded_size() {
        let members: Vec<_> = (0..10_000).map(|i| (format!("member {i}").into_bytes(), Some(i))).collect();
        let set = set_of(&members);
        let (mut bytes, mut steps) = (Vec::new(), 1);
        let mut encoder = MemberTimesEncoder::new(ValueRef::Set(&set)).unwrap();
        while encoder.step(&mut bytes, 1) == Progress::More {
            steps += 1;
        }
        let times = fields(&bytes);
        assert_eq!((times.slices.len(), times.iter().count()), (steps, 10_000));
        assert!(steps > 5 && times.slices.iter().all(|slice| slice.len() < SLICE_BYTES + 100));
    }

    #[test]
    fn elements_of_a_list_are_named_by_their_indexes_and_those_it_has_not_are_passed_over() {
        let mut list = List::new();
        list.push(End::Back, [&b"a"[..]; 12], &EncodingLimits::default());
        list.set_expiry(0, Some(UnixMillis(5)));
        list.set_expiry(11, Some(UnixMillis(-7)));
        let mut bytes = Vec::new();
        MemberTimesEncoder::new(ValueRef::List(&list)).unwrap().step(&mut bytes, usize::MAX);
        let times = fields(&bytes);
        let read: Vec<_> = times.iter().map(|(index, at)| (index.to_vec(), at.0)).collect();
        assert_eq!(read, [(b"0".to_vec(), 5), (b"11".to_vec(), -7)]);
        let mut shorter = List::new();
        shorter.push(End::Back, [&b"a"[..]; 3], &EncodingLimits::default());
        let strange =
            [&b"-1"[..], b"x", b"", b"3", b"99999999999999999999"].map(|index| (index, UnixMillis(1)));
        let named = times.iter().chain(strange);
        ValueMut::List(&mut shorter).set_element_expiries(named, &HashKey::from_bytes([1; 16]));
        assert_eq!(shorter.expiring().collect::<Vec<_>>(), [(0, UnixMillis(5))]);
    }

    proptest! {
        #[test]
        fn times_are_read_as_they_were_written(
            members in prop::collection::btree_map(
                prop::collection::vec(any::<u8>(), 0..40), prop::option::of(any::<i64>()), 0..20),
        ) {
            let members: Vec<_> = members.into_iter().collect();
            let set = set_of(&members);
            let mut bytes = Vec::new();
            if let Some(mut encoder) = MemberTimesEncoder::new(ValueRef::Set(&set)) {
                prop_assert_eq!(encoder.step(&mut bytes, usize::MAX), Progress::Done);
            }
            let mut read: Vec<_> = fields(&bytes).iter().map(|(member, at)| (member.to_vec(), at.0)).collect();
            read.sort();
            let expected: Vec<_> =
                members.iter().filter_map(|(member, at)| Some((member.clone(), (*at)?))).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut times = MemberTimes::default();
            times.push(&bytes);
            if times.check().is_ok() {
                let read: usize = times.iter().map(|(member, _)| member.len() + 9).sum();
                prop_assert!(read <= bytes.len());
            }
            let _ = begin_here(&bytes);
            let _ = read_field(&mut Cursor::new(&bytes));
        }
    }
}
