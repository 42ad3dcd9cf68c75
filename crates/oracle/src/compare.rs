//! Whether two replies say the same.
//!
//! They do when their bytes are equal. Where the reference itself leaves something open (an order, a random choice, a
//! clock) a rule says how much of the reply counts; [`RULES`] is the whole list, each entry with its reason. Errors are
//! always compared to the letter, and so is the type of every element.

use spinel_resp::skip_reply;
use std::borrow::Cow;

/// How much of a reply counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Every byte.
    Exact,
    /// The elements, in any order.
    Unordered,
    /// The elements two by two (or the pairs of a map), in any order.
    UnorderedPairs,
    /// Types and number of the elements, and the numbers; not the contents of strings.
    Shape,
    /// An integer within the given distance; negative ones exactly.
    Near(i64),
    /// The elements, each as under [`Rule::Near`].
    AllNear(i64),
    /// The types of the outermost elements.
    Outline,
    /// Every byte but times in milliseconds, which may be some seconds apart: those of Unix, and how long ago something was
    /// where streams tell it.
    Times,
    /// As [`Rule::Times`], but for [`ACTIVITY`] in the subject's reply, if the reference's does not have it.
    TimesAndActivity,
    /// What DUMP gives: the type of the value; all bytes of a value that has an order and is not compressed.
    Payload,
}

/// Commands whose replies are not compared to the letter: name, rule, reason.
pub const RULES: [(&str, Rule, &str); 36] = [
    ("XPENDING", Rule::Times, "time passes between the two servers"),
    ("XINFO CONSUMERS", Rule::TimesAndActivity, "as XPENDING; Redis tells of activity from 7.2 on"),
    ("XINFO STREAM", Rule::TimesAndActivity, "as XPENDING; Redis tells of activity from 7.2 on"),
    ("KEYS", Rule::Unordered, "the order of the key space is the order of a hash table"),
    ("SMEMBERS", Rule::Unordered, "the order of a set is the order of a hash table"),
    ("SINTER", Rule::Unordered, "as SMEMBERS"),
    ("SUNION", Rule::Unordered, "as SMEMBERS"),
    ("SDIFF", Rule::Unordered, "as SMEMBERS"),
    ("HGETALL", Rule::UnorderedPairs, "the order of a big hash is the order of a hash table"),
    ("HKEYS", Rule::Unordered, "as HGETALL"),
    ("HVALS", Rule::Unordered, "as HGETALL"),
    ("SPOP", Rule::Shape, "a random choice"),
    ("SRANDMEMBER", Rule::Shape, "a random choice"),
    ("HRANDFIELD", Rule::Shape, "a random choice"),
    ("ZRANDMEMBER", Rule::Outline, "a random choice; the scores belong to the choice"),
    ("RANDOMKEY", Rule::Shape, "a random choice"),
    ("SCAN", Rule::Outline, "cursors and how much a step yields belong to the hash table"),
    ("SSCAN", Rule::Outline, "as SCAN"),
    ("HSCAN", Rule::Outline, "as SCAN"),
    ("ZSCAN", Rule::Outline, "as SCAN"),
    ("TTL", Rule::Near(2), "seconds pass between the two servers"),
    ("PTTL", Rule::Near(2_000), "as TTL, in milliseconds"),
    ("EXPIRETIME", Rule::Near(2), "the time of a relative expiry depends on the clock"),
    ("PEXPIRETIME", Rule::Near(2_000), "as EXPIRETIME, in milliseconds"),
    ("HTTL", Rule::AllNear(2), "as TTL, for each field"),
    ("HPTTL", Rule::AllNear(2_000), "as PTTL, for each field"),
    ("HEXPIRETIME", Rule::AllNear(2), "as EXPIRETIME, for each field"),
    ("HPEXPIRETIME", Rule::AllNear(2_000), "as PEXPIRETIME, for each field"),
    (
        "OBJECT REFCOUNT",
        Rule::Outline,
        "which small integers share an object depends on the command that made them",
    ),
    ("OBJECT IDLETIME", Rule::Near(2), "seconds pass between the two servers"),
    ("TIME", Rule::Outline, "a clock"),
    ("DUMP", Rule::Payload, "the order of a hash table, and how well strings are compressed"),
    ("INFO", Rule::Outline, "tells of one server"),
    ("CLIENT ID", Rule::Outline, "connections are counted by each server"),
    ("CLIENT LIST", Rule::Outline, "tells of one server's connections"),
    ("HELLO", Rule::Outline, "tells version and connection of one server"),
];

/// The fields that tell when a consumer was last given something.
pub const ACTIVITY: [&[u8]; 2] = [b"$8\r\ninactive\r\n", b"$11\r\nactive-time\r\n"];

