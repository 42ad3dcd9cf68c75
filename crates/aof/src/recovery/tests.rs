//! Loading folders in every state they can be in.

use super::{LoadError, TornEnd, plan, read};
use crate::disk::sim::SimDisk;
use crate::disk::{Disk, OpenMode, read_file, write_all_at};
use crate::testing::{Log, Recorder, commands, open, recover, stamp};
use crate::{Directory, WriterOptions, encode_command};

fn put(disk: &SimDisk, path: &str, content: &[u8]) {
    disk.create_folder("dir").unwrap();
    write_all_at(&*disk.open(path, OpenMode::Truncate).unwrap(), content, 0).unwrap();
}

fn get(disk: &SimDisk, path: &str) -> Vec<u8> {
    read_file(disk, path, 1_000_000).unwrap()
}

fn set(key: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_command(&mut bytes, [&b"SET"[..], key.as_bytes(), b"v"]);
    bytes
}

#[test]
fn base_and_increments_are_loaded_in_order() {
    let disk = SimDisk::new(64);
    put(&disk, "dir/a.aof.manifest", b"file b seq 1 type b\nfile i1 seq 1 type i\nfile i2 seq 2 type i\n");
    put(&disk, "dir/b", b"REDIS0011...END");
    put(&disk, "dir/i1", &set("1"));
    put(&disk, "dir/i2", &set("2"));
    assert_eq!(commands(&disk).unwrap(), ["REDIS0011...END", "SET 1 v", "SET 2 v"]);
    let (_, loaded) = recover(&disk, TornEnd::Refuse).unwrap();
    assert_eq!((loaded.base_bytes, loaded.cut), (15, None));
}

#[test]
fn a_missing_file_is_refused_in_the_words_of_redis() {
    let disk = SimDisk::new(64);
    put(&disk, "dir/a.aof.manifest", b"file a.aof.1.incr.aof seq 1 type i\n");
    let error = recover(&disk, TornEnd::Cut).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Unable to obtain the AOF file a.aof.1.incr.aof length. stat: No such file or directory"
    );
}

#[test]
fn the_single_file_of_an_older_server_is_taken_over_wherever_that_was_interrupted() {
    let preamble = [b"REDIS0009...END".to_vec(), set("1")].concat();
    for content in [set("1"), preamble] {
        for steps in 0..12 {
            for seed in 0..20 {
                let disk = SimDisk::new(64);
                let file = disk.open("a.aof", OpenMode::Create).unwrap();
                write_all_at(&*file, &content, 0).unwrap();
                file.sync_data().unwrap();
                disk.sync_folder("").unwrap();
                disk.power_off_after(steps);
                let _ = open(&disk);
                let left = disk.after_power_cut(seed);
                let commands = commands(&left).unwrap();
                assert_eq!(commands.last().unwrap(), "SET 1 v", "{steps} {seed}");
                assert!(left.entry("a.aof").unwrap().is_none());
                assert_eq!(get(&left, "dir/a.aof.manifest"), b"file a.aof seq 1 type b\n");
            }
        }
    }
}

#[test]
fn an_old_file_beside_a_log_is_left_alone() {
    let disk = SimDisk::new(64);
    put(&disk, "a.aof", &set("old"));
    put(&disk, "dir/a.aof.manifest", b"file i seq 1 type i\n");
    put(&disk, "dir/i", &set("new"));
    assert_eq!(commands(&disk).unwrap(), ["SET new v"]);
    assert_eq!(get(&disk, "a.aof"), set("old"));
}

#[test]
fn only_the_last_file_may_be_torn() {
    let disk = SimDisk::new(64);
    let torn = &set("1")[..10];
    put(&disk, "dir/a.aof.manifest", b"file i1 seq 1 type i\nfile i2 seq 2 type i\n");
    put(&disk, "dir/i1", &[set("0"), torn.to_vec()].concat());
    put(&disk, "dir/i2", &set("2"));
    assert!(matches!(recover(&disk, TornEnd::Cut).unwrap_err(), LoadError::Torn { .. }));
    assert_eq!(get(&disk, "dir/i1").len(), set("0").len() + 10, "nothing is cut");
    put(&disk, "dir/i2", b"");
    assert!(matches!(recover(&disk, TornEnd::Refuse).unwrap_err(), LoadError::Torn { .. }));
    let (recorder, loaded) = recover(&disk, TornEnd::Cut).unwrap();
    assert_eq!(recorder.commands, ["SET 0 v"]);
    assert_eq!(loaded.cut, Some(("i1".to_owned(), 10)));
    assert!(recorder.lines.contains(&format!("!!! Truncating the AOF i1 at offset {} !!!", set("0").len())));
    assert_eq!(get(&disk, "dir/i1"), set("0"));
}

