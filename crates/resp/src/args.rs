//! The words of one command, borrowed from the buffer they arrived in or owned in one piece.
//!
//! A command is a buffer and the places of its words in it. So a parsed command costs no copy, the same type serves
//! commands from the network, from a transaction's queue and from a script, and a range of arguments is again [`Args`].

use std::fmt;

/// Bytes `start..end` of a buffer: one word of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset just after the last byte, never less than `start`.
    pub end: usize,
}

impl Span {
    /// Length of the word in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether the word is the empty string.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// The words of one command: a buffer and the spans of its words in it.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    buf: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// Words at `spans` of `buf`. A span that reaches beyond `buf` makes the access to its word panic.
    #[inline]
    pub fn new(buf: &'a [u8], spans: &'a [Span]) -> Self {
        Self { buf, spans }
    }

    /// Number of words, the command's name included.
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no word at all.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Word `index`, counted from 0.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| &self.buf[span.start..span.end])
    }

    /// Word `index`, counted from 0.
    ///
    /// # Panics
    /// Like indexing, when there is no such word.
    #[inline]
    pub fn at(&self, index: usize) -> &'a [u8] {
        let span = self.spans[index];
        &self.buf[span.start..span.end]
    }

    /// All words in order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let Self { buf, spans } = *self;
        spans.iter().map(move |span| &buf[span.start..span.end])
    }

    /// The words after the first `count`; none if there are no more than that.
    #[inline]
    pub fn skip(&self, count: usize) -> Args<'a> {
        Args { buf: self.buf, spans: self.spans.get(count..).unwrap_or_default() }
    }

    /// The first `count` words; all of them if there are no more than that.
    #[inline]
    pub fn prefix(&self, count: usize) -> Args<'a> {
        Args { buf: self.buf, spans: self.spans.get(..count).unwrap_or(self.spans) }
    }

    /// The words as an array of bulk strings, if that is what they stand in: then they need not be encoded again. Nothing for a
    /// hundred words or more.
    #[inline]
    pub fn as_array(&self) -> Option<&'a [u8]> {
        let (buf, count) = (self.buf, self.spans.len());
        let mut at = match (count, buf) {
            (1..10, [b'*', ones, b'\r', b'\n', ..]) if *ones == b'0' + count as u8 => 4,
            (10..100, [b'*', tens, ones, b'\r', b'\n', ..])
                if [*tens, *ones] == [b'0' + (count / 10) as u8, b'0' + (count % 10) as u8] =>
            {
                5
            }
            _ => return None,
        };
        for span in self.spans {
            let header = buf.get(at..span.start)?;
            let is_header = match (span.len(), header) {
                (len @ 0..10, [b'$', ones, b'\r', b'\n']) => *ones == b'0' + len as u8,
                (len @ 10..100, [b'$', tens, ones, b'\r', b'\n']) => {
                    [*tens, *ones] == [b'0' + (len / 10) as u8, b'0' + (len % 10) as u8]
                }
                (len @ 100.., [b'$', digits @ .., b'\r', b'\n']) => {
                    itoa::Buffer::new().format(len).as_bytes() == digits
                }
                _ => false,
            };
            if !is_header || buf.get(span.end..)?.first_chunk() != Some(b"\r\n") {
                return None;
            }
            at = span.end + 2;
        }
        buf.get(..at)
    }

    /// Bytes from the beginning of the first word to the end of the last: the words and what lies between them.
    #[inline]
    pub fn extent(&self) -> usize {
        match self.spans {
            [] => 0,
            [first, .., last] => last.end.saturating_sub(first.start),
            [only] => only.len(),
        }
    }

    /// Sum of the words' lengths in bytes.
    #[inline]
    pub fn bytes_len(&self) -> usize {
        self.spans.iter().map(Span::len).sum()
    }
}

impl PartialEq for Args<'_> {
    fn eq(&self, other: &Args<'_>) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Args<'_> {}

impl fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|word| word.escape_ascii().to_string())).finish()
    }
}

/// A command that owns its words, all in one contiguous buffer: queued in a transaction, parked, or sent to a thread.
#[derive(Clone, Default)]
pub struct OwnedArgs {
    buf: Vec<u8>,
    spans: Box<[Span]>,
}

impl OwnedArgs {
    /// Copies the words, and nothing of the buffer around them.
    pub fn from_args(args: Args<'_>) -> Self {
        let mut buf = Vec::with_capacity(args.bytes_len());
        let mut spans = Vec::with_capacity(args.len());
        for word in args.iter() {
            push_word(&mut buf, &mut spans, word);
        }
        Self { buf, spans: spans.into_boxed_slice() }
    }

    /// Collects words from anything that yields bytes.
    pub fn from_words<I: IntoIterator<Item: AsRef<[u8]>>>(words: I) -> Self {
        let (mut buf, mut spans) = (Vec::new(), Vec::new());
        for word in words {
            push_word(&mut buf, &mut spans, word.as_ref());
        }
        buf.shrink_to_fit();
        Self { buf, spans: spans.into_boxed_slice() }
    }

    /// Words at `spans` of a buffer, which is kept as it is: nothing is copied.
    pub fn from_buffer(buf: Vec<u8>, spans: Vec<Span>) -> Self {
        Self { buf, spans: spans.into_boxed_slice() }
    }

