//! Walks over replies without keeping them.
//!
//! The generator wants three things of a reply: where it ends, whether it is an error, and the type and size in its
//! first line. So the scanner holds a position instead of a value: how many values and how many bytes of the current
//! string are still to come. Nested replies need no stack, because an aggregate only adds to the number of values
//! outstanding. A reply of a gigabyte passes through a small buffer, each byte seen once; only an unfinished line has
//! to be kept by the caller; `spinel_resp::skip_reply`, which keeps no state, would measure a long reply from its start
//! again with every piece. It does not validate what it does not need (contents of numbers, UTF-8, map order) and knows
//! no attributes, which no server sends unasked.

/// The longest line accepted: Redis's own limit for lines is 64 KiB.
const LINE_LIMIT: usize = 64 * 1024;

/// Type and size of a reply, from its first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    Status,
    Integer,
    /// A string of so many bytes (bulk or verbatim).
    Bulk(u64),
    /// A RESP3 double, big number or boolean.
    Scalar,
    Null,
    /// An array, set or map of so many values, each key and each value of a map counted.
    Aggregate(u64),
}

/// Why the bytes cannot be walked over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The server answered, somewhere inside the reply, with this error.
    ErrorReply(String),
    /// These bytes are not RESP; what was found.
    Malformed(String),
}

/// What one call of [`Scanner::advance`] achieved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Bytes that need not be shown again.
    pub(crate) consumed: usize,
    /// The head of the reply, once its last byte was consumed.
    pub(crate) finished: Option<Head>,
}

/// A place within a stream of replies.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    head: Option<Head>,
    values_left: u64,
    bytes_left: u64,
}

impl Scanner {
    /// Whether the next byte begins a new reply.
    #[inline]
    pub(crate) fn at_boundary(&self) -> bool {
        self.values_left == 0
    }

    /// Walks to the end of the current reply, or as far as `bytes` go.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Result<Progress, Refusal> {
        let (mut at, fresh) = (0, self.at_boundary());
        if fresh {
            self.values_left = 1;
            self.head = None;
        }
        while self.values_left > 0 {
            if self.bytes_left > 0 {
                let step = self.bytes_left.min((bytes.len() - at) as u64);
                self.bytes_left -= step;
                at += step as usize;
                if self.bytes_left > 0 {
                    return Ok(Progress { consumed: at, finished: None });
                }
                self.values_left -= 1;
                continue;
            }
            let Some(length) = line_length(&bytes[at..])? else {
                if fresh && at == 0 {
                    // Nothing was seen yet: whoever shows these bytes again may try a short cut first.
                    self.values_left = 0;
                }
                return Ok(Progress { consumed: at, finished: None });
            };
            self.enter(&bytes[at..at + length - 2])?;
            at += length;
        }
        Ok(Progress { consumed: at, finished: self.head })
    }

    /// Takes in one line, without its end.
    fn enter(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let Some((&kind, rest)) = line.split_first() else {
            return Err(malformed(line));
        };
        let head = match kind {
            b'+' => Head::Status,
            b':' => Head::Integer,
            b',' | b'#' | b'(' => Head::Scalar,
            b'_' => Head::Null,
            b'-' => return Err(Refusal::ErrorReply(String::from_utf8_lossy(rest).into_owned())),
            b'!' => {
                return Err(Refusal::ErrorReply(format!(
                    "an error of {} bytes",
                    String::from_utf8_lossy(rest)
                )));
            }
            b'$' | b'=' => match length(rest).ok_or_else(|| malformed(line))? {
                Some(bytes) => {
                    self.bytes_left = bytes + 2;
                    Head::Bulk(bytes)
                }
                None => Head::Null,
            },
            b'*' | b'~' | b'>' => match length(rest).ok_or_else(|| malformed(line))? {
                Some(count) => Head::Aggregate(count),
                None => Head::Null,
            },
            b'%' => match length(rest).ok_or_else(|| malformed(line))? {
                Some(pairs) => Head::Aggregate(pairs * 2),
                None => Head::Null,
            },
            _ => return Err(malformed(line)),
        };
        if let Head::Aggregate(count) = head {
            self.values_left += count;
        }
        if self.bytes_left == 0 {
            self.values_left -= 1;
        }
        self.head.get_or_insert(head);
        Ok(())
    }
}

/// The length of the first line with its CR LF, if it is there.
fn line_length(bytes: &[u8]) -> Result<Option<usize>, Refusal> {
    match bytes.iter().position(|&byte| byte == b'\n') {
        Some(0) => Err(malformed(bytes)),
        Some(end) if bytes[end - 1] == b'\r' => Ok(Some(end + 1)),
        Some(_) => Err(malformed(bytes)),
        None if bytes.len() > LINE_LIMIT => Err(malformed(bytes)),
        None => Ok(None),
    }
}

/// A length: outer `None` when it is none, inner `None` for `-1`, RESP2's null.
fn length(digits: &[u8]) -> Option<Option<u64>> {
    if digits == b"-1" {
        return Some(None);
    }
    if digits.is_empty() || digits.len() > 12 {
        return None;
    }
    let mut value = 0u64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u64::from(digit - b'0');
    }
    Some(Some(value))
}

fn malformed(bytes: &[u8]) -> Refusal {
    let shown = &bytes[..bytes.len().min(40)];
    Refusal::Malformed(format!("not a RESP reply: {}", shown.escape_ascii()))
}

