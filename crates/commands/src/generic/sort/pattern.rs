//! Patterns of `BY` and `GET`: the name of a key with an asterisk for the element, perhaps with the name of a field.
//!
//! ```text
//! weight_*      the string at `weight_` and the element
//! user:*->name  the field `name` of the hash at `user:` and the element
//! #             the element itself
//! ```
//! As in Redis the asterisk, and the arrow behind it, are looked for as in C: only before the first zero byte.

use spinel_family::{CommandSettings, Key, QueryContext, printed};
use spinel_store::{Text, ValueRef};

/// What a pattern means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern<'a> {
    /// The element.
    Element,
    /// Nothing: it has no asterisk.
    Nothing,
    /// A key, or a field of it.
    Key { before: &'a [u8], behind: &'a [u8], field: Option<&'a [u8]> },
}

impl<'a> Pattern<'a> {
    pub(super) fn new(word: &'a [u8]) -> Self {
        let seen = printed(word);
        if seen == b"#" {
            return Self::Element;
        }
        let Some(asterisk) = seen.iter().position(|&byte| byte == b'*') else { return Self::Nothing };
        let arrow = seen[asterisk + 1..].windows(2).position(|pair| pair == b"->");
        let arrow = arrow.map(|at| asterisk + 1 + at).filter(|at| at + 2 < seen.len());
        Self::Key {
            before: &word[..asterisk],
            behind: &word[asterisk + 1..arrow.unwrap_or(word.len())],
            field: arrow.map(|at| &word[at + 2..]),
        }
    }

    pub(super) fn has_asterisk(word: &[u8]) -> bool {
        printed(word).contains(&b'*')
    }
}

/// Looks keys up for patterns.
pub(super) struct Lookups<'c, 'k> {
    cx: &'c QueryContext<'k>,
    /// The name of the key looked up last; its room is used again.
    name: Vec<u8>,
    /// Keys that were missed because their time had come.
    expired: Vec<Box<[u8]>>,
}

impl<'c, 'k> Lookups<'c, 'k> {
    pub(super) fn new(cx: &'c QueryContext<'k>) -> Self {
        Self { cx, name: Vec::new(), expired: Vec::new() }
    }

    /// The context itself.
    pub(super) fn context(&self) -> &'c QueryContext<'k> {
        self.cx
    }

    pub(super) fn settings(&self) -> &'k CommandSettings {
        self.cx.settings()
    }

    pub(super) fn into_expired(self) -> Vec<Box<[u8]>> {
        self.expired
    }

    /// What a pattern means for an element, if it is there and of the right type.
    pub(super) fn find(&mut self, pattern: &Pattern<'_>, element: Text<'c>) -> Option<Text<'c>> {
        let (before, behind, field) = match *pattern {
            Pattern::Element => return Some(element),
            Pattern::Nothing => return None,
            Pattern::Key { before, behind, field } => (before, behind, field),
        };
        self.name.clear();
        self.name.extend_from_slice(before);
        element.with_bytes(|element| self.name.extend_from_slice(element));
        self.name.extend_from_slice(behind);
        let key = Key::new(&self.name, self.cx.hash_key());
        let Some(entry) = self.cx.find(key) else {
            if self.cx.held().shard(key.hash).db(self.cx.db()).find(key).is_some() {
                self.expired.push(self.name.as_slice().into());
            }
            return None;
        };
        match (entry.value(), field) {
            (ValueRef::String(text), None) => Some(text),
            (ValueRef::Hash(hash), Some(field)) => hash.get(field, self.cx.now()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_counts_behind_the_asterisk_and_before_a_name() {
        let key = |before: &'static str, behind: &'static str, field: Option<&'static str>| Pattern::Key {
            before: before.as_bytes(),
            behind: behind.as_bytes(),
            field: field.map(str::as_bytes),
        };
        for (word, pattern) in [
            ("#", Pattern::Element),
            ("##", Pattern::Nothing),
            ("", Pattern::Nothing),
            ("a*", key("a", "", None)),
            ("*->f", key("", "", Some("f"))),
            ("a*b->f->g", key("a", "b", Some("f->g"))),
            ("a*->", key("a", "->", None)),
            ("a->*", key("a->", "", None)),
            ("*->f\0g", key("", "", Some("f\0g"))),
            ("*->\0g", key("", "->\0g", None)),
            ("a\0*", Pattern::Nothing),
        ] {
            assert_eq!(Pattern::new(word.as_bytes()), pattern, "{word:?}");
        }
    }
}
