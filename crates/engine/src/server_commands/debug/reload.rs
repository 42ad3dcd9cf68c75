//! `DEBUG RELOAD` and what belongs to it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_family::{Command, CommandError, Encoder, Many};
use spinel_structs::number::parse_i64;

use super::is_nonzero;
use crate::Flow;
use crate::persistence::{Asker, LoadOptions, Reload, Wish};
use crate::session::{SessionCommand, SessionContext};

/// Saves the data set, empties it and loads it again.
#[derive(Command)]
#[command(name = "debug|reload", group = Server, since = "1.0.0", complexity = "O(N) for N keys")]
pub(super) struct DebugReload<'a> {
    #[arg(trailing)]
    options: Option<Many<'a, &'a [u8]>>,
}

impl SessionCommand for DebugReload<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let mut reload = Reload { save: true, flush: true, load: LoadOptions::default() };
        for option in self.options.iter().flat_map(Many::items) {
            match option.to_ascii_lowercase().as_slice() {
                b"nosave" => reload.save = false,
                b"noflush" => reload.flush = false,
                b"merge" => reload.load.merge = true,
                _ => {
                    return Err(CommandError::text(
                        "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                    ));
                }
            }
        }
        if cx.in_exec {
            return Err(CommandError::text("ERR DEBUG RELOAD is not allowed in a transaction"));
        }
        let engine = Arc::clone(cx.worker.engine());
        if let Err(taken) = engine.reload(reload)? {
            return Ok(cx.worker.park(cx.session, taken));
        }
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Takes payloads and files whatever their checksums are.
#[derive(Command)]
#[command(name = "debug|set-skip-checksum-validation", group = Server, since = "7.0.0", complexity = "O(1)")]
pub(super) struct DebugSetSkipChecksumValidation<'a> {
    on: &'a [u8],
}

impl SessionCommand for DebugSetSkipChecksumValidation<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.engine().persistence.skip_checksums.store(is_nonzero(self.on), Ordering::Relaxed);
        cx.engine().republish_settings();
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Empties the data set and loads the append-only file again.
#[derive(Command)]
#[command(name = "debug|loadaof", group = Server, since = "1.0.0", complexity = "O(N) for N commands in the file")]
pub(super) struct DebugLoadaof;

impl SessionCommand for DebugLoadaof {
    fn run(&self, cx: &mut SessionContext<'_>, _out: &mut Encoder) -> Result<Flow, CommandError> {
        if cx.in_exec {
            return Err(CommandError::text("ERR Error trying to load the AOF files, check server logs."));
        }
        let engine = Arc::clone(cx.worker.engine());
        let asker = Asker::new(cx, Wish::Saved, b"debug");
        engine.begin_log_reload(asker).map_err(|_no_thread| {
            CommandError::text("ERR Error trying to load the AOF files, check server logs.")
        })?;
        cx.session.moved = true;
        Ok(Flow::Waiting)
    }
}

/// Rests before each write to the append-only file, so that a test can tell what waits for it.
#[derive(Command)]
#[command(name = "debug|aof-flush-sleep", group = Server, since = "7.0.0", complexity = "O(1)")]
pub(super) struct DebugAofFlushSleep<'a> {
    micros: &'a [u8],
}

impl SessionCommand for DebugAofFlushSleep<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let micros = parse_i64(self.micros).and_then(|micros| u64::try_from(micros).ok()).unwrap_or_default();
        cx.engine().journal.log.write_delay_micros.store(micros, Ordering::Relaxed);
        out.ok();
        Ok(Flow::Continue)
    }
}
