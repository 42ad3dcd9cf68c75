//! Asking a running script to look up, whichever engine runs it.

use std::sync::Arc;
#[cfg(feature = "python")]
use std::sync::atomic::{AtomicBool, Ordering};

use crate::vm;

/// Asks a running script to look up, from any thread. Harmless when nothing runs, or when the machine is gone: at worst the
/// next script looks up once.
#[derive(Clone, Debug)]
pub struct Interrupter(Arc<Ways>);

/// How the machines are reached.
#[derive(Debug)]
struct Ways {
    luau: Option<vm::Interrupter>,
    #[cfg(feature = "python")]
    bell: Option<Arc<AtomicBool>>,
}

impl Interrupter {
    pub(crate) fn of_luau(interrupter: vm::Interrupter) -> Self {
        Self(Arc::new(Ways {
            luau: Some(interrupter),
            #[cfg(feature = "python")]
            bell: None,
        }))
    }

    #[cfg(feature = "python")]
    pub(crate) fn of_bell(bell: Arc<AtomicBool>) -> Self {
        Self(Arc::new(Ways { luau: None, bell: Some(bell) }))
    }

    /// One that does what both do.
    #[cfg(feature = "python")]
    pub(crate) fn and(&self, other: &Self) -> Self {
        let luau = self.0.luau.as_ref().or(other.0.luau.as_ref()).cloned();
        let bell = self.0.bell.as_ref().or(other.0.bell.as_ref()).cloned();
        Self(Arc::new(Ways { luau, bell }))
    }

    /// A number that no other machine has, as long as this lives.
    #[must_use]
    pub fn machine(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Has the script ask [`Host::interrupted`](crate::Host::interrupted) soon, usually within microseconds.
    pub fn arm(&self) {
        if let Some(luau) = &self.0.luau {
            luau.arm();
        }
        #[cfg(feature = "python")]
        if let Some(bell) = &self.0.bell {
            bell.store(true, Ordering::Release);
        }
    }
}
