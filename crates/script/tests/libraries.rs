//! Libraries of functions: loading, what they see while that lasts, and calls.

mod host;
#[path = "libraries/replies.rs"]
mod replies;

use spinel_resp::{Encoder, Protocol};
use spinel_script::{Call, Engine, Function, Lua, LuaOptions, Verdict};

use self::host::Database;
use self::replies::{FAILING, REFUSED};

fn engine() -> Lua {
    Lua::for_libraries(LuaOptions::with_memory(64 << 20)).expect("there is the memory")
}

fn load(lua: &mut Lua, body: &str) -> Result<Vec<Function>, String> {
    let source = format!("#!lua name=test\n{body}");
    lua.load_library(source.as_bytes(), &mut Database::default())
        .map_err(|text| String::from_utf8_lossy(&text).into_owned())
}

fn call(lua: &mut Lua, function: &Function, keys: &[&[u8]], args: &[&[u8]]) -> String {
    let mut out = Encoder::new(Protocol::Resp2);
    lua.call(function.script, Call { name: &function.name, keys, args }, &mut Database::default(), &mut out);
    String::from_utf8_lossy(out.as_bytes()).into_owned()
}

#[test]
fn functions_get_keys_and_arguments() {
    let mut lua = engine();
    let functions = load(
        &mut lua,
        "redis.register_function('f', function(keys, args) return {keys[1], args[1], #keys} end)",
    )
    .unwrap();
    assert_eq!(call(&mut lua, &functions[0], &[b"k"], &[b"a"]), "*3\r\n$1\r\nk\r\n$1\r\na\r\n:1\r\n");
}

#[test]
fn a_function_is_registered_with_named_arguments_too() {
    let mut lua = engine();
    let body = "redis.register_function{function_name='f', description='what it does', callback=function() return 'hi' end, flags={'no-writes'}}";
    let functions = load(&mut lua, body).unwrap();
    assert_eq!(functions[0].description.as_deref(), Some(&b"what it does"[..]));
    assert_eq!(functions[0].flags.names().collect::<Vec<_>>(), ["no-writes"]);
    assert_eq!(call(&mut lua, &functions[0], &[], &[]), "$2\r\nhi\r\n");
}

#[test]
fn functions_reach_what_scripts_reach_and_share_their_library() {
    let mut lua = engine();
    let body = "local count = 0\n\
                local function next() count = count + 1 return count end\n\
                redis.register_function('a', function() return next() end)\n\
                redis.register_function('b', function() return redis.call('echo', cjson.encode({math.floor(1.5)}) .. ('x'):upper()) end)";
    let functions = load(&mut lua, body).unwrap();
    assert_eq!(call(&mut lua, &functions[0], &[], &[]), ":1\r\n");
    assert_eq!(call(&mut lua, &functions[0], &[], &[]), ":2\r\n");
    assert_eq!(call(&mut lua, &functions[1], &[], &[]), "$4\r\n[1]X\r\n");
}

/// Bodies of libraries and why they are refused: the replies of Redis 7.0.15 to FUNCTION LOAD.
#[test]
fn what_cannot_be_loaded_is_told_in_the_words_of_redis() {
    for (body, error) in REFUSED {
        let mut lua = engine();
        assert_eq!(load(&mut lua, body).map(|functions| functions.len()), Err((*error).to_owned()), "{body}");
        assert_eq!(
            load(&mut lua, "redis.register_function('f', function() return 1 end)").map(|f| f.len()),
            Ok(1)
        );
    }
}

/// Bodies of functions and what calls of them reply: the replies of Redis 7.0.15 to FCALL, without names of variables.
#[test]
fn errors_of_functions_are_told_in_the_words_of_redis() {
    for (body, reply) in FAILING {
        let mut lua = engine();
        let functions =
            load(&mut lua, &format!("redis.register_function('f', function(keys, args) {body} end)"))
                .unwrap();
        assert_eq!(call(&mut lua, &functions[0], &[], &[]), *reply, "{body}");
    }
}

#[test]
fn a_library_that_does_not_come_to_an_end_is_given_up() {
    let mut lua = engine();
    let interrupter = lua.interrupter();
    let loaded = std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(30));
            interrupter.arm();
        });
        let mut host =
            Database { verdict: Verdict::Stop(b"FUNCTION LOAD timeout".to_vec()), ..Database::default() };
        lua.load_library(b"#!lua name=test\nwhile true do end", &mut host)
    });
    let error = String::from_utf8_lossy(&loaded.unwrap_err()).into_owned();
    assert_eq!(error, "Error registering functions: ERR FUNCTION LOAD timeout");
}
