//! Arguments of functions, checked with the error texts of Lua 5.1.

use std::borrow::Cow;

pub(super) use crate::shebang::up_to_zero;
use crate::vm::{Fault, Kind, Stack};

/// The error of an argument of the wrong type.
pub(super) fn wrong_type(stack: &Stack<'_>, index: i32, expected: &str) -> Fault {
    let text = format!("{expected} expected, got {}", stack.kind(index).name());
    Fault::Argument(index, Cow::Owned(text.into_bytes()))
}

pub(super) fn check_number(stack: &Stack<'_>, index: i32) -> Result<f64, Fault> {
    stack.to_number(index).ok_or_else(|| wrong_type(stack, index, "number"))
}

/// A number, cut to an integer as C does.
pub(super) fn check_integer(stack: &Stack<'_>, index: i32) -> Result<i64, Fault> {
    check_number(stack, index).map(cut)
}

/// As [`check_integer`], of which the lower 32 bits count.
pub(super) fn check_int(stack: &Stack<'_>, index: i32) -> Result<i32, Fault> {
    check_integer(stack, index).map(|integer| integer as i32)
}

/// An integer that may be missing, or nil.
pub(super) fn optional_integer(stack: &Stack<'_>, index: i32, otherwise: i64) -> Result<i64, Fault> {
    match stack.kind(index) {
        Kind::None | Kind::Nil => Ok(otherwise),
        _ => check_integer(stack, index),
    }
}

/// A string, or a number as text.
pub(super) fn check_text<'s>(stack: &'s Stack<'_>, index: i32) -> Result<Cow<'s, [u8]>, Fault> {
    stack.text(index).ok_or_else(|| wrong_type(stack, index, "string"))
}

/// A double as a 64-bit integer, cut as processors of the x86 family do: whatever does not fit becomes the smallest.
pub(super) fn cut(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&number) { number as i64 } else { i64::MIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_cut_as_by_the_processor() {
        for (number, integer) in
            [(1.9, 1), (-1.9, -1), (1e300, i64::MIN), (-1e300, i64::MIN), (f64::NAN, i64::MIN), (-0.0, 0)]
        {
            assert_eq!(cut(number), integer, "{number}");
        }
    }
}
