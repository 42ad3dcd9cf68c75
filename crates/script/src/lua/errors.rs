//! Errors of scripts: the words of Lua 5.1, and the tables that Redis makes of them.

use super::args::up_to_zero;
use crate::engine::Failure;
use crate::vm::{Fault, Kind, Stack};

/// Pushes the error table of a text. `-CODE message` keeps its code; any other text gets `ERR`.
pub(crate) fn push_error_table(stack: &mut Stack<'_>, text: &[u8]) {
    let text = error_text(text);
    stack.push_table(0, 3);
    let table = stack.top();
    stack.push_bytes(&text);
    stack.set_field(table, c"err");
}

/// Notes in the table on top that the error was counted when its command ran.
pub(super) fn mark_counted(stack: &mut Stack<'_>) {
    let table = stack.top();
    stack.push_boolean(true);
    stack.set_field(table, c"ignore_error_stats_update");
}

/// Fails with an error table.
pub(super) fn fail(stack: &mut Stack<'_>, text: &str) -> Fault {
    push_error_table(stack, text.as_bytes());
    Fault::Top
}

/// Code and message of an error.
fn error_text(text: &[u8]) -> Vec<u8> {
    let text = up_to_zero(text);
    let (code, message) = match text.strip_prefix(b"-") {
        None => (&b"ERR"[..], text),
        Some(rest) => match memchr::memchr(b' ', rest) {
            None => (&b"ERR"[..], rest),
            Some(at) => (&rest[..at], &rest[at + 1..]),
        },
    };
    let mut message = message;
    while let [b'\r' | b'\n', rest @ ..] | [rest @ .., b'\r' | b'\n'] = message {
        message = rest;
    }
    [code, b" ", message].concat()
}

/// The handler under which scripts run: makes a table of every error and notes the place.
pub(super) fn on_error(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    stack.resize(1);
    map_thrown(stack);
    if stack.kind(1) != Kind::Table
        && let Some(text) = stack.context().stop_text()
    {
        // It was ended amid the handling of another error.
        stack.truncate(0);
        push_error_table(stack, &text);
    } else if stack.kind(1) != Kind::Table {
        let text = displayed(stack, 1);
        stack.truncate(0);
        stack.push_table(0, 3);
        stack.push_bytes(&[b"ERR ", up_to_zero(&text)].concat());
        stack.set_field(1, c"err");
    }
    let place = match stack.place(1) {
        Some((_, None)) => stack.place(2),
        place => place,
    };
    if let Some((source, line)) = place
        && !stack.is_readonly(1)
    {
        stack.push_bytes(&source);
        stack.set_field(1, c"source");
        stack.push_number(f64::from(line.unwrap_or(-1)));
        stack.set_field(1, c"line");
    }
    stack.truncate(1);
    Ok(1)
}

/// A value as `tostring` shows it, without asking metamethods.
fn displayed(stack: &Stack<'_>, index: i32) -> Vec<u8> {
    match stack.text(index) {
        Some(text) => text.into_owned(),
        None => match stack.kind(index) {
            Kind::Boolean => stack.is_true(index).to_string().into_bytes(),
            kind => kind.name().as_bytes().to_vec(),
        },
    }
}

/// Source and line, as text.
type Place = (Vec<u8>, Vec<u8>);

/// What an error value says of itself; its place only for errors that ended a script.
pub(super) fn failure(stack: &mut Stack<'_>, table: i32) -> (Failure, Option<Place>) {
    let mut field = |name| {
        stack.push_field(table, name);
        let text = stack.text(stack.top()).map(|text| up_to_zero(&text).to_vec());
        stack.pop();
        text
    };
    let text = field(c"err").unwrap_or_else(|| b"ERR unknown error".to_vec());
    let place = field(c"source").zip(field(c"line"));
    stack.push_field(table, c"ignore_error_stats_update");
    let is_counted = stack.kind(stack.top()) == Kind::Boolean && stack.is_true(stack.top());
    stack.pop();
    (Failure { text, is_counted }, place)
}

