//! The words that fill templates: few, so that commands meet; odd, so that parsers show themselves.
//!
//! A handful of keys for all families makes wrong types common; a handful of members makes duplicates, empty results and
//! conversions of encodings common. Numbers come mostly plain and sometimes from the lists of odd ones.

use super::script::{library, script};
use crate::random::Random;

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A key.
    Key,
    /// A key whose sorted set has one score only, as lexicographic ranges ask for.
    LexKey,
    /// The key that was written last.
    Same,
    /// A member, element or field.
    Member,
    /// A value: a member, a number, or a longer string.
    Value,
    /// A small integer, negative ones among them: indexes, ranks, counts.
    Index,
    /// An integer, sometimes an odd one or none.
    Integer,
    /// How many random elements: never a negative number so big that the reply would be.
    RandomCount,
    /// A place in a string to write at: small, or beyond every limit.
    Offset,
    /// A score, sometimes an odd one or none.
    Score,
    /// A bound of a range of scores.
    ScoreBound,
    /// A bound of a lexicographic range.
    LexBound,
    /// Seconds to live: many, or not positive.
    Seconds,
    /// Milliseconds to live: many, or not positive.
    Millis,
    /// A time in the future or long past, in seconds.
    Second,
    /// The same in milliseconds.
    Milli,
    /// Seconds or milliseconds that a field of a hash lives: as for a key, and the greatest that are taken.
    FieldSeconds,
    FieldMillis,
    /// A field, or a value: a few plain ones.
    Field,
    /// An index of an array: small ones, near the end of a page, far away.
    Place,
    /// Seconds to live, many.
    Later,
    /// A time in the future in milliseconds.
    MilliLater,
    /// A glob pattern.
    Pattern,
    /// The number of keys that follow: mostly small.
    NumKeys,
    /// A cursor.
    Cursor,
    /// A database.
    Db,
    /// A number of seconds to block: short.
    Timeout,
    /// The name of a type.
    Type,
    /// The place of a bit, or the number of an integer of some bits.
    Bit,
    /// The type of an integer of some bits.
    Width,
    /// A longitude or latitude, seldom one that is out of range or none.
    Degrees,
    /// A length, seldom an odd one or none.
    Length,
    /// What DUMP gave, sometimes damaged.
    Payload,
    /// The ID of an entry of a stream.
    StreamId,
    /// An end of a range of IDs.
    StreamBound,
    /// A consumer group.
    Group,
    /// A script in Lua.
    Script,
    /// The digest of the script that was written last.
    Digest,
    /// A library of functions in Lua.
    Library,
    /// Any bytes.
    Garbage,
}

impl Kind {
    /// The kind of that name; an unknown name is a bug in a template.
    pub(super) fn named(name: &str) -> Kind {
        match name {
            "key" => Kind::Key,
            "lex-key" => Kind::LexKey,
            "same" => Kind::Same,
            "member" => Kind::Member,
            "value" => Kind::Value,
            "index" => Kind::Index,
            "integer" => Kind::Integer,
            "random-count" => Kind::RandomCount,
            "offset" => Kind::Offset,
            "bit" => Kind::Bit,
            "width" => Kind::Width,
            "degrees" => Kind::Degrees,
            "length" => Kind::Length,
            "score" => Kind::Score,
            "score-bound" => Kind::ScoreBound,
            "lex-bound" => Kind::LexBound,
            "seconds" => Kind::Seconds,
            "millis" => Kind::Millis,
            "second" => Kind::Second,
            "milli" => Kind::Milli,
            "field-seconds" => Kind::FieldSeconds,
            "field-millis" => Kind::FieldMillis,
            "field" => Kind::Field,
            "place" => Kind::Place,
            "later" => Kind::Later,
            "milli-later" => Kind::MilliLater,
            "pattern" => Kind::Pattern,
            "numkeys" => Kind::NumKeys,
            "cursor" => Kind::Cursor,
            "db" => Kind::Db,
            "timeout" => Kind::Timeout,
            "type" => Kind::Type,
            "payload" => Kind::Payload,
            "stream-id" => Kind::StreamId,
            "stream-bound" => Kind::StreamBound,
            "group" => Kind::Group,
            "script" => Kind::Script,
            "digest" => Kind::Digest,
            "library" => Kind::Library,
            "garbage" => Kind::Garbage,
            other => panic!("no placeholder is called <{other}>"),
        }
    }
}

