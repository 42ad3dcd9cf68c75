//! A Luau state and what belongs to it.

use std::ffi::c_int;
use std::ptr::NonNull;

use mlua_sys as ffi;

use super::context::Context;
use super::interrupt::Interrupter;
use super::memory::{Memory, allocate};
use super::stack::{Stack, Status};
use crate::host::Host;

/// The collector begins when there is so much, in percent of what was left after it last ended.
const GARBAGE_PERCENT: c_int = 400;

/// A value that a machine keeps until it is released: a compiled script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reference(pub(super) c_int);

impl Reference {
    pub(crate) fn of(number: i32) -> Self {
        Self(number)
    }

    pub(crate) fn number(self) -> i32 {
        self.0
    }
}

/// A Lua machine. See the rules of the parent module.
pub(crate) struct Machine {
    raw: NonNull<ffi::lua_State>,
    // From boxes, freed after the state was closed, which points to both.
    memory: NonNull<Memory>,
    context: NonNull<Context>,
    interrupter: Interrupter,
    /// [`run_given`], once it is there.
    runner: Option<Reference>,
    /// A panic went through the machine.
    is_broken: bool,
}

// SAFETY: rule 6: nothing in a machine belongs to a thread, and `&mut` keeps it to one at a time. The host that the context
// knows is there only while a call runs.
unsafe impl Send for Machine {}

impl Machine {
    /// A machine with Luau's libraries, or nothing if there is not the memory for one.
    pub(crate) fn new(limit_bytes: usize) -> Option<Self> {
        let memory = NonNull::from(Box::leak(Box::new(Memory::new(limit_bytes))));
        // SAFETY: the account is freed after the state is closed, or never.
        let raw = NonNull::new(unsafe { ffi::lua_newstate(allocate, memory.as_ptr().cast()) })?;
        let context = NonNull::from(Box::leak(Box::<Context>::default()));
        // SAFETY: 1. The state is new and ours. 2. The context is freed after the state is closed, or never.
        let callbacks = unsafe {
            let callbacks = NonNull::new(ffi::lua_callbacks(raw.as_ptr()))?;
            (*callbacks.as_ptr()).userdata = context.as_ptr().cast();
            callbacks
        };
        let mut machine = Self {
            raw,
            memory,
            context,
            interrupter: Interrupter::new(callbacks),
            runner: None,
            is_broken: false,
        };
        let mut runner = None;
        let opened = machine.protect(|stack| {
            // Between calls whoever makes them collects; within a call this is for long ones.
            // SAFETY: sets a number.
            unsafe { ffi::lua_gc(stack.raw(), ffi::LUA_GCSETGOAL, GARBAGE_PERCENT) };
            // SAFETY: called in a protected function of the state, with room on its stack.
            unsafe { open_libraries(stack.raw()) };
            // SAFETY: as for the libraries.
            unsafe { ffi::lua_pushcclosurek(stack.raw(), run_given, std::ptr::null(), 0, None) };
            runner = Some(stack.keep());
        });
        machine.runner = runner;
        (opened == Status::Ok).then_some(machine)
    }

    /// Runs `with` on the stack so that errors end here; the error, if there is one, is left on the stack.
    ///
    /// # Panics
    /// When `with` does; the machine is of no use then.
    pub(crate) fn protect<F: FnOnce(&mut Stack<'_>)>(&mut self, with: F) -> Status {
        self.run(Given::Nothing, with)
    }

    /// As [`Machine::protect`], with the error that the last call left as the only value on the stack.
    pub(crate) fn protect_error<F: FnOnce(&mut Stack<'_>)>(&mut self, with: F) -> Status {
        self.run(Given::Error, with)
    }

