//! One script: found, admitted, run, and its effects recorded as one step.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use smallvec::SmallVec;
use spinel_family::{Args, CommandError, Encoder, UpdateContext};
use spinel_resp::Protocol;
use spinel_script::{Call, Engine as _, Outcome, Script, ScriptFlags};
use spinel_store::{Held, ShardIndex};

use super::busy::Kind;
use super::cache::{read, shown};
use super::host::ScriptHost;
use crate::registry::Command;
use crate::session::Session;
use crate::transaction::Execution;
use crate::{Engine, Flow, Worker};

const NO_SCRIPT: CommandError = CommandError::text("NOSCRIPT No matching script. Please use EVAL.");

/// How a command names the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// By its text.
    Source,
    /// By its digest.
    Digest,
    /// By its name: a function of a library.
    Function,
}

/// What kind of call a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    pub(super) how: How,
    /// It may not write.
    pub(super) is_readonly: bool,
}

impl Invocation {
    /// The kind of call that a command is, if it is one.
    pub(crate) fn of(command: &Command) -> Option<Self> {
        let (how, is_readonly) = match command.spec.name {
            "eval" => (How::Source, false),
            "eval_ro" => (How::Source, true),
            "evalsha" => (How::Digest, false),
            "evalsha_ro" => (How::Digest, true),
            "fcall" => (How::Function, false),
            "fcall_ro" => (How::Function, true),
            _ => return None,
        };
        Some(Self { how, is_readonly })
    }
}

/// The words behind the script: how many of them are keys, and all of them.
struct Input<'a> {
    keys: usize,
    words: SmallVec<[&'a [u8]; 8]>,
}

impl<'a> Input<'a> {
    fn read(args: Args<'a>, how: How) -> Result<Self, CommandError> {
        let number = args.get(2).and_then(spinel_resp::parse_integer);
        let number = number.ok_or(match how {
            How::Function => CommandError::text("ERR Bad number of keys provided"),
            How::Source | How::Digest => CommandError::NotInteger,
        })?;
        let words: SmallVec<[&[u8]; 8]> = args.iter().skip(3).collect();
        if number > words.len() as i64 {
            return Err(CommandError::text("ERR Number of keys can't be greater than number of args"));
        }
        let keys = usize::try_from(number)
            .map_err(|_| CommandError::text("ERR Number of keys can't be negative"))?;
        Ok(Self { keys, words })
    }
}

impl Worker {
    /// Runs a script that is not part of a transaction. Parked if a shard was not to be had.
    pub(super) fn run_script_alone(
        &mut self,
        session: &mut Session,
        invocation: Invocation,
        args: Args<'_>,
        out: &mut Encoder,
    ) -> Result<Flow, CommandError> {
        let engine = Arc::clone(&self.engine);
        let Ok(held) = hold_for_script(&engine) else { return Ok(Flow::Parked) };
        let mut ended = Ok(false);
        let flow = self.run_as_one(session, held, |execution, session, cx| {
            let (cx, result) = execution.run_script(session, invocation, args, cx, out);
            ended = result;
            cx
        });
        ended.map(|_| flow)
    }
}

/// All shards, while nobody reads a value apart: a script could not wait for that later.
pub(super) fn hold_for_script(engine: &Engine) -> Result<Held<'_>, ShardIndex> {
    let held = engine.keyspace.hold_all()?;
    let is_read_apart = held.iter().any(|shard| !shard.readers.is_empty());
    if is_read_apart { Err(ShardIndex(0)) } else { Ok(held) }
}

