//! What is found out about commands before they run, so that their data is on its way from memory meanwhile: which command,
//! and the hashes of its keys, and of elements of a collection.

mod rule;

use spinel_family::{Args, KeyRule};
use spinel_store::{Wanted, WantedValue};

pub(crate) use self::rule::Ahead;
use self::rule::ElementRule;
use crate::registry::{Command, ShortName};
use crate::session::Session;
use crate::{Engine, Worker};

/// Keys of one command that are fetched before it runs.
const MOST_KEYS_AHEAD: usize = 16;

/// Commands that take more bytes with their replies, on average, have values in them that go beyond what is fetched of an entry,
/// two cache lines.
const LONG_COMMAND: usize = 192;
/// Commands that the average is taken of, at most.
const REMEMBERED_COMMANDS: usize = 256;

/// A command found before it is run, so that its data can be prefetched.
#[derive(Clone, Copy)]
pub struct Prepared {
    pub(crate) command: Option<&'static Command>,
    /// The place of the first key; 0, where the name stands, if there is none.
    key_at: usize,
    hash: u64,
}

/// Keys and values of prepared commands, which are fetched before the commands run.
#[derive(Debug, Default)]
pub struct Lookahead {
    keys: Vec<Wanted>,
    values: Vec<WantedValue>,
    /// The hashes of elements that are wanted of them.
    elements: Vec<u64>,
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

/// How many bytes the latest commands took with their replies: where they are many, values are long, and so will the next be.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    commands: usize,
    bytes: usize,
}

impl Traffic {
    #[inline]
    fn add(&mut self, commands: usize, bytes: usize) {
        (self.commands, self.bytes) = (self.commands + commands, self.bytes + bytes);
        if self.commands > REMEMBERED_COMMANDS {
            (self.commands, self.bytes) = (self.commands / 2, self.bytes / 2);
        }
    }

    #[inline]
    fn has_long_values(&self) -> bool {
        self.bytes > self.commands * LONG_COMMAND
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
        let known = match command.ahead {
            Ahead::Entry { at } => {
                args.get(at).map(|word| (at, self.look_ahead_to_string(lookahead, session, word)))
            }
            Ahead::Collection { at, elements } => args.get(at).map(|word| {
                let hash = self.look_ahead(lookahead, session, word);
                self.look_ahead_to_elements(lookahead, elements, args);
                (at, hash)
            }),
            Ahead::Nothing => None,
            Ahead::Entries(keys) => self.look_ahead_to_several(lookahead, session, keys, args),
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

    /// As [`look_ahead`](Self::look_ahead); if values are long, that of the key will be fetched too.
    #[inline]
    fn look_ahead_to_string(&self, lookahead: &mut Lookahead, session: &Session, key: &[u8]) -> u64 {
        let hash = self.look_ahead(lookahead, session, key);
        if self.traffic.has_long_values() {
            let key = self.engine.keyspace.wanted(session.db, hash);
            lookahead.values.push(WantedValue { key, elements: 0 });
        }
        hash
    }

    /// Hashes the first elements that a command names of the collection whose key joined the look-ahead last.
    #[inline(never)]
    fn look_ahead_to_elements(&self, lookahead: &mut Lookahead, rule: ElementRule, args: Args<'_>) {
        let Lookahead { keys, values, elements, .. } = lookahead;
        let Some(&key) = keys.last() else { return };
        let before = elements.len();
        // Those of a large collection are hashed under the key of the key space.
        rule.each(args.len(), |at| elements.push(self.engine.keyspace.hash(args.at(at))));
        let number = elements.len() - before;
        match values.last_mut() {
            Some(last) if last.key == key && last.elements + number <= 64 => last.elements += number,
            _ => values.push(WantedValue { key, elements: number }),
        }
    }

    /// Hashes the first of a command's keys, which join the look-ahead; the place of the first one and its hash.
    fn look_ahead_to_several(
        &self,
        lookahead: &mut Lookahead,
        session: &Session,
        keys: KeyRule,
        args: Args<'_>,
    ) -> Option<(usize, u64)> {
        // What a command reaches for by its words is found when it runs.
        let keys = if let KeyRule::Words(spec) = keys { KeyRule::Specs(spec.keys) } else { keys };
        let (mut first, mut room) = (None, MOST_KEYS_AHEAD);
        keys.each(args, |at| {
            if room > 0 {
                room -= 1;
                let hash = self.look_ahead_to_string(lookahead, session, args.at(at));
                first.get_or_insert((at, hash));
            }
        });
        first
    }

    /// Takes notice of how many bytes commands took that were executed, with their replies.
    #[inline]
    pub fn note_traffic(&mut self, commands: usize, bytes: usize) {
        self.traffic.add(commands, bytes);
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

    /// Asks for the values that commands work on, and elements of them, whose entries should be in the cache by now, and
    /// forgets them. What is on the way there is waited for.
    #[inline]
    pub fn prefetch_values(&self, lookahead: &mut Lookahead) {
        if !lookahead.values.is_empty() {
            self.prefetch_some_values(&lookahead.values, &lookahead.elements);
            lookahead.values.clear();
            lookahead.elements.clear();
        }
    }

    #[inline(never)]
    fn prefetch_some_values(&self, values: &[WantedValue], elements: &[u64]) {
        self.engine.keyspace.prefetch_values(values, elements);
    }
}

#[cfg(test)]
mod tests {
    use spinel_family::OwnedArgs;

    use super::{LONG_COMMAND, Lookahead, MOST_KEYS_AHEAD, REMEMBERED_COMMANDS};
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
    fn values_of_strings_are_looked_ahead_to_while_commands_are_long() {
        let mut server = Server::new(Settings::default());
        let peer = server.connect("127.0.0.1:1");
        let (worker, session) = server.worker_and_session(peer);
        let mut values = |commands, bytes, line: &str| {
            worker.note_traffic(commands, bytes);
            let args = OwnedArgs::from_words(line.split(' '));
            let mut lookahead = Lookahead::default();
            assert!(worker.prepare(&mut lookahead, session, args.args()).is_known());
            let count = lookahead.values.len();
            worker.prefetch_values(&mut lookahead);
            assert!(lookahead.values.is_empty(), "they are forgotten");
            count
        };
        assert_eq!(values(100, 100 * LONG_COMMAND, "GET k"), 0);
        assert_eq!(values(1, LONG_COMMAND + 1, "GET k"), 1);
        assert_eq!(values(0, 0, "MGET k l"), 2);
        assert_eq!(values(0, 0, "PING"), 0);
        assert_eq!(values(10 * REMEMBERED_COMMANDS, 40 * REMEMBERED_COMMANDS, "GET k"), 0);
        assert_eq!(values(0, 0, "HMGET h f g"), 1, "collections always are");
        assert_eq!(values(0, 0, "HGETALL h"), 1);
    }

    #[test]
    fn of_many_keys_some_are_looked_ahead_to() {
        let line = format!("MGET{}", " k".repeat(MOST_KEYS_AHEAD + 1));
        assert_eq!(ahead(&line), (Some(1), MOST_KEYS_AHEAD));
    }
}
