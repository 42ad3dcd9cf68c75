//! What a script reaches: one command after the other, each as it would run in a transaction.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use spinel_family::spec::CommandFlags;
use spinel_family::{Args, ArgsBuffer, Encoder, OwnedArgs, Run, UpdateContext};
use spinel_script::{Host, Interrupter, LogLevel as ScriptLevel, Propagate, UnknownCommand, Verdict};
use spinel_store::ShardIndex;

use super::alone::{Place, Token, needs_no_token};
use super::busy::{KILLED, RunningGuard, WayWanted};
use super::run::Called;
use crate::Engine;
use crate::data::{ShardSet, needs_every_shard, normalise};
use crate::log::LogLevel;
use crate::registry::{Action, Command};
use crate::replay::sort_reply;
use crate::session::Session;
use crate::transaction::Execution;
use crate::undo::can_be_undone;

/// How long a script that has an effect already may go on on an event loop before others are told of it; one without is
/// taken off the loop after that time.
const PATIENCE_NANOS: u64 = 1_000_000;
/// How long a script that keeps its keys may take shards again and again for which others wait.
const TURN_NANOS: u64 = 500_000;
/// How long it leaves them alone then.
const GIVING_WAY: Duration = Duration::from_micros(100);
/// Declared keys that a key is compared with: what is equal need not be hashed.
const MOST_COMPARED: usize = 4;
/// Room for words that is kept from one script to the next.
const KEPT_BYTES: usize = 16 << 10;
const STEPS_BACK: &[u8] = b"the script steps back";

/// Why a script that had no effect yet is to be run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SteppedBack {
    /// It reached for keys that it had not declared.
    Keys,
    /// It wanted to write while another script did.
    Token,
    /// It took too long for an event loop.
    Time,
    /// A script that has written already waits for all shards.
    Way,
}

/// Where a script stands: what called it, and what it holds.
pub(super) struct Ground<'a> {
    pub(super) engine: &'a Arc<Engine>,
    /// The command that called it.
    pub(super) args: Args<'a>,
    pub(super) place: Place,
    /// It holds all shards.
    pub(super) has_all: bool,
    pub(super) token: Option<Token<'a>>,
    pub(super) start_nanos: u64,
}

impl<'a> Ground<'a> {
    /// That of a script in a transaction.
    pub(super) fn everything(engine: &'a Arc<Engine>, args: Args<'a>) -> Self {
        Self { engine, args, place: Place::Thread, has_all: true, token: None, start_nanos: 0 }
    }
}

/// The server as one script sees it.
pub(super) struct ScriptHost<'h, 'w, 'k, 'a> {
    execution: &'h mut Execution<'w>,
    session: &'h mut Session,
    called: &'h Called<'a>,
    ground: Ground<'h>,
    cx: &'h mut UpdateContext<'k>,
    /// Room for the words of a command.
    words: ArgsBuffer,
    interrupter: Interrupter,
    /// As others see it; on an event loop only if it takes long.
    running: Option<RunningGuard>,
    propagate: Propagate,
    /// If it fails, what it has written is taken back.
    is_atomic: bool,
    /// The same, by itself or with the transaction that it is part of.
    is_undone: bool,
    /// Memory was full when the script began.
    began_full: bool,
    /// It has run a command that leaves something behind.
    has_effects: bool,
    stepped_back: Option<SteppedBack>,
    /// It was killed before a command that writes.
    is_stopped: bool,
    /// Somebody has waited for a shard that it took for a command.
    is_awaited: bool,
    /// When it last left all shards to others.
    gave_way_nanos: u64,
    /// When it was first found to take long.
    long_since_nanos: Option<u64>,
}

