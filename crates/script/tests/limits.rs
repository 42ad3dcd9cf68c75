//! What scripts cannot do: run for ever, take all memory, crash, leave something behind for others.

mod host;

use std::time::{Duration, Instant};

use spinel_resp::{Encoder, Protocol};
use spinel_script::{
    Call, Engine, Host, LogLevel, Lua, LuaOptions, Outcome, Propagate, UnknownCommand, Verdict,
};

use self::host::Database;

const MEMORY_BYTES: usize = 64 << 20;
/// How long after the wish a script may go on, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(2);

fn engine() -> Lua {
    Lua::for_scripts(LuaOptions::with_memory(MEMORY_BYTES)).expect("there is the memory")
}

fn eval_with(lua: &mut Lua, source: &str, host: &mut Database) -> String {
    let mut out = Encoder::new(Protocol::Resp2);
    let script = match lua.compile(source.as_bytes()) {
        Ok(script) => script,
        Err(text) => return String::from_utf8_lossy(&text).into_owned(),
    };
    lua.call(script, Call { name: b"sha", keys: &[], args: &[] }, host, &mut out);
    lua.release(script);
    String::from_utf8_lossy(out.as_bytes()).into_owned()
}

fn eval(lua: &mut Lua, source: &str) -> String {
    eval_with(lua, source, &mut Database::default())
}

fn assert_usable(lua: &mut Lua) {
    assert_eq!(eval(lua, "return 'usable'"), "$6\r\nusable\r\n");
    assert!(!lua.is_broken());
}

/// Runs scripts that would not end, and stops them.
fn assert_stopped(source: &str) {
    let mut lua = engine();
    let interrupter = lua.interrupter();
    let (reply, waited) = std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            interrupter.arm();
        });
        let mut host = Database {
            verdict: Verdict::Stop(b"Script killed by user with SCRIPT KILL...".to_vec()),
            ..Database::default()
        };
        let start = Instant::now();
        (eval_with(&mut lua, source, &mut host), start.elapsed())
    });
    assert!(reply.starts_with("-ERR Script killed by user with SCRIPT KILL"), "{source}: {reply}");
    assert!(waited < PATIENCE, "{source}: {waited:?}");
    assert_usable(&mut lua);
}

#[test]
fn whatever_does_not_end_can_be_ended() {
    for source in [
        "while true do end",
        "repeat until false",
        "for i = 1, math.huge do end",
        "local function f() return f() end while true do pcall(f) end",
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(error, 'x') end",
        "local function f() while true do pcall(f) end end f()",
        "while true do xpcall(function() error('x') end, function() while true do end end) end",
        "local co = coroutine.wrap(function() while true do end end) co()",
        "while true do local co = coroutine.create(function() while true do end end) coroutine.resume(co) end",
        "local s = string.rep('a', 300) .. 'b' while true do string.find(s, string.rep('a-', 40) .. 'c') end",
        "string.find(string.rep('a', 5000), string.rep('.-', 30) .. 'b')",
        "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k + 1] end while true do pcall(function() return t[1] end) end",
        "local t = {} for i = 1, 50000 do t[i] = i % 7 end while true do table.sort(t, function(a, b) return a < b end) end",
        "local c = cjson.new() c.encode_sparse_array(false, 0) while true do pcall(c.encode, {[20000000] = 1}) end",
        "local s = string.rep('[1],', 100000) while true do pcall(cjson.decode, '[' .. s .. '1]') end",
        "while true do redis.call('echo', 'x') end",
        "while true do redis.pcall('nosuch') end",
        "while true do loadstring('return 1')() end",
        "load(function() while true do end end)",
    ] {
        assert_stopped(source);
    }
}

#[test]
fn a_script_that_may_go_on_does() {
    let mut lua = engine();
    lua.interrupter().arm();
    assert_eq!(eval(&mut lua, "local n = 0 for i = 1, 1000 do n = n + 1 end return n"), ":1000\r\n");
    let mut host = Database { verdict: Verdict::KeepAsking, ..Database::default() };
    lua.interrupter().arm();
    assert_eq!(
        eval_with(&mut lua, "local n = 0 for i = 1, 1000 do n = n + 1 end return n", &mut host),
        ":1000\r\n"
    );
}

#[test]
fn an_interrupter_outlives_its_engine_harmlessly() {
    let lua = engine();
    let interrupter = lua.interrupter();
    drop(lua);
    interrupter.arm();
}

