//! Keys and arguments of the scripts, as the globals `KEYS` and `ARGV`.
//!
//! Nearly all calls have few of both, and only read them. So the tables are kept from call to call, one for each number of
//! elements, and only get other elements; a table that a script has changed in any way it can be seen by is thrown away
//! after the call.

use std::ffi::CStr;

use crate::vm::{Reference, Stack};

/// Tables of fewer elements are kept.
const KEPT_LENGTHS: usize = 9;
/// Elements of more bytes in all are not kept until the next call.
const KEPT_BYTES: usize = 16 << 10;

/// The global `KEYS`, or `ARGV`.
#[derive(Debug)]
pub(super) struct Input {
    name: &'static CStr,
    /// By the number of their elements.
    kept: [Option<Reference>; KEPT_LENGTHS],
    /// What the global is now.
    now: Now,
}

/// What a global is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Now {
    Nil,
    /// The table that is kept for so many elements.
    Kept(usize),
    Other,
}

impl Input {
    pub(super) fn new(name: &'static CStr) -> Self {
        Self { name, kept: [None; KEPT_LENGTHS], now: Now::Nil }
    }

    /// Makes `words` the value of the global, and leaves it on the stack.
    pub(super) fn set(&mut self, stack: &mut Stack<'_>, words: &[&[u8]]) {
        let len = words.len();
        let is_small = len < KEPT_LENGTHS && words.iter().map(|word| word.len()).sum::<usize>() <= KEPT_BYTES;
        let now = if is_small { Now::Kept(len) } else { Now::Other };
        match self.kept.get(len).copied().flatten().filter(|_| is_small) {
            Some(table) => {
                stack.push_kept(table);
                stack.fill_with_texts(words);
            }
            None => {
                stack.push_texts(words);
                if is_small {
                    stack.push_copy(stack.top());
                    self.kept[len] = Some(stack.keep());
                }
            }
        }
        if self.now != now || !is_small {
            stack.push_copy(stack.top());
            self.now = Now::Other;
            stack.set_readonly_global(self.name);
            self.now = now;
        }
    }

    /// After a call: takes away what is not to be kept, or was changed by the script. What was [`set`](Self::set) is still at
    /// `index`.
    pub(super) fn look_after(&mut self, stack: &mut Stack<'_>, index: i32) {
        if let Now::Kept(len) = self.now
            && let Some(table) = self.kept[len]
        {
            if stack.is_plain_list(index, len) {
                return;
            }
            self.kept[len] = None;
            stack.release(table);
        }
        self.hide(stack);
    }

    /// Throws all tables away, and with them what scripts were given.
    pub(super) fn forget(&mut self, stack: &mut Stack<'_>) {
        for table in self.kept.iter_mut().filter_map(Option::take) {
            stack.release(table);
        }
        self.hide(stack);
    }

    /// Makes the global nil.
    pub(super) fn hide(&mut self, stack: &mut Stack<'_>) {
        if self.now != Now::Nil {
            self.now = Now::Other;
            stack.push_nil();
            stack.set_readonly_global(self.name);
            self.now = Now::Nil;
        }
    }
}
