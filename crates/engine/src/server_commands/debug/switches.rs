//! `DEBUG` subcommands that turn something on or off, or do something once, for the whole server.
//!
//! Most have the world to themselves, so that after their OK nothing goes on as before.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use spinel_family::{Command, CommandError, Encoder};
use spinel_store::EncodingLimits;
use spinel_structs::number::parse_f64;

use super::is_nonzero;
use crate::Flow;
use crate::config::{Rewrite, parse_memory};
use crate::log::LogLevel;
use crate::session::{SessionCommand, SessionContext};

/// Lets the whole server rest.
#[derive(Command)]
#[command(name = "debug|sleep", group = Server, since = "1.0.0", complexity = "O(1)")]
pub(super) struct DebugSleep<'a> {
    seconds: &'a [u8],
}

impl SessionCommand for DebugSleep<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let seconds = parse_f64(self.seconds).unwrap_or_default();
        if let Ok(duration) = Duration::try_from_secs_f64(seconds) {
            cx.engine().clock.sleep(duration);
        }
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Removes expired keys in the background, or only when they are met.
#[derive(Command)]
#[command(name = "debug|set-active-expire", group = Server, since = "2.6.0", complexity = "O(1)")]
pub(super) struct DebugSetActiveExpire<'a> {
    on: &'a [u8],
}

impl SessionCommand for DebugSetActiveExpire<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.engine().active_expiry.store(is_nonzero(self.on), Ordering::Relaxed);
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Lets scripts run the commands that are not for scripts, or not any more.
#[derive(Command)]
#[command(name = "debug|set-disable-deny-scripts", group = Server, since = "7.0.0", complexity = "O(1)")]
pub(super) struct DebugSetDisableDenyScripts<'a> {
    on: &'a [u8],
}

impl SessionCommand for DebugSetDisableDenyScripts<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.engine().scripts.may_call_all.store(is_nonzero(self.on), Ordering::Relaxed);
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Stops or resumes the periodic upkeep.
#[derive(Command)]
#[command(name = "debug|pause-cron", group = Server, since = "7.0.0", complexity = "O(1)")]
pub(super) struct DebugPauseCron<'a> {
    on: &'a [u8],
}

impl SessionCommand for DebugPauseCron<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.engine().upkeep_paused.store(is_nonzero(self.on), Ordering::Relaxed);
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Gives list elements from a size on a node of their own.
#[derive(Command)]
#[command(name = "debug|quicklist-packed-threshold", group = Server, since = "7.0.0", complexity = "O(1)")]
pub(super) struct DebugQuicklistPackedThreshold<'a> {
    size: &'a [u8],
}

impl SessionCommand for DebugQuicklistPackedThreshold<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        /// What a listpack can hold, with some room for its own bytes.
        const MOST: u64 = (1 << 32) - (1 << 20);
        let bytes = match parse_memory(self.size) {
            Some(0) => EncodingLimits::default().list_packed_threshold as u64,
            Some(bytes) if bytes <= MOST => bytes,
            _ => {
                return Err(CommandError::text(
                    "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
                ));
            }
        };
        cx.engine().list_packed_threshold.store(bytes, Ordering::Relaxed);
        cx.engine().republish_settings();
        cx.worker.refresh();
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Gives the history of the data set a new name.
#[derive(Command)]
#[command(name = "debug|change-repl-id", group = Server, since = "4.0.0", complexity = "O(1)")]
pub(super) struct DebugChangeReplId;

impl SessionCommand for DebugChangeReplId {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let engine = cx.engine();
        let id = crate::engine::hex_id(
            cx.worker.scratch.random_state().get() ^ engine.clock.unix_micros().unsigned_abs(),
        );
        let line = "Changing replication IDs after receiving DEBUG change-repl-id";
        engine.log.write(LogLevel::Warning, line);
        engine.journal.log.rename_history(&id);
        *engine.replication_id.write().unwrap_or_else(PoisonError::into_inner) = id;
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Writes every setting to the configuration file, defaults included.
#[derive(Command)]
#[command(name = "debug|config-rewrite-force-all", group = Server, since = "7.0.0", complexity = "O(1)")]
pub(super) struct DebugConfigRewriteForceAll;

impl SessionCommand for DebugConfigRewriteForceAll {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.engine().rewrite_config_file(Rewrite::Everything)?;
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Writes a line to the log.
#[derive(Command)]
#[command(name = "debug|log", group = Server, since = "5.0.0", complexity = "O(1)")]
pub(super) struct DebugLog<'a> {
    message: &'a [u8],
}

impl SessionCommand for DebugLog<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let line = format!("DEBUG LOG: {}", String::from_utf8_lossy(self.message));
        cx.engine().log.write(LogLevel::Warning, &line);
        out.ok();
        Ok(Flow::Continue)
    }
}
