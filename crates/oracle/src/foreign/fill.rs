//! Values of every type and encoding, in several databases, made by commands that every server has.

use super::servers::{Foreign, ask};
use crate::client::Client;
use crate::random::Random;
use std::io;

/// The databases that hold something.
pub(super) const USED: [u32; 4] = [0, 1, 9, 18];
/// An expiry that no run lives to see, in milliseconds of Unix time.
const FAR_FUTURE_MS: u64 = 4_000_000_000_000;
/// Elements that go with one command.
const BATCH: usize = 200;
/// Seconds for which some keys were not used, where a server can be told so.
pub(super) const IDLE_SECONDS: i64 = 5000;
/// The key that was not used for so long.
pub(super) const IDLE_KEY: &[u8] = b"idle";
/// The key whose frequency of use was told.
const FREQUENT_KEY: &[u8] = b"frequent";

/// Fills the databases.
///
/// # Errors
/// When the connection fails or the server refuses a command.
pub(super) fn fill(client: &mut Client, foreign: &Foreign, random: &mut Random) -> io::Result<()> {
    if foreign.is_at_least(3, 2) {
        // Nodes in the middle of lists are kept, and written, compressed.
        ask(client, &[b"CONFIG", b"SET", b"list-compress-depth", b"1"])?;
    }
    for db in USED {
        ask(client, &[b"SELECT", db.to_string().as_bytes()])?;
        strings(client, random)?;
        lists(client, foreign, random)?;
        sets(client, random)?;
        hashes(client, random)?;
        sorted_sets(client, random)?;
        if foreign.is_at_least(5, 0) {
            streams(client, random)?;
        }
        if foreign.has_producers() {
            producers(client, random)?;
        }
        expiries(client, random)?;
    }
    ask(client, &[b"SELECT", b"0"]).map(drop)
}

/// Adds what a small sorted set keeps in snapshots only: to Redis 7.0 a command with the score -0 says 0.
///
/// # Errors
/// When the connection fails or the server refuses a command.
pub(super) fn add_negative_zero(client: &mut Client) -> io::Result<()> {
    ask(client, &[b"ZADD", b"negative zero", b"-0.0", b"a", b"0", b"b", b"1", b"c"]).map(drop)
}

/// Tells the server how long a key was not used, and how often another was used.
///
/// # Errors
/// When the connection fails or the server refuses a command.
pub(super) fn age(client: &mut Client, policy: &str) -> io::Result<()> {
    let (key, word, value) = match policy {
        "allkeys-lru" => (IDLE_KEY, "IDLETIME", IDLE_SECONDS.to_string()),
        "allkeys-lfu" => (FREQUENT_KEY, "FREQ", "77".to_owned()),
        _ => return Ok(()),
    };
    ask(client, &[b"SET", b"source", b"a value"])?;
    let payload = match ask(client, &[b"DUMP", b"source"])? {
        spinel_resp::Value::Bulk(payload) => payload,
        other => return Err(io::Error::other(format!("DUMP answers {other:?}"))),
    };
    ask(client, &[b"RESTORE", key, b"0", &payload, b"REPLACE", word.as_bytes(), value.as_bytes()]).map(drop)
}

fn strings(client: &mut Client, random: &mut Random) -> io::Result<()> {
    let values: [(&str, Vec<u8>); 14] = [
        ("int", b"12345".to_vec()),
        ("int8", b"-100".to_vec()),
        ("int32", b"-2147483648".to_vec()),
        ("least", i64::MIN.to_string().into_bytes()),
        ("greatest", i64::MAX.to_string().into_bytes()),
        ("no int", b"007".to_vec()),
        ("float", b"3.14159".to_vec()),
        ("empty", Vec::new()),
        ("embstr", b"a short text".to_vec()),
        ("binary", (0..=255).collect()),
        ("raw", noise(random, 300)),
        ("repetitive", b"abc".repeat(5000)),
        ("long", noise(random, 200_000)),
        ("long repetitive", b"0123456789".repeat(30_000)),
    ];
    for (name, value) in values {
        ask(client, &[b"SET", name.as_bytes(), &value])?;
    }
    for key in [&b"12345"[..], b"", b"\0\xFF\r\n key", &[b'k'; 300]] {
        ask(client, &[b"SET", key, b"by an odd name"])?;
    }
    Ok(())
}

