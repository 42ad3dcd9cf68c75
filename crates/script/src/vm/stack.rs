//! The values of a running function: pushed, read and checked.

use std::borrow::Cow;
use std::ffi::{CStr, c_int};
use std::marker::PhantomData;

use mlua_sys as ffi;

use super::context::Context;
use super::machine::Reference;
use super::native::{Native, c_function, context_of};
use super::number::push_number;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No value: an index above the top.
    None,
    Nil,
    Boolean,
    /// A bare pointer; the null pointer stands for JSON's `null`.
    Pointer,
    Number,
    String,
    Table,
    Function,
    UserData,
    Thread,
    /// What Lua 5.1 does not know and scripts cannot make.
    Other,
}

impl Kind {
    /// The name that Lua 5.1 gives it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "no value",
            Self::Nil => "nil",
            Self::Boolean => "boolean",
            Self::Pointer | Self::UserData | Self::Other => "userdata",
            Self::Number => "number",
            Self::String => "string",
            Self::Table => "table",
            Self::Function => "function",
            Self::Thread => "thread",
        }
    }
}

/// How a protected call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    /// An error was thrown; it is on top of the stack.
    Failed,
    /// There was not the memory; a text is on top of the stack.
    OutOfMemory,
    /// The machine is of no use any more; nothing was run.
    Broken,
}

impl Status {
    pub(super) fn from_raw(raw: c_int) -> Self {
        match raw {
            ffi::LUA_OK => Self::Ok,
            ffi::LUA_ERRMEM => Self::OutOfMemory,
            _ => Self::Failed,
        }
    }
}

/// The stack of a running function. Indices count from 1 at the first argument.
pub(crate) struct Stack<'l> {
    raw: *mut ffi::lua_State,
    life: PhantomData<&'l Context>,
}

impl<'l> Stack<'l> {
    /// # Safety
    /// `raw` is a state of a machine that lives, and is used by nothing else, for `'l`.
    pub(super) unsafe fn new(raw: *mut ffi::lua_State) -> Self {
        Self { raw, life: PhantomData }
    }

    pub(super) fn raw(&mut self) -> *mut ffi::lua_State {
        self.raw
    }

    pub(super) fn raw_shared(&self) -> *mut ffi::lua_State {
        self.raw
    }

    /// What functions of ours share.
    pub(crate) fn context(&self) -> &'l Context {
        // SAFETY: by the promise of `new`.
        unsafe { context_of(self.raw) }
    }

    pub(crate) fn top(&self) -> i32 {
        // SAFETY: a running state.
        unsafe { ffi::lua_gettop(self.raw) }
    }

    /// An index of a value.
    ///
    /// # Panics
    /// If there is none: a bug in a function of ours.
    pub(super) fn at(&self, index: i32) -> c_int {
        assert!(index >= 1 && index <= self.top(), "no value at {index}");
        index
    }

    /// Whether there is room for so many values more, of what Lua 5.1 has room for.
    pub(crate) fn has_room(&mut self, values: i32) -> bool {
        // SAFETY: not negative.
        self.top().saturating_add(values) <= super::tables::ROOM_OF_LUA_5_1
            && unsafe { ffi::lua_checkstack(self.raw, values.max(0)) } != 0
    }

    /// Room for `values` more.
    pub(super) fn reserve(&mut self, values: c_int) {
        // SAFETY: not negative; there may be the memory lacking, and then an error is thrown.
        unsafe { ffi::lua_rawcheckstack(self.raw, values) };
    }

    /// Drops values until `top` are left.
    pub(crate) fn truncate(&mut self, top: i32) {
        if top < self.top() {
            // SAFETY: not above the top.
            unsafe { ffi::lua_settop(self.raw, top.max(0)) };
        }
    }

    /// Drops values, or adds nils, until there are `top`.
    pub(crate) fn resize(&mut self, top: i32) {
        self.truncate(top);
        while self.top() < top {
            self.push_nil();
        }
    }

    pub(crate) fn pop(&mut self) {
        self.truncate(self.top() - 1);
    }
}

