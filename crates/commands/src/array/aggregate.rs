//! Numbers out of many values: what `AROP` computes.

use spinel_structs::array::ArrayValue;
use spinel_structs::number::{format_double, parse_f64, parse_i64};

/// A value that is a number: an integer of 64 bits, or a double.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    /// The number that a value is, if it is one.
    pub(super) fn of(value: ArrayValue<'_>) -> Option<Self> {
        match value {
            ArrayValue::Int(n) => Some(Self::Int(n)),
            ArrayValue::Bytes(text) => match parse_i64(text) {
                Some(n) => Some(Self::Int(n)),
                None => parse_f64(text).map(Self::Float),
            },
        }
    }

    /// Without what is behind the point; what is too large is the largest.
    pub(super) fn truncated(self) -> i64 {
        match self {
            Self::Int(n) => n,
            Self::Float(n) => n as i64,
        }
    }

    pub(super) fn is_below(self, other: Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a < b,
            _ => self.wide() < other.wide(),
        }
    }

    fn wide(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Float(n) => n,
        }
    }

    pub(super) fn text(self) -> Vec<u8> {
        match self {
            Self::Int(n) => n.to_string().into_bytes(),
            Self::Float(n) => text_of_double(n),
        }
    }
}

fn text_of_double(n: f64) -> Vec<u8> {
    let mut text = Vec::new();
    format_double(n, &mut text);
    text
}

/// A sum: exact as long as all are integers, a double otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    ints: i128,
    floats: Option<f64>,
}

impl Sum {
    pub(super) fn add(self, number: Number) -> Self {
        match number {
            // 2^64 values of 64 bits do not reach the end of 128.
            Number::Int(n) => Self { ints: self.ints + i128::from(n), ..self },
            Number::Float(n) => Self { floats: Some(self.floats.unwrap_or(0.0) + n), ..self },
        }
    }

    pub(super) fn text(self) -> Vec<u8> {
        match self.floats {
            None => self.ints.to_string().into_bytes(),
            Some(floats) => text_of_double(self.ints as f64 + floats),
        }
    }
}
