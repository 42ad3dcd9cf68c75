//! The commands alone, without sessions: for the tests beside them.

use std::sync::Arc;

use spinel_family::{
    Attempt, CallOptions, CommandEntry, CommandError, DbIndex, Effects, Encoder, EventClasses,
    ExclusiveContext, GradualContext, GradualGround, KeyRule, OwnedArgs, Propagation, Protocol, QueryContext,
    Run, Scratch, SweepContext, UnixMillis, UpdateContext, Words,
};
use spinel_family::{CommandSettings, Event};
use spinel_store::{HashKey, Held, Keyspace, KeyspaceOptions, ShardIndex, Waiter, WatchFlag};

/// A keyspace with a clock that stands still, and a way to run commands on it.
pub(crate) struct Server {
    keyspace: Keyspace,
    pub(crate) settings: CommandSettings,
    pub(crate) effects: Effects,
    pub(crate) protocol: Protocol,
    pub(crate) db: u16,
    /// Commands are tried again, as for a waiting client.
    pub(crate) retried: bool,
    /// Commands must not block, as inside a transaction.
    pub(crate) deny_blocking: bool,
    /// Commands come from the log.
    pub(crate) replayed: bool,
    pub(crate) events: Vec<Event>,
    now_ms: i64,
    scratch: Scratch,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            keyspace: Keyspace::new(KeyspaceOptions {
                shards: 4,
                databases: 16,
                hash_key: HashKey::from_bytes([7; 16]),
            }),
            settings: CommandSettings { notify: EventClasses(u32::MAX), ..CommandSettings::default() },
            effects: Effects::default(),
            protocol: Protocol::Resp2,
            db: 0,
            retried: false,
            deny_blocking: false,
            replayed: false,
            events: Vec::new(),
            now_ms: 1_700_000_000_000,
            scratch: Scratch::new(0x9E37_79B9_7F4A_7C15),
        }
    }

    pub(crate) fn advance_ms(&mut self, ms: i64) {
        self.now_ms += ms;
    }

    /// Watches a key of the current database.
    pub(crate) fn watch(&mut self, key: &str) -> Arc<WatchFlag> {
        let flag = Arc::new(WatchFlag::default());
        let key = self.keyspace.key(key.as_bytes());
        let mut held = self.keyspace.hold_all().expect("nobody else holds a shard");
        held.shard_mut(key.hash).watches.add(DbIndex(self.db), key.bytes, &flag);
        flag
    }

    /// Lets somebody wait for a key of the current database.
    pub(crate) fn wait_for(&mut self, key: &str) {
        let waiter = Arc::new(Waiter::new(None, Box::new(())));
        let key = self.keyspace.key(key.as_bytes());
        let mut held = self.keyspace.hold_all().expect("nobody else holds a shard");
        held.shard_mut(key.hash).waiters.add(DbIndex(self.db), key.bytes, &waiter);
    }

    /// The names of the last command's events, in order.
    pub(crate) fn event_names(&self) -> Vec<&'static str> {
        self.events.iter().map(|event| event.name).collect()
    }

    /// What the journal records of the last command when it is not the command as it came.
    pub(crate) fn propagated(&self) -> Vec<String> {
        let Propagation::Instead(commands) = &self.effects.propagation else { return Vec::new() };
        let text = |args: &OwnedArgs| {
            let words: Vec<_> = args.args().iter().map(String::from_utf8_lossy).collect();
            words.join(" ")
        };
        commands.iter().map(|(_, args)| text(args)).collect()
    }

    /// Runs a line of words separated by blanks (no quoting) and gives the reply as it would go over the wire.
    /// The effects of this command alone are in `effects`, its events in `events`.
    pub(crate) fn run(&mut self, line: &str) -> String {
        self.run_words(line.split(' '))
    }

    /// Runs a command given by its words.
    pub(crate) fn run_words<I: IntoIterator<Item: AsRef<[u8]>>>(&mut self, words: I) -> String {
        let owned = OwnedArgs::from_words(words);
        let args = owned.args();
        let mut out = Encoder::new(self.protocol);
        self.effects.clear();
        let (entry, at) =
            find(args.iter().map(|word| String::from_utf8_lossy(word).to_lowercase()).collect());
        if !entry.spec.accepts(args.len()) {
            return text_of(entry, Err(CommandError::Arity), out);
        }
        let mut words = Words::new(args, at, self.keyspace.hash_key(), None);
        let options = self.options();
        let mut keys = Vec::new();
        KeyRule::of(entry.spec).each(args, |i| keys.push(self.keyspace.key(args.at(i))));
        let mut shards: Vec<ShardIndex> = keys.iter().map(|key| self.keyspace.shard_of(key.hash)).collect();
        shards.sort();
        shards.dedup();
        if let Run::Gradual(run) = entry.run {
            let mut ground = Ground {
                keyspace: &self.keyspace,
                settings: &self.settings,
                scratch: &self.scratch,
                effects: &mut self.effects,
                options,
            };
            let result = run(&mut GradualContext::new(&mut ground, options), &mut words, &mut out);
            self.events = std::mem::take(&mut self.effects.events);
            return text_of(entry, result, out);
        }
        let held: Held<'_> = match entry.run {
            Run::Exclusive(_) => self.keyspace.hold_all(),
            _ if entry.spec.reach(args.iter()).is_beyond => self.keyspace.hold_all(),
            _ => self.keyspace.hold(&shards),
        }
        .unwrap_or_else(|shard| panic!("{shard:?} is held by nobody else"));
        let query = QueryContext::new(held, options, &self.settings, &self.scratch);
        let mut cx = UpdateContext::new(query, &mut self.effects);
        for key in &keys {
            cx.settle_members(*key, usize::MAX);
        }
        let mut swept = Vec::new();
        let result = match entry.run {
            Run::Query(run) => run(cx.as_query(), &mut words, &mut out),
            Run::Update(run) => run(&mut cx, &mut words, &mut out),
            Run::Blocking(blocking) => (blocking.attempt)(&mut cx, words, &mut out).map(|attempt| {
                if attempt == Attempt::NotReady {
                    out.simple("BLOCKED");
                }
            }),
            Run::Sweep(run) => {
                let random = self.scratch.random_state();
                let mut sweep = SweepContext::new(&self.keyspace, None, options, &self.settings, random);
                let result = run(&mut sweep, &mut words, &mut out);
                swept = sweep.expired;
                result
            }
            Run::Exclusive(run) => run(&mut ExclusiveContext::new(&mut cx), &mut words, &mut out),
            Run::Gradual(_) => unreachable!("run above"),
            Run::Container(_) => unreachable!("find looks into containers"),
        };
        cx.settle(|| keys.into_iter());
        drop(cx);
        self.remove_swept(&swept, options);
        self.events = std::mem::take(&mut self.effects.events);
        text_of(entry, result, out)
    }

    fn options(&self) -> CallOptions {
        CallOptions {
            db: DbIndex(self.db),
            now: UnixMillis(self.now_ms),
            protocol: self.protocol,
            no_touch: false,
            may_move: false,
            retried: self.retried,
            deny_blocking: self.deny_blocking,
            in_script: false,
            replayed_at: self.replayed.then_some(UnixMillis(self.now_ms)),
            recorded: true,
        }
    }

    /// Removes the keys that a sweep found expired.
    fn remove_swept(&mut self, keys: &[Box<[u8]>], options: CallOptions) {
        let held = self.keyspace.hold_all().expect("nobody else holds a shard");
        let query = QueryContext::new(held, options, &self.settings, &self.scratch);
        let mut cx = UpdateContext::new(query, &mut self.effects);
        for key in keys {
            cx.remove_if_expired(options.db, self.keyspace.key(key));
        }
    }
}

