//! The short way of nearly all commands: those that take constant time and have one key, while nothing is out of the
//! ordinary. They pass no gate, are not timed by themselves, and leave nothing behind but counts.
//!
//! Whether that is so is asked first, in two places: of the session and the server ([`Worker::is_usual`], for several commands
//! together), and of each command (`Short::find`). Whoever adds a condition under which commands are refused, wait or are
//! shown to somebody adds it there. What turns out only when the command has run (an error, an event, an expired key)
//! is dealt with as on the long way, by the same functions.

use std::sync::atomic::Ordering;

use spinel_family::spec::Spec;
use spinel_family::{
    Args, CommandEntry, Encoder, KeyRule, Propagation, QueryContext, Run, RunQuery, RunUpdate, UpdateContext,
    Words,
};
use spinel_store::Held;

use crate::data::{Call, settle_call};
use crate::dispatch::{Begun, Request};
use crate::look_ahead::Prepared;
use crate::registry::{Action, Command};
use crate::session::{ReplyMode, Session};
use crate::stats::WorkerStats;
use crate::timing::{FAST_BYTES, MOST_FAST_WORDS};
use crate::{Engine, Flow, Worker};

/// How a command is run that can go the short way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short {
    entry: &'static CommandEntry,
    run: ShortRunner,
    /// How many words it may have: what its arity says, and no more than are timed with others.
    fewest: usize,
    most: usize,
}

#[derive(Clone, Copy, Debug)]
enum ShortRunner {
    Query(RunQuery),
    Update(RunUpdate),
}

impl Short {
    /// The short way of a fast command with these keys, if it has one.
    pub(crate) fn of(spec: &Spec, action: Action, keys: KeyRule) -> Option<Self> {
        let (Action::Data(entry), KeyRule::One { .. }) = (action, keys) else { return None };
        let run = match entry.run {
            Run::Query(run) => ShortRunner::Query(run),
            Run::Update(run) => ShortRunner::Update(run),
            Run::Blocking(_) | Run::Sweep(_) | Run::Gradual(_) | Run::Exclusive(_) | Run::Container(_) => {
                return None;
            }
        };
        let fewest = spec.arity.unsigned_abs() as usize;
        let most = if spec.arity < 0 { MOST_FAST_WORDS } else { fewest };
        Some(Self { entry, run, fewest, most })
    }

    /// Whether it is a command that changes data.
    #[inline]
    fn changes(&self) -> bool {
        matches!(self.run, ShortRunner::Update(_))
    }

    /// The short way of a command as it was prepared, and the place of its key and the hash; if these words can go it.
    #[inline]
    fn find(args: Args<'_>, prepared: Prepared) -> Option<(&'static Command, &'static Self, (usize, u64))> {
        let (command, known) = (prepared.command?, prepared.known()?);
        let short = command.short.as_ref()?;
        let is_fast = (short.fewest..=short.most).contains(&args.len()) && args.extent() <= FAST_BYTES;
        is_fast.then_some((command, short, known))
    }
}

/// How far commands of a session are that are run one after the other. It is true at any time, even if one panics.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// How many are through.
    pub executed: usize,
    /// Where the reply begins to the one that was begun last.
    pub last_reply: usize,
    /// What becomes of the session.
    pub flow: Flow,
}

impl Progress {
    /// Before the first.
    #[inline]
    #[must_use]
    pub fn new(out: &Encoder) -> Self {
        Self { executed: 0, last_reply: out.len(), flow: Flow::Continue }
    }
}

impl Worker {
    /// Runs commands of a session the short way, up to the first that has to go the long way, behind one that leaves
    /// something to be dealt with, or until there are `most_bytes` of replies. Whether they can is asked in part for all of
    /// them together: what others do meanwhile, a few microseconds, is taken as done after them. Panics are the caller's to catch, who calls [`recover`](Self::recover) then.
    #[inline]
    pub fn run_short<'a>(
        &mut self,
        session: &mut Session,
        commands: impl IntoIterator<Item = (Args<'a>, Prepared)>,
        out: &mut Encoder,
        most_bytes: usize,
        progress: &mut Progress,
    ) {
        self.give_way();
        if !self.is_usual(session) {
            return;
        }
        let options = self.options(session);
        let (engine, published, scratch) = (&self.engine, &self.published, &self.scratch);
        let (stats, timing) = (&self.stats, &mut self.timing);
        // Made once, for what is made has to be written before it can be read again.
        let mut cx = UpdateContext::new(
            QueryContext::new(Held::none(&engine.keyspace), options, &published.for_commands, scratch),
            &mut self.effects,
        );
        let mut last = None;
        let mut unsettled = None;
        for (args, prepared) in commands {
            let Some((command, short, known)) = Short::find(args, prepared) else { break };
            let Some(shard) = cx.held_mut().hold_only(known.1) else { break };
            if shard.db(options.db).has_due_members(known.1, options.now)
                || short.changes() && shard.writers_take_care()
            {
                break;
            }
            let mut words = Words::new(args, command.name_words, engine.keyspace.hash_key(), Some(known));
            progress.last_reply = out.len();
            let result = match short.run {
                ShortRunner::Query(run) => run(cx.as_query(), &mut words, out),
                ShortRunner::Update(run) => run(&mut cx, &mut words, out),
            };
            let is_quiet = result.is_ok() && !scratch.has_notes();
            let is_settled = is_quiet
                && (!short.changes()
                    || settle_plain(engine, stats, session, &mut cx, &Request { args, prepared }));
            last = Some(command);
            if !is_settled {
                unsettled = Some((Call { command, entry: short.entry, args, known: Some(known) }, result));
                break;
            }
            cx.held_mut().release();
            timing.count(command.id);
            progress.executed += 1;
            if out.len() >= most_bytes {
                break;
            }
        }
        stats.commands.add(progress.executed as u64);
        if let Some((call, result)) = unsettled {
            let result = settle_call(engine, published, session, call, cx, result.map(|()| Flow::Continue));
            self.count_effects();
            let begun = Begun { len: progress.last_reply, nanos: None };
            progress.flow = self.conclude(session, call.command, call.args, begun, result, out);
            progress.executed += 1;
        }
        if last.is_some() {
            session.client.last_active_ms.store(self.now.0, Ordering::Relaxed);
            // Only now: whoever sees from elsewhere that a command was given may rely on what it did.
            session.client.note_command(last);
        }
    }

