//! The steps of a rewrite, with the power cut and the disk failing between any two of them.

use spinel_resp::OwnedArgs;

use super::{Directory, Following};
use crate::disk::sim::{SimDisk, Step};
use crate::disk::{Disk, OpenMode, write_all_at};
use crate::names::BaseFormat;
use crate::testing::{Log, commands, names, open, stamp};
use crate::{LogPosition, LogWriter, Rotation, WriterOptions};

/// Writes a base that holds the numbers in front of `end`.
fn write_base(disk: &SimDisk, path: &str, end: u64) -> std::io::Result<()> {
    let file = disk.open(path, OpenMode::Truncate)?;
    let mut content = Vec::new();
    for number in 0..end {
        let number = number.to_string();
        crate::encode_command(&mut content, [&b"SET"[..], number.as_bytes(), b"some value or other"]);
    }
    write_all_at(&*file, &content, 0)?;
    file.sync_data()
}

fn sets(count: u64) -> Vec<String> {
    (0..count).map(|number| format!("SET {number} some value or other")).collect()
}

/// Writes, rewrites and writes again, as far as the disk goes along; how many numbers are durable.
fn rewrite(disk: &SimDisk) -> Result<u64, u64> {
    let mut log = Log::new(disk, WriterOptions::default()).map_err(|_| 0u64)?;
    let mut durable = 0;
    for number in 0..3 {
        log.set(number);
        durable = synced(&mut log, number + 1, durable)?;
    }
    let next = log.directory.begin_increment(stamp(2)).map_err(|_| durable)?;
    let first = next.name().to_owned();
    log.writer.begin_rotation(next);
    log.set(3);
    log.buffer.cut();
    log.set(4);
    durable = synced(&mut log, 5, durable)?;
    assert_eq!(*log.writer.rotation(), Rotation::Done(first.clone()));
    let temporary = names().temporary_base(1);
    write_base(disk, &temporary, 4).map_err(|_| durable)?;
    let directory = &mut log.directory;
    directory.install_base(&temporary, BaseFormat::Resp, Following::From(&first)).map_err(|_| durable)?;
    log.set(5);
    durable = synced(&mut log, 6, durable)?;
    log.directory.delete_history().map_err(|_| durable)?;
    log.set(6);
    durable = synced(&mut log, 7, durable)?;
    log.writer.close(stamp(3)).map_err(|_| durable)?;
    Ok(durable)
}

fn synced(log: &mut Log, count: u64, before: u64) -> Result<u64, u64> {
    if log.write() && log.writer.sync().is_ok() { Ok(count) } else { Err(before) }
}

#[test]
fn a_rewrite_leaves_a_base_and_what_follows_it() {
    let disk = SimDisk::new(64);
    assert_eq!(rewrite(&disk), Ok(7));
    let directory = open(&disk).unwrap();
    assert_eq!(
        directory.manifest().format(),
        "file a.aof.1.base.aof seq 1 type b\nfile a.aof.2.incr.aof seq 2 type i\n"
    );
    assert_eq!(disk.list("dir").unwrap(), ["a.aof.1.base.aof", "a.aof.2.incr.aof", "a.aof.manifest"]);
    assert_eq!(commands(&disk).unwrap(), sets(7));
}

#[test]
fn the_power_may_be_cut_between_any_two_steps_of_a_rewrite() {
    let disk = SimDisk::new(64);
    rewrite(&disk).unwrap();
    let steps = disk.steps();
    assert!(steps > 50);
    for step in 0..=steps {
        let disk = SimDisk::new(64);
        disk.power_off_after(step);
        let durable = rewrite(&disk).unwrap_or_else(|durable| durable);
        let killed = commands(&disk.after_kill()).unwrap();
        assert!(sets(7).starts_with(&killed) && killed.len() as u64 >= durable, "killed at {step}");
        for seed in 0..20 {
            let left = commands(&disk.after_power_cut(seed)).unwrap();
            assert!(sets(7).starts_with(&left), "{step} {seed}: {left:?}");
            assert!(left.len() as u64 >= durable, "{step} {seed}: {durable} durable, {} left", left.len());
        }
    }
}

#[test]
fn any_single_step_of_a_rewrite_may_fail() {
    for step in
        [Step::Create, Step::Write, Step::Sync, Step::Length, Step::Rename, Step::Link, Step::SyncFolder]
    {
        for nth in 0..20 {
            let disk = SimDisk::new(64);
            disk.fail(step, nth, 1);
            let durable = rewrite(&disk).unwrap_or_else(|durable| durable);
            for seed in 0..5 {
                let left = commands(&disk.after_power_cut(seed)).unwrap();
                assert!(sets(7).starts_with(&left) && left.len() as u64 >= durable, "{step:?} {nth}");
            }
            let mut directory = open(&disk.after_kill()).unwrap();
            directory.delete_temporary(|_| true).unwrap();
            directory.delete_history().unwrap();
        }
    }
}

