//! Functions of ours that scripts call.
//!
//! A native is a plain function without captures. Each gets a C function of its own, made by the compiler, so that calling
//! it costs what a C function costs.

use std::borrow::Cow;
use std::ffi::{c_char, c_int};

use mlua_sys as ffi;

use super::context::Context;
use super::stack::Stack;

/// Why a native fails.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A text, in front of which the place in the script is put.
    Text(Cow<'static, [u8]>),
    /// The argument of this number is wrong, and how.
    Argument(i32, Cow<'static, [u8]>),
    /// The value on top of the stack is the error.
    Top,
}

impl Fault {
    /// A text that is known beforehand.
    pub(crate) fn text(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text.as_bytes()))
    }

    /// A text made now.
    pub(crate) fn said(text: impl Into<Vec<u8>>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }

    /// A wrong argument.
    pub(crate) fn argument(number: i32, what: &'static str) -> Self {
        Self::Argument(number, Cow::Borrowed(what.as_bytes()))
    }
}

/// What a native answers: how many values on top of the stack are its results.
pub(crate) type Answer = Result<i32, Fault>;

/// A function of ours: a function item, which has no size.
pub(crate) trait Native: Fn(&mut Stack<'_>) -> Answer + Copy + 'static {}

impl<F: Fn(&mut Stack<'_>) -> Answer + Copy + 'static> Native for F {}

/// The C function of a native.
pub(super) fn c_function<F: Native>(_: F) -> ffi::lua_CFunction {
    const { assert!(size_of::<F>() == 0, "a native captures nothing") };
    enter::<F>
}

/// Calls the native `F`.
///
/// # Safety
/// `raw` is a running state of a machine. An `F` exists: it was given to [`c_function`].
unsafe extern "C-unwind" fn enter<F: Native>(raw: *mut ffi::lua_State) -> c_int {
    let answer = {
        // SAFETY: 1. `F` has no size, so there is nothing to read. 2. A value of it was given when the function was made.
        let native: F = unsafe { std::ptr::NonNull::<F>::dangling().read() };
        // SAFETY: the running state; the stack ends with the call.
        native(&mut unsafe { Stack::new(raw) })
    };
    match answer {
        Ok(results) => results,
        // SAFETY: the running state.
        Err(fault) => unsafe { raise(raw, fault) },
    }
}

/// Throws what a fault says.
///
/// # Safety
/// `raw` is a running state, in a native that holds nothing any more.
#[cold]
unsafe fn raise(raw: *mut ffi::lua_State, fault: Fault) -> ! {
    match &fault {
        Fault::Top => {}
        // SAFETY: the running state.
        Fault::Text(text) => unsafe { push_with_place(raw, text) },
        Fault::Argument(number, what) => {
            // SAFETY: the running state, for this call.
            let name = unsafe { Stack::new(raw) }.function_name(0).unwrap_or_else(|| b"?".to_vec());
            let number = number.to_string();
            let text = [b"bad argument #", number.as_bytes(), b" to '", &name, b"' (", what, b")"].concat();
            // SAFETY: the running state.
            unsafe { push_with_place(raw, &text) };
        }
    }
    drop(fault);
    // SAFETY: the error is on top of the stack; what this frame held is dropped.
    unsafe { throw(raw) }
}

/// Throws the value on top of the stack.
///
/// # Safety
/// `raw` is a running state with a value on its stack.
pub(super) unsafe fn throw(raw: *mut ffi::lua_State) -> ! {
    // SAFETY: by the promise above; see rule 3 of the module.
    unsafe { ffi::lua_error(raw) }
}

/// Pushes the place of the caller and a text, as one string.
///
/// # Safety
/// `raw` is a running state.
unsafe fn push_with_place(raw: *mut ffi::lua_State, text: &[u8]) {
    // SAFETY: 1. These two may be called without room on the stack. 2. The place is a string on top of the stack.
    unsafe {
        ffi::lua_rawcheckstack(raw, 4);
        ffi::luaL_where(raw, 1);
        ffi::lua_pushlstring_(raw, text.as_ptr().cast::<c_char>(), text.len());
        ffi::lua_concat(raw, 2);
    }
}

/// The context of the machine that a state belongs to.
///
/// # Safety
/// `raw` belongs to a machine, which outlives the result.
pub(super) unsafe fn context_of<'l>(raw: *mut ffi::lua_State) -> &'l Context {
    // SAFETY: the machine put its context there when it was made, and keeps it as long as the state.
    unsafe { &*(*ffi::lua_callbacks(raw)).userdata.cast::<Context>() }
}