const ODD_INTEGERS: [&str; 26] = [
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "9223372036854775806",
    "18446744073709551615",
    "4294967296",
    "2147483648",
    "2147483647",
    "-2147483649",
    "-0",
    "+1",
    " 1",
    "1 ",
    "01",
    "1.0",
    "1e3",
    "0x10",
    "nan",
    "abc",
    "",
    "-",
    "1\0",
    "99999999999999999999999",
    "10000000000",
    "1,5",
];

const ODD_SCORES: [&str; 30] = [
    "inf",
    "-inf",
    "+inf",
    "Infinity",
    "-INFINITY",
    "nan",
    "-nan",
    "1e400",
    "-1e400",
    "1e308",
    "1e-400",
    "4.9e-324",
    "-0",
    "0.1",
    "0.30000000000000004",
    "1e17",
    "123456789012345678",
    "9007199254740993",
    "17179869184",
    "1e-7",
    "3.0e3",
    "0x1p3",
    ".5",
    "5.",
    " 1",
    "1 ",
    "abc",
    "",
    "1e",
    "--1",
];

const SCORE_BOUNDS: [&str; 14] =
    ["-inf", "+inf", "inf", "(1", "(-1", "(inf", "(-inf", "((1", "(", "(abc", "nan", "[1", "(1.5", "1.5"];
const LEX_BOUNDS: [&str; 12] = ["-", "+", "[a", "(a", "[m3", "(m3", "[", "(", "[m", "abc", "", "--"];
const PATTERNS: [&str; 16] = [
    "*", "k*", "?1", "k[0-3]", "k[^0-3]", "*[", "k\\1", "", "**1", "m*", "k[3-0]", "[k]?", "k[0", "*1*",
    "\\", "k-1",
];
const TYPES: [&str; 7] = ["string", "list", "set", "zset", "hash", "stream", "nonsense"];
const PLAIN_SCORES: [&str; 12] = ["0", "1", "2", "3", "-1", "-2", "1.5", "2.5", "-1.5", "10", "100", "3.25"];

/// The sizes of the key and member spaces.
#[derive(Debug, Clone)]
pub(super) struct Vocabulary {
    keys: usize,
    members: usize,
}

impl Vocabulary {
    /// Few of everything.
    pub(super) fn small() -> Vocabulary {
        Vocabulary { keys: 12, members: 14 }
    }

    /// Invents a word.
    pub(super) fn word(&self, kind: Kind, random: &mut Random) -> Vec<u8> {
        match kind {
            Kind::Same | Kind::Digest => unreachable!("the template remembers the last key and script"),
            Kind::Script => script(random),
            Kind::Library => library(random),
            Kind::Key => format!("k{}", random.below(self.keys)).into_bytes(),
            Kind::LexKey => format!("l{}", random.below(3)).into_bytes(),
            Kind::Member => self.member(random),
            Kind::Value => self.value(random),
            Kind::Payload => payload(random),
            Kind::Garbage => garbage(random),
            _ => number(kind, random).into_bytes(),
        }
    }

    fn member(&self, random: &mut Random) -> Vec<u8> {
        match random.below(20) {
            0..12 => format!("m{}", random.below(self.members)).into_bytes(),
            12..17 => random.below(self.members).to_string().into_bytes(),
            17 => pick(random, &ODD_INTEGERS).into_bytes(),
            18 => "m".repeat(10 + random.below(20)).into_bytes(),
            _ => garbage(random),
        }
    }

    fn value(&self, random: &mut Random) -> Vec<u8> {
        match random.below(10) {
            0..4 => self.member(random),
            4..7 => number(Kind::Integer, random).into_bytes(),
            7 => number(Kind::Score, random).into_bytes(),
            8 => "v".repeat(random.below(100)).into_bytes(),
            _ => garbage(random),
        }
    }
}

