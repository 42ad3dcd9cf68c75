//! What earlier runs of a script teach about the next: how far it reaches, whether it writes, and how long it takes.
//!
//! Habits only choose where and under which locks a script runs; what it does is the same everywhere.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use memchr::memmem::Finder;
use spinel_script::{Language, script_head};

use super::containment::is_contained;

/// A run that is no longer than this is brief.
const BRIEF_NANOS: u64 = 300_000;
/// A run that is longer than this belongs on the thread of scripts.
pub(super) const LONG_NANOS: u64 = 2_000_000;
/// Brief runs that a script owes before it runs on an event loop.
const FIRST_OWED: u32 = 2;
/// The most that it owes after long runs.
const MOST_OWED: u32 = 4096;

/// The habits of one script or function.
#[derive(Debug)]
pub(super) struct Habits {
    needs_all: AtomicBool,
    writes: AtomicBool,
    brief_runs: AtomicU32,
    owed_runs: AtomicU32,
    /// It waits for another process, which an event loop must not.
    waits: bool,
    containment: AtomicU8,
}

/// Whether a text shows that its script reaches for declared keys only.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Containment {
    /// Nobody has looked: it is only worth it for scripts that run more than once.
    Unseen,
    Contained,
    Open,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            needs_all: AtomicBool::new(false),
            writes: AtomicBool::new(false),
            brief_runs: AtomicU32::new(0),
            owed_runs: AtomicU32::new(FIRST_OWED),
            waits: false,
            containment: AtomicU8::new(Containment::Open as u8),
        }
    }
}

impl Habits {
    /// The habits to expect of any script in a language. Where stepping back costs a process, it is taken to write.
    pub(super) fn of_language(language: Language) -> Self {
        let habits = Self { waits: language != Language::Lua, ..Self::default() };
        if habits.waits {
            habits.note_write();
        }
        habits
    }

    /// The habits to expect of a script. One that cannot go back to where it was is brief without having shown it.
    pub(super) fn of(source: &[u8]) -> Self {
        let language = script_head(source).map_or(Language::Lua, |head| head.language);
        let habits = Self::of_language(language);
        if is_straight(source) {
            habits.owed_runs.store(0, Ordering::Relaxed);
        }
        if language == Language::Lua {
            habits.set_containment(Containment::Unseen);
        }
        habits
    }

    /// It waits for another process, and never runs on an event loop.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// Whether it never reaches for keys that it does not declare, as its text shows.
    pub(super) fn is_contained(&self, source: &[u8]) -> bool {
        let unseen = Containment::Unseen as u8;
        if self.containment.load(Ordering::Relaxed) == unseen {
            let seen = if is_contained(source) { Containment::Contained } else { Containment::Open };
            // An escape noted meanwhile says more than the text.
            let _ =
                self.containment.compare_exchange(unseen, seen as u8, Ordering::Relaxed, Ordering::Relaxed);
        }
        self.is_known_contained()
    }

    /// As [`Habits::is_contained`], as far as somebody has looked.
    pub(super) fn is_known_contained(&self) -> bool {
        self.containment.load(Ordering::Relaxed) == Containment::Contained as u8
    }

    /// What its text shows is not so.
    pub(super) fn note_escape(&self) {
        self.set_containment(Containment::Open);
    }

    fn set_containment(&self, containment: Containment) {
        self.containment.store(containment as u8, Ordering::Relaxed);
    }

    /// It has reached for keys that it did not declare.
    pub(super) fn needs_all(&self) -> bool {
        self.needs_all.load(Ordering::Relaxed)
    }

    pub(super) fn note_need_of_all(&self) {
        self.needs_all.store(true, Ordering::Relaxed);
    }

    /// It has written.
    pub(super) fn writes(&self) -> bool {
        self.writes.load(Ordering::Relaxed)
    }

    pub(super) fn note_write(&self) {
        if !self.writes() {
            self.writes.store(true, Ordering::Relaxed);
        }
    }

    /// It may run on an event loop, where others wait for it.
    pub(super) fn is_brief(&self) -> bool {
        !self.waits && self.brief_runs.load(Ordering::Relaxed) >= self.owed_runs.load(Ordering::Relaxed)
    }

    /// A run has ended after so long.
    pub(super) fn note_run(&self, nanos: u64) {
        if nanos > LONG_NANOS {
            let owed = self.owed_runs.load(Ordering::Relaxed).saturating_mul(2).clamp(FIRST_OWED, MOST_OWED);
            self.owed_runs.store(owed, Ordering::Relaxed);
            self.brief_runs.store(0, Ordering::Relaxed);
        } else if nanos <= BRIEF_NANOS && !self.is_brief() {
            self.brief_runs.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether a source has nothing in it that could make it go round: loops, functions (which may call themselves) and texts that
/// are compiled. What may look like that in a comment or a text is taken for it.
fn is_straight(source: &[u8]) -> bool {
    static ROUNDABOUT: LazyLock<[Finder<'_>; 5]> =
        LazyLock::new(|| ["while", "for", "repeat", "function", "load"].map(Finder::new));
    !ROUNDABOUT.iter().any(|word| word.find(source).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_goes_straight_on_is_brief_from_the_beginning() {
        assert!(Habits::of(b"return redis.call('GET', KEYS[1])").is_brief());
        for source in ["while true do end", "for i = 1, 2 do end", "loadstring('x')()", "repeat until false"]
        {
            assert!(!Habits::of(source.as_bytes()).is_brief(), "{source}");
        }
    }

    #[test]
    fn a_text_is_looked_at_when_somebody_asks_whether_it_is_contained() {
        let source = b"return redis.call('GET', KEYS[1])";
        let habits = Habits::of(source);
        assert!(!habits.is_known_contained());
        assert!(habits.is_contained(source) && habits.is_known_contained());
        habits.note_escape();
        assert!(!habits.is_contained(source) && !habits.is_known_contained());
    }

    #[cfg(feature = "python")]
    #[test]
    fn a_script_in_python_is_never_brief() {
        let habits = Habits::of(b"#!python\nreturn 1");
        for nanos in [1, LONG_NANOS + 1] {
            habits.note_run(nanos);
        }
        (0..2 * MOST_OWED).for_each(|_| habits.note_run(1));
        assert!(!habits.is_brief() && habits.writes() && !habits.needs_all());
    }

    #[test]
    fn a_script_is_brief_when_it_was_so_often_enough_since_it_last_was_not() {
        let habits = Habits::default();
        assert!(!habits.is_brief());
        habits.note_run(1);
        habits.note_run(BRIEF_NANOS + 1);
        assert!(!habits.is_brief());
        habits.note_run(1);
        assert!(habits.is_brief());
        habits.note_run(LONG_NANOS + 1);
        for _ in 0..2 * FIRST_OWED {
            assert!(!habits.is_brief());
            habits.note_run(1);
        }
        assert!(habits.is_brief());
    }
}
