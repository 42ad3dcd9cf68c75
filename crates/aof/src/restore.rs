//! Restoring to a point in time: the log is cut behind the last batch or transaction not later than a moment.
//!
//! The moment may lie anywhere behind the base. What tells the time is in the log: our seals, and Redis's `#TS:` lines.
//! Commands of other servers without such a line count with the last time told in front of them, and who restores learns
//! how many they were ([`Cut::untimed`]).
//!
//! Nothing is lost by it: before anything is cut, everything is kept under another folder
//! ([`keeping`](crate::directory)). A crash at any step leaves the old log or the restored one. The cut comes into force
//! together with a note in the manifest ([`Restored`]); so to restore to the same moment once more does nothing, and what
//! was written since is not cut.

use crate::directory::{Directory, DirectoryError, NewEnd};
use crate::disk::{DiskFile, OpenMode};
use crate::manifest::{FileInfo, FileKind, Restored};
use crate::moment::Moment;
use crate::reader::{LogReader, ReadError, Record};
use crate::recovery::{LoadError, Plan, plan};
use crate::told::{end_of_second, told_by};
use std::fmt;
use std::sync::Arc;

/// What is wanted, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Nothing later than this is kept.
    pub to: Moment,
    /// What time it is.
    pub now: Moment,
}

/// Says when a snapshot was begun, in seconds since 1970, if it knows.
pub type SnapshotTime<'a> = &'a mut dyn FnMut(&Arc<dyn DiskFile>) -> Result<Option<i64>, String>;

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Nothing: this log was restored to the moment before.
    DoneBefore {
        /// When.
        at: Moment,
    },
    /// Nothing later was there; that is noted.
    NothingLater,
    /// It was cut.
    Cut(Cut),
}

/// What a cut gave up and kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    /// The folder in which everything is that was there before.
    pub kept_in: String,
    /// When the last batch that the log still holds was written; nothing if it holds the base only.
    pub last: Option<Moment>,
    /// Bytes given up.
    pub bytes: u64,
    /// Commands given up.
    pub commands: u64,
    /// Not all of what was given up could be read, so there may be more commands.
    pub is_damaged_behind: bool,
    /// Commands kept that carry no time of their own; nothing tells that they are not later.
    pub untimed: u64,
}