/// Reading.
impl Stack<'_> {
    pub(crate) fn kind(&self, index: i32) -> Kind {
        assert!(index >= 1, "no value at {index}");
        // SAFETY: positive indices above the top are answered with LUA_TNONE.
        match unsafe { ffi::lua_type(self.raw, index) } {
            ffi::LUA_TNONE => Kind::None,
            ffi::LUA_TNIL => Kind::Nil,
            ffi::LUA_TBOOLEAN => Kind::Boolean,
            ffi::LUA_TLIGHTUSERDATA => Kind::Pointer,
            ffi::LUA_TNUMBER => Kind::Number,
            ffi::LUA_TSTRING => Kind::String,
            ffi::LUA_TTABLE => Kind::Table,
            ffi::LUA_TFUNCTION => Kind::Function,
            ffi::LUA_TUSERDATA => Kind::UserData,
            ffi::LUA_TTHREAD => Kind::Thread,
            _ => Kind::Other,
        }
    }

    /// Whether a value counts as true.
    pub(crate) fn is_true(&self, index: i32) -> bool {
        // SAFETY: rule 1.
        unsafe { ffi::lua_toboolean(self.raw, self.at(index)) != 0 }
    }

    /// A number that is one.
    pub(crate) fn number(&self, index: i32) -> Option<f64> {
        // SAFETY: rule 1; of a number nothing is converted.
        (self.kind(index) == Kind::Number)
            .then(|| unsafe { ffi::lua_tonumberx(self.raw, index, std::ptr::null_mut()) })
    }

    /// A number, or what a string reads as.
    pub(crate) fn to_number(&self, index: i32) -> Option<f64> {
        if self.kind(index) == Kind::None {
            return None;
        }
        let mut is_number = 0;
        // SAFETY: rule 1; the value itself is not changed.
        let number = unsafe { ffi::lua_tonumberx(self.raw, index, &raw mut is_number) };
        (is_number != 0).then_some(number)
    }

    /// The bytes of a string that is one.
    pub(crate) fn bytes(&self, index: i32) -> Option<&[u8]> {
        if self.kind(index) != Kind::String {
            return None;
        }
        let mut len = 0;
        // SAFETY: rules 1 and 5; a string is not converted, so nothing is thrown.
        unsafe {
            let start = ffi::lua_tolstring(self.raw, index, &raw mut len);
            Some(std::slice::from_raw_parts(start.cast(), len))
        }
    }

    /// The bytes of a string, or a number as text.
    pub(crate) fn text(&self, index: i32) -> Option<Cow<'_, [u8]>> {
        if let Some(number) = self.number(index) {
            let mut text = Vec::new();
            push_number(number, &mut text);
            return Some(Cow::Owned(text));
        }
        self.bytes(index).map(Cow::Borrowed)
    }

    /// Whether it is the null pointer.
    pub(crate) fn is_null_pointer(&self, index: i32) -> bool {
        // SAFETY: rule 1, checked by the kind.
        self.kind(index) == Kind::Pointer && unsafe { ffi::lua_tolightuserdata(self.raw, index) }.is_null()
    }

    /// The name that the function `level` calls up was made with.
    pub(crate) fn function_name(&self, level: i32) -> Option<Vec<u8>> {
        // SAFETY: all fields may be zero.
        let mut info: ffi::lua_Debug = unsafe { std::mem::zeroed() };
        // SAFETY: as for `place`.
        let is_there =
            level >= 0 && unsafe { ffi::lua_getinfo(self.raw, level, c"n".as_ptr(), &raw mut info) } != 0;
        if !is_there || info.name.is_null() {
            return None;
        }
        // SAFETY: text that ends in a zero and lives as long as the function.
        Some(unsafe { CStr::from_ptr(info.name) }.to_bytes().to_vec())
    }

    /// Source and line of the function `level` calls up; no line for a function of ours.
    pub(crate) fn place(&self, level: i32) -> Option<(Vec<u8>, Option<i32>)> {
        // SAFETY: all fields may be zero.
        let mut info: ffi::lua_Debug = unsafe { std::mem::zeroed() };
        // SAFETY: a running state; levels that are not there are answered with 0, and these letters push nothing.
        let is_there =
            level >= 0 && unsafe { ffi::lua_getinfo(self.raw, level, c"sl".as_ptr(), &raw mut info) } != 0;
        if !is_there || info.source.is_null() {
            return None;
        }
        // SAFETY: text that ends in a zero and lives as long as the function, which is running.
        let source = unsafe { CStr::from_ptr(info.source) }.to_bytes().to_vec();
        Some((source, (info.currentline > 0).then_some(info.currentline)))
    }
}

