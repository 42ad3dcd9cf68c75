//! Stopping a script from outside.
//!
//! Luau looks at one pointer at every back edge, call and return, and within long pattern matches; it costs nothing while it
//! is null. [`Interrupter::arm`] sets it from any thread. The script's own thread then asks the host what to do. Once the
//! host wants an end, every further look throws the same error: no `pcall` of the script gets anywhere.

use std::ffi::c_int;
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mlua_sys as ffi;

use super::native::{Fault, context_of, throw};
use super::stack::Stack;
use crate::host::Verdict;

/// The callbacks of a machine, until it ends.
#[derive(Clone, Copy)]
struct Callbacks(NonNull<ffi::lua_Callbacks>);

// SAFETY: through this pointer only the field `interrupt` is touched, atomically, which Luau allows from any thread; and only
// under the lock that the machine takes to end.
unsafe impl Send for Callbacks {}

/// Asks a running script to look up, from any thread. Harmless when nothing runs, or when the machine is gone.
#[derive(Clone)]
pub(crate) struct Interrupter(Arc<Mutex<Option<Callbacks>>>);

impl fmt::Debug for Interrupter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interrupter")
    }
}

impl Interrupter {
    pub(super) fn new(callbacks: NonNull<ffi::lua_Callbacks>) -> Self {
        Self(Arc::new(Mutex::new(Some(Callbacks(callbacks)))))
    }

    /// Has the script ask [`Host::interrupted`](crate::Host::interrupted) soon, usually within microseconds.
    pub(crate) fn arm(&self) {
        self.set(true);
    }

    pub(super) fn disarm(&self) {
        self.set(false);
    }

    /// From now on nothing is touched any more: the machine is about to end.
    pub(super) fn detach(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn set(&self, armed: bool) {
        let callbacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Callbacks(callbacks)) = *callbacks {
            // SAFETY: the state lives: it detaches under this lock before it ends.
            unsafe { point(callbacks, armed) };
        }
    }
}

/// Sets or clears the pointer.
///
/// # Safety
/// The state that the callbacks belong to lives.
unsafe fn point(callbacks: NonNull<ffi::lua_Callbacks>, armed: bool) {
    let function: *mut () = if armed { on_interrupt as *mut () } else { std::ptr::null_mut() };
    // SAFETY: 1. The field is a pointer to a function or null, of the size and alignment of a pointer. 2. All of our
    // accesses to it are atomic; Luau reads it whole, and its header allows that it be set from any thread.
    unsafe {
        let field = &raw mut (*callbacks.as_ptr()).interrupt;
        AtomicPtr::from_ptr(field.cast::<*mut ()>()).store(function, Ordering::Release);
    }
}

impl Stack<'_> {
    /// Whether somebody wants the script to look up.
    pub(super) fn is_interrupted(&mut self) -> bool {
        // SAFETY: the running state.
        let callbacks = unsafe { ffi::lua_callbacks(self.raw()) };
        // SAFETY: as in `point`: the field is a pointer's size and alignment, and read atomically.
        let function = unsafe {
            let field = &raw mut (*callbacks).interrupt;
            AtomicPtr::from_ptr(field.cast::<*mut ()>()).load(Ordering::Acquire)
        };
        !function.is_null()
    }

    /// Does within a long function of ours what Luau does within scripts: asks the host, if somebody wants that.
    ///
    /// # Errors
    /// If the script is to end.
    pub(crate) fn look_up(&mut self) -> Result<(), Fault> {
        if !self.is_interrupted() {
            return Ok(());
        }
        match self.context().verdict() {
            Verdict::Continue | Verdict::KeepAsking => Ok(()),
            Verdict::Stop(text) => {
                crate::lua::errors::push_error_table(self, &text);
                Err(Fault::Top)
            }
        }
    }
}

/// Called by Luau in the script's thread while the pointer is set. `gc` is not negative within the collector, where nothing
/// may be thrown.
///
/// # Safety
/// `raw` is a running state of a machine.
unsafe extern "C-unwind" fn on_interrupt(raw: *mut ffi::lua_State, gc: c_int) {
    if gc >= 0 {
        return;
    }
    // SAFETY: Luau gives the running state, whose context lives as long as it.
    let context = unsafe { context_of(raw) };
    match context.verdict() {
        Verdict::Continue => {
            // SAFETY: the state lives, for it is running.
            if let Some(callbacks) = NonNull::new(unsafe { ffi::lua_callbacks(raw) }) {
                // SAFETY: as above.
                unsafe { point(callbacks, false) };
            }
        }
        Verdict::KeepAsking => {}
        Verdict::Stop(text) => {
            {
                // SAFETY: the running state, for as long as this block.
                let mut stack = unsafe { Stack::new(raw) };
                crate::lua::errors::push_error_table(&mut stack, &text);
            }
            drop(text);
            // SAFETY: the error is on top of the stack, and this frame holds nothing any more.
            unsafe { throw(raw) }
        }
    }
}