fn lists(client: &mut Client, foreign: &Foreign, random: &mut Random) -> io::Result<()> {
    push(client, b"RPUSH", b"small list", (0..20).map(|_| text(random)))?;
    push(client, b"RPUSH", b"list of numbers", (0..300).map(|_| integer(random)))?;
    push(client, b"RPUSH", b"long list", (0..3000).map(|_| text(random)))?;
    push(client, b"RPUSH", b"repetitive list", (0..2000).map(|_| b"the same text again".to_vec()))?;
    push(client, b"RPUSH", b"list of long texts", (0..20).map(|number| noise(random, number * 1000)))?;
    if foreign.is_at_least(7, 0) {
        ask(client, &[b"DEBUG", b"QUICKLIST-PACKED-THRESHOLD", b"200b"])?;
        push(client, b"RPUSH", b"list of plain nodes", (0..30).map(|number| noise(random, number * 20)))?;
        ask(client, &[b"DEBUG", b"QUICKLIST-PACKED-THRESHOLD", b"1073741824b"])?;
    }
    Ok(())
}

fn sets(client: &mut Client, random: &mut Random) -> io::Result<()> {
    push(client, b"SADD", b"narrow intset", (0..100).map(|_| random.below(30_000).to_string().into_bytes()))?;
    push(
        client,
        b"SADD",
        b"middle intset",
        (0..100).map(|_| random.below(1 << 30).to_string().into_bytes()),
    )?;
    push(client, b"SADD", b"wide intset", (0..100).map(|_| (random.draw() as i64).to_string().into_bytes()))?;
    push(client, b"SADD", b"small set", (0..20).map(|_| text(random)))?;
    push(client, b"SADD", b"large set", (0..1500).map(|_| text(random)))?;
    push(client, b"SADD", b"large set of numbers", (0..1500).map(|_| integer(random)))
}

fn hashes(client: &mut Client, random: &mut Random) -> io::Result<()> {
    push(client, b"HMSET", b"small hash", (0..100).map(|_| short(random)))?;
    push(client, b"HMSET", b"large hash", (0..2000).map(|_| text(random)))?;
    push(client, b"HMSET", b"hash of long values", (0..20).map(|number| noise(random, 1 + number * 100)))?;
    push(client, b"HMSET", b"hash of numbers", (0..40).map(|_| integer(random)))
}

fn sorted_sets(client: &mut Client, random: &mut Random) -> io::Result<()> {
    let odd = [
        "inf",
        "-inf",
        "0",
        "1e300",
        "-1e-300",
        "5e-324",
        "1.5",
        "3.0000000000000004",
        "1",
        "1",
        "17179869184",
        "9007199254740993",
        "-12.25",
    ];
    let members = odd.iter().enumerate();
    let pairs = members.flat_map(|(number, score)| [score.as_bytes().to_vec(), format!("m{number}").into()]);
    push(client, b"ZADD", b"odd scores", pairs)?;
    for (key, count) in [(&b"small sorted set"[..], 60), (b"large sorted set", 1500)] {
        push(
            client,
            b"ZADD",
            key,
            (0..count).flat_map(|_| [score(random), text(random)]).collect::<Vec<_>>(),
        )?;
    }
    let pairs = (0..10).flat_map(|number| [score(random), noise(random, 1 + number * 100)]);
    push(client, b"ZADD", b"sorted set of long members", pairs.collect::<Vec<_>>())
}

/// Streams of one and of many blocks, with deleted entries, and one that has groups with pending entries.
fn streams(client: &mut Client, random: &mut Random) -> io::Result<()> {
    for (key, count) in [(&b"small stream"[..], 12), (b"long stream", 1000), (b"stream with groups", 150)] {
        for number in 0..count {
            let id = format!("{}-{}", 5 + number / 3, number % 3);
            let (name, value) = (short(random), text(random));
            let common = [b"XADD", key, id.as_bytes(), b"sensor", b"7", b"value", &value];
            match number % 9 {
                8 => ask(client, &[b"XADD", key, id.as_bytes(), &name, &value])?,
                _ => ask(client, &common)?,
            };
            if number % 20 == 5 {
                ask(client, &[b"XDEL", key, id.as_bytes()])?;
            }
        }
    }
    let key = b"stream with groups";
    for group in [&b"readers"[..], b"idle readers"] {
        ask(client, &[b"XGROUP", b"CREATE", key, group, b"0"])?;
    }
    for consumer in [&b"ann"[..], b"bob"] {
        let line =
            [&b"XREADGROUP"[..], b"GROUP", b"readers", consumer, b"COUNT", b"20", b"STREAMS", key, b">"];
        ask(client, &line)?;
    }
    ask(client, &[b"XACK", key, b"readers", b"6-0", b"7-1"]).map(drop)
}

/// A stream that remembers what its producers said.
fn producers(client: &mut Client, random: &mut Random) -> io::Result<()> {
    let key = b"stream with producers";
    for number in 0..40 {
        let (message, value) = (format!("message {}", number % 30), text(random));
        ask(client, &[b"XADD", key, b"IDMP", b"a producer", message.as_bytes(), b"*", b"value", &value])?;
        ask(client, &[b"XADD", key, b"IDMPAUTO", b"another", b"*", b"value", &value])?;
    }
    ask(client, &[b"XCFGSET", key, b"IDMP-DURATION", b"86400"])?;
    ask(client, &[b"XADD", key, b"IDMP", b"a producer", b"the last", b"*", b"value", b"1"]).map(drop)
}

