//! Errors: of commands as exceptions, of scripts as replies.
//!
//! An error reply becomes a `RuntimeError` whose message is the whole error, code first: `redis.ResponseError` is another
//! name of that type. Such an exception, wherever it was made, is told as it is; of any other the type is told, too.

use monty_types::{ExcType, MontyException, MontyObject};

/// The exception that stands for an error reply.
pub(super) const RESPONSE_ERROR: ExcType = ExcType::RuntimeError;

/// The longest message that is told.
const MOST_MESSAGE_BYTES: usize = 4096;

/// An error reply as a value.
pub(super) fn error_value(line: &[u8]) -> MontyObject {
    MontyObject::Exception { exc_type: RESPONSE_ERROR, arg: Some(String::from_utf8_lossy(line).into_owned()) }
}

/// An error reply as an exception to raise.
pub(super) fn error_to_raise(line: &[u8]) -> MontyException {
    MontyException::new(RESPONSE_ERROR, Some(String::from_utf8_lossy(line).into_owned()))
}

/// An exception as an error reply.
pub(super) fn text_of(exc_type: ExcType, message: Option<&str>) -> String {
    let message = line_of(message.unwrap_or_default());
    if exc_type == RESPONSE_ERROR && has_code(&message) {
        message
    } else if message.is_empty() {
        format!("ERR {exc_type}")
    } else {
        format!("ERR {exc_type}: {message}")
    }
}

/// The exception with which a script ended, as an error reply.
pub(super) fn text_of_exception(exception: &MontyException) -> String {
    text_of(exception.exc_type(), exception.message())
}

/// What is wrong with a text: `user_script:3: SyntaxError: ...`.
pub(super) fn compile_error(exception: &MontyException, source: &str) -> Vec<u8> {
    let line = exception.traceback().last().map_or(1, |frame| frame.start.line);
    let message = line_of(exception.message().unwrap_or_default());
    format!("{source}:{line}: {}: {message}", exception.exc_type()).into_bytes()
}

/// Whether a text begins with a code, as errors of the server do: a word in capitals, and more words.
fn has_code(text: &str) -> bool {
    let is_of_code = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    text.split_once(' ').is_some_and(|(code, rest)| {
        code.starts_with(|first: char| first.is_ascii_uppercase())
            && code.bytes().all(is_of_code)
            && code.len() > 1
            && !rest.is_empty()
    })
}

/// A text as one line of limited length.
pub(super) fn line_of(text: &str) -> String {
    let mut end = text.len().min(MOST_MESSAGE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].trim_end().chars().map(|c| if matches!(c, '\r' | '\n' | '\0') { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_commands_are_told_as_they_are_and_others_with_their_type() {
        for (exc_type, message, text) in [
            (ExcType::RuntimeError, "WRONGTYPE Operation", "WRONGTYPE Operation"),
            (ExcType::RuntimeError, "STOCK_1 is out", "STOCK_1 is out"),
            (ExcType::RuntimeError, "boom", "ERR RuntimeError: boom"),
            (ExcType::RuntimeError, "A word", "ERR RuntimeError: A word"),
            (ExcType::ValueError, "WRONG type", "ERR ValueError: WRONG type"),
            (ExcType::ValueError, "", "ERR ValueError"),
            (ExcType::ValueError, "a\r\n+OK\r\n", "ERR ValueError: a  +OK"),
        ] {
            assert_eq!(text_of(exc_type, Some(message)), text);
        }
    }

    #[test]
    fn long_messages_are_cut_between_letters() {
        let line = line_of(&"ä".repeat(MOST_MESSAGE_BYTES));
        assert_eq!(line.len(), MOST_MESSAGE_BYTES);
        assert_eq!(line_of(&format!("x{}", "ä".repeat(MOST_MESSAGE_BYTES))).len(), MOST_MESSAGE_BYTES - 1);
    }
}
