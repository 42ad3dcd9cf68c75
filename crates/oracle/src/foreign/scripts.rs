//! Logs with calls of scripts, which Redis before 7.0 records instead of what they did, loaded by Spinel.

use super::facts::{Facts, bytes};
use super::forth::{log_path, read_log};
use super::servers::{ask, end};
use super::{Bench, Outcome};
use std::io;
use std::path::Path;

/// One that is called by its digest, too.
const KEPT: &[u8] = b"local n = redis.call('INCR', KEYS[1])\nif n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end\nreturn n";

/// Calls that succeed: the script, a key and an argument.
// Debian's servers of this age have no `cjson` and the like in the folder that they are unpacked to.
const CALLS: &[(&str, &str, &str)] = &[
    ("redis.call('SET', KEYS[1], ARGV[1])", "script:set", "value"),
    ("for i = 1, 100 do redis.call('RPUSH', KEYS[1] .. (i % 7), i .. ARGV[1]) end", "script:list", "x"),
    ("redis.call('SELECT', ARGV[1]) redis.call('SET', KEYS[1], 'elsewhere')", "script:db", "3"),
    (
        "for i = 1, 40 do redis.call('SADD', KEYS[1], ARGV[1] .. (i * 7919 % 97)) end",
        "script:set:members",
        "m",
    ),
    (
        "for i, member in ipairs(redis.call('SMEMBERS', 'script:set:members')) do redis.call('RPUSH', KEYS[1], member .. ARGV[1]) end",
        "script:sorted",
        "s",
    ),
    ("for i = 1, 20 do redis.call('RPUSH', KEYS[1], math.random(ARGV[1])) end", "script:random", "1000000"),
    (
        "redis.call('SET', KEYS[1], string.format('%5.2f|%s|', 1 / 3, ARGV[1]) .. 1e15 .. tostring(2 ^ 53) .. -0.1)",
        "script:formatted",
        "text",
    ),
    (
        "redis.call('SETEX', KEYS[1], ARGV[1], 'x') redis.call('APPEND', KEYS[1], 'y')",
        "script:setex",
        "100000",
    ),
    (
        "return redis.pcall('INCR', 'script:set') and redis.call('SET', KEYS[1], ARGV[1])",
        "script:caught",
        "1",
    ),
];

/// One that writes before it fails.
const FAILING: &[u8] = b"redis.call('SET', KEYS[1], 'half') redis.call('LPUSH', KEYS[1], 'x')";

pub(super) fn compared(bench: &Bench<'_>) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    if !bench.foreign.is_at_least(7, 0) {
        let folder = bench.folder("scripts")?;
        let expected = write_log(bench, &folder)?;
        outcome.add_result("a log with calls of scripts", read_log(bench, &folder, &expected));
    }
    Ok(outcome)
}

/// Has the server run scripts, and record their calls.
fn write_log(bench: &Bench<'_>, folder: &Path) -> io::Result<Facts> {
    let mut args = vec!["--appendonly", "yes", "--appendfsync", "no"];
    if bench.foreign.is_at_least(5, 0) {
        args.extend(["--lua-replicate-commands", "no"]);
    }
    let (server, mut client) = bench.foreign.serve(folder, &args).map_err(io::Error::other)?;
    for (script, key, argument) in CALLS {
        ask(&mut client, &[b"EVAL", script.as_bytes(), b"1", key.as_bytes(), argument.as_bytes()])?;
    }
    let digest = bytes(ask(&mut client, &[b"SCRIPT", b"LOAD", KEPT])?)?;
    for _ in 0..3 {
        ask(&mut client, &[b"EVALSHA", &digest, b"1", b"script:counter", b"100000"])?;
    }
    for script in [FAILING, b"redis.call('SET', KEYS[1], 'x') error({1, 2} and 'no')"] {
        client.call(&[b"EVAL", script, b"1", b"script:half"])?;
    }
    ask(&mut client, &[b"MULTI"])?;
    ask(&mut client, &[b"SET", b"script:before", b"1"])?;
    ask(&mut client, &[b"EVALSHA", &digest, b"1", b"script:counter", b"1"])?;
    ask(&mut client, &[b"EVAL", b"return redis.call('INCR', KEYS[1])", b"1", b"script:before"])?;
    ask(&mut client, &[b"EXEC"])?;
    ask(&mut client, &[b"SCRIPT", b"FLUSH"])?;
    ask(&mut client, &[b"EVAL", KEPT, b"1", b"script:counter", b"1"])?;
    let facts = Facts::of(&mut client)?;
    end(server, client)?;
    let log = std::fs::read(log_path(bench.foreign, folder))?.to_ascii_lowercase();
    let calls = log.windows(6).filter(|bytes| bytes == b"\neval\r" || bytes == b"\nevals").count();
    if calls < CALLS.len() {
        return Err(io::Error::other(format!("{} has recorded {calls} calls only", bench.foreign.name())));
    }
    Ok(facts)
}
