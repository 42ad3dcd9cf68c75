//! Commands that other servers do not know, written so that these pass over them: as comments.
//!
//! ```text
//! #SPINEL-MEMBERS:SPEXPIREAT online 1700000000000 MEMBERS 2 ada mary%20ann\r\n
//! #SPINEL-MEMBERS+:ZPEXPIREAT board 1700000000000 MEMBERS 40 ...\r\n          more follows
//! #SPINEL-MEMBERS:...\r\n                                                      the last of it
//! ```
//!
//! Words are separated by blanks. Bytes that are not visible ASCII, and `%`, are `%` and two hexadecimal digits. No line is
//! longer than [`LINE_MAX`]: Redis reads comments in pieces of 1,023 bytes, and takes the rest of a longer one for a command.
//! So a long command is cut at any byte, and all lines but its last say so.
//!
//! These are the commands by which members of sets and sorted sets begin and cease to expire. What another server makes of the
//! file is the collection in which no member expires of itself; when one has expired here the log says so by `SREM` or `ZREM`.

use spinel_resp::Span;

use crate::encode::encode_command;

/// The commands.
const COMMANDS: [&[u8]; 4] = [b"SPEXPIREAT", b"SPERSIST", b"ZPEXPIREAT", b"ZPERSIST"];
/// Bytes of the longest line, its end included.
const LINE_MAX: usize = 1000;
/// What all lines begin with.
pub(crate) const PREFIX: &[u8] = b"#SPINEL-MEMBERS";
/// What follows in the last line of a command.
const LAST: &[u8] = b":";
/// What follows in the others.
const MORE: &[u8] = b"+:";
const LINE_END: &[u8] = b"\r\n";
/// Bytes of text in a line.
const TEXT_MAX: usize = LINE_MAX - PREFIX.len() - MORE.len() - LINE_END.len();

/// Whether a command of this name is written as comments.
#[inline]
fn is_note(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'S' | b'Z')) && matches!(name.len(), 8 | 10) && COMMANDS.contains(&name)
}

/// Appends the command of these words as the log spells it: as on the wire, or as comments.
#[inline]
pub fn encode_record<'a, I>(out: &mut Vec<u8>, words: I)
where
    I: IntoIterator<Item = &'a [u8], IntoIter: ExactSizeIterator + Clone>,
{
    let words = words.into_iter();
    if words.clone().next().is_some_and(is_note) {
        put_note(out, words);
    } else {
        encode_command(out, words);
    }
}

#[cold]
fn put_note<'a>(out: &mut Vec<u8>, words: impl Iterator<Item = &'a [u8]>) {
    let mut text = Vec::new();
    for (at, word) in words.enumerate() {
        if at > 0 {
            text.push(b' ');
        }
        word.iter().for_each(|&byte| put_escaped(&mut text, byte));
    }
    let mut rest = &text[..];
    while rest.len() > TEXT_MAX {
        let (now, later) = rest.split_at(TEXT_MAX);
        put_line(out, MORE, now);
        rest = later;
    }
    put_line(out, LAST, rest);
}

fn put_line(out: &mut Vec<u8>, mark: &[u8], text: &[u8]) {
    [PREFIX, mark, text, LINE_END].into_iter().for_each(|part| out.extend_from_slice(part));
}

