//! The writer on disks that fail.

use spinel_resp::OwnedArgs;

use super::{Rotation, Trouble, WriterOptions};
use crate::LogPosition;
use crate::disk::sim::{SimDisk, Step};
use crate::disk::{Disk, OpenMode, read_file, write_all_at};
use crate::testing::{Log, commands, stamp};

fn options() -> WriterOptions {
    WriterOptions::default()
}

/// What `Log::set` of these numbers leaves.
fn sets(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|number| format!("SET {number} some value or other")).collect()
}

#[test]
fn what_is_written_outlives_the_process_and_what_is_synced_a_power_cut() {
    let disk = SimDisk::new(32);
    let mut log = Log::new(&disk, options()).unwrap();
    let first = log.set(0);
    assert!(log.write());
    assert_eq!((log.writer.written(), log.writer.durable()), (first, LogPosition(0)));
    let ticket = log.writer.begin_sync().unwrap();
    let second = log.set(1);
    assert!(log.write());
    assert!(log.writer.begin_sync().is_none(), "one sync at a time");
    log.writer.end_sync(ticket.run()).unwrap();
    assert_eq!((log.writer.written(), log.writer.durable()), (second, first));
    assert_eq!(commands(&disk.after_kill()).unwrap(), sets(0..2));
    for seed in 0..100 {
        let left = commands(&disk.after_power_cut(seed)).unwrap();
        assert!(left == sets(0..1) || left == sets(0..2), "{seed}: {left:?}");
    }
}

#[test]
fn a_file_that_somebody_else_has_written_to_is_known() {
    let disk = SimDisk::new(32);
    let mut log = Log::new(&disk, options()).unwrap();
    let file = disk.open(&log.path(), OpenMode::Write).unwrap();
    assert!(!log.writer.is_given_up());
    log.set(0);
    assert!(log.write() && !log.writer.is_given_up());
    let content = read_file(&disk, &log.path(), 10_000).unwrap();
    for foreign in [&content[..content.len() / 3], &[b'x'; 1000], b""] {
        file.set_length(0).unwrap();
        write_all_at(&*file, foreign, 0).unwrap();
        assert!(log.writer.is_given_up());
    }
    write_all_at(&*file, &content, 0).unwrap();
    assert!(!log.writer.is_given_up());
}

#[test]
fn room_is_taken_ahead_and_cut_off_when_closed() {
    let disk = SimDisk::new(32);
    let mut log = Log::new(&disk, WriterOptions { preallocate_bytes: 1000, ..options() }).unwrap();
    log.writer.begin_preallocation().unwrap().run().result.unwrap();
    log.writer.preallocating = false;
    assert!(log.writer.begin_preallocation().is_none(), "there is room");
    let before = disk.used_bytes();
    for number in 0..5 {
        log.set(number);
        assert!(log.write());
    }
    assert_eq!(disk.used_bytes(), before, "the file does not grow");
    assert_eq!(commands(&disk.after_kill()).unwrap(), sets(0..5));
    let again = log.writer.begin_preallocation().unwrap();
    log.writer.close(stamp(9)).unwrap();
    let closed = disk.used_bytes();
    assert!(again.run().result.is_ok());
    assert_eq!(disk.used_bytes(), closed, "nobody writes behind the end of a closed file");
    let content = read_file(&disk, &log.path(), 10_000).unwrap();
    assert!(content.ends_with(b"\r\n"));
}

#[test]
fn a_cut_in_the_buffer_is_a_change_of_files() {
    let disk = SimDisk::new(32);
    let mut log = Log::new(&disk, options()).unwrap();
    log.set(0);
    let next = log.directory.begin_increment(stamp(3)).unwrap();
    log.writer.begin_rotation(next);
    log.set(1);
    let cut = log.buffer.cut();
    log.set(2);
    assert_eq!(*log.writer.rotation(), Rotation::Waiting);
    assert!(log.buffer.has_cut());
    assert!(log.write());
    assert_eq!(*log.writer.rotation(), Rotation::Done("a.aof.2.incr.aof".to_owned()));
    assert_eq!(log.writer.durable(), cut, "the file before is durable");
    assert_eq!(commands(&disk.after_kill()).unwrap(), sets(0..3));
}

#[test]
fn a_change_of_files_waits_for_a_sync_that_runs() {
    let disk = SimDisk::new(32);
    let mut log = Log::new(&disk, options()).unwrap();
    log.set(0);
    assert!(log.write());
    let ticket = log.writer.begin_sync().unwrap();
    let next = log.directory.begin_increment(stamp(3)).unwrap();
    log.writer.begin_rotation(next);
    log.buffer.cut();
    log.set(1);
    assert!(log.write());
    assert_eq!(*log.writer.rotation(), Rotation::Waiting);
    log.writer.end_sync(ticket.run()).unwrap();
    assert_eq!(*log.writer.rotation(), Rotation::Done("a.aof.2.incr.aof".to_owned()));
    assert_eq!(commands(&disk.after_kill()).unwrap(), sets(0..2));
}

#[test]
fn whichever_sync_fails_nothing_durable_is_lost_and_writing_resumes() {
    for failing in 0..30 {
        for keep_bytes in [usize::MAX, 100] {
            let disk = SimDisk::new(32);
            let mut log = Log::new(&disk, WriterOptions { keep_bytes, ..options() }).unwrap();
            disk.fail(Step::Sync, failing, 1);
            let mut now = 1000;
            for number in 0..20 {
                log.set(number);
                let fine = log.write() && (number % 2 == 0 || log.writer.sync().is_ok());
                if !fine {
                    assert_eq!(log.writer.refusal().unwrap().cause, Trouble::Sync);
                    check_durable(&disk, &log, number + 1);
                    now += 1000;
                    while log.writer.retry(&mut log.directory, now).is_err() {
                        now += 1000;
                    }
                    assert_eq!(log.writer.durable(), log.writer.written());
                }
                check_durable(&disk, &log, number + 1);
            }
            assert_eq!(commands(&disk.after_kill()).unwrap(), sets(0..20), "{failing}");
        }
    }
}

