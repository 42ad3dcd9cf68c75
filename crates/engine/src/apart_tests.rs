//! Long commands apart: through the door that connections use, and step by step.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use spinel_family::{Effects, Encoder, OwnedArgs, Scratch};
use spinel_store::usage::Recording;

use super::*;
use crate::config::Settings;
use crate::data::shards_of;
use crate::registry::{Action, REGISTRY};
use crate::{Endpoint, Flow, Worker, testing};

/// Members of a set that is too long for a loop.
const MANY: usize = 40_000;

/// One connection whose worker waits for its letters, as a helper thread sends them.
struct Client {
    worker: Worker,
    session: Session,
    letters: Receiver<()>,
}

impl Client {
    fn new() -> Self {
        let engine = testing::engine(Settings::default());
        let mut worker = Worker::new(&engine, 0);
        let (sender, letters) = mpsc::channel();
        // The receiver lives as long as the worker.
        worker.inbox().set_waker(Box::new(move || sender.send(()).unwrap_or_default()));
        let session = worker.connect(Endpoint::default());
        let mut client = Self { worker, session, letters };
        client.fill("big", 0);
        client.fill("other", MANY / 2);
        client
    }

    fn fill(&mut self, key: &str, from: usize) {
        for start in (from..from + MANY).step_by(1000) {
            let members = (start..start + 1000).map(|i| format!(" member:{i}")).collect::<String>();
            assert_eq!(self.run(&format!("SADD {key}{members}")), ":1000\r\n");
        }
    }

    fn try_run(&mut self, line: &str) -> (Flow, String) {
        let args = OwnedArgs::from_words(line.split(' '));
        let mut out = Encoder::new(self.session.protocol);
        self.worker.begin();
        let flow = self.worker.execute_alone(&mut self.session, args.args(), &mut out);
        self.worker.end();
        (flow, String::from_utf8(out.into_inner()).expect("these replies are text"))
    }

    /// The reply to a command, from wherever it comes.
    fn run(&mut self, line: &str) -> String {
        let (flow, reply) = self.try_run(line);
        if flow == Flow::Continue {
            return reply;
        }
        assert_eq!(flow, Flow::Waiting, "{line}");
        let (reply, flow) = self.next_letter();
        assert_eq!(flow, Flow::Continue, "{line}");
        reply
    }

    fn next_letter(&mut self) -> (String, Flow) {
        self.letters.recv_timeout(Duration::from_secs(60)).expect("a letter comes");
        let mut letters = self.worker.inbox().drain();
        assert_eq!(letters.len(), 1);
        let (_, letter) = letters.remove(0);
        let mut out = Encoder::new(self.session.protocol);
        let flow = self.worker.receive(&mut self.session, letter, &mut out);
        (String::from_utf8(out.into_inner()).expect("these replies are text"), flow)
    }

    /// How many commands are to be tried again.
    fn retries(&mut self) -> usize {
        self.letters.recv_timeout(Duration::from_secs(60)).expect("a letter comes");
        let letters = self.worker.inbox().drain();
        assert!(letters.iter().all(|(_, letter)| matches!(letter, Message::Retry)));
        letters.len()
    }

    /// Begins a command apart, as a loop does, and leaves it there.
    fn begin(&mut self, line: &str) -> (Apart, OwnedArgs, &'static Command) {
        let args = OwnedArgs::from_words(line.split(' '));
        let command = REGISTRY.find(args.args().at(0)).expect("it is a command");
        let Action::Data(entry) = command.action else { panic!("it has keys") };
        let call = Call { command, entry, args: args.args(), known: None };
        let engine = Arc::clone(self.worker.engine());
        let shards = shards_of(&engine.keyspace, command, args.args(), None);
        let mut held = engine.keyspace.hold(&shards).expect("the shards are free");
        let options = self.worker.options(&self.session);
        let apart = Apart::new(call, (&options, Recording::Recency), &mut held).expect("it can run apart");
        (apart, args, command)
    }

