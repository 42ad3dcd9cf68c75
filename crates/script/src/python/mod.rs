//! Python, on monty, in a process of its own.
//!
//! Monty is a Python written in Rust, whose own advice is not to run scripts of strangers within a process that matters: an
//! allocation that fails ends it, and one operation on long integers may take minutes. So scripts run in a *worker*, which is
//! this program, started once more. It has no data, no sockets and a limit of memory; a script that does not end is ended
//! with its process, and the next one starts another.
//!
//! ```text
//!   Engine::call ── Run ─▶ worker: script ─ redis.call ─▶ Command ─▶ Host::call ── Reply ─▶ ... ─▶ Done
//! ```
//!
//! | what | where |
//! |---|---|
//! | scripts and libraries, and what happens while one runs | here |
//! | starting and ending the worker | [`process`] |
//! | frames between the two | [`wire`] |
//! | everything within the worker | [`worker`] |

mod conversation;
mod process;
mod wire;
pub(crate) mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use slab::Slab;
use spinel_resp::Encoder;

use self::conversation::{Conversation, Ended};
use self::process::Process;
pub use self::process::PythonWorker;
use self::wire::{Frame, Kind};
use crate::engine::{Call, Engine, Failure, Function, Language, Outcome, Script};
use crate::host::Host;
use crate::interrupter::Interrupter;
use crate::shebang;

/// The longest source.
const MOST_SOURCE_BYTES: usize = 256 << 10;

/// What a worker has compiled at most; then another one takes its place.
const MOST_COMPILED: usize = 4096;

/// The engine for Python.
pub struct Python {
    worker: PythonWorker,
    limit_bytes: usize,
    process: Option<Process>,
    programs: Slab<Program>,
    next_unit: u32,
    bell: Arc<AtomicBool>,
}

/// A source that the worker compiles.
#[derive(Debug)]
struct Unit {
    number: u32,
    source: Vec<u8>,
    decode: bool,
    is_library: bool,
}

/// What can be called: a script, or a function of a library.
#[derive(Debug)]
struct Program {
    unit: Arc<Unit>,
    function: Vec<u8>,
}

impl std::fmt::Debug for Python {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Python").field("programs", &self.programs.len()).finish_non_exhaustive()
    }
}

impl Python {
    /// An engine whose scripts may take so much memory each. The worker is started when there is something to do.
    pub fn new(limit_bytes: usize, worker: PythonWorker) -> Self {
        Self { worker, limit_bytes, process: None, programs: Slab::new(), next_unit: 1, bell: Arc::default() }
    }

    /// The worker's process, if it runs.
    #[doc(hidden)]
    pub fn has_process(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_alive)
    }

    fn new_unit(
        &mut self,
        source: &[u8],
        head: usize,
        decode: bool,
        is_library: bool,
    ) -> Result<Arc<Unit>, Vec<u8>> {
        if source.len() > MOST_SOURCE_BYTES {
            return Err(b"script is too long".to_vec());
        }
        let source = source.get(head..).unwrap_or_default();
        if std::str::from_utf8(source).is_err() {
            return Err(b"the source is not UTF-8".to_vec());
        }
        let number = self.next_unit;
        self.next_unit = self.next_unit.wrapping_add(1);
        Ok(Arc::new(Unit { number, source: source.to_vec(), decode, is_library }))
    }

    /// The worker with a unit compiled.
    fn ready(&mut self, unit: &Unit) -> Result<&mut Process, Vec<u8>> {
        let is_of_use = |process: &mut Process| process.is_alive() && process.compiled.len() < MOST_COMPILED;
        if !self.process.as_mut().is_some_and(is_of_use) {
            self.process = None;
        }
        let mut process = match self.process.take() {
            Some(process) => process,
            None => Process::start(&self.worker, self.limit_bytes)
                .map_err(|error| format!("cannot start Python: {error}").into_bytes())?,
        };
        if process.compiled.contains(&unit.number) {
            return Ok(self.process.insert(process));
        }
        let frame = Frame::new(Kind::Compile)
            .number(unit.number)
            .byte(unit.is_library.into())
            .byte(unit.decode.into())
            .bytes(&unit.source);
        let refusal = match process.send(frame).and_then(|()| conversation::patiently(&mut process)) {
            Ok((Kind::Compiled, _)) => None,
            Ok((Kind::Refused, fields)) => Some(fields.rest().to_vec()),
            // The worker is given up.
            Ok(_) | Err(_) => return Err(b"the source is too much for Python".to_vec()),
        };
        let process = self.process.insert(process);
        match refusal {
            Some(why) => Err(why),
            None => {
                process.compiled.insert(unit.number);
                Ok(process)
            }
        }
    }

    /// Runs a unit, and writes its reply.
    fn run(
        &mut self,
        unit: &Unit,
        frame: Frame,
        host: &mut dyn Host,
        out: &mut Encoder,
    ) -> Result<Ended, Vec<u8>> {
        let bell = Arc::clone(&self.bell);
        let process = self.ready(unit)?;
        let ended = Conversation::new(process, host, &bell).run(frame, out);
        bell.store(false, Ordering::Release);
        if matches!(ended, Ended::Stopped(_) | Ended::Died) {
            self.process = None;
        }
        Ok(ended)
    }

    fn add(&mut self, unit: Arc<Unit>, function: Vec<u8>) -> Script {
        let number = self.programs.insert(Program { unit, function });
        Script::new(Language::Python, i32::try_from(number).unwrap_or(-1))
    }

    fn program(&self, script: Script) -> Option<&Program> {
        self.programs.get(usize::try_from(script.number()).ok()?)
    }
}

