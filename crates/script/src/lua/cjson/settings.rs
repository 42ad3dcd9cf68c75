//! The settings of a `cjson` module and the functions that change them.

use crate::lua::args::{check_int, check_text};
use crate::vm::{Fault, Kind, Stack};

// The places of settings in their table.
pub(super) const SPARSE_CONVERT: i32 = 1;
pub(super) const SPARSE_RATIO: i32 = 2;
pub(super) const SPARSE_SAFE: i32 = 3;
pub(super) const ENCODE_MAX_DEPTH: i32 = 4;
pub(super) const ENCODE_INVALID_NUMBERS: i32 = 5;
pub(super) const ENCODE_PRECISION: i32 = 6;
const ENCODE_KEEP_BUFFER: i32 = 7;
pub(super) const DECODE_INVALID_NUMBERS: i32 = 8;
pub(super) const DECODE_MAX_DEPTH: i32 = 9;
pub(super) const DECODE_MARKS_ARRAYS: i32 = 10;
/// The metatable of arrays that are marked as such.
pub(super) const ARRAY_METATABLE: i32 = 11;

/// The field in the metatable of a table that is an array whatever is in it.
pub(super) const ARRAY_MARK: &std::ffi::CStr = c"__is_cjson_array";

const OFF_ON: [&str; 2] = ["off", "on"];
const OFF_ON_NULL: [&str; 3] = ["off", "on", "null"];

/// Pushes the table of settings as they are in the beginning.
pub(super) fn push_defaults(stack: &mut Stack<'_>) {
    let defaults = [
        (SPARSE_CONVERT, 0),
        (SPARSE_RATIO, 2),
        (SPARSE_SAFE, 10),
        (ENCODE_MAX_DEPTH, 1000),
        (ENCODE_INVALID_NUMBERS, 0),
        (ENCODE_PRECISION, 14),
        (ENCODE_KEEP_BUFFER, 1),
        (DECODE_INVALID_NUMBERS, 1),
        (DECODE_MAX_DEPTH, 1000),
        (DECODE_MARKS_ARRAYS, 0),
    ];
    stack.push_table(defaults.len() + 1, 0);
    let table = stack.top();
    for (place, value) in defaults {
        stack.push_number(f64::from(value));
        stack.set_element(table, place);
    }
    stack.push_table(0, 1);
    stack.push_boolean(true);
    stack.set_field(table + 1, ARRAY_MARK);
    stack.set_readonly(table + 1, true);
    stack.set_element(table, ARRAY_METATABLE);
}

/// A setting of the running function's module.
pub(super) fn get(stack: &mut Stack<'_>, place: i32) -> i32 {
    stack.push_taken(1);
    let table = stack.top();
    stack.push_element(table, place);
    let value = stack.number(table + 1).unwrap_or_default() as i32;
    stack.truncate(table - 1);
    value
}

fn set(stack: &mut Stack<'_>, place: i32, value: i32) {
    stack.push_taken(1);
    let table = stack.top();
    stack.push_number(f64::from(value));
    stack.set_element(table, place);
    stack.truncate(table - 1);
}

/// Checks that there are no more than `most` arguments, and makes it so many.
fn take_arguments(stack: &mut Stack<'_>, most: i32) -> Result<(), Fault> {
    if stack.top() > most {
        return Err(Fault::argument(most + 1, "found too many arguments"));
    }
    stack.resize(most);
    Ok(())
}

/// Sets a number if one is given, and pushes what is set.
fn number_option(stack: &mut Stack<'_>, index: i32, place: i32, least: i32, most: i32) -> Result<(), Fault> {
    if stack.kind(index) != Kind::Nil {
        let value = check_int(stack, index)?;
        if !(least..=most).contains(&value) {
            let text = format!("expected integer between {least} and {most}");
            return Err(Fault::Argument(1, text.into_bytes().into()));
        }
        set(stack, place, value);
    }
    let value = get(stack, place);
    stack.push_number(f64::from(value));
    Ok(())
}

/// Sets one of several words, or a boolean for the first two, if one is given, and pushes what is set.
fn word_option(stack: &mut Stack<'_>, index: i32, place: i32, words: &[&'static str]) -> Result<(), Fault> {
    match stack.kind(index) {
        Kind::Nil => {}
        Kind::Boolean => {
            let value = i32::from(stack.is_true(index));
            set(stack, place, value);
        }
        _ => {
            let word = check_text(stack, index)?.into_owned();
            let word = crate::lua::args::up_to_zero(&word);
            let Some(value) = words.iter().position(|known| known.as_bytes() == word) else {
                let text = [b"invalid option '", word, b"'"].concat();
                return Err(Fault::Argument(index, text.into()));
            };
            set(stack, place, value as i32);
        }
    }
    match get(stack, place) {
        value @ (0 | 1) => stack.push_boolean(value == 1),
        value => stack.push_bytes(words.get(value as usize).copied().unwrap_or_default().as_bytes()),
    }
    Ok(())
}

/// `cjson.encode_sparse_array([convert [, ratio [, safe]]])`.
pub(super) fn encode_sparse_array(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    take_arguments(stack, 3)?;
    word_option(stack, 1, SPARSE_CONVERT, &OFF_ON)?;
    number_option(stack, 2, SPARSE_RATIO, 0, i32::MAX)?;
    number_option(stack, 3, SPARSE_SAFE, 0, i32::MAX)?;
    Ok(3)
}

/// `cjson.encode_max_depth([depth])`.
pub(super) fn encode_max_depth(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    take_arguments(stack, 1)?;
    number_option(stack, 1, ENCODE_MAX_DEPTH, 1, i32::MAX)?;
    Ok(1)
}

/// `cjson.decode_max_depth([depth])`.
pub(super) fn decode_max_depth(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    take_arguments(stack, 1)?;
    number_option(stack, 1, DECODE_MAX_DEPTH, 1, i32::MAX)?;
    Ok(1)
}

/// `cjson.encode_number_precision([digits])`.
pub(super) fn encode_number_precision(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    take_arguments(stack, 1)?;
    number_option(stack, 1, ENCODE_PRECISION, 1, 14)?;
    Ok(1)
}

/// `cjson.encode_keep_buffer([keep])`: kept, and without effect.
pub(super) fn encode_keep_buffer(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    take_arguments(stack, 1)?;
    word_option(stack, 1, ENCODE_KEEP_BUFFER, &OFF_ON)?;
    Ok(1)
}

/// `cjson.encode_invalid_numbers([how])`.
pub(super) fn encode_invalid_numbers(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    take_arguments(stack, 1)?;
    word_option(stack, 1, ENCODE_INVALID_NUMBERS, &OFF_ON_NULL)?;
    Ok(1)
}

/// `cjson.decode_invalid_numbers([accept])`.
pub(super) fn decode_invalid_numbers(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    take_arguments(stack, 1)?;
    word_option(stack, 1, DECODE_INVALID_NUMBERS, &OFF_ON)?;
    Ok(1)
}

/// `cjson.decode_array_with_array_mt([mark])`: whether arrays stay arrays when they are encoded again, empty ones too.
pub(super) fn decode_array_with_array_mt(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    take_arguments(stack, 1)?;
    word_option(stack, 1, DECODE_MARKS_ARRAYS, &OFF_ON)?;
    Ok(1)
}
