//! What can be wrong with a request's bytes.
//!
//! The texts equal those of Redis 7.0 to the letter, because clients and test suites match them. On the wire they stand
//! after `-ERR `, and the connection is closed behind them; both is the caller's doing.

use std::fmt;

/// A request that no command can be read from. After it the rest of the connection's bytes has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The count after `*` is no number or too large.
    InvalidMultibulkLength,
    /// The length after `$` is no number, negative or too large.
    InvalidBulkLength,
    /// A word starts with this byte instead of `$`.
    ExpectedDollar(u8),
    /// A line that is no multibulk does not end within the limit.
    TooBigInlineRequest,
    /// The line of the count does not end within the limit.
    TooBigMultibulkCount,
    /// The line of a word's length does not end within the limit.
    TooBigBulkCount,
    /// A quote of an inline line is not closed, or a closing quote is not followed by a blank.
    UnbalancedQuotes,
    /// More words than a client may send before it has authenticated.
    UnauthenticatedMultibulkLength,
    /// A longer word than a client may send before it has authenticated.
    UnauthenticatedBulkLength,
}

impl ProtocolError {
    /// Appends the text as Redis sends it: like `Display`, but with an unexpected byte as the byte it was.
    pub fn write_to(self, out: &mut Vec<u8>) {
        let (before, byte, after) = self.parts();
        out.extend_from_slice(before.as_bytes());
        out.extend(byte);
        out.extend_from_slice(after.as_bytes());
    }

    /// What Redis's log calls it, which is not always what it tells the client.
    pub fn name_in_log(self) -> &'static str {
        match self {
            Self::InvalidMultibulkLength => "invalid mbulk count",
            Self::InvalidBulkLength => "invalid bulk length",
            Self::ExpectedDollar(_) => "expected $ but got something else",
            Self::TooBigInlineRequest => "too big inline request",
            Self::TooBigMultibulkCount => "too big mbulk count string",
            Self::TooBigBulkCount => "too big bulk count string",
            Self::UnbalancedQuotes => "unbalanced quotes in inline request",
            Self::UnauthenticatedMultibulkLength => "unauth mbulk count",
            Self::UnauthenticatedBulkLength => "unauth bulk length",
        }
    }

    /// The text, cut where the unexpected byte belongs. A line break is shown as a blank, for the text is itself a line.
    fn parts(self) -> (&'static str, Option<u8>, &'static str) {
        let text = match self {
            Self::InvalidMultibulkLength => "Protocol error: invalid multibulk length",
            Self::InvalidBulkLength => "Protocol error: invalid bulk length",
            Self::ExpectedDollar(byte) => {
                let shown = if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
                return ("Protocol error: expected '$', got '", Some(shown), "'");
            }
            Self::TooBigInlineRequest => "Protocol error: too big inline request",
            Self::TooBigMultibulkCount => "Protocol error: too big mbulk count string",
            Self::TooBigBulkCount => "Protocol error: too big bulk count string",
            Self::UnbalancedQuotes => "Protocol error: unbalanced quotes in request",
            Self::UnauthenticatedMultibulkLength => "Protocol error: unauthenticated multibulk length",
            Self::UnauthenticatedBulkLength => "Protocol error: unauthenticated bulk length",
        };
        (text, None, "")
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, byte, after) = self.parts();
        f.write_str(before)?;
        if let Some(byte) = byte {
            write!(f, "{}", char::from(byte))?;
        }
        f.write_str(after)
    }
}

impl std::error::Error for ProtocolError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unexpected_byte_is_shown_as_it_came_except_for_line_breaks() {
        for (byte, text) in [
            (b'X', &b"Protocol error: expected '$', got 'X'"[..]),
            (b'\r', b"Protocol error: expected '$', got ' '"),
            (b'\n', b"Protocol error: expected '$', got ' '"),
            (0x01, b"Protocol error: expected '$', got '\x01'"),
            (0xe9, b"Protocol error: expected '$', got '\xe9'"),
        ] {
            let mut out = Vec::new();
            ProtocolError::ExpectedDollar(byte).write_to(&mut out);
            assert_eq!(out, text);
        }
        assert_eq!(ProtocolError::ExpectedDollar(b'X').to_string(), "Protocol error: expected '$', got 'X'");
        assert_eq!(
            ProtocolError::UnbalancedQuotes.to_string(),
            "Protocol error: unbalanced quotes in request"
        );
    }
}
