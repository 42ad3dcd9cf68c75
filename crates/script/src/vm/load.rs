//! From text to a function.

use std::ffi::{CStr, c_char};

use mlua_sys as ffi;

use super::stack::Stack;

/// What the compiler is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadOptions {
    /// Whether `redis` may mean something else later, as in libraries of functions.
    pub(crate) redis_changes: bool,
}

/// A list of names that ends in null, as the compiler wants it.
#[repr(transparent)]
struct Names<const N: usize>([*const c_char; N]);

// SAFETY: pointers to constants.
unsafe impl<const N: usize> Sync for Names<N> {}

/// Set for each call.
static CHANGING: Names<3> = Names([c"KEYS".as_ptr(), c"ARGV".as_ptr(), std::ptr::null()]);

static CHANGING_IN_LIBRARIES: Names<4> =
    Names([c"KEYS".as_ptr(), c"ARGV".as_ptr(), c"redis".as_ptr(), std::ptr::null()]);

/// Calls that must not take Luau's short cut: functions of Luau that ours stand in for, and one that libraries do not have
/// while they are loaded, which is to be missed before its arguments are.
static NOT_SHORTENED: Names<4> =
    Names([c"unpack".as_ptr(), c"table.unpack".as_ptr(), c"getmetatable".as_ptr(), std::ptr::null()]);

impl Stack<'_> {
    /// Compiles a text, which has to be in Luau's dialect already, and pushes the function, or why there is none.
    pub(crate) fn push_compiled(&mut self, source: &[u8], chunk: &CStr, options: LoadOptions) -> bool {
        let mut compile = ffi::lua_CompileOptions::default();
        compile.mutableGlobals =
            if options.redis_changes { CHANGING_IN_LIBRARIES.0.as_ptr() } else { CHANGING.0.as_ptr() };
        compile.disabledBuiltins = NOT_SHORTENED.0.as_ptr();
        // SAFETY: the lists end in null and live for ever; source and options are read only. Bytecode comes back, of a
        // failure too.
        let bytecode = unsafe { ffi::luau_compile(source, compile) };
        let load = |stack: &mut Self| {
            stack.reserve(1);
            // SAFETY: 1. Rule 2. 2. The bytecode was made by the compiler that belongs to this machine, just now: nothing else
            // is ever loaded. 3. 0 stands for the globals.
            unsafe {
                ffi::luau_load(stack.raw(), chunk.as_ptr(), bytecode.as_ptr().cast(), bytecode.len(), 0) == 0
            }
        };
        if options.redis_changes { load(self) } else { self.with_bare_globals(load) }
    }

    /// Runs `load`, which pushes one value and throws nothing, while the globals have no metatable.
    ///
    /// What is loaded looks up the globals that it names. One that is not there yet (`KEYS`) is nobody's fault, and the error
    /// that the metatable would throw is dearer than all the rest.
    fn with_bare_globals(&mut self, load: impl FnOnce(&mut Self) -> bool) -> bool {
        self.reserve(3);
        let raw = self.raw();
        // SAFETY: rule 2; the globals are always a table. Nothing is thrown before they have again what they had.
        unsafe {
            if ffi::lua_getmetatable(raw, ffi::LUA_GLOBALSINDEX) == 0 {
                return load(self);
            }
            let was_readonly = ffi::lua_getreadonly(raw, ffi::LUA_GLOBALSINDEX);
            ffi::lua_setreadonly(raw, ffi::LUA_GLOBALSINDEX, 0);
            ffi::lua_pushnil(raw);
            ffi::lua_setmetatable(raw, ffi::LUA_GLOBALSINDEX);
            let is_loaded = load(self);
            ffi::lua_insert(raw, -2);
            ffi::lua_setmetatable(raw, ffi::LUA_GLOBALSINDEX);
            ffi::lua_setreadonly(raw, ffi::LUA_GLOBALSINDEX, was_readonly);
            is_loaded
        }
    }
}