/// Some keys of each type expire, in milliseconds.
fn expiries(client: &mut Client, random: &mut Random) -> io::Result<()> {
    let keys =
        ["int", "raw", "small list", "long list", "wide intset", "large set", "small hash", "large hash"];
    for key in keys.iter().chain(&["odd scores", "large sorted set", "", "12345"]) {
        let at = (FAR_FUTURE_MS + random.draw() % 1_000_000).to_string();
        ask(client, &[b"PEXPIREAT", key.as_bytes(), at.as_bytes()])?;
    }
    Ok(())
}

/// Sends elements, or pairs of them, in commands of an even number.
fn push(
    client: &mut Client,
    command: &[u8],
    key: &[u8],
    elements: impl IntoIterator<Item = Vec<u8>>,
) -> io::Result<()> {
    let elements: Vec<Vec<u8>> = elements.into_iter().collect();
    for batch in elements.chunks(BATCH) {
        let mut line = vec![command, key];
        line.extend(batch.iter().map(Vec::as_slice));
        ask(client, &line)?;
    }
    Ok(())
}

fn noise(random: &mut Random, length: usize) -> Vec<u8> {
    (0..length).map(|_| random.draw() as u8).collect()
}

fn text(random: &mut Random) -> Vec<u8> {
    let length = 1 + random.below(30);
    if random.chance(300) { integer(random) } else { noise(random, length) }
}

fn short(random: &mut Random) -> Vec<u8> {
    format!("field {}", random.below(10_000)).into_bytes()
}

fn integer(random: &mut Random) -> Vec<u8> {
    let bits = random.below(64);
    ((random.draw() as i64) >> bits).to_string().into_bytes()
}

fn score(random: &mut Random) -> Vec<u8> {
    match random.below(3) {
        0 => random.below(1000).to_string().into_bytes(),
        1 => format!("{:.3}", random.below(1_000_000) as f64 / 1000.0).into_bytes(),
        _ => format!("{:e}", random.draw() as f64 / 7e5).into_bytes(),
    }
}

/// Changes what [`fill`] made, in many ways, for a log.
///
/// # Errors
/// When the connection fails or the server refuses a command.
pub(super) fn change(client: &mut Client) -> io::Result<()> {
    for db in USED {
        ask(client, &[b"SELECT", db.to_string().as_bytes()])?;
        for line in CHANGES {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            ask(client, &words)?;
        }
        ask(client, &[b"SREM", b"large set", b"not there"])?;
        ask(client, &[b"RENAME", b"small hash", b"renamed hash"])?;
        ask(client, &[b"PERSIST", b"long list"])?;
        ask(client, &[b"LTRIM", b"long list", b"10", b"-10"])?;
        ask(client, &[b"ZREMRANGEBYRANK", b"large sorted set", b"0", b"9"])?;
        ask(client, &[b"SPOP", b"large set"])?;
        ask(client, &[b"DEL", b"repetitive"])?;
        // Others have no such key, so it is not there twice.
        ask(client, &[b"MOVE", b"embstr", b"5"])?;
        ask(client, &[b"SELECT", b"5"])?;
        ask(client, &[b"DEL", b"embstr"])?;
    }
    ask(client, &[b"SELECT", b"0"]).map(drop)
}

const CHANGES: [&str; 34] = [
    "INCR counter",
    "INCRBY counter 41",
    "DECRBY int 5",
    "INCRBYFLOAT float 1.5",
    "APPEND raw tail",
    "SETRANGE raw 10 xyz",
    "GETSET int8 7",
    "SETNX fresh value",
    "SETEX expiring 1000000 value",
    "PSETEX expiring:ms 1000000000 value",
    "SET expiring:set value EX 2000000",
    "EXPIRE binary 3000000",
    "MSET a 1 b 2 c 3",
    "RPUSH queue 1 2 3 4 5",
    "LPUSH queue 0",
    "LPOP queue",
    "RPOPLPUSH queue other",
    "LINSERT queue BEFORE 3 x",
    "LSET queue 0 y",
    "LREM queue 0 x",
    "SADD numbers 1 2 3 70000 5000000000",
    "SMOVE numbers numbers:2 2",
    "SUNIONSTORE numbers:3 numbers numbers:2",
    "HSET hash field value",
    "HINCRBY hash number 5",
    "HINCRBYFLOAT hash double 2.25",
    "HDEL hash field",
    "ZADD zset 1 a 2.5 b -inf c",
    "ZINCRBY zset 0.1 a",
    "ZUNIONSTORE zset:2 1 zset WEIGHTS 2",
    "MULTI",
    "SET in:transaction yes",
    "INCR in:transaction:2",
    "EXEC",
];
