//! What is found out about commands before they run, so that their data is on its way from memory meanwhile: which command,
//! and the hashes of its keys.

use spinel_family::spec::KeySpec;
use spinel_family::{Args, KeyRule};
use spinel_store::Wanted;

use crate::registry::{Command, ShortName};
use crate::session::Session;
use crate::{Engine, Worker};

/// Keys of one command that are fetched before it runs.
const MOST_KEYS_AHEAD: usize = 16;

/// A command found before it is run, so that its data can be prefetched.
#[derive(Clone, Copy)]
pub struct Prepared {
    pub(crate) command: Option<&'static Command>,
    /// The place of the first key; 0, where the name stands, if there is none.
    key_at: usize,
    hash: u64,
}

/// Keys of prepared commands, whose data is fetched before the commands run.
#[derive(Debug, Default)]
pub struct Lookahead {
    keys: Vec<Wanted>,
    /// The command prepared last, if its first word alone names it: the next is often the same.
    last: Option<(ShortName, &'static Command)>,
}

impl Lookahead {
    /// The command that words name.
    #[inline]
    fn find(&mut self, engine: &Engine, args: Args<'_>) -> Option<&'static Command> {
        let name = ShortName::of(args.get(0)?);
        if let (Some(name), Some((last, command))) = (name, self.last)
            && name == last
        {
            return Some(command);
        }
        self.find_another(engine, args, name)
    }

    #[inline(never)]
    fn find_another(
        &mut self,
        engine: &Engine,
        args: Args<'_>,
        name: Option<ShortName>,
    ) -> Option<&'static Command> {
        let command = engine.lookup(args)?;
        if command.name_words == 1 && command.subcommands.is_empty() {
            self.last = name.map(|name| (name, command));
        }
        Some(command)
    }
}

impl Prepared {
    /// The place of the first key and its hash.
    #[inline]
    pub(crate) fn known(self) -> Option<(usize, u64)> {
        (self.key_at > 0).then_some((self.key_at, self.hash))
    }

    /// Whether there is such a command.
    #[inline]
    #[must_use]
    pub fn is_known(self) -> bool {
        self.command.is_some()
    }
}

impl Worker {
    /// Finds a command and hashes its first keys, which join the look-ahead.
    #[inline]
    #[must_use]
    pub fn prepare(&self, lookahead: &mut Lookahead, session: &Session, args: Args<'_>) -> Prepared {
        let Some(command) = lookahead.find(&self.engine, args) else {
            return Prepared { command: None, key_at: 0, hash: 0 };
        };
        let known = match command.keys {
            // The rule of most.
            KeyRule::One { at } => args.get(at).map(|word| (at, self.look_ahead(lookahead, session, word))),
            KeyRule::None => None,
            KeyRule::Specs(specs) => self.look_ahead_to_several(lookahead, session, specs, args),
            KeyRule::Words(spec) => self.look_ahead_to_several(lookahead, session, spec.keys, args),
        };
        let (key_at, hash) = known.unwrap_or((0, 0));
        Prepared { command: Some(command), key_at, hash }
    }

    /// Hashes a key, which joins the look-ahead.
    #[inline]
    fn look_ahead(&self, lookahead: &mut Lookahead, session: &Session, key: &[u8]) -> u64 {
        let keyspace = &self.engine.keyspace;
        let hash = keyspace.hash(key);
        lookahead.keys.push(keyspace.wanted(session.db, hash));
        hash
    }

    /// Hashes the first of a command's keys, which join the look-ahead; the place of the first one and its hash.
    fn look_ahead_to_several(
        &self,
        lookahead: &mut Lookahead,
        session: &Session,
        specs: &'static [KeySpec],
        args: Args<'_>,
    ) -> Option<(usize, u64)> {
        let (mut first, mut room) = (None, MOST_KEYS_AHEAD);
        KeyRule::Specs(specs).each(args, |at| {
            if room > 0 {
                room -= 1;
                let hash = self.look_ahead(lookahead, session, args.at(at));
                first.get_or_insert((at, hash));
            }
        });
        first
    }

    /// Asks for the buckets of the keys looked ahead to.
    #[inline(never)]
    pub fn prefetch_buckets(&self, lookahead: &Lookahead) {
        self.engine.keyspace.prefetch_buckets(&lookahead.keys);
    }

    /// Asks for the entries of the keys looked ahead to, whose buckets should be in the cache by now; all but those that
    /// [`prefetch_rest`](Self::prefetch_rest) asks for.
    #[inline(never)]
    pub fn prefetch_entries(&self, lookahead: &mut Lookahead) {
        self.engine.keyspace.prefetch_entries(&mut lookahead.keys);
    }

    /// Asks for the entries that could not be asked for before, and forgets the keys.
    #[inline(never)]
    pub fn prefetch_rest(&self, lookahead: &mut Lookahead) {
        self.engine.keyspace.prefetch_entries_behind(&lookahead.keys);
        lookahead.keys.clear();
    }
}

#[cfg(test)]
mod tests {
    use spinel_family::OwnedArgs;

    use super::{Lookahead, MOST_KEYS_AHEAD};
    use crate::config::Settings;
    use crate::testing::Server;

    /// The place of the first key that is found before a command runs, and how many keys join the look-ahead.
    fn ahead(line: &str) -> (Option<usize>, usize) {
        let mut server = Server::new(Settings::default());
        let peer = server.connect("127.0.0.1:1");
        let (worker, session) = server.worker_and_session(peer);
        let args = OwnedArgs::from_words(line.split(' '));
        let mut lookahead = Lookahead::default();
        let prepared = worker.prepare(&mut lookahead, session, args.args());
        let hash_of = |at| worker.engine.keyspace.key(args.args().at(at)).hash;
        let first = prepared.known().map(|(at, hash)| {
            assert_eq!(hash, hash_of(at), "{line}");
            at
        });
        (first, lookahead.keys.len())
    }

    #[test]
    fn the_keys_of_a_command_are_looked_ahead_to_wherever_they_stand() {
        for (line, expected) in [
            ("GET k", (Some(1), 1)),
            ("OBJECT ENCODING k", (Some(2), 1)),
            ("MSET a 1 b 2", (Some(1), 2)),
            ("LMPOP 2 a b LEFT", (Some(2), 2)),
            ("BLPOP a b 0", (Some(1), 2)),
            ("EVALSHA 0123 2 a b c", (Some(3), 2)),
            ("XREAD COUNT 1 STREAMS s t 0 0", (Some(4), 2)),
            ("SORT k BY w_*", (Some(1), 1)),
        ] {
            assert_eq!(ahead(line), expected, "{line}");
        }
    }

    #[test]
    fn words_that_are_no_keys_are_not_looked_ahead_to() {
        for line in [
            "PING x",
            "GET",
            "EVALSHA 0123 0 a",
            "EVALSHA 0123 9 a",
            "LMPOP x a",
            "XREAD COUNT 1",
            "NOTHING k",
        ] {
            assert_eq!(ahead(line), (None, 0), "{line}");
        }
    }

    #[test]
    fn of_many_keys_some_are_looked_ahead_to() {
        let line = format!("MGET{}", " k".repeat(MOST_KEYS_AHEAD + 1));
        assert_eq!(ahead(&line), (Some(1), MOST_KEYS_AHEAD));
    }
}