#[test]
fn turning_the_log_on_names_the_increment_together_with_the_base() {
    let steps = {
        let disk = SimDisk::new(64);
        turn_on(&disk).unwrap();
        assert_eq!(commands(&disk).unwrap(), sets(3));
        let manifest = "file a.aof.1.base.rdb seq 1 type b\nfile a.aof.1.incr.aof seq 1 type i\n";
        assert_eq!(open(&disk).unwrap().manifest().format(), manifest);
        disk.steps()
    };
    for step in 0..steps {
        let disk = SimDisk::new(64);
        disk.power_off_after(step);
        let done = turn_on(&disk).is_ok();
        let left = disk.after_power_cut(step * 31);
        let directory = open(&left).unwrap();
        directory.delete_temporary(|_| true).unwrap();
        let commands = commands(&left).unwrap();
        assert!(commands == sets(3) || !done && commands.is_empty(), "{step}: {commands:?}");
    }
}

fn turn_on(disk: &SimDisk) -> Result<(), ()> {
    let mut directory = open(disk).map_err(|_| ())?;
    let increment = directory.begin_temporary_increment(stamp(1)).map_err(|_| ())?;
    let mut buffer = crate::LogBuffer::new(LogPosition(0));
    let mut writer = LogWriter::begin(increment, WriterOptions::default(), LogPosition(0), stamp(1));
    buffer.append(0, 0, OwnedArgs::from_words(["SET", "2", "some value or other"]).args());
    writer.write(buffer.take().ok_or(())?, stamp(2)).map_err(|_| ())?;
    writer.sync().map_err(|_| ())?;
    write_base(disk, &names().temporary_base(7), 2).map_err(|_| ())?;
    let temporary = names().temporary_base(7);
    directory.install_base(&temporary, BaseFormat::Rdb, Following::Temporary).map_err(|_| ())
}

#[test]
fn a_sync_may_fail_while_the_log_is_being_turned_on() {
    for keep_bytes in [0, usize::MAX] {
        let disk = SimDisk::new(64);
        let mut log = Log::new(&disk, WriterOptions::default()).unwrap();
        log.set(100);
        assert!(log.write());
        log.writer.close(stamp(1)).unwrap();
        let increment = log.directory.begin_temporary_increment(stamp(1)).unwrap();
        let options = WriterOptions { keep_bytes, ..WriterOptions::default() };
        log.writer = LogWriter::begin(increment, options, LogPosition(0), stamp(1));
        log.buffer = crate::LogBuffer::new(LogPosition(0));
        log.set(2);
        assert!(log.write());
        disk.fail(Step::Sync, 0, 2);
        assert!(log.writer.sync().is_err());
        log.set(3);
        assert!(!log.write());
        assert!(log.writer.retry(&mut log.directory, 1000).is_err());
        log.writer.retry(&mut log.directory, 9000).unwrap();
        assert_eq!(log.writer.durable(), log.buffer.end());
        log.set(4);
        assert!(log.write());
        write_base(&disk, "temp", 2).unwrap();
        log.directory.install_base("temp", BaseFormat::Resp, Following::Temporary).unwrap();
        log.writer.sync().unwrap();
        assert_eq!(commands(&disk.after_power_cut(5)).unwrap(), sets(5));
    }
}

#[test]
fn leftovers_are_deleted_and_foreign_files_are_not() {
    let disk = SimDisk::new(64);
    disk.create_folder("dir").unwrap();
    let leftovers = [
        "dir/temp-a.aof.incr",
        "dir/temp-a.aof.manifest",
        "temp-rewriteaof-1.aof",
        "temp-rewriteaof-bg-1.aof",
    ];
    let foreign = [
        "temp-rewriteaof-bg-2.aof",
        "dir/backup",
        "dir/temp-b.aof.incr",
        "dir/a.aof.9.incr.aof",
        "temp-1.rdb",
        "temp-rewriteaof-x.aof",
    ];
    for path in leftovers.iter().chain(&foreign) {
        disk.open(path, OpenMode::Create).unwrap();
    }
    let directory = Directory::open(std::sync::Arc::new(disk.clone()), names()).unwrap();
    let mut deleted = directory.delete_temporary(|process| process == 1).unwrap();
    deleted.sort();
    assert_eq!(deleted, leftovers);
    assert!(foreign.iter().all(|path| disk.entry(path).unwrap().is_some()));
}

#[test]
fn without_a_log_a_rewrite_leaves_only_a_base() {
    let disk = SimDisk::new(64);
    let mut log = Log::new(&disk, WriterOptions::default()).unwrap();
    write_base(&disk, "temp", 1).unwrap();
    log.directory.install_base("temp", BaseFormat::Rdb, Following::Nothing).unwrap();
    assert_eq!(
        log.directory.manifest().format(),
        "file a.aof.1.base.rdb seq 1 type b\nfile a.aof.1.incr.aof seq 1 type h\n"
    );
    assert_eq!(log.directory.delete_history().unwrap(), ["a.aof.1.incr.aof"]);
}
