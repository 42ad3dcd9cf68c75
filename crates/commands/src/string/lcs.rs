//! `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]`
//!
//! The classic table of lengths, filled from the front and walked from the back. It takes four bytes for each pair
//! of bytes of the two strings; `proto-max-bulk-len` limits it, as in Redis.

use std::ops::Range;

use spinel_family::spec::{ArgKind, ArgSpec, Begin, Find, KeyFlags, KeySpec, Shape};
use spinel_family::{
    Command, CommandError, Encoder, Field, Key, Parse, Query, QueryContext, Reply, Words, is_token,
};
use spinel_store::{Text, ValueRef};

/// Cells of the table that take as long as touching one element.
const CELLS_PER_ELEMENT: usize = 32;

/// Finds the longest common subsequence of two strings.
#[derive(Command)]
#[command(group = String, since = "7.0.0", complexity = "O(N*M) for strings of N and M bytes")]
#[command(manual, arity = -3, keys = KEYS, args = ARGS)]
pub(super) struct Lcs<'a> {
    key1: Key<'a>,
    key2: Key<'a>,
    /// Read after the keys were looked up, as Redis does.
    options: Words<'a>,
}

const KEYS: &[KeySpec] = &[KeySpec {
    flags: KeyFlags::RO.with(KeyFlags::ACCESS),
    begin: Begin::Index(1),
    find: Find::Range { last: 1, step: 1, limit: 0 },
    notes: "",
}];

const ARGS: &[ArgSpec] = &[
    ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("key1", "") },
    ArgSpec { key_spec: Some(0), ..Shape::word(ArgKind::Key).arg("key2", "") },
    Shape::word(ArgKind::PureToken).or_absent().arg("len", "LEN"),
    Shape::word(ArgKind::PureToken).or_absent().arg("idx", "IDX"),
    Shape::word(ArgKind::Integer).or_absent().arg("len", "MINMATCHLEN"),
    Shape::word(ArgKind::PureToken).or_absent().arg("withmatchlen", "WITHMATCHLEN"),
];

impl<'a> Parse<'a> for Lcs<'a> {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        Ok(Self { key1: words.key()?, key2: words.key()?, options: words.rest() })
    }
}

/// What to reply.
#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    min_match_len: usize,
    with_match_len: bool,
}

