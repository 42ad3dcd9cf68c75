//! `cjson`: values as JSON and back, in the manner of lua-cjson 2.1 with the settings that Redis has.
//!
//! The settings of a module stand in a table that its functions take along: there may be several (`cjson.new`).

mod decode;
mod encode;
mod settings;

use super::api::register;
use crate::vm::{Fault, Native, Stack};

/// Pushes the library.
pub(super) fn push(stack: &mut Stack<'_>) {
    stack.push_table(0, 16);
    let module = stack.top();
    settings::push_defaults(stack);
    with_settings(stack, module, c"encode", encode::encode);
    with_settings(stack, module, c"decode", decode::decode);
    with_settings(stack, module, c"encode_sparse_array", settings::encode_sparse_array);
    with_settings(stack, module, c"encode_max_depth", settings::encode_max_depth);
    with_settings(stack, module, c"decode_max_depth", settings::decode_max_depth);
    with_settings(stack, module, c"encode_number_precision", settings::encode_number_precision);
    with_settings(stack, module, c"encode_keep_buffer", settings::encode_keep_buffer);
    with_settings(stack, module, c"encode_invalid_numbers", settings::encode_invalid_numbers);
    with_settings(stack, module, c"decode_invalid_numbers", settings::decode_invalid_numbers);
    with_settings(stack, module, c"decode_array_with_array_mt", settings::decode_array_with_array_mt);
    register(stack, module, c"new", new);
    stack.push_null_pointer();
    stack.set_field(module, c"null");
    for (name, text) in [(c"_NAME", &b"cjson"[..]), (c"_VERSION", b"2.1.0")] {
        stack.push_bytes(text);
        stack.set_field(module, name);
    }
    stack.truncate(module);
}

/// Registers a function that takes the settings along, which are above the module.
fn with_settings<F: Native>(stack: &mut Stack<'_>, module: i32, name: &std::ffi::CStr, native: F) {
    stack.push_copy(module + 1);
    stack.push_native_with(name, native, 1);
    stack.set_field(module, name);
}

/// `cjson.new()`: a module with settings of its own.
#[expect(clippy::unnecessary_wraps, reason = "natives are of one type")]
fn new(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    push(stack);
    Ok(1)
}
