//! What a thread that runs commands keeps from one to the next, so that a call begins without building anything: the
//! state of its random numbers, and the notes of the look-ups of the running command.

use std::cell::{Cell, RefCell};

/// See the module. One for each thread; between commands it holds no notes.
#[derive(Debug)]
pub struct Scratch {
    pub(super) random: Cell<u64>,
    hits: Cell<u64>,
    misses: Cell<u64>,
    saw_expired: Cell<bool>,
    /// Any key was missed whose miss is an event, or met after its time.
    has_notes: Cell<bool>,
    missed: RefCell<Vec<Box<[u8]>>>,
    /// The hash of the key that became ready, while a blocked command is tried again for it.
    pub(super) ready_hash: Cell<Option<u64>>,
}

/// The next random number of a generator (xorshift64*).
pub(super) fn next_random(state: &Cell<u64>) -> u64 {
    let mut x = state.get();
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    state.set(x);
    x.wrapping_mul(0x2545_F491_4F6C_DD1D)
}

impl Scratch {
    /// Without notes; `seed` starts the random numbers and is not 0.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: Cell::new(seed),
            hits: Cell::default(),
            misses: Cell::default(),
            saw_expired: Cell::default(),
            has_notes: Cell::default(),
            missed: RefCell::default(),
            ready_hash: Cell::default(),
        }
    }

    /// Another one, for commands within a command; its random numbers go on from this one's.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::new(next_random(&self.random) | 1)
    }

    /// A random number.
    #[inline]
    #[must_use]
    pub fn random(&self) -> u64 {
        next_random(&self.random)
    }

    /// The state of the random numbers.
    #[must_use]
    pub fn random_state(&self) -> &Cell<u64> {
        &self.random
    }

    /// Drops the notes of a command that did not come to its end.
    pub fn forget(&self) {
        self.take_counts();
        self.take_expired();
        self.missed.take();
        self.ready_hash.take();
    }

    #[inline]
    pub(super) fn note_hit(&self) {
        self.hits.set(self.hits.get() + 1);
    }

    /// Takes back the note of the last hit: the command is run again elsewhere.
    #[cold]
    pub(super) fn forget_hit(&self) {
        self.hits.set(self.hits.get().saturating_sub(1));
    }

    #[inline]
    pub(super) fn note_miss(&self) {
        self.misses.set(self.misses.get() + 1);
    }

    /// Notes a key whose miss is an event.
    #[cold]
    pub(super) fn note_missed(&self, key: &[u8]) {
        self.has_notes.set(true);
        self.missed.borrow_mut().push(key.into());
    }

    /// Notes that a key was met whose time has come, which must be removed.
    #[cold]
    pub(super) fn note_expired(&self) {
        self.has_notes.set(true);
        self.saw_expired.set(true);
    }

    /// Hits and misses of look-ups that no command took to its effects, which begin anew.
    #[inline]
    pub fn take_counts(&self) -> (u64, u64) {
        (self.hits.take(), self.misses.take())
    }

    /// Whether a key was missed whose miss is an event, or met after its time.
    #[inline]
    #[must_use]
    pub fn has_notes(&self) -> bool {
        self.has_notes.get()
    }

    pub(super) fn saw_expired(&self) -> bool {
        self.saw_expired.get()
    }

    pub(super) fn take_missed(&self) -> Vec<Box<[u8]>> {
        if self.has_notes.get() { self.missed.take() } else { Vec::new() }
    }

    /// Ends the notes; says whether a key was met whose time has come.
    pub(super) fn take_expired(&self) -> bool {
        self.has_notes.set(false);
        self.saw_expired.take()
    }
}
