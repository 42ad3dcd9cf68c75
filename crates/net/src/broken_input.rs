//! What the log says of bytes that no command can be read from, or that are too many.
//!
//! Lines are Redis's; where user data are left out, they are Valkey's, which has that setting.

use spinel_engine::config::push_quoted;
use spinel_resp::ProtocolError;

/// Bytes that are shown whole; of more, the first and the last half as many.
const SHOWN: usize = 128;
/// The first bytes that are shown of a client's that sent too many.
const SHOWN_OF_TOO_MANY: usize = 64;

/// About a request that begins `unread`.
pub(crate) fn protocol_error_line(
    error: ProtocolError,
    client: &str,
    unread: &[u8],
    hides_user_data: bool,
) -> String {
    let what = format!("Protocol error ({}) from client: {client}.", error.name_in_log());
    if hides_user_data {
        return format!("{what} Query buffer: *redacted*");
    }
    format!("{what} Query buffer during protocol error: {}", shown(behind_whole_words(unread)))
}

/// About a client whose unread bytes are more than it may send.
pub(crate) fn too_many_bytes_line(client: &str, unread: &[u8], hides_user_data: bool) -> String {
    let what = format!("Closing client that reached max query buffer length: {client}");
    if hides_user_data {
        return what;
    }
    let mut quoted = Vec::new();
    push_quoted(&mut quoted, &unread[..unread.len().min(SHOWN_OF_TOO_MANY)]);
    format!("{what} (qbuf initial bytes: {})", String::from_utf8_lossy(&quoted))
}

/// The bytes from where the request cannot be read: behind its count and the words that are whole.
fn behind_whole_words(request: &[u8]) -> &[u8] {
    let Some((_, mut rest)) = number_line(request, b'*') else { return request };
    while let Some((length, behind)) = number_line(rest, b'$') {
        let Some(next) = behind.get(length.saturating_add(2)..) else { break };
        rest = next;
    }
    rest
}

/// The number on a line that begins with `mark`, and what is behind the line.
fn number_line(bytes: &[u8], mark: u8) -> Option<(usize, &[u8])> {
    let line = bytes.strip_prefix(&[mark])?;
    let end = line.iter().take(SHOWN).position(|byte| *byte == b'\r')?;
    let number = str::from_utf8(&line[..end]).ok()?.parse().ok()?;
    Some((number, line.get(end + 2..)?))
}

fn shown(bytes: &[u8]) -> String {
    let printable = |bytes: &[u8]| -> String {
        bytes.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' }).collect()
    };
    if bytes.len() < SHOWN {
        return format!("'{}'", printable(bytes));
    }
    let (head, tail) = (&bytes[..SHOWN / 2], &bytes[bytes.len() - SHOWN / 2..]);
    format!("'{}' (... more {} bytes ...) '{}'", printable(head), bytes.len() - SHOWN, printable(tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocol_errors_show_the_bytes_from_where_they_are_wrong() {
        let z = "Z".repeat(64);
        for (error, unread, expected) in [
            (ProtocolError::ExpectedDollar(b's'), b"*1\r\nsecret\r\n".to_vec(), "'secret..'".to_owned()),
            (ProtocolError::InvalidMultibulkLength, b"*x\r\n".to_vec(), "'*x..'".to_owned()),
            (
                ProtocolError::InvalidBulkLength,
                b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$-5\r\n".to_vec(),
                "'$-5..'".to_owned(),
            ),
            (
                ProtocolError::InvalidBulkLength,
                b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$99999999999\r\n".to_vec(),
                "'$99999999999..'".to_owned(),
            ),
            (ProtocolError::UnbalancedQuotes, b"SET \"a b\r\n".to_vec(), "'SET \"a b..'".to_owned()),
            (
                ProtocolError::TooBigInlineRequest,
                [b"\x01".as_slice(), "Z".repeat(200).as_bytes(), b"\""].concat(),
                format!("'.{}' (... more 74 bytes ...) '{}\"'", &z[1..], &z[1..]),
            ),
        ] {
            let line = protocol_error_line(error, "id=3", &unread, false);
            let name = error.name_in_log();
            assert_eq!(
                line,
                format!(
                    "Protocol error ({name}) from client: id=3. Query buffer during protocol error: {expected}"
                )
            );
            assert_eq!(
                protocol_error_line(error, "id=3", &unread, true),
                format!("Protocol error ({name}) from client: id=3. Query buffer: *redacted*")
            );
        }
    }

    #[test]
    fn of_too_many_bytes_the_first_are_shown() {
        let line = too_many_bytes_line("id=3", &[b'\n'; 100], false);
        let expected = "\\n".repeat(64);
        assert_eq!(
            line,
            format!(
                "Closing client that reached max query buffer length: id=3 (qbuf initial bytes: \"{expected}\")"
            )
        );
        let line = too_many_bytes_line("id=3", b"secret", true);
        assert_eq!(line, "Closing client that reached max query buffer length: id=3");
    }
}