impl<'h, 'w, 'k, 'a> ScriptHost<'h, 'w, 'k, 'a> {
    pub(super) fn new(
        execution: &'h mut Execution<'w>,
        session: &'h mut Session,
        called: &'h Called<'a>,
        ground: Ground<'h>,
        cx: &'h mut UpdateContext<'k>,
        interrupter: Interrupter,
    ) -> Self {
        let engine = &execution.worker.engine;
        let is_replayed = execution.worker.replaying;
        let began_full = !is_replayed && engine.is_memory_full();
        let is_on_thread = ground.place == Place::Thread;
        let words = std::mem::take(&mut execution.worker.script_words);
        // Whose call is in a log has left what it wrote before it failed.
        let is_atomic = !is_replayed && called.is_atomic(execution.worker.settings());
        let is_undone = is_atomic || execution.worker.undecided.is_some();
        let running = is_on_thread.then(|| engine.begin_script(called, ground.args, &interrupter, is_undone));
        if is_replayed && let Some(running) = &running {
            // Nobody ends it but the server: it is known how it ended.
            let _ = running.note_write();
        }
        Self {
            execution,
            session,
            called,
            ground,
            cx,
            words,
            interrupter,
            running,
            propagate: Propagate { log: true, replicas: true },
            is_atomic,
            is_undone,
            began_full,
            has_effects: false,
            stepped_back: None,
            is_stopped: false,
            is_awaited: false,
            gave_way_nanos: 0,
            long_since_nanos: None,
        }
    }

    /// Whether the script stepped back, and whether it was asked to look up on an event loop.
    ///
    /// One that was killed while it stepped back is not run again, and one whose writes can be taken back does not succeed after
    /// it was killed.
    pub(super) fn finish(mut self, has_failed: bool) -> (Result<Option<SteppedBack>, &'static [u8]>, bool) {
        if self.words.capacity_bytes() <= KEPT_BYTES {
            self.execution.worker.script_words = std::mem::take(&mut self.words);
        }
        let killed = self.running.take().and_then(RunningGuard::end);
        let stepped_back = match (self.stepped_back, killed) {
            (Some(_), Some(text)) => Err(text),
            (None, Some(text)) if self.is_stopped || self.is_undone && !has_failed => Err(text),
            (stepped_back, _) => Ok(stepped_back),
        };
        (stepped_back, self.long_since_nanos.is_some())
    }

