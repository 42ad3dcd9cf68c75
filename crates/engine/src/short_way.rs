//! The short way of nearly all commands: those that take constant time and have one key, while nothing is out of the
//! ordinary. They pass no gate, are not timed by themselves, and leave nothing behind but counts.
//!
//! Whether that is so is asked first, in one place; whoever adds a condition under which commands are refused, wait or
//! are shown to somebody adds it there. What turns out only when the command has run (an error, an event, an expired key)
//! is dealt with as on the long way, by the same functions.

use std::sync::atomic::Ordering;

use spinel_family::spec::Spec;
use spinel_family::{
    Args, CommandEntry, Encoder, KeyRule, Propagation, QueryContext, Run, RunQuery, RunUpdate, UpdateContext,
    Words,
};

use crate::data::{Call, settle_call};
use crate::dispatch::{Begun, Request};
use crate::look_ahead::Prepared;
use crate::registry::Action;
use crate::session::Session;
use crate::timing::{FAST_BYTES, MOST_FAST_WORDS};
use crate::{Flow, Worker};

/// How a command is run that can go the short way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short {
    entry: &'static CommandEntry,
    run: ShortRun,
    /// How many words it may have: what its arity says, and no more than are timed with others.
    fewest: usize,
    most: usize,
}

#[derive(Clone, Copy, Debug)]
enum ShortRun {
    Query(RunQuery),
    Update(RunUpdate),
}

impl Short {
    /// The short way of a fast command with these keys, if it has one.
    pub(crate) fn of(spec: &Spec, action: Action, keys: KeyRule) -> Option<Self> {
        let (Action::Data(entry), KeyRule::One { .. }) = (action, keys) else { return None };
        let run = match entry.run {
            Run::Query(run) => ShortRun::Query(run),
            Run::Update(run) => ShortRun::Update(run),
            Run::Blocking(_) | Run::Sweep(_) | Run::Gradual(_) | Run::Exclusive(_) | Run::Container(_) => {
                return None;
            }
        };
        let fewest = spec.arity.unsigned_abs() as usize;
        let most = if spec.arity < 0 { MOST_FAST_WORDS } else { fewest };
        Some(Self { entry, run, fewest, most })
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
        let (command, (at, hash)) = (prepared.command?, prepared.known()?);
        let short = command.short.as_ref()?;
        if !self.is_usual(session, short, args) {
            return None;
        }
        let begun = Begun { len: out.len(), nanos: None };
        let options = self.options(session);
        let (engine, published, scratch) = (&self.engine, &self.published, &self.scratch);
        let (stats, timing, effects) = (&self.stats, &mut self.timing, &mut self.effects);
        // At one stroke: what is made and then moved has to be written before it can be read again.
        let mut cx = UpdateContext::new(
            QueryContext::new(engine.keyspace.hold_one(hash)?, options, &published.for_commands, scratch),
            effects,
        );
        let shard = cx.held().shard(hash);
        if shard.db(options.db).has_due_members(hash, options.now) {
            return None;
        }
        let mut words = Words::new(args, command.name_words, engine.keyspace.hash_key(), Some((at, hash)));
        let result = match short.run {
            ShortRun::Query(run) => {
                let result = run(cx.as_query(), &mut words, out);
                if result.is_ok() && !scratch.has_notes() {
                    stats.commands.add(1);
                    timing.count(command.id);
                    return Some(Flow::Continue);
                }
                result
            }
            ShortRun::Update(run) => {
                if shard.writers_take_care() {
                    return None;
                }
                let result = run(&mut cx, &mut words, out);
                if result.is_ok()
                    && !scratch.has_notes()
                    && cx.effects().is_only_dirty()
                    && (!engine.journal.is_on() || cx.effects().propagation.is_verbatim())
                {
                    if cx.effects().dirty > 0 && engine.journal.is_on() {
                        let request = Request { args, prepared };
                        session.note_written(engine.journal.append(options.db, request.args));
                    }
                    let effects = cx.effects();
                    stats.dirty.add(std::mem::take(&mut effects.dirty));
                    effects.propagation = Propagation::Verbatim;
                    stats.commands.add(1);
                    timing.count(command.id);
                    return Some(Flow::Continue);
                }
                result
            }
        };
        let call = Call { command, entry: short.entry, args, known: prepared.known() };
        let result = settle_call(engine, published, session, call, cx, result.map(|()| Flow::Continue));
        self.count_effects();
        Some(self.conclude(session, command, call.args, begun, result, out))
    }

    /// Whether nothing stops the command, makes it wait, times it or watches it.
    #[inline]
    fn is_usual(&self, session: &Session, short: &Short, args: Args<'_>) -> bool {
        let engine = &self.engine;
        session.is_plain()
            && (short.fewest..=short.most).contains(&args.len())
            && args.extent() <= FAST_BYTES
            && !self.timing.is_precise()
            && !engine.gates.any()
            && !engine.pause.is_active()
            && !engine.has_monitors.load(Ordering::Relaxed)
    }
}
