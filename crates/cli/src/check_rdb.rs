//! `spinel check rdb`, also under the name `redis-check-rdb`: reads a snapshot to its end, says where it is damaged, and what
//! is in it: keys by type, and the largest.
//!
//! The lines up to the counts are those of Redis's tool. A snapshot cannot be repaired: what is behind the damage cannot be
//! told from noise.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use spinel_engine::REDIS_VERSION;
use spinel_rdb::decode::{DecodeContext, FileChecksum, Item, Mark, Reader, Record, Value};
use spinel_store::{EncodingLimits, Kind, UnixMillis};

use crate::hash_key::random_key;

/// How many of the largest keys are named.
const NAMED: usize = 5;
const KINDS: [Kind; 7] =
    [Kind::String, Kind::List, Kind::Set, Kind::Hash, Kind::SortedSet, Kind::Stream, Kind::Array];

/// Runs the tool that was called as `program` with these words.
pub fn main(program: &str, words: &[String]) -> ExitCode {
    if let [option] = words
        && (option == "-v" || option == "--version")
    {
        println!("{program} {REDIS_VERSION} (Spinel {})", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let [path] = words else {
        println!("Usage: {program} <rdb-file-name>");
        return ExitCode::FAILURE;
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            println!("Cannot open file {path}: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("[offset 0] Checking RDB file {path}");
    let mut census = Census::new(now());
    let verdict = check(file, &mut census, &mut |line| println!("{line}"));
    census.report(&mut |line| println!("{line}"));
    match verdict {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(since.as_millis() as i64)
}

/// The file is not what it should be; it was said why.
#[derive(Debug, PartialEq, Eq)]
struct Damaged;

/// Reads a snapshot to its end and counts what is in it.
fn check(
    source: impl std::io::Read,
    census: &mut Census,
    say: &mut dyn FnMut(String),
) -> Result<(), Damaged> {
    let limits = EncodingLimits::default();
    let hash_key = random_key();
    let context = DecodeContext { limits: &limits, hash_key: &hash_key };
    let mut reader = Reader::new(BufReader::new(source), context);
    loop {
        let before = reader.offset();
        let outcome = match reader.next_item() {
            Ok(Some(Item::Record(record))) => {
                census.add(&record);
                continue;
            }
            Ok(Some(Item::Mark(mark))) => Ok(Some(mark)),
            Ok(None) => Ok(None),
            Err(error) => Err(error.to_string()),
        };
        let offset = reader.offset();
        match outcome {
            Ok(Some(Mark::Eof(FileChecksum::Wrong { stated, computed }))) => {
                say("--- RDB ERROR DETECTED ---".to_owned());
                say(format!("[offset {offset}] RDB CRC error: it is {computed:x}, the file says {stated:x}"));
                return Err(Damaged);
            }
            Ok(Some(mark)) => {
                if let Some(line) = line_of(&mark) {
                    say(format!("[offset {offset}] {line}"));
                }
            }
            Ok(None) => {
                say(format!("[offset {offset}] \\o/ RDB looks OK! \\o/"));
                return Ok(());
            }
            Err(error) => {
                say("--- RDB ERROR DETECTED ---".to_owned());
                say(format!("[offset {}] {error}", offset.max(before)));
                return Err(Damaged);
            }
        }
    }
}

fn line_of(mark: &Mark) -> Option<String> {
    match mark {
        Mark::Aux { name, value } if name == b"spinel-script" => {
            Some(format!("A registered script, with its name {} bytes", value.len()))
        }
        Mark::Aux { name, value } => {
            Some(format!("AUX FIELD {} = '{}'", name.escape_ascii(), value.escape_ascii()))
        }
        Mark::SelectDb(db) => Some(format!("Selecting DB ID {db}")),
        Mark::Function(_) => Some("A library of functions".to_owned()),
        Mark::ModuleAux { module } => Some(format!("MODULE AUX for: {module}")),
        Mark::Eof(FileChecksum::Right) => Some("Checksum OK".to_owned()),
        Mark::Eof(FileChecksum::Absent) => {
            Some("RDB file was saved with checksum disabled: no check performed.".to_owned())
        }
        Mark::ResizeDb { .. } | Mark::SlotInfo { .. } | Mark::SlotImport { .. } | Mark::Eof(_) => None,
    }
}

/// What is in a file.
struct Census {
    now: UnixMillis,
    keys: u64,
    expires: u64,
    expired: u64,
    empty: u64,
    /// Keys and elements of each of [`KINDS`].
    kinds: [(u64, u64); KINDS.len()],
    /// The largest by bytes of text or elements, the largest first.
    largest: Vec<(u64, Kind, Vec<u8>)>,
}

impl Census {
    fn new(now: UnixMillis) -> Self {
        Self {
            now,
            keys: 0,
            expires: 0,
            expired: 0,
            empty: 0,
            kinds: Default::default(),
            largest: Vec::new(),
        }
    }

    fn add(&mut self, record: &Record<'_>) {
        self.keys += 1;
        self.expires += u64::from(record.expiry.is_some());
        self.expired += u64::from(record.expiry.is_some_and(|at| at < self.now));
        let Some(value) = &record.value else {
            self.empty += 1;
            return;
        };
        let size = size_of_value(value);
        let kind = value.kind();
        let place = KINDS.iter().position(|other| *other == kind).expect("all kinds are listed");
        self.kinds[place].0 += 1;
        self.kinds[place].1 += size;
        if self.largest.len() == NAMED && self.largest.last().is_some_and(|(least, _, _)| size <= *least) {
            return;
        }
        self.largest.push((size, kind, record.key.to_vec()));
        self.largest.sort_by_key(|(size, _, _)| std::cmp::Reverse(*size));
        self.largest.truncate(NAMED);
    }

    fn report(&self, say: &mut dyn FnMut(String)) {
        say(format!("[info] {} keys read", self.keys));
        say(format!("[info] {} expires", self.expires));
        say(format!("[info] {} already expired", self.expired));
        if self.empty > 0 {
            say(format!("[info] {} collections without elements, which are not loaded", self.empty));
        }
        for (kind, (keys, size)) in KINDS.iter().zip(self.kinds).filter(|(_, (keys, _))| *keys > 0) {
            say(format!("[info] {keys} of type {}, {size} {}", kind.name(), unit(*kind)));
        }
        for (size, kind, key) in &self.largest {
            say(format!("[info] large: {} '{}', {size} {}", kind.name(), key.escape_ascii(), unit(*kind)));
        }
    }
}

fn unit(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "bytes",
        Kind::List | Kind::Set | Kind::Hash | Kind::SortedSet => "elements",
        Kind::Stream => "entries",
        Kind::Array => "values",
    }
}

/// Bytes of a string, elements of a collection.
fn size_of_value(value: &Value<'_>) -> u64 {
    let size = match value {
        Value::Text(text) => text.len(),
        Value::Int(n) => n.to_string().len(),
        Value::List(list) => list.len(),
        Value::Set(set) => set.len(),
        Value::Hash(hash) => hash.len(),
        Value::SortedSet(zset) => zset.len(),
        Value::Stream(stream) => stream.len(),
        Value::Array(array) => return array.count(),
    };
    size as u64
}

#[cfg(test)]
mod tests {
    use spinel_rdb::encode::{Attributes, EncodeOptions, put_entry, put_eof, put_header, put_select_db};
    use spinel_rdb::{Checksum, Target};
    use spinel_store::{Text, ValueRef};

    use super::*;

    fn file() -> Vec<u8> {
        let mut out = Vec::new();
        put_header(&mut out, Target::V10);
        put_select_db(&mut out, 3);
        for (key, text) in [("short", "x"), ("long", "xxxxxxxxxx")] {
            let value = ValueRef::String(Text::Bytes(text.as_bytes()));
            let attributes = Attributes { expiry: Some(UnixMillis(1000)), ..Attributes::default() };
            put_entry(&mut out, key.as_bytes(), value, attributes, EncodeOptions::default());
        }
        let mut checksum = Checksum::new();
        checksum.update(&out);
        put_eof(&mut out, Some(checksum));
        out
    }

    fn said(file: &[u8]) -> (Result<(), Damaged>, Vec<String>) {
        let mut lines = Vec::new();
        let mut census = Census::new(UnixMillis(2000));
        let verdict = check(file, &mut census, &mut |line| lines.push(line));
        census.report(&mut |line| lines.push(line));
        (verdict, lines)
    }

    #[test]
    fn a_good_file_is_told_with_what_is_in_it() {
        let (verdict, lines) = said(&file());
        assert_eq!(verdict, Ok(()));
        assert_eq!(lines[0], "[offset 11] Selecting DB ID 3");
        assert!(
            lines[1].ends_with("] Checksum OK") && lines[2].ends_with("] \\o/ RDB looks OK! \\o/"),
            "{lines:?}"
        );
        assert_eq!(
            lines[3..],
            [
                "[info] 2 keys read",
                "[info] 2 expires",
                "[info] 2 already expired",
                "[info] 2 of type string, 11 bytes",
                "[info] large: string 'long', 10 bytes",
                "[info] large: string 'short', 1 bytes",
            ]
        );
    }

    #[test]
    fn every_cut_and_a_wrong_checksum_are_errors() {
        let file = file();
        for length in 0..file.len() {
            assert_eq!(said(&file[..length]).0, Err(Damaged), "cut at {length}");
        }
        let mut damaged = file.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(said(&damaged).0, Err(Damaged));
    }
}