/// The error with which a script ended, as its caller is told. The error is on top of the stack.
pub(super) fn final_failure(stack: &mut Stack<'_>, name: &[u8]) -> Failure {
    let top = stack.top();
    if top == 0 || stack.kind(top) != Kind::Table {
        let text = if top == 0 { b"execution failure".to_vec() } else { displayed(stack, top) };
        let text = [b"ERR Error running script ", name, b", ", &text[..text.len().min(100)]].concat();
        return Failure { text, is_counted: false };
    }
    let (mut failure, place) = failure(stack, top);
    if let Some((source, line)) = place {
        for part in [&b" script: "[..], name, b", on ", &source, b":", &line, b"."] {
            failure.text.extend_from_slice(part);
        }
    }
    failure
}

/// What the error on top says of a library that could not be loaded.
pub(super) fn registering(stack: &mut Stack<'_>) -> Vec<u8> {
    let top = stack.top();
    if top > 0 && stack.kind(top) == Kind::Table {
        return failure(stack, top).0.text;
    }
    let text = if top == 0 { Vec::new() } else { displayed(stack, top) };
    [b"ERR ", up_to_zero(&mapped(&text))].concat()
}

/// The handler of `pcall`: the error in the words of Lua 5.1.
#[expect(clippy::unnecessary_wraps, reason = "natives are of one type")]
pub(super) fn map_error(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    stack.resize(1);
    map_thrown(stack);
    Ok(1)
}

/// As [`map_top`], in a handler: where the error was thrown is still known, and with it the name of a function that
/// complains about its arguments.
pub(super) fn map_thrown(stack: &mut Stack<'_>) {
    const UNNAMED: &[u8] = b" to '?' (value expected)";
    map_top(stack);
    let top = stack.top();
    let Some(text) = stack.bytes(top).and_then(|text| text.strip_suffix(UNNAMED)) else { return };
    let name = stack.function_name(1).unwrap_or_else(|| b"?".to_vec());
    let what: &[u8] = if name == b"format" { b"no value" } else { b"value expected" };
    let said = [text, b" to '", &name, b"' (", what, b")"].concat();
    stack.pop();
    stack.push_bytes(&said);
}

/// Puts the error on top, if it is a text, into the words of Lua 5.1.
pub(super) fn map_top(stack: &mut Stack<'_>) {
    let top = stack.top();
    let Some(text) = stack.bytes(top) else { return };
    let said = mapped(text);
    if said != text {
        stack.pop();
        stack.push_bytes(&said);
    }
}

/// An error text of Luau in the words of Lua 5.1.
pub(super) fn mapped(text: &[u8]) -> Vec<u8> {
    let (place, said) = text.split_at(place_len(text));
    match std::str::from_utf8(said).ok().and_then(translated) {
        Some(said) => [place, said.as_bytes()].concat(),
        None => text.to_vec(),
    }
}

