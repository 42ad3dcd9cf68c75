//! Random use of a log on a disk that fails at random, beside a model that is a list of commands.
//!
//! After every step the process is killed and the power is cut, each in a world of its own. What is read then must be a
//! front part of the list that reaches as far as the writer had said.

use super::{Rotation, WriterOptions};
use crate::LogPosition;
use crate::disk::sim::{Chance, SimDisk, Step};
use crate::disk::{Disk, OpenMode, write_all_at};
use crate::names::BaseFormat;
use crate::segment::{Preallocation, SyncTicket};
use crate::testing::{Log, commands, names, stamp};
use crate::{Following, encode_command};

const STEPS: [Step; 7] =
    [Step::Write, Step::Sync, Step::Create, Step::Length, Step::Rename, Step::Link, Step::SyncFolder];

struct World {
    options: WriterOptions,
    disk: SimDisk,
    log: Log,
    chance: Chance,
    /// What was appended, as the loader records it, and the position behind it.
    appended: Vec<(String, LogPosition)>,
    sync: Option<SyncTicket>,
    room: Option<Preallocation>,
    cut: Option<LogPosition>,
    now_ms: u64,
    history: Vec<String>,
}

impl World {
    fn new(seed: u64) -> World {
        let disk = SimDisk::new(64);
        let options = WriterOptions {
            preallocate_bytes: [0, 1000][(seed % 2) as usize],
            keep_bytes: [usize::MAX, 300][(seed / 2 % 2) as usize],
        };
        let log = Log::new(&disk, options).unwrap();
        World {
            options,
            disk,
            log,
            chance: Chance(seed * 2 + 1),
            appended: Vec::new(),
            sync: None,
            room: None,
            cut: None,
            now_ms: 10,
            history: Vec::new(),
        }
    }

    fn act(&mut self) {
        let act = self.chance.below(17);
        self.history.push(format!("{act}"));
        match act {
            0..=2 => self.append(),
            3..=5 => drop(self.log.write()),
            6 => self.sync = self.sync.take().or_else(|| self.log.writer.begin_sync()),
            7 | 8 => {
                if let Some(ticket) = self.sync.take() {
                    let _ = self.log.writer.end_sync(ticket.run());
                }
            }
            9 => self.room = self.room.take().or_else(|| self.log.writer.begin_preallocation()),
            10 => {
                if let Some(room) = self.room.take() {
                    self.log.writer.end_preallocation(room.run());
                }
            }
            11 => self.rotate(),
            12 => self.install(),
            13 => {
                let step = STEPS[self.chance.below(STEPS.len() as u64) as usize];
                let (nth, times) = (self.chance.below(4), 1 + self.chance.below(3));
                self.history.push(format!("{step:?} {nth} {times}"));
                self.disk.fail(step, nth, times);
            }
            14 => {
                let room = self.chance.below(800);
                self.disk.set_capacity(Some(self.disk.used_bytes() + room));
            }
            15 => self.restart(),
            _ => {
                if self.chance.below(2) == 0 {
                    self.disk.heal();
                }
                self.now_ms += 1000;
                let _ = self.log.writer.retry(&mut self.log.directory, self.now_ms);
            }
        }
    }

    fn append(&mut self) {
        let number = self.appended.len() as u64;
        let set = format!("SET {number} some value or other");
        if self.chance.below(3) == 0 {
            let end = self.log.transaction(number);
            self.appended.push((format!("{set}; {set}"), end));
        } else {
            let end = self.log.set(number);
            self.appended.push((set, end));
        }
    }

    fn rotate(&mut self) {
        if *self.log.writer.rotation() == Rotation::Waiting || self.log.buffer.has_cut() {
            return;
        }
        if let Ok(next) = self.log.directory.begin_increment(stamp(self.now_ms)) {
            self.log.writer.begin_rotation(next);
            self.cut = Some(self.log.buffer.cut());
        }
    }

