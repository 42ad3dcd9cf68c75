//! Glob patterns over bytes, as `KEYS`, `SCAN MATCH`, `PSUBSCRIBE` and `CONFIG GET` use them.
//!
//! | pattern | matches |
//! |---|---|
//! | `*` | any bytes, also none |
//! | `?` | any one byte |
//! | `[abc]` `[a-z]` `[^a-z]` | one byte of the class, or one not of it |
//! | `\x` | the byte `x`, also inside a class |
//! | anything else | itself |
//!
//! The unit is the byte, not the character. What Redis 7.0 does with odd input is kept, since key
//! patterns and access rules rely on it:
//! - a range may be written backwards; its bytes compare as signed numbers, so `[a-\xff]` holds what lies
//!   from -1 to 97;
//! - an unterminated class ends with the pattern; a `\` as the pattern's last byte stands for itself;
//! - `[]` matches nothing and `[^]` any byte;
//! - ignoring case concerns ASCII letters only, not a byte escaped inside a class, and a range's ends are
//!   put in order before their case is folded: `[Z-a]` then holds nothing;
//! - an empty text matches the empty pattern only, not even `*`;
//! - whoever needs more than a thousand stars, each with something behind it, matches nothing.
//!
//! # Cost
//! When a byte fails, only the latest `*` has to be reconsidered: whatever an earlier one could still
//! reach, the latest can too. One remembered place is therefore enough, there is no recursion, and the
//! time is at most pattern length times text length, however many stars a client sends.

/// A pattern is given up at this star, those in a row and one at the end not counted.
const TOO_MANY_STARS: usize = 1001;

/// Whether letters that differ only in ASCII case count as equal.
fn fold(byte: u8, nocase: bool) -> u8 {
    if nocase { byte.to_ascii_lowercase() } else { byte }
}

/// Whether `text` as a whole matches `pattern`; `nocase` ignores the case of ASCII letters.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut at, mut place) = (0, 0);
    // Where to go on when a byte fails: behind the latest star, one byte further in the text.
    let mut retry: Option<(usize, usize)> = None;
    let mut stars = 0;
    loop {
        if pattern.get(at) == Some(&b'*') {
            at += pattern[at..].iter().take_while(|byte| **byte == b'*').count();
            if at == pattern.len() {
                return true;
            }
            stars += 1;
            if stars == TOO_MANY_STARS {
                return false;
            }
            retry = Some((at, place));
            continue;
        }
        let Some(&byte) = text.get(place) else {
            // A star needs no more text; anything else needs a byte, and trying later leaves even fewer.
            return at == pattern.len();
        };
        match element(&pattern[at..], byte, nocase) {
            Some(width) => {
                at += width;
                place += 1;
            }
            None => match &mut retry {
                Some((behind_star, from)) => {
                    *from += 1;
                    (at, place) = (*behind_star, *from);
                }
                None => return false,
            },
        }
    }
}

/// Whether the pattern can match only one text, the pattern itself: it has no special byte.
pub fn is_literal(pattern: &[u8]) -> bool {
    literal_prefix(pattern).len() == pattern.len()
}

/// The leading bytes every match begins with, up to the first special byte. (With case ignored they hold
/// only up to case.)
pub fn literal_prefix(pattern: &[u8]) -> &[u8] {
    let special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'\\');
    let end = pattern.iter().position(special).unwrap_or(pattern.len());
    &pattern[..end]
}

/// Matches `byte` with the pattern's first element, which is no star: the element's width if it matches.
#[inline]
fn element(pattern: &[u8], byte: u8, nocase: bool) -> Option<usize> {
    let literal = |expected: u8, width| (fold(expected, nocase) == fold(byte, nocase)).then_some(width);
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => {
            let (found, width) = class_holds(class, byte, nocase);
            found.then_some(width + 1)
        }
        [b'\\', escaped, ..] => literal(*escaped, 2),
        [expected, ..] => literal(*expected, 1),
    }
}