/// The kinds that are numbers or come from a list.
fn number(kind: Kind, random: &mut Random) -> String {
    let odd = random.chance(60);
    match kind {
        Kind::Index if !odd => between(random, -6, 12),
        Kind::Integer if !odd => between(random, -20, 100),
        Kind::RandomCount if !odd => between(random, -12, 12),
        Kind::RandomCount => {
            pick(random, &["9223372036854775807", "-9223372036854775808", "x", "", "1.5", "0"])
        }
        Kind::Offset if !odd => between(random, 0, 30),
        Kind::Offset => pick(random, &["536870912", "536870913", "9223372036854775807", "-1", "x", ""]),
        Kind::Bit if !odd && random.chance(300) => format!("#{}", random.below(9)),
        Kind::Bit if !odd => between(random, 0, 150),
        Kind::Bit => {
            pick(random, &["4294967296", "9223372036854775807", "-1", "x", "", "#-1", "#", "#1x", "70000"])
        }
        Kind::Width if !odd => format!("{}{}", pick(random, &["i", "u"]), between(random, 1, 63)),
        Kind::Width => pick(random, &["i64", "u64", "u63", "i65", "i0", "u", "8", "I8", "", "i-1"]),
        Kind::Score if !odd => pick(random, &PLAIN_SCORES),
        Kind::Score => pick(random, &ODD_SCORES),
        Kind::ScoreBound if random.chance(700) => pick(random, &PLAIN_SCORES),
        Kind::ScoreBound => pick(random, &SCORE_BOUNDS),
        Kind::LexBound => pick(random, &LEX_BOUNDS),
        Kind::Seconds if !odd => between(random, 5_000, 9_000),
        Kind::Millis if !odd => between(random, 5_000_000, 9_000_000),
        Kind::Later => between(random, 5_000, 9_000),
        Kind::MilliLater => pick(random, &["4000000000000", "4000000000001", "3333333333333"]),
        Kind::Field => between(random, 1, 6),
        Kind::Place if odd => pick(random, &ODD_PLACES),
        Kind::Place if random.chance(100) => between(random, 4_090, 4_100),
        Kind::Place => between(random, 0, 12),
        Kind::FieldSeconds if !odd => between(random, 5_000, 9_000),
        Kind::FieldMillis if !odd => between(random, 5_000_000, 9_000_000),
        Kind::FieldSeconds | Kind::FieldMillis => pick(random, &ODD_FIELD_TIMES),
        Kind::Second if !odd => pick(random, &["4000000000", "4000000001", "33333333333"]),
        Kind::Milli if !odd => pick(random, &["4000000000000", "4000000000001", "33333333333333"]),
        Kind::Seconds | Kind::Millis | Kind::Second | Kind::Milli => pick(random, &ODD_TIMES),
        Kind::Pattern => pick(random, &PATTERNS),
        // So many that two places are hardly ever equally far from a third: then Redis leaves the order open.
        Kind::Degrees if !odd => format!("{}.{}", between(random, -25, 25), random.below(1_000_000)),
        Kind::Degrees => {
            pick(random, &["180", "-180", "85.05112878", "-85.06", "181", "84.9", "179.99", "nan", "x"])
        }
        Kind::Length if !odd => {
            pick(random, &["0", "1", "10.5", "100", "500", "1000", "2500", "6000", "25000", "1e9"])
        }
        Kind::Length => pick(random, &ODD_SCORES),
        Kind::NumKeys if !odd => between(random, 1, 3),
        Kind::Cursor if !odd => "0".to_owned(),
        Kind::Db if !odd => between(random, 0, 2),
        Kind::Db => pick(random, &["16", "-1", "x", "", "9223372036854775808"]),
        Kind::Timeout if !odd => "0.001".to_owned(),
        Kind::Timeout => pick(random, &["-1", "x", "", "nan", "inf", "1e400", "9223372036854775808", "-0.5"]),
        Kind::Type => pick(random, &TYPES),
        Kind::StreamId if odd => pick(random, &ODD_IDS),
        Kind::StreamId if random.chance(700) => {
            format!("{}-{}", between(random, 1, 9), between(random, 0, 6))
        }
        Kind::StreamId => between(random, 0, 9),
        Kind::StreamBound if random.chance(300) => pick(random, &["-", "+", "(-", "(+", "(", "(0", "(7"]),
        Kind::StreamBound if random.chance(300) => format!("({}", number(Kind::StreamId, random)),
        Kind::StreamBound => number(Kind::StreamId, random),
        Kind::Group => pick(random, &["g1", "g2", "g3", "g1", "", "1"]),
        _ => pick(random, &ODD_INTEGERS),
    }
}

/// Indexes of arrays that are far away, or none.
const ODD_PLACES: [&str; 8] =
    ["18446744073709551614", "18446744073709551615", "9223372036854775808", "1000000", "-1", "01", "x", ""];

/// Times that expire a key at once, are out of every range, or are none.
const ODD_TIMES: [&str; 10] = [
    "0",
    "-1",
    "-100",
    "-9223372036854775808",
    "9223372036854775807",
    "9223372036854775",
    "92233720368547758",
    "abc",
    "",
    "1.5",
];