/// The rule for a command.
pub fn rule(words: &[Vec<u8>]) -> Rule {
    let upper = |index: usize| words.get(index).map(|word| word.to_ascii_uppercase()).unwrap_or_default();
    let (first, second) = (upper(0), upper(1));
    let found = RULES.iter().find(|(name, _, _)| match name.split_once(' ') {
        Some((container, subcommand)) => container.as_bytes() == first && subcommand.as_bytes() == second,
        None => name.as_bytes() == first,
    });
    found.map_or(Rule::Exact, |(_, rule, _)| *rule)
}

/// Whether two replies to a command, that of the reference first, say the same under a rule.
pub fn same(rule: Rule, left: &[u8], right: &[u8]) -> bool {
    if left == right {
        return true;
    }
    if is_error(left) || is_error(right) {
        return false;
    }
    match rule {
        Rule::Exact => false,
        Rule::Unordered => left.first() == right.first() && sorted(left, 1) == sorted(right, 1),
        Rule::UnorderedPairs => left.first() == right.first() && sorted(left, 2) == sorted(right, 2),
        Rule::Shape => shape(left) == shape(right),
        Rule::Near(distance) => near(left, right, distance),
        Rule::AllNear(distance) => {
            let (lefts, rights) = (elements(left), elements(right));
            let mut pairs = lefts.iter().zip(&rights);
            header(left) == header(right)
                && lefts.len() == rights.len()
                && pairs.all(|(left, right)| left == right || near(left, right, distance))
        }
        Rule::Outline => outline(left) == outline(right),
        Rule::Times => same_but_times(left, right),
        Rule::TimesAndActivity => {
            let is_told = ACTIVITY.iter().any(|name| left.windows(name.len()).any(|part| part == *name));
            same_but_times(left, &if is_told { right.to_vec() } else { without_activity(right) })
        }
        Rule::Payload => same_payload(left, right),
    }
}

/// What differs between two replies to EXEC, given the rules of the commands it ran: the first differing elements, or the
/// whole replies when they do not have the same length.
pub fn transaction_difference(rules: &[Rule], left: &[u8], right: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if left == right {
        return None;
    }
    let (lefts, rights) = (elements(left), elements(right));
    if header(left) != header(right) || lefts.len() != rules.len() || rights.len() != rules.len() {
        return Some((left.to_vec(), right.to_vec()));
    }
    let mut elements = rules.iter().zip(lefts.into_iter().zip(rights));
    let (_, (left, right)) = elements.find(|(rule, (left, right))| !same(**rule, left, right))?;
    Some((left.to_vec(), right.to_vec()))
}

fn is_error(raw: &[u8]) -> bool {
    matches!(raw.first(), Some(b'-' | b'!'))
}

/// The first line of a reply.
fn header(raw: &[u8]) -> &[u8] {
    raw.split(|&byte| byte == b'\r').next().unwrap_or_default()
}

/// The elements of an aggregate, keys and values of a map alternating; none for anything else.
pub fn elements(raw: &[u8]) -> Vec<&[u8]> {
    if !matches!(raw.first(), Some(b'*' | b'~' | b'%' | b'>')) {
        return Vec::new();
    }
    let mut rest = &raw[(header(raw).len() + 2).min(raw.len())..];
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = skip_reply(rest).ok().flatten().unwrap_or(rest.len());
        let (element, behind) = rest.split_at(length);
        found.push(element);
        rest = behind;
    }
    found
}

/// Whether two replies are the same but for times.
fn same_but_times(left: &[u8], right: &[u8]) -> bool {
    /// Milliseconds that may pass between the two servers.
    const APART: i64 = 20_000;
    if left == right {
        return true;
    }
    let is_unix = |raw: &[u8]| raw.len() >= b":100000000000\r\n".len();
    if is_unix(left) && is_unix(right) && near(left, right, APART) {
        return true;
    }
    let (lefts, rights) = (elements(left), elements(right));
    if lefts.is_empty() || header(left) != header(right) || lefts.len() != rights.len() {
        return false;
    }
    let tells_idle = |at: usize| {
        let names: [&[u8]; 2] = [b"$4\r\nidle\r\n", ACTIVITY[0]];
        let named = at > 0 && names.contains(&lefts[at - 1]);
        // An ID, a consumer, how long ago, how often.
        named || lefts.len() == 4 && at == 2 && header(left) == b"*4"
    };
    lefts
        .iter()
        .zip(&rights)
        .enumerate()
        .all(|(at, (left, right))| same_but_times(left, right) || tells_idle(at) && near(left, right, APART))
}

