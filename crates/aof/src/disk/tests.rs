//! Both disks act alike, and the one in memory forgets what it should.

use super::sim::{SimDisk, Step};
use super::{Disk, Entry, OpenMode, RealDisk, read_file, replace_file, write_all_at, write_file};
use std::sync::Arc;

/// A disk of each kind; the folder of the real one is removed by the caller.
fn disks() -> (Vec<Arc<dyn Disk>>, std::path::PathBuf) {
    let root = std::env::temp_dir().join(format!("spinel-aof-disk-{}", std::process::id()));
    std::fs::create_dir_all(&root).unwrap();
    (vec![Arc::new(SimDisk::new(16)), Arc::new(RealDisk::new(&root))], root)
}

#[test]
fn the_disk_in_memory_acts_like_the_real_one() {
    let (disks, root) = disks();
    for disk in disks {
        disk.create_folder("folder").unwrap();
        disk.create_folder("folder").unwrap();
        let missing = disk.open("folder/a", OpenMode::Write).unwrap_err();
        assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
        assert_eq!(disk.entry("folder/a").unwrap(), None);
        let file = disk.open("folder/a", OpenMode::Create).unwrap();
        write_all_at(&*file, b"hello world", 2).unwrap();
        file.reserve(0, 4096).unwrap();
        assert_eq!(file.length().unwrap(), 13);
        file.set_length(7).unwrap();
        file.sync_data().unwrap();
        assert_eq!(read_file(&*disk, "folder/a", 100).unwrap(), b"\0\0hello");
        assert!(read_file(&*disk, "folder/a", 6).is_err());
        assert_eq!(disk.entry("folder/a").unwrap(), Some(Entry::File(7)));
        assert_eq!(disk.entry("folder").unwrap(), Some(Entry::Folder));
        disk.hard_link("folder/a", "b").unwrap();
        assert_eq!(disk.hard_link("folder/a", "b").unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        assert!(disk.hard_link("folder/a", "missing/a").is_err());
        assert!(disk.remove_folder("folder").is_err() && disk.remove_folder("missing").is_err());
        replace_file(&*disk, "folder/a", "folder/c").unwrap();
        assert_eq!(disk.list("folder").unwrap(), ["c"]);
        assert_eq!(disk.list("").unwrap(), ["b", "folder"]);
        write_file(&*disk, "temporary", "b", b"new").unwrap();
        assert_eq!(read_file(&*disk, "b", 100).unwrap(), b"new");
        assert_eq!(read_file(&*disk, "folder/c", 100).unwrap(), b"\0\0hello");
        disk.unlink("folder/c").unwrap();
        assert!(disk.list("folder").unwrap().is_empty());
        disk.remove_folder("folder").unwrap();
        assert_eq!(disk.entry("folder").unwrap(), None);
        let empty = disk.open("b", OpenMode::Truncate).unwrap();
        assert_eq!(empty.length().unwrap(), 0);
    }
    std::fs::remove_dir_all(root).unwrap();
}

#[test]
fn a_file_is_replaced_whole_or_not_at_all_wherever_the_power_is_cut() {
    for steps in 0..8 {
        for seed in 0..50 {
            let disk = SimDisk::new(4);
            write_file(&disk, "temp", "file", b"old content").unwrap();
            disk.power_off_after(steps);
            let done = write_file(&disk, "temp", "file", b"new").is_ok();
            let content = read_file(&disk.after_power_cut(seed), "file", 100).unwrap();
            assert!(content == b"new" || !done && content == b"old content", "{steps} {seed}");
        }
    }
}

#[test]
fn every_step_that_fails_leaves_the_old_file_or_the_new() {
    for step in [Step::Create, Step::Write, Step::Sync, Step::Rename] {
        let disk = SimDisk::new(4);
        write_file(&disk, "temp", "file", b"old").unwrap();
        disk.fail(step, 0, 1);
        assert!(write_file(&disk, "temp", "file", b"new").is_err());
        assert_eq!(read_file(&disk, "file", 100).unwrap(), b"old");
        assert_eq!(disk.list("").unwrap(), ["file"], "{step:?}");
    }
}

#[test]
fn a_sync_that_fails_loses_what_it_should_have_saved() {
    let disk = SimDisk::new(4);
    write_file(&disk, "temp", "file", b"aaaa").unwrap();
    let file = disk.open("file", OpenMode::Write).unwrap();
    write_all_at(&*file, b"bbbb", 0).unwrap();
    disk.fail(Step::Sync, 0, 1);
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    assert_eq!(read_file(&disk, "file", 100).unwrap(), b"bbbb");
    assert_eq!(read_file(&disk.after_power_cut(3), "file", 100).unwrap(), b"aaaa");
}
