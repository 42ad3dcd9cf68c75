//! Logs restored to every moment, with the disk failing at every step.

use super::{Cut, Outcome, RestoreError, Wish, restore};
use crate::disk::sim::{SimDisk, Step};
use crate::disk::{Disk, Entry, OpenMode, read_file, write_all_at, write_file};
use crate::recovery::{TornEnd, load, plan};
use crate::testing::{Log, Recorder, commands, names, stamp};
use crate::{BaseFormat, Directory, Following, LogPosition, Moment, Names, WriterOptions};
use std::sync::Arc;

/// What time it is when something is restored.
const NOW_MS: u64 = 1_000_000;

fn wish(to_ms: u64) -> Wish {
    Wish { to: Moment(to_ms), now: Moment(NOW_MS) }
}

fn restore_to(disk: &SimDisk, to_ms: u64) -> Result<Outcome, RestoreError> {
    // Snapshots of these tests say their second in front.
    let mut time = |file: &Arc<dyn crate::disk::DiskFile>| {
        let mut front = [0; 11];
        crate::disk::read_exact_at(&**file, &mut front, 0).map_err(|error| error.to_string())?;
        std::str::from_utf8(&front[5..]).unwrap().parse().map(Some).map_err(|_| "no time".to_owned())
    };
    let mut directory = Directory::open(Arc::new(disk.clone()), names()).unwrap();
    restore(&mut directory, wish(to_ms), &mut time)
}

fn cut(disk: &SimDisk, to_ms: u64) -> Cut {
    match restore_to(disk, to_ms).unwrap() {
        Outcome::Cut(cut) => cut,
        other => panic!("{other:?}"),
    }
}

fn write_at(log: &mut Log, time_ms: u64) {
    while let Some(batch) = log.buffer.take() {
        log.writer.write(batch, stamp(time_ms)).unwrap();
    }
}

/// A batch each at 1,000, 2,000, ... 9,000 ms: a command, a transaction and so on. There is a base of the second 3, and the
/// file changes once more.
fn written(disk: &SimDisk) -> Vec<String> {
    let mut log = Log::new(disk, WriterOptions::default()).unwrap();
    let rotate = |log: &mut Log, number: u64, base: Option<&[u8]>| {
        let next = log.directory.begin_increment(stamp(number * 1000)).unwrap();
        let name = next.name().to_owned();
        log.writer.begin_rotation(next);
        log.buffer.cut();
        write_at(log, number * 1000);
        if let Some(base) = base {
            let file = disk.open("temporary", OpenMode::Truncate).unwrap();
            write_all_at(&*file, base, 0).unwrap();
            file.sync_data().unwrap();
            log.directory.install_base("temporary", BaseFormat::Rdb, Following::From(&name)).unwrap();
            log.directory.delete_history().unwrap();
        }
    };
    for number in 1..10 {
        match number {
            4 => rotate(&mut log, number, Some(b"REDIS000003END")),
            7 => rotate(&mut log, number, None),
            _ => {}
        }
        if number % 2 == 0 {
            log.set(number)
        } else {
            log.transaction(number)
        };
        write_at(&mut log, number * 1000);
    }
    log.writer.close(stamp(9500)).unwrap();
    commands(disk).unwrap()
}

/// What there is if batches count up to this one.
fn expected(all: &[String], batches: u64) -> &[String] {
    &all[..1 + batches.saturating_sub(3) as usize]
}

/// Every file of a folder.
fn content(disk: &SimDisk, folder: &str) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| (name.clone(), read_file(disk, &format!("{folder}/{name}"), 1 << 20).unwrap());
    disk.list(folder).unwrap().into_iter().map(read).collect()
}

fn go_on(disk: &SimDisk, number: u64, time_ms: u64) {
    let mut log = Log::open(disk, WriterOptions::default(), LogPosition(0)).unwrap();
    log.set(number);
    write_at(&mut log, time_ms);
    log.writer.close(stamp(time_ms)).unwrap();
}

#[test]
fn a_log_goes_back_to_every_moment_behind_its_base_and_keeps_what_it_gives_up() {
    let whole = SimDisk::new(64);
    let all = written(&whole);
    assert_eq!(all.len(), 7);
    for to_ms in (3999..9000).step_by(100).chain([3999, 4000, 4001, 8999]) {
        let disk = whole.after_kill();
        let before = content(&disk, "dir");
        let cut = cut(&disk, to_ms);
        let batches = to_ms / 1000;
        assert_eq!(commands(&disk).unwrap(), expected(&all, batches), "{to_ms}");
        assert_eq!(cut.last, (batches > 3).then_some(Moment(batches * 1000)));
        assert_eq!(cut.kept_in, format!("dir.before-restore-{NOW_MS}"));
        assert_eq!(content(&disk, &cut.kept_in), before);
        assert!(!cut.is_damaged_behind && cut.untimed == 0);
        // What follows goes into files that nobody else has.
        go_on(&disk, 77, NOW_MS + 5);
        assert_eq!(content(&disk, &cut.kept_in), before);
        let with_more = [expected(&all, batches), &["SET 77 some value or other".to_owned()]].concat();
        let again = restore_to(&disk, to_ms).unwrap();
        assert_eq!(again, Outcome::DoneBefore { at: Moment(NOW_MS) });
        assert_eq!(commands(&disk).unwrap(), with_more);
    }
}

