//! From words to a command: look-up, the gates in Redis's order, and the run.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use spinel_family::spec::CommandFlags;
use spinel_family::{Args, CommandError, Encoder, OwnedArgs, Words, printed};

use crate::data::Call;
use crate::gates::refused_as_protected;
use crate::look_ahead::{Lookahead, Prepared};
use crate::pause::PauseMode;
use crate::registry::{Action, Command, CommandId, REGISTRY};
use crate::session::{ReplyMode, Session, SessionContext, SessionEntry};
use crate::subscriptions::is_subscription;
use crate::undo::refused_in_transaction;
use crate::{Message, Progress, Worker};

/// The reply to a command that panicked.
pub(crate) const COMMAND_FAILED: &str = "ERR internal error: the command failed, nothing else is affected";

/// What becomes of a connection after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on with the next command.
    Continue,
    /// The command was not run: keep its words and try again when a [`Message::Retry`] comes.
    Parked,
    /// The command will be answered by a message; run nothing of this connection until then.
    Waiting,
    /// Close once the replies are sent.
    Close,
}

/// Where the reply of a command began and when the command did, if it is timed by itself.
#[derive(Clone, Copy)]
pub(crate) struct Begun {
    pub(crate) len: usize,
    pub(crate) nanos: Option<u64>,
}

/// Words that are handed to a function which is not inlined. Four words of the machine go there through memory: from here,
/// where they are put when such a function is called, so that they stay in registers where none is. (Else they are copied
/// as a whole right after their parts were written, for which processors have to wait.)
pub(crate) struct Request<'a> {
    pub(crate) args: Args<'a>,
    pub(crate) prepared: Prepared,
}

/// How a command ended that was timed by itself.
#[derive(Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) failed: bool,
    pub(crate) reply_bytes: usize,
    /// It came as a request of its own; those of transactions and scripts do not.
    pub(crate) is_request: bool,
}

impl Worker {
    /// Finds and runs one command that nothing was looked ahead for.
    pub fn execute_alone(&mut self, session: &mut Session, args: Args<'_>, out: &mut Encoder) -> Flow {
        let prepared = self.prepare(&mut Lookahead::default(), session, args);
        self.execute(session, args, prepared, out)
    }

    /// Runs one command of a session. A panic inside is a bug; it ends in an error reply and nothing else.
    pub fn execute(
        &mut self,
        session: &mut Session,
        args: Args<'_>,
        prepared: Prepared,
        out: &mut Encoder,
    ) -> Flow {
        let mut progress = Progress::new(out);
        let start = progress.last_reply;
        let run = AssertUnwindSafe(|| {
            self.run_short(session, [(args, prepared)], out, usize::MAX, &mut progress);
            if progress.executed == 1 { progress.flow } else { self.run_long(session, args, prepared, out) }
        });
        catch_unwind(run).unwrap_or_else(|_| self.recover(session, prepared, start, out))
    }

    /// Runs one command the long way, which every command can go. Panics are the caller's to catch, who calls
    /// [`recover`](Self::recover) then.
    #[inline(never)]
    pub fn run_long(
        &mut self,
        session: &mut Session,
        args: Args<'_>,
        prepared: Prepared,
        out: &mut Encoder,
    ) -> Flow {
        self.give_way();
        if session.client.killed.load(Ordering::Acquire) {
            return Flow::Close;
        }
        let start = out.len();
        session.client.last_active_ms.store(self.now.0, Ordering::Relaxed);
        let flow = self.dispatch(session, &Request { args, prepared }, out);
        note_executed(session, prepared, start, flow, out);
        flow
    }

    /// After a command panicked, whose reply began at `start`.
    #[cold]
    pub fn recover(
        &mut self,
        session: &mut Session,
        prepared: Prepared,
        start: usize,
        out: &mut Encoder,
    ) -> Flow {
        self.engine.stats.panics.fetch_add(1, Ordering::Relaxed);
        out.truncate(start);
        out.error(COMMAND_FAILED);
        self.effects.clear();
        self.forget_held_lines();
        self.scratch.forget();
        note_executed(session, prepared, start, Flow::Continue, out);
        Flow::Continue
    }