/// A reply as it would go over the wire.
fn text_of(entry: &CommandEntry, result: Result<(), CommandError>, mut out: Encoder) -> String {
    if let Err(error) = result {
        out.error(error.wire(entry.spec.name));
    }
    String::from_utf8_lossy(out.as_bytes()).into_owned()
}

/// Slices on the server's keyspace, of which nobody else holds a shard.
struct Ground<'a> {
    keyspace: &'a Keyspace,
    settings: &'a CommandSettings,
    scratch: &'a Scratch,
    effects: &'a mut Effects,
    options: CallOptions,
}

impl GradualGround for Ground<'_> {
    fn keyspace(&self) -> &Keyspace {
        self.keyspace
    }

    fn run(
        &mut self,
        shard: ShardIndex,
        slice: &mut dyn FnMut(&mut UpdateContext<'_>),
    ) -> Result<(), CommandError> {
        let held = self.keyspace.hold(&[shard]).expect("nobody else holds a shard");
        let query = QueryContext::new(held, self.options, self.settings, self.scratch);
        slice(&mut UpdateContext::new(query, self.effects));
        Ok(())
    }

    fn progress(&mut self, _seen: u64, _changed: u64) {}
}

fn find(words: Vec<String>) -> (&'static CommandEntry, usize) {
    let named =
        |name: &str, entries: &'static [CommandEntry]| entries.iter().find(|e| e.spec.leaf_name() == name);
    let entry = crate::FAMILIES
        .iter()
        .find_map(|family| named(&words[0], family))
        .unwrap_or_else(|| panic!("no command {}", words[0]));
    match entry.run {
        Run::Container(subs) => {
            (named(&words[1], subs).unwrap_or_else(|| panic!("no subcommand {}", words[1])), 2)
        }
        _ => (entry, 1),
    }
}
