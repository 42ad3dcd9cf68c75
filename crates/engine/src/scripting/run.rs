//! One script: found, admitted, and called with the server as its host.

use std::sync::Arc;

use smallvec::SmallVec;
use spinel_family::{Args, CommandError, Encoder, UpdateContext};
use spinel_resp::Protocol;
use spinel_script::{Call, Engine as _, Engines, Outcome, Script, ScriptFlags, script_head};

use super::alone::Place;
use super::busy::Kind;
use super::habits::Habits;
use super::host::{Ground, ScriptHost, SteppedBack};
use super::known::{DIGEST_DIGITS, Known};
use super::machine::{Found, Machine};
use crate::Engine;
use crate::aftermath::add_destinations;
use crate::config::Settings;
use crate::data::ShardSet;
use crate::registry::Command;
use crate::session::Session;
use crate::transaction::Execution;
use crate::undo::is_error;

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

impl Engine {
    /// Whether a command calls a script or function that says of itself that it does not write.
    pub(crate) fn is_readonly_script(&self, command: &Command, args: Args<'_>) -> bool {
        Invocation::of(command).is_some_and(|invocation| {
            invocation.is_readonly || self.declared_flags(command, args).is_some_and(|flags| flags.no_writes)
        })
    }

    /// What the script or function that a command calls says of itself, if it says anything.
    pub(crate) fn declared_flags(&self, command: &Command, args: Args<'_>) -> Option<ScriptFlags> {
        let (invocation, name) = (Invocation::of(command)?, args.get(1)?);
        let flags = match invocation.how {
            How::Source => script_head(name).ok().map(|head| head.flags),
            How::Digest => self
                .scripts
                .digest_called(name)
                .and_then(|digest| self.scripts.known.get(&digest))
                .map(|known| known.flags),
            How::Function => self.scripts.libraries.flags_of(name),
        };
        flags.filter(|flags| flags.is_declared)
    }
}

/// The words behind the script: how many of them are keys, and all of them.
pub(super) struct Input<'a> {
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

/// A script that may run.
pub(super) struct Called<'a> {
    pub(super) kind: Kind,
    callee: Callee,
    pub(super) flags: ScriptFlags,
    /// It must not write.
    pub(super) is_readonly: bool,
    script: Script,
    input: Input<'a>,
}

/// What is called.
enum Callee {
    Script(Arc<Known>),
    Function { name: Arc<[u8]>, habits: Arc<Habits> },
}

impl<'a> Called<'a> {
    /// How others know it: its digest, or the name of the function.
    pub(super) fn name(&self) -> &[u8] {
        match &self.callee {
            Callee::Script(known) => &known.name,
            Callee::Function { name, .. } => name,
        }
    }

    pub(super) fn habits(&self) -> &Habits {
        match &self.callee {
            Callee::Script(known) => &known.habits,
            Callee::Function { habits, .. } => habits,
        }
    }

    /// Whether its text shows that it reaches for the keys that it declares, and no others.
    pub(super) fn is_contained(&self) -> bool {
        match &self.callee {
            Callee::Script(known) => known.habits.is_contained(&known.body),
            Callee::Function { .. } => false,
        }
    }

    /// The keys that it declares.
    pub(super) fn keys(&self) -> &[&'a [u8]] {
        &self.input.words[..self.input.keys]
    }

    /// Whether it leaves nothing if it fails.
    pub(super) fn is_atomic(&self, settings: &Settings) -> bool {
        !self.is_readonly && (self.flags.atomic || settings.scripts.are_atomic)
    }
}

/// The script that a command names, if it may run as things are; nothing if it is new and nothing for an event loop. Commands of a
/// log have no caller.
pub(super) fn find_script<'a>(
    engine: &Engine,
    caller: Option<&Session>,
    machine: &mut Machine,
    place: Place,
    invocation: Invocation,
    args: Args<'a>,
) -> Result<Option<Called<'a>>, CommandError> {
    // A word that cannot be a digest, nor is a name, is told to be none before the others are looked at.
    let word = args.at(1);
    let named = if invocation.how == How::Digest && word.len() != DIGEST_DIGITS {
        Some(engine.scripts.digest_called(word).ok_or(NO_SCRIPT)?)
    } else {
        None
    };
    let input = Input::read(args, invocation.how)?;
    let (known, script) = match invocation.how {
        How::Source => match machine.load(engine, word, place)? {
            Some(found) => found,
            None => return Ok(None),
        },
        How::Digest | How::Function => match machine.find_called(engine, (word, named), place)? {
            Found::Compiled(known, _)
                if caller.is_some_and(|caller| engine.is_refused_as_unregistered(caller, &known)) =>
            {
                return Err(NO_SCRIPT);
            }
            Found::Compiled(known, script) => (known, script),
            Found::ForTheThread => return Ok(None),
            Found::Unknown => return Err(NO_SCRIPT),
        },
    };
    admit(engine, known.flags, invocation)?;
    Ok(Some(Called {
        kind: Kind::Script,
        flags: known.flags,
        is_readonly: invocation.is_readonly || known.flags.is_declared && known.flags.no_writes,
        callee: Callee::Script(known),
        script,
        input,
    }))
}