    #[inline(never)]
    fn dispatch(&mut self, session: &mut Session, request: &Request<'_>, out: &mut Encoder) -> Flow {
        let Request { args, prepared } = *request;
        let Some(command) = prepared.command else {
            let text = self.engine.unknown_command(args);
            return self.refuse(session, None, args, &text, out);
        };
        let is_gated = command.is_protected || !session.is_plain() || self.engine.gates.any();
        if (is_gated || !command.spec.accepts(args.len()))
            && let Err(text) = self.check(session, command, args)
        {
            return self.refuse(session, Some(command), args, &text, out);
        }
        if self.engine.pause.is_active() && self.must_pause(session, command, args) {
            return Flow::Parked;
        }
        if session.transaction.is_some()
            && !command.flags.has(CommandFlags::NO_MULTI)
            && !runs_in_multi(command)
        {
            if let Some(text) = refused_in_transaction(session, command) {
                return self.refuse(session, Some(command), args, &text, out);
            }
            self.queue(session, command, args);
            out.simple("QUEUED");
            return Flow::Continue;
        }
        self.call(session, command, args, prepared, out)
    }

    /// The gates that a command passes before it is run, in Redis's order. (None of them stops a command that is not
    /// protected and has the right length, in a plain session, while the server's gates are open: then this is not
    /// called.)
    #[inline(never)]
    fn check(&self, session: &Session, command: &Command, args: Args<'_>) -> Result<(), Cow<'static, [u8]>> {
        let spec = command.spec;
        if !spec.accepts(args.len()) {
            return Err(CommandError::Arity.wire(spec.name));
        }
        if command.flags.has(CommandFlags::PROTECTED)
            && let Some(text) = refused_as_protected(&self.published.settings, session)
        {
            return Err(Cow::Borrowed(text.as_bytes()));
        }
        if !session.authenticated
            && !command.flags.has(CommandFlags::NO_AUTH)
            && !self.published.settings.security.requirepass.is_empty()
        {
            return Err(Cow::Borrowed(b"NOAUTH Authentication required."));
        }
        if let Some(text) = self.engine.refused_as_code(session, command) {
            return Err(Cow::Borrowed(text.as_bytes()));
        }
        if session.transaction.is_some() && command.flags.has(CommandFlags::NO_MULTI) {
            return Err(Cow::Borrowed(b"ERR Command not allowed inside a transaction"));
        }
        if self.engine.gates.any()
            && let Some(text) = self.engine.refused_by_gates(session, command, args)
        {
            return Err(match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            });
        }
        if session.only_listens() && !may_run_while_listening(spec.name) {
            return Err(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
                spec.name
            )
            .into_bytes()
            .into());
        }
        if let Some(text) = self.engine.refused_while_loading(session, command) {
            return Err(Cow::Borrowed(text.as_bytes()));
        }
        if let Some(text) = self.engine.refused_while_busy(command) {
            return Err(Cow::Borrowed(text.as_bytes()));
        }
        if session.monitor && touches_keys(command) {
            return Err(Cow::Borrowed(b"ERR Replica can't interact with the keyspace"));
        }
        Ok(())
    }

    fn must_pause(&mut self, session: &Session, command: &Command, args: Args<'_>) -> bool {
        let engine = &self.engine;
        let changes =
            |command: &Command, args| may_change(command) && !engine.is_readonly_script(command, args);
        let writes = changes(command, args)
            || (command.spec.name == "exec"
                && session.transaction.as_ref().is_some_and(|t| {
                    t.queue.iter().any(|(id, args)| changes(REGISTRY.get(*id), args.args()))
                }));
        let waits = match self.engine.pause.mode(self.now) {
            Some(PauseMode::All) => true,
            Some(PauseMode::Write) => writes,
            None => false,
        };
        waits && self.waits_for_pause(session)
    }

    /// Has a client wait for the end of the pause, if there is one.
    pub(crate) fn waits_for_pause(&self, session: &Session) -> bool {
        let waits = self.engine.pause.is_active() && self.engine.pause.wait(session.id(), self.now);
        if waits && !session.client.flags.blocked.swap(true, Ordering::Relaxed) {
            self.engine.stats.blocked_clients.fetch_add(1, Ordering::Relaxed);
        }
        waits
    }

    /// Answers with an error instead of running the command; an open transaction is broken by it.
    fn refuse(
        &mut self,
        session: &mut Session,
        command: Option<&Command>,
        args: Args<'_>,
        text: &[u8],
        out: &mut Encoder,
    ) -> Flow {
        if let Some(command) = command {
            self.stats.by_command[usize::from(command.id.0)].rejected.add(1);
        }
        if let Some(transaction) = &mut session.transaction {
            transaction.broken = true;
        }
        if let Some(command) = command.filter(|command| is_exec(command)) {
            self.show_monitors(session, command, args);
            let reason = text.strip_prefix(b"ERR ").unwrap_or(text);
            let text = [b"EXECABORT Transaction discarded because of: ", reason].concat();
            self.discard_transaction(session);
            self.reply_error(&text, out);
            return Flow::Continue;
        }
        self.reply_error(text, out);
        Flow::Continue
    }

    /// Counts a command that was refused before it ran.
    pub(crate) fn count_rejected(&self, command: &Command) {
        self.stats.by_command[usize::from(command.id.0)].rejected.add(1);
    }

    /// Sends an error and counts it.
    pub(crate) fn reply_error(&self, text: &[u8], out: &mut Encoder) {
        out.error(text);
        self.engine.stats.count_error(text);
    }

    fn queue(&mut self, session: &mut Session, command: &Command, args: Args<'_>) {
        // A transaction that cannot succeed any more need not be kept.
        if let Some(transaction) = &mut session.transaction
            && !transaction.broken
            && !session.watch_flag.is_raised()
        {
            transaction.bytes += args.bytes_len();
            transaction.queue.push((command.id, OwnedArgs::from_args(args)));
        }
        session.publish_transaction();
    }

    /// Runs a command that passed the gates, timed and counted.
    #[inline]
    fn call(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        prepared: Prepared,
        out: &mut Encoder,
    ) -> Flow {
        let is_single = self.timing.is_single(command, args.len(), args.extent());
        let begun = Begun { len: out.len(), nanos: is_single.then(|| self.start_single()) };
        let result = self.run(session, command, args, prepared, out);
        self.conclude(session, command, args, begun, result, out)
    }

    /// Answers with the error of a command that was run, if there is one, and counts it.
    pub(crate) fn conclude(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        begun: Begun,
        result: Result<Flow, CommandError>,
        out: &mut Encoder,
    ) -> Flow {
        let (flow, failed) = match result {
            Ok(flow) => (flow, false),
            Err(error) => {
                out.truncate(begun.len);
                self.reply_error(&error.wire(command.spec.name), out);
                (Flow::Continue, true)
            }
        };
        if flow == Flow::Parked {
            out.truncate(begun.len);
            return flow;
        }
        if flow != Flow::Waiting || !is_exec(command) {
            // A transaction that went to the thread of scripts is shown there, after its commands.
            self.show_monitors(session, command, args);
        }
        self.stats.commands.add(1);
        let nanos = begun.nanos.map(|start| self.finish_single(start));
        match (flow, nanos) {
            (Flow::Waiting, _) => {
                // It is counted when it has ended.
                if let Some(blocked) = &mut session.blocked {
                    blocked.nanos = nanos.unwrap_or(0);
                }
            }
            (_, Some(nanos)) => {
                let reply_bytes = out.len() - begun.len;
                let outcome = Outcome { failed, reply_bytes, is_request: true };
                self.count_call(session, command.id, args, nanos, outcome);
            }
            (_, None) => self.count_fast_call(command.id, failed),
        }
        flow
    }

    /// Counts a command that is timed with those around it.
    #[inline]
    pub(crate) fn count_fast_call(&mut self, command: CommandId, failed: bool) {
        self.timing.count(command);
        if failed {
            self.stats.by_command[usize::from(command.0)].failed.add(1);
        }
    }

    /// Counts a command that was timed by itself.
    pub(crate) fn count_call(
        &mut self,
        session: &Session,
        command: CommandId,
        args: Args<'_>,
        nanos: u64,
        outcome: Outcome,
    ) {
        self.record_single(command, nanos);
        self.note_single(session, REGISTRY.get(command), args, nanos, outcome);
        if outcome.failed {
            self.stats.by_command[usize::from(command.0)].failed.add(1);
        }
    }

    #[inline]
    fn run(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        prepared: Prepared,
        out: &mut Encoder,
    ) -> Result<Flow, CommandError> {
        match command.action {
            Action::Data(entry) => {
                self.run_data(session, Call { command, entry, args, known: prepared.known() }, out)
            }
            Action::Session(entry) if entry.is_script && !self.runs_scripts() => {
                self.run_script_or_send(session, command, args, out)
            }
            Action::Session(entry) => self.run_session(session, entry, args, false, out),
            Action::Container => Err(CommandError::Syntax),
        }
    }

    #[inline(never)]
    pub(crate) fn run_session(
        &mut self,
        session: &mut Session,
        entry: &'static SessionEntry,
        args: Args<'_>,
        in_exec: bool,
        out: &mut Encoder,
    ) -> Result<Flow, CommandError> {
        let Some(run) = entry.run else { return Err(CommandError::Syntax) };
        // Whoever reads statistics finds those of the commands before his.
        self.count_lookups();
        let at = if entry.spec.name.contains('|') { 2 } else { 1 };
        let engine = std::sync::Arc::clone(&self.engine);
        let words = Words::new(args, at, engine.keyspace.hash_key(), None);
        if entry.is_exclusive && !in_exec {
            return self.with_world(|worker| {
                run(&mut SessionContext { worker, session, args, in_exec }, words, out)
            });
        }
        run(&mut SessionContext { worker: self, session, args, in_exec }, words, out)
    }

    /// Wakes clients by number.
    pub(crate) fn wake(&self, clients: Vec<crate::ClientId>) {
        for id in clients {
            if let Some(client) = self.engine.clients.get(id) {
                if client.flags.blocked.swap(false, Ordering::Relaxed) {
                    self.engine.stats.blocked_clients.fetch_sub(1, Ordering::Relaxed);
                }
                client.post(Message::Retry);
            }
        }
    }
}

