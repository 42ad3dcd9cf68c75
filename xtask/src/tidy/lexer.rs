//! Rust source as two texts of the same shape: the code, and the comments.
//!
//! Enough of a lexer to know what is a comment and what is a string, no more: everything that does not belong to a view
//! becomes a blank, line breaks stay, so that line numbers and columns hold. String and character literals are blank
//! in both views.

/// The two views of a source text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Views {
    /// Code only.
    pub(crate) code: String,
    /// Comments only, their markers included.
    pub(crate) comments: String,
}

/// What a stretch of source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// Splits a source text.
pub(crate) fn split(source: &str) -> Views {
    let bytes = source.as_bytes();
    let mut views =
        Views { code: String::with_capacity(source.len()), comments: String::with_capacity(source.len()) };
    let mut at = 0;
    while at < bytes.len() {
        let (kind, end) = next(bytes, at);
        for &byte in &bytes[at..end] {
            let blank = if byte == b'\n' { '\n' } else { ' ' };
            let shown = if byte.is_ascii() { char::from(byte) } else { '?' };
            views.code.push(if kind == Kind::Code { shown } else { blank });
            views.comments.push(if kind == Kind::Comment { shown } else { blank });
        }
        at = end;
    }
    views
}

/// The stretch that begins at `at`.
fn next(bytes: &[u8], at: usize) -> (Kind, usize) {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return (Kind::Comment, at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()));
    }
    if rest.starts_with(b"/*") {
        return (Kind::Comment, at + block_comment(rest));
    }
    let after_word = at > 0 && is_word(bytes[at - 1]);
    if !after_word && let Some(length) = raw_string(rest) {
        return (Kind::Literal, at + length);
    }
    match rest[0] {
        b'"' => (Kind::Literal, at + quoted(rest, b'"')),
        b'\'' => match character(rest) {
            Some(length) => (Kind::Literal, at + length),
            None => (Kind::Code, at + 1),
        },
        _ => (Kind::Code, at + 1),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Length of a nested block comment.
fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of `r"..."`, `r#"..."#`, `br#"..."#`, if one begins here.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let start = if rest.starts_with(b"br") || rest.starts_with(b"cr") { 2 } else { 1 };
    if rest[0] != b'r' && start == 1 {
        return None;
    }
    let hashes = rest[start..].iter().take_while(|&&byte| byte == b'#').count();
    if rest.get(start + hashes) != Some(&b'"') {
        return None;
    }
    let closing: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = start + hashes + 1;
    let end = rest[body..].windows(closing.len()).position(|window| window == closing);
    Some(end.map_or(rest.len(), |end| body + end + closing.len()))
}

/// Length of a literal between quotes, escapes respected.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of a character literal; `None` when the quote begins a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        return Some(quoted(rest, b'\''));
    }
    let width = match rest.get(1)? {
        byte if byte.is_ascii() => 1,
        byte => byte.leading_ones() as usize,
    };
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn comments_and_code_are_told_apart_and_literals_belong_to_neither() {
        let views = split("let a = \"// no { \\\" \"; // yes {\n/* x /* y */ z */ f('{', 'a, b'\\'')");
        assert_eq!(views.code.matches('{').count(), 0);
        assert!(views.comments.contains("// yes {") && views.comments.contains("/* x /* y */ z */"));
        assert!(views.code.contains("f(   , 'a, b    )"), "{}", views.code);
    }

    #[test]
    fn raw_strings_end_at_their_own_hashes() {
        let views = split("r#\"a\"{\"# + br\"{\" + for_r\"{\" ; b");
        assert_eq!(views.code.matches('{').count(), 0);
        assert!(views.code.ends_with("; b"));
    }

    #[test]
    fn lines_stay_where_they_are() {
        let source = "/* a\nb */\n\"c\nd\" e\n";
        let views = split(source);
        assert_eq!(views.code.lines().count(), source.lines().count());
        assert_eq!(views.code.lines().nth(3), Some("   e"));
    }
}
