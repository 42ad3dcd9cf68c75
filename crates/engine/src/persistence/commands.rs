//! SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF: snapshots by command.

use std::sync::Arc;

use spinel_family::spec::ArgSpec;
use spinel_family::{Command, CommandError, Encoder, Parse, Words, is_token};

use super::NoThread;
use super::saving::{Asker, NotBegun, Wish};
use super::state::Purpose;
use crate::Flow;
use crate::arguments::{one_of, optional, token};
use crate::session::{SessionCommand, SessionContext, session_commands};

session_commands! {
    /// SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF.
    pub(crate) static COMMANDS;
    session Bgrewriteaof,
    session Bgsave,
    session Lastsave,
    session Save,
}

/// Saves the data set and replies when that is done. Other clients go on meanwhile; what they change is not saved.
#[derive(Command)]
#[command(group = Server, since = "1.0.0", complexity = "O(N) where N is the total number of keys in all databases")]
#[command(flags(admin, noscript, no_async_loading, no_multi))]
struct Save;

impl SessionCommand for Save {
    fn run(&self, cx: &mut SessionContext<'_>, _out: &mut Encoder) -> Result<Flow, CommandError> {
        if cx.engine().saves_flush() {
            return begin_after_flush(cx, Purpose::Save, Wish::Saved, b"save");
        }
        begin(cx, Wish::Saved).map_err(|why| match why {
            NotBegun::Busy(_) => CommandError::text("ERR Background save already in progress"),
            NotBegun::NoThread => CommandError::text("ERR"),
        })
    }
}

/// Begins to save the data set as it is at this moment.
#[derive(Command)]
#[command(group = Server, since = "1.0.0", complexity = "O(1)", manual, arity = -1)]
#[command(flags(admin, noscript, no_async_loading))]
#[command(history = &[
    ("3.2.2", "The word `SCHEDULE` was added."),
    ("8.1.0", "The word `CANCEL` was added, in Valkey."),
])]
#[command(args = &[optional("", one_of("operation", "", &[
    ArgSpec { since: "3.2.2", ..token("schedule", "SCHEDULE") },
    ArgSpec { since: "8.1.0", ..token("cancel", "CANCEL") },
]))])]
struct Bgsave {
    when: When,
}

/// When to save.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Now.
    Now,
    /// Now, or when what is in the way has ended.
    Possible,
    /// Not at all: neither that which is under way nor a scheduled one.
    Never,
}

impl<'a> Parse<'a> for Bgsave {
    fn parse(words: &mut Words<'a>) -> Result<Self, CommandError> {
        let Some(word) = words.peek() else { return Ok(Self { when: When::Now }) };
        words.skip_one();
        if words.is_empty() && is_token(word, "SCHEDULE") {
            Ok(Self { when: When::Possible })
        } else if words.is_empty() && is_token(word, "CANCEL") {
            Ok(Self { when: When::Never })
        } else {
            Err(CommandError::Syntax)
        }
    }
}

impl Bgsave {
    fn cancel(cx: &SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let engine = cx.engine();
        if engine.abort_snapshot(Purpose::Save) {
            out.simple("Background saving cancelled");
        } else if std::mem::take(&mut engine.persistence.state.lock().save_scheduled) {
            out.simple("Scheduled background saving cancelled");
        } else {
            return Err(CommandError::text(
                "ERR Background saving is currently not in progress or scheduled",
            ));
        }
        Ok(Flow::Continue)
    }
}

impl SessionCommand for Bgsave {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if self.when == When::Never {
            return Self::cancel(cx, out);
        }
        if !cx.in_exec && cx.engine().saves_flush() {
            return begin_after_flush(cx, Purpose::Save, Wish::Begun, b"bgsave");
        }
        let running = cx.engine().persistence.state.lock().running.map(|running| running.purpose);
        if running == Some(Purpose::Save) {
            return Err(CommandError::text("ERR Background save already in progress"));
        }
        if cx.in_exec || running.is_some() && self.when == When::Possible {
            cx.engine().persistence.state.lock().save_scheduled = true;
            out.simple("Background saving scheduled");
            return Ok(Flow::Continue);
        }
        begin(cx, Wish::Begun).map_err(|why| match why {
            NotBegun::NoThread => CommandError::text("ERR"),
            NotBegun::Busy(Purpose::Save) => CommandError::text("ERR Background save already in progress"),
            NotBegun::Busy(Purpose::Rewrite) => CommandError::text(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to \
                 schedule a BGSAVE whenever possible.",
            ),
        })
    }
}

/// Begins to write the append-only file anew, as short as the data set allows.
#[derive(Command)]
#[command(group = Server, since = "1.0.0", complexity = "O(1)", flags(admin, noscript, no_async_loading))]
struct Bgrewriteaof;

impl SessionCommand for Bgrewriteaof {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if !cx.in_exec && cx.engine().saves_flush() {
            return begin_after_flush(cx, Purpose::Rewrite, Wish::Begun, b"bgrewriteaof");
        }
        let running = cx.engine().persistence.state.lock().running.map(|running| running.purpose);
        if running == Some(Purpose::Rewrite) {
            return Err(CommandError::text("ERR Background append only file rewriting already in progress"));
        }
        let engine = Arc::clone(cx.worker.engine());
        let may_begin = !cx.in_exec && running.is_none();
        match if may_begin { engine.begin_rewrite() } else { Err(NotBegun::Busy(Purpose::Save)) } {
            Ok(()) => out.simple("Background append only file rewriting started"),
            Err(NotBegun::Busy(_)) => {
                engine.persistence.state.lock().rewrite_scheduled = true;
                out.simple("Background append only file rewriting scheduled");
            }
            Err(NotBegun::NoThread) => {
                return Err(CommandError::text(
                    "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.",
                ));
            }
        }
        Ok(Flow::Continue)
    }
}

/// Begins to save; the client is answered from there.
fn begin(cx: &mut SessionContext<'_>, wish: Wish) -> Result<Flow, NotBegun> {
    let engine = Arc::clone(cx.worker.engine());
    let name: &[u8] = match wish {
        Wish::Begun => b"bgsave",
        Wish::Saved => b"save",
    };
    let asker = Asker::new(cx, wish, name);
    engine.begin_save(Some(asker))?;
    cx.session.moved = true;
    Ok(Flow::Waiting)
}

/// Begins once a flush is known to the disk; the client is answered from there.
fn begin_after_flush(
    cx: &mut SessionContext<'_>,
    purpose: Purpose,
    wish: Wish,
    name: &[u8],
) -> Result<Flow, CommandError> {
    let engine = Arc::clone(cx.worker.engine());
    let begun = engine.begin_after_flush(purpose, Asker::new(cx, wish, name));
    begun.map_err(|NoThread| CommandError::text("ERR"))?;
    cx.session.moved = true;
    Ok(Flow::Waiting)
}

/// Tells when the data set was saved last, in Unix seconds.
#[derive(Command)]
#[command(group = Server, since = "1.0.0", complexity = "O(1)", flags(loading, stale, fast))]
#[command(categories(Admin, Dangerous), tips("nondeterministic_output"))]
struct Lastsave;

impl SessionCommand for Lastsave {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        out.integer(cx.engine().persistence.state.lock().last_save);
        Ok(Flow::Continue)
    }
}
