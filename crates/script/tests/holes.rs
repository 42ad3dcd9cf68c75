//! Holes that servers with scripts had, by their numbers: none of them is one here.

mod host;

use spinel_resp::{Encoder, Protocol};
use spinel_script::{Call, Engine, Lua, LuaOptions};

use self::host::Database;

const MEMORY_BYTES: usize = 64 << 20;

fn engine() -> Lua {
    Lua::for_scripts(LuaOptions::with_memory(MEMORY_BYTES)).expect("there is the memory")
}

fn eval(lua: &mut Lua, source: &str) -> String {
    let mut out = Encoder::new(Protocol::Resp2);
    match lua.compile(source.as_bytes()) {
        Ok(script) => {
            lua.call(script, Call { name: b"sha", keys: &[], args: &[] }, &mut Database::default(), &mut out);
            lua.release(script);
        }
        Err(text) => return String::from_utf8_lossy(&text).into_owned(),
    }
    String::from_utf8_lossy(out.as_bytes()).into_owned()
}

/// Runs scripts; each has to end in an error with this in it, and the engine stays in order.
fn assert_refused(error: &str, sources: &[&str]) {
    let mut lua = engine();
    for source in sources {
        let reply = eval(&mut lua, source);
        assert!(reply.starts_with('-') && reply.contains(error), "{source}: {reply}");
        assert_eq!(eval(&mut lua, "return 1"), ":1\r\n");
    }
}

/// Runs scripts that only have to leave the engine in order.
fn assert_harmless(sources: &[&str]) {
    let mut lua = engine();
    for source in sources {
        eval(&mut lua, source);
        assert_eq!(eval(&mut lua, "return 1"), ":1\r\n", "{source}");
    }
}

#[test]
fn cve_2015_4335_bytecode_is_not_loaded() {
    let mut lua = engine();
    for source in [
        "return tostring(loadstring('\\27Lua\\81\\0\\1\\4\\8\\4\\8\\0'))",
        "local s = '\\27Lua\\81\\0' local f = load(function() local t = s s = nil return t end) return tostring(f)",
        "return tostring(loadstring('\\6\\3\\1'))",
    ] {
        assert_eq!(eval(&mut lua, source), "$3\r\nnil\r\n", "{source}");
    }
    assert_refused(
        "attempt to call a nil value",
        &["return loadstring(string.dump(function() return 1 end))()"],
    );
}

#[test]
fn cve_2018_11218_msgpack_does_not_overflow_its_stack() {
    assert_refused("stack overflow", &["return cmsgpack.unpack(string.rep('\\129\\1', 100000))"]);
    assert_refused("Missing bytes", &["return cmsgpack.unpack('\\221\\255\\255\\255\\255')"]);
    assert_harmless(&["local t = {} for i = 1, 7000 do t[i] = i end return #cmsgpack.pack(unpack(t))"]);
}

#[test]
fn cve_2018_11219_struct_does_not_overflow_its_sizes() {
    assert_refused(
        "data string too short",
        &[
            "return struct.unpack('c2147483647', 'x')",
            "return struct.unpack('c2147483647c2147483647', 'x', 2147483647)",
            "return struct.unpack('b', 'x', -1)",
            "return struct.unpack('bc0', '\\127')",
        ],
    );
    assert_refused("integral size overflow", &["return struct.pack('>I2147483648', 1)"]);
    assert_refused("larger than limit", &["return struct.pack('>I33', 1)"]);
}

#[test]
fn cve_2020_14147_struct_integers_have_a_limit() {
    assert_refused(
        "integral size",
        &["return struct.pack('>I2147483647', '10')", "return struct.unpack('>I99', 'x')"],
    );
}

#[test]
fn cve_2021_32626_the_stack_of_values_has_room_or_says_no() {
    assert_harmless(&[
        "local t = {} for i = 1, 100000 do t = {t} end return t",
        "local t = {} for i = 1, 7990 do t[i] = 'x' end return {unpack(t)}",
        "return {pcall(redis.call, unpack({}, 1, 7990))}",
    ]);
}