/// A reply without the integers named [`ACTIVITY`].
fn without_activity(raw: &[u8]) -> Vec<u8> {
    let parts = elements(raw);
    if parts.is_empty() {
        return raw.to_vec();
    }
    let tells = |at: usize| {
        ACTIVITY.contains(&parts[at]) && parts.get(at + 1).is_some_and(|value| value.starts_with(b":"))
    };
    let kept = (0..parts.len()).filter(|&at| !(tells(at) || at > 0 && tells(at - 1)));
    let kept: Vec<_> = kept.map(|at| without_activity(parts[at])).collect();
    let count = if raw[0] == b'%' { kept.len() / 2 } else { kept.len() };
    [&raw[..1], format!("{count}\r\n").as_bytes(), &kept.concat()].concat()
}

/// The elements in groups of `size`, sorted.
fn sorted(raw: &[u8], size: usize) -> Vec<Vec<&[u8]>> {
    let mut groups: Vec<Vec<&[u8]>> = elements(raw).chunks(size).map(<[&[u8]]>::to_vec).collect();
    groups.sort();
    groups
}

/// The reply with the contents of its strings left out.
fn shape(raw: &[u8]) -> Vec<u8> {
    match raw.first() {
        Some(b'*' | b'~' | b'%' | b'>') => {
            let mut text = header(raw).to_vec();
            text.extend(elements(raw).into_iter().flat_map(shape));
            text
        }
        Some(b'$') if header(raw) != b"$-1" => b"$".to_vec(),
        _ => raw.to_vec(),
    }
}

fn same_payload(left: &[u8], right: &[u8]) -> bool {
    /// Version and checksum.
    const FOOTER_BYTES: usize = 10;
    /// Before a compressed string.
    const COMPRESSED: u8 = 0xC3;
    /// Sets and hashes in hash tables.
    const UNORDERED: [u8; 2] = [2, 4];
    let payload = |raw: &[u8]| {
        let end = raw.len().saturating_sub(2 + FOOTER_BYTES);
        raw.get(header(raw).len() + 2..end).map(<[u8]>::to_vec)
    };
    let (Some(left), Some(right)) = (payload(left), payload(right)) else { return false };
    let (Some(kind), true) = (left.first(), left.first() == right.first()) else { return false };
    let is_compressed = left.contains(&COMPRESSED) || right.contains(&COMPRESSED);
    UNORDERED.contains(kind) || is_compressed || left == right
}

/// The type of the reply and those of its outermost elements.
fn outline(raw: &[u8]) -> Vec<u8> {
    let first = |raw: &[u8]| raw.first().copied().unwrap_or_default();
    let mut types = vec![first(raw)];
    let parts = elements(raw);
    types.extend(parts.iter().map(|element| first(element)));
    types
}

