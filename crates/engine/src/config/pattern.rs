//! Glob patterns over bytes, as CONFIG GET and `include` take them.
//!
//! `*`, `?`, `[a-z]`, `[^a]` and `\` before a byte that stands for itself. Linear in practice: only the last
//! `*` is ever retried, so hostile patterns cost at most the product of both lengths.

/// Whether letters of either case match each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Exact,
    Ignored,
}

/// Whether all of `text` matches `pattern`.
pub(super) fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            retry = Some((p, t));
            continue;
        }
        let step = match (pattern.get(p..), text.get(t)) {
            (Some([]) | None, None) => return true,
            (Some(rest), Some(&byte)) if !rest.is_empty() => match_one(rest, byte, case),
            _ => None,
        };
        match (step, &mut retry) {
            (Some(used), _) => {
                p += used;
                t += 1;
            }
            (None, Some((after_star, start))) if *start < text.len() => {
                *start += 1;
                (p, t) = (*after_star, *start);
            }
            (None, _) => return false,
        }
    }
}

/// Whether the pattern has a special byte at all.
pub(super) fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// Matches one byte with the first element of a non-empty pattern; gives how many bytes the element took.
fn match_one(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    let same = |one: u8, other: u8| one == other || case == Case::Ignored && one.eq_ignore_ascii_case(&other);
    match *pattern {
        [b'?', ..] => Some(1),
        [b'[', ..] => match_set(pattern, byte, case),
        [b'\\', literal, ..] => same(literal, byte).then_some(2),
        [literal, ..] => same(literal, byte).then_some(1),
        [] => None,
    }
}

fn match_set(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    let fold = |byte: u8| if case == Case::Ignored { byte.to_ascii_lowercase() } else { byte };
    let is_negated = pattern.get(1) == Some(&b'^');
    let mut at = if is_negated { 2 } else { 1 };
    let mut is_member = false;
    loop {
        match pattern[at..] {
            [b'\\', literal, ..] => {
                is_member |= literal == byte;
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [] => break,
            [low, b'-', high, ..] => {
                let (low, high) = (fold(low), fold(high));
                is_member |= (low.min(high)..=low.max(high)).contains(&fold(byte));
                at += 3;
            }
            [literal, ..] => {
                is_member |= fold(literal) == fold(byte);
                at += 1;
            }
        }
    }
    (is_member != is_negated).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("max*", "maxmemory", true),
            ("*of", "slaveof", true),
            ("*a*b*c", "xxaxxbxxbc", true),
            ("*a*b*c", "xxaxxcxx", false),
            ("MAX?emory", "maxmemory", true),
            ("[l-m]ax", "max", true),
            ("[^m]ax", "max", false),
            ("[m", "m", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("a", "ab", false),
            ("ab", "a", false),
        ] {
            let found = matches(pattern.as_bytes(), text.as_bytes(), Case::Ignored);
            assert_eq!(found, expected, "{pattern} {text}");
        }
        assert!(!matches(b"A", b"a", Case::Exact));
    }

    #[test]
    fn a_pattern_of_many_stars_is_cheap() {
        let text = vec![b'a'; 5000];
        let pattern: Vec<u8> = b"*a".repeat(500).into_iter().chain([b'b']).collect();
        assert!(!matches(&pattern, &text, Case::Exact));
    }
}