    /// Whether nothing stops the commands of a session, makes them wait, times or watches them.
    #[inline]
    fn is_usual(&self, session: &Session) -> bool {
        let engine = &self.engine;
        session.is_plain()
            && session.reply_mode == ReplyMode::On
            && !session.client.killed.load(Ordering::Acquire)
            && !self.timing.is_precise()
            && !engine.gates.any()
            && !engine.pause.is_active()
            && !engine.has_monitors.load(Ordering::Relaxed)
    }
}

/// Records and counts what a command changed; false, and nothing was done, if somebody else is to be told.
#[inline]
fn settle_plain(
    engine: &Engine,
    stats: &WorkerStats,
    session: &mut Session,
    cx: &mut UpdateContext<'_>,
    request: &Request<'_>,
) -> bool {
    let db = cx.db();
    let effects = cx.effects();
    let is_recorded = engine.journal.is_on();
    if !effects.is_only_dirty() || is_recorded && !effects.propagation.is_verbatim() {
        return false;
    }
    if is_recorded && effects.dirty > 0 {
        session.note_written(engine.journal.append(db, request.args));
    }
    stats.dirty.add(std::mem::take(&mut effects.dirty));
    effects.propagation = Propagation::Verbatim;
    true
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use spinel_family::{Encoder, OwnedArgs};

    use super::Progress;
    use crate::config::Settings;
    use crate::look_ahead::Lookahead;
    use crate::testing::Server;

    /// How far commands come, the last of which panics if that is asked for, and what they answer.
    fn run(server: &mut Server, lines: &[&str], most_bytes: usize, panics: bool) -> (Progress, String) {
        let peer = server.connect("127.0.0.1:1");
        let (worker, session) = server.worker_and_session(peer);
        let words: Vec<_> = lines.iter().map(|line| OwnedArgs::from_words(line.split(' '))).collect();
        let mut lookahead = Lookahead::default();
        let prepared: Vec<_> =
            words.iter().map(|words| worker.prepare(&mut lookahead, session, words.args())).collect();
        let commands = words.iter().zip(prepared).enumerate().map(|(place, (words, prepared))| {
            assert!(!panics || place + 1 < lines.len(), "as a command with a bug would");
            (words.args(), prepared)
        });
        let mut out = Encoder::new(session.protocol);
        let mut progress = Progress::new(&out);
        worker.begin();
        let run = || worker.run_short(session, commands, &mut out, most_bytes, &mut progress);
        assert_eq!(catch_unwind(AssertUnwindSafe(run)).is_err(), panics);
        worker.end();
        (progress, String::from_utf8(out.into_inner()).expect("these replies are text"))
    }

    #[test]
    fn commands_run_together_up_to_one_that_has_to_go_the_long_way() {
        let mut server = Server::new(Settings::default());
        for long in ["MGET a b", "SET a", "NOTHING a", "PING"] {
            let lines = ["SET a 1", "INCR a", "GET a", long, "GET a"];
            let (progress, replies) = run(&mut server, &lines, usize::MAX, false);
            assert_eq!((progress.executed, replies.as_str()), (3, "+OK\r\n:2\r\n$1\r\n2\r\n"), "{long}");
        }
    }

    #[test]
    fn one_that_leaves_something_to_deal_with_is_the_last() {
        let mut server = Server::new(Settings::default());
        let lines = ["SET a x", "INCR a", "GET a"];
        let (progress, replies) = run(&mut server, &lines, usize::MAX, false);
        assert_eq!((progress.executed, progress.last_reply), (2, "+OK\r\n".len()));
        assert_eq!(replies, "+OK\r\n-ERR value is not an integer or out of range\r\n");
        let (progress, replies) = run(&mut server, &["SET a 1 PXAT 1", "GET a", "GET a"], usize::MAX, false);
        assert_eq!((progress.executed, replies.as_str()), (2, "+OK\r\n$-1\r\n"));
    }

    #[test]
    fn enough_replies_are_enough() {
        let mut server = Server::new(Settings::default());
        let (progress, replies) = run(&mut server, &["SET a 1", "SET b 1", "SET c 1"], 6, false);
        assert_eq!((progress.executed, replies.as_str()), (2, "+OK\r\n+OK\r\n"));
    }

    #[test]
    fn after_a_panic_it_is_known_what_was_run_and_nothing_is_held() {
        let mut server = Server::new(Settings::default());
        let (progress, _) = run(&mut server, &["SET a 1", "INCR a", "GET a"], usize::MAX, true);
        assert_eq!((progress.executed, progress.last_reply), (2, "+OK\r\n".len()));
        let peer = server.connect("127.0.0.1:2");
        assert_eq!(server.run(peer, "GET a"), "$1\r\n2\r\n");
    }
}
