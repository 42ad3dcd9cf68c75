//! What only Spinel has, in files that another server loads: members and elements that expire, registered scripts and arrays. Nothing may be
//! lost with the server that does not know them but just these, and nothing may be touched by them.

use super::facts::Facts;
use super::forth::await_rewrite;
use super::servers::{ask, end, serve_spinel};
use super::{Bench, Outcome};
use crate::client::Client;
use std::io;

/// What every server knows, before and behind what it does not.
const KNOWN: &[&[&str]] = &[
    &["SET", "before", "1"],
    &["SADD", "set", "a", "b", "3"],
    &["ZADD", "sorted set", "1", "m", "2", "n"],
    &["SADD", "another set", "x"],
    &["SET", "behind", "2"],
    &["PEXPIREAT", "behind", "4000000000000"],
    &["RPUSH", "list", "1", "2"],
    &["RPUSH", "queue", "a", "b", "c", "d", "e"],
    &["HSET", "hash", "field", "value"],
];

/// What Spinel alone knows, for snapshots and for logs that begin with one.
const EXTRAS: &[&[&str]] = &[
    &["SEXPIREAT", "set", "4000000000", "MEMBERS", "2", "a", "3"],
    &["ZPEXPIREAT", "sorted set", "4000000000000", "MEMBERS", "1", "m"],
    &["LPEXPIREAT", "queue", "4000000000000", "INDEXES", "3", "0", "2", "-1"],
    &["SCRIPT", "REGISTER", "approved", "1", "return redis.call('GET', KEYS[1])"],
    &["ARSET", "array", "0", "one", "2", "three"],
    &["ARSET", "array", "18446744073709551614", "far"],
    &["PEXPIREAT", "array", "3999999999999"],
    &["ARINSERT", "another array", "x"],
];

/// What a log may have behind its snapshot.
const LATER: &[&[&str]] = &[
    &["SADDEX", "another set", "EXAT", "4000000000", "MEMBERS", "1", "y"],
    &["SPERSIST", "set", "MEMBERS", "1", "a"],
    &["LPUSHEX", "queue", "EXAT", "4000000000", "ELEMENTS", "2", "y", "x"],
    &["LPERSIST", "queue", "INDEXES", "1", "0"],
    &["LEXPIREAT", "queue", "1", "INDEXES", "4", "0", "3", "4", "-1"],
    &["SCRIPT", "REGISTER", "later", "1", "return 1"],
];

/// The same in words that every server knows.
const LATER_KNOWN: &[&[&str]] = &[
    &["SADD", "another set", "y"],
    &["LPUSH", "queue", "y"],
    &["LREM", "queue", "1", "b"],
    &["LREM", "queue", "1", "c"],
    &["RPOP", "queue"],
];

/// Values of an array that fills several fields of a snapshot.
const MANY: usize = 20_000;

pub(super) fn compared(bench: &Bench<'_>) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    for version in bench.foreign.rdb_versions() {
        outcome.add_result(&format!("extras in a snapshot of version {version}"), snapshot(bench, version));
    }
    if bench.foreign.is_at_least(7, 0) {
        outcome.add_result("extras in a log", log(bench));
    }
    Ok(outcome)
}

/// What the other server makes of the words it knows.
fn expected(bench: &Bench<'_>, lists: &[&[&[&str]]]) -> io::Result<Facts> {
    let folder = bench.folder("extras-known")?;
    let (server, mut client) = bench.foreign.serve(&folder, &[]).map_err(io::Error::other)?;
    lists.iter().try_for_each(|list| run(&mut client, list))?;
    let facts = Facts::of(&mut client)?;
    end(server, client)?;
    Ok(facts)
}

fn run(client: &mut Client, list: &[&[&str]]) -> io::Result<()> {
    list.iter().try_for_each(|words| {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        ask(client, &words).map(drop)
    })
}

fn fill(client: &mut Client) -> io::Result<()> {
    run(client, KNOWN)?;
    run(client, EXTRAS)?;
    let values: Vec<String> = (0..MANY).map(|number| format!("value {number}")).collect();
    let mut words: Vec<&[u8]> = vec![b"ARSET", b"long array", b"5"];
    words.extend(values.iter().map(String::as_bytes));
    ask(client, &words).map(drop)
}

fn snapshot(bench: &Bench<'_>, version: &str) -> Result<(usize, Vec<String>), String> {
    let expected = expected(bench, &[KNOWN]).map_err(failed)?;
    let folder = bench.folder("extras").map_err(failed)?;
    let (server, mut client) = serve_spinel(bench.spinel, &folder, &["--rdb-version", version])?;
    fill(&mut client).map_err(failed)?;
    let digest = digest(&mut client).map_err(failed)?;
    ask(&mut client, &[b"SAVE"]).map_err(failed)?;
    end(server, client).map_err(failed)?;
    let (server, mut client) = serve_spinel(bench.spinel, &folder, &[])?;
    let again = self::digest(&mut client).map_err(failed)?;
    end(server, client).map_err(failed)?;
    let (server, mut client) = bench.foreign.serve(&folder, &[])?;
    let found = Facts::of(&mut client).map_err(failed)?;
    end(server, client).map_err(failed)?;
    Ok(with_digests(expected.compare(&found), &digest, &again))
}

fn log(bench: &Bench<'_>) -> Result<(usize, Vec<String>), String> {
    let expected = expected(bench, &[KNOWN, LATER_KNOWN]).map_err(failed)?;
    let folder = bench.folder("extras").map_err(failed)?;
    let args = ["--appendonly", "yes"];
    let (server, mut client) = serve_spinel(bench.spinel, &folder, &args)?;
    fill(&mut client).map_err(failed)?;
    ask(&mut client, &[b"BGREWRITEAOF"]).map_err(failed)?;
    await_rewrite(&mut client).map_err(failed)?;
    run(&mut client, LATER).map_err(failed)?;
    let digest = digest(&mut client).map_err(failed)?;
    end(server, client).map_err(failed)?;
    let (server, mut client) = serve_spinel(bench.spinel, &folder, &args)?;
    let again = self::digest(&mut client).map_err(failed)?;
    end(server, client).map_err(failed)?;
    let (server, mut client) = bench.foreign.serve(&folder, &args)?;
    let found = Facts::of(&mut client).map_err(failed)?;
    end(server, client).map_err(failed)?;
    Ok(with_digests(expected.compare(&found), &digest, &again))
}

/// Everything that Spinel says of its data set.
fn digest(client: &mut Client) -> io::Result<String> {
    let data = ask(client, &[b"DEBUG", b"DIGEST"])?;
    let scripts = ask(client, &[b"SCRIPT", b"REGISTERED"])?;
    let time = ask(client, &[b"SPEXPIRETIME", b"set", b"MEMBERS", b"1", b"3"])?;
    let times = ask(client, &[b"LPEXPIRETIME", b"queue", b"INDEXES", b"3", b"0", b"1", b"2"])?;
    Ok(format!("{data:?} {scripts:?} {time:?} {times:?}"))
}

fn with_digests(
    (compared, mut differences): (usize, Vec<String>),
    before: &str,
    after: &str,
) -> (usize, Vec<String>) {
    if before != after {
        differences.push(format!("Spinel itself reads {after} where it wrote {before}"));
    }
    (compared + 1, differences)
}

fn failed(error: io::Error) -> String {
    error.to_string()
}
