//! `cmsgpack`: values as MessagePack and back.

mod pack;
mod unpack;

use super::api::register;
use crate::vm::Stack;

/// Pushes the library.
pub(super) fn push(stack: &mut Stack<'_>) {
    stack.push_table(0, 8);
    let table = stack.top();
    register(stack, table, c"pack", pack::pack);
    register(stack, table, c"unpack", unpack::unpack);
    register(stack, table, c"unpack_one", unpack::unpack_one);
    register(stack, table, c"unpack_limit", unpack::unpack_limit);
    for (name, text) in [
        (c"_NAME", &b"cmsgpack"[..]),
        (c"_VERSION", b"lua-cmsgpack 0.4.0"),
        (c"_COPYRIGHT", b"Copyright (C) 2012, Salvatore Sanfilippo"),
        (c"_DESCRIPTION", b"MessagePack C implementation for Lua"),
    ] {
        stack.push_bytes(text);
        stack.set_field(table, name);
    }
}
