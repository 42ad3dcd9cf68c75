//! `FUNCTION`: what libraries there are, and what becomes of them.

use spinel_family::spec::{ArgKind, ArgSpec, Shape};
use spinel_family::{Command, CommandError, Encoder, Many, is_token};
use spinel_structs::glob;

use super::Libraries;
use super::loading::Policy;
use super::payload::payload_of;
use super::table::Registered;
use crate::Flow;
use crate::scripting::hold_everything;
use crate::session::{SessionCommand, SessionContext, help_command, session_commands, subcommand_misused};

session_commands! {
    /// FUNCTION.
    pub(crate) static COMMANDS;
    container Function,
    script FunctionDelete,
    script FunctionDump,
    script FunctionFlush,
    session FunctionHelp,
    session FunctionKill,
    script FunctionList,
    script FunctionLoad,
    script FunctionRestore,
    session FunctionStats,
}

/// Reads and changes the libraries of functions.
#[derive(Command)]
#[command(group = Scripting, since = "7.0.0", complexity = "Depends on subcommand.", arity = -2, manual)]
struct Function;

/// Changes the libraries as one step with the log, and with whoever looks at everything.
fn change(
    cx: &mut SessionContext<'_>,
    with: impl FnOnce(&Libraries, &crate::Engine) -> Result<(), CommandError>,
) -> Result<Flow, CommandError> {
    let engine = std::sync::Arc::clone(&cx.worker.engine);
    // A transaction holds all shards by now.
    let held = if cx.in_exec { None } else { Some(hold_everything(&engine)) };
    if matches!(held, Some(Err(_))) {
        return Ok(Flow::Parked);
    }
    with(&engine.scripts.libraries, &engine)?;
    let end = engine.journal.append(cx.session.db, cx.args);
    cx.session.note_written(end);
    cx.worker.stats.dirty.add(1);
    Ok(Flow::Continue)
}

/// Removes a library.
#[derive(Command)]
#[command(name = "function|delete", group = Scripting, since = "7.0.0", complexity = "O(1)")]
#[command(flags(noscript, write), tips("request_policy:all_shards", "response_policy:all_succeeded"))]
#[command(args = &[Shape::word(ArgKind::String).arg("library-name", "")])]
struct FunctionDelete<'a> {
    #[arg(hidden)]
    name: &'a [u8],
}

impl SessionCommand for FunctionDelete<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let flow = change(cx, |libraries, _| {
            libraries.remove(self.name).then_some(()).ok_or(CommandError::text("ERR Library not found"))
        })?;
        out.ok();
        Ok(flow)
    }
}

/// Gives all libraries as one payload.
#[derive(Command)]
#[command(name = "function|dump", group = Scripting, since = "7.0.0", flags(noscript))]
#[command(complexity = "O(N) where N is the number of functions")]
struct FunctionDump;

impl SessionCommand for FunctionDump {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.bulk(&payload_of(&cx.engine().scripts.libraries.list()));
        Ok(Flow::Continue)
    }
}

/// Ends the function that runs, if it has written nothing.
#[derive(Command)]
#[command(name = "function|kill", group = Scripting, since = "7.0.0", complexity = "O(1)")]
#[command(flags(noscript, allow_busy), tips("request_policy:all_shards", "response_policy:one_succeeded"))]
struct FunctionKill;

impl SessionCommand for FunctionKill {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.engine().scripts.kill(crate::scripting::Kind::Function)?;
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Loads a library.
#[derive(Command)]
#[command(name = "function|load", group = Scripting, since = "7.0.0", arity = -3)]
#[command(complexity = "O(1) (considering compilation time is redundant)", flags(noscript, write, denyoom))]
#[command(tips("request_policy:all_shards", "response_policy:all_succeeded"))]
#[command(args = &[
    Shape { kind: ArgKind::PureToken, ..OPTIONAL }.arg("replace", "REPLACE"),
    Shape::word(ArgKind::String).arg("function-code", ""),
])]
struct FunctionLoad<'a> {
    #[arg(trailing, hidden)]
    words: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for FunctionLoad<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let words: Vec<&[u8]> = self.words.iter().flat_map(Many::items).collect();
        let Some((code, options)) = words.split_last() else {
            return Err(CommandError::text("ERR Function code is missing"));
        };
        if let Some(word) = options.iter().find(|word| !is_token(word, "REPLACE")) {
            return Err(CommandError::quoting("ERR Unknown option given: ", word, ""));
        }
        let mut name = Vec::new();
        let flow = change(cx, |libraries, engine| {
            name = libraries.load(engine, code, !options.is_empty())?;
            Ok(())
        })?;
        out.bulk(&name);
        Ok(flow)
    }
}

