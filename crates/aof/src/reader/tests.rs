//! Files whole, cut, changed and hostile.

use super::{LogReader, Problem, ReadError, Record};
use crate::disk::sim::SimDisk;
use crate::disk::{Disk, DiskFile, OpenMode, read_file, write_all_at};
use crate::testing::{Log, stamp};
use crate::{Directory, LogPosition, LogWriter, WriterOptions};
use proptest::prelude::{any, prop, proptest};
use std::io;
use std::sync::Arc;

fn file_of(content: &[u8]) -> Arc<dyn DiskFile> {
    let disk = SimDisk::new(4096);
    let file = disk.open("file", OpenMode::Create).unwrap();
    write_all_at(&*file, content, 0).unwrap();
    file
}

/// The commands in front of the first error, and the error.
fn read(content: &[u8]) -> (Vec<Vec<Vec<u8>>>, Option<ReadError>) {
    let mut reader = LogReader::new(file_of(content), 0).unwrap();
    let mut commands = Vec::new();
    loop {
        match reader.read() {
            Ok(Some(Record::Command { args, .. })) => {
                commands.push(args.iter().map(<[u8]>::to_vec).collect());
            }
            Ok(Some(_)) => {}
            Ok(None) => return (commands, None),
            Err(error) => return (commands, Some(error)),
        }
    }
}

/// Where a file is whole up to, if it is torn.
fn torn(content: &[u8]) -> Option<u64> {
    match read(content).1 {
        Some(ReadError::Torn { boundary, .. }) => Some(boundary),
        _ => None,
    }
}

fn damaged(content: &[u8]) -> Option<(u64, Problem)> {
    match read(content).1 {
        Some(ReadError::Damage { at, problem, .. }) => Some((at, problem)),
        _ => None,
    }
}

const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";

#[test]
fn commands_of_other_servers_are_read_with_their_comments() {
    let content = [b"#TS:12\r\n", GET, b"# anything\r\n", GET].concat();
    let (commands, error) = read(&content);
    assert!(error.is_none());
    assert_eq!(commands, [[b"GET".to_vec(), b"k".to_vec()], [b"GET".to_vec(), b"k".to_vec()]]);
    let mut reader = LogReader::new(file_of(&content), 0).unwrap();
    assert!(matches!(reader.read(), Ok(Some(Record::Timestamp { seconds: 12, at: 0 }))));
    assert!(matches!(reader.read(), Ok(Some(Record::Command { at: 8, end: 28, .. }))));
    assert_eq!(reader.boundary(), 28);
}