    /// As [`Machine::protect`], while functions of the machine can reach the host. Errors are left as `handler` makes them.
    pub(crate) fn protect_with<F: FnOnce(&mut Stack<'_>)>(
        &mut self,
        host: &mut dyn Host,
        handler: Option<Reference>,
        with: F,
    ) -> Status {
        let host: NonNull<dyn Host + '_> = NonNull::from(host);
        // SAFETY: only the lifetime changes. The host is taken out of the context again before this function returns, or
        // panics; nothing else keeps it.
        let host: NonNull<dyn Host + 'static> = unsafe { std::mem::transmute(host) };
        struct Absent<'c>(&'c Context);
        impl Drop for Absent<'_> {
            fn drop(&mut self) {
                self.0.set_host(None);
            }
        }
        // SAFETY: the context lives as long as the machine, which is borrowed here.
        let context: &Context = unsafe { &*self.context.as_ptr() };
        context.set_host(Some(host));
        let _absent = Absent(context);
        let status = self.run(handler.map_or(Given::Nothing, Given::Handler), with);
        if self.stack().is_interrupted() {
            self.interrupter.disarm();
        }
        context.forget_verdict();
        status
    }

    fn run<F: FnOnce(&mut Stack<'_>)>(&mut self, given: Given, with: F) -> Status {
        if self.is_broken {
            return Status::Broken;
        }
        let mut with = Some(with);
        let mut errand = Errand { with: (&raw mut with).cast(), run: run_errand::<F> };
        let (raw, errand) = (self.raw.as_ptr(), (&raw mut errand).cast());
        self.is_broken = true;
        // SAFETY: 1. The state is ours. 2. `run_given` is given the errand, which lives until the call returns, as what it
        // expects. 3. Outside of all calls there is room for twenty values, and nothing of this but what is protected throws.
        // 4. Below an error that is given there is at most a handler.
        let status = unsafe {
            match self.runner {
                None => ffi::lua_cpcall(raw, run_given, errand),
                Some(runner) => {
                    let has_error = matches!(given, Given::Error) && ffi::lua_gettop(raw) > 0;
                    let handler = match given {
                        Given::Handler(handler) => {
                            ffi::lua_settop(raw, 0);
                            ffi::lua_rawgeti_(raw, ffi::LUA_REGISTRYINDEX, handler.0);
                            1
                        }
                        Given::Nothing => {
                            ffi::lua_settop(raw, 0);
                            0
                        }
                        Given::Error => 0,
                    };
                    ffi::lua_rawgeti_(raw, ffi::LUA_REGISTRYINDEX, runner.0);
                    ffi::lua_pushlightuserdatatagged(raw, errand, 0);
                    if has_error {
                        ffi::lua_pushvalue(raw, -3);
                    }
                    ffi::lua_pcall(raw, 1 + c_int::from(has_error), 0, handler)
                }
            }
        };
        self.is_broken = false;
        Status::from_raw(status)
    }

    /// The stack, for what throws no errors: reading what a protected call left.
    pub(crate) fn stack(&mut self) -> Stack<'_> {
        // SAFETY: the state is ours, and borrowed as long as the stack.
        unsafe { Stack::new(self.raw.as_ptr()) }
    }

    pub(crate) fn interrupter(&self) -> &Interrupter {
        &self.interrupter
    }

    pub(crate) fn context(&self) -> &Context {
        // SAFETY: it lives as long as the machine.
        unsafe { self.context.as_ref() }
    }

    pub(crate) fn used_bytes(&self) -> usize {
        self.memory().used_bytes()
    }

    fn memory(&self) -> &Memory {
        // SAFETY: it lives as long as the machine.
        unsafe { self.memory.as_ref() }
    }

    /// Whether a panic went through it.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.interrupter.detach();
        if self.is_broken {
            // What a panic left behind is not to be walked over: it is given up, with all that it points to.
            return;
        }
        // SAFETY: 1. The state is ours and not used again. 2. Memory and context came from boxes, and nobody but the state
        // pointed to them.
        unsafe {
            ffi::lua_close(self.raw.as_ptr());
            drop(Box::from_raw(self.memory.as_ptr()));
            drop(Box::from_raw(self.context.as_ptr()));
        }
    }
}

/// What is on the stack when a protected call begins.
enum Given {
    Nothing,
    /// The error that the last call left.
    Error,
    /// What errors are handed to where they are thrown, out of sight.
    Handler(Reference),
}

/// What [`Machine::run`] has [`run_given`].
struct Errand {
    /// An `Option<F>`.
    with: *mut (),
    /// [`run_errand`] for the same `F`.
    run: unsafe fn(*mut (), &mut Stack<'_>),
}

/// Calls what an errand carries.
///
/// # Safety
/// `with` points to an `Option<F>`, and to nobody else's.
unsafe fn run_errand<F: FnOnce(&mut Stack<'_>)>(with: *mut (), stack: &mut Stack<'_>) {
    // SAFETY: by the promise above.
    let with = unsafe { &mut *with.cast::<Option<F>>() };
    if let Some(with) = with.take() {
        with(stack);
    }
}

/// Runs what [`Machine::run`] was given.
///
/// # Safety
/// Called as a function of Lua, with an [`Errand`] as its first argument.
unsafe extern "C-unwind" fn run_given(raw: *mut ffi::lua_State) -> c_int {
    // SAFETY: by the promise above, and there is a first argument to take away.
    let errand = unsafe {
        let errand = ffi::lua_tolightuserdata(raw, 1).cast::<Errand>();
        ffi::lua_remove(raw, 1);
        &*errand
    };
    // SAFETY: the running state; the stack ends with the call.
    let mut stack = unsafe { Stack::new(raw) };
    // SAFETY: whoever made the errand put in what belongs together.
    unsafe { (errand.run)(errand.with, &mut stack) };
    0
}

/// Opens the libraries that scripts see parts of.
///
/// # Safety
/// `raw` is a running state with room on its stack.
unsafe fn open_libraries(raw: *mut ffi::lua_State) {
    let libraries: [(&std::ffi::CStr, ffi::lua_CFunction); 5] = [
        (c"", ffi::luaopen_base),
        (c"table", ffi::luaopen_table),
        (c"string", ffi::luaopen_string),
        (c"math", ffi::luaopen_math),
        (c"coroutine", ffi::luaopen_coroutine),
    ];
    for (name, open) in libraries {
        // SAFETY: by the promise above; a library opens itself when it is called with its name.
        unsafe {
            ffi::lua_rawcheckstack(raw, 4);
            ffi::lua_pushcclosurek(raw, open, std::ptr::null(), 0, None);
            ffi::lua_pushlstring_(raw, name.as_ptr(), name.count_bytes());
            ffi::lua_call(raw, 1, 0);
        }
    }
}