    /// Ends a command begun apart; whether it could store what it has, which is what there was.
    fn commits(&mut self, (mut apart, args, command): (Apart, OwnedArgs, &'static Command)) -> bool {
        let engine = Arc::clone(self.worker.engine());
        let options = self.worker.options(&self.session);
        let published = engine.published();
        let (mut effects, scratch) = (Effects::default(), Scratch::new(1));
        let held = apart.lock(&engine.keyspace);
        let query = spinel_family::QueryContext::new(held, options, &published.for_commands, &scratch);
        let mut cx = UpdateContext::new(query, &mut effects);
        let done = apart.commit(args.args(), command, &mut cx);
        drop(cx);
        apart.end(&engine.keyspace);
        done
    }
}

#[test]
fn long_queries_and_long_stores_have_the_same_effect_as_short_ones() {
    let mut client = Client::new();
    let (flow, _) = client.try_run("SMEMBERS big");
    assert_eq!(flow, Flow::Waiting, "it is long");
    let (reply, _) = client.next_letter();
    assert!(reply.starts_with(&format!("*{MANY}\r\n")));
    assert_eq!(reply.matches("member:").count(), MANY);
    let union = MANY + MANY / 2;
    assert_eq!(client.run("SUNIONSTORE big big other"), format!(":{union}\r\n"));
    assert_eq!(client.run("SCARD big"), format!(":{union}\r\n"));
    assert_eq!(client.run("SINTERSTORE new big other nothing"), ":0\r\n");
    assert_eq!(client.run("EXISTS new"), ":0\r\n");
    assert_eq!(client.run("SET string x"), "+OK\r\n");
    assert!(client.run("SUNIONSTORE new big string").starts_with("-WRONGTYPE"));
    assert_eq!(client.run("DEL big other string"), ":3\r\n");
}

#[test]
fn a_long_copy_is_one_whether_its_place_is_free_or_not_and_in_whatever_database() {
    let mut client = Client::new();
    assert_eq!(client.run("PEXPIRE big 1000000"), ":1\r\n");
    let (flow, _) = client.try_run("COPY big new");
    assert_eq!((flow, client.next_letter().0), (Flow::Waiting, ":1\r\n".to_owned()));
    assert_eq!(client.run("SCARD new"), format!(":{MANY}\r\n"));
    assert!(!client.run("PTTL new").starts_with(":-"));
    assert_eq!(client.run("COPY other new"), ":0\r\n");
    assert_eq!(client.run("COPY other new REPLACE"), ":1\r\n");
    assert_eq!(client.run("PTTL new"), ":-1\r\n");
    assert_eq!(client.run("SISMEMBER new member:1"), ":0\r\n");
    for (line, reply) in [
        ("COPY big big DB 3", ":1\r\n"),
        ("COPY other big DB 3", ":0\r\n"),
        ("COPY other big DB 3 REPLACE", ":1\r\n"),
        ("SELECT 3", "+OK\r\n"),
        ("SISMEMBER big member:1", ":0\r\n"),
        ("PTTL big", ":-1\r\n"),
        ("DBSIZE", ":1\r\n"),
        ("SELECT 0", "+OK\r\n"),
        ("DBSIZE", ":3\r\n"),
    ] {
        assert_eq!(client.run(line), reply, "{line}");
    }
}

#[test]
fn a_long_copy_does_not_take_a_place_in_another_database_that_was_taken_meanwhile() {
    let mut client = Client::new();
    for (meanwhile, is_free) in [("PING", true), ("SADD big member", false)] {
        let copy = client.begin("COPY big big DB 1");
        {
            let mut place = copy.0.keyspace().hold_all().expect("nobody else knows it");
            let key = place.keyspace().key(b"big");
            let shard = place.shard_mut(key.hash);
            let entry = shard.db_mut(DbIndex(0)).find_mut(key).expect("it is shared").share();
            shard.db_mut(DbIndex(1)).restore(key.hash, entry);
        }
        client.run("SELECT 1");
        client.run(meanwhile);
        assert_eq!(client.commits(copy), is_free, "{meanwhile}");
        assert_eq!(client.run("SCARD big"), format!(":{}\r\n", if is_free { MANY } else { 1 }));
        client.run("DEL big");
        client.run("SELECT 0");
    }
}

#[test]
fn a_string_is_long_to_fill_with_zeros_but_not_to_change() {
    let mut client = Client::new();
    let (flow, _) = client.try_run("SETRANGE s 8000000 x");
    assert_eq!((flow, client.next_letter().0), (Flow::Waiting, ":8000001\r\n".to_owned()));
    assert_eq!(client.try_run("SETRANGE s 8000000 y"), (Flow::Continue, ":8000001\r\n".to_owned()));
    assert_eq!(client.run("GETRANGE s -2 -1"), "$2\r\n\0y\r\n");
}

#[test]
fn writers_wait_for_readers_of_their_keys_and_others_do_not() {
    let mut client = Client::new();
    let first = client.begin("SMEMBERS big");
    assert_eq!(client.try_run("SADD big new"), (Flow::Parked, String::new()));
    assert_eq!(client.try_run("DEL nothing big"), (Flow::Parked, String::new()));
    assert_eq!(client.run("SISMEMBER big member:1"), ":1\r\n");
    assert_eq!(client.run("SADD small member"), ":1\r\n");
    client.commits(first);
    assert_eq!(client.retries(), 2);
    assert_eq!(client.run("SADD big new"), ":1\r\n");
}

#[test]
fn transactions_that_write_to_what_is_read_wait_as_well() {
    let mut client = Client::new();
    let first = client.begin("SMEMBERS big");
    for line in ["MULTI", "SISMEMBER big new", "SADD small member"] {
        client.run(line);
    }
    assert_eq!(client.run("EXEC"), "*2\r\n:0\r\n:1\r\n");
    for line in ["MULTI", "SADD big new", "SISMEMBER big new"] {
        client.run(line);
    }
    assert_eq!(client.try_run("EXEC"), (Flow::Parked, String::new()));
    client.commits(first);
    assert_eq!(client.retries(), 1);
    assert_eq!(client.run("EXEC"), "*2\r\n:1\r\n:1\r\n");
}

#[test]
fn a_store_is_done_exactly_if_nothing_has_changed_its_keys() {
    let mut client = Client::new();
    let store = client.begin("SUNIONSTORE new big other");
    assert!(client.commits(store));
    for change in ["FLUSHALL", "SWAPDB 0 1"] {
        let store = client.begin("SUNIONSTORE new big other");
        assert_eq!(client.run(change), "+OK\r\n");
        assert!(!client.commits(store), "{change}");
        client.run("SWAPDB 0 1");
        client.run("FLUSHALL");
        client.fill("big", 0);
    }
}

#[test]
fn a_reader_does_not_begin_before_the_writers_that_wait_for_another() {
    let mut client = Client::new();
    let first = client.begin("SMEMBERS big");
    assert_eq!(client.try_run("SADD big new"), (Flow::Parked, String::new()));
    let (flow, _) = client.try_run("SMEMBERS big");
    assert_eq!(flow, Flow::Waiting, "it runs under the locks");
    client.commits(first);
}
