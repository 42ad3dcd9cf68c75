//! What the commands of hashes, sets and sorted sets share: an element in a reply, and the options of the scans.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{CommandError, Encoder, Field, Key, Pattern, QueryContext, Words, is_token};
use spinel_store::Text;

use crate::generic::keys::matches;
use crate::generic::scan::Count;

/// Elements to look at if `COUNT` does not say.
const DEFAULT_COUNT: usize = 10;
/// Buckets to look at for each element wanted, before giving back fewer.
const BUCKETS_PER_ELEMENT: usize = 10;
/// Bytes a reply may have whose length the client chooses freely: elements drawn with repetition.
const MAX_DRAWN_BYTES: usize = 1 << 30;
/// Bytes of the shortest element in a reply.
const MIN_ELEMENT_BYTES: usize = b"$0\r\n\r\n".len();

/// The elements of a key, for the cost of a command: 0 if there is no such key.
pub(crate) fn elements_of(cx: &QueryContext<'_>, key: Key<'_>) -> usize {
    cx.peek(key).map_or(0, |entry| entry.value().elements())
}

/// Writes an element.
#[inline]
pub(crate) fn reply_element(out: &mut Encoder, element: Text<'_>) {
    match element {
        Text::Int(n) => out.bulk_integer(n),
        Text::Bytes(bytes) => out.bulk(bytes),
    }
}

/// Writes so many drawn elements, each by `draw`.
///
/// # Errors
/// If the reply would take more than 1 GiB. The reference has no such limit and dies of the attempt.
pub(crate) fn reply_draws(
    out: &mut Encoder,
    count: usize,
    elements: usize,
    mut draw: impl FnMut(&mut Encoder),
) -> Result<(), CommandError> {
    const TOO_MANY: CommandError = CommandError::text("ERR value is out of range");
    if count > MAX_DRAWN_BYTES / MIN_ELEMENT_BYTES {
        return Err(TOO_MANY);
    }
    let start = out.len();
    out.array(elements);
    for _ in 0..count {
        draw(out);
        if out.len() - start > MAX_DRAWN_BYTES {
            out.truncate(start);
            return Err(TOO_MANY);
        }
    }
    Ok(())
}

/// The answer to the least integer, of which there is no positive counterpart.
pub(crate) const NO_COUNTERPART: CommandError = CommandError::text(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);

/// A number of elements to draw: negative if the same one may come again. Any `i64` but the smallest.
#[derive(Clone, Copy)]
pub(crate) struct DrawCount(pub(crate) i64);

impl<'a> Field<'a> for DrawCount {
    const SHAPE: Shape = Shape::word(ArgKind::Integer);

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let count = i64::parse(words)?;
        if count == i64::MIN {
            return Err(NO_COUNTERPART);
        }
        Ok(Self(count))
    }
}

/// The arguments of a scan, for the documentation.
pub(crate) const SCAN_ARGS: &[ArgSpec] = &[
    ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("key", "") },
    Shape::word(ArgKind::Integer).arg("cursor", ""),
    Shape::word(ArgKind::Pattern).or_absent().arg("pattern", "MATCH"),
    Shape::word(ArgKind::Integer).or_absent().arg("count", "COUNT"),
];

/// The same for fields, which may come without their values.
pub(crate) const FIELD_SCAN_ARGS: &[ArgSpec] = &[
    SCAN_ARGS[0],
    SCAN_ARGS[1],
    SCAN_ARGS[2],
    SCAN_ARGS[3],
    ArgSpec { since: "7.4.0", ..Shape::word(ArgKind::PureToken).or_absent().arg("novalues", "NOVALUES") },
];

/// The same for members of sorted sets, which may come without their scores.
pub(crate) const SCORE_SCAN_ARGS: &[ArgSpec] = &[
    SCAN_ARGS[0],
    SCAN_ARGS[1],
    SCAN_ARGS[2],
    SCAN_ARGS[3],
    ArgSpec { since: "8.0.0", ..Shape::word(ArgKind::PureToken).or_absent().arg("noscores", "NOSCORES") },
];