fn put_escaped(text: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_graphic() && byte != b'%' {
        text.push(byte);
    } else {
        text.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// A note that is read line by line.
#[derive(Debug, Default)]
pub(crate) struct NoteReader {
    text: Vec<u8>,
    words: Vec<u8>,
}

impl NoteReader {
    /// Ready for the first line.
    pub(crate) fn begin(&mut self) {
        self.text.clear();
        self.words.clear();
    }

    /// Takes a line with its end; whether it was the last. Nothing if it is no line of a note.
    pub(crate) fn take(&mut self, line: &[u8]) -> Option<bool> {
        let rest = line.strip_prefix(PREFIX)?.strip_suffix(LINE_END)?;
        let (is_last, text) = match rest.strip_prefix(LAST) {
            Some(text) => (true, text),
            None => (false, rest.strip_prefix(MORE)?),
        };
        self.text.extend_from_slice(text);
        Some(is_last)
    }

    /// Finds the words of the command, whose places go to `spans`; nothing if it is none of [`COMMANDS`], or misspelled.
    pub(crate) fn finish(&mut self, spans: &mut Vec<Span>) -> Option<()> {
        spans.clear();
        for word in self.text.split(|&byte| byte == b' ') {
            let start = self.words.len();
            unescape(word, &mut self.words)?;
            spans.push(Span { start, end: self.words.len() });
        }
        let name = spans.first()?;
        is_note(&self.words[name.start..name.end]).then_some(())
    }

    /// The bytes of the words found.
    pub(crate) fn words(&self) -> &[u8] {
        &self.words
    }
}

fn unescape(word: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut bytes = word.iter();
    while let Some(&byte) = bytes.next() {
        out.push(match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            byte if byte.is_ascii_graphic() => byte,
            _ => return None,
        });
    }
    Some(())
}

fn digit(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(words: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_record(&mut out, words.iter().copied());
        out
    }

    fn read(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        let (mut note, mut spans) = (NoteReader::default(), Vec::new());
        note.begin();
        let mut lines = bytes.split_inclusive(|&byte| byte == b'\n');
        while !note.take(lines.next()?)? {}
        note.finish(&mut spans)?;
        let words = note.words();
        lines
            .next()
            .is_none()
            .then(|| spans.iter().map(|span| words[span.start..span.end].to_vec()).collect())
    }

    #[test]
    fn a_command_of_ours_is_a_line_and_any_other_is_as_on_the_wire() {
        assert_eq!(
            written(&[b"SPEXPIREAT", b"a key", b"17", b"MEMBERS", b"2", b"", b"50%\n"]),
            b"#SPINEL-MEMBERS:SPEXPIREAT a%20key 17 MEMBERS 2  50%25%0A\r\n"
        );
        assert_eq!(written(&[b"SADD", b"k", b"m"]), b"*3\r\n$4\r\nSADD\r\n$1\r\nk\r\n$1\r\nm\r\n");
    }

    #[test]
    fn no_line_is_longer_than_what_redis_reads_at_once() {
        let member = vec![0xFF; 5000];
        let bytes = written(&[b"ZPEXPIREAT", b"k", b"17", b"MEMBERS", b"1", &member]);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
        assert!(lines.len() > 15 && lines.iter().all(|line| line.len() <= LINE_MAX && line[0] == b'#'));
        assert_eq!(read(&bytes).unwrap()[5], member);
    }

    #[test]
    fn other_commands_and_misspelled_ones_are_refused() {
        for line in ["FLUSHALL", "SPERSIST k %4", "SPERSIST k %zz", "spersist k", "", "SPERSIST\tk"] {
            assert_eq!(read(format!("#SPINEL-MEMBERS:{line}\r\n").as_bytes()), None, "{line}");
        }
        assert_eq!(read(b"#SPINEL-MEMBERS:SPERSIST k\n"), None);
        assert_eq!(read(b"#SPINEL-MEMBERS-:SPERSIST k\r\n"), None);
    }

    proptest! {
        #[test]
        fn any_words_are_read_as_they_were_written(
            name in prop::sample::select(&COMMANDS[..]),
            words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..8),
        ) {
            let all: Vec<&[u8]> = std::iter::once(name).chain(words.iter().map(Vec::as_slice)).collect();
            prop_assert_eq!(read(&written(&all)), Some(all.iter().map(|word| word.to_vec()).collect()));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = read(&[PREFIX, LAST, &bytes, LINE_END].concat());
            let _ = read(&[PREFIX, LAST, b"SPERSIST ", &bytes, LINE_END].concat());
            let _ = read(&bytes);
        }
    }
}