    /// Has the script end without a trace.
    fn step_back(&mut self, why: SteppedBack) {
        self.stepped_back = Some(why);
        self.interrupter.arm();
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
        if let Some(text) = engine.refused_as_code(self.session, command) {
            return Some(text.into());
        }
        if self.is_undone && !can_be_undone(command) {
            return Some(
                "ERR This Redis command cannot be undone and is not allowed from an atomic script".into(),
            );
        }
        if self.called.is_readonly && (has(CommandFlags::WRITE) || has(CommandFlags::MAY_REPLICATE)) {
            return Some("ERR Write commands are not allowed from read-only scripts.".into());
        }
        if self.has_written() {
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
        let may_grow = self.called.flags.is_declared && self.called.flags.allow_oom;
        let is_refused = self.began_full && !may_grow && has(CommandFlags::DENYOOM);
        is_refused.then(|| "OOM command not allowed when used memory > 'maxmemory'.".into())
    }

    fn has_written(&self) -> bool {
        self.running.as_ref().map_or(self.has_effects, RunningGuard::has_written)
    }

    /// The shards that a command needs besides those held; nothing if it reaches for other keys than the script has.
    fn shards_for(&self, command: &Command, args: Args<'_>) -> Option<ShardSet> {
        let mut shards = ShardSet::new();
        if self.ground.has_all {
            return Some(shards);
        }
        let is_wide = match command.action {
            Action::Data(entry) => matches!(entry.run, Run::Sweep(_)) || needs_every_shard(command, args),
            Action::Session(_) | Action::Container => false,
        };
        if is_wide {
            return None;
        }
        let (keyspace, held) = (&self.execution.worker.engine.keyspace, self.cx.held());
        let declared = &self.called.keys()[..self.called.keys().len().min(MOST_COMPARED)];
        let mut is_covered = true;
        command.keys.each(args, |at| {
            let key = args.at(at);
            if held.is_keeping() {
                let hash = keyspace.key(key).hash;
                is_covered &= held.keeps(hash);
                shards.push(keyspace.shard_of(hash));
            } else {
                is_covered &= declared.contains(&key) || held.holds(keyspace.key(key).hash);
            }
        });
        normalise(&mut shards);
        is_covered.then_some(shards)
    }

    /// Takes shards of keys that are kept, for one command; false if the script is to step back.
    fn take_again(&mut self, shards: &[ShardIndex]) -> bool {
        if self.is_awaited {
            self.give_way();
        }
        while !self.cx.held_mut().take_again(shards) {
            if !self.has_effects && self.execution.worker.engine.scripts.is_way_wanted() {
                self.step_back(SteppedBack::Way);
                return false;
            }
            if self.running.as_ref().is_some_and(RunningGuard::is_ended) {
                self.rest_for_ever();
            }
            std::thread::yield_now();
        }
        true
    }

    /// Leaves all shards alone for a moment, if it is time: one command after the other would hardly ever let others in, for
    /// they have to be woken first.
    fn give_way(&mut self) {
        let clock = &self.execution.worker.engine.clock;
        if clock.monotonic_nanos().saturating_sub(self.gave_way_nanos) >= TURN_NANOS {
            std::thread::sleep(GIVING_WAY);
            self.gave_way_nanos = clock.monotonic_nanos();
            self.is_awaited = false;
        }
    }

    /// Runs a command, or says why not.
    fn run(&mut self, args: Args<'_>, reply: &mut Encoder) {
        let worker = &self.execution.worker;
        let Some(command) = worker.engine.lookup(args) else {
            worker.reply_error(b"ERR Unknown Redis command called from script", reply);
            return;
        };
        if let Some(text) = self.refusal(command, args) {
            worker.count_rejected(command);
            worker.reply_error(text.as_bytes(), reply);
            return;
        }
        if self.stepped_back.is_some() || !self.make_ready(command, args) {
            // Hardly anybody sees it: the script ends before its next step, unless what its text shows was not so.
            reply.error("ERR the script cannot reach for keys that it does not declare");
            return;
        }
        self.session.protocol = reply.protocol();
        let (recorded, start) = (self.execution.recorded.len(), reply.len());
        self.execution.step(self.session, command.id, args, self.cx, reply);
        if self.execution.worker.replaying {
            sort_reply(command.spec.name, reply.buffer_mut(), start);
        }
        if self.cx.held().is_keeping() {
            self.is_awaited |= self.cx.held_mut().let_go();
        }
        if !self.propagate.log {
            self.execution.recorded.truncate(recorded);
        }
    }

    /// Makes sure that a command may reach its keys, and may write if it wants to; false if the script is to step back.
    fn make_ready(&mut self, command: &Command, args: Args<'_>) -> bool {
        let shards = self.shards_for(command, args);
        if shards.is_none() && !self.takes_all_at_once() {
            if !self.has_effects {
                self.step_back(SteppedBack::Keys);
                return false;
            }
            self.called.habits().note_need_of_all();
            if self.ground.token.is_none() {
                // Two that waited for shards like this could wait for each other.
                debug_assert!(false, "a contained script reaches for other keys than it declares");
                self.called.habits().note_escape();
                return false;
            }
            let _way = WayWanted::new(self.ground.engine);
            // What is being read apart is copied if it is changed now: its readers may wait for shards that are held.
            self.cx.held_mut().extend_to_all();
            self.note_all();
        }
        self.may_leave_something(command)
            && (!self.cx.held().is_keeping() || self.take_again(&shards.unwrap_or_default()))
    }

    /// Takes the other shards if all are free: most often they are, and then nobody waits for anybody.
    fn takes_all_at_once(&mut self) -> bool {
        if self.cx.held().is_keeping() || !self.cx.held_mut().try_extend_to_all() {
            return false;
        }
        self.called.habits().note_need_of_all();
        self.note_all();
        true
    }

    /// The script has all shards from now on.
    fn note_all(&mut self) {
        self.ground.has_all = true;
        if self.execution.worker.undecided.is_some() {
            self.cx.held_mut().begin_undo();
        }
    }

    /// Whether a command may run if it leaves something behind; if not the script steps back, or was killed.
    fn may_leave_something(&mut self, command: &Command) -> bool {
        let leaves_something = command.flags.has(CommandFlags::WRITE)
            || command.flags.has(CommandFlags::MAY_REPLICATE)
            || command.flags.has(CommandFlags::ADMIN);
        if !leaves_something {
            return true;
        }
        self.called.habits().note_write();
        if !self.may_write_beside_others() {
            self.step_back(SteppedBack::Token);
            return false;
        }
        self.has_effects = true;
        self.execution.worker.show_held_lines();
        if self.is_atomic {
            self.execution.begin_undo(self.cx);
        }
        if command.flags.has(CommandFlags::WRITE) {
            self.is_stopped = self.running.as_ref().is_some_and(|running| !running.note_write());
            return !self.is_stopped;
        }
        true
    }

    /// Whether the script may write: it holds all shards, it has the token or gets it, or its text shows that it needs none, which
    /// is looked at last.
    fn may_write_beside_others(&mut self) -> bool {
        let Ground { engine, place, has_all, .. } = self.ground;
        if has_all || self.ground.token.is_some() {
            return true;
        }
        if place == Place::Loop && self.called.habits().is_known_contained() {
            return true;
        }
        self.ground.token = Token::take(engine);
        self.ground.token.is_some() || needs_no_token(self.called, place)
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

impl Host for ScriptHost<'_, '_, '_, '_> {
    fn call(&mut self, words: &[&[u8]], reply: &mut Encoder) {
        let mut buffer = std::mem::take(&mut self.words);
        buffer.fill(words);
        self.run(buffer.args(), reply);
        self.words = buffer;
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
        if self.stepped_back.is_some() {
            return Verdict::Stop(STEPS_BACK.to_vec());
        }
        let engine = Arc::clone(&self.execution.worker.engine);
        if let Some(running) = &self.running {
            if running.is_ended() {
                self.rest_for_ever();
                return Verdict::Stop(KILLED.to_vec());
            }
            if let Some(text) = running.killed_text() {
                if text == KILLED {
                    engine.log.write(LogLevel::Warning, "Lua script killed by user with SCRIPT KILL.");
                }
                return Verdict::Stop(text.to_vec());
            }
            if !self.ground.has_all && !self.has_effects && engine.scripts.is_way_wanted() {
                self.stepped_back = Some(SteppedBack::Way);
                return Verdict::Stop(STEPS_BACK.to_vec());
            }
            return Verdict::Continue;
        }
        let now_nanos = engine.clock.monotonic_nanos();
        let since_nanos = *self.long_since_nanos.get_or_insert(now_nanos);
        // The loop may have been off the processor for a while: what counts is that it goes on now.
        if now_nanos.saturating_sub(since_nanos) < PATIENCE_NANOS {
            return Verdict::KeepAsking;
        }
        if !self.has_effects {
            self.stepped_back = Some(SteppedBack::Time);
            return Verdict::Stop(STEPS_BACK.to_vec());
        }
        let running = engine.begin_script(self.called, self.ground.args, &self.interrupter, self.is_undone);
        let _ = running.note_write();
        self.running = Some(running);
        Verdict::Continue
    }
}

impl ScriptHost<'_, '_, '_, '_> {
    /// The server ends: what the script did is not to be seen, in the log or by anybody. Its thread keeps the shards until the
    /// process is gone; an event loop, which is needed for that, goes on with the record of the script's effects lost, as does
    /// who loads a log.
    fn rest_for_ever(&mut self) {
        if self.ground.place == Place::Thread && !self.execution.worker.replaying {
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        self.execution.recorded.clear();
    }
}
