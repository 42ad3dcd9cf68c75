//! Helper threads: what they answer, what they leave behind, and that they never all wait for what has no thread.

use std::sync::Condvar;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use spinel_family::Args;
use spinel_store::usage::Recording;

use super::*;
use crate::config::Settings;
use crate::host::{Host, ProcessProbe};
use crate::registry::{Action, REGISTRY};
use crate::testing::{Peer, Server};

/// The longest that something may take that is a matter of milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

fn options(server: &mut Server, peer: Peer) -> CallOptions {
    let (worker, session) = server.worker_and_session(peer);
    CallOptions { may_move: false, ..worker.options(session) }
}

/// A command of a connection on its way to a helper.
fn long(
    server: &mut Server,
    peer: Peer,
    args: OwnedArgs,
    entry: &'static CommandEntry,
    ground: Ground,
) -> LongCommand {
    let (options, published) = (options(server, peer), server.engine.published());
    let session = server.session(peer);
    session.moved = true;
    LongCommand {
        client: Arc::clone(&session.client),
        command: REGISTRY.find(args.args().at(0)).expect("it is a command"),
        entry,
        args: Arc::new(args),
        options,
        published,
        ground,
        silent: false,
    }
}

fn entry(args: Args<'_>) -> (&'static Command, &'static CommandEntry) {
    let command = REGISTRY.find(args.at(0)).expect("it is a command");
    let Action::Data(entry) = command.action else { panic!("it reaches data") };
    (command, entry)
}

/// Tells when a helper rests.
struct Resting(Sender<()>);

impl ProcessProbe for Resting {
    fn rest(&self) {
        self.0.send(()).expect("the test waits for it");
    }
}

/// A door that helpers pass when they tell of what they freed.
#[derive(Default)]
struct Door {
    /// Protects itself.
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Door {
    fn set(&self, is_open: bool) {
        *self.is_open.lock().expect("nobody panics") = is_open;
        self.opened.notify_all();
    }
}

struct Telling {
    door: Arc<Door>,
    rested: Sender<()>,
}

impl ProcessProbe for Telling {
    fn held_here(&self) -> i64 {
        if std::thread::current().name().is_some_and(|name| name.starts_with("helper")) {
            let is_open = self.door.is_open.lock().expect("nobody panics");
            let closed = |is_open: &mut bool| !*is_open;
            drop(self.door.opened.wait_timeout_while(is_open, PATIENCE, closed).expect("nobody panics"));
        }
        0
    }