/// Whatever a power cut leaves holds everything up to the durable position and is the front of what was appended.
fn check_durable(disk: &SimDisk, log: &Log, count: u64) {
    let all = sets(0..count);
    for seed in 0..5 {
        let left = commands(&disk.after_power_cut(seed * 7919 + count)).unwrap();
        assert!(all.starts_with(&left), "{left:?}");
        let mut position = 0;
        let mut bytes = crate::LogBuffer::new(LogPosition(0));
        for number in 0..left.len() as u64 {
            let number = number.to_string();
            position = bytes
                .append(
                    0,
                    0,
                    OwnedArgs::from_words([&b"SET"[..], number.as_bytes(), b"some value or other"]).args(),
                )
                .0;
        }
        assert!(position >= log.writer.durable().0, "durable {:?}, left {position}", log.writer.durable());
    }
}

#[test]
fn a_full_disk_refuses_and_resumes_wherever_it_was_full() {
    let disk = SimDisk::new(32);
    let mut log = Log::new(&disk, options()).unwrap();
    log.set(0);
    assert!(log.write());
    let used = disk.used_bytes();
    for more in 0..600 {
        let disk = SimDisk::new(32);
        let mut log = Log::new(&disk, options()).unwrap();
        disk.set_capacity(Some(used + more));
        let mut written = 0;
        for number in 0..3 {
            log.set(number);
            if log.write() {
                written = number + 1;
                log.writer.sync().unwrap();
            }
        }
        let kept = commands(&disk.after_power_cut(more)).unwrap();
        assert!(sets(0..3).starts_with(&kept) && kept.len() as u64 >= written);
        if written < 3 {
            assert_eq!(log.writer.refusal().unwrap().cause, Trouble::NoRoom);
            assert_eq!(log.writer.refusal().unwrap().system, "No space left on device");
            assert_eq!(disk.used_bytes(), disk.used_bytes().min(used + more));
            let content = read_file(&disk, &log.path(), 10_000).unwrap();
            assert_eq!(content.len() as u64, log.writer.file_length(), "nothing partial is left behind");
        }
        disk.set_capacity(None);
        log.writer.retry(&mut log.directory, 10_000).unwrap();
        log.writer.sync().unwrap();
        assert_eq!(commands(&disk.after_power_cut(more)).unwrap(), sets(0..3));
        assert!(log.writer.refusal().is_none());
    }
}

#[test]
fn what_is_written_when_there_is_no_more_room_can_still_be_made_durable() {
    let disk = SimDisk::new(32);
    let mut log = Log::new(&disk, options()).unwrap();
    let first = log.set(0);
    assert!(log.write());
    disk.set_capacity(Some(disk.used_bytes()));
    log.set(1);
    assert!(!log.write());
    let ticket = log.writer.begin_sync().unwrap();
    log.writer.end_sync(ticket.run()).unwrap();
    assert_eq!(log.writer.durable(), first);
}

#[test]
fn trouble_before_the_cut_cancels_the_change_of_files() {
    let disk = SimDisk::new(32);
    let mut log = Log::new(&disk, options()).unwrap();
    let next = log.directory.begin_increment(stamp(3)).unwrap();
    log.writer.begin_rotation(next);
    log.set(0);
    assert!(log.write());
    disk.fail(Step::Sync, 0, 1);
    assert!(log.writer.sync().is_err());
    log.buffer.cut();
    log.set(1);
    assert!(!log.write());
    log.writer.retry(&mut log.directory, 10_000).unwrap();
    assert_eq!(*log.writer.rotation(), Rotation::Cancelled);
    log.set(2);
    assert!(log.write());
    assert_eq!(commands(&disk.after_kill()).unwrap(), sets(0..3));
    assert_eq!(log.directory.manifest().increments().len(), 2);
}

#[test]
fn a_disk_that_stays_ill_is_tried_again_and_again() {
    let disk = SimDisk::new(32);
    let mut log = Log::new(&disk, options()).unwrap();
    log.set(0);
    assert!(log.write());
    for step in [Step::Sync, Step::Create, Step::Write, Step::Rename, Step::SyncFolder] {
        disk.heal();
        disk.fail(Step::Sync, 0, 1);
        log.set(1);
        let _ = log.write();
        let _ = log.writer.begin_sync().map(|ticket| log.writer.end_sync(ticket.run()));
        disk.fail(step, 0, 3);
        let mut now = log.writer.retry_at_ms().unwrap_or(0);
        assert!(log.writer.retry(&mut log.directory, now - 1).is_err(), "not yet");
        for _ in 0..10 {
            now += 1000;
            let _ = log.writer.retry(&mut log.directory, now);
        }
        assert!(log.writer.refusal().is_none(), "{step:?}");
        assert_eq!(log.writer.durable(), log.buffer.end());
        assert!(commands(&disk.after_power_cut(now)).is_ok());
    }
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_it_from_trying_again() {
    let disk = SimDisk::new(32);
    let mut log = Log::new(&disk, options()).unwrap();
    disk.set_capacity(Some(disk.used_bytes()));
    log.set(0);
    assert!(!log.write());
    let later = 10_000_000;
    assert!(log.writer.retry(&mut log.directory, later).is_err());
    assert!(log.writer.retry_at_ms() > Some(later));
    disk.set_capacity(None);
    log.writer.retry(&mut log.directory, later - 3_600_000).unwrap();
    assert!(log.writer.refusal().is_none());
}