/// After a command was executed, whose reply began at `start`.
#[inline]
fn note_executed(session: &mut Session, prepared: Prepared, start: usize, flow: Flow, out: &mut Encoder) {
    // Only now: whoever sees from elsewhere that a command was given may rely on what it did.
    session.client.note_command(prepared.command);
    if session.reply_mode != ReplyMode::On && flow != Flow::Parked {
        keep_silent(session, prepared, start, out);
    }
}

/// Takes a reply back that began at `start`, if the client wants none.
#[cold]
fn keep_silent(session: &mut Session, prepared: Prepared, start: usize, out: &mut Encoder) {
    if !sends_messages(prepared, &out.as_bytes()[start..]) {
        out.truncate(start);
    }
    session.reply_mode = match session.reply_mode {
        ReplyMode::Skip => ReplyMode::On,
        ReplyMode::SkipNext => ReplyMode::Skip,
        mode => mode,
    };
}

/// Whether a command may change data, or be sent to replicas as if it did.
fn may_change(command: &Command) -> bool {
    command.flags.has(CommandFlags::WRITE) || command.flags.has(CommandFlags::MAY_REPLICATE)
}

fn touches_keys(command: &Command) -> bool {
    may_change(command) || command.flags.has(CommandFlags::READONLY)
}

fn is_exec(command: &Command) -> bool {
    command.spec.name == "exec"
}

