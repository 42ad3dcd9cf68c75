//! One command at the front of a slice, judged strictly.

use spinel_resp::Span;

/// Digits of the longest number that is looked at.
const MAX_DIGITS: usize = 19;
/// Bytes of the shortest word with its header: `$0\r\n\r\n`.
const SHORTEST_WORD: u64 = 6;

/// What is at the front.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// A command of so many bytes.
    Complete(usize),
    /// The front of one that has at least so many bytes.
    Incomplete(u64),
    /// The front of one that is longer than what there will ever be.
    TooShort,
    /// No command.
    Bad,
}

/// Parses the command at the front of `bytes`, of which there will never be more than `limit`. The words' places go to
/// `spans`.
pub(super) fn parse(bytes: &[u8], limit: u64, spans: &mut Vec<Span>) -> Parsed {
    spans.clear();
    let (count, mut pos) = match number_line(bytes, 0, b'*') {
        Ok(found) => found,
        Err(other) => return other,
    };
    if count == 0 {
        return Parsed::Bad;
    }
    for left in (1..=count).rev() {
        let (length, start) = match number_line(bytes, pos, b'$') {
            Ok(found) => found,
            // Other words follow this one; so as not to come again for each of them.
            Err(Parsed::Incomplete(wanted)) => {
                let rest = (left - 1).saturating_mul(SHORTEST_WORD);
                return if wanted > limit {
                    Parsed::TooShort
                } else {
                    at_most(wanted.saturating_add(rest), limit)
                };
            }
            Err(other) => return other,
        };
        let end = (start as u64).saturating_add(length);
        if end.saturating_add(2) > limit {
            return Parsed::TooShort;
        }
        if end + 2 > bytes.len() as u64 {
            return Parsed::Incomplete(end + 2);
        }
        let end = end as usize;
        if bytes[end] != b'\r' || bytes[end + 1] != b'\n' {
            return Parsed::Bad;
        }
        spans.push(Span { start, end });
        pos = end + 2;
    }
    Parsed::Complete(pos)
}

fn at_most(wanted: u64, limit: u64) -> Parsed {
    if wanted > limit { Parsed::TooShort } else { Parsed::Incomplete(wanted) }
}

/// The number of a line `prefix digits \r\n` and where the next one begins.
#[inline]
fn number_line(bytes: &[u8], at: usize, prefix: u8) -> Result<(u64, usize), Parsed> {
    let line = bytes.get(at..).unwrap_or_default();
    let Some((first, digits)) = line.split_first() else { return Err(Parsed::Incomplete(at as u64 + 1)) };
    if *first != prefix {
        return Err(Parsed::Bad);
    }
    let mut number = 0u64;
    for (index, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' if index < MAX_DIGITS => number = number * 10 + u64::from(byte - b'0'),
            b'\r' if index > 0 => {
                return match digits.get(index + 1) {
                    Some(b'\n') => Ok((number, at + index + 3)),
                    Some(_) => Err(Parsed::Bad),
                    None => Err(Parsed::Incomplete(bytes.len() as u64 + 1)),
                };
            }
            _ => return Err(Parsed::Bad),
        }
    }
    Err(Parsed::Incomplete(bytes.len() as u64 + 1))
}

#[cfg(test)]
mod tests {
    use super::{Parsed, parse};
    use proptest::prelude::{any, prop, proptest};

    fn words(bytes: &[u8]) -> (Parsed, Vec<Vec<u8>>) {
        let mut spans = Vec::new();
        let parsed = parse(bytes, bytes.len() as u64, &mut spans);
        (parsed, spans.iter().map(|span| bytes[span.start..span.end].to_vec()).collect())
    }

    #[test]
    fn what_is_not_spelled_exactly_is_no_command() {
        let bad = [
            "*0\r\n",
            "*-1\r\n",
            "*\r\n",
            "*1\n",
            "*1\r$",
            "*1\r\n#",
            "*1\r\n$-1\r\n",
            "*1\r\n$1\r\nab\r\n",
            "+OK\r\n",
            "*1\r\n$1\r\na\r$",
            "*01234567890123456789\r\n",
        ];
        for text in bad {
            assert_eq!(words(text.as_bytes()).0, Parsed::Bad, "{text:?}");
        }
    }

    #[test]
    fn a_number_beyond_all_bytes_is_too_short_and_takes_no_memory() {
        assert_eq!(words(b"*9999999999999\r\n$1\r\na\r\n").0, Parsed::TooShort);
        assert_eq!(words(b"*1\r\n$9999999999999999999\r\n").0, Parsed::TooShort);
    }

    proptest! {
        #[test]
        fn commands_are_read_as_written_and_every_prefix_is_incomplete(
            expected in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..5),
        ) {
            let mut bytes = Vec::new();
            crate::encode_command(&mut bytes, expected.iter().map(Vec::as_slice));
            assert_eq!(words(&bytes), (Parsed::Complete(bytes.len()), expected));
            for end in 0..bytes.len() {
                let mut spans = Vec::new();
                let parsed = parse(&bytes[..end], bytes.len() as u64, &mut spans);
                let Parsed::Incomplete(wanted) = parsed else { panic!("{parsed:?}") };
                assert!(wanted > end as u64 && wanted <= bytes.len() as u64);
            }
        }
    }
}
