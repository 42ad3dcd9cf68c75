//! Where the keys of a command stand, in the terms of Redis's key specifications.

/// What a command does with the keys of one specification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyFlags(u16);

impl KeyFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// Reads the value and may change it.
    pub const RW: Self = Self(1);
    /// Only reads the value.
    pub const RO: Self = Self(1 << 1);
    /// Overwrites the value without looking at it.
    pub const OW: Self = Self(1 << 2);
    /// Removes the key.
    pub const RM: Self = Self(1 << 3);
    /// Returns or copies what is stored.
    pub const ACCESS: Self = Self(1 << 4);
    /// Changes what is stored.
    pub const UPDATE: Self = Self(1 << 5);
    /// Adds without looking at what is there.
    pub const INSERT: Self = Self(1 << 6);
    /// Removes data.
    pub const DELETE: Self = Self(1 << 7);
    /// Not a key (a channel), though it is routed as one.
    pub const NOT_KEY: Self = Self(1 << 8);
    /// There may be keys the specification does not find.
    pub const INCOMPLETE: Self = Self(1 << 9);
    /// The flags depend on the arguments.
    pub const VARIABLE_FLAGS: Self = Self(1 << 10);

    const NAMES: [&'static str; 11] = [
        "RW",
        "RO",
        "OW",
        "RM",
        "access",
        "update",
        "insert",
        "delete",
        "not_key",
        "incomplete",
        "variable_flags",
    ];

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is set but for `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` is set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The wire names of the flags set, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        Self::NAMES.iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| *name)
    }
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this word (0 is the command's name).
    Index(i32),
    /// After this word, sought from word `start_from` on (negative: from the end).
    Keyword {
        /// The word, upper case.
        word: &'static str,
        /// Where the search starts.
        start_from: i32,
    },
    /// Nobody can say.
    Unknown,
}

/// How keys follow from where the search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// Every `step`-th word up to `last` (relative to the beginning; negative: from the end of the command),
    /// divided by `limit` if that is above 1.
    Range {
        /// The last word.
        last: i32,
        /// Words from key to key.
        step: i32,
        /// Divides the range when `last` is -1.
        limit: i32,
    },
    /// A number of keys stands at word `at`, the first key at `first`, both relative to the beginning.
    KeyNum {
        /// Where the number stands.
        at: i32,
        /// Where the first key stands.
        first: i32,
        /// Words from key to key.
        step: i32,
    },
    /// Nobody can say.
    Unknown,
}

/// One specification of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// What happens to the keys.
    pub flags: KeyFlags,
    /// Where the search begins.
    pub begin: Begin,
    /// How keys follow.
    pub find: Find,
    /// A remark, or empty.
    pub notes: &'static str,
}

/// What a call reaches besides the keys that the specifications of its command find.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach {
    /// The place of one more key, and what happens to it.
    pub key: Option<(usize, KeyFlags)>,
    /// Keys that no word names: they follow from the data, so that all must be held.
    pub is_beyond: bool,
}

/// Finds the reach of a call from its words, the name included.
pub type FindReach = for<'a> fn(&mut dyn Iterator<Item = &'a [u8]>) -> Reach;

impl KeySpec {
    /// Whether nobody can say where the keys are.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self.begin, Begin::Unknown)
    }

    /// Calls `found` with the index of each key among `words` (the name is word 0). `None` when the words do not
    /// fit the specification (a count that is no number or reaches beyond the end).
    pub fn each<'a>(
        &self,
        count: usize,
        word: impl Fn(usize) -> &'a [u8],
        mut found: impl FnMut(usize),
    ) -> Option<()> {
        let count = count as i64;
        let begin = match self.begin {
            Begin::Index(at) => i64::from(at),
            Begin::Keyword { word: keyword, start_from } => {
                let step: i64 = if start_from < 0 { -1 } else { 1 };
                let mut at =
                    if start_from < 0 { count + i64::from(start_from) } else { i64::from(start_from) };
                loop {
                    if at < 1 || at >= count {
                        return Some(());
                    }
                    if word(at as usize).eq_ignore_ascii_case(keyword.as_bytes()) {
                        break at + 1;
                    }
                    at += step;
                }
            }
            Begin::Unknown => return None,
        };
        let (first, last, step) = match self.find {
            Find::Range { last, step, limit } => {
                let last = if last >= 0 {
                    begin + i64::from(last)
                } else if limit <= 1 {
                    count + i64::from(last)
                } else {
                    begin + (count - begin) / i64::from(limit) + i64::from(last)
                };
                (begin, last, i64::from(step))
            }
            Find::KeyNum { at, first, step } => {
                let at = begin + i64::from(at);
                if at >= count {
                    return None;
                }
                let keys: i64 = std::str::from_utf8(word(at as usize)).ok()?.parse().ok()?;
                if keys < 0 {
                    return None;
                }
                let first = begin + i64::from(first);
                (
                    first,
                    first.checked_add(keys.checked_sub(1)?.checked_mul(i64::from(step))?)?,
                    i64::from(step),
                )
            }
            Find::Unknown => return None,
        };
        if last >= count || first < 0 {
            return None;
        }
        let mut at = first;
        while at <= last {
            found(at as usize);
            at += step;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(spec: KeySpec, line: &str) -> Option<Vec<usize>> {
        let words: Vec<&str> = line.split(' ').collect();
        let mut found = Vec::new();
        spec.each(words.len(), |i| words[i].as_bytes(), |i| found.push(i))?;
        Some(found)
    }

    fn spec(begin: Begin, find: Find) -> KeySpec {
        KeySpec { flags: KeyFlags::RO, begin, find, notes: "" }
    }

    #[test]
    fn ranges_count_from_either_end() {
        let pairs = spec(Begin::Index(1), Find::Range { last: -1, step: 2, limit: 0 });
        assert_eq!(keys(pairs, "mset a 1 b 2"), Some(vec![1, 3]));
        let but_last = spec(Begin::Index(1), Find::Range { last: -2, step: 1, limit: 0 });
        assert_eq!(keys(but_last, "blpop a b 0"), Some(vec![1, 2]));
        let half = spec(
            Begin::Keyword { word: "STREAMS", start_from: 1 },
            Find::Range { last: -1, step: 1, limit: 2 },
        );
        assert_eq!(keys(half, "xread count 2 streams a b 0 0"), Some(vec![4, 5]));
    }

    #[test]
    fn a_key_count_beyond_the_end_finds_nothing() {
        let counted = spec(Begin::Index(1), Find::KeyNum { at: 0, first: 1, step: 1 });
        assert_eq!(keys(counted, "sintercard 2 a b limit 3"), Some(vec![2, 3]));
        assert_eq!(keys(counted, "sintercard 9 a b"), None);
        assert_eq!(keys(counted, "sintercard x a b"), None);
        assert_eq!(keys(counted, "sintercard 9223372036854775807 a b"), None);
    }
}