/// Loads the libraries of a payload.
#[derive(Command)]
#[command(name = "function|restore", group = Scripting, since = "7.0.0", arity = -3)]
#[command(complexity = "O(N) where N is the number of functions on the payload")]
#[command(flags(noscript, write, denyoom))]
#[command(tips("request_policy:all_shards", "response_policy:all_succeeded"))]
#[command(args = &[
    Shape::word(ArgKind::String).arg("serialized-value", ""),
    Shape {
        children: &[
            Shape::word(ArgKind::PureToken).arg("flush", "FLUSH"),
            Shape::word(ArgKind::PureToken).arg("append", "APPEND"),
            Shape::word(ArgKind::PureToken).arg("replace", "REPLACE"),
        ],
        kind: ArgKind::OneOf,
        ..OPTIONAL
    }
    .arg("policy", ""),
])]
struct FunctionRestore<'a> {
    #[arg(hidden)]
    payload: &'a [u8],
    #[arg(trailing, hidden)]
    policy: Option<&'a [u8]>,
    #[arg(trailing, hidden)]
    excess: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for FunctionRestore<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if self.excess.is_some() {
            return Err(subcommand_misused(cx.args));
        }
        let policy = match self.policy {
            None => Policy::Append,
            Some(word) if is_token(word, "APPEND") => Policy::Append,
            Some(word) if is_token(word, "REPLACE") => Policy::Replace,
            Some(word) if is_token(word, "FLUSH") => Policy::Flush,
            Some(_) => {
                return Err(CommandError::text(
                    "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
                ));
            }
        };
        let flow = change(cx, |libraries, engine| libraries.restore(engine, self.payload, policy))?;
        out.ok();
        Ok(flow)
    }
}

/// Tells which function runs, and how many there are.
#[derive(Command)]
#[command(name = "function|stats", group = Scripting, since = "7.0.0", complexity = "O(1)")]
#[command(flags(noscript, allow_busy))]
#[command(tips("nondeterministic_output", "request_policy:all_shards", "response_policy:special"))]
struct FunctionStats;

impl SessionCommand for FunctionStats {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let engine = cx.engine();
        let running = engine.scripts.running_function()?;
        out.map(2);
        out.bulk(b"running_script");
        match running {
            None => out.null(),
            Some(running) => {
                let nanos = engine.clock.monotonic_nanos().saturating_sub(running.since_nanos);
                out.map(3);
                out.bulk(b"name");
                out.bulk(running.name.as_bytes());
                out.bulk(b"command");
                out.array(running.command.args().len());
                running.command.args().iter().for_each(|word| out.bulk(word));
                out.bulk(b"duration_ms");
                out.integer((nanos / 1_000_000) as i64);
            }
        }
        let engines = engine.scripts.libraries.counts();
        out.bulk(b"engines");
        out.map(engines.len());
        for (name, count) in engines {
            out.bulk(name.as_bytes());
            out.map(2);
            out.bulk(b"libraries_count");
            out.integer(count.libraries as i64);
            out.bulk(b"functions_count");
            out.integer(count.functions as i64);
        }
        Ok(Flow::Continue)
    }
}

/// Removes all functions.
#[derive(Command)]
#[command(name = "function|flush", group = Scripting, since = "7.0.0")]
#[command(complexity = "O(N) where N is the number of functions deleted", flags(noscript, write))]
#[command(tips("request_policy:all_shards", "response_policy:all_succeeded"))]
#[command(args = &[Shape {
    optional: true,
    children: &[
        Shape::word(ArgKind::PureToken).arg("async", "ASYNC"),
        Shape::word(ArgKind::PureToken).arg("sync", "SYNC"),
    ],
    ..Shape::word(ArgKind::OneOf)
}
.arg("async", "")])]
struct FunctionFlush<'a> {
    #[arg(trailing, hidden)]
    mode: Option<&'a [u8]>,
    #[arg(trailing, hidden)]
    excess: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for FunctionFlush<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if self.excess.is_some() {
            return Err(subcommand_misused(cx.args));
        }
        if self.mode.is_some_and(|mode| !is_token(mode, "ASYNC") && !is_token(mode, "SYNC")) {
            return Err(CommandError::text("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
        }
        let flow = change(cx, |libraries, _| {
            libraries.clear();
            Ok(())
        })?;
        out.ok();
        Ok(flow)
    }
}

