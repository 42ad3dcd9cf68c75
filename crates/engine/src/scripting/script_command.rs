//! `SCRIPT`: what scripts are known, and the end of one that runs.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{Command, CommandError, Encoder, Many, is_token};

use super::alone::Place;
use super::busy::Kind;
use crate::Flow;
use crate::session::{SessionCommand, SessionContext, help_command};

/// What a debugger is refused with, and the script that was to run in it.
pub(super) const NO_DEBUGGER: CommandError = CommandError::text("ERR there is no debugger for scripts here");

/// Scripts that are known.
#[derive(Command)]
#[command(group = Scripting, since = "2.6.0", complexity = "Depends on subcommand.", arity = -2, manual)]
pub(super) struct Script;

/// Refused: there is no debugger. The next script of the connection is refused, too.
#[derive(Command)]
#[command(name = "script|debug", group = Scripting, since = "3.2.0", complexity = "O(1)", flags(noscript))]
#[command(args = &[Shape {
    children: &[
        Shape::word(ArgKind::PureToken).arg("yes", "YES"),
        Shape::word(ArgKind::PureToken).arg("sync", "SYNC"),
        Shape::word(ArgKind::PureToken).arg("no", "NO"),
    ],
    ..Shape::word(ArgKind::OneOf)
}
.arg("mode", "")])]
pub(super) struct ScriptDebug<'a> {
    #[arg(hidden)]
    mode: &'a [u8],
}

impl SessionCommand for ScriptDebug<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if is_token(self.mode, "NO") {
            cx.session.wants_debugger = false;
            out.ok();
            return Ok(Flow::Continue);
        }
        if is_token(self.mode, "YES") || is_token(self.mode, "SYNC") {
            // redis-cli sends the script in any case, and who debugs one expects that nothing of it stays.
            cx.session.wants_debugger = true;
            return Err(NO_DEBUGGER);
        }
        Err(CommandError::text("ERR Use SCRIPT DEBUG YES/SYNC/NO"))
    }
}

/// Tells which scripts are known, by their digests.
#[derive(Command)]
#[command(name = "script|exists", group = Scripting, since = "2.6.0", flags(noscript))]
#[command(
    complexity = "O(N) with N being the number of scripts to check (so checking a single script is an O(1) operation)."
)]
#[command(tips("request_policy:all_shards", "response_policy:agg_logical_and"))]
pub(super) struct ScriptExists<'a> {
    sha1: Many<'a, &'a [u8]>,
}

impl SessionCommand for ScriptExists<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let engine = cx.engine();
        out.array(self.sha1.len());
        for word in self.sha1.items() {
            let digest = engine.scripts.digest_called(word);
            let known = digest.and_then(|digest| engine.scripts.known.get(&digest));
            let may_run = known.is_some_and(|known| engine.may_call(cx.session, &known));
            out.integer(i64::from(may_run));
        }
        Ok(Flow::Continue)
    }
}

/// Forgets all scripts.
#[derive(Command)]
#[command(name = "script|flush", group = Scripting, since = "2.6.0", flags(noscript))]
#[command(history = &[("6.2.0", "The words `ASYNC` and `SYNC` were added.")])]
#[command(complexity = "O(N) with N being the number of scripts in cache")]
#[command(tips("request_policy:all_nodes", "response_policy:all_succeeded"))]
#[command(args = &[ArgSpec {
    since: "6.2.0",
    ..Shape {
        optional: true,
        children: &[
            Shape::word(ArgKind::PureToken).arg("async", "ASYNC"),
            Shape::word(ArgKind::PureToken).arg("sync", "SYNC"),
        ],
        ..Shape::word(ArgKind::OneOf)
    }
    .arg("async", "")
}])]
pub(super) struct ScriptFlush<'a> {
    #[arg(trailing, hidden)]
    modes: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for ScriptFlush<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let mut modes = self.modes.iter().flat_map(Many::items);
        let is_known = modes.next().is_none_or(|mode| is_token(mode, "ASYNC") || is_token(mode, "SYNC"));
        if !is_known || modes.next().is_some() {
            return Err(CommandError::text("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
        }
        cx.engine().scripts.forget_all();
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Ends the script that runs, if it has written nothing.
#[derive(Command)]
#[command(name = "script|kill", group = Scripting, since = "2.6.0", complexity = "O(1)")]
#[command(flags(noscript, allow_busy), tips("request_policy:all_shards", "response_policy:one_succeeded"))]
pub(super) struct ScriptKill;

impl SessionCommand for ScriptKill {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.engine().scripts.kill(Kind::Script)?;
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Makes a script known without running it.
#[derive(Command)]
#[command(name = "script|load", group = Scripting, since = "2.6.0", flags(noscript, stale))]
#[command(complexity = "O(N) with N being the length in bytes of the script body.")]
#[command(tips("request_policy:all_nodes", "response_policy:all_succeeded"))]
pub(super) struct ScriptLoad<'a> {
    script: &'a [u8],
}

impl SessionCommand for ScriptLoad<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let engine = std::sync::Arc::clone(&cx.worker.engine);
        if let Some((known, _)) =
            cx.worker.machine.get_or_insert_default().load(&engine, self.script, Place::Thread)?
        {
            out.bulk(&known.name);
        }
        Ok(Flow::Continue)
    }
}

/// Shows the text of a script that is known, as Valkey 8.0 does.
#[derive(Command)]
#[command(name = "script|show", group = Scripting, since = "8.0.0", complexity = "O(1).", flags(noscript))]
pub(super) struct ScriptShow<'a> {
    sha1: &'a [u8],
}

impl SessionCommand for ScriptShow<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let engine = cx.engine();
        let digest = engine.scripts.digest_called(self.sha1);
        let known = digest.and_then(|digest| engine.scripts.known.get(&digest));
        let shown = known.filter(|known| engine.may_call(cx.session, known));
        out.bulk(&shown.ok_or(CommandError::text("NOSCRIPT No matching script."))?.body);
        Ok(Flow::Continue)
    }
}

help_command!(
    /// Lists the subcommands of `SCRIPT`.
    pub(super) ScriptHelp, "script|help", "SCRIPT", Scripting, "5.0.0",
    &[
        "DEBUG (YES|SYNC|NO)",
        "    Refused, but for NO: there is no debugger.",
        "EXISTS <sha1> [<sha1> ...]",
        "    Tell for each digest whether the script is known.",
        "FLUSH [ASYNC|SYNC]",
        "    Forget all scripts that are not registered.",
        "KILL",
        "    End the script that runs, unless it has written.",
        "LOAD <script>",
        "    Make a script known without running it.",
        "REGISTER <name> <version> <script> [REPLACE]",
        "    Keep a script under a name, which EVALSHA takes.",
        "REGISTERED [<name>] [WITHSOURCE]",
        "    Show the registered scripts, all or those of a name, perhaps with their texts.",
        "SHOW <sha1>",
        "    Show the text of a script that is known.",
        "UNREGISTER <name> [<version>]",
        "    Let go of a registered script.",
    ]
);
