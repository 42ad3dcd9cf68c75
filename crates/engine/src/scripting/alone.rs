//! A script that is not part of a transaction: where it runs, and under which locks.
//!
//! Scripts whose habits are brief run on the event loop they came to, and hold the shards of the keys they declare; the
//! others on the thread of scripts, where they keep those keys and take the shards for each command. Either way, when a
//! script reaches for another key it steps back, if it has had no effect yet, and is run again with all shards; if it has, it
//! waits for the other shards, and what it has stays its own. Only one script at a time may come to that, so that no two wait
//! for each other: whoever writes without all shards has the [token](Token), and scripts that have had no effect make way for
//! it when it waits. A script on an event loop whose text shows that it cannot come to that ([`containment`](super::containment))
//! needs no token.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use spinel_family::{Args, CommandError, Encoder};
use spinel_script::Engines;
use spinel_store::{Held, ShardIndex, Taken};

use super::host::{Ground, SteppedBack};
use super::run::{Called, Ended, How, Invocation, find_function, find_script};
use crate::data::{ShardSet, hold_to_write, normalise};
use crate::session::Session;
use crate::{Engine, Flow, Worker};

/// Texts up to so many bytes are compiled on an event loop.
const SHORT_SOURCE_BYTES: usize = 4096;
/// How often a loop asks for the token before it leaves the script to the thread: as long as some brief scripts take.
const TOKEN_SPINS: usize = 1000;

/// Where a script is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On an event loop, where others wait for it.
    Loop,
    /// On the thread of scripts.
    Thread,
}

/// Where a script runs, in which server.
struct Site<'e> {
    engine: &'e Arc<Engine>,
    place: Place,
}

/// The permission to write without all shards and to reach further, which one script has at a time.
pub(super) struct Token<'e>(&'e Engine);

impl<'e> Token<'e> {
    /// The token, unless another script has it.
    pub(super) fn take(engine: &'e Engine) -> Option<Self> {
        let is_taken: &AtomicBool = &engine.scripts.token;
        let is_free = !is_taken.load(Ordering::Relaxed) && !is_taken.swap(true, Ordering::Acquire);
        // Made only if it is free: one that is dropped gives the token back, whosever it is.
        is_free.then(|| Self(engine))
    }
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        self.0.scripts.token.store(false, Ordering::Release);
    }
}

impl Worker {
    /// Runs a script on this event loop; nothing if it is for the thread of scripts.
    pub(crate) fn run_script_here(
        &mut self,
        session: &mut Session,
        invocation: Invocation,
        args: Args<'_>,
        out: &mut Encoder,
    ) -> Result<Option<Flow>, CommandError> {
        let is_source = invocation.how == How::Source;
        if is_source && args.get(1).is_none_or(|source| source.len() > SHORT_SOURCE_BYTES) {
            return Ok(None);
        }
        self.run_script_at(Place::Loop, session, invocation, args, out)
    }

    /// Runs a script on the thread of scripts. Parked if a shard was not to be had.
    pub(crate) fn run_script_alone(
        &mut self,
        session: &mut Session,
        invocation: Invocation,
        args: Args<'_>,
        out: &mut Encoder,
    ) -> Result<Flow, CommandError> {
        self.run_script_at(Place::Thread, session, invocation, args, out)
            .map(|flow| flow.unwrap_or(Flow::Parked))
    }

    fn run_script_at(
        &mut self,
        place: Place,
        session: &mut Session,
        invocation: Invocation,
        args: Args<'_>,
        out: &mut Encoder,
    ) -> Result<Option<Flow>, CommandError> {
        let engine = Arc::clone(&self.engine);
        if invocation.how == How::Function {
            let libraries = match place {
                Place::Loop => engine.scripts.libraries.try_ready(&engine),
                Place::Thread => Some(engine.scripts.libraries.ready(&engine)),
            };
            let Some(mut libraries) = libraries else { return Ok(None) };
            let (called, engines) = find_function(&engine, &mut libraries, invocation, args)?;
            return Ok(self.run_called(
                Site { engine: &engine, place },
                session,
                &called,
                engines,
                args,
                out,
            ));
        }
        let mut machine = self.machine.take().unwrap_or_default();
        let caller = (!self.replaying).then_some(&*session);
        let result = find_script(&engine, caller, &mut machine, place, invocation, args).and_then(|called| {
            let Some(called) = called else { return Ok(None) };
            let engines = machine.engines(&engine)?;
            Ok(self.run_called(Site { engine: &engine, place }, session, &called, engines, args, out))
        });
        engine.scripts.note_bytes(self.index, machine.value_bytes());
        self.machine = Some(machine);
        result
    }

