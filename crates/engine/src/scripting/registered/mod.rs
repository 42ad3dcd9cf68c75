//! Scripts that somebody approved: under a name and a version, for longer than the server runs.
//!
//! ```text
//!  script-directory/pay@2.lua, at the start ─┐
//!  SCRIPT REGISTER ─▶ log, snapshots ────────┴▶ table: pay@2, pay ─▶ digest ─▶ known scripts ─▶ EVALSHA pay
//! ```
//!
//! A registered script is a known one that SCRIPT FLUSH does not forget. With `script-mode registered` no others run, and
//! nobody brings code but who has the right to register some ([`refusal`]). Functions that are loaded stay callable.

mod commands;
mod directory;
mod keeping;
mod name;
mod payload;
mod refusal;
mod table;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

pub(super) use self::commands::{ScriptRegister, ScriptRegistered, ScriptUnregister};
pub(crate) use self::keeping::Kept;
pub use self::payload::fuzz_registered;
pub(crate) use self::refusal::CodeRule;
use self::refusal::Refusals;
use self::table::{Entry, Table};
use super::Scripts;
use super::known::{Digest, read};
use crate::config::{ProtectedAction, ScriptMode};

/// The registered scripts, and who may do what without them.
pub(crate) struct Registered {
    /// No other scripts run.
    is_required: bool,
    /// Who may register scripts, and bring code where only registered scripts run.
    right: ProtectedAction,
    /// Locked behind shards, before the known scripts; held for moments.
    table: RwLock<Table>,
    /// The table has some.
    has_any: AtomicBool,
    refusals: Refusals,
}

impl Registered {
    pub(super) fn new(settings: &crate::config::Scripts) -> Self {
        Self {
            is_required: settings.mode == ScriptMode::Registered,
            right: settings.enable_register,
            table: RwLock::default(),
            has_any: AtomicBool::new(false),
            refusals: Refusals::default(),
        }
    }

    fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scripts {
    /// The digest that a word of a call means: its own, or that of a registered script's name.
    pub(super) fn digest_called(&self, word: &[u8]) -> Option<Digest> {
        read(word).or_else(|| {
            let has_any = self.registered.has_any.load(Ordering::Relaxed);
            has_any.then(|| self.registered.table().called(word).map(|entry| entry.digest)).flatten()
        })
    }

    /// Changes the table, then what is known: the texts of `touched` scripts, and of those under their names and versions.
    fn change_registered<T>(&self, with: impl FnOnce(&mut Table, &mut Vec<std::sync::Arc<Entry>>) -> T) -> T {
        let mut table = self.registered.table.write().unwrap_or_else(PoisonError::into_inner);
        let mut touched = Vec::new();
        let result = with(&mut table, &mut touched);
        for entry in &touched {
            if table.is_in_force(&entry.digest) {
                self.known.register(entry.digest, &entry.source);
            } else {
                self.known.unregister(&entry.digest);
            }
        }
        self.registered.has_any.store(!table.is_empty(), Ordering::Relaxed);
        result
    }
}