#[test]
fn memory_has_an_end() {
    let mut lua = engine();
    for source in [
        "local t = {} while true do t[#t + 1] = string.rep('x', 1000) end",
        "local s = 'x' while true do s = s .. s end",
        "return string.rep('x', 1e9)",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local t = string.rep('x', 1e6) return cjson.encode({t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t,t})",
        "local t = {} for i = 1, 100 do t[i] = string.rep('x', 5e5) end return cmsgpack.pack(t)",
        "return struct.pack('c2000000000', 'x')",
        "return ('x'):rep(1e5):gsub('.', ('y'):rep(1e5))",
        "return table.concat({('x'):rep(4e7), ('y'):rep(4e7)})",
        "local f = function() end while true do f = coroutine.wrap(f) local g = f f = function() g() end end",
    ] {
        let reply = eval(&mut lua, source);
        assert!(reply.starts_with('-'), "{source}: {}", &reply[..reply.len().min(100)]);
        assert!(lua.used_bytes() <= MEMORY_BYTES, "{source}");
        assert_usable(&mut lua);
    }
}

#[test]
fn depth_has_an_end() {
    let mut lua = engine();
    for source in [
        "local function f() return 1 + f() end return f()",
        "local function f() pcall(f) end f() return 1",
        "local function f() return setmetatable({}, {__index = function() return f().x end}) end return f().x",
        "local t = {} t[1] = t return t",
        "local t = {} t.map = t return t",
        "local t = {} t.set = {[t] = true} return t",
        "local t = {} for i = 1, 1e5 do t = {t} end return t",
        "local t = {} for i = 1, 1e5 do t = {t} end return cjson.encode(t)",
        "local c = cjson.new() c.decode_max_depth(1e6) return c.decode(string.rep('[', 1e5))",
        "return cmsgpack.unpack(string.rep('\\129\\1', 1e5))",
        "local f = coroutine.wrap(function() end) for i = 1, 300 do local g = f f = coroutine.wrap(function() g() end) end f() return 1",
        "return loadstring('return ' .. string.rep('(', 1e5) .. '1' .. string.rep(')', 1e5))",
        "return loadstring(string.rep('do ', 1e5))",
        "return string.find(string.rep('a', 1e5), string.rep('(a', 40))",
        "error(setmetatable({}, {__tostring = function() error('again') end}))",
    ] {
        eval(&mut lua, source);
        assert_usable(&mut lua);
    }
}

#[test]
fn nothing_is_left_behind_for_the_next_script() {
    let mut lua = engine();
    for source in [
        "x = 1",
        "rawset(_G, 'x', 1)",
        "setmetatable(_G, {__index = function() return 1 end})",
        "getmetatable(_G).__index = function() return 1 end",
        "getmetatable('').__index = {upper = function() return 'evil' end}",
        "getmetatable('').__add = function() return 'evil' end",
        "string.upper = function() return 'evil' end",
        "rawset(string, 'upper', function() return 'evil' end)",
        "redis.call = nil",
        "rawset(redis, 'call', 1)",
        "cjson.null = 5",
        "table.insert(math, 'x')",
        "table.sort(_G)",
        "setmetatable(redis, {})",
        "KEYS = {1} return KEYS[1]",
        "local co = coroutine.create(function() x = 1 end) local _, e = coroutine.resume(co) error(e)",
        "loadstring('x = 1')()",
    ] {
        let reply = eval(&mut lua, source);
        assert!(reply.starts_with('-'), "{source}: {reply}");
    }
    assert_eq!(eval(&mut lua, "return ('a'):upper() .. tostring(#KEYS)"), "$2\r\nA0\r\n");
    assert!(
        eval(&mut lua, "return x").starts_with("-ERR user_script:1: Script attempted to access nonexistent")
    );
}

#[test]
fn what_a_script_gets_is_gone_after_it() {
    let mut lua = engine();
    let script = lua.compile(b"return KEYS[1]").unwrap();
    let mut out = Encoder::new(Protocol::Resp2);
    let call = Call { name: b"sha", keys: &[b"first"], args: &[] };
    assert_eq!(lua.call(script, call, &mut Database::default(), &mut out), Outcome::Done);
    let later = lua.compile(b"return {KEYS[1], KEYS[2]}").unwrap();
    for keys in [&[&b"a"[..], b"b"][..], &[b"c"]] {
        lua.call(later, Call { name: b"sha", keys, args: &[] }, &mut Database::default(), &mut out);
    }
    let replies = String::from_utf8_lossy(out.as_bytes()).into_owned();
    assert_eq!(replies, "$5\r\nfirst\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n*1\r\n$1\r\nc\r\n");
}

