//! What to look ahead to, as a command's grammar tells: the places of its keys, and of the elements it names.

use spinel_family::KeyRule;
use spinel_family::spec::{ArgKind, ArgSpec, Group, Spec};

/// Elements of one command that are fetched before it runs.
const MOST_ELEMENTS_AHEAD: usize = 16;

/// What of a command is fetched before it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ahead {
    /// It has no key.
    Nothing,
    /// The entry of its only key, which has this place.
    Entry { at: usize },
    /// That, and the collection with the elements.
    Collection { at: usize, elements: ElementRule },
    /// The entries of its keys.
    Entries(KeyRule),
}

impl Ahead {
    /// What is fetched of a command of this grammar.
    pub(crate) fn of(spec: &Spec, keys: KeyRule) -> Self {
        match (keys, spec.group) {
            (KeyRule::None, _) => Self::Nothing,
            (KeyRule::One { at }, Group::Hash | Group::Set | Group::SortedSet | Group::Geo | Group::List) => {
                Self::Collection { at, elements: ElementRule::of(spec, at) }
            }
            (KeyRule::One { at }, _) => Self::Entry { at },
            (KeyRule::Specs(_) | KeyRule::Words(_), _) => Self::Entries(keys),
        }
    }
}

/// Which words of a command are elements of the collection at its only key: fields or members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ElementRule {
    /// The place of the first, if there are no options before it. 0 if it names none.
    first: usize,
    /// Words from one to the next; 0 if there is no other.
    step: usize,
}

impl ElementRule {
    /// The rule of a command whose key has the place `at`, by what its grammar calls the words behind.
    fn of(spec: &Spec, at: usize) -> Self {
        let behind = spec.args.iter().skip_while(|arg| arg.kind != ArgKind::Key).skip(1);
        Self::among(behind, at + 1).unwrap_or(Self { first: 0, step: 0 })
    }

    /// The rule that these arguments make, the first of which has the place `at`.
    fn among<'a>(args: impl Iterator<Item = &'a ArgSpec>, mut at: usize) -> Option<Self> {
        for arg in args.filter(|arg| !arg.flags.optional) {
            let parts = if arg.kind == ArgKind::Block { arg.children } else { std::slice::from_ref(arg) };
            if !arg.token.is_empty()
                || parts.iter().any(|part| part.flags.optional || part.flags.multiple && parts.len() > 1)
            {
                return None;
            }
            if let Some(place) = parts.iter().position(|part| matches!(part.name, "field" | "member")) {
                return Some(Self {
                    first: at + place,
                    step: if arg.flags.multiple { parts.len() } else { 0 },
                });
            }
            if arg.flags.multiple {
                return None;
            }
            at += parts.len();
        }
        None
    }

    /// Calls `found` with the places of the first elements among so many words.
    #[inline]
    pub(super) fn each(self, words: usize, mut found: impl FnMut(usize)) {
        let Self { first, step } = self;
        if first == 0 || first >= words {
            return;
        }
        found(first);
        if step > 0 {
            (first + step..words).step_by(step).take(MOST_ELEMENTS_AHEAD - 1).for_each(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ahead, MOST_ELEMENTS_AHEAD};
    use crate::registry::REGISTRY;

    /// The words of a command that are looked ahead to in its collection; none if it does not work on one.
    fn elements(line: &str) -> Option<Vec<&str>> {
        let words: Vec<_> = line.split(' ').collect();
        let command = REGISTRY.find(words[0].as_bytes()).expect("there is this command");
        let Ahead::Collection { elements, .. } = command.ahead else { return None };
        let mut found = Vec::new();
        elements.each(words.len(), |at| found.push(words[at]));
        Some(found)
    }

    #[test]
    fn the_elements_of_a_command_are_those_its_grammar_calls_so() {
        for (line, expected) in [
            ("HGET k f", &["f"][..]),
            ("HMGET k f g", &["f", "g"]),
            ("HSET k f 1 g 2", &["f", "g"]),
            ("HINCRBY k f 2", &["f"]),
            ("HDEL k f g", &["f", "g"]),
            ("SADD k m n", &["m", "n"]),
            ("SISMEMBER k m", &["m"]),
            ("ZADD k 1 m 2 n", &["m", "n"]),
            ("ZINCRBY k 1 m", &["m"]),
            ("ZSCORE k m", &["m"]),
            ("ZRANK k m WITHSCORE", &["m"]),
            ("GEOADD k 1 2 m 3 4 n", &["m", "n"]),
            ("HGETALL k", &[]),
            ("HSET k", &[]),
            ("ZRANGE k 0 -1", &[]),
            ("SPOP k 3", &[]),
            ("HRANDFIELD k 3", &[]),
            ("LPUSH k a b", &[]),
        ] {
            assert_eq!(elements(line).as_deref(), Some(expected), "{line}");
        }
        for line in ["GET k", "DEL k", "SINTER k l", "EXPIRE k 1", "PING"] {
            assert_eq!(elements(line), None, "{line}");
        }
        let many = format!("SADD k{}", " m".repeat(MOST_ELEMENTS_AHEAD + 1));
        assert_eq!(elements(&many).map(|elements| elements.len()), Some(MOST_ELEMENTS_AHEAD));
    }
}
