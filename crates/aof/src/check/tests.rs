//! The tool against files in all states; the expected lines are those of redis-check-aof 7.0.15.

use spinel_resp::OwnedArgs;

use super::{Aborted, Check, Console, Mode};
use crate::disk::sim::SimDisk;
use crate::disk::{Disk, FileReader, OpenMode, read_file, write_all_at};
use crate::testing::{Log, commands, stamp};
use crate::{LogBuffer, WriterOptions};
use std::io::Read;

struct Script {
    lines: Vec<String>,
    answer: bool,
}

impl Console for Script {
    fn say(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    fn confirms(&mut self) -> bool {
        self.answer
    }
}

fn run(disk: &SimDisk, name: &str, mode: Mode) -> (Result<(), Aborted>, Vec<String>) {
    let mut console = Script { lines: Vec::new(), answer: true };
    let mut snapshot = |file: &std::sync::Arc<dyn crate::disk::DiskFile>| {
        let mut content = Vec::new();
        FileReader::new(file.clone()).read_to_end(&mut content).map_err(|error| error.to_string())?;
        memchr::memmem::find(&content, b"END").map(|at| at as u64 + 3).ok_or_else(|| "no end".to_owned())
    };
    let outcome = Check { disk, mode, console: &mut console, snapshot: &mut snapshot }.run(name, name);
    (outcome, console.lines)
}

fn put(disk: &SimDisk, path: &str, content: &[u8]) {
    write_all_at(&*disk.open(path, OpenMode::Truncate).unwrap(), content, 0).unwrap();
}

fn disk_of(files: &[(&str, &[u8])]) -> SimDisk {
    let disk = SimDisk::new(64);
    files.iter().for_each(|(path, content)| put(&disk, path, content));
    disk
}

const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";

#[test]
fn single_files_are_judged_in_the_words_of_redis() {
    let cases: [(&[u8], bool, &[&str]); 5] = [
        (
            GET,
            true,
            &["AOF analyzed: filename=a, size=20, ok_up_to=20, ok_up_to_line=6, diff=0", "AOF a is valid"],
        ),
        (b"", true, &["AOF a is empty"]),
        (
            &[MULTI, GET].concat(),
            false,
            &[
                "0x              23: Reached EOF before reading EXEC for MULTI",
                "AOF analyzed: filename=a, size=35, ok_up_to=0, ok_up_to_line=9, diff=35",
                "AOF a is not valid. Use the --fix option to try fixing it.",
            ],
        ),
        (
            &[GET, b"!!!"].concat(),
            false,
            &[
                "AOF a format error",
                "AOF analyzed: filename=a, size=23, ok_up_to=20, ok_up_to_line=6, diff=3",
                "AOF a is not valid. Use the --fix option to try fixing it.",
            ],
        ),
        (
            &[b"REDIS0009END", GET].concat(),
            true,
            &[
                "RDB preamble is OK, proceeding with AOF tail...",
                "AOF analyzed: filename=a, size=32, ok_up_to=32, ok_up_to_line=6, diff=0",
                "AOF a is valid",
            ],
        ),
    ];
    for (content, valid, lines) in cases {
        let (outcome, said) = run(&disk_of(&[("a", content)]), "a", Mode::Check);
        assert_eq!(outcome.is_ok(), valid);
        assert_eq!(said[0], "Start checking Old-Style AOF");
        assert_eq!(said[1..], *lines, "{}", content.escape_ascii());
    }
    let (outcome, said) = run(&SimDisk::new(64), "a", Mode::Check);
    assert_eq!((outcome, said[0].as_str()), (Err(Aborted), "Cannot open file a: No such file or directory"));
}

#[test]
fn a_manifest_is_checked_with_all_its_files() {
    let manifest = b"file b seq 1 type b\nfile i seq 1 type i\n";
    let disk = disk_of(&[("m", manifest), ("b", GET), ("i", GET)]);
    let (outcome, said) = run(&disk, "m", Mode::Check);
    assert!(outcome.is_ok());
    assert_eq!(
        said,
        [
            "Start checking Multi Part AOF",
            "Start to check BASE AOF (RESP format).",
            "AOF analyzed: filename=b, size=20, ok_up_to=20, ok_up_to_line=6, diff=0",
            "BASE AOF b is valid",
            "Start to check INCR files.",
            "AOF analyzed: filename=i, size=20, ok_up_to=20, ok_up_to_line=6, diff=0",
            "INCR AOF i is valid",
            "All AOF files and manifest are valid",
        ]
    );
    disk.unlink("i").unwrap();
    let (outcome, said) = run(&disk, "m", Mode::Check);
    assert!(outcome.is_err());
    assert_eq!(said.last().unwrap(), "Cannot open file ./i: No such file or directory, aborting...");
    let broken = disk_of(&[("m", b"file b seq 1 type x\n")]);
    assert_eq!(run(&broken, "m", Mode::Check).1.last().unwrap(), "Unknown AOF file type\n");
}

#[test]
fn only_the_end_of_the_last_file_is_repaired() {
    let manifest = b"file b seq 1 type b\nfile i seq 1 type i\n";
    let torn = [GET, &GET[..9]].concat();
    let disk = disk_of(&[("m", manifest), ("b", GET), ("i", &torn)]);
    let (outcome, said) = run(&disk, "m", Mode::Fix);
    assert!(outcome.is_ok());
    assert!(said.contains(&"This will shrink the AOF i from 29 bytes, with 9 bytes, to 20 bytes".to_owned()));
    assert!(said.contains(&"Successfully truncated AOF i".to_owned()));
    assert_eq!(read_file(&disk, "i", 100).unwrap(), GET);
    let disk = disk_of(&[("m", manifest), ("b", &torn), ("i", GET)]);
    let (outcome, said) = run(&disk, "m", Mode::Fix);
    assert!(outcome.is_err());
    assert_eq!(said.last().unwrap(), "Failed to truncate AOF b because it is not the last file");
}

#[test]
fn nothing_is_changed_without_consent() {
    let disk = disk_of(&[("a", &[GET, b"!!!"].concat())]);
    let mut console = Script { lines: Vec::new(), answer: false };
    let mut snapshot = |_: &std::sync::Arc<dyn crate::disk::DiskFile>| Ok(0);
    let mut check = Check { disk: &disk, mode: Mode::Fix, console: &mut console, snapshot: &mut snapshot };
    assert!(check.run("a", "a").is_err());
    assert_eq!(console.lines.last().unwrap(), "Aborting...");
    assert_eq!(disk.used_bytes(), 23);
}

#[test]
fn a_file_is_cut_before_what_came_after_a_second() {
    let content =
        [b"#TS:5\r\n", GET, b"#TS:7\r\n", MULTI, GET, b"*1\r\n$4\r\nEXEC\r\n", b"#TS:9\r\n", GET].concat();
    let ends =
        [(100, content.len()), (9, content.len()), (8, content.len() - 27), (7, content.len() - 27), (6, 27)];
    for (seconds, end) in ends {
        let disk = disk_of(&[("a", &content)]);
        let (outcome, said) = run(&disk, "a", Mode::TruncateTo(seconds));
        assert!(outcome.is_ok());
        assert_eq!(read_file(&disk, "a", 1000).unwrap(), content[..end], "{seconds}");
        if end == content.len() {
            assert_eq!(said[1], format!("Truncate nothing in AOF a to timestamp {seconds}"));
            assert_eq!(said[2], "AOF a is valid");
        } else {
            assert_eq!(said[1], format!("Successfully truncated AOF a to timestamp {seconds}"));
        }
    }
    let (outcome, said) = run(&disk_of(&[("a", &content)]), "a", Mode::TruncateTo(4));
    assert!(outcome.is_err());
    assert_eq!(said[1], "AOF a has nothing before timestamp 4, aborting...");
    let manifest = b"file a seq 1 type b\nfile i seq 1 type i\n";
    let disk = disk_of(&[("m", manifest), ("a", &content), ("i", GET)]);
    let (outcome, said) = run(&disk, "m", Mode::TruncateTo(6));
    assert!(outcome.is_err());
    let expected = "Failed to truncate AOF ./a to timestamp 6 to offset 27 because it is not the last file.";
    assert_eq!(said[said.len() - 2], expected);
}

#[test]
fn our_own_log_is_cut_between_batches_and_within_one() {
    let disk = SimDisk::new(64);
    let mut log = Log::new(&disk, WriterOptions::default()).unwrap();
    log.buffer = LogBuffer::new(log.buffer.end());
    log.buffer.set_timestamps(true);
    for (number, seconds) in [(0, 10), (1, 11), (2, 12)] {
        for key in 0..2 {
            let key = (2 * number + key).to_string();
            log.buffer.append(0, seconds, OwnedArgs::from_words(["SET", &key, "v"]).args());
            // Seconds 11 and 12 share a batch.
            if seconds == 10 {
                let batch = log.buffer.take().unwrap();
                log.writer.write(batch, stamp(10_500)).unwrap();
            }
        }
    }
    let batch = log.buffer.take().unwrap();
    log.writer.write(batch, stamp(11_000)).unwrap();
    log.writer.close(stamp(12_000)).unwrap();
    for (seconds, left) in [(10, 2), (11, 4), (12, 6)] {
        let disk = disk.after_kill();
        let (outcome, said) = run(&disk, "dir/a.aof.1.incr.aof", Mode::TruncateTo(seconds));
        assert!(outcome.is_ok(), "{said:?}");
        assert_eq!(commands(&disk).unwrap().len(), left, "{seconds}");
    }
}

#[test]
fn damage_says_what_would_be_given_up_and_unused_room_is_none() {
    let disk = SimDisk::new(64);
    let mut log =
        Log::new(&disk, WriterOptions { preallocate_bytes: 500, ..WriterOptions::default() }).unwrap();
    let outcome = log.writer.begin_preallocation().unwrap().run();
    log.writer.end_preallocation(outcome);
    for number in 0..4 {
        log.set(number);
        assert!(log.write());
        log.writer.sync().unwrap();
    }
    let outcome = log.writer.begin_preallocation().unwrap().run();
    log.writer.end_preallocation(outcome);
    let path = log.path();
    let (outcome, said) = run(&disk, &path, Mode::Check);
    assert!(outcome.is_ok() && said[1].contains("room that was never used"), "{said:?}");
    disk.flip_bit(&path, 8 * 300);
    let (outcome, said) = run(&disk, &path, Mode::Fix);
    assert!(outcome.is_ok());
    assert!(said.iter().any(|line| line.contains("in it 3 whole batches")), "{said:?}");
    let (outcome, _) = run(&disk, &path, Mode::Check);
    assert!(outcome.is_ok());
}
