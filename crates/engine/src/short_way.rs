//! The short way of nearly all commands: those that take constant time and have one key, while nothing is out of the
//! ordinary. They pass no gate, are not timed by themselves, and leave nothing behind but counts.
//!
//! Whether that is so is asked first, in one place; whoever adds a condition under which commands are refused, wait or
//! are shown to somebody adds it there. What turns out only when the command has run (an error, an event, an expired key)
//! is dealt with as on the long way, by the same functions.

use std::sync::atomic::Ordering;

use spinel_family::{
    Args, CommandEntry, Encoder, KeyRule, Propagation, QueryContext, Run, RunQuery, RunUpdate, UpdateContext,
    Words,
};

use crate::data::{Call, settle_call};
use crate::dispatch::Begun;
use crate::look_ahead::Prepared;
use crate::registry::{Action, Command};
use crate::session::Session;
use crate::{Flow, Worker};

/// How a command is run that can go the short way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short {
    entry: &'static CommandEntry,
    run: ShortRun,
}

#[derive(Clone, Copy, Debug)]
enum ShortRun {
    Query(RunQuery),
    Update(RunUpdate),
}

impl Short {
    /// The short way of a command with these keys, if it has one.
    pub(crate) fn of(action: Action, keys: KeyRule) -> Option<Self> {
        let (Action::Data(entry), KeyRule::One { .. }) = (action, keys) else { return None };
        let run = match entry.run {
            Run::Query(run) => ShortRun::Query(run),
            Run::Update(run) => ShortRun::Update(run),
            Run::Blocking(_) | Run::Sweep(_) | Run::Gradual(_) | Run::Exclusive(_) | Run::Container(_) => {
                return None;
            }
        };
        Some(Self { entry, run })
    }
}

impl Worker {
    /// Runs a command the short way. `None`: it has to go the long way, and nothing was done.
    #[inline]
    pub(crate) fn run_short(
        &mut self,
        session: &mut Session,
        args: Args<'_>,
        prepared: Prepared,
        out: &mut Encoder,
    ) -> Option<Flow> {
        let (command, (at, hash)) = (prepared.command?, prepared.known?);
        let short = command.short?;
        if !self.is_usual(session, command, args) {
            return None;
        }
        let begun = Begun { len: out.len(), nanos: None };
        let options = self.options(session);
        let Self { engine, published, effects, scratch, .. } = self;
        let held = engine.keyspace.hold_one(hash)?;
        if held.shard(hash).db(options.db).has_due_members(hash, options.now) {
            return None;
        }
        let words = Words::new(args, command.name_words, engine.keyspace.hash_key(), Some((at, hash)));
        let (result, cx) = match short.run {
            ShortRun::Query(run) => {
                let query = QueryContext::new(held, options, &published.for_commands, scratch);
                let result = run(&query, words, out);
                if result.is_ok() && !scratch.has_notes() {
                    drop(query);
                    return Some(self.count_short(command));
                }
                (result, UpdateContext::new(query, effects))
            }
            ShortRun::Update(run) => {
                if held.shard(hash).writers_take_care() {
                    return None;
                }
                let query = QueryContext::new(held, options, &published.for_commands, scratch);
                let mut cx = UpdateContext::new(query, effects);
                let result = run(&mut cx, words, out);
                if result.is_ok()
                    && !scratch.has_notes()
                    && cx.effects().is_only_dirty()
                    && (!engine.journal.is_on() || cx.effects().propagation.is_verbatim())
                {
                    if cx.effects().dirty > 0 && engine.journal.is_on() {
                        session.note_written(engine.journal.append(options.db, args));
                    }
                    drop(cx);
                    self.stats.dirty.add(std::mem::take(&mut self.effects.dirty));
                    self.effects.propagation = Propagation::Verbatim;
                    return Some(self.count_short(command));
                }
                (result, cx)
            }
        };
        let call = Call { command, entry: short.entry, args, known: prepared.known };
        let result = settle_call(engine, published, session, call, cx, result.map(|()| Flow::Continue));
        self.count_effects();
        Some(self.conclude(session, command, args, begun, result, out))
    }

    /// Whether nothing stops the command, makes it wait, times it or watches it.
    #[inline]
    fn is_usual(&self, session: &Session, command: &Command, args: Args<'_>) -> bool {
        let engine = &self.engine;
        session.is_plain()
            && command.spec.accepts(args.len())
            && !engine.gates.any()
            && !engine.pause.is_active()
            && !engine.has_monitors.load(Ordering::Relaxed)
            && !self.timing.is_single(command, args.len(), args.extent())
    }

    /// Counts a command that went the short way to its end. Its look-ups stay noted, to be counted with those of others.
    #[inline]
    fn count_short(&mut self, command: &Command) -> Flow {
        self.stats.commands.add(1);
        self.timing.count(command.id);
        Flow::Continue
    }
}
