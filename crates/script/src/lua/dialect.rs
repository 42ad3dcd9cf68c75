//! From the dialect of Lua 5.1 to Luau's, where one text means two things. Line numbers stay.
//!
//! In strings, `\x`, `\z` and `\u` are plain letters in Lua 5.1 and escapes in Luau; a zero byte is itself in Lua 5.1 and the
//! end of everything in Luau. Comments and long strings are left alone. What Luau knows beyond Lua 5.1 (`continue`, `+=`,
//! types) is not hidden: no program of Lua 5.1 has it.

use std::borrow::Cow;

/// A script as Luau reads it to the same effect.
pub(super) fn translate(source: &[u8]) -> Cow<'_, [u8]> {
    if !source.iter().any(|byte| matches!(byte, b'\\' | 0)) {
        return Cow::Borrowed(source);
    }
    let mut out = Vec::with_capacity(source.len() + 16);
    let mut rest = source;
    while let Some(&byte) = rest.first() {
        rest = match byte {
            b'-' if rest.starts_with(b"--") => copy(rest, comment_len(rest), &mut out),
            b'[' if long_bracket(rest).is_some() => copy(rest, long_len(rest), &mut out),
            b'"' | b'\'' => string(rest, byte, &mut out),
            _ => copy(rest, 1, &mut out),
        };
    }
    Cow::Owned(out)
}

/// Takes the first `len` bytes over as they are.
fn copy<'s>(rest: &'s [u8], len: usize, out: &mut Vec<u8>) -> &'s [u8] {
    let (piece, rest) = rest.split_at(len.min(rest.len()));
    out.extend_from_slice(piece);
    rest
}

/// How long a comment is, up to the end of its line.
pub(super) fn comment_len(text: &[u8]) -> usize {
    const MARK: usize = b"--".len();
    if long_bracket(&text[MARK..]).is_some() {
        return MARK + long_len(&text[MARK..]);
    }
    memchr::memchr(b'\n', text).unwrap_or(text.len())
}

/// The level of a long bracket `[==[` that opens here.
pub(super) fn long_bracket(text: &[u8]) -> Option<usize> {
    let level = text.get(1..)?.iter().take_while(|byte| **byte == b'=').count();
    (text[0] == b'[' && text.get(1 + level) == Some(&b'[')).then_some(level)
}

/// How long a long string is, its brackets included; to the end of the text if it does not close.
pub(super) fn long_len(text: &[u8]) -> usize {
    let Some(level) = long_bracket(text) else { return 1 };
    let close = [&b"]"[..], &b"=".repeat(level), b"]"].concat();
    let from = level + 2;
    memchr::memmem::find(&text[from..], &close).map_or(text.len(), |at| from + at + close.len())
}

/// Takes a string in quotes over, and says what follows it.
fn string<'s>(text: &'s [u8], quote: u8, out: &mut Vec<u8>) -> &'s [u8] {
    out.push(quote);
    let mut rest = &text[1..];
    loop {
        match rest {
            [] => return rest,
            [b'\\', b'x' | b'z' | b'u', ..] => rest = copy(&rest[1..], 1, out),
            [b'\\', 0, ..] => {
                out.extend_from_slice(b"\\000");
                rest = &rest[2..];
            }
            [b'\\', _, ..] => rest = copy(rest, 2, out),
            [0, ..] => {
                out.extend_from_slice(b"\\000");
                rest = &rest[1..];
            }
            [byte, ..] => {
                // A line that ends amid a string is an error, which Luau tells.
                let is_over = *byte == quote || *byte == b'\n';
                rest = copy(rest, 1, out);
                if is_over {
                    return rest;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::translate;

    #[test]
    fn escapes_that_lua_5_1_does_not_know_are_letters() {
        for (lua, luau) in [
            (r#"return "\x41\z\u{41}\n""#, r#"return "x41zu{41}\n""#),
            (r#"return '\\x' -- \x"#, r#"return '\\x' -- \x"#),
            ("return [==[\\x]==] .. '\\x'", "return [==[\\x]==] .. 'x'"),
            ("--[[ \\x \n ]] return '\\z'", "--[[ \\x \n ]] return 'z'"),
            ("return 'a\0b\\\0'", "return 'a\\000b\\000'"),
            ("return '\\'\\x'", "return '\\'x'"),
            ("return '\\\n\\x'", "return '\\\nx'"),
        ] {
            assert_eq!(translate(lua.as_bytes()), luau.as_bytes(), "{lua}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_translated_and_keeps_its_lines(source in proptest::collection::vec(any::<u8>(), 0..200)) {
            let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
            prop_assert_eq!(lines(&translate(&source)), lines(&source));
        }
    }
}