#[test]
fn what_a_script_does_to_its_keys_is_gone_after_it() {
    const LOOK: &[u8] =
        b"local seen = {#KEYS, #ARGV, tostring(getmetatable(KEYS) or getmetatable(ARGV)), tostring(KEYS.x)} \
        for k, v in pairs(KEYS) do table.insert(seen, k .. v) end \
        for k, v in pairs(ARGV) do table.insert(seen, k .. v) end \
        KEYS[1] = KEYS[1] return seen";
    let mut lua = engine();
    let look = lua.compile(LOOK).unwrap();
    for source in [
        "KEYS[1] = nil",
        "KEYS[1], KEYS[2] = KEYS[2], KEYS[1]",
        "KEYS[3] = 'c'",
        "table.insert(KEYS, 'c')",
        "table.insert(KEYS, 1, 'c')",
        "table.remove(ARGV)",
        "KEYS.x = 1",
        "ARGV[1] = nil ARGV['1'] = 'y'",
        "ARGV[0] = 1",
        "KEYS[1.5] = 1",
        "for i = 1, 1000 do KEYS[i] = 'v' KEYS['n' .. i] = i end for i = 3, 1000 do KEYS[i] = nil KEYS['n' .. i] = nil end",
        "setmetatable(KEYS, {__index = function() return 'evil' end, __newindex = error})",
        "setmetatable(ARGV, ARGV)",
        "setmetatable(KEYS, {__metatable = 'hidden'})",
        "KEYS[1] = {} error('x')",
        "redis.setresp(3) KEYS[2] = KEYS",
    ] {
        let script = lua.compile(source.as_bytes()).unwrap();
        for _ in 0..3 {
            let call = Call { name: b"sha", keys: &[b"a", b"b"], args: &[b"y"] };
            lua.call(script, call, &mut Database::default(), &mut Encoder::new(Protocol::Resp2));
            let mut out = Encoder::new(Protocol::Resp2);
            lua.call(look, call, &mut Database::default(), &mut out);
            assert_eq!(
                String::from_utf8_lossy(out.as_bytes()),
                "*7\r\n:2\r\n:1\r\n$3\r\nnil\r\n$3\r\nnil\r\n$2\r\n1a\r\n$2\r\n2b\r\n$2\r\n1y\r\n",
                "{source}"
            );
        }
        lua.release(script);
    }
}

#[test]
fn an_error_without_a_text_is_an_unknown_error() {
    // Redis 7.0.15 ends with these.
    for source in ["error({})", "error({1, 2})", "error({err = {}})", "error({err = true})"] {
        let reply = eval(&mut engine(), source);
        assert!(reply.starts_with("-ERR unknown error script: sha, on @user_script:1."), "{source}: {reply}");
    }
}

#[test]
fn ten_million_elements_are_a_reply() {
    let mut lua = Lua::for_scripts(LuaOptions::with_memory(1 << 30)).unwrap();
    let reply = eval(
        &mut lua,
        "local t = {} for i = 1, 1e6 do t[i] = 1 end local u = {} for i = 1, 10 do u[i] = t end return u",
    );
    assert_eq!(reply.len(), "*10\r\n".len() + 10 * ("*1000000\r\n".len() + 1_000_000 * ":1\r\n".len()));
}

/// A server with a bug.
struct Panicking;

impl Host for Panicking {
    fn call(&mut self, _: &[&[u8]], _: &mut Encoder) {
        panic!("a bug");
    }

    fn log(&mut self, _: LogLevel, _: &[u8]) {}

    fn set_propagation(&mut self, _: Propagate) {}

    fn acl_check(&mut self, _: &[&[u8]]) -> Result<bool, UnknownCommand> {
        Ok(true)
    }

    fn processor_seconds(&mut self) -> f64 {
        0.0
    }

    fn interrupted(&mut self) -> Verdict {
        Verdict::Continue
    }
}

#[test]
fn a_panic_of_the_host_goes_through_the_machine_which_is_not_used_again() {
    let mut lua = engine();
    let source = b"local ok, e = pcall(function() return {pcall(redis.call, 'x')} end) return 1";
    let script = lua.compile(source).expect("it compiles");
    let mut out = Encoder::new(Protocol::Resp2);
    let call = Call { name: b"sha", keys: &[], args: &[] };
    let attempt = std::panic::AssertUnwindSafe(|| lua.call(script, call, &mut Panicking, &mut out));
    assert!(std::panic::catch_unwind(attempt).is_err());
    assert!(lua.is_broken());
    let reply = eval(&mut engine(), "return 1");
    assert_eq!(reply, ":1\r\n");
    // It answers, and does nothing.
    let outcome = lua.call(script, call, &mut Database::default(), &mut out);
    assert!(matches!(outcome, Outcome::Failed(_)));
}
