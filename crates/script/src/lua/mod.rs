//! Lua 5.1 as Redis has it, on Luau.
//!
//! | what | where |
//! |---|---|
//! | which globals there are, and that nobody changes them | [`globals`] |
//! | `redis.*` | [`api`], [`reply`] (replies to values), [`result`] (values to replies) |
//! | functions that Luau has not, or not so | [`base`], [`random`] |
//! | texts of errors | [`errors`] |
//! | the source's dialect | [`dialect`], and the first line in [`shebang`](crate::shebang) |
//! | libraries | [`cjson`], [`cmsgpack`], [`pack`] (`struct`), [`bit`] |
//! | numbers as text | `vm::number` |

mod api;
mod args;
mod base;
mod bit;
mod calls;
mod cjson;
mod cmsgpack;
mod dialect;
pub(crate) mod errors;
mod globals;
mod input;
pub(crate) mod library;
mod pack;
pub(crate) mod random;
mod reply;
mod result;
mod text;

pub use self::calls::{ShownCall, ShownWord, shown_calls};

use std::cell::Cell;

use spinel_resp::{Encoder, Protocol};

use self::dialect::translate;
use self::input::Input;
use self::library::Registrations;
use crate::engine::{Call, Engine, Failure, Function, Language, Outcome, Script};
use crate::host::Host;
use crate::interrupter::Interrupter;
use crate::shebang;
use crate::vm::{LoadOptions, Machine, Reference, Stack, Status};

/// The longest source: compiling cannot be interrupted, and takes some 20 ms for each megabyte.
pub(crate) const MOST_SOURCE_BYTES: usize = 4 << 20;

/// How texts that scripts load themselves are compiled.
const LOAD: LoadOptions = LoadOptions { redis_changes: true };

/// One text made outside of the machine's memory has this part of it at most.
const TEXT_PART: usize = 2;

/// So much garbage is left where it is.
const COLLECT_BYTES: usize = 128 << 10;

/// What a machine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// `EVAL`: keys and arguments are globals.
    Scripts,
    /// `FUNCTION`: keys and arguments are arguments.
    Libraries,
}

/// What a machine may take and has.
#[derive(Clone, Copy, Debug)]
pub struct LuaOptions {
    /// Bytes that its values may take.
    pub memory_bytes: usize,
    /// It has `getfenv`, `setfenv` and `newproxy`. With these a script may change what others find.
    pub deprecated_api: bool,
}

impl LuaOptions {
    /// A machine that may take so much, and has nothing out of the ordinary.
    #[must_use]
    pub fn with_memory(memory_bytes: usize) -> Self {
        Self { memory_bytes, deprecated_api: false }
    }
}

/// The engine for Lua.
pub struct Lua {
    machine: Machine,
    purpose: Purpose,
    limit_bytes: usize,
    /// KiB of values after the last call.
    value_kib: usize,
    /// Beyond so many bytes of values garbage is collected after a call.
    collect_beyond_bytes: usize,
    /// The globals, to be put back after a script that may have put others in their place.
    globals: Option<Reference>,
    /// What makes errors tell where they happened.
    handler: Reference,
    /// The globals `KEYS` and `ARGV`.
    inputs: [Input; 2],
}

impl std::fmt::Debug for Lua {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lua").field("purpose", &self.purpose).field("used_bytes", &self.used_bytes()).finish()
    }
}

impl Lua {
    /// A machine for scripts; nothing if its memory is not enough to begin with.
    pub fn for_scripts(options: LuaOptions) -> Option<Self> {
        Self::new(options, Purpose::Scripts, globals::install)
    }

    /// A machine for libraries of functions.
    pub fn for_libraries(options: LuaOptions) -> Option<Self> {
        Self::new(options, Purpose::Libraries, globals::install_for_libraries)
    }

    /// Gives `math.random` a seed.
    pub fn seed_random(&mut self, seed: i32) {
        self.machine.context().random.borrow_mut().seed(seed);
    }

