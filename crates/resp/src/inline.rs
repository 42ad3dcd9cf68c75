//! Splitting a line into words the way Redis does, for inline commands and for `redis.conf`.
//!
//! Words are separated by blanks. A part in double quotes knows `\n \r \t \b \a`, `\xHH` and `\` before any other byte;
//! a part in single quotes only `\'`. A quote may open inside a word, and what follows the closing quote must be a blank.
//! There are no comments, variables or continuation lines, and no NUL: as in C it ends the line.

use crate::args::{OwnedArgs, Span};
use crate::protocol_error::ProtocolError;

/// The words of `line`, which comes without its line end; possibly none.
///
/// # Errors
/// [`ProtocolError::UnbalancedQuotes`], and no other.
pub fn split_words(line: &[u8]) -> Result<OwnedArgs, ProtocolError> {
    let line = &line[..memchr::memchr(0, line).unwrap_or(line.len())];
    let (mut buf, mut spans) = (Vec::with_capacity(line.len()), Vec::new());
    let mut rest = skip_blanks(line);
    while !rest.is_empty() {
        let start = buf.len();
        rest = skip_blanks(take_word(rest, &mut buf)?);
        spans.push(Span { start, end: buf.len() });
    }
    Ok(OwnedArgs::from_buffer(buf, spans))
}

/// Appends the first word of `rest` without its quotes and returns what follows it.
fn take_word<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        match rest {
            [b'"', inner @ ..] => return take_double_quoted(inner, word),
            [b'\'', inner @ ..] => return take_single_quoted(inner, word),
            // Other blanks (vertical tab, form feed) do not end a word, although they separate words: so does Redis.
            [] | [b' ' | b'\t' | b'\n' | b'\r', ..] => return Ok(rest),
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

fn take_double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        let (byte, after) = match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'"', after @ ..] => return after_closing_quote(after),
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex_digit(*high) << 4 | hex_digit(*low), after)
            }
            [b'\\', escaped, after @ ..] => (unescape(*escaped), after),
            [byte, after @ ..] => (*byte, after),
        };
        word.push(byte);
        rest = after;
    }
}

fn take_single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        let (byte, after) = match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'\'', after @ ..] => return after_closing_quote(after),
            [b'\\', b'\'', after @ ..] => (b'\'', after),
            [byte, after @ ..] => (*byte, after),
        };
        word.push(byte);
        rest = after;
    }
}

fn after_closing_quote(rest: &[u8]) -> Result<&[u8], ProtocolError> {
    match rest.first() {
        Some(byte) if !is_blank(*byte) => Err(ProtocolError::UnbalancedQuotes),
        _ => Ok(rest),
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

/// Value of a byte known to be a hexadecimal digit.
fn hex_digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => (byte | 0x20) - b'a' + 10,
    }
}

fn skip_blanks(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|byte| is_blank(**byte)).count();
    &line[blanks..]
}

/// `isspace` of the C locale.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
        split_words(line).ok().map(|words| words.args().iter().map(<[u8]>::to_vec).collect())
    }

    #[test]
    fn lines_split_as_redis_splits_them() {
        let cases: &[(&[u8], &[&[u8]])] = &[
            (b"", &[]),
            (b" \t\r\x0b\x0c ", &[]),
            (b"SET key value", &[b"SET", b"key", b"value"]),
            (b"  a   b  ", &[b"a", b"b"]),
            (br#"a "b c" 'd e'"#, &[b"a", b"b c", b"d e"]),
            (br#""\x41\n\r\t\b\a\q\\\x4""#, &[b"A\n\r\t\x08\x07q\\x4"]),
            (br#""\xfF\xZ1""#, &[b"\xffxZ1"]),
            (br"'a\'b\n'", &[br"a'b\n"]),
            (br#"a"b c""#, &[b"ab c"]),
            (br#"'a"b' "a'b""#, &[b"a\"b", b"a'b"]),
            (br#""" ''"#, &[b"", b""]),
            (br"\x41", &[br"\x41"]),
            (b"a\x0bb \x0bc", &[b"a\x0bb", b"c"]),
            (b"\"a\"\x0bb", &[b"a", b"b"]),
            (b"a\rb", &[b"a", b"b"]),
            (b"\xff \xa0", &[b"\xff", b"\xa0"]),
            (b"a b\0 \"c", &[b"a", b"b"]),
        ];
        for (line, words) in cases {
            let expected = words.iter().map(|word| word.to_vec()).collect::<Vec<_>>();
            assert_eq!(split(line), Some(expected), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn a_quote_must_close_before_a_blank_or_the_end() {
        for line in [
            &br#"a "b"#[..],
            b"a 'b",
            br#""a"b"#,
            b"'a'b",
            br#""a""b""#,
            br#""a\"#,
            br#""a\""#,
            br"'a\'",
            b"\"a\"\xa0",
        ] {
            assert_eq!(split(line), None, "{}", line.escape_ascii());
        }
    }
}
