//! What the fuzz targets check, callable from ordinary tests as well, so that every seed and every crash found once is
//! replayed by `cargo test`.
//!
//! Each function takes arbitrary bytes and panics when a promise of this crate is broken. This is no part of the API.

use crate::{
    Args, DecodeError, DecodeLimits, OwnedArgs, Parsed, ProtocolError, ReplyDecoder, RequestLimits,
    RequestParser, Value, parse_integer, skip_reply, split_words,
};

/// Requests: however the bytes are cut into pieces, they yield what a plain reader of the whole yields.
///
/// The first byte of `data` picks the limits and the length of the pieces.
pub fn fuzz_request(data: &[u8]) {
    let Some((&choice, stream)) = data.split_first() else { return };
    let limits = request_limits(choice);
    let expected = read_plainly(stream, &limits);
    for piece_len in [1, 1 + usize::from(choice >> 2), stream.len().max(1)] {
        assert_eq!(parse_in_pieces(stream, piece_len, &limits), expected, "in pieces of {piece_len}");
    }
}

/// Inline lines: splitting never panics, and words survive being quoted and split again.
pub fn fuzz_inline(data: &[u8]) {
    if let Ok(words) = split_words(data) {
        let line = quote(words.args());
        assert_eq!(split_words(&line).as_ref(), Ok(&words), "{}", line.escape_ascii());
    }
    let mut choice_and_line = vec![b'\x10'];
    choice_and_line.extend_from_slice(data);
    choice_and_line.push(b'\n');
    fuzz_request(&choice_and_line);
}

/// Replies: pieces make no difference, skipping agrees with decoding, and a decoded value goes through the wire unchanged.
///
/// The first byte of `data` picks the length of the pieces.
pub fn fuzz_reply(data: &[u8]) {
    let Some((&choice, stream)) = data.split_first() else { return };
    let whole = decode_in_pieces(stream, stream.len().max(1));
    for piece_len in [1, 1 + usize::from(choice)] {
        assert_eq!(show(&decode_in_pieces(stream, piece_len)), show(&whole), "in pieces of {piece_len}");
    }
    let mut rest = stream;
    for (value, consumed) in &whole.0 {
        assert_eq!(skip_reply(rest), Ok(Some(*consumed)), "{value:?}");
        rest = &rest[*consumed..];
        let mut wire = Vec::new();
        value.write_to(&mut wire);
        let again = ReplyDecoder::default().decode(&wire).expect("a value is written as a reply");
        assert_eq!(format!("{again:?}"), format!("{:?}", Some((value, wire.len()))));
    }
    match skip_reply(rest) {
        Ok(None) => {}
        Ok(Some(_)) | Err(_) => assert!(whole.1.is_some(), "skipping ends where decoding waits"),
    }
}

/// What a stream of requests yields: the commands, each with its bytes so far, and the error that ended it.
type Requests = (Vec<(usize, Vec<Vec<u8>>)>, Option<ProtocolError>);

/// Small limits are reached by small inputs.
fn request_limits(choice: u8) -> RequestLimits {
    let authenticated = choice & 1 == 0;
    if choice & 2 == 0 {
        RequestLimits { authenticated, ..RequestLimits::default() }
    } else {
        RequestLimits { max_bulk_len: 100, max_multibulk_len: 20, max_inline_len: 32, authenticated }
    }
}

