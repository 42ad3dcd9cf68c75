//! The array value.

use spinel_structs::array::ArrayValue;
pub use spinel_structs::array::{Array, ArrayRange};

use super::{Kind, NewValue, Text, Typed, ValueMut, ValueRef};

/// The name `OBJECT ENCODING` reports.
pub(crate) const ENCODING: &str = "sliced-array";

/// Values.
pub(super) fn elements(array: &Array) -> usize {
    usize::try_from(array.count()).unwrap_or(usize::MAX)
}

impl<'a> From<ArrayValue<'a>> for Text<'a> {
    fn from(value: ArrayValue<'a>) -> Self {
        match value {
            ArrayValue::Int(n) => Self::Int(n),
            ArrayValue::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

impl Typed for Array {
    const KIND: Kind = Kind::Array;

    fn of(value: ValueRef<'_>) -> Option<&Self> {
        match value {
            ValueRef::Array(array) => Some(array),
            _ => None,
        }
    }

    fn of_mut(value: ValueMut<'_>) -> Option<&mut Self> {
        match value {
            ValueMut::Array(array) => Some(array),
            _ => None,
        }
    }

    fn empty() -> Self {
        Self::new()
    }

    fn is_empty(&self) -> bool {
        self.count() == 0
    }

    fn into_new(self: Box<Self>) -> NewValue<'static> {
        NewValue::Array(self)
    }
}
