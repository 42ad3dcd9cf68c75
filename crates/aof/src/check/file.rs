//! One file of commands.

use super::torn_lines::torn_lines;
use super::{Aborted, Console, Mode};
use crate::annotation::{LineKind, SealLine};
use crate::cut::cut_file;
use crate::disk::DiskFile;
use crate::reader::{LogReader, Problem, ReadError, Record};
use crate::told::{end_of_second, told_by};
use std::io;
use std::sync::Arc;

/// What became of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Valid,
    Empty,
    Truncated,
}

pub(super) struct FileCheck<'a> {
    pub(super) mode: Mode,
    pub(super) console: &'a mut dyn Console,
    pub(super) file: Arc<dyn DiskFile>,
    /// What it is called.
    pub(super) shown: &'a str,
    /// What it is called in full.
    pub(super) path: &'a str,
    pub(super) size: u64,
    pub(super) is_last: bool,
}

/// How far a file could be read.
struct Reached {
    /// Just behind the last whole command or transaction.
    end: u64,
    /// The line there, as Redis counts them: those of commands, from 1.
    line: u64,
    /// Where it is to be cut for the sake of time.
    cut: Option<u64>,
    /// What ended it.
    problem: Option<(u64, Problem)>,
}

impl FileCheck<'_> {
    /// Checks the commands at `start..end`.
    pub(super) fn run(&mut self, start: u64, end: u64) -> Result<Outcome, Aborted> {
        if self.size == 0 {
            return Ok(Outcome::Empty);
        }
        let mut reader = LogReader::of_part(Arc::clone(&self.file), start, end);
        let reached = self.read(&mut reader, start)?;
        if let Some(at) = reached.cut {
            return self.cut_at_time(&reader, at);
        }
        if let Some((at, problem)) = reached.problem {
            self.say(&match problem {
                Problem::Format => format!("AOF {} format error", self.shown),
                Problem::OpenTransaction => format!("0x{at:16x}: Reached EOF before reading EXEC for MULTI"),
                other => format!("0x{at:16x}: {other}"),
            });
        } else {
            self.say_unused(reached.end, end);
        }
        let is_whole = reached.problem.is_none() && (reached.end == self.size || self.mode != Mode::Fix);
        if let (true, Mode::TruncateTo(seconds)) = (is_whole, self.mode) {
            self.say(&format!("Truncate nothing in AOF {} to timestamp {seconds}", self.shown));
            return Ok(Outcome::Valid);
        }
        let (size, ok, line) = (self.size, reached.end, reached.line);
        let diff = if is_whole { 0 } else { size - ok };
        self.say(&format!(
            "AOF analyzed: filename={}, size={size}, ok_up_to={ok}, ok_up_to_line={line}, diff={diff}",
            self.shown
        ));
        if is_whole { Ok(Outcome::Valid) } else { self.repair(&reader, &reached) }
    }

    fn read(&mut self, reader: &mut LogReader, start: u64) -> Result<Reached, Aborted> {
        let mut reached = Reached { end: start, line: 1, cut: None, problem: None };
        let mut has_commands = start > 0;
        loop {
            let boundary = reader.boundary();
            let told = match reader.read() {
                Ok(Some(Record::Command { args, .. })) => {
                    reached.line += 1 + 2 * args.len() as u64;
                    has_commands = true;
                    continue;
                }
                Ok(Some(Record::Note { .. })) => {
                    has_commands = true;
                    continue;
                }
                Ok(Some(record)) => told_by(&record),
                Ok(None) => {
                    reached.end = reader.offset();
                    return Ok(reached);
                }
                Err(error) => {
                    reached.end = reader.boundary();
                    let (at, problem) = self.problem_of(error)?;
                    reached.problem = Some((at, problem));
                    if matches!(problem, Problem::Short | Problem::Format) {
                        reached.line += torn_lines(&*self.file, at, self.size).unwrap_or(0);
                    }
                    return Ok(reached);
                }
            };
            if let (Mode::TruncateTo(seconds), Some(told)) = (self.mode, told)
                && told.time_ms > end_of_second(seconds)
            {
                if !has_commands {
                    let name = self.path;
                    self.say(&format!("AOF {name} has nothing before timestamp {seconds}, aborting..."));
                    return Err(Aborted);
                }
                reached.cut = Some(told.cut(reader.in_transaction(), boundary));
                return Ok(reached);
            }
        }
    }

    fn problem_of(&mut self, error: ReadError) -> Result<(u64, Problem), Aborted> {
        match error {
            ReadError::Torn { at, problem, .. } | ReadError::Damage { at, problem, .. } => Ok((at, problem)),
            ReadError::Io(error) => {
                self.say(&format!("Failed to read from AOF {}, aborting... ({error})", self.shown));
                Err(Aborted)
            }
        }
    }

    /// Says what lies behind the commands without being one.
    fn say_unused(&mut self, ok: u64, end: u64) {
        if end < self.size {
            let bytes = self.size - end;
            self.say(&format!("The last {bytes} bytes of {} are repeated by the next file", self.shown));
        } else if ok < self.size {
            let bytes = self.size - ok;
            self.say(&format!(
                "The last {bytes} bytes of {} are room that was never used; it is cut off when the file is opened. Other \
                 servers refuse it: --fix cuts it off",
                self.shown
            ));
        }
    }

    fn cut_at_time(&mut self, reader: &LogReader, at: u64) -> Result<Outcome, Aborted> {
        let Mode::TruncateTo(seconds) = self.mode else { return Err(Aborted) };
        let name = self.path;
        if !self.is_last {
            self.say(&format!(
                "Failed to truncate AOF {name} to timestamp {seconds} to offset {at} because it is not the last file."
            ));
            self.say(
                "If you insist, please delete all files after this file according to the manifest file and delete the \
                 corresponding records in manifest file manually. Then re-run redis-check-aof.",
            );
            return Err(Aborted);
        }
        match cut_file(&*self.file, at, reader.last_seal()) {
            Ok(()) => Ok(Outcome::Truncated),
            Err(error) => {
                self.say(&format!("Failed to truncate AOF {name} to timestamp {seconds} ({error})"));
                Err(Aborted)
            }
        }
    }

    fn repair(&mut self, reader: &LogReader, reached: &Reached) -> Result<Outcome, Aborted> {
        let (name, size, end) = (self.shown, self.size, reached.end);
        if self.mode != Mode::Fix {
            self.say(&format!("AOF {name} is not valid. Use the --fix option to try fixing it."));
            return Err(Aborted);
        }
        if !self.is_last && reached.problem.is_some() {
            self.say(&format!("Failed to truncate AOF {name} because it is not the last file"));
            return Err(Aborted);
        }
        self.say_loss(reader, reached).map_err(|_| Aborted)?;
        let diff = size - end;
        self.say(&format!(
            "This will shrink the AOF {name} from {size} bytes, with {diff} bytes, to {end} bytes"
        ));
        if !self.console.confirms() {
            self.say("Aborting...");
            return Err(Aborted);
        }
        match cut_file(&*self.file, end, reader.last_seal()) {
            Ok(()) => Ok(Outcome::Truncated),
            Err(error) => {
                self.say(&format!("Failed to truncate AOF {name} ({error})"));
                Err(Aborted)
            }
        }
    }

    /// Says what is given up, as far as seals behind the place know.
    fn say_loss(&mut self, reader: &LogReader, reached: &Reached) -> io::Result<()> {
        if reached.problem.is_none() {
            self.say("Given up is nothing: no command was ever written there");
            return Ok(());
        }
        let (mut batches, mut bytes) = (0u64, 0u64);
        let mut times: Option<(u64, u64)> = None;
        reader.seals_behind(reached.end, |seal: &SealLine| {
            if seal.kind == LineKind::Batch {
                batches += 1;
                bytes += seal.length;
                let time = seal.stamp.time_ms;
                times = Some(times.map_or((time, time), |(first, _)| (first, time)));
            }
        })?;
        let line = match times {
            None => "Given up is everything from there on; no batch in it proves itself whole".to_owned(),
            Some((first, last)) => format!(
                "Given up is everything from there on, in it {batches} whole batches with {bytes} bytes of commands, written \
                 between {first} and {last} milliseconds since 1970"
            ),
        };
        self.say(&line);
        Ok(())
    }

    fn say(&mut self, line: &str) {
        self.console.say(line);
    }
}