impl Options {
    fn read(mut words: Words<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        while let Ok(word) = words.take() {
            if is_token(word, "IDX") {
                options.idx = true;
            } else if is_token(word, "LEN") {
                options.len = true;
            } else if is_token(word, "WITHMATCHLEN") {
                options.with_match_len = true;
            } else if is_token(word, "MINMATCHLEN") {
                options.min_match_len = usize::try_from(i64::parse(&mut words)?).unwrap_or(0);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        if options.idx && options.len {
            return Err(CommandError::text(
                "ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(options)
    }
}

impl Query for Lcs<'_> {
    fn cost(&self, cx: &QueryContext<'_>) -> usize {
        let len = |key| cx.peek(key).and_then(spinel_store::Entry::text).map_or(0, Text::len);
        len(self.key1).saturating_mul(len(self.key2)) / CELLS_PER_ELEMENT
    }

    fn query(&self, cx: &QueryContext<'_>, out: &mut Encoder) -> Reply {
        let (a, b) = (cx.value(self.key1), cx.value(self.key2));
        let text = |value: Option<ValueRef<'_>>| match value {
            None => Ok(Vec::new()),
            Some(ValueRef::String(text)) => Ok(text.to_vec()),
            Some(_) => Err(CommandError::text("ERR The specified keys must contain string values")),
        };
        let (a, b) = (text(a)?, text(b)?);
        let options = Options::read(self.options)?;
        let table = Lengths::of(&a, &b, cx.settings().max_string_len)?;
        if options.idx {
            reply_matches(&table, &options, out);
        } else if options.len {
            out.integer(i64::from(table.total()));
        } else {
            out.bulk(&table.subsequence());
        }
        Ok(())
    }
}

fn reply_matches(table: &Lengths<'_>, options: &Options, out: &mut Encoder) {
    let last = |range: &Range<usize>| range.end as i64 - 1;
    out.map(2);
    out.bulk(b"matches");
    let matches = out.deferred_array();
    let mut count = 0;
    table.matches(|in_a, in_b| {
        if in_a.len() < options.min_match_len {
            return;
        }
        count += 1;
        out.array(2 + usize::from(options.with_match_len));
        for range in [&in_a, &in_b] {
            out.array(2);
            out.integer(range.start as i64);
            out.integer(last(range));
        }
        if options.with_match_len {
            out.integer(in_a.len() as i64);
        }
    });
    out.finish(matches, count);
    out.bulk(b"len");
    out.integer(i64::from(table.total()));
}

/// For every pair of beginnings of two strings the length of their longest common subsequence.
struct Lengths<'s> {
    a: &'s [u8],
    b: &'s [u8],
    cells: Vec<u32>,
}

impl<'s> Lengths<'s> {
    fn of(a: &'s [u8], b: &'s [u8], max_bytes: u64) -> Result<Self, CommandError> {
        if a.len().max(b.len()) >= u32::MAX as usize - 1 {
            return Err(CommandError::text("ERR String too long for LCS"));
        }
        let (rows, width) = (a.len() + 1, b.len() + 1);
        let bytes = (rows as u64).checked_mul(width as u64).and_then(|cells| cells.checked_mul(4));
        if bytes.is_some_and(|bytes| bytes > max_bytes) {
            return Err(CommandError::text(
                "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
            ));
        }
        let failed =
            CommandError::text("ERR Insufficient memory, failed allocating transient memory for LCS");
        let mut cells = Vec::new();
        let fits = bytes.is_some() && cells.try_reserve_exact(rows * width).is_ok();
        if !fits {
            return Err(failed);
        }
        cells.resize(rows * width, 0);
        let mut table = Self { a, b, cells };
        table.fill();
        Ok(table)
    }

    fn fill(&mut self) {
        let width = self.b.len() + 1;
        for (row, &byte) in self.a.iter().enumerate() {
            let (above, below) = self.cells[row * width..(row + 2) * width].split_at_mut(width);
            for (column, &other) in self.b.iter().enumerate() {
                below[column + 1] =
                    if byte == other { above[column] + 1 } else { above[column + 1].max(below[column]) };
            }
        }
    }

    fn at(&self, in_a: usize, in_b: usize) -> u32 {
        self.cells[in_a * (self.b.len() + 1) + in_b]
    }

    /// The length of the longest common subsequence.
    fn total(&self) -> u32 {
        self.at(self.a.len(), self.b.len())
    }

    /// The longest common subsequence itself.
    fn subsequence(&self) -> Vec<u8> {
        let mut found = Vec::with_capacity(self.total() as usize);
        self.matches(|in_a, _| found.extend(self.a[in_a].iter().rev()));
        found.reverse();
        found
    }

    /// Calls `found` with the places of each run that both strings share, last run first.
    fn matches(&self, mut found: impl FnMut(Range<usize>, Range<usize>)) {
        let (mut i, mut j) = (self.a.len(), self.b.len());
        let mut run = 0;
        while i > 0 && j > 0 {
            if self.a[i - 1] == self.b[j - 1] {
                run += 1;
                (i, j) = (i - 1, j - 1);
                continue;
            }
            if run > 0 {
                found(i..i + run, j..j + run);
                run = 0;
            }
            if self.at(i - 1, j) > self.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        if run > 0 {
            found(i..i + run, j..j + run);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Server;

    #[test]
    fn lcs_gives_the_text_its_length_or_the_matches() {
        let mut server = Server::new();
        server.run("MSET a ohmytext b mynewtext");
        assert_eq!(server.run("LCS a b"), "$6\r\nmytext\r\n");
        assert_eq!(server.run("LCS a b LEN"), ":6\r\n");
        assert_eq!(
            server.run("LCS a b IDX"),
            "*4\r\n$7\r\nmatches\r\n*2\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n\
             *2\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n$3\r\nlen\r\n:6\r\n"
        );
        assert_eq!(
            server.run("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN"),
            "*4\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n\
             $3\r\nlen\r\n:6\r\n"
        );
        assert_eq!(server.run("LCS a nothing"), "$0\r\n\r\n");
    }

    #[test]
    fn contradicting_or_unknown_options_are_refused() {
        let mut server = Server::new();
        let both = "-ERR If you want both the length and indexes, please just use IDX.\r\n";
        assert_eq!(server.run("LCS a b LEN IDX"), both);
        assert_eq!(server.run("LCS a b MINMATCHLEN"), "-ERR syntax error\r\n");
        assert_eq!(server.run("LCS a b MINMATCHLEN x"), "-ERR value is not an integer or out of range\r\n");
        server.settings.max_string_len = 100;
        server.run("MSET a 12345 b 12345");
        assert!(server.run("LCS a b").contains("exceeds proto-max-bulk-len"));
    }
}
