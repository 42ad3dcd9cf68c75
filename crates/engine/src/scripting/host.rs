//! What a script reaches: one command after the other, each as it would run in a transaction.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use spinel_family::spec::CommandFlags;
use spinel_family::{Args, Encoder, OwnedArgs, UpdateContext};
use spinel_script::{Host, LogLevel as ScriptLevel, Propagate, ScriptFlags, UnknownCommand, Verdict};

use super::busy::Running;
use crate::log::LogLevel;
use crate::registry::{Action, Command};
use crate::session::Session;
use crate::transaction::Execution;

/// The server as one script sees it.
pub(super) struct ScriptHost<'h, 'w, 'k> {
    execution: &'h mut Execution<'w>,
    session: &'h mut Session,
    /// Not there only while a command runs.
    cx: Option<UpdateContext<'k>>,
    running: Arc<Running>,
    is_readonly: bool,
    flags: ScriptFlags,
    propagate: Propagate,
    /// Memory was full when the script began.
    began_full: bool,
}

impl<'h, 'w, 'k> ScriptHost<'h, 'w, 'k> {
    pub(super) fn new(
        execution: &'h mut Execution<'w>,
        session: &'h mut Session,
        cx: UpdateContext<'k>,
        running: Arc<Running>,
        is_readonly: bool,
        flags: ScriptFlags,
    ) -> Self {
        let began_full = execution.worker.engine.is_memory_full();
        let propagate = Propagate { log: true, replicas: true };
        Self { execution, session, cx: Some(cx), running, is_readonly, flags, propagate, began_full }
    }

    pub(super) fn into_context(self) -> UpdateContext<'k> {
        self.cx.expect("no command is running")
    }

    /// Why a command may not run, in the order in which Redis asks.
    fn refusal(&self, command: &Command, args: Args<'_>) -> Option<Cow<'static, str>> {
        let engine = &self.execution.worker.engine;
        let has = |flag| command.flags.has(flag);
        if !command.spec.accepts(args.len()) {
            return Some("ERR Wrong number of args calling Redis command from script".into());
        }
        let is_denied = has(CommandFlags::NOSCRIPT) && !engine.scripts.may_call_all.load(Ordering::Relaxed);
        if is_denied || matches!(command.action, Action::Container) {
            return Some("ERR This Redis command is not allowed from script".into());
        }
        if self.is_readonly && (has(CommandFlags::WRITE) || has(CommandFlags::MAY_REPLICATE)) {
            return Some("ERR Write commands are not allowed from read-only scripts.".into());
        }
        if self.running.has_written.load(Ordering::Relaxed) {
            return None;
        }
        if has(CommandFlags::WRITE) {
            if let Some(text) = engine.refused_by_disk() {
                return Some(text);
            }
            if engine.are_replicas_missing() {
                return Some("NOREPLICAS Not enough good replicas to write.".into());
            }
        }
        let may_grow = self.flags.is_declared && self.flags.allow_oom;
        let is_refused = self.began_full && !may_grow && has(CommandFlags::DENYOOM);
        is_refused.then(|| "OOM command not allowed when used memory > 'maxmemory'.".into())
    }
}

/// The level of a line that a script writes to the log.
pub(super) fn log_level(level: ScriptLevel) -> LogLevel {
    match level {
        ScriptLevel::Debug => LogLevel::Debug,
        ScriptLevel::Verbose => LogLevel::Verbose,
        ScriptLevel::Notice => LogLevel::Notice,
        ScriptLevel::Warning => LogLevel::Warning,
    }
}

impl Host for ScriptHost<'_, '_, '_> {
    fn call(&mut self, words: &[&[u8]], reply: &mut Encoder) {
        let args = OwnedArgs::from_words(words);
        let engine = Arc::clone(&self.execution.worker.engine);
        let Some(command) = engine.lookup(args.args()) else {
            self.execution.worker.reply_error(b"ERR Unknown Redis command called from script", reply);
            return;
        };
        if let Some(text) = self.refusal(command, args.args()) {
            self.execution.worker.count_rejected(command);
            self.execution.worker.reply_error(text.as_bytes(), reply);
            return;
        }
        if command.flags.has(CommandFlags::WRITE) {
            self.running.has_written.store(true, Ordering::Release);
        }
        self.session.protocol = reply.protocol();
        let recorded = self.execution.recorded.len();
        let Some(cx) = self.cx.take() else { return };
        self.cx = Some(self.execution.step(self.session, command.id, args.args(), cx, reply));
        if !self.propagate.log {
            self.execution.recorded.truncate(recorded);
        }
    }

    fn log(&mut self, level: ScriptLevel, message: &[u8]) {
        self.execution.worker.engine.log.write(log_level(level), &String::from_utf8_lossy(message));
    }

    fn set_propagation(&mut self, propagate: Propagate) {
        self.propagate = propagate;
    }

    fn acl_check(&mut self, words: &[&[u8]]) -> Result<bool, UnknownCommand> {
        let args = OwnedArgs::from_words(words);
        self.execution.worker.engine.lookup(args.args()).map(|_| true).ok_or(UnknownCommand)
    }

    fn processor_seconds(&mut self) -> f64 {
        self.execution.worker.engine.clock.monotonic_nanos() as f64 / 1e9
    }

    fn interrupted(&mut self) -> Verdict {
        if self.running.is_killed.load(Ordering::Acquire) {
            self.execution
                .worker
                .engine
                .log
                .write(LogLevel::Warning, "Lua script killed by user with SCRIPT KILL.");
            return Verdict::Stop(b"Script killed by user with SCRIPT KILL...".to_vec());
        }
        Verdict::Continue
    }
}