    fn rest(&self) {
        // The test may be over.
        let _ = self.rested.send(());
    }
}

fn add_members(server: &mut Server, peer: Peer, key: &str) {
    let members: Vec<String> = (0..1000).map(|n| format!("member:{n}")).collect();
    assert_eq!(server.run(peer, &format!("SADD {key} {}", members.join(" "))), ":1000\r\n");
}

#[test]
fn memory_freed_by_a_helper_is_not_kept_at_hand() {
    let mut server = Server::new(Settings::default());
    let (rested, wait) = channel();
    server.engine.set_host(Host { probe: Box::new(Resting(rested)), ..Host::default() });
    let peer = server.connect("127.0.0.1:1");
    add_members(&mut server, peer, "s");
    assert_eq!(server.run(peer, "UNLINK s"), ":1\r\n");
    wait.recv_timeout(PATIENCE).expect("a helper rests after it freed");
}

#[test]
fn a_large_value_does_not_count_from_the_moment_it_was_removed_or_overwritten() {
    let mut server = Server::new(Settings::default());
    let (rested, wait) = channel();
    let door = Arc::<Door>::default();
    let probe = Telling { door: Arc::clone(&door), rested };
    server.engine.set_host(Host { probe: Box::new(probe), ..Host::default() });
    let engine = Arc::clone(&server.engine);
    let peer = server.connect("127.0.0.1:1");
    assert_eq!(server.run(peer, "CONFIG SET maxmemory 1gb"), "+OK\r\n");
    assert_eq!(server.run(peer, "SET string x"), "+OK\r\n");
    for removal in ["DEL s", "UNLINK s", "SET s x", "RENAME string s"] {
        server.run(peer, "DEL s");
        add_members(&mut server, peer, "s");
        let usage = server.run(peer, "MEMORY USAGE s");
        let usage: u64 = usage.trim_matches([':', '\r', '\n']).parse().expect("a number");
        let before = engine.memory.leaving();
        assert!(!server.run(peer, removal).starts_with('-'), "{removal}");
        let leaving = engine.memory.leaving() - before;
        assert!(leaving <= usage && leaving + 100 >= usage, "{removal}: {leaving} of {usage}");
        door.set(true);
        wait.recv_timeout(PATIENCE).expect("a helper rests after it freed");
        assert_eq!(engine.memory.leaving(), before, "{removal}");
        door.set(false);
    }
}

#[test]
fn a_panic_on_a_helper_is_answered_and_leaves_nothing_locked() {
    let mut server = Server::new(Settings::default());
    let peer = server.connect("127.0.0.1:1");
    let args = OwnedArgs::from_words(["GET", "k"]);
    let engine = Arc::clone(&server.engine);
    let hash = engine.keyspace.key(b"k").hash;
    let held = engine.keyspace.hold_one(hash).expect("nobody holds it");
    let (command, _) = entry(args.args());
    let entry: &'static CommandEntry =
        Box::leak(Box::new(CommandEntry { spec: command.spec, run: Run::Query(|_, _, _| panic!("a bug")) }));
    let job = long(&mut server, peer, args, entry, Ground::Held(held.into_token()));
    run(&engine, job, &Scratch::new(1));
    assert_eq!(server.deliver(), [(peer, format!("-{COMMAND_FAILED}\r\n"))]);
    assert_eq!(server.run(peer, "SET k v"), "+OK\r\n");
}

#[test]
fn a_command_that_holds_its_shards_gets_a_thread_however_many_wait_for_them() {
    for words in [&["KEYS", "*"][..], &["COPY", "k", "other", "REPLACE"]] {
        let mut server = Server::new(Settings::default());
        let engine = Arc::clone(&server.engine);
        let (sender, letters) = channel();
        engine.inbox(0).set_waker(Box::new(move || sender.send(()).unwrap_or_default()));
        let peers: Vec<Peer> =
            (0..=2 * THREADS).map(|n| server.connect(&format!("127.0.0.1:{}", n + 1))).collect();
        assert_eq!(server.run(peers[0], "SET k v"), "+OK\r\n");
        let mut held = engine.keyspace.hold_all().expect("nobody else holds a shard");
        // They wait for the shards, in front of the one who has them.
        for &peer in &peers[1..] {
            let args = OwnedArgs::from_words(words.iter().copied());
            let (command, entry) = entry(args.args());
            let call = Call { command, entry, args: args.args(), known: None };
            let options = options(&mut server, peer);
            let ground = match Apart::new(call, (&options, Recording::Recency), &mut held) {
                Some(apart) => Ground::Apart(apart),
                None => Ground::Sweep,
            };
            let job = long(&mut server, peer, args, entry, ground);
            engine.helpers.queue.push_command(Box::new(job));
        }
        let args = OwnedArgs::from_words(["GET", "k"]);
        let (_, entry) = entry(args.args());
        let job = long(&mut server, peers[0], args, entry, Ground::Held(held.into_token()));
        engine.helpers.queue.push_command(Box::new(job));
        let mut answered = Vec::new();
        while answered.len() < peers.len() {
            letters.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{words:?}: all wait for each other"));
            answered.extend(server.deliver());
        }
        assert!(answered.contains(&(peers[0], "$1\r\nv\r\n".to_owned())));
    }
}
