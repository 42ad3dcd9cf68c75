//! Notes: commands that only we know, written so that other servers pass over them.
//!
//! Redis and Valkey skip every line that begins with `#` and has fewer than 1024 bytes. A note is one command in such lines:
//!
//! ```text
//! #SPINEL-NOTE:+:<word> TAB <word> TAB <front of a wo\r\n       more follows
//! #SPINEL-NOTE:.:rd>\r\n                                       the end
//! ```
//!
//! A byte that is no printable ASCII character, and the backslash, is a backslash and two hexadecimal digits: so the text of
//! a script can still be read in the file. Lines are cut anywhere between two bytes. A note stands in a batch like a command,
//! under the same seal.

use spinel_resp::{Args, Span};

use crate::encode::encode_command;

/// What every line of a note begins with.
pub(crate) const NOTE_PREFIX: &[u8] = b"#SPINEL-NOTE:";
/// Bytes of a word's spelling in one line, at least.
const LINE_TEXT: usize = 900;
/// What separates words.
const SEPARATOR: u8 = b'\t';

/// Commands on keys that are written as notes: by which members of sets and sorted sets begin and cease to expire. What other
/// servers make of the file is the collection in which no member expires of itself; what has expired here is removed by a
/// command that all know.
const COMMANDS: [&[u8]; 4] = [b"SPEXPIREAT", b"SPERSIST", b"ZPEXPIREAT", b"ZPERSIST"];

/// Whether the command on keys of this name is written as a note.
#[inline]
#[must_use]
pub fn is_noted(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'S' | b'Z')) && matches!(name.len(), 8 | 10) && COMMANDS.contains(&name)
}

/// Appends a command on keys, as it came if that is how the log spells it.
#[inline]
pub(crate) fn append_record(out: &mut Vec<u8>, command: Args<'_>) {
    match command.as_array() {
        Some(bytes) if !is_noted(command.at(0)) => out.extend_from_slice(bytes),
        _ => encode_record(out, command.iter()),
    }
}

/// Appends a command on keys as the log spells it: as on the wire, or as a note.
#[inline]
pub fn encode_record<'a, I>(out: &mut Vec<u8>, words: I)
where
    I: IntoIterator<Item = &'a [u8], IntoIter: ExactSizeIterator + Clone>,
{
    let words = words.into_iter();
    if words.clone().next().is_some_and(is_noted) {
        encode_note(out, words);
    } else {
        encode_command(out, words);
    }
}

/// Appends the note of these words.
pub fn encode_note<'a>(out: &mut Vec<u8>, words: impl IntoIterator<Item = &'a [u8]>) {
    let (mut text, mut line_at) = (0, begin_line(out));
    for (number, word) in words.into_iter().enumerate() {
        if number > 0 {
            out.push(SEPARATOR);
        }
        for byte in word {
            if text >= LINE_TEXT {
                out.extend_from_slice(b"\r\n");
                (text, line_at) = (0, begin_line(out));
            }
            text += spell(out, *byte);
        }
        text += 1;
    }
    // The last line says that it is the last.
    out[line_at + NOTE_PREFIX.len()] = b'.';
    out.extend_from_slice(b"\r\n");
}

/// Begins a line that is not the last; where.
fn begin_line(out: &mut Vec<u8>) -> usize {
    let at = out.len();
    out.extend_from_slice(NOTE_PREFIX);
    out.extend_from_slice(b"+:");
    at
}

