//! Generated values in every encoding of the reference.

use super::ask;
use crate::client::{Client, Words};
use crate::random::Random;
use std::io;

/// Elements that go with one command.
const BATCH: usize = 500;
/// An expiry that no run lives to see, in milliseconds of Unix time.
const FAR_FUTURE_MS: u64 = 4_000_000_000_000;

/// Fills the first database: so many keys of each kind, some of which expire.
///
/// # Errors
/// When the connection fails or the reference refuses a command.
pub fn fill(client: &mut Client, keys_per_kind: usize, random: &mut Random) -> io::Result<()> {
    ask(client, &[b"FLUSHALL"])?;
    for (kind, make) in KINDS {
        for number in 0..keys_per_kind {
            let key = format!("{kind}:{number}").into_bytes();
            make(client, &key, random)?;
            if random.chance(200) {
                let at = (FAR_FUTURE_MS + random.draw() % 1_000_000).to_string();
                ask(client, &[b"PEXPIREAT", &key, at.as_bytes()])?;
            }
        }
    }
    Ok(())
}

type Make = fn(&mut Client, &[u8], &mut Random) -> io::Result<()>;

const KINDS: [(&str, Make); 18] = [
    ("stream", |client, key, random| stream(client, key, 30, random)),
    ("long stream", |client, key, random| stream(client, key, 700, random)),
    ("integer string", |client, key, random| set(client, key, integer(random))),
    ("short string", |client, key, random| {
        let length = random.below(44);
        set(client, key, noise(random, length))
    }),
    ("long string", |client, key, random| {
        let length = random.below(5000);
        set(client, key, noise(random, length))
    }),
    ("repetitive string", |client, key, random| {
        let length = random.below(100_000);
        let part = random.below(300) + 1;
        let word = noise(random, part);
        set(client, key, word.iter().copied().cycle().take(length).collect())
    }),
    ("short list", |client, key, random| elements(client, b"RPUSH", key, 20, text, random)),
    ("long list", |client, key, random| elements(client, b"RPUSH", key, 3000, text, random)),
    ("list with large elements", |client, key, random| {
        ask(client, &[b"DEBUG", b"QUICKLIST-PACKED-THRESHOLD", b"100b"])?;
        elements(client, b"RPUSH", key, 30, |random| repeated(random, 300), random)?;
        ask(client, &[b"DEBUG", b"QUICKLIST-PACKED-THRESHOLD", b"1073741824b"]).map(drop)
    }),
    ("narrow intset", |client, key, random| {
        elements(client, b"SADD", key, 100, |random| random.below(30_000).to_string().into_bytes(), random)
    }),
    ("intset", |client, key, random| elements(client, b"SADD", key, 400, integer, random)),
    ("set", |client, key, random| elements(client, b"SADD", key, 2000, text, random)),
    ("small hash", |client, key, random| pairs(client, b"HSET", key, 100, short, short, random)),
    ("large hash", |client, key, random| pairs(client, b"HSET", key, 2000, text, text, random)),
    ("hash with a long value", |client, key, random| {
        pairs(client, b"HSET", key, 10, short, |random| repeated(random, 2000), random)
    }),
    ("small sorted set", |client, key, random| pairs(client, b"ZADD", key, 60, score, short, random)),
    ("large sorted set", |client, key, random| pairs(client, b"ZADD", key, 2000, score, text, random)),
    ("sorted set with a long member", |client, key, random| {
        pairs(client, b"ZADD", key, 10, score, |random| repeated(random, 2000), random)
    }),
];

fn set(client: &mut Client, key: &[u8], value: Vec<u8>) -> io::Result<()> {
    ask(client, &[b"SET", key, &value]).map(drop)
}

fn elements(
    client: &mut Client,
    command: &[u8],
    key: &[u8],
    most: usize,
    element: fn(&mut Random) -> Vec<u8>,
    random: &mut Random,
) -> io::Result<()> {
    let words: Words = (0..=random.below(most)).map(|_| element(random)).collect();
    send(client, command, key, &words)
}

fn pairs(
    client: &mut Client,
    command: &[u8],
    key: &[u8],
    most: usize,
    first: fn(&mut Random) -> Vec<u8>,
    second: fn(&mut Random) -> Vec<u8>,
    random: &mut Random,
) -> io::Result<()> {
    let words: Words = (0..=random.below(most)).flat_map(|_| [first(random), second(random)]).collect();
    send(client, command, key, &words)
}

fn send(client: &mut Client, command: &[u8], key: &[u8], words: &Words) -> io::Result<()> {
    for batch in words.chunks(BATCH) {
        let mut line = vec![command, key];
        line.extend(batch.iter().map(Vec::as_slice));
        ask(client, &line)?;
    }
    Ok(())
}

fn noise(random: &mut Random, length: usize) -> Vec<u8> {
    (0..length).map(|_| random.draw() as u8).collect()
}

fn repeated(random: &mut Random, most: usize) -> Vec<u8> {
    let length = 65 + random.below(most);
    vec![random.draw() as u8; length]
}

/// An integer of any width.
fn integer(random: &mut Random) -> Vec<u8> {
    let wide = random.draw() as i64;
    (wide >> random.below(64)).to_string().into_bytes()
}

/// Words, numbers and bytes of up to 64 bytes.
fn short(random: &mut Random) -> Vec<u8> {
    match random.below(4) {
        0 => integer(random),
        1 => format!("word {}", random.below(100_000)).into_bytes(),
        2 => format!("0{}", random.below(1000)).into_bytes(),
        _ => {
            let length = random.below(64);
            noise(random, length)
        }
    }
}

fn text(random: &mut Random) -> Vec<u8> {
    if random.chance(30) { repeated(random, 500) } else { short(random) }
}

fn score(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => b"inf".to_vec(),
        1 => b"-inf".to_vec(),
        2 => b"0".to_vec(),
        3 => integer(random),
        4 => format!("{}e{}", random.below(1000), random.below(590) as i64 - 290).into_bytes(),
        _ => format!("{}", random.below(1_000_000) as f64 / 997.0).into_bytes(),
    }
}

/// Entries with the same fields mostly, some of them deleted, and a group that has read half of them.
fn stream(client: &mut Client, key: &[u8], most: usize, random: &mut Random) -> io::Result<()> {
    let count = 1 + random.below(most);
    for number in 0..count {
        let id = format!("{}-{}", 1 + number / 4, number % 4);
        let (name, value) = (if random.chance(100) { text(random) } else { b"name".to_vec() }, text(random));
        ask(client, &[b"XADD", key, id.as_bytes(), &name, &value, b"n", number.to_string().as_bytes()])?;
        if random.chance(50) && number > 0 {
            ask(client, &[b"XDEL", key, id.as_bytes()])?;
        }
    }
    ask(client, &[b"XGROUP", b"CREATE", key, b"group", b"0"])?;
    ask(client, &[b"XGROUP", b"CREATECONSUMER", key, b"group", b"idle"])?;
    let half = (1 + count / 2).to_string();
    let line =
        [&b"XREADGROUP"[..], b"GROUP", b"group", b"busy", b"COUNT", half.as_bytes(), b"STREAMS", key, b">"];
    ask(client, &line).map(drop)
}