/// Acts as a connection does: bytes arrive in pieces, what was consumed is removed.
fn parse_in_pieces(stream: &[u8], piece_len: usize, limits: &RequestLimits) -> Requests {
    let mut parser = RequestParser::default();
    let (mut buf, mut commands, mut consumed_before) = (Vec::new(), Vec::new(), 0);
    // Spans of an earlier command that must be left alone.
    let mut spans = vec![crate::Span { start: 7, end: 9 }];
    for piece in stream.chunks(piece_len) {
        buf.extend_from_slice(piece);
        loop {
            let (consumed, words) = match parser.parse(&buf, limits, &mut spans) {
                Ok(Parsed::Incomplete) => {
                    assert_eq!(spans.len(), 1, "an incomplete command has no words yet");
                    break;
                }
                Ok(Parsed::Complete { consumed }) => {
                    (consumed, OwnedArgs::from_args(Args::new(&buf[..consumed], &spans[1..])))
                }
                Ok(Parsed::Inline { consumed, words }) => {
                    assert!(spans.len() == 1 && !words.args().is_empty());
                    (consumed, words)
                }
                Err(error) => {
                    assert_eq!(spans.len(), 1, "a broken command has no words");
                    return (commands, Some(error));
                }
            };
            assert!(consumed > 0);
            assert_eq!(parser.missing_hint(0), 0, "nothing is missing from a whole command");
            consumed_before += consumed;
            commands.push((consumed_before, words.args().iter().map(<[u8]>::to_vec).collect()));
            spans.truncate(1);
            buf.drain(..consumed);
        }
    }
    (commands, None)
}

/// The model: reads the protocol straight down, with everything at hand and nothing to remember.
fn read_plainly(stream: &[u8], limits: &RequestLimits) -> Requests {
    let (mut commands, mut pos) = (Vec::new(), 0);
    loop {
        match read_one_plainly(stream, pos, limits) {
            Ok(Some((next, words))) => {
                pos = next;
                commands.push((next, words));
            }
            Ok(None) => return (commands, None),
            Err(error) => return (commands, Some(error)),
        }
    }
}

type Command = (usize, Vec<Vec<u8>>);

fn read_one_plainly(
    stream: &[u8],
    start: usize,
    limits: &RequestLimits,
) -> Result<Option<Command>, ProtocolError> {
    let Some(first) = stream.get(start) else { return Ok(None) };
    if *first != b'*' {
        let Some(end) = line_end(stream, start, b'\n', limits, ProtocolError::TooBigInlineRequest)? else {
            return Ok(None);
        };
        let line = &stream[start..end];
        let words = split_words(line.strip_suffix(b"\r").unwrap_or(line))?;
        return Ok(Some((end + 1, words.args().iter().map(<[u8]>::to_vec).collect())));
    }
    let Some(end) = line_end(stream, start, b'\r', limits, ProtocolError::TooBigMultibulkCount)? else {
        return Ok(None);
    };
    if end + 2 > stream.len() {
        return Ok(None);
    }
    let count = parse_integer(&stream[start + 1..end]).ok_or(ProtocolError::InvalidMultibulkLength)?;
    if count > 0 && count as u64 > limits.max_multibulk_len {
        return Err(ProtocolError::InvalidMultibulkLength);
    }
    if count > 10 && !limits.authenticated {
        return Err(ProtocolError::UnauthenticatedMultibulkLength);
    }
    let (mut words, mut pos) = (Vec::new(), end + 2);
    for _ in 0..count {
        let Some(end) = line_end(stream, pos, b'\r', limits, ProtocolError::TooBigBulkCount)? else {
            return Ok(None);
        };
        if end + 2 > stream.len() {
            return Ok(None);
        }
        if stream[pos] != b'$' {
            return Err(ProtocolError::ExpectedDollar(stream[pos]));
        }
        let len = parse_integer(&stream[pos + 1..end]).and_then(|len| u64::try_from(len).ok());
        let len = len.filter(|len| *len <= limits.max_bulk_len).ok_or(ProtocolError::InvalidBulkLength)?;
        if len > 16_384 && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        pos = end + 2;
        if ((stream.len() - pos) as u64) < len + 2 {
            return Ok(None);
        }
        words.push(stream[pos..pos + len as usize].to_vec());
        pos += len as usize + 2;
    }
    Ok(Some((pos, words)))
}

/// Where the line at `start` ends; `None` if it does not, or if a NUL comes first.
fn line_end(
    stream: &[u8],
    start: usize,
    end: u8,
    limits: &RequestLimits,
    too_big: ProtocolError,
) -> Result<Option<usize>, ProtocolError> {
    let found = (start..stream.len()).find(|at| [end, 0].contains(&stream[*at]));
    let found = found.filter(|at| stream[*at] == end);
    if found.unwrap_or(stream.len()) - start > limits.max_inline_len { Err(too_big) } else { Ok(found) }
}

