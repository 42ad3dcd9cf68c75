//! `CLIENT PAUSE`: commands that wait until a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use spinel_family::UnixMillis;

use crate::ClientId;

/// Which commands wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PauseMode {
    /// Those that may write.
    Write,
    /// All.
    All,
}

#[derive(Debug, Default)]
struct State {
    until: Option<(UnixMillis, PauseMode)>,
    waiting: Vec<ClientId>,
}

/// The pause of a server.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    active: AtomicBool,
    /// Protects itself.
    state: Mutex<State>,
}

impl Pause {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether there may be a pause.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// The mode in force.
    pub(crate) fn mode(&self, now: UnixMillis) -> Option<PauseMode> {
        self.state().until.filter(|(until, _)| *until > now).map(|(_, mode)| mode)
    }

    /// Pauses; a pause in force is only ever made longer and stricter.
    pub(crate) fn begin(&self, until: UnixMillis, mode: PauseMode) {
        let mut state = self.state();
        state.until = Some(match state.until {
            Some((old, old_mode)) => (old.max(until), old_mode.max(mode)),
            None => (until, mode),
        });
        self.active.store(true, Ordering::Release);
    }

    /// Puts a client on the list of those to wake; false if the pause is over.
    pub(crate) fn wait(&self, client: ClientId, now: UnixMillis) -> bool {
        let mut state = self.state();
        if state.until.is_none_or(|(until, _)| until <= now) {
            return false;
        }
        if !state.waiting.contains(&client) {
            state.waiting.push(client);
        }
        true
    }

    /// Ends the pause; gives the clients to wake.
    pub(crate) fn end(&self) -> Vec<ClientId> {
        let mut state = self.state();
        state.until = None;
        self.active.store(false, Ordering::Release);
        std::mem::take(&mut state.waiting)
    }

    /// Ends the pause if its time is over; gives the clients to wake.
    pub(crate) fn end_if_over(&self, now: UnixMillis) -> Vec<ClientId> {
        if self.is_active() && self.mode(now).is_none() { self.end() } else { Vec::new() }
    }
}