impl Execution<'_> {
    /// Runs a script on the shards held. It answers with the script's reply, and says whether that is an error.
    pub(crate) fn run_script<'k>(
        &mut self,
        session: &mut Session,
        invocation: Invocation,
        args: Args<'_>,
        cx: UpdateContext<'k>,
        out: &mut Encoder,
    ) -> (UpdateContext<'k>, Result<bool, CommandError>) {
        if invocation.how == How::Function {
            return self.run_function(session, invocation, args, cx, out);
        }
        let engine = Arc::clone(&self.worker.engine);
        let mut cache = engine.scripts.cache();
        let found = Input::read(args, invocation.how).and_then(|input| {
            let digest = match invocation.how {
                How::Source => cache.load(args.at(1))?,
                _ => read(args.at(1)).filter(|digest| cache.has(digest)).ok_or(NO_SCRIPT)?,
            };
            Ok((input, digest))
        });
        engine.scripts.known.store(cache.len(), Ordering::Relaxed);
        let ready = found.and_then(|(input, digest)| {
            let (flags, script, lua) = cache.find(&digest).unwrap_or(Err(NO_SCRIPT))?;
            let name = shown(&digest).into_bytes();
            Called::new(&engine, script, name, flags, invocation, input).map(|called| (called, lua))
        });
        match ready {
            Ok((called, lua)) => {
                let (cx, failed) = self.call_script(session, &called, args, lua, cx, out);
                (cx, Ok(failed))
            }
            Err(error) => (cx, Err(error)),
        }
    }

    fn run_function<'k>(
        &mut self,
        session: &mut Session,
        invocation: Invocation,
        args: Args<'_>,
        cx: UpdateContext<'k>,
        out: &mut Encoder,
    ) -> (UpdateContext<'k>, Result<bool, CommandError>) {
        let engine = Arc::clone(&self.worker.engine);
        let mut libraries = engine.scripts.libraries.ready();
        let ready = libraries.find(args.at(1)).and_then(|(function, lua)| {
            let input = Input::read(args, How::Function)?;
            Called::new(&engine, function.script, function.name, function.flags, invocation, input)
                .map(|called| (called, lua))
        });
        match ready {
            Ok((called, lua)) => {
                let (cx, failed) = self.call_script(session, &called, args, lua, cx, out);
                (cx, Ok(failed))
            }
            Err(error) => (cx, Err(error)),
        }
    }

    fn call_script<'k>(
        &mut self,
        session: &mut Session,
        called: &Called<'_>,
        args: Args<'_>,
        lua: &mut spinel_script::Lua,
        cx: UpdateContext<'k>,
        out: &mut Encoder,
    ) -> (UpdateContext<'k>, bool) {
        let engine = Arc::clone(&self.worker.engine);
        let running = engine.begin_script(called, args, lua.interrupter());
        let before = (session.db, session.protocol);
        session.protocol = Protocol::Resp2;
        let mut host =
            ScriptHost::new(self, session, cx, Arc::clone(&running), called.is_readonly, called.flags);
        let (keys, arguments) = called.input.words.split_at(called.input.keys);
        let call = Call { name: &called.name, keys, args: arguments };
        let outcome = lua.call(called.script, call, &mut host, out);
        let cx = host.into_context();
        (session.db, session.protocol) = before;
        engine.end_script();
        let failed = match outcome {
            Outcome::Done => false,
            Outcome::Failed(failure) => {
                if !failure.is_counted {
                    engine.stats.count_error(&failure.text);
                }
                true
            }
        };
        (cx, failed)
    }
}

/// A script that may run.
pub(super) struct Called<'a> {
    pub(super) kind: Kind,
    /// How others know it: its digest, or the name of the function.
    pub(super) name: Vec<u8>,
    flags: ScriptFlags,
    /// It must not write.
    is_readonly: bool,
    script: Script,
    input: Input<'a>,
}

impl<'a> Called<'a> {
    fn new(
        engine: &Engine,
        script: Script,
        name: Vec<u8>,
        flags: ScriptFlags,
        invocation: Invocation,
        input: Input<'a>,
    ) -> Result<Self, CommandError> {
        admit(engine, flags, invocation)?;
        let kind = if invocation.how == How::Function { Kind::Function } else { Kind::Script };
        let is_readonly = invocation.is_readonly || flags.is_declared && flags.no_writes;
        Ok(Self { kind, name, flags, is_readonly, script, input })
    }
}

/// Whether a script may run as things are. One that declares no flags is let in: its commands are looked at one by one.
fn admit(engine: &Engine, flags: ScriptFlags, invocation: Invocation) -> Result<(), CommandError> {
    if !flags.is_declared {
        return Ok(());
    }
    if !flags.no_writes {
        if let Some(text) = engine.refused_by_disk() {
            return Err(CommandError::quoting("", text.as_bytes(), ""));
        }
        if invocation.is_readonly {
            return Err(CommandError::text(
                "ERR Can not execute a script with write flag using *_ro command.",
            ));
        }
        if engine.are_replicas_missing() {
            return Err(CommandError::text("NOREPLICAS Not enough good replicas to write."));
        }
    }
    if engine.is_memory_full() && !flags.allow_oom && !flags.no_writes {
        return Err(CommandError::text(
            "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
        ));
    }
    Ok(())
}