    fn new(options: LuaOptions, purpose: Purpose, install: fn(&mut Stack<'_>, LuaOptions)) -> Option<Self> {
        let limit_bytes = options.memory_bytes;
        let mut machine = Machine::new(limit_bytes)?;
        let (mut globals, mut handler) = (None, None);
        let status = machine.protect(|stack| {
            install(stack, options);
            stack.push_native(c"error handler", errors::on_error);
            handler = Some(stack.keep());
            stack.collect();
            if options.deprecated_api {
                stack.push_globals();
                globals = Some(stack.keep());
            }
        });
        let handler = handler.filter(|_| status == Status::Ok)?;
        machine.context().text_limit_bytes.set(limit_bytes / TEXT_PART);
        let collect_beyond_bytes = COLLECT_BYTES;
        let inputs = [Input::new(c"KEYS"), Input::new(c"ARGV")];
        let value_kib = machine.stack().used_kib();
        Some(Self {
            machine,
            purpose,
            limit_bytes,
            value_kib,
            collect_beyond_bytes,
            globals,
            handler,
            inputs,
        })
    }

    /// Bytes of the values that it had after the last call, rounded down to KiB; many share the memory that it takes.
    pub fn value_bytes(&self) -> usize {
        if self.machine.is_broken() { 0 } else { self.value_kib << 10 }
    }

    /// Compiles, and keeps the function.
    fn compile_as(
        &mut self,
        source: &[u8],
        chunk: &std::ffi::CStr,
        options: LoadOptions,
    ) -> Result<Reference, Vec<u8>> {
        if source.len() > MOST_SOURCE_BYTES {
            return Err(b"script is too long".to_vec());
        }
        // What is compiled would hold on to them as if they were constants.
        let inputs = &mut self.inputs;
        let source = translate(source);
        let mut compiled = Err(b"not enough memory".to_vec());
        self.machine.protect(|stack| {
            inputs.iter_mut().for_each(|input| input.hide(stack));
            compiled = if stack.push_compiled(&source, chunk, options) {
                Ok(stack.keep())
            } else {
                Err(stack.text(stack.top()).unwrap_or_default().into_owned())
            };
        });
        self.forget_leftovers();
        compiled
    }

    /// Takes what an error left on the stack away, and collects garbage if there is much: between calls it is cheapest.
    fn forget_leftovers(&mut self) {
        if self.machine.is_broken() {
            return;
        }
        self.machine.stack().truncate(0);
        let is_full = self.machine.used_bytes() > self.limit_bytes / 2;
        self.value_kib = self.machine.stack().used_kib();
        if is_full || self.value_kib << 10 > self.collect_beyond_bytes {
            let inputs = &mut self.inputs;
            self.machine.protect(|stack| {
                inputs.iter_mut().for_each(|input| input.forget(stack));
                stack.collect();
            });
            let mut stack = self.machine.stack();
            stack.truncate(0);
            let value_bytes = stack.used_bytes() as usize;
            self.collect_beyond_bytes = 2 * value_bytes + COLLECT_BYTES;
            self.value_kib = value_bytes >> 10;
        }
    }

    /// Writes the error with which a script ended; nothing if there is not the memory.
    fn report_failure(&mut self, name: &[u8], out: &mut Encoder) -> Option<Outcome> {
        let mut outcome = None;
        let status = self.machine.protect_error(|stack| {
            let failure = errors::final_failure(stack, name);
            out.error(&failure.text);
            outcome = Some(Outcome::Failed(failure));
        });
        outcome.filter(|_| status == Status::Ok)
    }

    /// Runs the code of a library that is compiled.
    fn run_library(&mut self, code: Reference, host: &mut dyn Host) -> Result<(), Vec<u8>> {
        let mut ended = Err(b"ERR not enough memory".to_vec());
        self.machine.context().protocol.set(Protocol::Resp2);
        self.machine.protect_with(host, None, |stack| {
            stack.push_kept(code);
            ended = match stack.call_protected(0, Some(0), 0) {
                Status::Ok => Ok(()),
                _ => Err(errors::registering(stack)),
            };
        });
        self.forget_leftovers();
        ended
    }
}

impl Engine for Lua {
    fn compile(&mut self, source: &[u8]) -> Result<Script, Vec<u8>> {
        let head = shebang::script_head(source)?.len;
        let options = LoadOptions { redis_changes: false };
        self.compile_as(&source[head..], c"@user_script", options)
            .map(|reference| Script::new(Language::Lua, reference.number()))
            .map_err(|why| [b"Error compiling script (new function): ", &why[..]].concat())
    }

