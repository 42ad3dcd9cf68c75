//! The manifest: which files make up the log, one a line, in the order they are loaded.
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b
//! file appendonly.aof.1.incr.aof seq 1 type h
//! file appendonly.aof.2.incr.aof seq 2 type i
//! ```
//!
//! At most one base comes first; history are files no longer needed and not yet deleted; increments follow in the order
//! of their sequence numbers. A log that was cut at a point in time ([`restore`](crate::restore)) says so in a comment,
//! which other servers skip.

mod parse;
mod restored;
mod sealed;

pub use restored::Restored;
pub use sealed::Sealed;

pub use parse::{ManifestError, ManifestFault};

use crate::names::{BaseFormat, Names};

/// What a file is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// All data up to the last rewrite.
    Base,
    /// Commands since.
    Increment,
    /// No longer needed.
    History,
}

impl FileKind {
    fn letter(self) -> char {
        match self {
            FileKind::Base => 'b',
            FileKind::Increment => 'i',
            FileKind::History => 'h',
        }
    }
}

/// A line of the manifest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileInfo {
    /// The file's name in the folder.
    pub name: String,
    /// Its sequence number among its kind, never 0.
    pub sequence: i64,
    /// What it is for.
    pub kind: FileKind,
}

/// A manifest.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manifest {
    base: Option<FileInfo>,
    history: Vec<FileInfo>,
    increments: Vec<FileInfo>,
    /// Oldest first.
    restored: Vec<Restored>,
    last_base: i64,
    last_increment: i64,
}

impl Manifest {
    /// The manifest of these files.
    pub(crate) fn of_files(base: &FileInfo, increments: &[FileInfo]) -> Manifest {
        let last = increments.last().map_or(0, |info| info.sequence);
        Manifest {
            base: Some(base.clone()),
            increments: increments.to_vec(),
            last_base: base.sequence,
            last_increment: last,
            ..Manifest::default()
        }
    }

    /// The base, if there is one.
    #[must_use]
    pub fn base(&self) -> Option<&FileInfo> {
        self.base.as_ref()
    }

    /// The increments in the order they are loaded.
    #[must_use]
    pub fn increments(&self) -> &[FileInfo] {
        &self.increments
    }

    /// What may be deleted.
    #[must_use]
    pub fn history(&self) -> &[FileInfo] {
        &self.history
    }

    /// Whether no file holds data.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.increments.is_empty()
    }

    /// The files to load, in order.
    pub fn loaded(&self) -> impl Iterator<Item = &FileInfo> {
        self.base.iter().chain(&self.increments)
    }

    /// Adds the next increment and returns its name.
    pub(crate) fn add_increment(&mut self, names: &Names) -> String {
        self.last_increment += 1;
        let name = names.increment(self.last_increment);
        let sequence = self.last_increment;
        self.increments.push(FileInfo { name: name.clone(), sequence, kind: FileKind::Increment });
        name
    }

    /// Makes a new base the base and the one before it history; returns the new one's name.
    pub(crate) fn replace_base(&mut self, names: &Names, format: BaseFormat) -> String {
        self.last_base += 1;
        let name = names.base(self.last_base, format);
        self.put_base(name.clone(), self.last_base);
        name
    }

    /// Makes a file of another server's naming the base.
    pub(crate) fn put_base(&mut self, name: String, sequence: i64) {
        self.last_base = sequence;
        let before = self.base.replace(FileInfo { name, sequence, kind: FileKind::Base });
        if let Some(before) = before {
            self.history.insert(0, FileInfo { kind: FileKind::History, ..before });
        }
    }

    /// Forgets an increment that was never used.
    pub(crate) fn remove_increment(&mut self, name: &str) {
        self.increments.retain(|info| info.name != name);
    }

    /// Takes care that no name is given again that `other` gave.
    pub(crate) fn skip_names_of(&mut self, other: &Manifest) {
        self.last_base = self.last_base.max(other.last_base);
        self.last_increment = self.last_increment.max(other.last_increment);
    }

    /// How many increments there are from the one of this name on.
    pub(crate) fn increments_from(&self, name: &str) -> usize {
        let found = self.increments.iter().position(|info| info.name == name);
        found.map_or(0, |at| self.increments.len() - at)
    }

    /// Makes history of all increments but the last `kept`.
    pub(crate) fn retire_increments(&mut self, kept: usize) {
        let count = self.increments.len().saturating_sub(kept);
        let retired = self.increments.drain(..count);
        let retired: Vec<FileInfo> =
            retired.map(|info| FileInfo { kind: FileKind::History, ..info }).collect();
        self.history.splice(0..0, retired);
    }

    /// Forgets history and returns it.
    pub(crate) fn take_history(&mut self) -> Vec<FileInfo> {
        std::mem::take(&mut self.history)
    }

    /// When the log was cut at a point in time, oldest first.
    #[must_use]
    pub fn restored(&self) -> &[Restored] {
        &self.restored
    }

    /// Notes that the log was cut at a point in time. Cuts that this one undid are forgotten.
    pub(crate) fn note_restored(&mut self, restored: Restored) {
        self.restored.retain(|before| before.to_ms < restored.to_ms);
        self.restored.push(restored);
    }

    /// Makes history of the increments from the `kept`-th on, and adds one in their place; returns its name.
    pub(crate) fn replace_increments(&mut self, kept: usize, names: &Names) -> String {
        let replaced = self.increments.drain(kept..);
        self.history.extend(replaced.map(|info| FileInfo { kind: FileKind::History, ..info }));
        self.add_increment(names)
    }

    /// The text of the file.
    #[must_use]
    pub fn format(&self) -> String {
        let mut text: String = self.restored.iter().map(Restored::line).collect();
        for info in self.base.iter().chain(&self.history).chain(&self.increments) {
            let (sequence, letter) = (info.sequence, info.kind.letter());
            text.push_str(&format!("file {} seq {sequence} type {letter}\n", quoted(&info.name)));
        }
        text
    }
}

/// A name as one word: in quotes where it would be read otherwise.
fn quoted(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if name.bytes().all(plain) {
        return name.to_owned();
    }
    let mut text = String::from("\"");
    for byte in name.bytes() {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            7 => text.push_str("\\a"),
            8 => text.push_str("\\b"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests;
