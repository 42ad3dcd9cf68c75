//! Panics are bugs. One inside a command becomes an error reply and a counter; any other leaves a part of the server dead
//! while the rest goes on, so whoever owns the process ends it.
//!
//! Threads that run commands catch their panics by themselves and say so here, for the process's hook, which is asked before
//! anything is caught.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CATCHES: Cell<bool> = const { Cell::new(false) };
}

/// The body of a thread that catches the panics of single commands.
///
/// # Panics
/// If another one gets out of the body; the hook hears of it a second time, as of one that nobody catches.
pub fn catching_those_of_commands(body: impl FnOnce()) {
    CATCHES.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(body));
    CATCHES.set(false);
    assert!(outcome.is_ok(), "a thread that runs commands ended in a panic outside of them");
}

/// Whether somebody may catch a panic of the calling thread.
#[must_use]
pub fn may_be_caught() -> bool {
    CATCHES.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_outside_of_commands_is_not_kept_quiet() {
        assert!(!may_be_caught());
        let run = || catching_those_of_commands(|| assert!(!may_be_caught(), "a bug"));
        assert!(catch_unwind(run).is_err());
        assert!(!may_be_caught());
        catching_those_of_commands(|| assert!(may_be_caught()));
    }
}
