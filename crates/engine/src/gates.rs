//! Conditions of the whole server under which commands are refused: memory is full, the disk fails, replicas are missing,
//! the data set is being loaded.
//!
//! They are worked out now and then (by the upkeep, and when the configuration changes) and kept in one byte, so
//! that a command pays for a single load while all is well.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU8, Ordering};

use spinel_family::Args;
use spinel_family::spec::CommandFlags;
use spinel_script::ScriptFlags;

use crate::Engine;
use crate::config::Settings;
use crate::persistence::{Outcome, State};
use crate::registry::{Command, REGISTRY};
use crate::session::Session;

const MEMORY_FULL: u8 = 1;
const REPLICAS_MISSING: u8 = 1 << 1;
const SAVE_FAILED: u8 = 1 << 2;
const LOADING: u8 = 1 << 3;
const LOG_FAILED: u8 = 1 << 4;
const BUSY: u8 = 1 << 5;

const MISCONF_RDB: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
     Commands that may modify the data set are disabled, because this instance is configured to report errors during \
     writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about \
     the RDB error.";

/// The conditions in force.
#[derive(Debug, Default)]
pub(crate) struct Gates(AtomicU8);

impl Gates {
    /// Whether any condition is in force.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    fn has(&self, gate: u8) -> bool {
        self.0.load(Ordering::Relaxed) & gate != 0
    }

    fn set(&self, gate: u8, on: bool) {
        if on {
            self.0.fetch_or(gate, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!gate, Ordering::Relaxed);
        }
    }
}

impl Engine {
    /// Says that memory is full and nothing can be done about it, or that it is not.
    pub(crate) fn set_memory_full(&self, is_full: bool) {
        if is_full != self.is_memory_full() {
            self.gates.set(MEMORY_FULL, is_full);
        }
    }

    /// Whether a script has been running for too long.
    pub(crate) fn is_busy(&self) -> bool {
        self.gates.has(BUSY)
    }

    /// Works out what depends on settings and on how the last save ended; called when one of them changes.
    pub(crate) fn set_gates(&self) {
        let published = self.published();
        if published.settings.memory.maxmemory == 0 {
            self.set_memory_full(false);
        }
        let replication = &published.settings.replication;
        // There are no replicas yet, so any number asked for is one too many.
        let missing = replication.min_replicas_to_write > 0 && replication.min_replicas_max_lag > 0;
        self.gates.set(REPLICAS_MISSING, missing);
        self.set_save_gate(&self.persistence.state.lock());
    }

    /// Works out what depends on how the last save ended. Who changes that calls this before the state is let go of: nobody
    /// learns that a save failed, or succeeded, before writes are refused for it, or are not any more.
    pub(crate) fn set_save_gate(&self, state: &State) {
        let published = self.published();
        let persistence = &published.settings.persistence;
        let stops = persistence.rdb.stop_writes_on_error && !persistence.save.is_empty();
        self.gates.set(SAVE_FAILED, stops && state.saves.last == Outcome::Failed);
    }

    /// Says that the log cannot be written, or can.
    pub(crate) fn set_log_failed(&self, has_failed: bool) {
        self.gates.set(LOG_FAILED, has_failed);
    }

    /// Says that a script has been running for too long, or that it has ended.
    pub(crate) fn set_busy(&self, is_busy: bool) {
        self.gates.set(BUSY, is_busy);
    }

