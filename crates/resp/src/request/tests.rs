//! Requests: what is a command, what is an error, and what is remembered between pieces.
//!
//! Every verdict here is what redis-server 7.0.15 answered to the same bytes on a socket.

use super::{Parsed, RequestLimits, RequestParser};
use crate::{Args, ProtocolError, encode_command};
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

/// The words of the command at the start of `bytes` and its length; `None` when incomplete.
fn parse(bytes: &[u8]) -> Result<Option<(Vec<String>, usize)>, ProtocolError> {
    parse_within(bytes, &RequestLimits::default())
}

fn parse_within(bytes: &[u8], limits: &RequestLimits) -> Result<Option<(Vec<String>, usize)>, ProtocolError> {
    let mut spans = Vec::new();
    let show = |args: Args<'_>| args.iter().map(|word| word.escape_ascii().to_string()).collect();
    Ok(match RequestParser::default().parse(bytes, limits, &mut spans)? {
        Parsed::Complete { consumed } => Some((show(Args::new(bytes, &spans)), consumed)),
        Parsed::Inline { consumed, words } => Some((show(words.args()), consumed)),
        Parsed::Incomplete => None,
    })
}

#[test]
fn a_multibulk_yields_its_words_and_its_length() {
    for (bytes, words) in [
        (&b"*1\r\n$4\r\nPING\r\n"[..], &["PING"][..]),
        (b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$2\r\n\r\n\r\n", &["SET", "", r"\r\n"]),
        (b"*1\r\n$12\r\nabcdefghijkl\r\n", &["abcdefghijkl"]),
    ] {
        let expected = words.iter().copied().map(String::from).collect();
        assert_eq!(parse(bytes), Ok(Some((expected, bytes.len()))), "{}", bytes.escape_ascii());
    }
}

#[test]
fn only_the_first_command_is_taken() {
    assert_eq!(parse(b"*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n"), Ok(Some((vec!["a".into()], 11))));
    assert_eq!(parse(b"a b\r\nc\r\n"), Ok(Some((vec!["a".into(), "b".into()], 5))));
}

#[test]
fn empty_requests_are_consumed_and_ask_for_nothing() {
    for bytes in [
        &b"\r\n"[..],
        b"\n",
        b"   \r\n",
        b"\r\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"*-7\r\n",
        b"*-9223372036854775808\r\n",
    ] {
        assert_eq!(parse(bytes), Ok(Some((Vec::new(), bytes.len()))), "{}", bytes.escape_ascii());
    }
}

#[test]
fn line_ends_are_skipped_unseen_as_redis_does() {
    assert_eq!(parse(b"*1\rX$4\rXPINGXX+"), Ok(Some((vec!["PING".into()], 14))));
}

#[test]
fn a_nul_hides_the_rest_of_its_line() {
    for bytes in
        [&b"*\x001\r\n$1\r\na\r\n"[..], b"*1\r\n$1\0\r\na\r\n", b"*1\r\n\0\r\n", b"PI\0NG\r\nPING\r\n"]
    {
        assert_eq!(parse(bytes), Ok(None), "{}", bytes.escape_ascii());
    }
}

#[test]
fn limits_below_what_is_usual_hold_as_well() {
    let lowest = |max_multibulk_len, max_bulk_len| RequestLimits {
        max_multibulk_len,
        max_bulk_len,
        ..RequestLimits::default()
    };
    let command = b"*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n";
    for (limits, verdict) in [
        (lowest(2, 5), None),
        (lowest(1, 5), Some(ProtocolError::InvalidMultibulkLength)),
        (lowest(2, 4), Some(ProtocolError::InvalidBulkLength)),
    ] {
        assert_eq!(parse_within(command, &limits).err(), verdict, "{limits:?}");
    }
}

#[test]
fn lengths_have_one_spelling_and_a_limit() {
    for count in [
        "",
        "-0",
        "00",
        "01",
        "+1",
        " 1",
        "1 ",
        "1x",
        "2147483648",
        "9223372036854775807",
        "-9223372036854775809",
    ] {
        let bytes = format!("*{count}\r\n");
        assert_eq!(parse(bytes.as_bytes()), Err(ProtocolError::InvalidMultibulkLength), "{count:?}");
    }
    for len in ["", "-1", "-0", "04", "+4", "4 ", "536870913", "99999999999999999999"] {
        let bytes = format!("*1\r\n${len}\r\nPING\r\n");
        assert_eq!(parse(bytes.as_bytes()), Err(ProtocolError::InvalidBulkLength), "{len:?}");
    }
    for bytes in ["*2147483647\r\n", "*1048577\r\n", "*1\r\n$536870912\r\n"] {
        assert_eq!(parse(bytes.as_bytes()), Ok(None), "{bytes:?}");
    }
}

#[test]
fn a_word_starts_with_a_dollar() {
    for byte in [b'X', b'\r', b'\n', 0xe9, b'*', b'1'] {
        let bytes = [&b"*1\r\n"[..], &[byte], b"4\r\nPING\r\n"].concat();
        assert_eq!(parse(&bytes), Err(ProtocolError::ExpectedDollar(byte)));
    }
    assert_eq!(parse(b"*1\r\nX4"), Ok(None), "the verdict waits for the end of the line");
}

#[test]
fn lines_may_have_64_kib() {
    for (start, error) in [
        (&b""[..], ProtocolError::TooBigInlineRequest),
        (b"*", ProtocolError::TooBigMultibulkCount),
        (b"*1\r\n$", ProtocolError::TooBigBulkCount),
    ] {
        let line_start = start.len() - usize::from(!start.is_empty());
        let mut bytes = start.to_vec();
        bytes.resize(line_start + 65_536, b'1');
        assert_eq!(parse(&bytes), Ok(None));
        bytes.push(b'1');
        assert_eq!(parse(&bytes), Err(error));
        bytes.extend_from_slice(b"\r\n");
        assert_eq!(parse(&bytes), Err(error), "the verdict does not depend on what else is there");
    }
}

#[test]
fn strangers_may_send_ten_words_of_16_kib() {
    let limits = RequestLimits { authenticated: false, ..RequestLimits::default() };
    for (bytes, verdict) in [
        ("*10\r\n$1\r\na\r\n", Ok(None)),
        ("*11\r\n", Err(ProtocolError::UnauthenticatedMultibulkLength)),
        ("*2147483648\r\n", Err(ProtocolError::InvalidMultibulkLength)),
        ("*2\r\n$16384\r\n", Ok(None)),
        ("*2\r\n$16385\r\n", Err(ProtocolError::UnauthenticatedBulkLength)),
        ("*2\r\n$536870913\r\n", Err(ProtocolError::InvalidBulkLength)),
    ] {
        assert_eq!(parse_within(bytes.as_bytes(), &limits), verdict, "{bytes:?}");
    }
}

#[test]
fn inline_words_come_without_their_quotes() {
    assert_eq!(
        parse(b"SET \"a b\" 'c'\r\nPING"),
        Ok(Some((vec!["SET".into(), "a b".into(), "c".into()], 15)))
    );
    assert_eq!(parse(b"PING \"a\r\n"), Err(ProtocolError::UnbalancedQuotes));
}

#[test]
fn the_missing_bytes_of_a_word_are_known_once_its_header_is_there() {
    let (mut parser, limits, mut spans) = (RequestParser::default(), RequestLimits::default(), Vec::new());
    let mut bytes = b"*2\r\n$3\r\nGET\r\n$1000".to_vec();
    assert_eq!(parser.parse(&bytes, &limits, &mut spans), Ok(Parsed::Incomplete));
    assert_eq!(parser.missing_hint(bytes.len()), 0);
    bytes.extend_from_slice(b"\r\nabc");
    assert_eq!(parser.parse(&bytes, &limits, &mut spans), Ok(Parsed::Incomplete));
    assert_eq!(parser.missing_hint(bytes.len()), 999);
    bytes.resize(bytes.len() + 999, b'x');
    assert_eq!(parser.parse(&bytes, &limits, &mut spans), Ok(Parsed::Complete { consumed: bytes.len() }));
    assert_eq!(parser.missing_hint(0), 0);
    assert_eq!(Args::new(&bytes, &spans).at(0), b"GET");
}

#[test]
fn a_reset_or_an_error_leaves_a_fresh_parser() {
    let (mut parser, limits, mut spans) = (RequestParser::default(), RequestLimits::default(), Vec::new());
    let whole = b"*1\r\n$1\r\na\r\n";
    assert_eq!(parser.parse(b"*9\r\n$1\r\na\r\n$3\r\nx", &limits, &mut spans), Ok(Parsed::Incomplete));
    parser.reset();
    assert_eq!(parser.parse(whole, &limits, &mut spans), Ok(Parsed::Complete { consumed: 11 }));
    assert_eq!(parser.parse(b"*2\r\n$1\r\na\r\n$", &limits, &mut spans), Ok(Parsed::Incomplete));
    assert!(parser.parse(b"*2\r\n$1\r\na\r\n$x\r\n", &limits, &mut spans).is_err());
    assert_eq!(parser.parse(whole, &limits, &mut spans), Ok(Parsed::Complete { consumed: 11 }));
    assert_eq!(spans.len(), 2, "only whole commands left words behind");
}

#[test]
fn a_huge_announced_count_allocates_nothing() {
    let mut parser = RequestParser::default();
    let mut spans = Vec::new();
    let parsed = parser.parse(b"*2147483647\r\n$1\r\na\r\n", &RequestLimits::default(), &mut spans);
    assert_eq!(parsed, Ok(Parsed::Incomplete));
    assert!(parser.spans.capacity() < 16 && spans.capacity() < 16);
}

proptest! {
    #[test]
    fn a_command_comes_back_as_it_was_encoded_wherever_it_is_split(
        words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 1..14),
        authenticated in any::<bool>(),
    ) {
        let mut wire = Vec::new();
        encode_command(&words, &mut wire);
        let limits = RequestLimits { authenticated: authenticated || words.len() > 10, ..RequestLimits::default() };
        for split in 0..wire.len() {
            let (mut parser, mut spans) = (RequestParser::default(), Vec::new());
            prop_assert_eq!(parser.parse(&wire[..split], &limits, &mut spans), Ok(Parsed::Incomplete));
            prop_assert!(spans.is_empty());
            prop_assert!(parser.missing_hint(split) <= wire.len() - split);
            prop_assert_eq!(parser.parse(&wire, &limits, &mut spans), Ok(Parsed::Complete { consumed: wire.len() }));
            prop_assert!(Args::new(&wire, &spans).iter().eq(words.iter().map(Vec::as_slice)));
        }
    }
}