#[test]
fn notes_are_read_whole_and_what_is_left_of_one_is_torn_or_damage() {
    let mut note = Vec::new();
    crate::encode_note(&mut note, [&b"NOTE"[..], &[b'x'; 2000]]);
    let content = [GET, &note, GET].concat();
    let mut reader = LogReader::new(file_of(&content), 0).unwrap();
    reader.read().unwrap();
    let (begin, behind) = (GET.len() as u64, (GET.len() + note.len()) as u64);
    match reader.read() {
        Ok(Some(Record::Note { args, at, end })) => {
            assert_eq!((args.at(0), args.at(1).len(), at, end), (&b"NOTE"[..], 2000, begin, behind));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(reader.boundary(), behind);
    for end in GET.len() + 1..GET.len() + note.len() {
        assert_eq!(torn(&content[..end]), Some(begin), "{end}");
    }
    let second = memchr::memchr(b'\n', &note).unwrap() + 1;
    let without_end = [GET, &note[..second], GET].concat();
    assert_eq!(damaged(&without_end), Some((begin + second as u64, Problem::Note)));
    let mut misspelled = content;
    misspelled[GET.len() + 20] = 0xC3;
    assert_eq!(damaged(&misspelled), Some((begin, Problem::Note)));
}

#[test]
fn zeros_up_to_the_end_are_room_and_other_zeros_are_damage() {
    let content = [GET, &[0; 1000]].concat();
    let mut reader = LogReader::new(file_of(&content), 0).unwrap();
    assert!(reader.read().unwrap().is_some());
    assert!(reader.read().unwrap().is_none());
    assert_eq!(reader.unused_from(), Some(GET.len() as u64));
    let hole = [GET, &[0; 1000], GET].concat();
    assert_eq!(damaged(&hole), Some((GET.len() as u64, Problem::Format)));
}

#[test]
fn a_file_that_ends_within_a_command_a_comment_or_a_transaction_is_torn() {
    let multi = b"*1\r\n$5\r\nMULTI\r\n";
    let exec = b"*1\r\n$4\r\nexec\r\n";
    let content = [GET, multi, GET, GET, exec, GET].concat();
    let (before, after) = (GET.len(), content.len() - GET.len());
    for end in 0..content.len() {
        let whole = [0, before, after].into_iter().filter(|boundary| *boundary <= end).max().unwrap();
        let expected = (whole != end).then_some(whole as u64);
        assert_eq!(torn(&content[..end]), expected, "{end}");
        assert!(damaged(&content[..end]).is_none());
    }
    assert_eq!(torn(&[GET, b"#TS:1"].concat()), Some(before as u64));
}

#[test]
fn what_is_no_command_is_damage_with_its_place() {
    let at = GET.len() as u64;
    for bad in [&b"!!!"[..], b"*0\r\n", b"*1\r\n+OK\r\n", b"\n", b"*1\r\n$1\r\nab\r\n"] {
        assert_eq!(damaged(&[GET, bad].concat()), Some((at, Problem::Format)), "{}", bad.escape_ascii());
    }
    let exec = b"*1\r\n$4\r\nEXEC\r\n";
    assert_eq!(damaged(&[GET, exec].concat()), Some((at, Problem::Nesting)));
    let long_comment = [GET, b"#", &[b'x'; 2000], b"\r\n"].concat();
    assert_eq!(damaged(&long_comment), Some((at, Problem::Format)));
}

#[test]
fn numbers_beyond_the_file_take_no_memory() {
    assert_eq!(torn(b"*1\r\n$999999999999999\r\nabc"), Some(0));
    assert_eq!(torn(b"*999999999999999\r\n$1\r\na\r\n"), Some(0));
}

#[test]
fn commands_longer_than_the_window_are_read() {
    let value = vec![b'v'; 3_000_000];
    let mut content = Vec::new();
    for _ in 0..3 {
        crate::encode_command(&mut content, [&b"SET"[..], b"k", &value]);
    }
    let many: Vec<&[u8]> = std::iter::repeat_n(&b"word"[..], 200_000).collect();
    crate::encode_command(&mut content, many);
    let (commands, error) = read(&content);
    assert!(error.is_none());
    assert_eq!(commands.len(), 4);
    assert_eq!(commands[2][2], value);
    assert_eq!(commands[3].len(), 200_000);
}

/// A file of ours with batches, transactions among them, and the places where a reader may stop.
fn sealed(target_bytes: u64, close: bool) -> (Vec<u8>, Vec<Vec<Vec<u8>>>) {
    let disk = SimDisk::new(4096);
    let mut log = Log::new(&disk, WriterOptions::default()).unwrap();
    let mut number = 0;
    while log.writer.file_length() < target_bytes {
        number += 1;
        log.set(number);
        if number % 3 == 0 {
            log.transaction(number);
        }
        if number % 4 == 0 {
            assert!(log.write());
            log.writer.sync().unwrap();
        }
    }
    if close {
        log.writer.close(stamp(3)).unwrap();
    }
    let content = read_file(&disk, &log.path(), u64::MAX).unwrap();
    let commands = read(&content).0;
    (content, commands)
}

/// A view of bytes, with one bit of them flipped.
#[derive(Debug)]
struct View {
    content: Arc<Vec<u8>>,
    flipped: Option<usize>,
}

impl DiskFile for View {
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        let at = at as usize;
        let rest = self.content.get(at..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        if let Some(bit) = self.flipped
            && (at..at + count).contains(&(bit / 8))
        {
            buf[bit / 8 - at] ^= 1 << (bit % 8);
        }
        Ok(count)
    }

    fn write_at(&self, _bytes: &[u8], _at: u64) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.content.len() as u64)
    }

    fn set_length(&self, _length: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn reserve(&self, _at: u64, _length: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Where batches begin, and the whole file's end.
fn batches(content: &[u8]) -> Vec<usize> {
    memchr::memmem::find_iter(content, b"#SPINEL:1:").chain([content.len()]).collect()
}

/// Reads the commands of `view` between two places; they must be those that the unharmed bytes hold there.
fn compare(view: View, start: usize, end: usize) -> Option<ReadError> {
    let content = Arc::clone(&view.content);
    let mut reader = LogReader::of_part(Arc::new(view), start as u64, end as u64);
    let mut encoded = Vec::new();
    loop {
        match reader.read() {
            Ok(Some(Record::Command { args, at, end })) => {
                encoded.clear();
                crate::encode_command(&mut encoded, args.iter());
                assert_eq!(encoded, content[at as usize..end as usize]);
            }
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}

#[test]
fn our_file_of_64_kib_cut_anywhere_is_read_up_to_a_whole_batch() {
    let (content, _) = sealed(65_536, false);
    let (content, batches) = (Arc::new(content.clone()), batches(&content));
    for end in 0..content.len() {
        let index = batches.partition_point(|batch| *batch <= end).saturating_sub(3);
        // A front part is read whole now and then; otherwise the batches in front of the cut are, which is the same.
        let start = if end % 257 == 0 { 0 } else { batches[index] };
        let view = View { content: content.clone(), flipped: None };
        let whole = *batches[..=index + 2].iter().rfind(|batch| **batch <= end).unwrap();
        match compare(view, start, end) {
            None => assert_eq!(whole, end),
            Some(ReadError::Torn { boundary, .. }) => assert_eq!(boundary, whole as u64, "{end}"),
            Some(other) => panic!("cut at {end}: {other}"),
        }
    }
}

#[test]
fn no_flipped_bit_of_our_file_yields_a_wrong_value() {
    flip_bits(8192, 1);
    flip_bits(65_536, 17);
}

/// Flips every so many bits of a file that is about so long.
fn flip_bits(length: u64, step: usize) {
    let (content, _) = sealed(length, true);
    let (content, batches) = (Arc::new(content.clone()), batches(&content));
    for bit in (0..content.len() * 8).step_by(step) {
        let index = batches.partition_point(|batch| *batch <= bit / 8) - 1;
        // The whole file is read now and then; otherwise the batch and those behind it that know it was durable.
        let (start, end) = match bit % 4099 {
            0 => (0, content.len()),
            _ => (batches[index.saturating_sub(1)], batches[(index + 3).min(batches.len() - 1)]),
        };
        let error = compare(View { content: content.clone(), flipped: Some(bit) }, start, end);
        let is_first_line = index == 0;
        let is_last_line = index + 2 == batches.len();
        match error {
            Some(ReadError::Damage { .. }) => {}
            // What nobody knows to have been durable may be given up, and what holds no commands may be overlooked.
            Some(ReadError::Torn { boundary, .. }) => {
                assert!(is_last_line && boundary == batches[index] as u64, "{bit}");
            }
            Some(ReadError::Io(error)) => panic!("{error}"),
            None => assert!(is_first_line || is_last_line, "{bit}"),
        }
    }
}

#[test]
fn damage_that_a_later_seal_knows_was_durable_is_never_taken_for_a_torn_end() {
    let (content, _) = sealed(4096, false);
    // Everything but the last batch was durable when the last one was sealed.
    let last = memchr::memmem::rfind(&content, b"#SPINEL:1:B").unwrap();
    for at in (0..last).step_by(7) {
        let mut changed = content.clone();
        changed[at] ^= 4;
        let (_, error) = read(&changed);
        assert!(!matches!(error, Some(ReadError::Torn { .. })), "{at}");
    }
    let mut changed = content.clone();
    changed[last + 300] ^= 4;
    assert_eq!(torn(&changed), Some(last as u64));
}

#[test]
fn in_a_closed_file_every_change_is_damage() {
    let (content, all) = sealed(2048, true);
    let close = memchr::memmem::rfind(&content, b"#SPINEL:1:C").unwrap();
    for at in 0..close {
        let mut changed = content.clone();
        changed[at] = if changed[at] == b'%' { b'&' } else { b'%' };
        // A first line that looks like anybody's comment is one; the batches behind it prove themselves.
        assert!(damaged(&changed).is_some() || read(&changed).0 == all, "{at}");
    }
}

#[test]
fn a_hole_that_a_power_cut_left_is_torn_even_with_whole_batches_behind_it() {
    let disk = SimDisk::new(4096);
    let mut log = Log::new(&disk, WriterOptions::default()).unwrap();
    for number in 0..6 {
        log.set(number);
        assert!(log.write());
    }
    let mut content = read_file(&disk, &log.path(), u64::MAX).unwrap();
    content[200..400].fill(0);
    let boundary = torn(&content).unwrap();
    assert_eq!(boundary, 132, "the first batch is gone");
}

#[test]
fn commands_that_another_server_appended_are_kept() {
    for close in [false, true] {
        let (mut content, all) = sealed(1024, close);
        content.extend_from_slice(b"#TS:5\r\n");
        content.extend_from_slice(GET);
        let (commands, error) = read(&content);
        assert!(error.is_none());
        assert_eq!(commands.len(), all.len() + 1);
        content.extend_from_slice(&GET[..5]);
        assert_eq!(torn(&content), Some(content.len() as u64 - 5));
    }
}

#[test]
fn a_file_of_another_server_that_we_went_on_with_is_read() {
    let disk = SimDisk::new(4096);
    disk.create_folder("dir").unwrap();
    let manifest = b"file a.aof.1.incr.aof seq 1 type i\n";
    write_all_at(&*disk.open("dir/a.aof.manifest", OpenMode::Create).unwrap(), manifest, 0).unwrap();
    write_all_at(&*disk.open("dir/a.aof.1.incr.aof", OpenMode::Create).unwrap(), GET, 0).unwrap();
    let mut log = Log::new(&disk, WriterOptions::default()).unwrap();
    log.set(1);
    assert!(log.write());
    let content = read_file(&disk, &log.path(), u64::MAX).unwrap();
    assert!(content.starts_with(GET));
    let (commands, error) = read(&content);
    assert!(error.is_none());
    assert_eq!(commands.len(), 3, "GET, SELECT, SET");
}

#[test]
fn seals_say_where_the_writer_stood() {
    let (content, _) = sealed(1024, true);
    let mut reader = LogReader::new(file_of(&content), 0).unwrap();
    while reader.read().unwrap().is_some() {}
    assert_eq!(reader.last_seal().unwrap().stamp, stamp(3));
    let disk = SimDisk::new(16);
    let mut directory = Directory::open(Arc::new(disk), crate::testing::names()).unwrap();
    directory.create_folder().unwrap();
    let increment = directory.begin_increment(stamp(9)).unwrap();
    let writer = LogWriter::begin(increment, WriterOptions::default(), LogPosition(5), stamp(9));
    assert_eq!((writer.written(), writer.durable()), (LogPosition(5), LogPosition(5)));
}

#[test]
fn every_seed_of_the_log_fuzzer_passes() {
    spinel_resp::fuzzing::check_corpus("aof_log", crate::fuzzing::fuzz_log);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(content in prop::collection::vec(any::<u8>(), 0..300)) {
        crate::fuzzing::fuzz_log(&content);
    }

    #[test]
    fn fragments_of_logs_never_break_a_promise(
        fragments in prop::collection::vec(prop::sample::select(&[
            "*1\r\n", "*2\r\n", "$1\r\na\r\n", "$5\r\nMULTI\r\n", "$4\r\nEXEC\r\n", "#TS:5\r\n", "#\r\n", "\0", "\0\0\0",
            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", "\r\n", "$9\r\n", "$007\r\nabcdefg\r\n", "#SPINEL:1:",
            "#SPINEL:1:O:0000000000000000000000000000000000000000:0000000000000000:000000000001:000000000000:000000000000:000000000000:7ce4e5b5\r\n",
        ][..]), 0..12),
    ) {
        crate::fuzzing::fuzz_log(fragments.concat().as_bytes());
    }
}