    /// Why a command is refused while a script has been running for too long, if it is.
    pub(crate) fn refused_while_busy(&self, command: &Command) -> Option<&'static str> {
        let is_refused = self.gates.has(BUSY) && !command.flags.has(CommandFlags::ALLOW_BUSY);
        is_refused.then(|| self.scripts.busy_text())
    }

    /// Whether memory is full.
    pub(crate) fn is_memory_full(&self) -> bool {
        self.gates.has(MEMORY_FULL)
    }

    /// Whether there are fewer replicas than writes need.
    pub(crate) fn are_replicas_missing(&self) -> bool {
        self.gates.has(REPLICAS_MISSING)
    }

    /// Whether the data set is being loaded.
    pub(crate) fn is_loading(&self) -> bool {
        self.gates.has(LOADING)
    }

    /// Says that the data set is being loaded, or is there.
    pub(crate) fn set_loading(&self, is_loading: bool) {
        self.gates.set(LOADING, is_loading);
        if !is_loading {
            self.begin_to_count_memory();
        }
    }

    /// Why a command is refused while the data set is being loaded, if it is.
    pub(crate) fn refused_while_loading(&self, session: &Session, command: &Command) -> Option<&'static str> {
        let is_refused = self.is_loading() && !all_have_flag(session, command, CommandFlags::LOADING);
        is_refused.then_some("LOADING Redis is loading the dataset in memory")
    }

    /// Why writes are refused because of the disk, if they are.
    pub(crate) fn refused_by_disk(&self) -> Option<Cow<'static, str>> {
        if self.gates.has(SAVE_FAILED) {
            return Some(MISCONF_RDB.into());
        }
        self.gates.has(LOG_FAILED).then(|| {
            let why = self.journal.log.refusal().unwrap_or_default();
            format!("MISCONF Errors writing to the AOF file: {why}").into()
        })
    }

    /// Why a command is refused because of the whole server's state, if it is.
    pub(crate) fn refused_by_gates(
        &self,
        session: &Session,
        command: &Command,
        args: Args<'_>,
    ) -> Option<Cow<'static, str>> {
        let has_flag = |flag| self.has_flag(session, (command, args), flag);
        let needs_memory = || queues(session, command) || has_flag(CommandFlags::DENYOOM);
        if self.gates.has(MEMORY_FULL) && needs_memory() {
            return Some("OOM command not allowed when used memory > 'maxmemory'.".into());
        }
        let needs_disk = || has_flag(CommandFlags::WRITE) || command.spec.name == "ping";
        if let Some(text) = self.refused_by_disk()
            && needs_disk()
        {
            return Some(text);
        }
        if self.gates.has(REPLICAS_MISSING) && has_flag(CommandFlags::WRITE) {
            return Some("NOREPLICAS Not enough good replicas to write.".into());
        }
        None
    }

    /// Whether a command, or one that EXEC is about to run, has a flag.
    fn has_flag(&self, session: &Session, (command, args): (&Command, Args<'_>), flag: CommandFlags) -> bool {
        self.flags_of(command, args).has(flag)
            || command.spec.name == "exec"
                && session.transaction.as_ref().is_some_and(|transaction| {
                    let mut queue = transaction.queue.iter();
                    queue.any(|(id, args)| self.flags_of(REGISTRY.get(*id), args.args()).has(flag))
                })
    }

    /// The flags of a command. A script that says what it does has its own.
    fn flags_of(&self, command: &Command, args: Args<'_>) -> CommandFlags {
        let writes = CommandFlags::WRITE;
        match self.declared_flags(command, args) {
            Some(ScriptFlags { no_writes: false, allow_oom: true, .. }) => command.flags.with(writes),
            Some(ScriptFlags { no_writes: false, .. }) => {
                command.flags.with(writes).with(CommandFlags::DENYOOM)
            }
            _ => command.flags,
        }
    }
}

/// Why a protected command is refused to a session, if it is. (`DEBUG` is the only one.)
pub(crate) fn refused_as_protected(settings: &Settings, session: &Session) -> Option<&'static str> {
    let allowed = settings.security.enable_debug_command.allows(session.client.endpoint.is_local());
    (!allowed).then_some(
        "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
    )
}

/// Whether a command, and all that EXEC is about to run, have a flag.
fn all_have_flag(session: &Session, command: &Command, flag: CommandFlags) -> bool {
    command.flags.has(flag)
        && (command.spec.name != "exec"
            || session.transaction.as_ref().is_none_or(|transaction| {
                transaction.queue.iter().all(|(id, _)| REGISTRY.get(*id).flags.has(flag))
            }))
}

/// Whether a command is kept for EXEC, which takes memory.
fn queues(session: &Session, command: &Command) -> bool {
    session.transaction.is_some() && !matches!(command.spec.name, "exec" | "discard" | "quit" | "reset")
}