    /// Runs a script until it ends, however often it steps back; nothing if it is for the thread of scripts.
    fn run_called(
        &mut self,
        site: Site<'_>,
        session: &mut Session,
        called: &Called<'_>,
        engines: &mut Engines,
        args: Args<'_>,
        out: &mut Encoder,
    ) -> Option<Flow> {
        let (Site { engine, place }, habits) = (site, called.habits());
        loop {
            if place == Place::Loop && !habits.is_brief() {
                return None;
            }
            let has_all = habits.needs_all() || self.replaying;
            let needs_none =
                has_all || called.is_readonly || !habits.writes() || needs_no_token(called, place);
            let token = if needs_none { None } else { Some(take_token(engine, place)?) };
            let held = if has_all { engine.keyspace.hold_all() } else { hold_declared(engine, called) };
            let mut held = match (held, place) {
                (Ok(held), _) => held,
                (Err(taken), Place::Loop) => return Some(self.park(session, taken)),
                (Err(_), Place::Thread) => return None,
            };
            if held.iter().any(|shard| !shard.readers.is_empty()) {
                // A script could not wait for them later.
                return None;
            }
            let keeps = place == Place::Thread && !has_all && self.may_keep_keys(called);
            if keeps {
                held.keep(called.keys().iter().map(|key| engine.keyspace.key(key).hash).collect());
            }
            // On a loop the call is timed from a moment ago, and what took long is known to the watch.
            let start_nanos = match place {
                Place::Loop => self.timing.last_nanos(),
                Place::Thread => engine.clock.monotonic_nanos(),
            };
            self.hold_lines_back();
            if place == Place::Loop {
                self.show_script(session, args);
            }
            self.seed_for_log(engines);
            let ground =
                Ground { engine, args, place, has_all: !keeps && held.holds_all(), token, start_nanos };
            let mut ended = Ended::Replied { failed: true, took_long: false };
            let flow = self.run_as_one(engine, session, held, |execution, session, cx| {
                ended = execution.call_script(session, called, engines, ground, cx, out);
            });
            if matches!(ended, Ended::SteppedBack(_)) {
                self.forget_held_lines();
            } else {
                self.show_held_lines();
            }
            match ended {
                Ended::Replied { failed, took_long } => {
                    // One that failed, or was killed, has not shown that it is brief.
                    if took_long || !failed && !habits.is_brief() {
                        habits.note_run(engine.clock.monotonic_nanos().saturating_sub(start_nanos));
                    }
                    return Some(flow);
                }
                Ended::SteppedBack(SteppedBack::Keys) => habits.note_need_of_all(),
                Ended::SteppedBack(SteppedBack::Token) => habits.note_write(),
                Ended::SteppedBack(SteppedBack::Time) => habits.note_run(u64::MAX),
                Ended::SteppedBack(SteppedBack::Way) => engine.scripts.make_way(),
            }
        }
    }
}

impl Worker {
    /// Seeds `math.random` for a script of a log: the servers that recorded calls of scripts drew the same numbers in each.
    fn seed_for_log(&self, engines: &mut Engines) {
        if self.replaying {
            engines.seed_random(0);
        }
    }

    /// Whether a script can keep its keys instead of their shards: not if it may be taken back, which shards are needed for, nor
    /// if serving somebody else's client may write to one of the keys.
    fn may_keep_keys(&self, called: &Called<'_>) -> bool {
        let keyspace = &self.engine.keyspace;
        !called.is_atomic(self.settings()) && !called.keys().iter().any(|key| keyspace.is_destination(key))
    }
}