    fn load_library(&mut self, source: &[u8], host: &mut dyn Host) -> Result<Vec<Function>, Vec<u8>> {
        let head = shebang::library_head(source)?.len;
        let code = self
            .compile_as(&source[head..], c"@user_function", LOAD)
            .map_err(|why| [b"Error compiling function: ", &why[..]].concat())?;
        self.machine.protect(|stack| globals::look_to(stack, c"loading", false));
        *self.machine.context().registrations.borrow_mut() = Some(Registrations::default());
        let ended = self.run_library(code, host);
        let registered = self.machine.context().registrations.borrow_mut().take().unwrap_or_default().0;
        self.machine.protect(|stack| globals::look_to(stack, c"running", true));
        self.release(Script::new(Language::Lua, code.number()));
        match ended {
            Ok(()) => Ok(registered),
            Err(why) => {
                registered.iter().for_each(|function| self.release(function.script));
                Err([b"Error registering functions: ", &why[..]].concat())
            }
        }
    }

    fn call(&mut self, script: Script, call: Call<'_>, host: &mut dyn Host, out: &mut Encoder) -> Outcome {
        let (start, purpose, handler) = (out.len(), self.purpose, self.handler);
        let (is_running, mut outcome) = (Cell::new(false), None);
        self.machine.context().protocol.set(Protocol::Resp2);
        let inputs = &mut self.inputs;
        let status = self.machine.protect_with(host, Some(handler), |stack| {
            let arguments = push_input(stack, call, purpose, script, inputs);
            is_running.set(true);
            stack.call(arguments, Some(1));
            is_running.set(false);
            let protocol = stack.context().protocol.get();
            outcome = Some(result::write_result(stack, protocol, out));
            look_after_input(stack, purpose, inputs);
        });
        if status != Status::Ok {
            outcome = if is_running.get() { self.report_failure(call.name, out) } else { None };
        }
        if let Some(globals) = self.globals {
            self.machine.protect(|stack| {
                stack.push_kept(globals);
                stack.set_globals();
            });
        }
        if status != Status::Ok {
            let inputs = &mut self.inputs;
            self.machine.protect(|stack| inputs.iter_mut().for_each(|input| input.forget(stack)));
        }
        self.forget_leftovers();
        outcome.unwrap_or_else(|| {
            out.truncate(start);
            let text = [b"ERR Error running script ", call.name, b", not enough memory"].concat();
            out.error(&text);
            Outcome::Failed(Failure { text, is_counted: false })
        })
    }

    fn release(&mut self, script: Script) {
        self.machine.protect(|stack| stack.release(Reference::of(script.number())));
        self.forget_leftovers();
    }

    fn interrupter(&self) -> Interrupter {
        Interrupter::of_luau(self.machine.interrupter().clone())
    }

    fn used_bytes(&self) -> usize {
        self.machine.used_bytes()
    }

    fn is_broken(&self) -> bool {
        self.machine.is_broken()
    }
}

/// Pushes the script with its keys and arguments; how many values are above it.
fn push_input(
    stack: &mut Stack<'_>,
    call: Call<'_>,
    purpose: Purpose,
    script: Script,
    inputs: &mut [Input; 2],
) -> i32 {
    let function = Reference::of(script.number());
    match purpose {
        Purpose::Scripts => {
            inputs.iter_mut().zip([call.keys, call.args]).for_each(|(input, words)| input.set(stack, words));
            stack.push_kept(function);
            0
        }
        Purpose::Libraries => {
            stack.push_kept(function);
            stack.push_texts(call.keys);
            stack.push_texts(call.args);
            2
        }
    }
}

/// Looks after the keys and arguments that [`push_input`] pushed first.
fn look_after_input(stack: &mut Stack<'_>, purpose: Purpose, inputs: &mut [Input; 2]) {
    if purpose == Purpose::Scripts {
        inputs.iter_mut().zip(1..).for_each(|(input, index)| input.look_after(stack, index));
    }
}
