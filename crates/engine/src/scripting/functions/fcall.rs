//! `FCALL function numkeys [key ...] [arg ...]`, and its form that only reads.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{Command, CommandError, Encoder, Many};

use crate::Flow;
use crate::scripting::eval::{ARGS, KEYS, NUMKEYS, READ, WRITTEN};
use crate::scripting::run::{How, Invocation};
use crate::session::{SessionCommand, SessionContext};

const FUNCTION: ArgSpec = Shape::word(ArgKind::String).arg("function", "");

/// Runs a function.
#[derive(Command)]
#[command(group = Scripting, since = "7.0.0", complexity = "Depends on the function that is executed.", arity = -3)]
#[command(flags(noscript, stale, skip_monitor, may_replicate, no_mandatory_keys, movablekeys))]
#[command(keys = &[WRITTEN], args = &[FUNCTION, NUMKEYS, KEYS, ARGS])]
pub(in crate::scripting) struct Fcall<'a> {
    #[arg(trailing, hidden)]
    words: Option<Many<'a, &'a [u8]>>,
}

/// Runs a function that only reads.
#[derive(Command)]
#[command(name = "fcall_ro", group = Scripting, since = "7.0.0", arity = -3)]
#[command(complexity = "Depends on the function that is executed.")]
#[command(flags(noscript, readonly, stale, skip_monitor, no_mandatory_keys, movablekeys))]
#[command(keys = &[READ], args = &[FUNCTION, NUMKEYS, KEYS, ARGS])]
pub(in crate::scripting) struct FcallRo<'a> {
    #[arg(trailing, hidden)]
    words: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for Fcall<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        debug_assert!(self.words.is_some(), "the arity asks for more");
        let invocation = Invocation { how: How::Function, is_readonly: false };
        cx.worker.run_script_alone(cx.session, invocation, cx.args, out)
    }
}

impl SessionCommand for FcallRo<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        debug_assert!(self.words.is_some(), "the arity asks for more");
        let invocation = Invocation { how: How::Function, is_readonly: true };
        cx.worker.run_script_alone(cx.session, invocation, cx.args, out)
    }
}
