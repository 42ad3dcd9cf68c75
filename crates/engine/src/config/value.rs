//! What a directive's value is before it is a field: the one shape that the registry reads from and writes to
//! [`Settings`](super::Settings).
//!
//! A field's type says how it turns into a [`Value`]; the registry's declarations then name only the field.

use std::borrow::Cow;

/// Why a value was refused, in the reference's words where it has words for it.
pub type Reason = Cow<'static, str>;

/// A parsed value of one of the plain kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// `yes` or `no`.
    Flag(bool),
    /// Any integer; unsigned 64-bit amounts keep their bit pattern.
    Number(i64),
    /// Bytes, possibly none.
    Text(Vec<u8>),
    /// Position among the directive's words.
    Choice(usize),
}

/// A type of field that a plain directive can be stored in.
pub(super) trait Field {
    /// The field's value in the registry's shape.
    fn to_value(&self) -> Value;
    /// The field that holds `value`.
    ///
    /// # Panics
    /// When the declaration pairs a kind with a field of another type; building the defaults meets every
    /// pair.
    fn from_value(value: Value) -> Self;
}

/// A closed set of words, such as the log levels.
pub(super) trait Choice: Copy + PartialEq + Sized + 'static {
    /// The words, in the order in which errors list them.
    const WORDS: &'static [&'static str];
    /// What each word means; two words may mean the same, then the first is printed.
    const MEANINGS: &'static [Self];
}

impl<C: Choice> Field for C {
    fn to_value(&self) -> Value {
        let position = C::MEANINGS.iter().position(|meaning| meaning == self);
        Value::Choice(position.expect("every variant is listed among the meanings"))
    }

    fn from_value(value: Value) -> Self {
        match value {
            Value::Choice(position) => C::MEANINGS[position],
            other => mismatch(&other),
        }
    }
}

impl Field for bool {
    fn to_value(&self) -> Value {
        Value::Flag(*self)
    }

    fn from_value(value: Value) -> Self {
        match value {
            Value::Flag(flag) => flag,
            other => mismatch(&other),
        }
    }
}

impl Field for Vec<u8> {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn from_value(value: Value) -> Self {
        match value {
            Value::Text(text) => text,
            other => mismatch(&other),
        }
    }
}

/// Integers of every width; a directive's bounds keep its numbers inside its field.
macro_rules! number_fields {
    ($($int:ty),*) => {$(
        impl Field for $int {
            fn to_value(&self) -> Value {
                Value::Number(*self as i64)
            }

            fn from_value(value: Value) -> Self {
                match value {
                    Value::Number(number) => number as $int,
                    other => mismatch(&other),
                }
            }
        }
    )*};
}
number_fields!(u8, u16, u32, i32, u64, usize);

impl Field for i64 {
    fn to_value(&self) -> Value {
        Value::Number(*self)
    }

    fn from_value(value: Value) -> Self {
        match value {
            Value::Number(number) => number,
            other => mismatch(&other),
        }
    }
}

fn mismatch(value: &Value) -> ! {
    unreachable!("a directive is declared with a field of another type than {value:?}")
}
