//! What a workload's replies have to look like, and the check of each one.
//!
//! The common shapes (a fixed status, an integer, a string of known size) are recognised by comparing a few bytes;
//! everything else goes through the [`Scanner`]. Only form is checked: the type, the size, the number of elements.

use super::scan::{Head, Progress, Refusal, Scanner};

/// The replies a request may get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Exactly these bytes.
    Exact(&'static [u8]),
    /// An integer.
    Integer,
    /// A string whose size is within these bounds; null when `or_null`.
    Bulk { least: u64, most: u64, or_null: bool },
    /// An integer, a double or a string; null when `or_null`.
    Number { or_null: bool },
    /// So many elements; null counts as none.
    Elements { least: u64, most: u64 },
    /// Anything but an error.
    Anything,
}

/// An [`Expect`] made ready for the hot loop.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    expect: Expect,
    /// `$size CR LF` of the one size there is, or the exact reply.
    prefix: Vec<u8>,
    /// The length of the whole reply that `prefix` announces; 0 when there is no such short cut.
    whole: usize,
}

/// Why a reply was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Objection {
    /// The reply cannot be read or is an error.
    Refused(Refusal),
    /// It is a reply of another kind than expected.
    Unexpected { expected: Expect, got: Head },
}

impl Check {
    pub(crate) fn new(expect: Expect) -> Check {
        let (prefix, whole) = match &expect {
            Expect::Exact(bytes) => (bytes.to_vec(), bytes.len()),
            Expect::Bulk { least, most, .. } if least == most => {
                let prefix = format!("${least}\r\n").into_bytes();
                let whole = prefix.len() + *least as usize + 2;
                (prefix, whole)
            }
            _ => (Vec::new(), 0),
        };
        Check { expect, prefix, whole }
    }

    /// Walks to the end of the reply that `bytes` continue, or as far as they go, and judges it when it is whole.
    #[inline]
    pub(crate) fn advance(&self, scanner: &mut Scanner, bytes: &[u8]) -> Result<Progress, Objection> {
        if scanner.at_boundary()
            && let Some(progress) = self.recognise(bytes)
        {
            return Ok(progress);
        }
        let progress = scanner.advance(bytes).map_err(Objection::Refused)?;
        match progress.finished {
            Some(got) if !self.accepts(got) => {
                Err(Objection::Unexpected { expected: self.expect.clone(), got })
            }
            _ => Ok(progress),
        }
    }

    /// The short cut: a whole reply of the one expected form.
    #[inline]
    fn recognise(&self, bytes: &[u8]) -> Option<Progress> {
        if self.whole > 0 {
            let reply = bytes.get(..self.whole)?;
            let hit = reply.starts_with(&self.prefix) && reply.ends_with(b"\r\n");
            return hit.then_some(Progress { consumed: self.whole, finished: Some(Head::Status) });
        }
        if self.expect == Expect::Integer && bytes.first() == Some(&b':') {
            let end = bytes.iter().take(24).position(|&byte| byte == b'\n')?;
            return Some(Progress { consumed: end + 1, finished: Some(Head::Integer) });
        }
        None
    }

    fn accepts(&self, head: Head) -> bool {
        match (&self.expect, head) {
            // The short cut has seen every acceptable reply.
            (Expect::Exact(bytes), Head::Status) => bytes.is_empty(),
            (Expect::Integer, Head::Integer) | (Expect::Anything, _) => true,
            (Expect::Bulk { least, most, .. }, Head::Bulk(size)) => (*least..=*most).contains(&size),
            (Expect::Number { .. }, Head::Bulk(_) | Head::Scalar | Head::Integer) => true,
            (Expect::Bulk { or_null, .. } | Expect::Number { or_null }, Head::Null) => *or_null,
            (Expect::Elements { least, most }, Head::Aggregate(count)) => (*least..=*most).contains(&count),
            (Expect::Elements { least, .. }, Head::Null) => *least == 0,
            (
                Expect::Exact(_)
                | Expect::Integer
                | Expect::Bulk { .. }
                | Expect::Number { .. }
                | Expect::Elements { .. },
                _,
            ) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Check, Expect, Objection};
    use crate::bench::scan::{Head, Refusal, Scanner};

    /// Feeds `replies` in pieces of `piece` bytes, keeping the rest as a connection does; counts accepted replies.
    fn feed(expect: Expect, replies: &[u8], piece: usize) -> Result<usize, Objection> {
        let (check, mut scanner) = (Check::new(expect), Scanner::default());
        let (mut pending, mut accepted) = (Vec::new(), 0);
        for bytes in replies.chunks(piece) {
            pending.extend_from_slice(bytes);
            loop {
                let progress = check.advance(&mut scanner, &pending)?;
                pending.drain(..progress.consumed);
                if progress.finished.is_none() {
                    break;
                }
                accepted += 1;
                if pending.is_empty() {
                    break;
                }
            }
        }
        assert!(pending.is_empty());
        Ok(accepted)
    }

    #[test]
    fn replies_cut_into_pieces_of_any_size_are_counted_alike() {
        let three = Expect::Bulk { least: 3, most: 3, or_null: true };
        let cases: &[(Expect, &[u8], usize)] = &[
            (Expect::Exact(b"+OK\r\n"), b"+OK\r\n+OK\r\n+OK\r\n", 3),
            (Expect::Integer, b":1\r\n:-20\r\n:9223372036854775807\r\n", 3),
            (three, b"$3\r\nxxx\r\n$-1\r\n_\r\n$3\r\nyyy\r\n", 4),
            (Expect::Bulk { least: 1, most: 2, or_null: false }, b"$1\r\nx\r\n$2\r\nxx\r\n", 2),
            (Expect::Elements { least: 0, most: 2 }, b"*2\r\n$1\r\na\r\n:1\r\n*0\r\n%1\r\n+a\r\n+b\r\n", 3),
            (Expect::Number { or_null: true }, b",1.5\r\n$3\r\n1.5\r\n$-1\r\n", 3),
            (Expect::Anything, b"*1\r\n*1\r\n+x\r\n#t\r\n", 2),
        ];
        for (expect, replies, count) in cases {
            for piece in 1..=replies.len() {
                assert_eq!(feed(expect.clone(), replies, piece), Ok(*count), "{expect:?} by {piece}");
            }
        }
    }

    #[test]
    fn replies_of_another_kind_are_objected_to() {
        let three = Expect::Bulk { least: 3, most: 3, or_null: false };
        let cases: &[(Expect, &[u8], Head)] = &[
            (Expect::Exact(b"+OK\r\n"), b"+QUEUED\r\n", Head::Status),
            (Expect::Exact(b"+OK\r\n"), b"$-1\r\n", Head::Null),
            (Expect::Integer, b"+OK\r\n", Head::Status),
            (three.clone(), b"$4\r\nxxxx\r\n", Head::Bulk(4)),
            (three, b"$-1\r\n", Head::Null),
            (Expect::Elements { least: 1, most: 1 }, b"*0\r\n", Head::Aggregate(0)),
            (Expect::Number { or_null: false }, b"_\r\n", Head::Null),
        ];
        for (expect, reply, got) in cases {
            let wanted = Objection::Unexpected { expected: expect.clone(), got: *got };
            assert_eq!(feed(expect.clone(), reply, 100), Err(wanted));
            assert!(feed(expect.clone(), reply, 1).is_err());
        }
    }

    #[test]
    fn errors_are_never_accepted() {
        let refusal = Objection::Refused(Refusal::ErrorReply("ERR no".into()));
        assert_eq!(feed(Expect::Anything, b"-ERR no\r\n", 3), Err(refusal));
    }
}
