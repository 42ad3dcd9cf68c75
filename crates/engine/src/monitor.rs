//! MONITOR: clients that are shown every command.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_family::Args;
use spinel_family::spec::CommandFlags;

use crate::config::push_quoted;
use crate::redaction::{REDACTED, hides_word};
use crate::registry::Command;
use crate::session::Session;
use crate::{Message, Worker};

impl Worker {
    /// Shows a command to all monitors.
    pub(crate) fn show_monitors(&self, session: &Session, command: &Command, args: Args<'_>) {
        if command.flags.has(CommandFlags::SKIP_MONITOR) || command.flags.has(CommandFlags::ADMIN) {
            return;
        }
        let micros = self.engine.clock.unix_micros();
        let mut line = format!(
            "+{}.{:06} [{} {}]",
            micros / 1_000_000,
            micros % 1_000_000,
            session.db.0,
            session.client.endpoint.peer
        )
        .into_bytes();
        for (at, word) in args.iter().enumerate() {
            line.push(b' ');
            push_quoted(&mut line, if hides_word(command, args, at) { REDACTED } else { word });
        }
        line.extend_from_slice(b"\r\n");
        let line: Arc<[u8]> = line.into();
        let monitors = self.engine.monitors.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        for client in monitors.iter() {
            client.post(Message::Monitored(Arc::clone(&line)));
        }
    }

    /// Makes a session a monitor.
    pub(crate) fn start_monitoring(&self, session: &mut Session) {
        if session.monitor {
            return;
        }
        session.monitor = true;
        session.client.flags.monitor.store(true, Ordering::Relaxed);
        let mut monitors = self.engine.monitors.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        monitors.push(Arc::clone(&session.client));
        self.engine.has_monitors.store(true, Ordering::Relaxed);
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
