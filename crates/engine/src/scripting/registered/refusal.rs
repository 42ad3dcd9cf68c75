//! What is refused where only registered scripts run, to whom, and what the log says of it.

use std::sync::{Mutex, PoisonError};

use super::Registered;
use crate::Engine;
use crate::log::LogLevel;
use crate::registry::Command;
use crate::scripting::known::Known;
use crate::session::Session;

/// Refusals of one second that are logged one by one.
const LINES_PER_SECOND: u64 = 10;

const BRINGS: &str = "NOPERM Only registered scripts run here, and this connection may not bring others or change functions. \
     See SCRIPT REGISTERED, and the options script-mode and enable-script-register.";
const REGISTERS: &str = "NOPERM Registering scripts is not allowed. If the enable-script-register option is set to \"local\", \
     you can do it from a local connection, otherwise you need to set this option in the configuration file, and then restart \
     the server.";

/// What a command has to do with the code that the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeRule {
    /// It brings code, or changes what functions there are.
    Brings,
    /// It says which scripts are registered.
    Registers,
}

impl CodeRule {
    /// The rule for a command, if there is one.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "eval" | "eval_ro" | "script|load" | "function|load" | "function|restore" | "function|delete"
            | "function|flush" => Some(Self::Brings),
            "script|register" | "script|unregister" => Some(Self::Registers),
            _ => None,
        }
    }
}

/// Refusals that were logged of late; protects itself.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    second: i64,
    count: u64,
}

impl Refusals {
    /// Counts one more; what the log is to say of it and of those before.
    fn note(&self, now_seconds: i64, line: impl FnOnce() -> String) -> Vec<String> {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = Vec::new();
        if recent.second != now_seconds {
            let unsaid = recent.count.saturating_sub(LINES_PER_SECOND);
            if unsaid > 0 {
                lines.push(format!("{unsaid} refusals like the last ones were not logged"));
            }
            *recent = Recent { second: now_seconds, count: 0 };
        }
        recent.count += 1;
        if recent.count <= LINES_PER_SECOND {
            lines.push(line());
        }
        if recent.count == LINES_PER_SECOND {
            lines.push("Further refusals of this second are counted only".to_owned());
        }
        lines
    }
}

impl Registered {
    /// Whether a session may register scripts, and bring code.
    fn allows(&self, session: &Session) -> bool {
        self.right.allows(session.client.endpoint.is_local())
    }
}

impl Engine {
    /// Why a command is refused to a session for the code that it brings, if it is; the log has been told.
    pub(crate) fn refused_as_code(&self, session: &Session, command: &Command) -> Option<&'static str> {
        let registered = &self.scripts.registered;
        let text = match command.code_rule? {
            CodeRule::Brings if !registered.is_required => return None,
            CodeRule::Brings => BRINGS,
            CodeRule::Registers => REGISTERS,
        };
        if registered.allows(session) {
            return None;
        }
        self.log_refusal(session, &command.spec.name.replace('|', " ").to_uppercase());
        Some(text)
    }

    /// Whether a session may call a script that is known.
    pub(in crate::scripting) fn may_call(&self, session: &Session, known: &Known) -> bool {
        let registered = &self.scripts.registered;
        !registered.is_required || known.is_registered() || registered.allows(session)
    }

    /// Whether a known script is refused to a session because it is not registered; the log has been told then.
    pub(in crate::scripting) fn is_refused_as_unregistered(&self, session: &Session, known: &Known) -> bool {
        let is_refused = !self.may_call(session, known);
        if is_refused {
            let what =
                format!("EVALSHA of {}, which is not registered,", String::from_utf8_lossy(&known.name));
            self.log_refusal(session, &what);
        }
        is_refused
    }

    fn log_refusal(&self, session: &Session, what: &str) {
        let line = || format!("Refused: {what} by {}", who(session));
        for line in self.scripts.registered.refusals.note(self.unix_seconds(), line) {
            self.log.write(LogLevel::Warning, &line);
        }
    }
}

/// Who a session is, for the log and for those who ask later. There is one user yet.
pub(super) fn who(session: &Session) -> String {
    let client = &session.client;
    let name = client.name.lock().unwrap_or_else(PoisonError::into_inner);
    let name = if name.is_empty() { String::new() } else { format!(" ({})", name.escape_ascii()) };
    format!("default at {}{name}", client.endpoint.peer.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_logged_one_by_one_until_there_are_too_many_which_is_told() {
        let refusals = Refusals::default();
        let mut lines = Vec::new();
        for _ in 0..25 {
            lines.extend(refusals.note(7, || "refused".to_owned()));
        }
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[10], "Further refusals of this second are counted only");
        let next = refusals.note(9, || "refused".to_owned());
        assert_eq!(next, ["15 refusals like the last ones were not logged", "refused"]);
        assert_eq!(refusals.note(10, || "refused".to_owned()), ["refused"]);
    }

    #[test]
    fn every_command_that_brings_code_is_under_the_rule() {
        use crate::registry::REGISTRY;
        let ruled: Vec<&str> = REGISTRY
            .all()
            .iter()
            .filter(|command| command.code_rule.is_some())
            .map(|command| command.spec.name)
            .collect();
        assert_eq!(ruled.len(), 9, "{ruled:?}");
        assert!(ruled.iter().all(|name| CodeRule::of(name).is_some()));
    }
}
