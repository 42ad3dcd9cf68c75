//! A byte string in one allocation: a member of a set.

use super::length;
use super::raw::{ItemLayout, Raw};
use crate::hash::{HashKey, hash_bytes};
use crate::table::TableItem;

/// An owned byte string behind a thin pointer: its length (one byte up to 123), then the bytes.
pub struct Member(Raw<MemberLayout>);

struct MemberLayout;

impl ItemLayout for MemberLayout {
    #[inline]
    fn measure(byte: impl Fn(usize) -> u8) -> usize {
        let length = length::read(byte);
        length::size(length) + length
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

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        let all = self.0.bytes();
        &all[length::size(length::read(|i| all[i]))..]
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
        Self::new(self.as_bytes())
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

    proptest! {
        #[test]
        fn a_member_and_its_clone_hold_the_bytes_they_were_made_of(bytes: Vec<u8>) {
            let member = Member::new(&bytes);
            let clone = member.clone();
            drop(member);
            prop_assert_eq!(clone.as_bytes(), &bytes);
        }
    }
}
