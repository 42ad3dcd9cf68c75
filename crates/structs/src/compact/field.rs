//! A name and a value in one allocation: a field of a hash.

use super::length;
use super::raw::{ItemLayout, Raw};
use crate::hash::{HashKey, hash_bytes};
use crate::table::TableItem;

/// An owned pair of byte strings behind a thin pointer: length of the name, length of the value, name, value.
///
/// The top bit of the first byte is always 0. It is reserved for "an expiry of eight bytes follows the
/// lengths".
pub struct Field(Raw<FieldLayout>);

struct FieldLayout;

/// Where things lie in a field.
#[derive(Clone, Copy)]
struct Parts {
    name_at: usize,
    value_at: usize,
    end: usize,
}

impl Parts {
    #[inline]
    fn read(byte: impl Fn(usize) -> u8) -> Self {
        let name = length::read(&byte);
        let name_length_size = length::size(name);
        let value = length::read(|i| byte(name_length_size + i));
        let name_at = name_length_size + length::size(value);
        Self { name_at, value_at: name_at + name, end: name_at + name + value }
    }
}

impl ItemLayout for FieldLayout {
    #[inline]
    fn measure(byte: impl Fn(usize) -> u8) -> usize {
        Parts::read(byte).end
    }
}

/// The two lengths as written; the second number says how many bytes they take.
#[inline]
fn lengths(name: usize, value: usize) -> ([u8; 2 * length::MAX_SIZE], usize) {
    let mut head = [0; 2 * length::MAX_SIZE];
    let name_length_size = length::write(name, &mut head);
    let value_length_size = length::write(value, &mut head[name_length_size..]);
    (head, name_length_size + value_length_size)
}

impl Field {
    /// A copy of `name` and `value`.
    #[inline]
    pub fn new(name: &[u8], value: &[u8]) -> Self {
        let (head, head_size) = lengths(name.len(), value.len());
        Self(Raw::new([&head[..head_size], name, value]))
    }

    /// The name.
    #[inline]
    pub fn name(&self) -> &[u8] {
        let all = self.0.bytes();
        let parts = Parts::read(|i| all[i]);
        &all[parts.name_at..parts.value_at]
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> &[u8] {
        let all = self.0.bytes();
        let parts = Parts::read(|i| all[i]);
        &all[parts.value_at..]
    }

    /// Replaces the value: in its place when the field stays in its size class, else in a new allocation.
    pub fn set_value(&mut self, value: &[u8]) {
        let all = self.0.bytes();
        let Parts { name_at, value_at, .. } = Parts::read(|i| all[i]);
        let (head, head_size) = lengths(value_at - name_at, value.len());
        if head_size != name_at || !self.0.rewrite(&head[..head_size], value_at, value) {
            *self = Self::new(self.name(), value);
        }
    }

    /// The bytes of memory it takes, behind the pointer.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

impl TableItem for Field {
    /// The hash of the name.
    #[inline]
    fn hash_again(&self, key: &HashKey) -> u64 {
        hash_bytes(key, self.name())
    }

    #[inline]
    fn address(&self) -> *const u8 {
        self.0.address()
    }
}

impl Clone for Field {
    fn clone(&self) -> Self {
        Self::new(self.name(), self.value())
    }
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Field(\"{}\": \"{}\")", self.name().escape_ascii(), self.value().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_field_takes_the_memory_that_the_module_promises() {
        for (name, value, memory) in
            [(0, 0, 8), (8, 7, 24), (15, 32, 56), (15, 39, 56), (15, 40, 64), (124, 1, 128)]
        {
            let field = Field::new(&vec![b'n'; name], &vec![b'v'; value]);
            assert_eq!(field.memory_bytes(), memory, "of {name} + {value} bytes");
        }
    }

    #[test]
    fn a_value_is_set_in_its_place_exactly_when_the_size_class_and_the_length_of_the_lengths_stay() {
        // 2 + 4 + value: 24 bytes up to a value of 18, 32 bytes from 19 to 26.
        for (from, to, stays) in
            [(16, 16, true), (16, 18, true), (18, 11, true), (18, 19, false), (18, 10, false)]
        {
            let mut field = Field::new(b"name", &vec![b'a'; from]);
            let before = field.address();
            field.set_value(&vec![b'b'; to]);
            assert_eq!(field.value(), vec![b'b'; to]);
            assert_eq!(field.name(), b"name");
            assert_eq!(field.address() == before, stays, "from {from} to {to} bytes");
        }
    }

    #[test]
    fn the_flag_for_an_expiry_is_free_in_every_field() {
        for name in [0, 1, 123, 124, 379, 380, 65_536] {
            let field = Field::new(&vec![0xff; name], b"");
            assert_eq!(field.0.bytes()[0] & 0x80, 0, "name of {name} bytes");
        }
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let length = prop_oneof![6 => 0usize..40, 3 => 100usize..400, 1 => 65_530usize..65_540];
        (length, any::<u8>())
            .prop_map(|(length, first)| (0..length).map(|i| first.wrapping_add(i as u8)).collect())
    }

    proptest! {
        #[test]
        fn a_field_holds_its_name_and_the_value_that_was_set_last(
            name in bytes(),
            values in prop::collection::vec(bytes(), 1..8),
        ) {
            let mut field = Field::new(&name, &values[0]);
            for value in &values {
                field.set_value(value);
                prop_assert_eq!(field.name(), &name);
                prop_assert_eq!(field.value(), value);
                prop_assert_eq!(field.memory_bytes(), Field::new(&name, value).memory_bytes());
            }
        }
    }
}
