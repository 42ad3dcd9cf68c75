//! Sources as monty's programs, and one run of a program.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use monty::{MontyRun, RunProgress};
use monty_types::{
    AssertMessageAnnotations, CompileOptions, ExcType, ExtFunctionResult, MontyException, MontyObject,
    ResourceLimits, ResourceTracker,
};
use spinel_resp::{Encoder, Protocol};

use super::Link;
use super::api::{Server, redis_object};
use super::errors::{compile_error, text_of_exception};
use super::reply::{NotText, Strings};
use super::result::write_result;
use crate::python::wire::{Frame, Kind};

/// Levels of calls, and of values within values.
const MOST_DEPTH: usize = 1000;

/// What every program finds.
const INPUTS: [&str; 5] = ["KEYS", "ARGV", "redis", "server", "_function"];

/// Goes before every source, in the line that was its first: a type that the host gives cannot be caught.
const BEGIN: &str = "server.ResponseError = redis.ResponseError = RuntimeError";
/// Goes before a library, behind [`BEGIN`]: functions are kept where [`LIBRARY_END`] finds them.
const LIBRARY_BEGIN: &str = "; _functions = {}; server.register_function = redis.register_function = \
    lambda function_name, callback, description=None, flags=[]: \
    (redis.declare_function(function_name, callback, description, flags), _functions.update({function_name: callback}))[0]";
/// Goes behind a library: the function that is called.
const LIBRARY_END: &str = "\n_functions[_function](KEYS, ARGV) if _function else None\n";

/// A compiled source.
pub(super) struct Unit {
    program: MontyRun,
    strings: Strings,
}

/// What a program is run with.
#[derive(Debug)]
pub(super) struct Input {
    /// A library runs for what it registers.
    pub(super) is_loading: bool,
    /// The function of a library to call; of a script nothing.
    pub(super) function: String,
    pub(super) is_resp3: bool,
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) args: Vec<Vec<u8>>,
}

impl Input {
    pub(super) fn loading() -> Self {
        Self {
            is_loading: true,
            function: String::new(),
            is_resp3: false,
            keys: Vec::new(),
            args: Vec::new(),
        }
    }
}

/// Why a run ends other than with a value.
enum Broken {
    /// By an exception.
    Raised(Box<MontyException>),
    /// By something that is told as it is.
    Told(&'static str),
    /// The server is gone.
    Link(io::Error),
}

impl Unit {
    /// Compiles a source.
    ///
    /// # Errors
    /// Why it cannot, with the line.
    pub(super) fn compile(source: String, is_library: bool, strings: Strings) -> Result<Self, Vec<u8>> {
        let (source, name) = if is_library {
            ([BEGIN, LIBRARY_BEGIN, &source, LIBRARY_END].concat(), "user_function")
        } else {
            ([BEGIN, &source].concat(), "user_script")
        };
        let options = CompileOptions { assert_message_annotations: AssertMessageAnnotations::Off };
        let inputs = INPUTS.iter().map(|name| (*name).to_owned()).collect();
        match catch_unwind(AssertUnwindSafe(|| MontyRun::new(source, name, inputs, options))) {
            Ok(Ok(program)) => Ok(Self { program, strings }),
            Ok(Err(exception)) => Err(compile_error(&exception, name)),
            Err(_) => Err(b"Python failed to compile it".to_vec()),
        }
    }

    /// Runs it: the frame that tells the end.
    ///
    /// # Errors
    /// If the server is gone.
    pub(super) fn run(&self, input: Input, link: &mut Link, limit_bytes: usize) -> io::Result<Frame> {
        let protocol = if input.is_resp3 { Protocol::Resp3 } else { Protocol::Resp2 };
        let mut server = Server::new(link, self.strings, input.is_loading);
        // Whatever panics is dropped here, too.
        let ended = catch_unwind(AssertUnwindSafe(|| self.run_to_end(input, &mut server, limit_bytes)));
        let failed = |line: u32, text: &[u8]| Ok(Frame::new(Kind::Failed).number(line).bytes(text));
        let value = match ended {
            Ok(Ok(value)) => value,
            Ok(Err(Broken::Raised(exception))) => {
                let line = exception.traceback().last().map_or(0, |frame| frame.start.line);
                return failed(line, text_of_exception(&exception).as_bytes());
            }
            Ok(Err(Broken::Told(text))) => return failed(0, text.as_bytes()),
            Ok(Err(Broken::Link(error))) => return Err(error),
            Err(_) => return failed(0, b"ERR internal error of Python"),
        };
        if let Some(registrations) = server.into_registrations() {
            return Ok(registrations.into_frame());
        }
        let mut out = Encoder::with_buffer(Frame::new(Kind::Done).into_buffer(), protocol);
        match write_result(&value, &mut out) {
            Ok(()) => Ok(Frame::of_buffer(out.into_inner())),
            Err(no_reply) => {
                let text = format!("ERR TypeError: a value of type {} is no reply", no_reply.0);
                failed(0, text.as_bytes())
            }
        }
    }

    fn run_to_end(
        &self,
        input: Input,
        server: &mut Server<'_>,
        limit_bytes: usize,
    ) -> Result<MontyObject, Broken> {
        let limits = ResourceLimits {
            max_memory: Some(limit_bytes),
            max_recursion_depth: MOST_DEPTH,
            ..ResourceLimits::default()
        };
        let list = |words: Vec<Vec<u8>>| -> Result<MontyObject, Broken> {
            let values =
                words.into_iter().map(|word| self.strings.value_of(word)).collect::<Result<_, NotText>>();
            values.map(MontyObject::List).map_err(|NotText| {
                Broken::Told("ERR keys and arguments are not UTF-8, which decode=yes asks for")
            })
        };
        let inputs = vec![
            list(input.keys)?,
            list(input.args)?,
            redis_object(),
            redis_object(),
            MontyObject::String(input.function),
        ];
        let mut progress = self.program.clone().start(inputs, ResourceTracker::new(limits), server.printer());
        loop {
            let reached = progress.map_err(|exception| match server.broken_link() {
                Some(error) => Broken::Link(error),
                None => Broken::Raised(Box::new(exception)),
            })?;
            progress = match reached {
                RunProgress::Complete(value) => return Ok(value),
                RunProgress::FunctionCall(mut call) => {
                    let answer = server.answer(&mut call).map_err(Broken::Link)?;
                    call.resume(answer, server.printer())
                }
                RunProgress::NameLookup(lookup) => {
                    let answer = server.attribute(&lookup);
                    lookup.resume(answer, server.printer())
                }
                RunProgress::OsCall(call) => {
                    let text = "scripts have no files, no environment and no clock".to_owned();
                    let refusal = MontyException::new(ExcType::PermissionError, Some(text));
                    call.resume(ExtFunctionResult::Error(refusal), server.printer())
                }
                RunProgress::ResolveFutures(_) => {
                    return Err(Broken::Told("ERR RuntimeError: a script cannot wait"));
                }
            };
        }
    }
}