#[test]
fn half_a_transaction_is_not_applied() {
    let disk = SimDisk::new(64);
    let mut content = set("0");
    encode_command(&mut content, [&b"MULTI"[..]]);
    content.extend(set("1"));
    put(&disk, "dir/a.aof.manifest", b"file i1 seq 1 type i\n");
    put(&disk, "dir/i1", &content);
    let (recorder, _) = recover(&disk, TornEnd::Cut).unwrap();
    assert_eq!(recorder.commands, ["SET 0 v"]);
    assert_eq!(recorder.lines[0], "Revert incomplete MULTI/EXEC transaction in AOF file i1");
    assert_eq!(get(&disk, "dir/i1"), set("0"));
}

#[test]
fn damage_is_refused_with_its_place_and_what_repairs_it() {
    let disk = SimDisk::new(64);
    put(&disk, "dir/a.aof.manifest", b"file i1 seq 1 type i\n");
    put(&disk, "dir/i1", &[set("0"), b"!!!".to_vec()].concat());
    let error = recover(&disk, TornEnd::Cut).unwrap_err();
    let at = set("0").len();
    let text = format!("i1 is damaged at offset {at}: this is no command. See 'spinel check aof --fix'");
    assert_eq!(error.to_string(), text);
    assert_eq!(get(&disk, "dir/i1").len(), at + 3);
}

#[test]
fn room_that_was_not_used_is_cut_off_in_every_file() {
    let disk = SimDisk::new(64);
    put(&disk, "dir/a.aof.manifest", b"file i1 seq 1 type i\nfile i2 seq 2 type i\n");
    put(&disk, "dir/i1", &[set("1"), vec![0; 500]].concat());
    put(&disk, "dir/i2", &[set("2"), vec![0; 500]].concat());
    assert_eq!(commands(&disk).unwrap(), ["SET 1 v", "SET 2 v"]);
    assert_eq!((get(&disk, "dir/i1"), get(&disk, "dir/i2")), (set("1"), set("2")));
}

#[test]
fn what_a_later_file_repeats_is_read_once() {
    let disk = SimDisk::new(64);
    let mut log = Log::new(&disk, WriterOptions::default()).unwrap();
    log.set(0);
    assert!(log.write());
    log.writer.sync().unwrap();
    log.set(1);
    assert!(log.write());
    disk.fail(crate::disk::sim::Step::Sync, 0, 1);
    assert!(log.writer.sync().is_err());
    // The old file can neither be cut nor synced.
    disk.fail(crate::disk::sim::Step::Length, 0, 1);
    log.writer.retry(&mut log.directory, 9999).unwrap();
    let killed = disk.after_kill();
    let directory = open(&killed).unwrap();
    let files = plan(&directory).unwrap().files;
    assert!(files[0].end < files[0].length);
    let commands = commands(&killed).unwrap();
    assert_eq!(commands.len(), 2, "{commands:?}");
    assert_eq!(plan(&directory).unwrap().files[0].length, files[0].end);
}

#[test]
fn an_empty_folder_is_an_empty_log() {
    let disk = SimDisk::new(64);
    assert!(commands(&disk).unwrap().is_empty());
    let log = Log::new(&disk, WriterOptions::default()).unwrap();
    assert_eq!(log.directory.manifest().format(), "file a.aof.1.incr.aof seq 1 type i\n");
    let (_, loaded) = recover(&disk, TornEnd::Refuse).unwrap();
    assert_eq!(loaded.stamp, Some(stamp(1)));
}

#[test]
fn what_is_only_read_stays_as_it_is_and_its_torn_end_is_left_out() {
    let disk = SimDisk::new(64);
    let torn = [&set("1")[..], b"*3\r\n$3"].concat();
    put(&disk, "dir/a.aof.manifest", b"file i1 seq 1 type i\n");
    put(&disk, "dir/i1", &torn);
    put(&disk, "dir/single", &[b"REDIS0009...END", &torn[..]].concat());
    let names = disk.list("dir").unwrap();
    let shared: std::sync::Arc<dyn Disk> = std::sync::Arc::new(disk.clone());
    let folder = Directory::read(std::sync::Arc::clone(&shared), crate::testing::names()).unwrap();
    let single = Directory::of_file(shared, "dir", "single");
    for (directory, expected) in [(folder, &["SET 1 v"][..]), (single, &["REDIS0009...END", "SET 1 v"][..])] {
        let files = plan(&directory).unwrap();
        let refused = read(&directory, &files, TornEnd::Refuse, &mut Recorder::default());
        assert!(matches!(refused, Err(LoadError::Torn { .. })));
        let mut recorder = Recorder::default();
        let loaded = read(&directory, &files, TornEnd::Cut, &mut recorder).unwrap();
        assert_eq!(recorder.commands, expected);
        assert_eq!(loaded.cut.map(|cut| cut.1), Some(6));
        assert!(recorder.lines.iter().all(|line| !line.contains("Truncating")));
    }
    assert_eq!((get(&disk, "dir/i1"), disk.list("dir").unwrap()), (torn, names));
}
