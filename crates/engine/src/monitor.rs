//! MONITOR: clients that are shown every command.
//!
//! A command is shown when it has run, with the database selected then; those of a transaction come before its
//! EXEC. Commands refused before they ran, administrative ones and secrets in words are not shown, as in Redis.

mod command;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_family::spec::CommandFlags;
use spinel_family::{Args, DbIndex};

pub(crate) use self::command::COMMANDS;
use crate::config::push_quoted;
use crate::redaction::{REDACTED, hides_word};
use crate::registry::Command;
use crate::session::Session;
use crate::{Message, Worker};

/// Who calls a command that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Client,
    Script,
}

impl Worker {
    /// Shows a command to all monitors, if there are any.
    #[inline]
    pub(crate) fn show_monitors(&self, session: &Session, command: &Command, args: Args<'_>) {
        if self.engine.has_monitors.load(Ordering::Relaxed)
            && !command.flags.has(CommandFlags::SKIP_MONITOR)
            && !command.flags.has(CommandFlags::ADMIN)
        {
            self.show(session, command, args, Caller::Client);
        }
    }

    /// Shows a command that a script calls.
    #[inline]
    pub(crate) fn show_call_of_script(&self, session: &Session, command: &Command, args: Args<'_>) {
        if self.engine.has_monitors.load(Ordering::Relaxed) && !command.flags.has(CommandFlags::ADMIN) {
            self.show(session, command, args, Caller::Script);
        }
    }

    /// Shows a script, which is shown before the commands that it calls.
    pub(crate) fn show_script(&self, session: &Session, args: Args<'_>) {
        if self.engine.has_monitors.load(Ordering::Relaxed)
            && let Some(command) = self.engine.lookup(args)
            && command.flags.has(CommandFlags::SKIP_MONITOR)
        {
            self.show(session, command, args, Caller::Client);
        }
    }

    #[cold]
    fn show(&self, session: &Session, command: &Command, args: Args<'_>, caller: Caller) {
        let peer = &session.client.endpoint.peer;
        let shown = match caller {
            Caller::Script => "lua".to_owned(),
            Caller::Client if session.client.endpoint.unix => {
                format!("unix:{}", peer.strip_suffix(":0").unwrap_or(peer))
            }
            Caller::Client => peer.clone(),
        };
        let line = line(self.engine.clock.unix_micros(), session.db, &shown, command, args);
        let line: Arc<[u8]> = line.into();
        let monitors = self.engine.monitors.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        for client in monitors.iter() {
            client.post(Message::Monitored(Arc::clone(&line)));
        }
    }

    /// Makes a session a monitor; false if it was one.
    fn start_monitoring(&self, session: &mut Session) -> bool {
        if session.monitor {
            return false;
        }
        session.monitor = true;
        session.client.flags.monitor.store(true, Ordering::Relaxed);
        let mut monitors = self.engine.monitors.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        monitors.push(Arc::clone(&session.client));
        self.engine.has_monitors.store(true, Ordering::Relaxed);
        true
    }

    /// Makes a session no monitor any more.
    pub(crate) fn stop_monitoring(&self, session: &mut Session) {
        if !session.monitor {
            return;
        }
        session.monitor = false;
        session.client.flags.monitor.store(false, Ordering::Relaxed);
        let mut monitors = self.engine.monitors.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        monitors.retain(|client| client.id != session.id());
        self.engine.has_monitors.store(!monitors.is_empty(), Ordering::Relaxed);
    }
}

fn line(micros: i64, db: DbIndex, peer: &str, command: &Command, args: Args<'_>) -> Vec<u8> {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let mut line = format!("+{seconds}.{micros:06} [{} {peer}]", db.0).into_bytes();
    for (at, word) in args.iter().enumerate() {
        line.push(b' ');
        push_quoted(&mut line, if hides_word(command, args, at) { REDACTED } else { word });
    }
    line.extend_from_slice(b"\r\n");
    line
}