/// Times that expire a field at once, are out of every range, or are none.
const ODD_FIELD_TIMES: [&str; 8] =
    ["0", "-1", "70368744177664", "281474976710656", "9223372036854775807", "abc", "", "1.5"];

/// IDs at the ends of what is possible, and beyond.
const ODD_IDS: [&str; 22] = [
    "0-0",
    "0-1",
    "0",
    "18446744073709551615-18446744073709551615",
    "18446744073709551615",
    "18446744073709551615-18446744073709551614",
    "18446744073709551616-1",
    "7-18446744073709551615",
    "7-18446744073709551614",
    "-",
    "+",
    "-1",
    "1-",
    "1--1",
    "1-01",
    " 1-1",
    "1- 1",
    "+1-+1",
    "7-*",
    "abc",
    "",
    "1.5-1",
];

/// What DUMP of Redis 7.0 gives for `bar`, 1234, sixty times `a`, and for small values of every type.
const PAYLOADS: [&[u8]; 9] = [
    b"\x00\x03bar\x0a\x00\xe6\xbeI`\xeef\xfd\x17",
    b"\x00\xc1\xd2\x04\x0a\x00\x00\x87\x08\xa1D\x82\\\xed",
    b"\x00\xc3\x09<\x01aa\xe0/\x00\x01aa\x0a\x00\xa6~\x08\xb2\x17\xd0\x97\x80",
    b"\x12\x01\x02\x11\x11\x00\x00\x00\x03\x00\x82m1\x03\x02\x01\x82m3\x03\xff\x0a\x00Dn=j\xfdv\xbd\xb4",
    b"\x0b\x14\x04\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00p\x11\x01\x00\x0a\x00\x85\xd5\xc1\x06[\x1d\xd0U",
    b"\x02\x02\x02m1\x02m2\x0a\x009\xb7#D\x0e\x17\x97\x9b",
    b"\x10\x13\x13\x00\x00\x00\x04\x00\x82m1\x03\x82v1\x03\x02\x01\x03\x01\xff\x0a\x00\x0a\xabQ{F\x89\xf6\x90",
    b"\x11\x16\x16\x00\x00\x00\x04\x00\x82m1\x03\x01\x01\x82m2\x03\x832.5\x04\xff\x0a\x00\xdd\x92o\x09_\x85L{",
    b"\x11\x13\x13\x00\x00\x00\x04\x00\x82m1\x03\x00\x01\x82m2\x03\x00\x01\xff\x0a\x00bQ,|\xe5\xf7\xd9\x0d",
];

fn payload(random: &mut Random) -> Vec<u8> {
    let mut payload = random.pick(&PAYLOADS).to_vec();
    if random.chance(100) {
        let at = random.below(payload.len());
        payload[at] ^= 1 << random.below(8);
    }
    if random.chance(50) {
        payload.truncate(random.below(payload.len()));
    }
    payload
}

fn between(random: &mut Random, low: i64, high: i64) -> String {
    let span = usize::try_from(high - low + 1).expect("bounds are in order");
    (low + i64::try_from(random.below(span)).expect("spans are small")).to_string()
}

fn pick(random: &mut Random, words: &[&str]) -> String {
    random.pick(words).to_string()
}

fn garbage(random: &mut Random) -> Vec<u8> {
    const BYTES: &[u8] = b"\0\r\n\t \"'\\*$+-:%\x80\xff{}[]az09";
    (0..random.below(12)).map(|_| *random.pick(BYTES)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Kind, Vocabulary};
    use crate::random::Random;
    use std::collections::BTreeSet;

    #[test]
    fn keys_are_few_and_times_never_short() {
        let vocabulary = Vocabulary::small();
        let mut random = Random::new(1);
        let keys: BTreeSet<_> = (0..1000).map(|_| vocabulary.word(Kind::Key, &mut random)).collect();
        assert_eq!(keys.len(), 12);
        for _ in 0..1000 {
            let word = String::from_utf8(vocabulary.word(Kind::Seconds, &mut random)).unwrap();
            assert!(word.parse::<i64>().map_or(true, |seconds| !(1..5_000).contains(&seconds)), "{word}");
        }
    }

    #[test]
    fn a_negative_random_count_is_small_or_refused() {
        let vocabulary = Vocabulary::small();
        let mut random = Random::new(2);
        for _ in 0..1000 {
            let word = String::from_utf8(vocabulary.word(Kind::RandomCount, &mut random)).unwrap();
            let count = word.parse::<i64>().unwrap_or(0);
            assert!(count >= -12 || count == i64::MIN, "{word}");
        }
    }
}
