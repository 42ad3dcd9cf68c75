//! A log on a disk in memory, its writer and its reader, for tests.

use crate::annotation::Stamp;
use crate::disk::sim::SimDisk;
use crate::disk::{DiskFile, FileReader};
use crate::recovery::{Level, LoadError, Loaded, Loader, TornEnd, load, plan};
use crate::{Directory, DirectoryError, LogBuffer, LogPosition, LogWriter, Names, WriterOptions};
use spinel_resp::{Args, OwnedArgs};
use std::io::Read;
use std::sync::Arc;

/// A command as text, its words separated by blanks.
pub(crate) type Command = String;

pub(crate) fn names() -> Names {
    Names::new("dir", "a.aof")
}

pub(crate) fn stamp(time_ms: u64) -> Stamp {
    Stamp::at_time_ms(time_ms)
}

pub(crate) fn open(disk: &SimDisk) -> Result<Directory, DirectoryError> {
    let directory = Directory::open(Arc::new(disk.clone()), names())?;
    directory.create_folder()?;
    Ok(directory)
}

/// A log that is being written.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) directory: Directory,
    pub(crate) buffer: LogBuffer,
    pub(crate) writer: LogWriter,
}

impl Log {
    pub(crate) fn new(disk: &SimDisk, options: WriterOptions) -> Result<Log, DirectoryError> {
        Self::open(disk, options, LogPosition(0))
    }

    /// Goes on with the log that a disk holds.
    pub(crate) fn open(
        disk: &SimDisk,
        options: WriterOptions,
        start: LogPosition,
    ) -> Result<Log, DirectoryError> {
        let mut directory = open(disk)?;
        let writer = LogWriter::open(&mut directory, options, start, stamp(1))?;
        Ok(Log { directory, buffer: LogBuffer::new(start), writer })
    }

    /// Appends `SET number value`.
    pub(crate) fn set(&mut self, number: u64) -> LogPosition {
        let number = number.to_string();
        self.buffer.append(
            0,
            0,
            OwnedArgs::from_words([&b"SET"[..], number.as_bytes(), b"some value or other"]).args(),
        )
    }

    /// Appends a transaction of two commands.
    pub(crate) fn transaction(&mut self, number: u64) -> LogPosition {
        self.buffer.begin_transaction(0, 0);
        self.set(number);
        self.set(number);
        self.buffer.end_transaction(0, 0)
    }

    /// Writes what was appended.
    pub(crate) fn write(&mut self) -> bool {
        while let Some(batch) = self.buffer.take() {
            if self.writer.write(batch, stamp(2)).is_err() {
                return false;
            }
        }
        true
    }

    pub(crate) fn path(&self) -> String {
        names().path(self.writer.file_name())
    }
}

/// Takes commands down; transactions whole, as one.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) commands: Vec<Command>,
    pub(crate) lines: Vec<String>,
    queued: Option<Vec<Command>>,
}

impl Loader for Recorder {
    type Error = String;

    fn snapshot(&mut self, _name: &str, file: &Arc<dyn DiskFile>) -> Result<u64, String> {
        let mut content = Vec::new();
        FileReader::new(file.clone()).read_to_end(&mut content).map_err(|error| error.to_string())?;
        let end = memchr::memmem::find(&content, b"END").ok_or("no end")? + 3;
        self.commands.push(String::from_utf8_lossy(&content[..end]).into_owned());
        Ok(end as u64)
    }

    fn command(&mut self, _name: &str, args: Args<'_>) -> Result<(), String> {
        let words: Vec<String> = args.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let command = words.join(" ");
        match (command.as_str(), &mut self.queued) {
            ("MULTI", _) => self.queued = Some(Vec::new()),
            ("EXEC", queued) => self.commands.push(queued.take().ok_or("no MULTI")?.join("; ")),
            (_, Some(queued)) => queued.push(command),
            (_, None) => self.commands.push(command),
        }
        Ok(())
    }

    fn note(&mut self, _name: &str, args: Args<'_>) -> Result<(), String> {
        let words: Vec<String> = args.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        self.commands.push(format!("note {}", words.join(" ")));
        Ok(())
    }

    fn drop_transaction(&mut self) {
        self.queued = None;
    }

    fn progress(&mut self, _bytes_read: u64) {}

    fn log(&mut self, _level: Level, line: String) {
        self.lines.push(line);
    }
}

/// Loads what a disk holds.
pub(crate) fn recover(disk: &SimDisk, torn_end: TornEnd) -> Result<(Recorder, Loaded), LoadError> {
    let directory = open(disk)?;
    let mut recorder = Recorder::default();
    let plan = plan(&directory)?;
    let loaded = load(&directory, &plan, torn_end, &mut recorder)?;
    Ok((recorder, loaded))
}

/// The commands a disk holds, without the selection of databases; torn ends are cut.
pub(crate) fn commands(disk: &SimDisk) -> Result<Vec<Command>, LoadError> {
    let (mut recorder, _) = recover(disk, TornEnd::Cut)?;
    recorder.commands.retain(|command| !command.starts_with("SELECT"));
    Ok(recorder.commands)
}
