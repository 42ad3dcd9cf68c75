//! MONITOR: clients that are shown every command.
//!
//! A command is shown when it has run, with the database selected then; those of a transaction come before its
//! EXEC. A call of a script is shown before it is looked at, so it comes before the commands of the script. Commands refused
//! before they ran, administrative ones and secrets in words are not shown, as in Redis.
//!
//! What a script does is held back while it may step back and be run again: nothing is shown twice.

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

/// Lines held back of a script that may step back; one that has called more commands may be shown twice.
const MOST_HELD: usize = 10_000;

/// Who calls a command that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Client,
    Script,
}

impl Worker {
    /// Shows a command to all monitors, if there are any.
    #[inline]
    pub(crate) fn show_monitors(&mut self, session: &Session, command: &Command, args: Args<'_>) {
        if self.engine.has_monitors.load(Ordering::Relaxed)
            && !command.flags.has(CommandFlags::SKIP_MONITOR)
            && !command.flags.has(CommandFlags::ADMIN)
        {
            self.show(session, command, args, Caller::Client);
        }
    }

    /// Shows a command that a script calls.
    #[inline]
    pub(crate) fn show_call_of_script(&mut self, session: &Session, command: &Command, args: Args<'_>) {
        if self.engine.has_monitors.load(Ordering::Relaxed) && !command.flags.has(CommandFlags::ADMIN) {
            self.show(session, command, args, Caller::Script);
        }
    }

    /// Shows a call of a script, which is shown before the commands that the script calls.
    pub(crate) fn show_script(&mut self, session: &Session, args: Args<'_>) {
        if self.engine.has_monitors.load(Ordering::Relaxed)
            && let Some(command) = self.engine.lookup(args)
            && command.flags.has(CommandFlags::SKIP_MONITOR)
        {
            self.show(session, command, args, Caller::Client);
        }
    }

    /// Holds back what is shown from now on, until it is clear that the script goes on to its end.
    pub(crate) fn hold_lines_back(&mut self) {
        self.held_lines = self.engine.has_monitors.load(Ordering::Relaxed).then(Vec::new);
    }

    /// Shows what was held back.
    pub(crate) fn show_held_lines(&mut self) {
        for line in self.held_lines.take().into_iter().flatten() {
            self.post_line(&line);
        }
    }

    /// Forgets what was held back: the script stepped back, and is run again.
    pub(crate) fn forget_held_lines(&mut self) {
        self.held_lines = None;
    }

    #[cold]
    fn show(&mut self, session: &Session, command: &Command, args: Args<'_>, caller: Caller) {
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
        match &mut self.held_lines {
            Some(held) if held.len() < MOST_HELD => held.push(line),
            _ => {
                self.show_held_lines();
                self.post_line(&line);
            }
        }
    }

    fn post_line(&self, line: &Arc<[u8]>) {
        let monitors = self.engine.monitors.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        for client in monitors.iter() {
            client.post(Message::Monitored(Arc::clone(line)));
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