    /// Kills the process or cuts the power, and goes on with what is left.
    fn restart(&mut self) {
        if self.chance.below(3) != 0 {
            return;
        }
        let (disk, promised) = if self.chance.below(2) == 0 {
            (self.disk.after_kill(), self.log.writer.written())
        } else {
            (self.disk.after_power_cut(self.chance.0), self.log.writer.durable())
        };
        self.check(&disk, promised, "restarted");
        self.appended.truncate(commands(&disk).unwrap().len());
        let start = self.appended.last().map_or(LogPosition(0), |(_, end)| *end);
        let directory = crate::testing::open(&disk).unwrap();
        directory.delete_temporary(|_| true).unwrap();
        self.log = Log::open(&disk, self.options, start).unwrap();
        (self.disk, self.sync, self.room, self.cut) = (disk, None, None, None);
    }

    /// Writes what was appended before the cut as a base.
    fn install(&mut self) {
        let (Rotation::Done(first), Some(cut)) = (self.log.writer.rotation().clone(), self.cut.take()) else {
            return;
        };
        let mut content = Vec::new();
        for (command, _) in self.appended.iter().take_while(|(_, end)| *end <= cut) {
            let parts: Vec<&str> = command.split("; ").collect();
            if parts.len() > 1 {
                encode_command(&mut content, [&b"MULTI"[..]]);
            }
            for part in &parts {
                let words: Vec<&[u8]> = part.splitn(3, ' ').map(str::as_bytes).collect();
                encode_command(&mut content, words);
            }
            if parts.len() > 1 {
                encode_command(&mut content, [&b"EXEC"[..]]);
            }
        }
        let temporary = names().temporary_base(1);
        let written = self.disk.open(&temporary, OpenMode::Truncate).and_then(|file| {
            write_all_at(&*file, &content, 0)?;
            file.sync_data()
        });
        if written.is_ok() {
            let directory = &mut self.log.directory;
            if directory.install_base(&temporary, BaseFormat::Resp, Following::From(&first)).is_ok() {
                let _ = directory.delete_history();
            }
        }
    }

    /// Whether what is left holds everything up to `position`, and nothing that was not appended.
    fn check(&self, left: &SimDisk, position: LogPosition, what: &str) {
        let known = self.appended.iter().filter(|(_, end)| *end <= position).count();
        let found =
            commands(left).unwrap_or_else(|error| panic!("{what}: {error}, after {:?}", self.history));
        let all: Vec<&String> = self.appended.iter().map(|(command, _)| command).collect();
        let is_front =
            found.len() <= all.len() && found.iter().zip(&all).all(|(found, appended)| found == *appended);
        assert!(is_front, "{what}: {found:?}\nafter {:?}", self.history);
        assert!(found.len() >= known, "{what}: {} of {known}, after {:?}", found.len(), self.history);
    }
}

#[test]
fn nothing_promised_is_lost_whatever_happens_in_whatever_order() {
    for seed in 0..400 {
        let mut world = World::new(seed);
        for _ in 0..50 {
            world.act();
            world.check(&world.disk.after_kill(), world.log.writer.written(), "killed");
            let cut = world.disk.after_power_cut(world.chance.0);
            world.check(&cut, world.log.writer.durable(), "power cut");
        }
        world.settle();
    }
}

impl World {
    /// On a disk that is well, everything that was appended becomes durable.
    fn settle(&mut self) {
        self.disk.heal();
        if let Some(ticket) = self.sync.take() {
            let _ = self.log.writer.end_sync(ticket.run());
        }
        self.now_ms += 10_000;
        self.log.writer.retry(&mut self.log.directory, self.now_ms).unwrap();
        assert!(self.log.write());
        self.log.writer.close(stamp(self.now_ms)).unwrap();
        assert_eq!(self.log.writer.durable(), self.log.buffer.end());
        self.check(&self.disk.after_power_cut(self.now_ms), self.log.buffer.end(), "closed");
    }
}