/// Why a log was not restored. It is as it was.
#[derive(Debug)]
pub enum RestoreError {
    /// There is no log.
    NoLog,
    /// The moment has not come.
    Future(Wish),
    /// The moment lies before the base.
    BeforeBase {
        /// The base.
        name: String,
        /// What was written until then is in it for certain.
        until: Moment,
    },
    /// Nothing in the log tells the time.
    NoTimes,
    /// The log was restored to an earlier moment at a later one, so it says nothing of what was in between.
    GivenUp {
        /// The earlier moment.
        to: Moment,
        /// The later one.
        at: Moment,
        /// Where what was given up is, if it is still there.
        kept_in: Option<String>,
    },
    /// The base cannot be read.
    Base {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// A file is missing, or damaged in front of the cut.
    Log(LoadError),
    /// A step failed.
    Step(DirectoryError),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestoreError::NoLog => f.write_str("there is no append only file"),
            RestoreError::Future(Wish { to, now }) => {
                write!(f, "{to} is in the future, it is {now} now")
            }
            RestoreError::BeforeBase { name, until } => write!(
                f,
                "the base {name} holds what was written until {until}, the log cannot go back further"
            ),
            RestoreError::NoTimes => f.write_str(
                "nothing in the log tells when its commands were written: it comes from a server without \
                 aof-timestamp-enabled",
            ),
            RestoreError::GivenUp { to, at, kept_in } => {
                write!(f, "the log was restored to {to} at {at} and does not know what was in between")?;
                match kept_in {
                    Some(folder) => write!(f, ": that is kept in '{folder}', put it in the place of the log"),
                    None => Ok(()),
                }
            }
            RestoreError::Base { name, reason } => write!(f, "the base {name} cannot be read: {reason}"),
            RestoreError::Log(error) => error.fmt(f),
            RestoreError::Step(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RestoreError {}

impl From<LoadError> for RestoreError {
    fn from(error: LoadError) -> Self {
        RestoreError::Log(error)
    }
}

impl From<DirectoryError> for RestoreError {
    fn from(error: DirectoryError) -> Self {
        RestoreError::Step(error)
    }
}

/// Restores the log.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(
    directory: &mut Directory,
    wish: Wish,
    snapshot_time: SnapshotTime<'_>,
) -> Result<Outcome, RestoreError> {
    if directory.manifest().is_empty() {
        return Err(RestoreError::NoLog);
    }
    if let Some(at) = done_before(directory, wish.to)? {
        return Ok(Outcome::DoneBefore { at });
    }
    if wish.to > wish.now {
        return Err(RestoreError::Future(wish));
    }
    let plan = plan(directory)?;
    let scan = Scan::of(directory, &plan, wish.to)?;
    scan.check_base(directory, wish.to, snapshot_time)?;
    let restored = Restored { to_ms: wish.to.0, at_ms: wish.now.0 };
    let Some(end) = scan.end else {
        directory.note_restored(restored)?;
        return Ok(Outcome::NothingLater);
    };
    let (commands, is_damaged_behind) = count_behind(directory, &plan, &end)?;
    let kept_in = directory.keep_all(wish.now.0)?;
    if let Err(failure) = directory.end_at(&end, restored) {
        if failure.is_certain {
            directory.discard_kept(&kept_in);
        }
        return Err(failure.error.into());
    }
    let given_up = increments(&plan).skip(end.increment).map(|file| file.end).sum::<u64>();
    Ok(Outcome::Cut(Cut {
        kept_in,
        last: scan.last.map(Moment),
        bytes: given_up - end.at,
        commands,
        is_damaged_behind,
        untimed: scan.untimed,
    }))
}

/// When the log was restored to that moment, if that was the last time.
fn done_before(directory: &Directory, to: Moment) -> Result<Option<Moment>, RestoreError> {
    let all = directory.manifest().restored();
    if let Some(last) = all.last().filter(|last| last.to_ms == to.0) {
        return Ok(Some(Moment(last.at_ms)));
    }
    match all.iter().find(|before| (before.to_ms + 1..before.at_ms).contains(&to.0)) {
        Some(before) => Err(RestoreError::GivenUp {
            to: Moment(before.to_ms),
            at: Moment(before.at_ms),
            kept_in: directory.kept_by(*before),
        }),
        None => Ok(None),
    }
}

fn increments(plan: &Plan) -> impl Iterator<Item = &crate::recovery::Planned> {
    plan.files.iter().filter(|file| file.info.kind == FileKind::Increment)
}

/// What the increments tell.
#[derive(Default)]
struct Scan {
    /// Where they are to end, if something later follows.
    end: Option<NewEnd>,
    /// When the last batch in front of that was written.
    last: Option<u64>,
    /// The first time told of commands, and whether it is that of a batch, which nothing in it is later than.
    first: Option<(u64, bool)>,
    /// The time of the first line of ours.
    opened: Option<u64>,
    /// Commands since the last time that was told.
    untimed: u64,
    has_commands: bool,
}

impl Scan {
    fn of(directory: &Directory, plan: &Plan, to: Moment) -> Result<Scan, RestoreError> {
        let mut scan = Scan::default();
        for (number, planned) in increments(plan).enumerate() {
            let file = directory.open_file(&planned.info.name, OpenMode::Read)?;
            let mut reader = LogReader::of_part(file, 0, planned.end);
            match scan.read(&mut reader, number, to) {
                Ok(()) if scan.end.is_some() => break,
                Ok(()) => {}
                Err(ReadError::Torn { .. }) if planned.is_last => {}
                Err(error) => return Err(broken(&planned.info, error).into()),
            }
        }
        Ok(scan)
    }

    fn read(&mut self, reader: &mut LogReader, number: usize, to: Moment) -> Result<(), ReadError> {
        let mut is_timed = self.last.is_some();
        let mut batch_end = 0;
        loop {
            let boundary = reader.boundary();
            let Some(record) = reader.read()? else { return Ok(()) };
            if let Record::Command { at, .. } | Record::Note { at, .. } = record {
                self.has_commands = true;
                // Behind a batch of ours somebody else has written.
                is_timed &= batch_end == 0 || at < batch_end;
                self.untimed += u64::from(!is_timed);
                continue;
            }
            let told = told_by(&record);
            if let Record::Seal(seal) = record {
                batch_end = seal.at + crate::annotation::LINE_LEN as u64 + seal.length;
                self.opened = self.opened.or(Some(seal.stamp.time_ms));
            } else {
                batch_end = 0;
            }
            let Some(told) = told else { continue };
            self.first = self.first.or(Some((told.time_ms, batch_end != 0)));
            if told.time_ms > to.0 {
                let at = told.cut(reader.in_transaction(), boundary);
                self.end = Some(NewEnd { increment: number, at, seal: reader.last_seal().copied() });
                return Ok(());
            }
            self.last = Some(told.time_ms);
            is_timed = true;
            self.untimed = 0;
        }
    }

    /// Refuses a moment that the base is later than, or may be.
    fn check_base(
        &self,
        directory: &Directory,
        to: Moment,
        snapshot_time: SnapshotTime<'_>,
    ) -> Result<(), RestoreError> {
        if self.has_commands && self.first.is_none() {
            return Err(RestoreError::NoTimes);
        }
        // What was written later than the base is not later than the moment: nor is the base.
        let (Some(base), None) = (directory.manifest().base(), self.last) else { return Ok(()) };
        let file = directory.open_file(&base.name, OpenMode::Read)?;
        let failed = |reason: String| RestoreError::Base { name: base.name.clone(), reason };
        let own = if base.name.ends_with(".base.rdb") {
            snapshot_time(&file).map_err(failed)?
        } else {
            let mut reader = LogReader::new(file, 0).map_err(|error| failed(error.to_string()))?;
            match reader.read() {
                Ok(Some(Record::Timestamp { seconds, .. })) => Some(seconds),
                _ => None,
            }
        };
        let first = self.first.map(|(time_ms, _)| time_ms);
        let of_batch = self.first.filter(|(_, is_batch)| *is_batch).map(|(time_ms, _)| time_ms);
        let until = match (own.map(end_of_second), of_batch) {
            (Some(own), Some(batch)) => own.min(batch),
            (Some(own), None) => own,
            (None, _) => self.opened.or(first).ok_or(RestoreError::NoTimes)?,
        };
        if to.0 < until {
            return Err(RestoreError::BeforeBase { name: base.name.clone(), until: Moment(until) });
        }
        Ok(())
    }
}

/// Commands behind a place, and whether what is there cannot all be read.
fn count_behind(directory: &Directory, plan: &Plan, end: &NewEnd) -> Result<(u64, bool), RestoreError> {
    let (mut commands, mut is_damaged) = (0, false);
    for (number, planned) in increments(plan).enumerate().skip(end.increment) {
        let file = directory.open_file(&planned.info.name, OpenMode::Read)?;
        let mut reader = LogReader::of_part(file, 0, planned.end);
        let from = if number == end.increment { end.at } else { 0 };
        loop {
            match reader.read() {
                Ok(Some(Record::Command { at, .. } | Record::Note { at, .. })) => {
                    commands += u64::from(at >= from);
                }
                Ok(Some(Record::Timestamp { .. } | Record::Seal(_))) => {}
                Ok(None) => break,
                Err(_) => {
                    is_damaged = true;
                    break;
                }
            }
        }
    }
    Ok((commands, is_damaged))
}

fn broken(info: &FileInfo, error: ReadError) -> LoadError {
    let name = info.name.clone();
    match error {
        ReadError::Torn { boundary, at, problem } => LoadError::Torn { name, at, problem, boundary },
        ReadError::Damage { at, problem, .. } => LoadError::Damage { name, at, problem },
        ReadError::Io(error) => LoadError::Io { name, error },
    }
}

#[cfg(test)]
mod tests;