fn near(left: &[u8], right: &[u8], distance: i64) -> bool {
    let number = |raw: &[u8]| -> Option<i64> {
        let text: Cow<'_, str> = String::from_utf8_lossy(header(raw).strip_prefix(b":")?);
        text.parse().ok()
    };
    match (number(left), number(right)) {
        (Some(left), Some(right)) => {
            left >= 0 && right >= 0 && left.abs_diff(right) <= distance.unsigned_abs()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{RULES, Rule, rule, same, transaction_difference};

    const AB: &[u8] = b"*2\r\n$1\r\na\r\n$1\r\nb\r\n";
    const BA: &[u8] = b"*2\r\n$1\r\nb\r\n$1\r\na\r\n";
    const AC: &[u8] = b"*2\r\n$1\r\na\r\n$1\r\nc\r\n";

    #[test]
    fn order_counts_unless_the_rule_says_otherwise() {
        assert!(same(Rule::Exact, AB, AB));
        assert!(!same(Rule::Exact, AB, BA));
        assert!(same(Rule::Unordered, AB, BA));
        assert!(!same(Rule::Unordered, AB, AC));
        assert!(same(Rule::Shape, AB, AC));
    }

    #[test]
    fn pairs_stay_together() {
        let left = b"%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n";
        assert!(same(Rule::UnorderedPairs, left, b"%2\r\n+b\r\n:2\r\n+a\r\n:1\r\n"));
        assert!(!same(Rule::UnorderedPairs, left, b"%2\r\n+b\r\n:1\r\n+a\r\n:2\r\n"));
        assert!(!same(Rule::UnorderedPairs, left, b"*4\r\n+b\r\n:2\r\n+a\r\n:1\r\n"));
    }

    #[test]
    fn payloads_count_to_the_byte_unless_they_have_no_order_or_are_compressed() {
        let payload = |value: &[u8]| {
            let bytes = [value, &[0; 10]].concat();
            [format!("${}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n"].concat()
        };
        assert!(!same(Rule::Payload, &payload(b"\x00\x01a"), &payload(b"\x00\x01b")));
        assert!(same(Rule::Payload, &payload(b"\x02\x02\x01a\x01b"), &payload(b"\x02\x02\x01b\x01a")));
        assert!(!same(Rule::Payload, &payload(b"\x02\x02\x01a\x01b"), &payload(b"\x04\x02\x01a\x01b")));
        assert!(same(Rule::Payload, &payload(b"\x00\xC3\x01"), &payload(b"\x00\xC3\x02")));
        assert!(!same(Rule::Payload, &payload(b"\x00"), b"$-1\r\n"));
    }

    #[test]
    fn errors_and_nulls_are_always_exact() {
        for (_, rule, _) in RULES {
            assert!(!same(rule, b"-ERR a\r\n", b"-ERR b\r\n"), "{rule:?}");
            assert!(!same(rule, AB, b"-ERR b\r\n"), "{rule:?}");
            assert!(!same(rule, b"_\r\n", b"*0\r\n"), "{rule:?}");
        }
        assert!(!same(Rule::Shape, b"$-1\r\n", b"$1\r\na\r\n"));
    }

    #[test]
    fn times_may_differ_a_little_but_not_in_their_special_values() {
        assert!(same(Rule::Near(2), b":100\r\n", b":98\r\n"));
        assert!(!same(Rule::Near(2), b":100\r\n", b":97\r\n"));
        assert!(!same(Rule::Near(2), b":-1\r\n", b":-2\r\n"));
        assert!(!same(Rule::Near(2), b":-1\r\n", b":0\r\n"));
    }

    #[test]
    fn times_within_a_reply_may_differ_and_nothing_else() {
        let listed = |idle: u32, count: u32| {
            format!("*1\r\n*4\r\n$3\r\n1-1\r\n$1\r\na\r\n:{idle}\r\n:{count}\r\n").into_bytes()
        };
        assert!(same(Rule::Times, &listed(5, 1), &listed(900, 1)));
        assert!(!same(Rule::Times, &listed(5, 1), &listed(5, 2)));
        assert!(same(Rule::Times, b"*1\r\n:1700000000000\r\n", b"*1\r\n:1700000000999\r\n"));
        assert!(!same(Rule::Times, b"*1\r\n:17\r\n", b"*1\r\n:18\r\n"));
        assert!(same(Rule::Times, b"%1\r\n$4\r\nidle\r\n:1\r\n", b"%1\r\n$4\r\nidle\r\n:2\r\n"));
    }

    #[test]
    fn activity_is_passed_over_where_the_reference_does_not_tell_of_it() {
        let old = b"*1\r\n%2\r\n$4\r\nname\r\n$1\r\na\r\n$4\r\nidle\r\n:1\r\n";
        let new = b"*1\r\n%3\r\n$4\r\nname\r\n$1\r\na\r\n$4\r\nidle\r\n:1\r\n$8\r\ninactive\r\n:5\r\n";
        let never = b"*1\r\n%3\r\n$4\r\nname\r\n$1\r\na\r\n$4\r\nidle\r\n:1\r\n$8\r\ninactive\r\n:-1\r\n";
        assert!(same(Rule::TimesAndActivity, old, new));
        assert!(!same(Rule::Times, old, new));
        assert!(!same(Rule::TimesAndActivity, new, old), "only the subject may tell more");
        assert!(!same(Rule::TimesAndActivity, new, never), "where both tell of it, it counts");
        let old = b"*4\r\n$9\r\nseen-time\r\n:1\r\n$1\r\nx\r\n:1\r\n";
        let new = b"*6\r\n$9\r\nseen-time\r\n:1\r\n$11\r\nactive-time\r\n:-1\r\n$1\r\nx\r\n:1\r\n";
        assert!(same(Rule::TimesAndActivity, old, new));
        let field = b"*2\r\n$8\r\ninactive\r\n$1\r\n1\r\n";
        assert!(!same(Rule::TimesAndActivity, b"*0\r\n", field), "a field of an entry stays");
    }

    #[test]
    fn a_transaction_compares_each_reply_by_its_own_rule() {
        let exec = |second: &[u8]| [b"*2\r\n:1\r\n", second].concat();
        let rules = [Rule::Exact, Rule::Unordered];
        assert_eq!(transaction_difference(&rules, &exec(AB), &exec(BA)), None);
        let (left, right) = transaction_difference(&rules, &exec(AB), &exec(AC)).unwrap();
        assert_eq!((left.as_slice(), right.as_slice()), (AB, AC));
        assert!(transaction_difference(&rules[..1], &exec(AB), &exec(BA)).is_some());
        assert!(transaction_difference(&[], b"*-1\r\n", b"*0\r\n").is_some());
    }

    #[test]
    fn rules_are_found_by_command_and_subcommand_in_any_case() {
        let words = |text: &str| text.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
        assert_eq!(rule(&words("sMembers k")), Rule::Unordered);
        assert_eq!(rule(&words("object idletime k")), Rule::Near(2));
        assert_eq!(rule(&words("object encoding k")), Rule::Exact);
        assert_eq!(rule(&[]), Rule::Exact);
    }
}