/// Appends a byte as it is spelled; how many bytes that are.
fn spell(out: &mut Vec<u8>, byte: u8) -> usize {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    if matches!(byte, b' '..=b'~') && byte != b'\\' {
        out.push(byte);
        return 1;
    }
    out.extend_from_slice(&[b'\\', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    3
}

/// What a line of a note is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoteLine {
    /// More follows.
    More,
    /// The note is complete.
    Last,
}

/// A note that is being read, line by line.
#[derive(Debug, Default)]
pub(crate) struct NoteReader {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// Lines were taken, but not the last one.
    is_open: bool,
}

impl NoteReader {
    /// Whether lines were taken, but not the last one.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Takes a line with its end; nothing if it is none of a note, or misspelled. Whoever is given nothing reads no further.
    pub(crate) fn take(&mut self, line: &[u8]) -> Option<NoteLine> {
        let rest = line.strip_prefix(NOTE_PREFIX)?.strip_suffix(b"\r\n")?;
        let (kind, mut text) = match rest {
            [b'+', b':', text @ ..] => (NoteLine::More, text),
            [b'.', b':', text @ ..] => (NoteLine::Last, text),
            _ => return None,
        };
        if !self.is_open {
            self.bytes.clear();
            self.spans.clear();
            self.spans.push(Span { start: 0, end: 0 });
        }
        while let Some((byte, behind)) = text.split_first() {
            text = behind;
            match byte {
                b'\\' => {
                    let (digits, behind) = text.split_first_chunk::<2>()?;
                    let byte = digit(digits[0])? << 4 | digit(digits[1])?;
                    if matches!(byte, b' '..=b'~') && byte != b'\\' {
                        return None;
                    }
                    self.bytes.push(byte);
                    text = behind;
                }
                b' '..=b'~' => self.bytes.push(*byte),
                &SEPARATOR => {
                    self.end_word();
                    self.spans.push(Span { start: self.bytes.len(), end: self.bytes.len() });
                }
                _ => return None,
            }
        }
        self.end_word();
        self.is_open = kind == NoteLine::More;
        Some(kind)
    }

    /// The words of the note that was completed last: at least one.
    pub(crate) fn words(&self) -> Args<'_> {
        debug_assert!(!self.is_open);
        Args::new(&self.bytes, &self.spans)
    }

    fn end_word(&mut self) {
        let end = self.bytes.len();
        if let Some(word) = self.spans.last_mut() {
            word.end = end;
        }
    }
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    fn encoded(words: &[&[u8]]) -> Vec<u8> {
        let mut out = b"before".to_vec();
        encode_note(&mut out, words.iter().copied());
        out.split_off(6)
    }

    fn read(text: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut reader = NoteReader::default();
        let mut last = None;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            assert_ne!(last, Some(NoteLine::Last), "something follows the last line");
            last = Some(reader.take(line)?);
        }
        (last == Some(NoteLine::Last)).then(|| reader.words().iter().map(<[u8]>::to_vec).collect())
    }

    #[test]
    fn a_note_can_be_read_by_people_too() {
        assert_eq!(
            encoded(&[b"SCRIPT", b"", b"return 'a\\b'\n-- \xC3\xA4"]),
            b"#SPINEL-NOTE:.:SCRIPT\t\treturn 'a\\5cb'\\0a-- \\c3\\a4\r\n"
        );
        assert_eq!(encoded(&[b"#SPINEL-NOTE:+:"]), b"#SPINEL-NOTE:.:#SPINEL-NOTE:+:\r\n");
    }

    #[test]
    fn times_of_members_are_notes_and_other_commands_are_not() {
        let mut out = Vec::new();
        encode_record(&mut out, [&b"SPEXPIREAT"[..], b"k", b"17", b"MEMBERS", b"1", b"m"]);
        assert_eq!(out, b"#SPINEL-NOTE:.:SPEXPIREAT\tk\t17\tMEMBERS\t1\tm\r\n");
        out.clear();
        encode_record(&mut out, [&b"SADD"[..], b"k", b"m"]);
        assert_eq!(out, b"*3\r\n$4\r\nSADD\r\n$1\r\nk\r\n$1\r\nm\r\n");
    }

    #[test]
    fn what_is_spelled_otherwise_is_no_note() {
        for line in [
            &b"#SPINEL-NOTE:.:a\n"[..],
            b"#SPINEL-NOTE:?:a\r\n",
            b"#SPINEL-NOTE:.a\r\n",
            b"#SPINEL-NOTE:.:\\4\r\n",
            b"#SPINEL-NOTE:.:\\41\r\n",
            b"#SPINEL-NOTE:.:\\0A\r\n",
            b"#SPINEL-NOTE:.:\xC3\r\n",
            b"#TS:1\r\n",
        ] {
            assert_eq!(read(line), None, "{}", line.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn words_are_read_as_written_from_lines_that_redis_skips(
            words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 1..5),
        ) {
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let text = encoded(&words);
            for line in text.split_inclusive(|byte| *byte == b'\n') {
                assert!(line.starts_with(b"#") && line.len() < 1023);
            }
            assert_eq!(read(&text), Some(words.iter().map(|word| word.to_vec()).collect()));
        }

        #[test]
        fn arbitrary_lines_never_panic(
            lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4),
        ) {
            let mut reader = NoteReader::default();
            for line in lines {
                let line = [NOTE_PREFIX, b"+:", &line, b"\r\n"].concat();
                let _ = reader.take(&line);
            }
        }
    }
}