#[cfg(test)]
mod tests {
    use super::{Head, Progress, Refusal, Scanner};
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
    use spinel_resp::{Encoder, Protocol, skip_reply};

    const REPLIES: &[(&[u8], Head)] = &[
        (b"+OK\r\n", Head::Status),
        (b":-12\r\n", Head::Integer),
        (b"$3\r\nx\r\n\r\n", Head::Bulk(3)),
        (b"$0\r\n\r\n", Head::Bulk(0)),
        (b"$-1\r\n", Head::Null),
        (b"*-1\r\n", Head::Null),
        (b"_\r\n", Head::Null),
        (b"*0\r\n", Head::Aggregate(0)),
        (b"*3\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n$-1\r\n", Head::Aggregate(3)),
        (b"%2\r\n+a\r\n:1\r\n+b\r\n~1\r\n+c\r\n", Head::Aggregate(4)),
        (b",1.5\r\n", Head::Scalar),
        (b"#t\r\n", Head::Scalar),
        (b"=7\r\ntxt:abc\r\n", Head::Bulk(7)),
    ];

    #[test]
    fn each_reply_is_measured_exactly() {
        for &(reply, head) in REPLIES {
            let mut followed = reply.to_vec();
            followed.extend_from_slice(b"+NEXT\r\n");
            let progress = Scanner::default().advance(&followed).unwrap();
            let wanted = Progress { consumed: reply.len(), finished: Some(head) };
            assert_eq!(progress, wanted, "{}", reply.escape_ascii());
        }
    }

    #[test]
    fn a_reply_may_be_cut_anywhere() {
        for &(reply, head) in REPLIES {
            for cut in 0..reply.len() {
                let mut scanner = Scanner::default();
                let first = scanner.advance(&reply[..cut]).unwrap();
                assert_eq!(first.finished, None, "{} cut at {cut}", reply.escape_ascii());
                let second = scanner.advance(&reply[first.consumed..]).unwrap();
                assert_eq!(first.consumed + second.consumed, reply.len());
                assert_eq!(second.finished, Some(head));
                assert!(scanner.at_boundary());
            }
        }
    }

    /// One step of an encoder: a reply, or the head of an aggregate and so many integers.
    #[derive(Debug, Clone)]
    enum Step {
        Bulk(Vec<u8>),
        Integer(i64),
        Double(f64),
        Null,
        Array(usize),
        Map(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Step::Bulk),
            any::<i64>().prop_map(Step::Integer),
            any::<f64>().prop_map(Step::Double),
            Just(Step::Null),
            (0usize..5).prop_map(Step::Array),
            (0usize..5).prop_map(Step::Map),
        ]
    }

    fn encode(steps: &[Step], protocol: Protocol) -> Vec<u8> {
        let mut encoder = Encoder::new(protocol);
        encoder.array(steps.len());
        for step in steps {
            let integers = match step {
                Step::Bulk(bytes) => {
                    encoder.bulk(bytes);
                    0
                }
                Step::Integer(number) => {
                    encoder.integer(*number);
                    0
                }
                Step::Double(number) => {
                    encoder.double(*number);
                    0
                }
                Step::Null => {
                    encoder.null();
                    0
                }
                Step::Array(count) => {
                    encoder.array(*count);
                    *count
                }
                Step::Map(pairs) => {
                    encoder.map(*pairs);
                    2 * *pairs
                }
            };
            (0..integers).for_each(|_| encoder.integer(7));
        }
        encoder.into_inner()
    }

    proptest! {
        #[test]
        fn a_reply_in_pieces_ends_where_the_protocol_says(
            steps in proptest::collection::vec(step(), 0..20),
            resp3 in any::<bool>(),
            piece in 1usize..50,
        ) {
            let protocol = if resp3 { Protocol::Resp3 } else { Protocol::Resp2 };
            let mut bytes = encode(&steps, protocol);
            let end = skip_reply(&bytes).unwrap();
            assert_eq!(end, Some(bytes.len()));
            bytes.extend_from_slice(b"+NEXT\r\n");
            let (mut scanner, mut at, mut shown) = (Scanner::default(), 0, 0);
            let head = loop {
                shown = (shown + piece).min(bytes.len());
                let progress = scanner.advance(&bytes[at..shown]).unwrap();
                at += progress.consumed;
                if let Some(head) = progress.finished {
                    break head;
                }
            };
            assert_eq!((Some(at), head), (end, Head::Aggregate(steps.len() as u64)));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut scanner = Scanner::default();
            if let Ok(progress) = scanner.advance(&bytes) {
                assert!(progress.consumed <= bytes.len());
            }
        }
    }

    #[test]
    fn errors_are_found_at_any_depth() {
        let refusal = Scanner::default().advance(b"*2\r\n+OK\r\n-ERR no\r\n");
        assert_eq!(refusal, Err(Refusal::ErrorReply("ERR no".into())));
    }

    #[test]
    fn what_is_not_resp_is_refused() {
        for bytes in
            [&b"hello\r\n"[..], b"$x\r\n", b"$-2\r\n", b"*99999999999999\r\n", b"\r\n", b"\n", b"+a\n"]
        {
            let refusal = Scanner::default().advance(bytes);
            assert!(matches!(refusal, Err(Refusal::Malformed(_))), "{}", bytes.escape_ascii());
        }
    }
}
