//! Errors that are replies. Their texts equal those of Redis 7.0 to the letter, because clients match them; this
//! is the only place where they stand.

use std::borrow::Cow;

/// An error to be sent to the client instead of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// The words do not fit the grammar.
    Syntax,
    /// Too few or too many words; the dispatcher adds the command's name.
    Arity,
    /// The key holds another type.
    WrongType,
    /// Not a 64-bit signed integer.
    NotInteger,
    /// Not a floating-point number.
    NotFloat,
    /// `numkeys` below one.
    NumKeysNotPositive,
    /// A number that must not be negative.
    NotPositive,
    /// The timeout is not a number.
    TimeoutNotFloat,
    /// The timeout is below zero.
    TimeoutNegative,
    /// The timeout is too large.
    TimeoutOutOfRange,
    /// The key does not exist.
    NoSuchKey,
    /// Source and destination are the same.
    SameObject,
    /// An increment would leave the range of integers.
    Overflow,
    /// An increment would yield NaN or infinity.
    NanOrInfinity,
    /// An index beyond the ends.
    IndexOutOfRange,
    /// A string would be longer than `proto-max-bulk-len`.
    StringTooLong,
    /// The expiry is out of range; carries the command's name.
    InvalidExpire(&'static str),
    /// Any other text; it begins with its code.
    Text(Cow<'static, str>),
    /// A text that repeats bytes of the client's; it begins with its code.
    Quoting(Box<[u8]>),
    /// Not an error for the client: this shard is taken, try the whole command again later.
    Busy(spinel_store::Taken),
    /// Not an error for the client: the command is long, run it on a helper thread.
    Move,
}

impl CommandError {
    /// An error with a fixed text, which begins with its code.
    #[must_use]
    pub const fn text(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// An error that repeats a word of the client between two pieces of text, as far as C would print it: up to the
    /// first zero byte.
    #[must_use]
    pub fn quoting(before: &str, word: &[u8], after: &str) -> Self {
        Self::Quoting([before.as_bytes(), printed(word), after.as_bytes()].concat().into())
    }

    /// The text on the wire, with the code and without the minus sign. `command` is the full name in lower case.
    #[must_use]
    pub fn wire(&self, command: &str) -> Cow<'static, [u8]> {
        let text = match self {
            Self::Syntax => "ERR syntax error",
            Self::Arity => {
                return owned(format!("ERR wrong number of arguments for '{command}' command"));
            }
            Self::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Self::NotInteger => "ERR value is not an integer or out of range",
            Self::NotFloat => "ERR value is not a valid float",
            Self::NumKeysNotPositive => "ERR numkeys should be greater than 0",
            Self::NotPositive => "ERR value is out of range, must be positive",
            Self::TimeoutNotFloat => "ERR timeout is not a float or out of range",
            Self::TimeoutNegative => "ERR timeout is negative",
            Self::TimeoutOutOfRange => "ERR timeout is out of range",
            Self::NoSuchKey => "ERR no such key",
            Self::SameObject => "ERR source and destination objects are the same",
            Self::Overflow => "ERR increment or decrement would overflow",
            Self::NanOrInfinity => "ERR increment would produce NaN or Infinity",
            Self::IndexOutOfRange => "ERR index out of range",
            Self::StringTooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            Self::InvalidExpire(name) => {
                return owned(format!("ERR invalid expire time in '{name}' command"));
            }
            Self::Text(Cow::Borrowed(text)) => text,
            Self::Text(Cow::Owned(text)) => return owned(text.clone()),
            Self::Quoting(text) => return Cow::Owned(text.to_vec()),
            Self::Busy(_) | Self::Move => "ERR the command was not run",
        };
        Cow::Borrowed(text.as_bytes())
    }
}

fn owned(text: String) -> Cow<'static, [u8]> {
    Cow::Owned(text.into_bytes())
}

/// What C's `%s` prints of a word: its bytes up to the first that is zero.
#[must_use]
pub fn printed(word: &[u8]) -> &[u8] {
    word.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::CommandError;

    #[test]
    fn a_word_is_repeated_byte_by_byte_up_to_its_first_zero() {
        let error = CommandError::quoting("ERR '", b"a\xff\0b", "' is odd");
        assert_eq!(&*error.wire("get"), b"ERR 'a\xff' is odd");
    }
}
