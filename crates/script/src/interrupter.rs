//! Asking a running script to look up, whichever engine runs it.

#[cfg(feature = "python")]
use std::sync::Arc;
#[cfg(feature = "python")]
use std::sync::atomic::{AtomicBool, Ordering};

use crate::vm;

/// Asks a running script to look up, from any thread. Harmless when nothing runs, or when the machine is gone: at worst the
/// next script looks up once.
#[derive(Clone, Debug)]
pub struct Interrupter {
    luau: Option<vm::Interrupter>,
    #[cfg(feature = "python")]
    bell: Option<Arc<AtomicBool>>,
}

impl Interrupter {
    pub(crate) fn of_luau(interrupter: vm::Interrupter) -> Self {
        Self {
            luau: Some(interrupter),
            #[cfg(feature = "python")]
            bell: None,
        }
    }

    #[cfg(feature = "python")]
    pub(crate) fn of_bell(bell: Arc<AtomicBool>) -> Self {
        Self { luau: None, bell: Some(bell) }
    }

    /// One that does what both do.
    #[cfg(feature = "python")]
    pub(crate) fn and(self, other: &Self) -> Self {
        Self { luau: self.luau.or(other.luau.clone()), bell: self.bell.or(other.bell.clone()) }
    }

    /// Whether both are of the same machine.
    pub fn is_same(&self, other: &Self) -> bool {
        #[cfg(feature = "python")]
        if let (Some(bell), Some(other)) = (&self.bell, &other.bell) {
            return Arc::ptr_eq(bell, other);
        }
        matches!((&self.luau, &other.luau), (Some(luau), Some(other)) if luau.is_same(other))
    }

    /// Has the script ask [`Host::interrupted`](crate::Host::interrupted) soon, usually within microseconds.
    pub fn arm(&self) {
        if let Some(luau) = &self.luau {
            luau.arm();
        }
        #[cfg(feature = "python")]
        if let Some(bell) = &self.bell {
            bell.store(true, Ordering::Release);
        }
    }
}
