//! Libraries of functions: what is known of them, and the machine that runs them.
//!
//! ```text
//!  FUNCTION LOAD ─▶ machine compiles and runs the library ─▶ table: name ─▶ Library ─▶ files, log, FUNCTION LIST
//!  FCALL ─▶ table: function ─▶ machine ─▶ as every script
//! ```
//!
//! There is one machine for all libraries, for what a library keeps in its variables is seen by each of its functions. A
//! library that a file holds and that cannot be loaded (it is for another engine, perhaps) is kept as it is, without
//! functions: files that are written hold it again.

mod commands;
mod fcall;
mod loading;
mod payload;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use spinel_family::CommandError;
use spinel_script::{Engine as _, Engines, ScriptFlags};

pub(crate) use self::commands::COMMANDS;
pub(super) use self::fcall::{Fcall, FcallRo};
pub(crate) use self::payload::library_name;
use self::table::{Library, Registered, Table};
use super::machine::new_engines;
use crate::Engine;

/// What an engine for scripts has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) libraries: usize,
    pub(crate) functions: usize,
}

/// The libraries of an engine. The machine is locked before the table; shards before both.
#[derive(Default)]
pub(crate) struct Libraries {
    machine: Mutex<Option<Engines>>,
    /// Held for moments.
    table: Mutex<Table>,
}

impl Libraries {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn machine(&self) -> MutexGuard<'_, Option<Engines>> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The code of each, in the order of their names.
    pub(crate) fn list(&self) -> Vec<Vec<u8>> {
        self.table().libraries().map(|library| library.code.clone()).collect()
    }

    /// Whether there is a library of the name that this one gives itself.
    pub(crate) fn has_that_of(&self, code: &[u8]) -> bool {
        library_name(code).is_some_and(|name| self.table().library(name).is_some())
    }

    /// Forgets all, and the machine.
    pub(crate) fn clear(&self) {
        let mut machine = self.machine();
        *self.table() = Table::default();
        *machine = None;
    }

    /// The libraries whose names are wanted.
    fn matching(&self, is_wanted: impl Fn(&[u8]) -> bool) -> Vec<Arc<Library>> {
        self.table().libraries().filter(|library| is_wanted(&library.name)).cloned().collect()
    }

    /// How many libraries and functions each engine has. Lua is always there.
    pub(crate) fn counts(&self) -> BTreeMap<String, Count> {
        let mut counts = BTreeMap::from([("LUA".to_owned(), Count::default())]);
        for library in self.table().libraries() {
            let count = counts.entry(library.engine.clone()).or_default();
            count.libraries += 1;
            count.functions += library.functions.len();
        }
        counts
    }

    /// Bytes of the texts of all libraries.
    pub(crate) fn known_bytes(&self) -> usize {
        self.table().libraries().map(|library| library.code.len()).sum()
    }

    /// Bytes of the machine's values; 0 while it is at work.
    pub(crate) fn used_bytes(&self) -> usize {
        let machine = self.machine.try_lock().ok();
        machine.and_then(|machine| machine.as_ref().map(Engines::value_bytes)).unwrap_or(0)
    }

    /// What a function says of itself.
    pub(super) fn flags_of(&self, name: &[u8]) -> Option<ScriptFlags> {
        self.table().function(name).map(|function| function.flags)
    }

    /// The libraries with their machine, to call a function.
    pub(super) fn ready<'l>(&'l self, engine: &'l Engine) -> Ready<'l> {
        Ready { libraries: self, engine, machine: self.machine() }
    }

    /// As [`ready`](Self::ready), unless another thread has the machine.
    pub(super) fn try_ready<'l>(&'l self, engine: &'l Engine) -> Option<Ready<'l>> {
        let machine = match self.machine.try_lock() {
            Ok(machine) => machine,
            Err(TryLockError::Poisoned(machine)) => machine.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Ready { libraries: self, engine, machine })
    }

    /// A machine through which a panic went is replaced, and gets all libraries again.
    fn renew_if_broken(&self, engine: &Engine, machine: &mut Option<Engines>) -> Result<(), CommandError> {
        if !machine.as_ref().is_some_and(Engines::is_broken) {
            return Ok(());
        }
        *machine = None;
        let libraries: Vec<Arc<Library>> = std::mem::take(&mut *self.table()).into_libraries();
        let mut table = Table::default();
        for library in libraries {
            let again = loading::load(machine_of(engine, machine)?, &library.code, None);
            table.insert(again.map_or_else(|_| library.without_functions(), Arc::new));
        }
        *self.table() = table;
        Ok(())
    }
}

/// Libraries whose machine is taken.
pub(super) struct Ready<'l> {
    libraries: &'l Libraries,
    engine: &'l Engine,
    machine: MutexGuard<'l, Option<Engines>>,
}

impl Ready<'_> {
    /// A function, and the machine that has compiled it.
    pub(super) fn find(&mut self, name: &[u8]) -> Result<(Registered, &mut Engines), CommandError> {
        self.libraries.renew_if_broken(self.engine, &mut self.machine)?;
        let function = self.libraries.table().function(name).cloned();
        let function = function.ok_or(CommandError::text("ERR Function not found"))?;
        Ok((function, machine_of(self.engine, &mut self.machine)?))
    }
}

/// The machine; a new one if there is none.
fn machine_of<'m>(
    engine: &Engine,
    machine: &'m mut Option<Engines>,
) -> Result<&'m mut Engines, CommandError> {
    if machine.is_none() {
        *machine = new_engines(engine, Engines::for_libraries);
    }
    machine.as_mut().ok_or(CommandError::text("ERR there is not the memory to run functions"))
}
