//! `notify-keyspace-events`: the classes of events that are published, as a set of flags.

/// A set of event classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotifyFlags(u16);

impl NotifyFlags {
    /// No events at all.
    pub const NONE: Self = Self(0);
    /// `K`: publish on `__keyspace@<db>__:<key>`.
    pub const KEYSPACE: Self = Self(1 << 0);
    /// `E`: publish on `__keyevent@<db>__:<event>`.
    pub const KEYEVENT: Self = Self(1 << 1);
    /// `g`: commands of no particular type.
    pub const GENERIC: Self = Self(1 << 2);
    /// `$`: strings.
    pub const STRING: Self = Self(1 << 3);
    /// `l`: lists.
    pub const LIST: Self = Self(1 << 4);
    /// `s`: sets.
    pub const SET: Self = Self(1 << 5);
    /// `h`: hashes.
    pub const HASH: Self = Self(1 << 6);
    /// `z`: sorted sets.
    pub const ZSET: Self = Self(1 << 7);
    /// `x`: expired keys.
    pub const EXPIRED: Self = Self(1 << 8);
    /// `e`: evicted keys.
    pub const EVICTED: Self = Self(1 << 9);
    /// `t`: streams.
    pub const STREAM: Self = Self(1 << 10);
    /// `m`: look-ups that found nothing.
    pub const KEY_MISS: Self = Self(1 << 11);
    /// `d`: module types.
    pub const MODULE: Self = Self(1 << 13);
    /// `n`: new keys.
    pub const NEW: Self = Self(1 << 14);
    /// `a`: arrays.
    pub const ARRAY: Self = Self(1 << 15);
    /// What stands for "all" in Redis 7.0: `g$lshzxetd`, without the rare `m` and `n`.
    const ALL_BUT_ARRAYS: Self = Self(
        Self::GENERIC.0
            | Self::STRING.0
            | Self::LIST.0
            | Self::SET.0
            | Self::HASH.0
            | Self::ZSET.0
            | Self::EXPIRED.0
            | Self::EVICTED.0
            | Self::STREAM.0
            | Self::MODULE.0,
    );
    /// `A`: what stands for "all".
    pub const ALL: Self = Self(Self::ALL_BUT_ARRAYS.0 | Self::ARRAY.0);

    /// The letters in the order in which they are printed, with what they stand for; the first nine and `t`,
    /// `d`, `a` are folded into `A` when all are there.
    const LETTERS: [(u8, Self); 15] = [
        (b'g', Self::GENERIC),
        (b'$', Self::STRING),
        (b'l', Self::LIST),
        (b's', Self::SET),
        (b'h', Self::HASH),
        (b'z', Self::ZSET),
        (b'x', Self::EXPIRED),
        (b'e', Self::EVICTED),
        (b't', Self::STREAM),
        (b'd', Self::MODULE),
        (b'a', Self::ARRAY),
        (b'n', Self::NEW),
        (b'K', Self::KEYSPACE),
        (b'E', Self::KEYEVENT),
        (b'm', Self::KEY_MISS),
    ];

    /// Reads the letters; `None` when one is unknown.
    pub fn parse(letters: &[u8]) -> Option<Self> {
        let mut flags = Self::NONE;
        for &letter in letters {
            let class = match letter {
                b'A' => Self::ALL,
                _ => Self::LETTERS.iter().find(|(known, _)| *known == letter)?.1,
            };
            flags.0 |= class.0;
        }
        // To Redis 7.0 these letters and `A` are the same.
        if flags.contains(Self::ALL_BUT_ARRAYS) {
            flags.0 |= Self::ARRAY.0;
        }
        Some(flags)
    }

    /// The letters in canonical order. As in the reference 7.0, `n` is not printed beside `A`.
    pub fn letters(self) -> Vec<u8> {
        let mut out = Vec::new();
        let all = self.contains(Self::ALL);
        if all {
            out.push(b'A');
        }
        for (letter, class) in Self::LETTERS {
            let folded = all && (Self::ALL.contains(class) || class == Self::NEW);
            if !folded && self.contains(class) {
                out.push(letter);
            }
        }
        out
    }

    /// The bits, one a class, in the order of Redis's own.
    pub fn bits(self) -> u32 {
        u32::from(self.0)
    }

    /// Whether every class of `other` is in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether an event of one class has to be published at all: the class is wanted and a channel kind is.
    pub fn wants(self, class: Self) -> bool {
        self.contains(class) && self.0 & (Self::KEYSPACE.0 | Self::KEYEVENT.0) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_print_in_canonical_order() {
        for (given, printed) in [
            ("", ""),
            ("KEA", "AKE"),
            ("g$lshzxetda", "A"),
            ("g$lshzxetd", "A"),
            ("EKx", "xKE"),
            ("mnKx", "xnKm"),
            ("AnK", "AK"),
            ("g$lshzxe", "g$lshzxe"),
        ] {
            let flags = NotifyFlags::parse(given.as_bytes()).expect("known letters");
            assert_eq!(flags.letters(), printed.as_bytes(), "{given}");
        }
        assert_eq!(NotifyFlags::parse(b"Kq"), None);
    }

    #[test]
    fn a_class_without_a_channel_kind_is_not_wanted() {
        let parse = |letters: &str| NotifyFlags::parse(letters.as_bytes()).expect("known letters");
        assert!(!parse("x").wants(NotifyFlags::EXPIRED));
        assert!(parse("Ex").wants(NotifyFlags::EXPIRED));
        assert!(!parse("Ex").wants(NotifyFlags::STRING));
    }
}
