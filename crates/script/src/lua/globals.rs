//! What scripts find in a machine: the globals of Redis's Lua 5.1, and no others; all of them read-only.

use std::ffi::CStr;

use super::api::{add_log_and_version, push_api, register};
use super::args::up_to_zero;
use super::{LuaOptions, base, bit, cjson, cmsgpack, library, pack, random};
use crate::vm::{Fault, Kind, Stack};

/// Globals of Luau that stay.
const FUNCTIONS: [&CStr; 13] = [
    c"assert",
    c"error",
    c"gcinfo",
    c"getmetatable",
    c"ipairs",
    c"next",
    c"pairs",
    c"rawequal",
    c"rawget",
    c"rawset",
    c"select",
    c"setmetatable",
    c"tonumber",
];
const MORE_FUNCTIONS: [&CStr; 2] = [c"tostring", c"type"];

const STRING: [&CStr; 13] = [
    c"byte", c"char", c"find", c"format", c"gmatch", c"gsub", c"len", c"lower", c"match", c"rep", c"reverse",
    c"sub", c"upper",
];
const TABLE: [&CStr; 8] =
    [c"concat", c"foreach", c"foreachi", c"getn", c"insert", c"maxn", c"remove", c"sort"];
const MATH: [&CStr; 28] = [
    c"abs", c"acos", c"asin", c"atan", c"atan2", c"ceil", c"cos", c"cosh", c"deg", c"exp", c"floor", c"fmod",
    c"frexp", c"huge", c"ldexp", c"log", c"log10", c"max", c"min", c"modf", c"pi", c"pow", c"rad", c"sin",
    c"sinh", c"sqrt", c"tan", c"tanh",
];
const COROUTINE: [&CStr; 5] = [c"create", c"running", c"status", c"wrap", c"yield"];

/// Functions of Lua 5.1 that Redis has on demand only (`lua-enable-deprecated-api`).
const DEPRECATED: [&CStr; 3] = [c"getfenv", c"newproxy", c"setfenv"];

/// Makes the globals of a machine for scripts.
pub(super) fn install(stack: &mut Stack<'_>, options: LuaOptions) {
    push_base(stack, options);
    push_api(stack);
    let globals = stack.top() - 1;
    // Valkey's name for it.
    stack.push_copy(globals + 1);
    stack.set_field(globals, c"server");
    stack.set_field(globals, c"redis");
    finish(stack, globals);
    stack.push_copy(globals);
    stack.set_globals();
    stack.set_safe_globals(globals, true);
    protect_strings(stack);
}

/// Makes the globals of a machine for libraries of functions: an empty table that looks elsewhere, in one place while a
/// library is loaded, in another while a function runs. Answers what [`enter_loading`] and [`enter_running`] need.
pub(super) fn install_for_libraries(stack: &mut Stack<'_>, options: LuaOptions) {
    push_base(stack, options);
    let running = stack.top();
    push_api(stack);
    register(stack, running + 1, c"register_function", library::nothing);
    stack.push_copy(running + 1);
    stack.set_field(running, c"server");
    stack.set_field(running, c"redis");
    finish(stack, running);
    stack.push_table(0, 2);
    let loading = stack.top();
    stack.push_table(0, 8);
    register(stack, loading + 1, c"register_function", library::register_function);
    add_log_and_version(stack, loading + 1);
    refuse_unknown(stack, loading + 1);
    stack.push_copy(loading + 1);
    stack.set_field(loading, c"server");
    stack.set_field(loading, c"redis");
    refuse_unknown(stack, loading);
    protect(stack, loading);
    // The globals themselves, with the two places at hand in their metatable.
    stack.push_table(0, 0);
    let globals = stack.top();
    stack.push_table(0, 3);
    stack.push_copy(running);
    stack.set_field(globals + 1, c"running");
    stack.push_copy(loading);
    stack.set_field(globals + 1, c"loading");
    stack.push_copy(running);
    stack.set_field(globals + 1, c"__index");
    stack.push_boolean(false);
    stack.set_field(globals + 1, c"__metatable");
    stack.set_metatable(globals);
    protect(stack, globals);
    stack.push_copy(globals);
    stack.set_globals();
    stack.set_safe_globals(globals, true);
    protect_strings(stack);
}

/// Has libraries see what they may see while they are loaded, or functions what they may see while they run.
pub(super) fn look_to(stack: &mut Stack<'_>, place: &CStr, is_safe: bool) {
    let top = stack.top();
    stack.push_globals();
    if stack.push_metatable(top + 1) {
        stack.set_readonly(top + 2, false);
        stack.push_field(top + 2, place);
        stack.set_field(top + 2, c"__index");
        stack.set_readonly(top + 2, true);
    }
    stack.set_safe_globals(top + 1, is_safe);
    stack.truncate(top);
}