/// The function that a command names, if it may run as things are.
pub(super) fn find_function<'a, 'l>(
    engine: &Engine,
    libraries: &'l mut super::functions::Ready<'_>,
    invocation: Invocation,
    args: Args<'a>,
) -> Result<(Called<'a>, &'l mut Engines), CommandError> {
    let (function, engines) = libraries.find(args.at(1))?;
    let input = Input::read(args, How::Function)?;
    admit(engine, function.flags, invocation)?;
    let called = Called {
        kind: Kind::Function,
        callee: Callee::Function { name: function.name, habits: function.habits },
        flags: function.flags,
        is_readonly: invocation.is_readonly || function.flags.no_writes,
        script: function.script,
        input,
    };
    Ok((called, engines))
}

/// How a call ended.
pub(super) enum Ended {
    /// With a reply.
    Replied {
        /// It is an error.
        failed: bool,
        /// On an event loop: it took so long that it was asked to look up.
        took_long: bool,
    },
    /// Without any effect: it is to be run again in another way.
    SteppedBack(SteppedBack),
}

impl Execution<'_> {
    /// Runs a script of a transaction, whose shards are held: all of them. Whether it failed.
    pub(crate) fn run_script(
        &mut self,
        session: &mut Session,
        invocation: Invocation,
        args: Args<'_>,
        cx: &mut UpdateContext<'_>,
        out: &mut Encoder,
    ) -> Result<bool, CommandError> {
        let engine = Arc::clone(&self.worker.engine);
        let ground = Ground::everything(&engine, args);
        let ended = if invocation.how == How::Function {
            let mut libraries = engine.scripts.libraries.ready(&engine);
            let (called, engines) = find_function(&engine, &mut libraries, invocation, args)?;
            self.call_script(session, &called, engines, ground, cx, out)
        } else {
            let mut machine = self.worker.machine.take().unwrap_or_default();
            let found = find_script(&engine, Some(session), &mut machine, Place::Thread, invocation, args);
            let result = found.and_then(|called| {
                let called = called.ok_or(NO_SCRIPT)?;
                let engines = machine.engines(&engine)?;
                Ok(self.call_script(session, &called, engines, ground, cx, out))
            });
            self.worker.machine = Some(machine);
            result?
        };
        Ok(matches!(ended, Ended::Replied { failed: true, .. }))
    }

    /// Calls a script on the shards held.
    pub(super) fn call_script(
        &mut self,
        session: &mut Session,
        called: &Called<'_>,
        engines: &mut Engines,
        ground: Ground<'_>,
        cx: &mut UpdateContext<'_>,
        out: &mut Encoder,
    ) -> Ended {
        let engine = ground.engine;
        let start = out.len();
        let before = (session.db, session.protocol);
        session.protocol = Protocol::Resp2;
        self.in_script = true;
        let is_within_undo = self.worker.undecided.is_some();
        let interrupter = engines.interrupter();
        let is_watched = ground.place == Place::Loop;
        let _watched = is_watched
            .then(|| engine.scripts.watch.begin(self.worker.index, ground.start_nanos, &interrupter));
        let mut host = ScriptHost::new(self, session, called, ground, cx, interrupter);
        let call =
            Call { name: called.name(), keys: called.keys(), args: &called.input.words[called.input.keys..] };
        let outcome = engines.call(called.script, call, &mut host, out);
        let (stepped_back, took_long) = host.finish(outcome != Outcome::Done);
        take_all_again(cx);
        self.in_script = false;
        (session.db, session.protocol) = before;
        if !is_within_undo {
            self.decide(cx, stepped_back == Ok(None) && !is_error(&out.as_bytes()[start..]));
        }
        match stepped_back {
            Ok(None) => {}
            Ok(Some(why)) => {
                out.truncate(start);
                return Ended::SteppedBack(why);
            }
            Err(killed) => {
                out.truncate(start);
                let text = [b"ERR ", killed, b" script: ", called.name()].concat();
                self.worker.reply_error(&text, out);
                return Ended::Replied { failed: true, took_long };
            }
        }
        let failed = match outcome {
            Outcome::Done => false,
            Outcome::Failed(failure) => {
                if !failure.is_counted {
                    engine.stats.count_error(&failure.text);
                }
                true
            }
        };
        Ended::Replied { failed, took_long }
    }
}

/// Ends the keeping of keys: their shards are held from now on, and those that serving clients may write to, of whom others may
/// have come to wait meanwhile.
fn take_all_again(cx: &mut UpdateContext<'_>) {
    let mut shards = ShardSet::from_slice(cx.held().kept_shards());
    while cx.held().is_keeping() {
        if !cx.held_mut().take_again(&shards) {
            std::thread::yield_now();
            continue;
        }
        let before = shards.len();
        if !cx.effects().ready.is_empty() {
            add_destinations(cx.held(), &mut shards);
        }
        if shards.len() == before {
            cx.held_mut().end_keeping();
        } else {
            cx.held_mut().let_go();
        }
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