/// Lists the functions, all or those of the libraries whose names match.
#[derive(Command)]
#[command(name = "function|list", group = Scripting, since = "7.0.0")]
#[command(complexity = "O(N) where N is the number of functions", flags(noscript))]
#[command(tips("nondeterministic_output_order"))]
#[command(args = &[
    ArgSpec { token: "LIBRARYNAME", ..OPTIONAL.arg("library-name-pattern", "") },
    Shape { kind: ArgKind::PureToken, ..OPTIONAL }.arg("withcode", "WITHCODE"),
])]
struct FunctionList<'a> {
    #[arg(trailing, hidden)]
    options: Option<Many<'a, &'a [u8]>>,
}

const OPTIONAL: Shape = Shape { optional: true, ..Shape::word(ArgKind::String) };

impl SessionCommand for FunctionList<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let (pattern, with_code) = self.options()?;
        let listed = cx
            .engine()
            .scripts
            .libraries
            .matching(|name| pattern.is_none_or(|pattern| glob::matches(pattern, name, true)));
        out.array(listed.len());
        for library in listed {
            out.map(if with_code { 4 } else { 3 });
            out.bulk(b"library_name");
            out.bulk(&library.name);
            out.bulk(b"engine");
            out.bulk(library.engine.as_bytes());
            out.bulk(b"functions");
            out.array(library.functions.len());
            library.functions.iter().for_each(|function| put_function(function, out));
            if with_code {
                out.bulk(b"library_code");
                out.bulk(&library.code);
            }
        }
        Ok(Flow::Continue)
    }
}

fn put_function(function: &Registered, out: &mut Encoder) {
    out.map(3);
    out.bulk(b"name");
    out.bulk(&function.name);
    out.bulk(b"description");
    match &function.description {
        Some(text) => out.bulk(text),
        None => out.null(),
    }
    out.bulk(b"flags");
    out.set(function.flags.names().count());
    function.flags.names().for_each(|name| out.simple(name));
}

impl<'a> FunctionList<'a> {
    /// The pattern, and whether the code is wanted. Each option may be given once.
    fn options(&self) -> Result<(Option<&'a [u8]>, bool), CommandError> {
        let (mut pattern, mut with_code) = (None, false);
        let mut words = self.options.iter().flat_map(Many::items);
        while let Some(word) = words.next() {
            if !with_code && is_token(word, "WITHCODE") {
                with_code = true;
            } else if pattern.is_none() && is_token(word, "LIBRARYNAME") {
                let given = words.next();
                pattern = Some(given.ok_or(CommandError::text("ERR library name argument was not given"))?);
            } else {
                return Err(CommandError::quoting("ERR Unknown argument ", word, ""));
            }
        }
        Ok((pattern, with_code))
    }
}

help_command!(
    /// Lists the subcommands of `FUNCTION`.
    FunctionHelp, "function|help", "FUNCTION", Scripting, "7.0.0",
    &[
        "DELETE <name>",
        "    Remove the library <name>.",
        "DUMP",
        "    Give all libraries as one payload.",
        "FLUSH [ASYNC|SYNC]",
        "    Remove all libraries.",
        "KILL",
        "    End the function that runs, unless it has written.",
        "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
        "    Show the libraries, all or those whose names match <pattern>, perhaps with their code.",
        "LOAD [REPLACE] <code>",
        "    Load a library, perhaps in the place of the one of its name.",
        "RESTORE <payload> [FLUSH|APPEND|REPLACE]",
        "    Load the libraries of a payload: in the place of all that there are, beside them, or in their places.",
        "STATS",
        "    Tell which function runs, and how many libraries and functions there are.",
    ]
);