/// Pushes a table with everything but `redis`.
fn push_base(stack: &mut Stack<'_>, options: LuaOptions) {
    stack.push_globals();
    let luau = stack.top();
    stack.push_table(0, 48);
    let globals = luau + 1;
    let deprecated = DEPRECATED.into_iter().filter(|_| options.deprecated_api);
    for name in FUNCTIONS.into_iter().chain(MORE_FUNCTIONS).chain(deprecated) {
        stack.push_field(luau, name);
        stack.set_field(globals, name);
    }
    stack.push_bytes(b"Lua 5.1");
    stack.set_field(globals, c"_VERSION");
    stack.push_copy(globals);
    stack.set_field(globals, c"_G");
    register(stack, globals, c"pcall", base::pcall);
    register(stack, globals, c"xpcall", base::xpcall);
    register(stack, globals, c"unpack", base::unpack);
    register(stack, globals, c"load", base::load);
    register(stack, globals, c"loadstring", base::loadstring);
    register(stack, globals, c"collectgarbage", base::collectgarbage);
    add_string(stack, luau, globals);
    add_table(stack, luau, globals);
    add_math(stack, luau, globals);
    add_coroutine(stack, luau, globals);
    stack.push_table(0, 1);
    register(stack, globals + 1, c"clock", base::clock);
    stack.set_field(globals, c"os");
    bit::push(stack);
    stack.set_field(globals, c"bit");
    cjson::push(stack);
    stack.set_field(globals, c"cjson");
    cmsgpack::push(stack);
    stack.set_field(globals, c"cmsgpack");
    pack::push(stack);
    stack.set_field(globals, c"struct");
    stack.remove(luau);
}

/// Pushes a table with some of the functions of a library.
fn push_part(stack: &mut Stack<'_>, luau: i32, library: &CStr, names: &[&CStr]) -> i32 {
    stack.push_field(luau, library);
    let whole = stack.top();
    stack.push_table(0, names.len() + 3);
    for name in names {
        stack.push_field(whole, name);
        stack.set_field(whole + 1, name);
    }
    stack.remove(whole);
    whole
}

fn add_string(stack: &mut Stack<'_>, luau: i32, globals: i32) {
    let table = push_part(stack, luau, c"string", &STRING);
    stack.push_field(table, c"gmatch");
    stack.set_field(table, c"gfind");
    register(stack, table, c"dump", base::dump);
    register(stack, table, c"sub", base::sub);
    register(stack, table, c"byte", base::byte);
    stack.set_field(globals, c"string");
}

fn add_table(stack: &mut Stack<'_>, luau: i32, globals: i32) {
    let table = push_part(stack, luau, c"table", &TABLE);
    register(stack, table, c"setn", base::setn);
    stack.set_field(globals, c"table");
}

fn add_math(stack: &mut Stack<'_>, luau: i32, globals: i32) {
    let table = push_part(stack, luau, c"math", &MATH);
    stack.push_field(table, c"fmod");
    stack.set_field(table, c"mod");
    register(stack, table, c"random", random::random);
    register(stack, table, c"randomseed", random::randomseed);
    stack.set_field(globals, c"math");
}

fn add_coroutine(stack: &mut Stack<'_>, luau: i32, globals: i32) {
    let table = push_part(stack, luau, c"coroutine", &COROUTINE);
    stack.push_field(luau, c"coroutine");
    stack.push_field(table + 1, c"resume");
    stack.remove(table + 1);
    stack.push_native_with(c"resume", base::resume, 1);
    stack.set_field(table, c"resume");
    stack.set_field(globals, c"coroutine");
}

/// Makes unknown globals an error and everything read-only.
fn finish(stack: &mut Stack<'_>, globals: i32) {
    refuse_unknown(stack, globals);
    protect(stack, globals);
}

/// Gives a table the metatable under which asking for what is not there is an error.
fn refuse_unknown(stack: &mut Stack<'_>, table: i32) {
    stack.push_table(0, 1);
    let metatable = stack.top();
    register(stack, metatable, c"__index", unknown_global);
    stack.set_metatable(table);
}

fn unknown_global(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if stack.top() != 2 {
        return Err(Fault::text("Wrong number of arguments to luaProtectedTableError"));
    }
    let Some(name) = stack.text(2) else {
        return Err(Fault::text("Second argument to luaProtectedTableError must be a string or number"));
    };
    let text =
        [b"Script attempted to access nonexistent global variable '", up_to_zero(&name), b"'"].concat();
    Err(Fault::said(text))
}

/// Makes a table read-only, and every table that it leads to.
fn protect(stack: &mut Stack<'_>, table: i32) {
    if stack.is_readonly(table) {
        return;
    }
    stack.set_readonly(table, true);
    let mut place = 0;
    while let Some(next) = stack.push_next(table, place) {
        place = next;
        if stack.kind(stack.top()) == Kind::Table {
            protect(stack, stack.top());
        }
        stack.truncate(stack.top() - 2);
    }
    if stack.push_metatable(table) {
        protect(stack, stack.top());
        stack.pop();
    }
}

/// Strings find the functions of our `string`, and nobody changes that.
fn protect_strings(stack: &mut Stack<'_>) {
    let top = stack.top();
    stack.push_bytes(b"");
    if stack.push_metatable(top + 1) {
        stack.push_globals();
        stack.push_bytes(b"string");
        if stack.push_value_of_key(top + 3) != Kind::Table && stack.push_metatable(top + 3) {
            // The globals of libraries look elsewhere.
            let metatable = stack.top();
            stack.push_field(metatable, c"running");
            stack.push_field(metatable + 1, c"string");
        }
        stack.set_field(top + 2, c"__index");
        stack.set_readonly(top + 2, true);
    }
    stack.truncate(top);
}
