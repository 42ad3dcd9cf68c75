//! Conversions of small files in a folder of their own.

use std::path::PathBuf;

use spinel_aof::encode_command;
use spinel_rdb::decode::{DecodeContext, Item, Mark, Reader};
use spinel_rdb::encode::{
    Attributes, EncodeOptions, put_entry, put_eof, put_function, put_header, put_select_db,
};
use spinel_rdb::{Checksum, Target};
use spinel_store::{EncodingLimits, HashKey, Text, UnixMillis, ValueRef};

use super::words::Request;
use super::*;

const LIBRARY: &[u8] = b"#!lua name=mine\nreturn 1";

/// A folder that goes with the test.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("spinel-convert-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn put(&self, name: &str, content: &[u8]) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn get(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs the tool on names in this folder.
    fn convert(&self, words: &str) -> Result<Vec<String>, String> {
        let mut words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        for path in &mut words[..2] {
            *path = self.0.join(&*path).to_str().unwrap().to_owned();
        }
        let mut lines = Vec::new();
        convert(&Request::parse(&words).unwrap(), &mut |line| lines.push(line)).map(|()| lines)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn snapshot(target: Target, functions: &[&[u8]], keys: &[(u16, &str, Attributes)]) -> Vec<u8> {
    let options = EncodeOptions { target, ..EncodeOptions::default() };
    let mut out = Vec::new();
    put_header(&mut out, target);
    functions.iter().for_each(|code| put_function(&mut out, code, options));
    for (db, key, attributes) in keys {
        put_select_db(&mut out, *db);
        let value = ValueRef::String(Text::Bytes(b"a value"));
        put_entry(&mut out, key.as_bytes(), value, *attributes, options);
    }
    let mut checksum = Checksum::new();
    checksum.update(&out);
    put_eof(&mut out, Some(checksum));
    out
}

fn expiring(at: i64) -> Attributes {
    Attributes { expiry: Some(UnixMillis(at)), ..Attributes::default() }
}

/// What is in a snapshot: libraries, and keys with database, expiry and idle time.
fn content(file: &[u8]) -> Vec<String> {
    let (limits, hash_key) = (EncodingLimits::default(), HashKey::from_bytes([3; 16]));
    let mut reader = Reader::new(file, DecodeContext { limits: &limits, hash_key: &hash_key });
    let (mut found, mut db) = (Vec::new(), 0);
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            Item::Mark(Mark::SelectDb(number)) => db = number,
            Item::Mark(Mark::Function(code)) => found.push(code.escape_ascii().to_string()),
            Item::Mark(_) => {}
            Item::Record(record) => {
                let (key, expiry, idle) =
                    (record.key.escape_ascii(), record.expiry.map(|at| at.0), record.idle_seconds);
                found.push(format!("{db} {key} {expiry:?} {idle:?}"));
            }
        }
    }
    found.sort();
    found
}

fn commands(lines: &[&[&str]]) -> Vec<u8> {
    let mut out = Vec::new();
    lines.iter().for_each(|words| encode_command(&mut out, words.iter().map(|word| word.as_bytes())));
    out
}

