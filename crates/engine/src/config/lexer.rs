//! Words of a configuration line: splitting them and writing them back.
//!
//! The rules are those redis.conf files have been written against for years: blanks separate words, `"..."`
//! understands the escapes `\xHH \n \r \t \b \a` (any other escaped byte stands for itself), `'...'`
//! understands only `\'`, and a closing quote must be followed by a blank or the end. A quote may open in the
//! middle of a word. Text is bytes, since passwords and file names need not be UTF-8. A NUL ends the line, as
//! it does for a C string.
//!
//! Nothing here knows what a directive is.

/// The blanks that the reference trims from both ends of a line before it looks at it.
pub(super) fn trim(line: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(|byte| !is_blank(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &line[start..end]
}

/// Splits a line into words; `None` when a quote stays open or a closing quote touches the next word.
pub fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let end = line.iter().position(|&byte| byte == 0).unwrap_or(line.len());
    let mut rest = &line[..end];
    let mut words = Vec::new();
    loop {
        let start = rest.iter().position(|&byte| !is_space(byte)).unwrap_or(rest.len());
        rest = &rest[start..];
        if rest.is_empty() {
            return Some(words);
        }
        let (word, used) = read_word(rest)?;
        words.push(word);
        rest = &rest[used..];
    }
}

/// Appends `text` in double quotes so that [`split_words`] reads the same bytes back.
pub fn push_quoted(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in text {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend([b'\\', b'x', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
    }
    out.push(b'"');
}

/// What `isspace` accepts in the C locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Reads one word from text that starts with a non-blank; gives it and how many bytes it took.
fn read_word(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut word = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => break,
            b'"' => return read_quoted(text, at, word, double_quoted),
            b'\'' => return read_quoted(text, at, word, single_quoted),
            _ => word.push(byte),
        }
    }
    Some((word, at))
}

/// A unit of quoted text: a byte, or `None` for the closing quote.
type Unit = Option<u8>;

/// Decodes the unit at the start of a text; also gives the bytes it took.
type Step = fn(&[u8]) -> Option<(Unit, usize)>;

/// Reads up to the closing quote with `step`.
fn read_quoted(text: &[u8], mut at: usize, mut word: Vec<u8>, step: Step) -> Option<(Vec<u8>, usize)> {
    loop {
        let (byte, used) = step(&text[at..])?;
        at += used;
        match byte {
            Some(byte) => word.push(byte),
            None if text.get(at).is_none_or(|&next| is_space(next)) => return Some((word, at)),
            None => return None,
        }
    }
}

fn double_quoted(text: &[u8]) -> Option<(Unit, usize)> {
    match *text {
        [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            Some((Some(hex_digit(high) * 16 + hex_digit(low)), 4))
        }
        [b'\\', escaped, ..] => Some((Some(unescape(escaped)), 2)),
        [b'"', ..] => Some((None, 1)),
        [byte, ..] => Some((Some(byte), 1)),
        [] => None,
    }
}

fn single_quoted(text: &[u8]) -> Option<(Unit, usize)> {
    match *text {
        [b'\\', b'\'', ..] => Some((Some(b'\''), 2)),
        [b'\'', ..] => Some((None, 1)),
        [byte, ..] => Some((Some(byte), 1)),
        [] => None,
    }
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex_digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        _ => byte - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_split_as_the_reference_splits_them() {
        let cases: &[(&[u8], &[&[u8]])] = &[
            (b"", &[]),
            (b"  port\t6379 ", &[b"port", b"6379"]),
            (b"a \"b c\" 'd e'", &[b"a", b"b c", b"d e"]),
            (b"save \"\"", &[b"save", b""]),
            (b"x\"y z\"", &[b"xy z"]),
            (br#""\x41\n\q\"""#, &[b"A\nq\""]),
            (br#""\x4g""#, &[b"x4g"]),
            (br"'it\'s \n'", &[br"it's \n"]),
            (b"a\0b", &[b"a"]),
            (b"a\x0bb c", &[b"a\x0bb", b"c"]),
        ];
        for (line, words) in cases {
            let expected: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
            assert_eq!(split_words(line), Some(expected), "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn open_quotes_and_glued_quotes_are_refused() {
        for line in [&b"a \"b"[..], b"a 'b", b"\"a\"b", b"'a'b", br#""a\""#, b"\"", b"a\"\0\""] {
            assert_eq!(split_words(line), None, "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn trimming_leaves_inner_blanks() {
        assert_eq!(trim(b"\r\n\t a b \t\r"), b"a b");
        assert_eq!(trim(b" \n"), b"");
    }

    proptest! {
        #[test]
        fn any_bytes_split_without_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = split_words(&line);
        }

        #[test]
        fn quoted_text_reads_back(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut line = b"word ".to_vec();
            push_quoted(&mut line, &text);
            prop_assert_eq!(split_words(&line), Some(vec![b"word".to_vec(), text]));
        }
    }
}
