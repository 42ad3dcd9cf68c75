//! How fast files are written and read: `cargo run --release -p spinel-rdb --example rdb_speed [FOLDER]`.
//!
//! For each data set: bytes of the file, and megabytes per second of processor time. `split` only cuts the file into records,
//! which one thread does for all others; `read` builds the values too. With a folder, the files without compression are
//! left there, for another server to load.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use spinel_rdb::decode::{DecodeContext, Item, Mark, Reader, Splitter};
use spinel_rdb::encode::{
    Attributes, EncodeOptions, put_entry, put_eof, put_header, put_resize_db, put_select_db,
};
use spinel_rdb::{Checksum, Target};
use spinel_store::{EncodingLimits, End, Entry, Hash, HashKey, List, NewValue, Set, SortedSet, Text};

const KEYS: usize = 1_000_000;
const RUNS: usize = 3;
/// A single checksum is over before the system has counted its time.
const SUMS: u32 = 20;

fn main() {
    let folder = std::env::args().nth(1).map(PathBuf::from);
    println!(
        "{:<28}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "MB/s", "file, MB", "write", "checksum", "split", "read"
    );
    for (name, make) in DATA_SETS {
        let entries = make();
        for compression in [false, true] {
            let options = EncodeOptions { compression, target: Target::V10, ..EncodeOptions::default() };
            let file =
                measure(&format!("{name}{}", if compression { ", LZF" } else { "" }), &entries, options);
            if let Some(folder) = folder.as_ref().filter(|_| !compression) {
                std::fs::write(folder.join(name.replace(' ', "-")), file)
                    .expect("the folder can be written to");
            }
        }
    }
}

fn best(mut work: impl FnMut()) -> f64 {
    let time = |work: &mut dyn FnMut()| {
        let start = cpu_seconds();
        work();
        cpu_seconds() - start
    };
    (0..RUNS).map(|_| time(&mut work)).fold(f64::INFINITY, f64::min)
}

/// What this thread has used of a processor, which other programs do not change much; else what the clock says.
fn cpu_seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let nanoseconds = std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    match nanoseconds {
        Some(nanoseconds) => nanoseconds as f64 / 1e9,
        None => START.get_or_init(Instant::now).elapsed().as_secs_f64(),
    }
}

fn measure(name: &str, entries: &[Entry], options: EncodeOptions) -> Vec<u8> {
    let (limits, hash_key) = (EncodingLimits::default(), key());
    let cx = DecodeContext { limits: &limits, hash_key: &hash_key };
    let mut file = Vec::new();
    let write = best(|| {
        file.clear();
        put_header(&mut file, options.target);
        put_select_db(&mut file, 0);
        put_resize_db(&mut file, entries.len() as u64, 0);
        for entry in entries {
            put_entry(&mut file, entry.key(), entry.value(), Attributes::default(), options);
        }
    });
    let mut checksum = Checksum::new();
    checksum.update(&file);
    let sum = best(|| (0..SUMS).for_each(|_| assert_ne!(Checksum::of(&file), 0))) / f64::from(SUMS);
    put_eof(&mut file, Some(checksum));
    let split = best(|| {
        let mut splitter = Splitter::new(&file[..]);
        while splitter.next_piece().expect("we wrote it").is_some() {}
    });
    let read = best(|| {
        let mut reader = Reader::new(&file[..], cx);
        let mut read = Vec::with_capacity(entries.len());
        while let Some(item) = reader.next_item().expect("we wrote it") {
            match item {
                Item::Record(record) => read.extend(record.into_entry(0, &hash_key)),
                Item::Mark(Mark::Eof(checksum)) => assert_eq!(format!("{checksum:?}"), "Right"),
                Item::Mark(_) => {}
            }
        }
        assert_eq!(read.len(), entries.len());
    });
    let megabytes = file.len() as f64 / 1e6;
    let speed = |seconds: f64| format!("{:.0}", megabytes / seconds);
    println!(
        "{name:<28}{megabytes:>10.1}{:>10}{:>10}{:>10}{:>10}",
        speed(write),
        speed(sum),
        speed(split),
        speed(read)
    );
    file
}

fn key() -> HashKey {
    HashKey::from_bytes([7; 16])
}

fn word(number: usize) -> String {
    format!("{:x} and {number}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

type Make = fn() -> Vec<Entry>;

const DATA_SETS: [(&str, Make); 8] = [
    ("strings of 8 bytes", || strings(|i| format!("{i:08}"))),
    ("strings of 100 bytes", || strings(|i| [word(i), word(i + 1), word(i + 2)].join(" "))),
    ("integers", || strings(|i| (i * i).to_string())),
    ("small hashes", || {
        (0..KEYS / 10).map(|i| entry(i, NewValue::Hash(Box::new(hash((0..10).map(|f| i + f)))))).collect()
    }),
    ("a hash", || vec![entry(0, NewValue::Hash(Box::new(hash(0..KEYS))))]),
    ("a set", || {
        let (limits, key, mut set) = (EncodingLimits::default(), key(), Set::new());
        for i in 0..KEYS {
            set.add(Text::Bytes(word(i).as_bytes()), &limits, &key);
        }
        vec![entry(0, NewValue::Set(Box::new(set)))]
    }),
    ("a sorted set", || {
        let (limits, key, mut zset) = (EncodingLimits::default(), key(), SortedSet::new());
        for i in 0..KEYS {
            zset.insert(word(i).as_bytes(), (i * 7919 % 1_000_003) as f64 / 3.0, &limits, &key);
        }
        vec![entry(0, NewValue::SortedSet(Box::new(zset)))]
    }),
    ("a list", || {
        let mut list = List::new();
        for i in 0..KEYS {
            list.push(End::Back, [word(i).as_bytes()], &EncodingLimits::default());
        }
        vec![entry(0, NewValue::List(Box::new(list)))]
    }),
];

fn strings(value: impl Fn(usize) -> String) -> Vec<Entry> {
    (0..KEYS).map(|i| entry(i, NewValue::Text(value(i).as_bytes()))).collect()
}

fn entry(number: usize, value: NewValue<'_>) -> Entry {
    Entry::new(format!("key:{number:012}").as_bytes(), value, None, 0)
}

fn hash(fields: impl Iterator<Item = usize>) -> Hash {
    let (limits, key, mut hash) = (EncodingLimits::default(), key(), Hash::new());
    for i in fields {
        hash.set(word(i).as_bytes(), i.to_string().as_bytes(), &limits, &key);
    }
    hash
}
