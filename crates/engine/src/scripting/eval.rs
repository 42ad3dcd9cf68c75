//! `EVAL script numkeys [key ...] [arg ...]`, `EVALSHA`, and their forms that only read.

use spinel_family::spec::{ArgKind, ArgSpec, Begin, Find, KeyFlags, KeySpec, Shape};
use spinel_family::{Command, CommandError, Encoder, Many};

use super::run::{How, Invocation};
use crate::Flow;
use crate::session::{SessionCommand, SessionContext};

const fn keys(flags: KeyFlags, notes: &'static str) -> KeySpec {
    KeySpec { flags, begin: Begin::Index(2), find: Find::KeyNum { at: 0, first: 1, step: 1 }, notes }
}

pub(super) const WRITTEN: KeySpec = keys(
    KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE),
    "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE",
);
pub(super) const READ: KeySpec = keys(
    KeyFlags::RO.with(KeyFlags::ACCESS),
    "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS",
);
const READ_BY_DIGEST: KeySpec = keys(KeyFlags::RO.with(KeyFlags::ACCESS), "");
const WRITTEN_BY_DIGEST: KeySpec = keys(KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::UPDATE), "");

pub(super) const NUMKEYS: ArgSpec = Shape::word(ArgKind::Integer).arg("numkeys", "");
pub(super) const KEYS: ArgSpec = ArgSpec {
    key_spec: Some(0),
    ..Shape { optional: true, ..Shape::word(ArgKind::Key).repeated() }.arg("key", "")
};
pub(super) const ARGS: ArgSpec =
    Shape { optional: true, ..Shape::word(ArgKind::String).repeated() }.arg("arg", "");
const SCRIPT: ArgSpec = Shape::word(ArgKind::String).arg("script", "");
const SHA1: ArgSpec = Shape::word(ArgKind::String).arg("sha1", "");

/// Runs a script.
#[derive(Command)]
#[command(group = Scripting, since = "2.6.0", complexity = "Depends on the script that is executed.", arity = -3)]
#[command(flags(noscript, stale, skip_monitor, may_replicate, no_mandatory_keys, movablekeys))]
#[command(keys = &[WRITTEN], args = &[SCRIPT, NUMKEYS, KEYS, ARGS])]
pub(super) struct Eval<'a> {
    #[arg(trailing, hidden)]
    words: Option<Many<'a, &'a [u8]>>,
}

/// Runs a script that only reads.
#[derive(Command)]
#[command(name = "eval_ro", group = Scripting, since = "7.0.0", arity = -3)]
#[command(complexity = "Depends on the script that is executed.")]
#[command(flags(noscript, readonly, stale, skip_monitor, no_mandatory_keys, movablekeys))]
#[command(keys = &[READ], args = &[SCRIPT, NUMKEYS, KEYS, ARGS])]
pub(super) struct EvalRo<'a> {
    #[arg(trailing, hidden)]
    words: Option<Many<'a, &'a [u8]>>,
}

/// Runs a script that is known by its digest.
#[derive(Command)]
#[command(group = Scripting, since = "2.6.0", complexity = "Depends on the script that is executed.", arity = -3)]
#[command(flags(noscript, stale, skip_monitor, may_replicate, no_mandatory_keys, movablekeys))]
#[command(keys = &[WRITTEN_BY_DIGEST], args = &[SHA1, NUMKEYS, KEYS, ARGS])]
pub(super) struct Evalsha<'a> {
    #[arg(trailing, hidden)]
    words: Option<Many<'a, &'a [u8]>>,
}

/// Runs a script that only reads, and is known by its digest.
#[derive(Command)]
#[command(name = "evalsha_ro", group = Scripting, since = "7.0.0", arity = -3)]
#[command(complexity = "Depends on the script that is executed.")]
#[command(flags(noscript, readonly, stale, skip_monitor, no_mandatory_keys, movablekeys))]
#[command(keys = &[READ_BY_DIGEST], args = &[SHA1, NUMKEYS, KEYS, ARGS])]
pub(super) struct EvalshaRo<'a> {
    #[arg(trailing, hidden)]
    words: Option<Many<'a, &'a [u8]>>,
}

macro_rules! invocations {
    ($($command:ident $by_digest:expr, $is_readonly:expr;)*) => {
        $(impl SessionCommand for $command<'_> {
            fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
                debug_assert!(self.words.is_some(), "the arity asks for more");
                let how = Invocation { how: if $by_digest { How::Digest } else { How::Source }, is_readonly: $is_readonly };
                cx.worker.run_script_alone(cx.session, how, cx.args, out)
            }
        })*
    };
}

invocations! {
    Eval false, false;
    EvalRo false, true;
    Evalsha true, false;
    EvalshaRo true, true;
}
