//! Backups of a small log: made, removed and found again, with the disk failing at every step.

use super::{BackupFolder, Found};
use crate::disk::sim::SimDisk;
use crate::disk::{Disk, OpenMode, write_all_at};
use crate::manifest::Sealed;
use crate::names::Names;
use crate::testing::{Log, names};
use crate::{Directory, WriterOptions};
use std::sync::Arc;

const SEALED: Sealed = Sealed { start_seconds: 5, end_seconds: 7 };

/// A closed log without a base of its own; its manifest's files stand for what is pinned.
fn written(disk: &SimDisk) -> Directory {
    let mut log = Log::new(disk, WriterOptions::default()).unwrap();
    for number in 0..5 {
        log.set(number);
        assert!(log.write());
    }
    log.writer.close(crate::testing::stamp(3)).unwrap();
    log.directory
}

fn folder(disk: &SimDisk) -> BackupFolder {
    BackupFolder::new(Arc::new(disk.clone()), Names::new("backup", "a.aof"))
}

fn no_snapshot(_: &Arc<dyn crate::disk::DiskFile>) -> Result<u64, String> {
    Err("a snapshot".to_owned())
}

/// Makes a backup; the first increment stands for the base as well.
fn back_up(disk: &SimDisk, directory: &Directory) -> Result<(), String> {
    let backup = folder(disk);
    let text = |error: std::io::Error| error.to_string();
    backup.begin().map_err(text)?;
    let increment = directory.manifest().increments()[0].clone();
    let base =
        crate::FileInfo { name: "a.aof.1.base.aof".to_owned(), sequence: 1, kind: crate::FileKind::Base };
    let file = disk.open("dir/a.aof.1.base.aof", OpenMode::Truncate).map_err(text)?;
    write_all_at(&*file, b"*1\r\n$4\r\nPING\r\n", 0).and_then(|()| file.sync_data()).map_err(text)?;
    backup.pin(&names(), &base.name).map_err(text)?;
    backup.pin(&names(), &increment.name).map_err(text)?;
    backup.write_manifest(&base, &[increment], SEALED).map_err(text)?;
    backup.verify(&mut no_snapshot, &|| true)?;
    backup.finish().map_err(text)
}

#[test]
fn a_backup_is_found_again_and_removed_without_a_trace() {
    let disk = SimDisk::new(64);
    let directory = written(&disk);
    assert!(folder(&disk).is_empty().unwrap());
    back_up(&disk, &directory).unwrap();
    let files = ["a.aof.1.base.aof", "a.aof.1.incr.aof", "a.aof.manifest"].map(str::to_owned);
    assert_eq!(disk.list("backup").unwrap(), files);
    let after = disk.after_power_cut(3);
    assert_eq!(folder(&after).found().unwrap(), Found::Sealed(SEALED, files.to_vec()));
    assert!(!folder(&after).is_empty().unwrap());
    folder(&after).remove().unwrap();
    assert!(folder(&after).is_empty().unwrap());
    folder(&after).remove().unwrap();
}

#[test]
fn damage_is_found_by_verifying() {
    let disk = SimDisk::new(64);
    let directory = written(&disk);
    back_up(&disk, &directory).unwrap();
    disk.flip_bit("backup/a.aof.1.incr.aof", 8 * 300);
    let error = folder(&disk).verify(&mut no_snapshot, &|| true).unwrap_err();
    assert!(error.starts_with("a.aof.1.incr.aof: "), "{error}");
}

#[test]
fn what_others_put_there_is_no_backup_and_stays() {
    let disk = SimDisk::new(64);
    disk.create_folder("backup").unwrap();
    for name in ["a.aof.1.base.rdb", "a.aof.manifest", "notes"] {
        let file = disk.open(&format!("backup/{name}"), OpenMode::Create).unwrap();
        write_all_at(&*file, b"file a.aof.1.base.rdb seq 1 type b\n", 0).unwrap();
    }
    assert_eq!(folder(&disk).found().unwrap(), Found::NoBackup);
    assert!(!folder(&disk).is_empty().unwrap());
}

#[test]
fn a_backup_cut_short_is_never_taken_for_a_whole_one() {
    let whole = SimDisk::new(64);
    let directory = written(&whole);
    let mut is_through = false;
    for steps in 0..100 {
        let disk = whole.after_kill();
        disk.power_off_after(steps);
        let outcome = back_up(&disk, &directory);
        for seed in 0..6 {
            check(&disk.after_power_cut(seed * 11 + steps), outcome.is_ok(), steps);
        }
        check(&disk.after_kill(), outcome.is_ok(), steps);
        is_through = outcome.is_ok();
        if is_through {
            break;
        }
    }
    assert!(is_through);
}

fn check(left: &SimDisk, is_whole: bool, steps: u64) {
    let backup = folder(left);
    match backup.found().unwrap() {
        Found::Sealed(..) => backup.verify(&mut no_snapshot, &|| true).unwrap(),
        _ if is_whole => panic!("{steps}: it was whole"),
        Found::Unfinished => {
            backup.remove().unwrap();
            assert!(backup.is_empty().unwrap(), "{steps}");
        }
        Found::NoBackup => assert!(backup.is_empty().unwrap(), "{steps}"),
    }
}

#[test]
fn a_removal_cut_short_leaves_what_the_next_one_removes() {
    let whole = SimDisk::new(64);
    let directory = written(&whole);
    back_up(&whole, &directory).unwrap();
    for steps in 0..20 {
        let disk = whole.after_kill();
        disk.power_off_after(steps);
        let _ = folder(&disk).remove();
        for left in [disk.after_kill(), disk.after_power_cut(steps), disk.after_power_cut(steps + 31)] {
            check(&left, false, steps);
        }
    }
}