/// Whether a script may write without the token: it holds the shards of its keys to its end, and waits for none. (On the thread of
/// scripts it keeps its keys and waits for their shards again and again, while whoever has the token may wait for the keys.)
pub(super) fn needs_no_token(called: &Called<'_>, place: Place) -> bool {
    place == Place::Loop && called.is_contained()
}

fn take_token(engine: &Engine, place: Place) -> Option<Token<'_>> {
    let spins = if place == Place::Loop { TOKEN_SPINS } else { 1 };
    (0..spins).find_map(|_| {
        let token = Token::take(engine);
        if token.is_none() {
            std::hint::spin_loop();
        }
        token
    })
}

/// The shards of the keys that a script declares.
fn hold_declared<'k>(engine: &'k Engine, called: &Called<'_>) -> Result<Held<'k>, Taken> {
    let keyspace = &engine.keyspace;
    let mut shards: ShardSet =
        called.keys().iter().map(|key| keyspace.shard_of(keyspace.key(key).hash)).collect();
    normalise(&mut shards);
    hold_to_write(keyspace, shards)
}

/// All shards, while nobody reads a value apart: what changes libraries could not wait for that later.
pub(super) fn hold_everything(engine: &Engine) -> Result<Held<'_>, Taken> {
    let held = engine.keyspace.hold_all()?;
    let is_read_apart = held.iter().any(|shard| !shard.readers.is_empty());
    if is_read_apart { Err(Taken::Locked(ShardIndex(0))) } else { Ok(held) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use spinel_family::OwnedArgs;

    use super::{Place, Token, take_token};
    use crate::config::Settings;
    use crate::scripting::tests::{run, server};
    use crate::testing::engine;

    #[test]
    fn a_script_whose_text_shows_its_keys_writes_while_another_has_the_token() {
        let (mut server, peer) = server();
        let engine = Arc::clone(&server.worker_and_session(peer).0.engine);
        let token = Token::take(&engine).expect("nobody has it");
        let contained = ["EVAL", "return redis.call('INCR', KEYS[1])", "1", "k"];
        assert_eq!(run(&mut server, peer, &contained), ":1\r\n");
        let other = server.connect("127.0.0.1:2");
        // One reaches for a key that its text does not show, the other is for the thread of scripts, where it keeps its keys.
        let open = ["EVAL", "return redis.call('INCR', KEYS[1] .. '')", "1", "k"];
        assert_eq!(server.run_words(other, OwnedArgs::from_words(open).args()), "", "it waits");
        let third = server.connect("127.0.0.1:3");
        let long = ["EVAL", "for i = 1, 2 do redis.call('INCR', KEYS[1]) end", "1", "l"];
        assert_eq!(server.run_words(third, OwnedArgs::from_words(long).args()), "", "it waits");
        assert_eq!(
            run(&mut server, peer, &["EVAL", "return redis.call('GET', KEYS[1])", "1", "k"]),
            "$1\r\n1\r\n"
        );
        assert_eq!(run(&mut server, peer, &["EXISTS", "l"]), ":0\r\n");
        drop(token);
        let mut replies = Vec::new();
        while replies.len() < 2 {
            replies.extend(server.deliver().into_iter().filter(|(_, text)| !text.is_empty()));
        }
        replies.sort_unstable_by_key(|(peer, _)| *peer != other);
        assert_eq!(replies, [(other, ":2\r\n".to_owned()), (third, "$-1\r\n".to_owned())]);
    }

    #[test]
    fn who_asks_in_vain_does_not_free_the_token() {
        let engine = engine(Settings::default());
        let token = Token::take(&engine).expect("nobody has it");
        for place in [Place::Thread, Place::Loop] {
            assert!(take_token(&engine, place).is_none() && take_token(&engine, place).is_none());
        }
        drop(token);
        assert!(Token::take(&engine).is_some());
    }
}
