//! `CLIENT REPLY | NO-EVICT | NO-TOUCH`: what this connection wants.

use std::sync::atomic::Ordering;

use spinel_family::{Command, CommandError, Encoder, is_token};

use crate::Flow;
use crate::arguments::{one_of, token};
use crate::session::{ReplyMode, SessionCommand, SessionContext};

/// Says whether commands of this connection are answered.
#[derive(Command)]
#[command(name = "client|reply", group = Connection, since = "3.2.0", complexity = "O(1)")]
#[command(flags(noscript, loading, stale))]
#[command(args = &[one_of("on_off_skip", "", &[token("on", "ON"), token("off", "OFF"), token("skip", "SKIP")])])]
pub(super) struct ClientReply<'a> {
    mode: &'a [u8],
}

impl SessionCommand for ClientReply<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let session = &mut *cx.session;
        match self.mode {
            mode if is_token(mode, "ON") => {
                session.reply_mode = ReplyMode::On;
                out.ok();
            }
            mode if is_token(mode, "OFF") => session.reply_mode = ReplyMode::Off,
            mode if is_token(mode, "SKIP") => {
                if session.reply_mode != ReplyMode::Off {
                    session.reply_mode = ReplyMode::SkipNext;
                }
            }
            _ => return Err(CommandError::Syntax),
        }
        Ok(Flow::Continue)
    }
}

fn is_on(word: &[u8]) -> Result<bool, CommandError> {
    match word {
        word if is_token(word, "ON") => Ok(true),
        word if is_token(word, "OFF") => Ok(false),
        _ => Err(CommandError::Syntax),
    }
}

/// Spares this connection when clients are evicted for their memory.
#[derive(Command)]
#[command(name = "client|no-evict", group = Connection, since = "7.0.0", complexity = "O(1)")]
#[command(flags(admin, noscript, loading, stale))]
#[command(args = &[one_of("enabled", "", &[token("on", "ON"), token("off", "OFF")])])]
pub(super) struct ClientNoEvict<'a> {
    enabled: &'a [u8],
}

impl SessionCommand for ClientNoEvict<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.session.client.flags.no_evict.store(is_on(self.enabled)?, Ordering::Relaxed);
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Leaves the access times of the keys that this connection uses alone.
#[derive(Command)]
#[command(name = "client|no-touch", group = Connection, since = "7.2.0", complexity = "O(1)")]
#[command(flags(noscript, loading, stale))]
#[command(args = &[one_of("enabled", "", &[token("on", "ON"), token("off", "OFF")])])]
pub(super) struct ClientNoTouch<'a> {
    enabled: &'a [u8],
}

impl SessionCommand for ClientNoTouch<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.session.no_touch = is_on(self.enabled)?;
        cx.session.client.flags.no_touch.store(cx.session.no_touch, Ordering::Relaxed);
        out.ok();
        Ok(Flow::Continue)
    }
}