#[test]
fn a_snapshot_becomes_a_log_and_a_snapshot_again_with_all_that_it_says_of_keys() {
    let place = Place::new("round");
    let idle = Attributes { idle_seconds: Some(700), ..Attributes::default() };
    // One expired long ago, one lies in a database that few servers have.
    let keys = [(0, "plain", Attributes::default()), (40, "past", expiring(1000)), (40, "idle", idle)];
    place.put("in.rdb", &snapshot(Target::V11, &[LIBRARY], &keys));
    let expected = content(&place.get("in.rdb"));
    let said = place.convert("in.rdb log --to aof").unwrap().join("\n");
    for part in ["keys: 3", "in database 40: 2", "'databases 41'", "of which 1 past", "functions: 1"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(place.get("log/appendonly.aof.manifest"), b"file appendonly.aof.1.base.rdb seq 1 type b\n");
    place.convert("log out.rdb --rdb-version 11").unwrap();
    let times = |lines: Vec<String>| -> Vec<String> {
        lines.into_iter().map(|line| line.replace("Some(0)", "None")).collect()
    };
    assert_eq!(times(content(&place.get("out.rdb"))), expected);
    place.convert("in.rdb commands.aof --rdb-preamble no").unwrap();
    place.convert("commands.aof again.rdb").unwrap();
    let without_idle: Vec<String> = expected.iter().map(|line| line.replace("Some(700)", "None")).collect();
    assert_eq!(content(&place.get("again.rdb")), without_idle);
    assert_eq!(place.names(), ["again.rdb", "commands.aof", "in.rdb", "log", "out.rdb"]);
}

#[test]
fn a_log_is_read_by_its_folder_or_manifest_and_written_under_the_name_of_one() {
    let place = Place::new("names");
    place.put("dir/my.aof.manifest", b"file base seq 1 type b\nfile incr seq 1 type i\n");
    place.put("dir/base", &snapshot(Target::V10, &[], &[(0, "a", Attributes::default())]));
    place.put(
        "dir/incr",
        &commands(&[&["SELECT", "3"], &["SET", "b", "2"], &["PEXPIREAT", "b", "4000000000000"]]),
    );
    for input in ["dir", "dir/my.aof.manifest"] {
        place.convert(&format!("{input} out/other.aof.manifest --rdb-version 9")).unwrap();
        assert_eq!(
            content(&place.get("out/other.aof.1.base.rdb")),
            ["0 a None None", "3 b Some(4000000000000) None"]
        );
        std::fs::remove_dir_all(place.0.join("out")).unwrap();
    }
}

#[test]
fn an_old_single_file_is_read_with_a_preamble_and_without() {
    let place = Place::new("old");
    let tail =
        commands(&[&["SELECT", "1"], &["SET", "b", "2"], &["FUNCTION", "LOAD", "#!lua name=mine\nreturn 1"]]);
    let base = snapshot(Target::V9, &[], &[(0, "a", Attributes::default())]);
    place.put("mixed.aof", &[base, tail.clone()].concat());
    place.put("plain.aof", &tail);
    place.convert("mixed.aof mixed.rdb").unwrap();
    place.convert("plain.aof plain.rdb").unwrap();
    let library = "#!lua name=mine\\nreturn 1";
    assert_eq!(content(&place.get("mixed.rdb")), [library, "0 a None None", "1 b None None"]);
    assert_eq!(content(&place.get("plain.rdb")), [library, "1 b None None"]);
}

#[test]
fn a_torn_end_is_refused_unless_it_is_to_be_left_out_and_the_input_stays_as_it_is() {
    let place = Place::new("torn");
    let whole = commands(&[&["SET", "a", "1"]]);
    let torn = [&whole[..], b"*3\r\n$3\r\nSET\r\n$1"].concat();
    place.put("dir/a.aof.manifest", b"file incr seq 1 type i\n");
    place.put("dir/incr", &torn);
    place.put("one.aof", &torn);
    for input in ["dir", "one.aof"] {
        let error = place.convert(&format!("{input} out.rdb")).unwrap_err();
        let wanted = format!("It is whole up to offset {}: --force", whole.len());
        assert!(error.contains(&wanted) && !error.contains('\n'), "{error}");
        assert!(!place.0.join("out.rdb").exists());
        let said = place.convert(&format!("{input} out.rdb --force")).unwrap().join("\n");
        assert!(said.contains("left out: the last 15 bytes"), "{said}");
        assert_eq!(content(&place.get("out.rdb")), ["0 a None None"]);
        std::fs::remove_file(place.0.join("out.rdb")).unwrap();
    }
    assert_eq!((place.get("dir/incr"), place.get("one.aof")), (torn.clone(), torn));
}

#[test]
fn what_exists_is_never_replaced() {
    let place = Place::new("exists");
    place.put("in.rdb", &snapshot(Target::V10, &[], &[]));
    place.put("out.rdb", b"precious");
    for output in ["out.rdb", "in.rdb", "out.rdb --to aof"] {
        let error = place.convert(&format!("in.rdb {output}")).unwrap_err();
        assert!(error.contains("it exists already"), "{error}");
    }
    assert_eq!(place.get("out.rdb"), b"precious");
    assert!(place.convert("in.rdb missing/out.rdb").unwrap_err().contains("there is no folder"));
}

#[test]
fn what_a_version_cannot_hold_is_refused_by_name_and_leaves_nothing() {
    let place = Place::new("versions");
    place.put("in.rdb", &snapshot(Target::V10, &[LIBRARY], &[]));
    for output in ["out.rdb", "out.aof --rdb-preamble no", "out --to aof"] {
        let error = place.convert(&format!("in.rdb {output} --rdb-version 9")).unwrap_err();
        assert_eq!(
            error,
            "nothing was written: the library 'mine' (functions) cannot be written for servers that read RDB version 9"
        );
    }
    assert_eq!(place.names(), ["in.rdb"]);
}

#[test]
fn bad_input_is_one_line_and_leaves_nothing() {
    let place = Place::new("bad");
    let mut damaged = snapshot(Target::V10, &[], &[(0, "key", Attributes::default())]);
    let torn = damaged[..damaged.len() - 9].to_vec();
    damaged[14] ^= 0x20;
    let mut array = b"REDIS0014\x1C\x06events".to_vec();
    array.extend_from_slice(&[0; 40]);
    let unknown = commands(&[&["VADD", "events", "1", "b"]]);
    place.put("empty.rdb", b"");
    place.put("noise.rdb", b"something else");
    place.put("damaged.rdb", &damaged);
    place.put("torn.rdb", &torn);
    place.put("array.rdb", &array);
    place.put("unknown.aof", &unknown);
    place.put("open.aof", &commands(&[&["MULTI"], &["SET", "a", "1"]]));
    place.put("folder/file", b"");
    place.put("lost/a.aof.manifest", b"file a.aof.1.incr.aof seq 1 type i\n");
    let names = place.names();
    for (input, reason) in [
        ("missing.rdb", "No such file"),
        ("empty.rdb", "neither an RDB file nor an append-only file"),
        ("noise.rdb", "neither an RDB file nor an append-only file"),
        ("damaged.rdb", "RDB CRC error"),
        ("torn.rdb", "the data ends too early"),
        ("array.rdb", "an array (type 28) is not supported at byte 9, key 'events'"),
        ("unknown.aof", "Unknown command 'VADD'"),
        ("open.aof", "--force"),
        ("folder", "holds no manifest"),
        ("lost", "a.aof.1.incr.aof length. stat: No such file"),
    ] {
        let error = place.convert(&format!("{input} out.rdb")).unwrap_err();
        assert!(error.contains(reason) && !error.contains('\n'), "{input}: {error}");
        assert!(error.contains(input), "{input}: {error}");
    }
    assert_eq!(place.names(), names);
}

#[test]
fn arrays_are_converted_with_a_note_on_who_reads_them() {
    let place = Place::new("arrays");
    let lines: [&[&str]; 3] =
        [&["ARMSET", "a", "0", "x", "18446744073709551614", "y"], &["ARSEEK", "a", "7"], &["SET", "s", "v"]];
    place.put("in.aof", &commands(&lines));
    let said = place.convert("in.aof out.rdb").unwrap().join("\n");
    assert!(said.contains("note: 1 arrays, which only Spinel reads"), "{said}");
    assert_eq!(content(&place.get("out.rdb")), ["0 a None None", "0 s None None"]);
    let said = place.convert("out.rdb again.aof --rdb-preamble no").unwrap().join("\n");
    assert!(said.contains("note: 1 arrays, as commands of Redis 8.8"), "{said}");
    let again = place.get("again.aof");
    for line in &lines {
        let encoded = commands(&[line]);
        assert!(again.windows(encoded.len()).any(|window| window == encoded), "{line:?}");
    }
}
