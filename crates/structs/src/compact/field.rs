//! A name and a value in one allocation: a field of a hash.

use super::length;
use super::raw::{ItemLayout, Raw};
use crate::hash::{HashKey, hash_bytes};
use crate::table::TableItem;

/// An owned pair of byte strings behind a thin pointer: length of the name, length of the value, name, value.
///
/// The top bit of the first byte tells that the field expires: then eight bytes with the Unix time in milliseconds
/// follow the lengths.
pub struct Field(Raw<FieldLayout>);

struct FieldLayout;

/// The bit of the first byte that tells of an expiry.
const EXPIRES: u8 = 0x80;
const EXPIRY_SIZE: usize = size_of::<i64>();

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
        let expiry_size = if byte(0) & EXPIRES == 0 { 0 } else { EXPIRY_SIZE };
        let name_at = name_length_size + length::size(value) + expiry_size;
        Self { name_at, value_at: name_at + name, end: name_at + name + value }
    }
}

impl ItemLayout for FieldLayout {
    #[inline]
    fn measure(byte: impl Fn(usize) -> u8) -> usize {
        Parts::read(byte).end
    }
}

/// What stands before the name.
struct Head {
    bytes: [u8; 2 * length::MAX_SIZE + EXPIRY_SIZE],
    size: usize,
}

impl Head {
    #[inline]
    fn new(name: usize, value: usize, expiry: Option<i64>) -> Self {
        let mut bytes = [0; 2 * length::MAX_SIZE + EXPIRY_SIZE];
        let name_length_size = length::write(name, &mut bytes);
        let mut size = name_length_size + length::write(value, &mut bytes[name_length_size..]);
        if let Some(at) = expiry {
            bytes[0] |= EXPIRES;
            bytes[size..size + EXPIRY_SIZE].copy_from_slice(&at.to_le_bytes());
            size += EXPIRY_SIZE;
        }
        Self { bytes, size }
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.size]
    }
}

impl Field {
    /// A copy of `name` and `value`.
    #[inline]
    pub fn new(name: &[u8], value: &[u8]) -> Self {
        Self::with_expiry(name, value, None)
    }

    /// A copy of `name` and `value`, which expires at a Unix time in milliseconds.
    #[inline]
    pub fn with_expiry(name: &[u8], value: &[u8], expiry: Option<i64>) -> Self {
        Self(Raw::new([Head::new(name.len(), value.len(), expiry).as_bytes(), name, value]))
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

    /// When it expires: a Unix time in milliseconds.
    #[inline]
    pub fn expiry(&self) -> Option<i64> {
        let all = self.0.bytes();
        if all[0] & EXPIRES == 0 {
            return None;
        }
        let name_at = Parts::read(|i| all[i]).name_at;
        let bytes = all[name_at - EXPIRY_SIZE..name_at].try_into().expect("eight bytes were cut out");
        Some(i64::from_le_bytes(bytes))
    }

    /// Sets, changes or removes the expiry; in its place only when there was one and stays one.
    pub fn set_expiry(&mut self, expiry: Option<i64>) {
        if expiry == self.expiry() {
            return;
        }
        let all = self.0.bytes();
        let Parts { name_at, value_at, end } = Parts::read(|i| all[i]);
        let head = Head::new(value_at - name_at, end - value_at, expiry);
        if head.size != name_at || !self.0.rewrite(head.as_bytes(), end, b"") {
            *self = Self::with_expiry(self.name(), self.value(), expiry);
        }
    }

    /// Replaces the value and keeps the expiry: in its place when the field stays in its size class, else in a new
    /// allocation.
    pub fn set_value(&mut self, value: &[u8]) {
        let expiry = self.expiry();
        let all = self.0.bytes();
        let Parts { name_at, value_at, .. } = Parts::read(|i| all[i]);
        let head = Head::new(value_at - name_at, value.len(), expiry);
        if head.size != name_at || !self.0.rewrite(head.as_bytes(), value_at, value) {
            *self = Self::with_expiry(self.name(), value, expiry);
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
        Self::with_expiry(self.name(), self.value(), self.expiry())
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
    fn an_expiry_takes_eight_bytes_and_only_where_there_is_one() {
        let mut field = Field::new(b"12345678", b"seven b");
        assert_eq!((field.memory_bytes(), field.expiry()), (24, None));
        field.set_expiry(Some(1_700_000_000_000));
        assert_eq!((field.memory_bytes(), field.expiry()), (32, Some(1_700_000_000_000)));
        let before = field.address();
        field.set_expiry(Some(-1));
        assert_eq!((field.address(), field.expiry()), (before, Some(-1)));
        field.set_expiry(None);
        assert_eq!((field.memory_bytes(), field.expiry()), (24, None));
        assert_eq!((field.name(), field.value()), (&b"12345678"[..], &b"seven b"[..]));
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let length = prop_oneof![6 => 0usize..40, 3 => 100usize..400, 1 => 65_530usize..65_540];
        (length, any::<u8>())
            .prop_map(|(length, first)| (0..length).map(|i| first.wrapping_add(i as u8)).collect())
    }

    proptest! {
        #[test]
        fn a_field_holds_its_name_and_the_value_and_expiry_that_were_set_last(
            name in bytes(),
            values in prop::collection::vec((bytes(), prop::option::of(any::<i64>())), 1..8),
        ) {
            let mut field = Field::new(&name, &values[0].0);
            for (value, expiry) in &values {
                field.set_value(value);
                field.set_expiry(*expiry);
                prop_assert_eq!(field.name(), &name);
                prop_assert_eq!(field.value(), value);
                prop_assert_eq!(field.expiry(), *expiry);
                prop_assert_eq!(field.clone().expiry(), *expiry);
                let anew = Field::with_expiry(&name, value, *expiry);
                prop_assert_eq!(field.memory_bytes(), anew.memory_bytes());
            }
        }
    }
}
