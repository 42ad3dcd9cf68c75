//! The line by which a manifest says that its log was cut at a point in time.
//!
//! ```text
//! #SPINEL:1:restored:1767225600000:1767229200000
//!                    │             └ when it was cut, in milliseconds since 1970
//!                    └ what was written later than this was given up
//! ```
//!
//! It stands in the manifest because it has to come into force together with the cut.

/// What the line begins with.
const PREFIX: &str = "#SPINEL:1:restored:";

/// A cut at a point in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Restored {
    /// What was written later than this, in milliseconds since 1970, was given up.
    pub to_ms: u64,
    /// When it was cut.
    pub at_ms: u64,
}

impl Restored {
    pub(super) fn line(&self) -> String {
        format!("{PREFIX}{}:{}\n", self.to_ms, self.at_ms)
    }

    /// What a comment says; a comment of somebody else says nothing.
    pub(super) fn of_line(line: &[u8]) -> Option<Restored> {
        let line = std::str::from_utf8(line).ok()?;
        let (to, at) = line.strip_prefix(PREFIX)?.strip_suffix('\n')?.split_once(':')?;
        Some(Restored { to_ms: to.parse().ok()?, at_ms: at.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::Restored;
    use crate::manifest::Manifest;

    #[test]
    fn cuts_are_read_as_they_were_noted_and_those_undone_are_forgotten() {
        let mut manifest = Manifest::default();
        for (to_ms, at_ms) in [(100, 200), (300, 400), (250, 500), (600, 700)] {
            manifest.note_restored(Restored { to_ms, at_ms });
        }
        let left = [(100, 200), (250, 500), (600, 700)].map(|(to_ms, at_ms)| Restored { to_ms, at_ms });
        assert_eq!(manifest.restored(), left);
        let text = manifest.format() + "file a.1.incr.aof seq 1 type i\n";
        let read = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(read.restored(), left);
        assert_eq!(read.format(), text);
    }

    #[test]
    fn comments_of_others_say_nothing() {
        for line in [
            "#",
            "# restored",
            "#SPINEL:1:restored:1\n",
            "#SPINEL:1:restored:1:2",
            "#SPINEL:1:restored:x:2\n",
        ] {
            assert_eq!(Restored::of_line(line.as_bytes()), None, "{line}");
        }
    }
}
