//! Tables on the stack.

use std::ffi::{CStr, c_int};

use mlua_sys as ffi;

use super::stack::{Kind, Stack};

/// How many values a function may have on its stack in Lua 5.1 (`LUAI_MAXCSTACK`): limits that scripts can see follow from
/// it. Luau itself has room for a million.
pub(crate) const ROOM_OF_LUA_5_1: i32 = 8000;

impl Stack<'_> {
    /// The index of a table.
    ///
    /// # Panics
    /// If it is none: a bug in a function of ours.
    fn table(&self, index: i32) -> i32 {
        assert_eq!(self.kind(index), Kind::Table, "a table at {index}");
        index
    }

    /// Pushes a table with room for so many elements and fields.
    pub(crate) fn push_table(&mut self, elements: usize, fields: usize) {
        /// Room asked for beforehand; what is more grows.
        const MOST: usize = 1 << 20;
        let room = |wanted: usize| i32::try_from(wanted.min(MOST)).unwrap_or(0);
        self.reserve(1);
        // SAFETY: rules 2 and 3.
        unsafe { ffi::lua_createtable(self.raw(), room(elements), room(fields)) };
    }

    /// Pushes a list of byte strings.
    pub(crate) fn push_texts(&mut self, texts: &[&[u8]]) {
        self.push_table(texts.len(), 0);
        self.fill_with_texts(texts);
    }

    /// Makes byte strings the first elements of the table on top.
    pub(crate) fn fill_with_texts(&mut self, texts: &[&[u8]]) {
        if texts.is_empty() {
            return;
        }
        self.table(self.top());
        self.reserve(1);
        for (n, text) in (1..).zip(texts) {
            // SAFETY: the table on top, with room above it; rules 2 and 3.
            unsafe {
                ffi::lua_pushlstring_(self.raw(), text.as_ptr().cast(), text.len());
                ffi::lua_rawseti_(self.raw(), -2, n);
            }
        }
    }

    /// Whether a table has no metatable, may be changed, and has the elements 1 to `len` and nothing else.
    pub(crate) fn is_plain_list(&mut self, table: i32, len: usize) -> bool {
        let table = self.table(table);
        let (raw, top) = (self.raw(), self.top());
        let Ok(room) = c_int::try_from(2 * len + 2) else { return false };
        self.reserve(room);
        // SAFETY: 1. A table, and room for a metatable, or for all the pairs and one more; rule 2. 2. A place is that of the pair
        // before, whose key is on the stack below its value.
        let is_plain = unsafe {
            let mut place = 0;
            let mut has_next = |n: f64| {
                place = ffi::lua_rawiter(raw, table, place);
                place >= 0
                    && ffi::lua_type(raw, -2) == ffi::LUA_TNUMBER
                    && ffi::lua_tonumberx(raw, -2, std::ptr::null_mut()) == n
            };
            ffi::lua_getreadonly(raw, table) == 0
                && ffi::lua_getmetatable(raw, table) == 0
                && (1..=len).all(|n| has_next(n as f64))
                && ffi::lua_rawiter(raw, table, place) < 0
        };
        if !is_plain || len > 0 {
            // SAFETY: what was there before.
            unsafe { ffi::lua_settop(raw, top) };
        }
        is_plain
    }

    /// Sets a global, which scripts cannot change, to the value on top, which it takes.
    pub(crate) fn set_readonly_global(&mut self, name: &CStr) {
        self.at(self.top());
        self.reserve(1);
        // SAFETY: a value is on top; the globals are always a table; rules 2 and 3. If there is not the memory the globals are
        // made read-only again by whoever sets the next one, before a script runs.
        unsafe {
            ffi::lua_setreadonly(self.raw(), ffi::LUA_GLOBALSINDEX, 0);
            ffi::lua_rawsetfield(self.raw(), ffi::LUA_GLOBALSINDEX, name.as_ptr());
            ffi::lua_setreadonly(self.raw(), ffi::LUA_GLOBALSINDEX, 1);
        }
    }

    /// Pushes the table of all globals.
    pub(crate) fn push_globals(&mut self) {
        self.reserve(1);
        // SAFETY: rule 2; the index of the globals is always valid.
        unsafe { ffi::lua_pushvalue(self.raw(), ffi::LUA_GLOBALSINDEX) };
    }

    /// Makes the table on top, which it takes, the table of all globals of what is compiled from now on.
    pub(crate) fn set_globals(&mut self) {
        self.table(self.top());
        // SAFETY: a table is on top; the index of the globals takes any.
        unsafe { ffi::lua_replace(self.raw(), ffi::LUA_GLOBALSINDEX) };
    }

    /// Says whether globals are what they were when a script was compiled, so that it need not look each time.
    pub(crate) fn set_safe_globals(&mut self, table: i32, is_safe: bool) {
        let table = self.table(table);
        // SAFETY: a table.
        unsafe { ffi::lua_setsafeenv(self.raw(), table, i32::from(is_safe)) };
    }

    /// Pushes `table[n]`, no metamethods.
    pub(crate) fn push_element(&mut self, table: i32, n: i32) -> Kind {
        let table = self.table(table);
        self.reserve(1);
        // SAFETY: a table; rule 2.
        unsafe { ffi::lua_rawgeti_(self.raw(), table, n) };
        self.kind(self.top())
    }

    /// `table[n] =` the top, which it takes.
    pub(crate) fn set_element(&mut self, table: i32, n: i32) {
        let table = self.table(table);
        // SAFETY: a table, and not the value itself, for that would be above it; rule 3.
        unsafe { ffi::lua_rawseti_(self.raw(), table, n) };
    }

    /// Pushes `table.name`, no metamethods.
    pub(crate) fn push_field(&mut self, table: i32, name: &CStr) -> Kind {
        let table = self.table(table);
        self.reserve(1);
        // SAFETY: a table; rules 2 and 3.
        unsafe { ffi::lua_rawgetfield(self.raw(), table, name.as_ptr()) };
        self.kind(self.top())
    }

    /// `table.name =` the top, which it takes.
    pub(crate) fn set_field(&mut self, table: i32, name: &CStr) {
        let table = self.table(table);
        self.reserve(1);
        // SAFETY: a table; rules 2 and 3.
        unsafe { ffi::lua_rawsetfield(self.raw(), table, name.as_ptr()) };
    }

    /// Takes a key from the top and pushes `table[key]`, no metamethods.
    pub(crate) fn push_value_of_key(&mut self, table: i32) -> Kind {
        let table = self.table(table);
        // SAFETY: a table, with the key above it.
        unsafe { ffi::lua_rawget(self.raw(), table) };
        self.kind(self.top())
    }

    /// `table[key] = value`, which it takes from the top. A key that cannot be one is an error of Lua.
    pub(crate) fn set_pair(&mut self, table: i32) {
        let table = self.table(table);
        assert!(self.top() >= table + 2, "key and value are there");
        // SAFETY: a table, key and value above it; rule 3.
        unsafe { ffi::lua_rawset(self.raw(), table) };
    }

    /// Pushes the pair behind the place `after` (0 to begin with) and says its place; nothing at the end.
    pub(crate) fn push_next(&mut self, table: i32, after: i32) -> Option<i32> {
        let table = self.table(table);
        self.reserve(2);
        // SAFETY: a table, and a place that is not negative; rule 2.
        let place = unsafe { ffi::lua_rawiter(self.raw(), table, after.max(0)) };
        (place >= 0).then_some(place)
    }

    /// The length of a table or string, no metamethods.
    pub(crate) fn len(&self, index: i32) -> usize {
        let index = self.at(index);
        // SAFETY: rule 1; other values have the length 0.
        let len = unsafe { ffi::lua_objlen_(self.raw_shared(), index) };
        usize::try_from(len).unwrap_or(0)
    }

    /// Gives the table a metatable, which it takes from the top.
    pub(crate) fn set_metatable(&mut self, table: i32) {
        let table = self.table(table);
        self.table(self.top());
        // SAFETY: a table, and one on top.
        unsafe { ffi::lua_setmetatable(self.raw(), table) };
    }

    /// Pushes the metatable of a value, if it has one.
    pub(crate) fn push_metatable(&mut self, index: i32) -> bool {
        let index = self.at(index);
        self.reserve(1);
        // SAFETY: rules 1 and 2.
        unsafe { ffi::lua_getmetatable(self.raw(), index) != 0 }
    }

    /// Whether scripts may change a table.
    pub(crate) fn set_readonly(&mut self, table: i32, is_readonly: bool) {
        let table = self.table(table);
        // SAFETY: a table.
        unsafe { ffi::lua_setreadonly(self.raw(), table, i32::from(is_readonly)) };
    }

    pub(crate) fn is_readonly(&mut self, table: i32) -> bool {
        let table = self.table(table);
        // SAFETY: a table.
        unsafe { ffi::lua_getreadonly(self.raw(), table) != 0 }
    }
}