    /// The buffer of the words, with whatever lies between and behind them.
    pub fn buffer(&self) -> &[u8] {
        &self.buf
    }

    /// The buffer of the words, given back.
    pub fn into_buffer(self) -> Vec<u8> {
        self.buf
    }

    /// The words.
    #[inline]
    pub fn args(&self) -> Args<'_> {
        Args { buf: &self.buf, spans: &self.spans }
    }
}

/// Room for the words of one command after the other.
#[derive(Debug, Default)]
pub struct ArgsBuffer {
    buf: Vec<u8>,
    spans: Vec<Span>,
}

impl ArgsBuffer {
    /// Copies these words into it, in the place of those that it had.
    pub fn fill(&mut self, words: &[&[u8]]) {
        self.buf.clear();
        self.spans.clear();
        words.iter().for_each(|word| push_word(&mut self.buf, &mut self.spans, word));
    }

    /// Bytes that it keeps room for.
    #[must_use]
    pub fn capacity_bytes(&self) -> usize {
        self.buf.capacity() + self.spans.capacity() * size_of::<Span>()
    }

    /// The words.
    #[inline]
    #[must_use]
    pub fn args(&self) -> Args<'_> {
        Args { buf: &self.buf, spans: &self.spans }
    }
}

impl PartialEq for OwnedArgs {
    fn eq(&self, other: &OwnedArgs) -> bool {
        self.args() == other.args()
    }
}

impl Eq for OwnedArgs {}

impl fmt::Debug for OwnedArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.args().fmt(f)
    }
}

fn push_word(buf: &mut Vec<u8>, spans: &mut Vec<Span>, word: &[u8]) {
    let start = buf.len();
    buf.extend_from_slice(word);
    spans.push(Span { start, end: buf.len() });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    use super::*;

    /// The words of an array, and their places.
    fn array(words: &[Vec<u8>]) -> (Vec<u8>, Vec<Span>) {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        let spans = words.iter().map(|word| {
            bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            let start = bytes.len();
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
            Span { start, end: start + word.len() }
        });
        let spans = spans.collect();
        (bytes, spans)
    }

    proptest! {
        #[test]
        fn words_that_stand_in_an_array_are_that_array(
            words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..130), 1..30),
            rest in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let (mut bytes, spans) = array(&words);
            let len = bytes.len();
            bytes.extend_from_slice(&rest);
            prop_assert_eq!(Args::new(&bytes, &spans).as_array(), Some(&bytes[..len]));
            prop_assert!(Args::new(&bytes, &spans).skip(1).as_array().is_none());
            prop_assert!(Args::new(&bytes, &spans[..words.len() - 1]).as_array().is_none());
            prop_assert!(OwnedArgs::from_words(&words).args().as_array().is_none());
        }

        #[test]
        fn an_array_that_is_spelled_otherwise_is_not_taken_for_one(
            words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 1..12),
            at in any::<prop::sample::Index>(),
            byte: u8,
        ) {
            let (mut bytes, spans) = array(&words);
            let at = at.index(bytes.len());
            let is_same = bytes[at] == byte || spans.iter().any(|span| (span.start..span.end).contains(&at));
            bytes[at] = byte;
            prop_assert_eq!(Args::new(&bytes, &spans).as_array().is_some(), is_same);
        }
    }

    #[test]
    fn args_read_their_words_from_the_buffer() {
        let buf = b"..SET..key..";
        let spans = [Span { start: 2, end: 5 }, Span { start: 7, end: 10 }, Span { start: 12, end: 12 }];
        let args = Args::new(buf, &spans);
        assert_eq!((args.len(), args.bytes_len(), args.is_empty()), (3, 6, false));
        assert_eq!(args.at(0), b"SET");
        assert_eq!(args.get(1), Some(&b"key"[..]));
        assert_eq!(args.get(2), Some(&b""[..]));
        assert_eq!(args.get(3), None);
        assert_eq!(args.iter().len(), 3);
        assert_eq!(format!("{args:?}"), r#"["SET", "key", ""]"#);
    }

    #[test]
    fn skipping_leaves_the_rest_and_never_fails() {
        let owned = OwnedArgs::from_words(["a", "bc", "d"]);
        assert_eq!(owned.args().skip(1), OwnedArgs::from_words(["bc", "d"]).args());
        assert!(owned.args().skip(3).is_empty());
        assert!(owned.args().skip(usize::MAX).is_empty());
    }

    #[test]
    fn owned_words_equal_those_they_were_copied_from() {
        let spans = [Span { start: 1, end: 3 }, Span { start: 0, end: 1 }];
        let args = Args::new(b"abc", &spans);
        let owned = OwnedArgs::from_args(args);
        assert_eq!(owned.args(), args);
        assert_eq!(owned, OwnedArgs::from_words([&b"bc"[..], b"a"]));
        assert_ne!(owned, OwnedArgs::from_words([&b"b"[..], b"ca"]));
    }

    #[test]
    #[should_panic(expected = "index out of bounds")]
    fn a_word_that_is_not_there_panics_like_indexing() {
        OwnedArgs::from_words(["a"]).args().at(1);
    }
}