#[test]
fn what_is_given_up_is_counted() {
    let disk = SimDisk::new(64);
    written(&disk);
    let all: u64 = content(&disk, "dir")
        .iter()
        .filter(|(name, _)| name.contains("incr"))
        .map(|(_, content)| content.len() as u64)
        .sum();
    let cut = cut(&disk, 7500);
    // A command, a transaction of two with MULTI and EXEC.
    assert_eq!(cut.commands, 1 + 4);
    let left: u64 = content(&disk, "dir")
        .iter()
        .filter(|(name, _)| name.contains("incr"))
        .map(|(_, content)| content.len() as u64)
        .sum();
    assert_eq!(cut.bytes, all - left);
}

#[test]
fn the_files_that_were_given_up_are_a_log_of_their_own() {
    let disk = SimDisk::new(64);
    let all = written(&disk);
    let cut = cut(&disk, 5000);
    let directory = Directory::open(Arc::new(disk.clone()), Names::new(cut.kept_in, "a.aof")).unwrap();
    let mut recorder = Recorder::default();
    load(&directory, &plan(&directory).unwrap(), TornEnd::Refuse, &mut recorder).unwrap();
    recorder.commands.retain(|command| !command.starts_with("SELECT"));
    assert_eq!(recorder.commands, all);
}

#[test]
fn nothing_is_cut_where_nothing_is_later_and_not_afterwards_either() {
    let disk = SimDisk::new(64);
    let all = written(&disk);
    assert_eq!(restore_to(&disk, 9000).unwrap(), Outcome::NothingLater);
    assert_eq!(commands(&disk).unwrap(), all);
    go_on(&disk, 77, NOW_MS + 5);
    assert!(matches!(restore_to(&disk, 9000).unwrap(), Outcome::DoneBefore { .. }));
    assert_eq!(commands(&disk).unwrap().len(), all.len() + 1);
    assert!(!disk.list("").unwrap().iter().any(|name| name.contains("before-restore")));
}

#[test]
fn moments_that_the_log_knows_nothing_of_are_refused() {
    let disk = SimDisk::new(64);
    let all = written(&disk);
    for (to_ms, part) in [
        (3998, "holds what was written until 1970-01-01 00:00:03.999 UTC, the log cannot go back further"),
        (NOW_MS + 1, "is in the future, it is 1970-01-01 00:16:40.000 UTC now"),
    ] {
        let text = restore_to(&disk, to_ms).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
        assert_eq!(commands(&disk).unwrap(), all);
    }
    assert!(matches!(restore_to(&SimDisk::new(64), 5000), Err(RestoreError::NoLog)));
    cut(&disk, 5000);
    go_on(&disk, 77, NOW_MS + 5);
    let text = restore_to(&disk, 7000).unwrap_err().to_string();
    assert!(text.contains("kept in 'dir.before-restore-1000000'"), "{text}");
    // An earlier one is fine, and does away with what was written after the first cut.
    cut(&disk, 4000);
    assert_eq!(commands(&disk).unwrap(), expected(&all, 4));
}

/// A log of Redis of these increments, behind a base of second 1.
fn of_redis(increments: &[&str]) -> SimDisk {
    let disk = SimDisk::new(64);
    disk.create_folder("dir").unwrap();
    let mut manifest = "file base.base.rdb seq 1 type b\n".to_owned();
    write_file(&disk, "t", "dir/base.base.rdb", b"REDIS000001END").unwrap();
    for (number, content) in increments.iter().enumerate() {
        let name = format!("a.aof.{}.incr.aof", number + 1);
        manifest += &format!("file {name} seq {} type i\n", number + 1);
        write_file(&disk, "t", &names().path(&name), content.as_bytes()).unwrap();
    }
    write_file(&disk, "t", "dir/a.aof.manifest", manifest.as_bytes()).unwrap();
    disk
}

const PING: &str = "*1\r\n$4\r\nPING\r\n";
const BEGIN: &str = "*1\r\n$5\r\nMULTI\r\n";
const END: &str = "*1\r\n$4\r\nEXEC\r\n";