/// How much of a text is `chunk:line: ` in front.
fn place_len(text: &[u8]) -> usize {
    let mut from = 0;
    while let Some(colon) = memchr::memchr(b':', &text[from..]).map(|at| at + from) {
        let digits = text[colon + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let end = colon + 1 + digits;
        if digits > 0 && text[end..].starts_with(b": ") {
            return end + 2;
        }
        from = colon + 1;
    }
    0
}

/// The sentence of Lua 5.1 for one of Luau, without names of variables, which Luau does not know at run time.
fn translated(said: &str) -> Option<String> {
    if said == "attempt to modify a readonly table" {
        return Some("Attempt to modify a readonly table".to_owned());
    }
    if said == "malformed pattern (missing arguments to '%b')" {
        return Some("unbalanced pattern".to_owned());
    }
    if let Some(rest) = said.strip_prefix("invalid argument #") {
        let rest = rest
            .split_once("(nil or table expected")
            .map_or(rest.to_owned(), |(place, _)| format!("{place}(nil or table expected)"));
        return Some(format!("bad argument #{rest}"));
    }
    if let Some(rest) = said.strip_prefix("missing argument #") {
        return Some(match rest.strip_suffix(" expected)") {
            Some(rest) if rest.ends_with("nil or table") => format!("bad argument #{rest} expected)"),
            Some(rest) => format!("bad argument #{rest} expected, got no value)"),
            None => format!("bad argument #{rest} to '?' (value expected)"),
        });
    }
    if let Some(rest) = said.strip_prefix("attempt to call missing method '") {
        let (name, _) = rest.rsplit_once("' of ")?;
        return Some(format!("attempt to call method '{name}' (a nil value)"));
    }
    if let Some((kind, _)) = said.strip_prefix("attempt to index ").and_then(|rest| rest.split_once(" with "))
    {
        return Some(format!("attempt to index a {kind} value"));
    }
    if let Some(rest) = said.strip_prefix("attempt to perform arithmetic (") {
        let (_, kinds) = rest.split_once(") on ")?;
        return Some(format!(
            "attempt to perform arithmetic on a {} value",
            culprit(kinds, " and ", &["number"])
        ));
    }
    if let Some(kinds) = said.strip_prefix("attempt to concatenate ") {
        let kind = culprit(kinds, " with ", &["number", "string"]);
        return Some(format!("attempt to concatenate a {kind} value"));
    }
    if let Some(kinds) = said.strip_prefix("attempt to compare ") {
        let (left, right) =
            ["<=", "<", "=="].iter().find_map(|sign| kinds.split_once(&format!(" {sign} ")))?;
        return Some(if left == right {
            format!("attempt to compare two {left} values")
        } else {
            format!("attempt to compare {left} with {right}")
        });
    }
    let (what, _) = said.strip_prefix("invalid 'for' ")?.split_once(" (number expected, got ")?;
    let what = if what == "initial" { "initial value" } else { what };
    Some(format!("'for' {what} must be a number"))
}

/// Which of two operands, named by their types, Lua 5.1 complains about: the second if the first would do.
fn culprit<'t>(kinds: &'t str, between: &str, fine: &[&str]) -> &'t str {
    match kinds.split_once(between) {
        Some((left, right)) if fine.contains(&left) => right,
        Some((left, _)) => left,
        None => kinds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_in_the_words_of_lua_5_1() {
        for (luau, lua) in [
            ("attempt to modify a readonly table", "Attempt to modify a readonly table"),
            ("attempt to index nil with 'x'", "attempt to index a nil value"),
            (
                "attempt to perform arithmetic (add) on nil and number",
                "attempt to perform arithmetic on a nil value",
            ),
            (
                "attempt to perform arithmetic (add) on number and table",
                "attempt to perform arithmetic on a table value",
            ),
            ("attempt to concatenate string with nil", "attempt to concatenate a nil value"),
            ("attempt to compare nil < number", "attempt to compare nil with number"),
            ("attempt to compare nil <= nil", "attempt to compare two nil values"),
            ("attempt to call missing method 'x' of table", "attempt to call method 'x' (a nil value)"),
            (
                "invalid argument #1 to 'rep' (string expected, got nil)",
                "bad argument #1 to 'rep' (string expected, got nil)",
            ),
            (
                "missing argument #2 to 'rep' (number expected)",
                "bad argument #2 to 'rep' (number expected, got no value)",
            ),
            ("invalid 'for' limit (number expected, got nil)", "'for' limit must be a number"),
            ("anything else", "anything else"),
        ] {
            assert_eq!(mapped(luau.as_bytes()), lua.as_bytes());
            let placed = format!("user_script:7: {luau}");
            assert_eq!(mapped(placed.as_bytes()), format!("user_script:7: {lua}").as_bytes());
        }
    }

    #[test]
    fn codes_of_errors_are_kept_and_made_up_where_there_is_none() {
        for (text, whole) in [
            ("no code", "ERR no code"),
            ("-WRONGTYPE Operation\r\n", "WRONGTYPE Operation"),
            ("-OOPS", "ERR OOPS"),
            ("- x", " x"),
        ] {
            assert_eq!(error_text(text.as_bytes()), whole.as_bytes(), "{text}");
        }
    }
}
