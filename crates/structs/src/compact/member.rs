//! A byte string in one allocation: a member of a set.

use std::ptr::NonNull;

use super::length;
use super::raw::{ItemLayout, Raw};
use crate::hash::{HashKey, hash_bytes};
use crate::table::TableItem;

/// An owned byte string behind a thin pointer: its length (one byte up to 123), then the bytes.
///
/// The top bit of the first byte tells that the member expires: then eight bytes with the Unix time in milliseconds
/// follow the length.
pub struct Member(Raw<MemberLayout>);

struct MemberLayout;

/// The bit of the first byte that tells of an expiry.
const EXPIRES: u8 = 0x80;
const EXPIRY_SIZE: usize = size_of::<i64>();

/// Where the bytes begin, and how many they are.
#[inline]
fn place(byte: impl Fn(usize) -> u8) -> (usize, usize) {
    let length = length::read(&byte);
    let expiry_size = if byte(0) & EXPIRES == 0 { 0 } else { EXPIRY_SIZE };
    (length::size(length) + expiry_size, length)
}

impl ItemLayout for MemberLayout {
    #[inline]
    fn measure(byte: impl Fn(usize) -> u8) -> usize {
        let (start, length) = place(byte);
        start + length
    }
}

impl Member {
    /// A copy of `bytes`.
    #[inline]
    pub fn new(bytes: &[u8]) -> Self {
        let mut head = [0; length::MAX_SIZE];
        let head_size = length::write(bytes.len(), &mut head);
        Self(Raw::new([&head[..head_size], bytes]))
    }

    /// A copy of `bytes`, which expires at a Unix time in milliseconds.
    pub fn with_expiry(bytes: &[u8], expiry: Option<i64>) -> Self {
        let Some(at) = expiry else { return Self::new(bytes) };
        let mut head = [0; length::MAX_SIZE];
        let head_size = length::write(bytes.len(), &mut head);
        head[0] |= EXPIRES;
        Self(Raw::new([&head[..head_size], &at.to_le_bytes(), bytes]))
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        let all = self.0.bytes();
        &all[place(|i| all[i]).0..]
    }

    /// When it expires: a Unix time in milliseconds.
    #[inline]
    pub fn expiry(&self) -> Option<i64> {
        let all = self.0.bytes();
        if all[0] & EXPIRES == 0 {
            return None;
        }
        let (start, _) = place(|i| all[i]);
        let bytes = all[start - EXPIRY_SIZE..start].try_into().expect("eight bytes were cut out");
        Some(i64::from_le_bytes(bytes))
    }

    /// Sets, changes or removes the expiry; in its place only when there was one and stays one.
    pub fn set_expiry(&mut self, expiry: Option<i64>) {
        let old = self.expiry();
        if expiry == old {
            return;
        }
        if let (Some(at), Some(_)) = (expiry, old) {
            let all = self.0.bytes();
            let (start, length) = place(|i| all[i]);
            let mut head = [0; length::MAX_SIZE + EXPIRY_SIZE];
            head[..start].copy_from_slice(&all[..start]);
            head[start - EXPIRY_SIZE..start].copy_from_slice(&at.to_le_bytes());
            let is_rewritten = self.0.rewrite(&head[..start], start + length, b"");
            debug_assert!(is_rewritten, "the size stays");
        } else {
            *self = Self::with_expiry(self.as_bytes(), expiry);
        }
    }

    /// Gives up the member for its address, whose lowest three bits are zero. Nobody frees it until
    /// [`from_address`](Self::from_address).
    #[inline]
    pub(crate) fn into_address(self) -> NonNull<u8> {
        self.0.into_address()
    }

    /// The member of an address.
    ///
    /// # Safety
    /// The address came from [`into_address`](Self::into_address) and is given up by this.
    #[inline]
    pub(crate) unsafe fn from_address(start: NonNull<u8>) -> Self {
        // SAFETY: the caller says the same of this layout.
        Self(unsafe { Raw::from_address(start) })
    }

    /// The bytes of memory it takes, behind the pointer.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

impl TableItem for Member {
    #[inline]
    fn hash_again(&self, key: &HashKey) -> u64 {
        hash_bytes(key, self.as_bytes())
    }

    #[inline]
    fn address(&self) -> *const u8 {
        self.0.address()
    }
}

impl Clone for Member {
    fn clone(&self) -> Self {
        Self::with_expiry(self.as_bytes(), self.expiry())
    }
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Member(\"{}\")", self.as_bytes().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;
    use proptest::prelude::*;

    #[test]
    fn a_member_takes_the_memory_that_the_module_promises() {
        for (length, memory) in
            [(0, 8), (7, 8), (8, 16), (15, 16), (16, 24), (31, 32), (123, 128), (124, 128)]
        {
            assert_eq!(Member::new(&vec![b'x'; length]).memory_bytes(), memory, "of {length} bytes");
        }
    }

    #[test]
    fn members_of_every_length_up_to_the_third_form_are_kept() {
        let bytes: Vec<u8> = (0..70_000).map(|i| i as u8).collect();
        for length in (0..800).chain([65_535, 65_536, 70_000]) {
            assert_eq!(Member::new(&bytes[..length]).as_bytes(), &bytes[..length]);
        }
    }

    #[test]
    fn a_table_of_members_finds_them_by_their_bytes() {
        let key = HashKey::from_bytes([7; 16]);
        let mut table = Table::new(key);
        for i in 0..5_000 {
            let member = Member::new(format!("member:{i}").as_bytes());
            table.insert_unique(member.hash_again(&key), member);
        }
        table.check_invariants();
        for i in 0..6_000 {
            let name = format!("member:{i}");
            let found = table.find(hash_bytes(&key, name.as_bytes()), |m| m.as_bytes() == name.as_bytes());
            assert_eq!(found.is_some(), i < 5_000, "{name}");
        }
    }

    #[test]
    fn an_expiry_takes_eight_bytes_and_only_where_there_is_one() {
        let mut member = Member::new(b"fifteen letters");
        assert_eq!((member.memory_bytes(), member.expiry()), (16, None));
        member.set_expiry(Some(1_700_000_000_000));
        assert_eq!((member.memory_bytes(), member.expiry()), (24, Some(1_700_000_000_000)));
        let before = member.address();
        member.set_expiry(Some(-1));
        assert_eq!((member.address(), member.expiry()), (before, Some(-1)));
        member.set_expiry(None);
        assert_eq!((member.memory_bytes(), member.expiry()), (16, None));
        assert_eq!(member.as_bytes(), b"fifteen letters");
    }

    proptest! {
        #[test]
        fn a_member_holds_its_bytes_and_the_expiry_that_was_set_last(
            length in prop_oneof![6 => 0usize..40, 3 => 100usize..400, 1 => 65_530usize..65_540],
            expiries in prop::collection::vec(prop::option::of(any::<i64>()), 1..8),
        ) {
            let bytes: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let mut member = Member::with_expiry(&bytes, expiries[0]);
            for expiry in expiries {
                member.set_expiry(expiry);
                prop_assert_eq!((member.as_bytes(), member.expiry()), (&bytes[..], expiry));
                prop_assert_eq!(member.clone().expiry(), expiry);
                prop_assert_eq!(member.memory_bytes(), Member::with_expiry(&bytes, expiry).memory_bytes());
            }
        }

        #[test]
        fn a_member_and_its_clone_hold_the_bytes_they_were_made_of(bytes: Vec<u8>) {
            let member = Member::new(&bytes);
            let clone = member.clone();
            drop(member);
            prop_assert_eq!(clone.as_bytes(), &bytes);
        }
    }
}