/// Writes words so that splitting the line yields them again.
fn quote(words: Args<'_>) -> Vec<u8> {
    let mut line = Vec::new();
    for word in words.iter() {
        line.extend_from_slice(b" \"");
        for byte in word {
            match byte {
                b'"' | b'\\' => line.extend_from_slice(&[b'\\', *byte]),
                b' '..=b'~' => line.push(*byte),
                _ => line.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
            }
        }
        line.push(b'"');
    }
    line
}

/// What a stream of replies yields: values, each with the number of its bytes, and the error that ended it.
type Replies = (Vec<(Value, usize)>, Option<DecodeError>);

fn decode_in_pieces(stream: &[u8], piece_len: usize) -> Replies {
    let limits = DecodeLimits { max_depth: 64, ..DecodeLimits::default() };
    let mut decoder = ReplyDecoder::with_limits(limits);
    let (mut buf, mut values) = (Vec::new(), Vec::new());
    for piece in stream.chunks(piece_len) {
        buf.extend_from_slice(piece);
        loop {
            match decoder.decode(&buf) {
                Ok(None) => break,
                Ok(Some((value, consumed))) => {
                    buf.drain(..consumed);
                    values.push((value, consumed));
                }
                Err(error) => return (values, Some(error)),
            }
        }
    }
    (values, None)
}

/// NaN is not equal to itself, its picture is.
fn show(replies: &Replies) -> String {
    format!("{replies:?}")
}

/// Runs a check over every seed of a fuzz target, in the folder of corpora.
pub fn check_corpus(target: &str, check: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let seeds = std::fs::read_dir(&folder).expect("a folder of seeds");
    let count =
        seeds.map(|seed| check(&std::fs::read(seed.expect("a seed").path()).expect("a file"))).count();
    assert!(count >= 8, "only {count} seeds in {}", folder.display());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};

    #[test]
    fn every_seed_of_the_request_fuzzer_passes() {
        check_corpus("resp_request", fuzz_request);
    }

    #[test]
    fn every_seed_of_the_inline_fuzzer_passes() {
        check_corpus("resp_inline", fuzz_inline);
    }

    #[test]
    fn every_seed_of_the_reply_fuzzer_passes() {
        check_corpus("resp_reply", fuzz_reply);
    }

    /// Bytes of the protocols' own alphabet reach deeper than arbitrary ones.
    fn protocol_bytes() -> impl Strategy<Value = Vec<u8>> {
        let fragment = prop_oneof![
            6 => prop::sample::select(
                &[
                    "\r\n", "\r", "\n", "\0", "*", "$", "*1\r\n", "*2\r\n", "$1\r\na\r\n", "$2\r\nab\r\n", "$0\r\n\r\n", "$100\r\n",
                    "*-1\r\n", "$-1\r\n", "*21\r\n", "*11\r\n", "0", "1", "7", "-", "\"", "'", "\\", "\\x4", " ", "+OK\r\n", "-ERR\r\n",
                    ":1\r\n", "_\r\n", "#t\r\n", ",1.5\r\n", "(12\r\n", "=5\r\ntxt:a\r\n", "!1\r\na\r\n", "%1\r\n", "~1\r\n", ">1\r\n", "|1\r\n",
                    "*?\r\n", "%?\r\n", "$?\r\n", ";1\r\na\r\n", ";0\r\n", ".\r\n", "*0\r\n", "%0\r\n",
                ][..]
            ).prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..40),
        ];
        (any::<u8>(), prop::collection::vec(fragment, 0..24)).prop_map(|(choice, fragments)| {
            let mut data = vec![choice];
            data.extend(fragments.concat());
            data
        })
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..200)) {
            fuzz_request(&data);
            fuzz_inline(&data);
            fuzz_reply(&data);
        }

        #[test]
        fn fragments_of_the_protocol_never_break_a_promise(data in protocol_bytes()) {
            fuzz_request(&data);
            fuzz_inline(&data);
            fuzz_reply(&data);
        }
    }
}