/// Pushing.
impl Stack<'_> {
    pub(crate) fn push_nil(&mut self) {
        self.reserve(1);
        // SAFETY: rule 2.
        unsafe { ffi::lua_pushnil(self.raw) };
    }

    pub(crate) fn push_boolean(&mut self, value: bool) {
        self.reserve(1);
        // SAFETY: rule 2.
        unsafe { ffi::lua_pushboolean(self.raw, c_int::from(value)) };
    }

    pub(crate) fn push_number(&mut self, number: f64) {
        self.reserve(1);
        // SAFETY: rule 2.
        unsafe { ffi::lua_pushnumber(self.raw, number) };
    }

    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        self.reserve(1);
        // SAFETY: rules 2 and 3; the bytes are copied.
        unsafe { ffi::lua_pushlstring_(self.raw, bytes.as_ptr().cast(), bytes.len()) };
    }

    pub(crate) fn push_null_pointer(&mut self) {
        self.reserve(1);
        // SAFETY: rule 2; nobody looks behind the pointer.
        unsafe { ffi::lua_pushlightuserdatatagged(self.raw, std::ptr::null_mut(), 0) };
    }

    /// Pushes the value at `index` once more.
    pub(crate) fn push_copy(&mut self, index: i32) {
        let index = self.at(index);
        self.reserve(1);
        // SAFETY: rules 1 and 2.
        unsafe { ffi::lua_pushvalue(self.raw, index) };
    }

    /// Moves the top to `index`, and what is there up.
    pub(crate) fn insert(&mut self, index: i32) {
        let index = self.at(index);
        // SAFETY: rule 1.
        unsafe { ffi::lua_insert(self.raw, index) };
    }

    /// Takes the value at `index` away.
    pub(crate) fn remove(&mut self, index: i32) {
        let index = self.at(index);
        // SAFETY: rule 1.
        unsafe { ffi::lua_remove(self.raw, index) };
    }

    /// Pushes a function of ours.
    pub(crate) fn push_native<F: Native>(&mut self, name: &CStr, native: F) {
        self.push_native_with(name, native, 0);
    }

    /// As [`Stack::push_native`]; the function takes `values` from the top along.
    pub(crate) fn push_native_with<F: Native>(&mut self, name: &CStr, native: F, values: i32) {
        assert!(values >= 0 && values <= self.top(), "values that are there");
        self.reserve(1);
        // SAFETY: rules 1 and 2.
        unsafe { ffi::lua_pushcclosurek(self.raw, c_function(native), name.as_ptr(), values, None) };
    }

    /// Pushes what the running native took along as its value `number`, from 1; nil if it did not.
    pub(crate) fn push_taken(&mut self, number: i32) {
        assert!((1..=255).contains(&number), "a native takes 255 values at most");
        self.reserve(1);
        // SAFETY: an index of a value that was not taken along is answered with nil.
        unsafe {
            if ffi::lua_type(self.raw, ffi::lua_upvalueindex(number)) == ffi::LUA_TNONE {
                ffi::lua_pushnil(self.raw);
            } else {
                ffi::lua_pushvalue(self.raw, ffi::lua_upvalueindex(number));
            }
        }
    }
}

/// Calling and keeping.
impl Stack<'_> {
    /// Calls the function below `arguments` values; errors go through. Leaves so many results, or all.
    pub(crate) fn call(&mut self, arguments: i32, results: Option<i32>) {
        assert!(arguments >= 0 && arguments < self.top(), "function and arguments are there");
        let results = results.unwrap_or(ffi::LUA_MULTRET);
        if results > 0 {
            self.reserve(results);
        }
        // SAFETY: rules 1 to 3; a value that is no function is an error of Lua.
        unsafe { ffi::lua_call(self.raw, arguments, results) };
    }

    /// Calls the function below `arguments` values; an error is left on the stack in place of the results, as `handler`
    /// (an index, or 0) makes it.
    pub(crate) fn call_protected(&mut self, arguments: i32, results: Option<i32>, handler: i32) -> Status {
        assert!(arguments >= 0 && arguments < self.top(), "function and arguments are there");
        let handler = if handler == 0 { 0 } else { self.at(handler) };
        let results = results.unwrap_or(ffi::LUA_MULTRET);
        if results > 0 {
            self.reserve(results);
        }
        // SAFETY: rules 1 to 3.
        Status::from_raw(unsafe { ffi::lua_pcall(self.raw, arguments, results, handler) })
    }

    /// Keeps the value on top, which it takes.
    pub(crate) fn keep(&mut self) -> Reference {
        let top = self.at(self.top());
        // SAFETY: rule 1.
        let reference = unsafe { ffi::lua_ref(self.raw, top) };
        self.pop();
        Reference(reference)
    }

    /// Pushes a value that is kept.
    pub(crate) fn push_kept(&mut self, reference: Reference) {
        self.reserve(1);
        // SAFETY: rule 2; a number that is not in use reads as nil.
        unsafe { ffi::lua_rawgeti_(self.raw, ffi::LUA_REGISTRYINDEX, reference.0) };
    }

    /// Keeps a value no longer.
    pub(crate) fn release(&mut self, reference: Reference) {
        // SAFETY: the reference was given by `keep` and is released once, as its owner promises.
        unsafe { ffi::lua_unref(self.raw, reference.0) };
    }

    /// KiB in use.
    pub(crate) fn used_kib(&mut self) -> usize {
        // SAFETY: only counts.
        let kib = unsafe { ffi::lua_gc(self.raw, ffi::LUA_GCCOUNT, 0) };
        usize::try_from(kib).unwrap_or(0)
    }

    /// Bytes in use.
    pub(crate) fn used_bytes(&mut self) -> f64 {
        // SAFETY: only counts.
        let (kib, rest) = unsafe {
            (ffi::lua_gc(self.raw, ffi::LUA_GCCOUNT, 0), ffi::lua_gc(self.raw, ffi::LUA_GCCOUNTB, 0))
        };
        f64::from(kib) * 1024.0 + f64::from(rest)
    }

    /// Frees everything that is not reachable.
    pub(crate) fn collect(&mut self) {
        // SAFETY: rule 3.
        unsafe { ffi::lua_gc(self.raw, ffi::LUA_GCCOLLECT, 0) };
    }

    /// Collects a little; whether a round was finished.
    pub(crate) fn collect_step(&mut self, kib: i32) -> bool {
        // SAFETY: rule 3.
        unsafe { ffi::lua_gc(self.raw, ffi::LUA_GCSTEP, kib.max(0)) != 0 }
    }
}
