//! Luau behind a safe interface: the only module of the crate with unsafe code.
//!
//! ```text
//!   Machine ── owns ─▶ lua_State, its Memory (allocator with a limit), its Context (what functions of ours share)
//!      │
//!      └─ enter ─▶ Stack: typed, checked access to values; what a function of ours gets as well
//! ```
//!
//! Why it is sound, once for all places that say "see the rules":
//!
//! 1. *Indices.* Every index that reaches Luau was compared with the top of the stack, or is a pseudo index of a constant
//!    kind; Luau itself does not check. Functions that need a table ask first whether it is one.
//! 2. *Room.* Whatever pushes asks for the room first.
//! 3. *Errors.* Luau is C++ and throws its errors. They cross frames of ours, which Rust allows for functions declared
//!    `C-unwind`: destructors run, nothing is caught. Nothing that throws is called within `catch_unwind`. A function of ours
//!    that fails returns its fault; what it held is dropped before the error is thrown.
//! 4. *Panics* in a function of ours go through frames of C++, which have no handler that would stop them, up to whoever
//!    called the machine. The machine is not fit for use then: it notes that, refuses further calls and is never closed.
//! 5. *Strings* borrowed from the stack live as long as the stack is not changed, which the borrow checker sees to: they
//!    borrow the [`Stack`], and whatever changes the stack needs it mutably. Luau's collector moves nothing.
//! 6. *Threads.* A machine is used by one thread at a time (`&mut`), whichever it is; Luau keeps nothing in the thread.
//!    Only the pointer to the interrupt function is written by other threads, see [`interrupt`].

mod context;
mod interrupt;
mod load;
mod machine;
mod memory;
mod native;
mod number;
mod stack;
mod tables;

pub(crate) use self::interrupt::Interrupter;
pub(crate) use self::load::LoadOptions;
pub(crate) use self::machine::{Machine, Reference};
pub(crate) use self::native::{Fault, Native};
pub(crate) use self::number::{push_number_with, read_number};
pub(crate) use self::stack::{Kind, Stack, Status};
