//! The line by which a manifest says that it belongs to a finished backup.
//!
//! ```text
//! #SPINEL:1:backup:1767225600:1767229200
//!                  │          └ when it was sealed, in seconds since 1970
//!                  └ when it was begun
//! ```

/// What the line begins with.
const PREFIX: &str = "#SPINEL:1:backup:";

/// When a backup was begun and sealed, in seconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// When it was begun.
    pub start_seconds: i64,
    /// When it was sealed.
    pub end_seconds: i64,
}

impl Sealed {
    /// The line.
    pub(crate) fn line(&self) -> String {
        format!("{PREFIX}{}:{}\n", self.start_seconds, self.end_seconds)
    }

    /// What the lines of a manifest say, if one of them is such a line.
    pub(crate) fn of_manifest(text: &[u8]) -> Option<Sealed> {
        text.split(|byte| *byte == b'\n').find_map(Self::of_line)
    }

    fn of_line(line: &[u8]) -> Option<Sealed> {
        let (start, end) = std::str::from_utf8(line).ok()?.strip_prefix(PREFIX)?.split_once(':')?;
        Some(Sealed { start_seconds: start.parse().ok()?, end_seconds: end.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::Sealed;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn a_line_is_read_as_it_was_written(start_seconds in any::<i64>(), end_seconds in any::<i64>()) {
            let sealed = Sealed { start_seconds, end_seconds };
            let text = format!("{}file a seq 1 type b\n", sealed.line());
            prop_assert_eq!(Sealed::of_manifest(text.as_bytes()), Some(sealed));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Sealed::of_manifest(&bytes);
            let _ = Sealed::of_manifest(&[super::PREFIX.as_bytes(), &bytes].concat());
        }
    }
}
