//! CONFIG GET, and the registry's names and defaults.

use super::super::directive::{Effect, Flags, Store};
use super::super::registry::{directives, find_directive};
use super::super::value::Value;
use super::super::{Settings, get};
use super::{bytes, shown, text};

const DEFAULTS: &str = include_str!("defaults.tsv");
const NEWER_DEFAULTS: &str = include_str!("newer_defaults.tsv");

/// Directives of ours, and of Redis from 8.6 on.
const OURS: [&str; 15] = [
    "multi-atomic",
    "script-atomic",
    "script-memory-limit",
    "script-time-limit",
    "threads",
    "shards",
    "rdb-version",
    "backupdirname",
    "backup-sealed-ttl",
    "preload-file",
    "stream-idmp-duration",
    "stream-idmp-maxsize",
    "script-mode",
    "script-directory",
    "enable-script-register",
];

#[test]
fn names_and_defaults_are_those_of_the_references() {
    let settings = Settings::default();
    let mut names = Vec::new();
    for line in DEFAULTS.lines().chain(NEWER_DEFAULTS.lines()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, value, mark] = fields[..] else { panic!("three fields in {line}") };
        assert_eq!(shown(&settings, name), value, "{name}");
        if mark != "hidden" {
            names.push(name.to_owned());
        }
    }
    names.extend(OURS.map(str::to_owned));
    names.sort();
    let mut listed: Vec<String> = get(&settings, &[bytes("*")]).iter().map(|(name, _)| text(name)).collect();
    listed.sort();
    assert_eq!(listed, names);
}

#[test]
fn each_directive_is_honoured_inert_or_refused() {
    for directive in directives() {
        let is_unread = matches!(directive.store, Store::Unread);
        match directive.effect {
            Effect::Honoured => assert!(!is_unread, "{} is honoured but stored nowhere", directive.name),
            Effect::Inert(reason) | Effect::Later(reason) | Effect::Absent(reason) => {
                assert!(!reason.is_empty(), "{} has no reason", directive.name);
            }
        }
    }
}

#[test]
fn each_field_belongs_to_one_directive() {
    for directive in directives() {
        let Store::Field { read, write } = directive.store else { continue };
        let mut settings = Settings::default();
        let other = match read(&settings) {
            Value::Flag(flag) => Value::Flag(!flag),
            Value::Number(number) => Value::Number(number + 1),
            Value::Text(text) => Value::Text([text.as_slice(), b"x"].concat()),
            Value::Choice(position) => Value::Choice(if position == 0 { 1 } else { 0 }),
        };
        write(&mut settings, other.clone());
        assert_eq!(read(&settings), other, "{}", directive.name);
        for neighbour in directives().filter(|neighbour| neighbour.name != directive.name) {
            let before = neighbour.print(&Settings::default());
            assert_eq!(neighbour.print(&settings), before, "{} and {}", directive.name, neighbour.name);
        }
    }
}

#[test]
fn names_are_declared_once() {
    for directive in directives() {
        for name in [Some(directive.name), directive.alias].into_iter().flatten() {
            let found = find_directive(name.as_bytes()).map(|(found, _)| found.name);
            assert_eq!(found, Some(directive.name), "{name}");
        }
    }
}

#[test]
fn names_come_back_as_written_and_patterns_as_declared() {
    let settings = Settings::default();
    let names = |patterns: &[&str]| -> Vec<String> {
        let patterns: Vec<Vec<u8>> = patterns.iter().map(|pattern| bytes(pattern)).collect();
        get(&settings, &patterns).iter().map(|(name, _)| text(name)).collect()
    };
    assert_eq!(names(&["MaxMemory", "maxmemory"]), ["MaxMemory"]);
    assert_eq!(
        names(&["maxmemory", "MAXMEMORY-S*", "bind", "*of", "replicaof"]),
        ["maxmemory", "maxmemory-samples", "bind", "replicaof", "slaveof"]
    );
    assert_eq!(names(&["key-load-*"]), Vec::<String>::new());
    assert_eq!(names(&["key-load-delay", "nothing"]), ["key-load-delay"]);
}

#[test]
fn secrets_are_marked() {
    let secret = directives().filter(|directive| directive.flags.contains(Flags::SENSITIVE));
    let names: Vec<&str> = secret.map(|directive| directive.name).collect();
    assert_eq!(names, ["requirepass", "masterauth", "masteruser"]);
}

#[test]
fn workers_and_shards_follow_the_machine_unless_given() {
    let mut process = Settings::default().process;
    assert_eq!((process.workers(3), process.shard_count(3)), (3, 32));
    assert_eq!(process.shard_count(10_000), 4096);
    (process.threads, process.shards) = (2, 64);
    assert_eq!((process.workers(8), process.shard_count(2)), (2, 64));
}