#[test]
fn cve_2022_24735_scripts_cannot_leave_code_for_others() {
    assert_refused(
        "Attempt to modify a readonly table",
        &[
            "string.upper = function() return 'evil' end",
            "getmetatable('').__index = nil",
            "getmetatable(_G).__index = nil",
            "redis.call = function() return 'evil' end",
            "cjson.encode = nil",
            "os.clock = nil",
        ],
    );
}

#[test]
fn cve_2022_24736_a_load_of_nonsense_is_an_error() {
    assert_harmless(&[
        "return loadstring('\\27Lua' .. string.rep('\\255', 1000))",
        "return loadstring(string.rep('\\0', 1000))",
        "return load(function() return nil end)",
        "return load(function() error('x') end)",
    ]);
}

#[test]
fn cve_2022_24834_cjson_does_not_overflow_its_buffer() {
    assert_refused(
        "not enough memory",
        &["return cjson.encode(string.rep('\\0', 6000000)) .. string.rep('x', 1e8)"],
    );
    assert_harmless(&["return cjson.encode(string.rep('\"', 5000000))"]);
}

#[test]
fn cve_2024_31449_bit_tohex_stays_in_its_buffer() {
    let mut lua = engine();
    assert_eq!(eval(&mut lua, "return bit.tohex(65535, -2147483648)"), "$8\r\n0000FFFF\r\n");
}

#[test]
fn cve_2024_46981_garbage_is_collected_once() {
    assert_harmless(&[
        "collectgarbage('collect') collectgarbage('collect') return 1",
        "local t = setmetatable({}, {__gc = function() error('x') end}) t = nil collectgarbage() return 1",
        "for i = 1, 100 do collectgarbage('step', 1000) loadstring('return {}')() end return 1",
    ]);
    let mut lua = engine();
    drop(lua.compile(b"return 1"));
    drop(lua);
}

#[test]
fn cve_2025_46817_unpack_does_not_overflow_its_count() {
    assert_refused(
        "too many results to unpack",
        &[
            "return unpack({}, -2147483648, 2147483647)",
            "return unpack({}, 0, 2147483647)",
            "return unpack({}, -2, 2147483647)",
            "local t = {} return unpack(t, -2147483648, -2147470000)",
        ],
    );
}

#[test]
fn cve_2025_46818_metatables_of_plain_values_are_nobodys() {
    assert_refused(
        "",
        &[
            "getmetatable('').__add = function() return 1 end",
            "getmetatable(nil).__index = function() end",
            "getmetatable(1).__index = function() end",
            "getmetatable(true).__index = {}",
            "getmetatable(function() end).__index = {}",
            "setmetatable(nil, {})",
        ],
    );
}

#[test]
fn cve_2025_46819_long_brackets_are_read_within_the_source() {
    assert_harmless(&["return [===", "return [==[", "--[==[", "return [=", "--[", "return [==[ x ]=]", "["]);
    let mut lua = engine();
    assert!(eval(&mut lua, &format!("return [{}[", "=".repeat(100_000))).contains("user_script:1:"));
}

#[test]
fn cve_2025_49844_chunk_names_survive_a_collection() {
    assert_harmless(&[
        "local t = {} for i = 1, 2000 do t[i] = loadstring('return ' .. i, '@' .. i) collectgarbage('step') end collectgarbage() return t[1000]()",
        "for i = 1, 200 do loadstring(string.rep('x', 1000) .. i, string.rep('n', 1000) .. i) collectgarbage() end return 1",
    ]);
}

#[test]
fn cve_2025_67733_line_ends_do_not_split_replies() {
    let mut lua = engine();
    for source in [
        "return {err = 'ERR a\\r\\n+OK\\r\\n'}",
        "return redis.error_reply('a\\r\\n+OK')",
        "return {ok = 'a\\r\\n:1'}",
        "error('a\\r\\n+OK\\r\\n')",
        "error({err = 'a\\r\\n+OK\\r\\n'})",
        "return redis.call('a\\r\\n+OK')",
        "return {double = 1, big_number = '1\\r\\n+OK'}",
    ] {
        let reply = eval(&mut lua, source);
        let line_ends = reply.matches("\r\n").count();
        assert!(line_ends == 1 || reply.starts_with('$'), "{source}: {reply:?}");
    }
}