/// The options of a scan as they came. They are understood after the key was looked up.
#[derive(Clone, Copy)]
pub(crate) struct ScanOptions<'a>(Words<'a>);

/// What is scanned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scanned {
    Members,
    /// They have values.
    Fields,
    /// Members with scores.
    Scores,
}

impl Scanned {
    /// The option that leaves out what belongs to a name.
    fn names_only(self) -> Option<&'static str> {
        match self {
            Self::Members => None,
            Self::Fields => Some("NOVALUES"),
            Self::Scores => Some("NOSCORES"),
        }
    }
}

/// The options of a scan, understood.
#[derive(Clone, Copy)]
pub(crate) struct Scanning<'a> {
    pattern: Option<Pattern<'a>>,
    count: usize,
    /// Only names are wanted of what has values.
    names_only: bool,
}

impl<'a> Field<'a> for ScanOptions<'a> {
    const SHAPE: Shape = Shape { min_words: 0, optional: true, ..Shape::word(ArgKind::Block) };

    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self(words.rest()))
    }
}

impl<'a> ScanOptions<'a> {
    /// Understands the options; errors in the order of the words.
    pub(crate) fn get(&self) -> Result<Scanning<'a>, CommandError> {
        self.understand(Scanned::Members)
    }

    /// The same where fields are scanned, whose values may be left out.
    pub(crate) fn get_of_fields(&self) -> Result<Scanning<'a>, CommandError> {
        self.understand(Scanned::Fields)
    }

    /// The same where members with scores are scanned, whose scores may be left out.
    pub(crate) fn get_of_scores(&self) -> Result<Scanning<'a>, CommandError> {
        self.understand(Scanned::Scores)
    }

    fn understand(&self, scanned: Scanned) -> Result<Scanning<'a>, CommandError> {
        let mut words = self.0;
        let mut scanning = Scanning { pattern: None, count: DEFAULT_COUNT, names_only: false };
        while let Ok(option) = words.take() {
            if is_token(option, "COUNT") {
                scanning.count = Count::parse(&mut words)?.0;
            } else if is_token(option, "MATCH") {
                scanning.pattern = Some(Pattern::parse(&mut words)?);
            } else if scanned.names_only().is_some_and(|token| is_token(option, token)) {
                scanning.names_only = true;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(scanning)
    }

    /// Elements the scan will look at among `len`; options that are wrong look at none.
    pub(crate) fn cost(&self, len: usize) -> usize {
        let understood = self.get_of_fields().or_else(|_| self.get_of_scores());
        understood.map_or(0, |scanning| scanning.count.min(len))
    }
}

impl Scanning<'_> {
    /// Scans from `cursor` on and writes the reply. `step` passes one bucket's elements, each with its name and what
    /// else is written for it, and gives the next cursor.
    pub(crate) fn reply(
        &self,
        out: &mut Encoder,
        mut cursor: u64,
        mut step: impl FnMut(u64, &mut dyn FnMut(Text<'_>, Option<Text<'_>>)) -> u64,
    ) {
        let mut found = Encoder::new(out.protocol());
        let (mut seen, mut replies) = (0, 0);
        let mut buckets_left = self.count.saturating_mul(BUCKETS_PER_ELEMENT);
        loop {
            cursor = step(cursor, &mut |name, value| {
                seen += 1;
                if self.pattern.is_none_or(|pattern| name.with_bytes(|name| matches(pattern.0, name))) {
                    reply_element(&mut found, name);
                    replies += 1;
                    if let Some(value) = value.filter(|_| !self.names_only) {
                        reply_element(&mut found, value);
                        replies += 1;
                    }
                }
            });
            buckets_left -= 1;
            if cursor == 0 || seen >= self.count || buckets_left == 0 {
                break;
            }
        }
        out.array(2);
        out.bulk_integer(cursor as i64);
        out.array(replies);
        out.extend_raw(found.as_bytes());
    }
}

/// The reply of a scan of a key that does not exist.
pub(crate) fn reply_no_scan(out: &mut Encoder) {
    out.array(2);
    out.bulk_integer(0);
    out.array(0);
}