/// Whether a reply is sent even to a client that wants none: subscriptions are confirmed by messages.
fn sends_messages(prepared: Prepared, reply: &[u8]) -> bool {
    prepared.command.is_some_and(is_subscription) && !reply.starts_with(b"-")
}

/// Commands that are run, not queued, between MULTI and EXEC.
fn runs_in_multi(command: &Command) -> bool {
    matches!(command.spec.name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset")
}

/// Commands a RESP2 subscriber may use.
fn may_run_while_listening(name: &str) -> bool {
    matches!(
        name,
        "ping"
            | "subscribe"
            | "unsubscribe"
            | "psubscribe"
            | "punsubscribe"
            | "ssubscribe"
            | "sunsubscribe"
            | "quit"
            | "reset"
    )
}

/// How many bytes of an unknown command's words its error shows.
const SHOWN_BYTES: usize = 128;

fn unknown_subcommand(container: &Command, args: Args<'_>) -> Vec<u8> {
    let word = args.get(1).unwrap_or_default();
    let help = format!("'. Try {} HELP.", container.spec.name.to_uppercase());
    [b"ERR unknown subcommand '", shown(word, SHOWN_BYTES), help.as_bytes()].concat()
}

/// What an error shows of a word.
fn shown(word: &[u8], bytes: usize) -> &[u8] {
    printed(&word[..word.len().min(bytes)])
}

impl crate::Engine {
    /// The command that words name; a subcommand if they name one.
    #[inline]
    pub(crate) fn lookup(&self, args: Args<'_>) -> Option<&'static Command> {
        let command = self.find_command(args.get(0)?)?;
        match args.get(1) {
            Some(sub) if !command.subcommands.is_empty() => {
                let found = REGISTRY.find_sub(command, sub);
                if !command.is_cover {
                    return found;
                }
                found.filter(|found| found.takes(args.len())).or(Some(command))
            }
            _ => Some(command),
        }
    }

    fn unknown_command(&self, args: Args<'_>) -> Vec<u8> {
        let name = args.get(0).unwrap_or_default();
        if let Some(container) = self.find_command(name) {
            return unknown_subcommand(container, args);
        }
        let mut begin = Vec::new();
        for arg in args.iter().skip(1) {
            if begin.len() >= SHOWN_BYTES {
                break;
            }
            let room = SHOWN_BYTES - begin.len();
            begin.extend_from_slice(&[b"'", shown(arg, room), b"' "].concat());
        }
        let name = shown(name, SHOWN_BYTES);
        [b"ERR unknown command '", name, b"', with args beginning with: ", &begin].concat()
    }
}
