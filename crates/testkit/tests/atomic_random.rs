//! Whatever commands a run holds: if it fails, nothing of it is left, and if it succeeds, it is as if it had not been atomic.
//!
//! The commands are those of the differential runner, of every family with every option. A script runs them all, errors
//! included, so that a run is long; at its end it fails, is part of a transaction that fails, or succeeds.

use std::time::Duration;

use spinel_oracle::client::Words;
use spinel_oracle::compare::elements;
use spinel_oracle::generate::{FAMILIES, Generator, NEWER};
use spinel_testkit::{TestClient, TestServer};

/// Runs each of the commands in its arguments, which are preceded by how many words they have.
const RUN_ALL: &str = "local i = 1 \
    while i < #ARGV do \
        local count = tonumber(ARGV[i]) \
        redis.pcall(unpack(ARGV, i + 1, i + count)) \
        i = i + 1 + count \
    end ";
/// Commands there are before a run, and commands of a run.
const FILLING: usize = 120;
const RUN: usize = 60;
const RUNS: usize = 12;
const DATABASES: usize = 16;

/// The bytes of an encoded string.
fn content(string: &[u8]) -> &[u8] {
    let start = string.iter().position(|&byte| byte == b'\n').expect("a header") + 1;
    &string[start..string.len() - 2]
}

/// All that can be asked of a data set.
fn picture(client: &TestClient) -> Vec<String> {
    let mut picture = vec![client.run("DEBUG DIGEST")];
    for db in 0..DATABASES {
        client.send(&format!("SELECT {db}"));
        let _ = client.read();
        picture.push(client.run("DBSIZE"));
        client.send("KEYS *");
        let reply = client.read_bytes();
        let mut keys: Vec<&[u8]> = elements(&reply).into_iter().map(content).collect();
        keys.sort_unstable();
        for key in keys {
            let facts =
                [&[&b"PEXPIRETIME"[..]][..], &[b"OBJECT", b"ENCODING"], &[b"MEMORY", b"USAGE"], &[b"DUMP"]];
            let facts = facts.map(|command| client.run_words([command, &[key]].concat()));
            picture.push(format!("{db} {} {facts:?}", key.escape_ascii()));
        }
    }
    client.send("SELECT 0");
    let _ = client.read();
    picture
}

/// Commands that a script may be given, one after the other.
fn commands(generator: &mut Generator, count: usize) -> Vec<Words> {
    let mut commands = Vec::new();
    while commands.len() < count {
        commands.extend(generator.next_steps().into_iter().map(|step| step.words));
    }
    commands
}

fn script(first_line: &str, commands: &[Words], end: &str) -> Words {
    let mut words: Words =
        vec![b"EVAL".to_vec(), format!("{first_line}\n{RUN_ALL}{end}").into_bytes(), b"0".to_vec()];
    for command in commands {
        words.push(command.len().to_string().into_bytes());
        words.extend_from_slice(command);
    }
    words
}

/// A server with all kinds of keys.
fn filled(shards: usize, workers: usize, generator: &mut Generator) -> TestServer {
    let server = TestServer::sized(shards, workers);
    let client = server.connect();
    for command in commands(generator, FILLING) {
        let _ = client.run_words(script("#!lua", &[command], ""));
    }
    server
}

fn for_each_family(seeds: u64, with: impl Fn(&mut Generator, &str)) {
    for seed in 0..seeds {
        for family in FAMILIES.iter().chain(NEWER.iter().map(|newer| &newer.family)) {
            with(&mut Generator::new(family, seed), &format!("{} {seed}", family.name));
        }
    }
}

#[test]
fn a_run_that_fails_leaves_nothing() {
    for_each_family(1, |generator, name| {
        let server = filled(64, 2, generator);
        let client = server.connect();
        for _ in 0..RUNS {
            let commands = commands(generator, RUN);
            for is_in_transaction in [false, true] {
                let (before, journal) = (picture(&client), server.journal().len());
                if is_in_transaction {
                    client.send("MULTI ATOMIC");
                    client.send("SET fails x");
                    let _ = client.run_words(script("#!lua", &commands, "return 1"));
                    client.send("HSET fails a b");
                    client.send("LPUSH fails x");
                    let _ = client.read();
                    let reply = client.run("EXEC");
                    assert!(reply.starts_with("-EXECABORT Transaction rolled back"), "{name}: {reply}");
                } else {
                    let reply = client.run_words(script("#!lua flags=atomic", &commands, "error('no')"));
                    assert!(reply.contains("no script: "), "{name}: {reply}");
                }
                assert!(picture(&client) == before, "{name}: {commands:?}");
                assert_eq!(server.journal().len(), journal, "{name}: {commands:?}");
            }
            // The next run meets other data.
            let _ = client.run_words(script("#!lua", &commands, ""));
        }
        server.advance(Duration::from_secs(1_000_000));
        server.upkeep();
        assert!(!picture(&client).is_empty());
    });
}

#[test]
fn a_run_that_succeeds_is_as_if_it_were_not_atomic() {
    // What SPOP takes follows from where members lie, which is not the same in a copy.
    let is_sure = |command: &Words| !command[0].eq_ignore_ascii_case(b"SPOP");
    for_each_family(1, |generator, name| {
        let filling = commands(generator, FILLING);
        let servers = [TestServer::sized(64, 2), TestServer::sized(64, 2)];
        let clients = [servers[0].connect(), servers[1].connect()];
        for commands in std::iter::once(filling).chain((0..RUNS).map(|_| commands(generator, RUN))) {
            let commands: Vec<Words> = commands.into_iter().filter(is_sure).collect();
            for (client, line) in clients.iter().zip(["#!lua", "#!lua flags=atomic"]) {
                let reply = client.run_words(script(line, &commands, ""));
                assert_eq!(reply, "$-1\r\n", "{name}");
            }
            let lines = servers.each_ref().map(TestServer::journal_lines);
            assert_eq!(lines[0], lines[1], "{name}");
            let digests = clients.each_ref().map(|client| client.run("DEBUG DIGEST"));
            assert_eq!(digests[0], digests[1], "{name}");
        }
    });
}
