//! Reading a manifest, with the faults and texts of Redis.

use super::{FileInfo, FileKind, Manifest, Restored};
use spinel_resp::split_words;
use std::fmt;

/// Bytes of the longest line, its end included.
const MAX_LINE: usize = 1024;

/// What is wrong with a manifest. The texts are those of Redis's log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ManifestFault {
    /// There is not even a comment in it.
    Empty,
    /// A line has no end, or none soon enough.
    LongLine,
    /// A line lacks words, or its words make no sense.
    Format,
    /// A name leads out of the folder.
    NotAName,
    /// There are two bases.
    DuplicateBase,
    /// Increments are out of order.
    Sequence,
    /// A letter that is none of `b`, `h`, `i`.
    Kind,
}

impl ManifestFault {
    fn text(self) -> &'static str {
        match self {
            ManifestFault::Empty => "Found an empty AOF manifest",
            ManifestFault::LongLine => "The AOF manifest file contains too long line",
            ManifestFault::Format => "Invalid AOF manifest file format",
            ManifestFault::NotAName => "File can't be a path, just a filename",
            ManifestFault::DuplicateBase => "Found duplicate base file information",
            ManifestFault::Sequence => "Found a non-monotonic sequence number",
            ManifestFault::Kind => "Unknown AOF file type",
        }
    }
}

/// A manifest that cannot be used: compare it with the files beside it and mend it by hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManifestError {
    /// What is wrong.
    pub fault: ManifestFault,
    /// Where: the number of the line, from 1, and its text.
    pub line: Option<(usize, String)>,
}

impl ManifestError {
    /// The lines that Redis logs for it.
    #[must_use]
    pub fn log_lines(&self) -> Vec<String> {
        let mut lines = vec!["\n*** FATAL AOF MANIFEST FILE ERROR ***\n".to_owned()];
        if let Some((number, text)) = &self.line {
            lines.push(format!("Reading the manifest file, at line {number}\n"));
            lines.push(format!(">>> '{text}'\n"));
        }
        lines.push(format!("{}\n", self.fault.text()));
        lines
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.text())?;
        match &self.line {
            Some((number, text)) => write!(f, " (line {number}: '{text}')"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ManifestError {}

impl Manifest {
    /// Reads the text of a manifest.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(mut text: &[u8]) -> Result<Manifest, ManifestError> {
        let mut manifest = Manifest::default();
        let mut number = 0;
        while !text.is_empty() {
            number += 1;
            let (line, rest) = take_line(text);
            text = rest;
            if line.first() == Some(&b'#') {
                manifest.restored.extend(Restored::of_line(line));
                continue;
            }
            let end = line.iter().position(|byte| matches!(byte, 0 | b'\n'));
            if end.is_none_or(|end| line[end] == 0) {
                return Err(ManifestError { fault: ManifestFault::LongLine, line: None });
            }
            let line = line.trim_ascii();
            manifest.add_line(line).map_err(|fault| {
                let text = String::from_utf8_lossy(line).into_owned();
                ManifestError { fault, line: Some((number, text)) }
            })?;
        }
        if number == 0 {
            return Err(ManifestError { fault: ManifestFault::Empty, line: None });
        }
        Ok(manifest)
    }

    fn add_line(&mut self, line: &[u8]) -> Result<(), ManifestFault> {
        let (name, sequence, letter) = fields(line)?;
        let info = |kind| FileInfo { name, sequence, kind };
        match letter {
            b'b' if self.base.is_some() => return Err(ManifestFault::DuplicateBase),
            b'b' => {
                self.base = Some(info(FileKind::Base));
                self.last_base = sequence;
            }
            b'h' => self.history.push(info(FileKind::History)),
            b'i' if sequence <= self.last_increment => return Err(ManifestFault::Sequence),
            b'i' => {
                self.increments.push(info(FileKind::Increment));
                self.last_increment = sequence;
            }
            _ => return Err(ManifestFault::Kind),
        }
        Ok(())
    }
}

/// A line with its end, or as much of it as Redis reads at once.
fn take_line(text: &[u8]) -> (&[u8], &[u8]) {
    let limit = text.len().min(MAX_LINE);
    let end = memchr::memchr(b'\n', &text[..limit]).map_or(limit, |at| at + 1);
    text.split_at(end)
}

/// The name, sequence number and kind of a line. Words that come in pairs and are unknown are for later versions.
fn fields(line: &[u8]) -> Result<(String, i64, u8), ManifestFault> {
    let words = split_words(line).map_err(|_| ManifestFault::Format)?;
    let words = words.args();
    if words.len() < 6 || !words.len().is_multiple_of(2) {
        return Err(ManifestFault::Format);
    }
    let (mut name, mut sequence, mut kind) = (None, 0, 0);
    for at in (0..words.len()).step_by(2) {
        let (key, value) = (words.at(at), words.at(at + 1));
        if key.eq_ignore_ascii_case(b"file") {
            let text = std::str::from_utf8(value).map_err(|_| ManifestFault::Format)?;
            if text.contains(['/', '\\']) || text == "." || text == ".." {
                return Err(ManifestFault::NotAName);
            }
            name = Some(text.to_owned());
        } else if key.eq_ignore_ascii_case(b"seq") {
            sequence = leading_integer(value);
        } else if key.eq_ignore_ascii_case(b"type") {
            kind = value.first().copied().unwrap_or(0);
        }
    }
    match name {
        Some(name) if !name.is_empty() && !name.contains('\0') && sequence != 0 && kind != 0 => {
            Ok((name, sequence, kind))
        }
        _ => Err(ManifestFault::Format),
    }
}

/// The number a word begins with, 0 if with none. A number with more digits than there are is none either.
fn leading_integer(word: &[u8]) -> i64 {
    let signs = usize::from(matches!(word.first(), Some(b'-' | b'+')));
    let digits = word[signs..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = std::str::from_utf8(&word[..signs + digits]).unwrap_or_default();
    // The largest is left out, so that there is always a next one.
    text.parse().ok().filter(|number| *number < i64::MAX).unwrap_or(0)
}