#[test]
fn lines_of_redis_tell_the_second() {
    let first = format!("#TS:5\r\n{PING}#TS:6\r\n{PING}{PING}");
    let second = format!("{PING}#TS:8\r\n{BEGIN}{PING}#TS:9\r\n{PING}{END}");
    let disk = of_redis(&[&first, &second]);
    for (to_ms, left) in [(1999, 0), (4999, 0), (5000, 1), (6000, 4), (7999, 4), (8999, 4)] {
        let disk = disk.after_kill();
        cut(&disk, to_ms);
        assert_eq!(commands(&disk).unwrap().len(), 1 + left, "{to_ms}");
    }
    assert_eq!(restore_to(&disk.after_kill(), 9000).unwrap(), Outcome::NothingLater);
    assert!(matches!(restore_to(&disk, 1998), Err(RestoreError::BeforeBase { .. })));
}

#[test]
fn commands_without_a_time_count_with_the_time_before_them_and_are_counted() {
    let disk = of_redis(&[&format!("{PING}{PING}#TS:6\r\n{PING}")]);
    let cut = cut(&disk, 5000);
    assert_eq!((cut.untimed, cut.last, cut.commands), (2, None, 1));
    assert!(matches!(restore_to(&of_redis(&[PING]), 5000), Err(RestoreError::NoTimes)));
}

#[test]
fn damage_in_front_of_the_moment_is_refused_and_behind_it_is_given_up() {
    let disk = SimDisk::new(64);
    let all = written(&disk);
    // In the batch at 8,000, which the next one proves.
    let name = disk.list("dir").unwrap().into_iter().rfind(|name| name.contains("incr")).unwrap();
    let text = read_file(&disk, &names().path(&name), 1 << 20).unwrap();
    let at = memchr::memmem::find(&text, b"$1\r\n8").unwrap();
    disk.flip_bit(&names().path(&name), 8 * (at as u64 + 4));
    assert!(matches!(restore_to(&disk, 8500), Err(RestoreError::Log(_))));
    let cut = cut(&disk, 6500);
    assert!(cut.is_damaged_behind);
    assert_eq!(commands(&disk).unwrap(), expected(&all, 6));
}

/// Whatever is left loads as the old log or the restored one, can be restored, and has everything somewhere.
fn check(left: &SimDisk, all: &[String], what: &str) {
    let restored = expected(all, 5);
    let found = commands(left).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(found == all || found == restored, "{what}: {found:?}");
    let is_kept = |folder: &str| {
        let names = Names::new(folder, "a.aof");
        let has_manifest = matches!(left.entry(&names.path(&names.manifest())), Ok(Some(Entry::File(_))));
        has_manifest && {
            let directory = Directory::open(Arc::new(left.clone()), names).unwrap();
            let mut recorder = Recorder::default();
            load(&directory, &plan(&directory).unwrap(), TornEnd::Refuse, &mut recorder).unwrap();
            recorder.commands.retain(|command| !command.starts_with("SELECT"));
            recorder.commands == all
        }
    };
    let folders = left.list("").unwrap();
    assert!(found == all || folders.iter().any(|name| is_kept(name)), "{what}: it is lost");
    restore_to(left, 5000).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(commands(left).unwrap(), restored, "{what}");
}

#[test]
fn a_crash_at_any_step_leaves_the_old_log_or_the_restored_one() {
    let whole = SimDisk::new(64);
    let all = written(&whole);
    let mut is_through = false;
    for steps in 0..200 {
        let disk = whole.after_kill();
        disk.power_off_after(steps);
        let outcome = restore_to(&disk, 5000);
        for seed in 0..6 {
            check(
                &disk.after_power_cut(seed * 7 + steps),
                &all,
                &format!("power cut after {steps} steps, {seed}"),
            );
        }
        check(&disk.after_kill(), &all, &format!("killed after {steps} steps"));
        is_through = outcome.is_ok();
        if is_through && disk.steps() <= steps {
            break;
        }
    }
    assert!(is_through);
}

#[test]
fn a_step_that_fails_leaves_the_old_log_or_the_restored_one() {
    let whole = SimDisk::new(64);
    let all = written(&whole);
    for step in
        [Step::Write, Step::Sync, Step::Create, Step::Length, Step::Rename, Step::Link, Step::SyncFolder]
    {
        for nth in 0..12 {
            let disk = whole.after_kill();
            disk.fail(step, nth, 1);
            let what = format!("{step:?} {nth}");
            let outcome = restore_to(&disk, 5000);
            let is_certain = !matches!((&outcome, step), (Err(_), Step::SyncFolder));
            disk.heal();
            let kept =
                disk.list("").unwrap().into_iter().filter(|name| name.contains("before-restore")).count();
            match &outcome {
                Ok(_) => assert_eq!(kept, 1, "{what}"),
                Err(_) if is_certain => assert_eq!(kept, 0, "{what}: what was made in vain is gone"),
                Err(_) => {}
            }
            check(&disk.after_power_cut(nth), &all, &what);
            check(&disk.after_kill(), &all, &what);
        }
    }
    let disk = whole.after_kill();
    disk.set_capacity(Some(disk.used_bytes() + 100));
    assert!(restore_to(&disk, 5000).is_err());
    check(&disk.after_kill(), &all, "no room");
}