impl Engine for Python {
    fn compile(&mut self, source: &[u8]) -> Result<Script, Vec<u8>> {
        let head = shebang::script_head(source)?;
        let compiled = self
            .new_unit(source, head.len, head.decode, false)
            .and_then(|unit| self.ready(&unit).map(|_| ()).map(|()| unit));
        match compiled {
            Ok(unit) => Ok(self.add(unit, Vec::new())),
            Err(why) => Err([b"Error compiling script (new function): ", &why[..]].concat()),
        }
    }

    fn load_library(&mut self, source: &[u8], host: &mut dyn Host) -> Result<Vec<Function>, Vec<u8>> {
        let head = shebang::library_head(source)?;
        let compiled = self
            .new_unit(source, head.len, head.decode, true)
            .and_then(|unit| self.ready(&unit).map(|_| ()).map(|()| unit));
        let unit = compiled.map_err(|why| [b"Error compiling function: ", &why[..]].concat())?;
        let load = Frame::new(Kind::Load).number(unit.number);
        let ended = self.run(&unit, load, host, &mut Encoder::new(spinel_resp::Protocol::Resp2));
        let why = match ended {
            Ok(Ended::Registered(functions)) => {
                return Ok(functions
                    .into_iter()
                    .map(|(name, description, flags)| Function {
                        script: self.add(Arc::clone(&unit), name.clone()),
                        name,
                        description,
                        flags,
                    })
                    .collect());
            }
            Ok(Ended::Failed { text, .. } | Ended::Stopped(text)) => text,
            Ok(Ended::Died | Ended::Done { .. }) => conversation::DIED.to_vec(),
            Err(why) => why,
        };
        Err([b"Error registering functions: ", &why[..]].concat())
    }

    fn call(&mut self, script: Script, call: Call<'_>, host: &mut dyn Host, out: &mut Encoder) -> Outcome {
        let start = out.len();
        let (unit, function) = match self.program(script) {
            Some(program) => (Arc::clone(&program.unit), program.function.clone()),
            None => return failed(out, b"ERR there is no such script".to_vec(), false),
        };
        let frame = Frame::new(Kind::Run)
            .number(unit.number)
            .bytes(&function)
            .byte((out.protocol() == spinel_resp::Protocol::Resp3).into())
            .words(call.keys)
            .words(call.args);
        let place =
            Place { name: call.name, source: if unit.is_library { "user_function" } else { "user_script" } };
        match self.run(&unit, frame, host, out) {
            Ok(Ended::Done { is_counted }) => match out.as_bytes()[start..].strip_prefix(b"-") {
                None => Outcome::Done,
                Some(line) => {
                    let text = line.strip_suffix(b"\r\n").unwrap_or(line).to_vec();
                    Outcome::Failed(Failure { text, is_counted })
                }
            },
            Ok(Ended::Failed { text, line, is_counted }) => failed(out, place.add_to(text, line), is_counted),
            Ok(Ended::Stopped(text)) => failed(out, place.add_to(text, 0), false),
            Ok(Ended::Died | Ended::Registered(_)) => {
                out.truncate(start);
                failed(out, place.add_to(conversation::DIED.to_vec(), 0), false)
            }
            Err(why) => failed(out, [b"ERR ", &why[..]].concat(), false),
        }
    }

    fn release(&mut self, script: Script) {
        let number = usize::try_from(script.number()).ok();
        let Some(program) = number.and_then(|number| self.programs.try_remove(number)) else { return };
        let unit = program.unit;
        if Arc::strong_count(&unit) > 1 {
            return;
        }
        if let Some(process) = &mut self.process
            && process.compiled.remove(&unit.number)
            && process.send(Frame::new(Kind::Release).number(unit.number)).is_err()
        {
            self.process = None;
        }
    }

    fn interrupter(&self) -> Interrupter {
        Interrupter::of_bell(Arc::clone(&self.bell))
    }

    fn used_bytes(&self) -> usize {
        self.programs.iter().map(|(_, program)| program.unit.source.len()).sum()
    }

    fn is_broken(&self) -> bool {
        false
    }
}

fn failed(out: &mut Encoder, text: Vec<u8>, is_counted: bool) -> Outcome {
    out.error(&text);
    Outcome::Failed(Failure { text, is_counted })
}

/// What errors say of the script.
struct Place<'a> {
    name: &'a [u8],
    source: &'static str,
}

impl Place<'_> {
    /// Adds where an error happened; a line of zero is not known.
    fn add_to(&self, mut text: Vec<u8>, line: u32) -> Vec<u8> {
        text.extend_from_slice(b" script: ");
        text.extend_from_slice(shebang::up_to_zero(self.name));
        if line > 0 {
            text.extend_from_slice(format!(", on @{}:{line}", self.source).as_bytes());
        }
        text.push(b'.');
        text
    }
}
