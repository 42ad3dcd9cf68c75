//! How registered scripts are named: `name@version`, or `name` for the latest version.
//!
//! A name is never what could be a digest, so that EVALSHA can take either. Versions are compared number by number: 1.10 is
//! later than 1.9, and 2.0 than 2.0-rc1.

use std::cmp::Ordering;
use std::fmt;

use crate::scripting::known::read;

/// Bytes of a name.
pub(super) const MAX_NAME_BYTES: usize = 128;
/// Bytes of a version.
pub(super) const MAX_VERSION_BYTES: usize = 32;
/// The version of a file that does not name one.
pub(super) const FIRST_VERSION: &str = "1";

/// What is wrong with a name.
pub(super) const BAD_NAME: &str = "a script's name must begin with a letter, have up to 128 of a-z A-Z 0-9 _ . : -, and not be 40 hexadecimal digits";
/// What is wrong with a version.
pub(super) const BAD_VERSION: &str =
    "a script's version must begin with a letter or digit and have up to 32 of a-z A-Z 0-9 _ . + -";

/// The name of a script.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(String);

impl Name {
    pub(super) fn new(text: &[u8]) -> Option<Self> {
        let is_fit = text.len() <= MAX_NAME_BYTES
            && text.first().is_some_and(u8::is_ascii_alphabetic)
            && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(byte))
            && read(text).is_none();
        if is_fit { String::from_utf8(text.to_vec()).ok().map(Self) } else { None }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The version of a script; the later is the greater.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version(String);

impl Version {
    pub(super) fn new(text: &[u8]) -> Option<Self> {
        let is_fit = text.len() <= MAX_VERSION_BYTES
            && text.first().is_some_and(u8::is_ascii_alphanumeric)
            && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.+-".contains(byte));
        if is_fit { String::from_utf8(text.to_vec()).ok().map(Self) } else { None }
    }

    pub(super) fn first() -> Self {
        Self(FIRST_VERSION.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut here, mut there) = (self.0.as_bytes(), other.0.as_bytes());
        while let (Some((a, here_behind)), Some((b, there_behind))) = (next_part(here), next_part(there)) {
            let order = compare_parts(a, b);
            if order != Ordering::Equal {
                return order;
            }
            (here, there) = (here_behind, there_behind);
        }
        let rest = match (here.first(), there.first()) {
            // What is added behind a hyphen comes before the version itself.
            (Some(b'-'), None) => Ordering::Less,
            (None, Some(b'-')) => Ordering::Greater,
            _ => here.len().cmp(&there.len()),
        };
        // 1.0 and 1.00 are two versions.
        rest.then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The number or the other character at the front, and what follows.
fn next_part(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if text.is_empty() { None } else { Some(text.split_at(digits.max(1))) }
}

fn compare_parts(a: &[u8], b: &[u8]) -> Ordering {
    if !a[0].is_ascii_digit() || !b[0].is_ascii_digit() {
        // A hyphen against anything else: what it stands behind is the earlier.
        return (a[0] != b'-', a[0]).cmp(&(b[0] != b'-', b[0]));
    }
    let number = |part: &[u8]| {
        let zeros = part.iter().take_while(|byte| **byte == b'0').count();
        part[zeros..].to_vec()
    };
    let (a, b) = (number(a), number(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(&b))
}

/// A name with a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) name: Name,
    pub(super) version: Version,
}

impl Id {
    /// Of `name@version`, or of a name alone, which means the first version.
    pub(super) fn of_file(stem: &[u8]) -> Result<Self, &'static str> {
        let (name, version) = match stem.iter().position(|byte| *byte == b'@') {
            Some(at) => (&stem[..at], Version::new(&stem[at + 1..]).ok_or(BAD_VERSION)?),
            None => (stem, Version::first()),
        };
        Ok(Self { name: Name::new(name).ok_or(BAD_NAME)?, version })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name.0, self.version.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        Version::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn versions_are_compared_number_by_number() {
        let sorted = [
            "1", "1.0", "1.2-rc1", "1.2-rc2", "1.2", "1.2+fix", "1.2.1", "1.9", "1.10", "2.0-rc1", "2.0",
            "10", "a",
        ];
        for (at, one) in sorted.iter().enumerate() {
            for other in &sorted[at + 1..] {
                assert!(version(one) < version(other), "{one} {other}");
            }
        }
        assert_ne!(version("1.0"), version("1.00"));
        assert_ne!(version("1.0").cmp(&version("1.00")), Ordering::Equal);
    }

    #[test]
    fn names_cannot_be_taken_for_digests_or_hide_anything() {
        for name in ["pay", "app:lock.acquire-2_x", &"a".repeat(128), &"a".repeat(39), &"a".repeat(41)] {
            assert!(Name::new(name.as_bytes()).is_some(), "{name}");
        }
        for name in [
            "",
            "1",
            "-x",
            "a b",
            "a@1",
            "a/b",
            "\u{e4}",
            "a\n",
            &"a".repeat(40),
            &"Ab".repeat(20),
            &"z".repeat(129),
        ] {
            assert!(Name::new(name.as_bytes()).is_none(), "{name}");
        }
        for version in ["", "-1", "1 2", "1@2", "1/2", "\u{e4}", &"1".repeat(33)] {
            assert!(Version::new(version.as_bytes()).is_none(), "{version}");
        }
        assert!(Name::new(b"\xFF").is_none() && Version::new(b"1\xFF").is_none());
    }

    #[test]
    fn a_file_says_its_name_and_perhaps_its_version() {
        assert_eq!(Id::of_file(b"pay@1.2").unwrap().to_string(), "pay@1.2");
        assert_eq!(Id::of_file(b"pay").unwrap().to_string(), "pay@1");
        assert_eq!(Id::of_file(b"pay@"), Err(BAD_VERSION));
        assert_eq!(Id::of_file(b"@1"), Err(BAD_NAME));
    }

    proptest! {
        #[test]
        fn versions_have_one_order(
            a in "[0-9a-b][0-9a-b.+-]{0,5}", b in "[0-9a-b][0-9a-b.+-]{0,5}", c in "[0-9a-b][0-9a-b.+-]{0,5}",
        ) {
            let (a, b, c) = (version(&a), version(&b), version(&c));
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
            prop_assert!(!(a <= b && b <= c) || a <= c);
        }
    }
}