/// Whether the class, given from behind its `[`, holds `byte`, and its width with the `]` if there is one.
fn class_holds(class: &[u8], byte: u8, nocase: bool) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    loop {
        let width = match &class[at..] {
            [] => break,
            [b'\\', escaped, ..] => {
                found |= *escaped == byte;
                2
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [start, b'-', end, ..] => {
                found |= range_holds(*start, *end, byte, nocase);
                3
            }
            [single, ..] => {
                found |= fold(*single, nocase) == fold(byte, nocase);
                1
            }
        };
        at += width;
    }
    (found != negated, at)
}

fn range_holds(start: u8, end: u8, byte: u8, nocase: bool) -> bool {
    let signed = |byte: u8| fold(byte, nocase) as i8;
    let (low, high) = if start as i8 <= end as i8 { (start, end) } else { (end, start) };
    (signed(low)..=signed(high)).contains(&signed(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CASES: &str = include_str!("glob_cases.txt");

    /// `\xHH` in the table stands for that byte; every other byte for itself.
    fn unescape(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find("\\x") {
            bytes.extend_from_slice(&rest.as_bytes()[..at]);
            bytes.push(u8::from_str_radix(&rest[at + 2..at + 4], 16).unwrap());
            rest = &rest[at + 4..];
        }
        bytes.extend_from_slice(rest.as_bytes());
        bytes
    }

    #[test]
    fn every_case_confirmed_with_redis_gives_the_same_answer() {
        let mut checked = 0;
        for line in CASES.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            let mut field = || fields.next().unwrap();
            let (expected, case) = (field() == "yes", field() == "nocase");
            let (pattern, text) = (unescape(field()), unescape(field()));
            assert_eq!(matches(&pattern, &text, case), expected, "{line}");
            checked += 1;
        }
        assert!(checked >= 60);
    }

    #[test]
    fn many_stars_do_not_blow_up() {
        let pattern = [&b"a*".repeat(2_000)[..], b"b"].concat();
        assert!(!matches(&pattern, &vec![b'a'; 4_000], false));
        assert!(matches(&b"*".repeat(100_000), b"x", false));
        let classes = b"*[^a]".repeat(500);
        assert!(!matches(&classes, &vec![b'a'; 4_000], true));
    }

    #[test]
    fn more_than_a_thousand_stars_match_nothing() {
        let text = vec![b'a'; 5_000];
        for (pattern, stars, expected) in [
            ("*?", 1000, true),
            ("*?", 1001, false),
            ("?*", 1001, true),
            ("?*", 1002, false),
            ("**?", 1000, true),
        ] {
            assert_eq!(
                matches(&pattern.repeat(stars).into_bytes(), &text, false),
                expected,
                "{pattern} {stars}"
            );
        }
    }

    #[test]
    fn a_pattern_tells_what_every_match_begins_with() {
        assert!(is_literal(b"user:1") && is_literal(b"") && is_literal(b"a]^-"));
        assert!(!is_literal(b"user:?") && !is_literal(b"a\\b") && !is_literal(b"[a]"));
        assert_eq!(literal_prefix(b"user:*:x"), b"user:");
        assert_eq!(literal_prefix(b"*"), b"");
    }

    /// The definition itself, by trying everything: slow, and plainly right.
    fn model(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|skip| model(rest, &text[skip..], nocase)),
            (_, []) => false,
            (_, [byte, rest @ ..]) => {
                element(pattern, *byte, nocase).is_some_and(|width| model(&pattern[width..], rest, nocase))
            }
        }
    }

    proptest! {
        #[test]
        fn one_remembered_star_finds_what_trying_everything_finds(
            pattern in "[ab*?\\[\\]^\\\\-]{0,10}", text in "[abAB\\]-]{1,10}", nocase: bool,
        ) {
            let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(matches(pattern, text, nocase), model(pattern, text, nocase));
        }

        #[test]
        fn a_match_begins_with_the_literal_prefix(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
            if matches(pattern, text, false) {
                prop_assert!(text.starts_with(literal_prefix(pattern)));
            }
            if is_literal(pattern) {
                prop_assert_eq!(matches(pattern, text, false), pattern == text);
            }
        }
    }
}
