//! An engine without sockets and connections to it, for the tests of this crate.

use std::sync::Arc;

use spinel_family::{Args, Encoder, OwnedArgs};

use crate::clock::SystemClock;
use crate::config::Settings;
use crate::journal::Journal;
use crate::log::{Log, NoLog};
use crate::session::Session;
use crate::{Endpoint, Engine, EngineOptions, Flow, Worker};

/// A connection of a [`Server`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(usize);

/// An engine with one worker, whose connections are served in the order they are asked.
pub(crate) struct Server {
    pub(crate) engine: Arc<Engine>,
    worker: Worker,
    sessions: Vec<Session>,
}

/// An engine with one worker that writes nowhere.
pub(crate) fn engine(settings: Settings) -> Arc<Engine> {
    engine_with_log(settings, Box::new(NoLog))
}

fn engine_with_log(settings: Settings, log: Box<dyn Log>) -> Arc<Engine> {
    Engine::new(EngineOptions {
        settings,
        config_file: None,
        workers: 1,
        clock: Box::new(SystemClock::default()),
        entropy: [7; 48],
        journal: Journal::default(),
        log,
    })
}

impl Server {
    pub(crate) fn new(settings: Settings) -> Self {
        Self::with_log(settings, Box::new(NoLog))
    }

    /// One that logs.
    pub(crate) fn with_log(settings: Settings, log: Box<dyn Log>) -> Self {
        let engine = engine_with_log(settings, log);
        Self { worker: Worker::new(&engine, 0), engine, sessions: Vec::new() }
    }

    /// A new connection from an address.
    pub(crate) fn connect(&mut self, peer: &str) -> Peer {
        self.sessions.push(self.worker.connect(Endpoint { peer: peer.to_owned(), ..Endpoint::default() }));
        Peer(self.sessions.len() - 1)
    }

    /// The worker, and the state of a connection.
    pub(crate) fn worker_and_session(&mut self, peer: Peer) -> (&mut Worker, &mut Session) {
        (&mut self.worker, &mut self.sessions[peer.0])
    }

    /// The state of a connection.
    pub(crate) fn session(&mut self, peer: Peer) -> &mut Session {
        &mut self.sessions[peer.0]
    }

    /// Runs a line of words separated by blanks; gives the reply, nothing if it is still to come.
    pub(crate) fn run(&mut self, peer: Peer, line: &str) -> String {
        self.run_words(peer, OwnedArgs::from_words(line.split(' ')).args())
    }

    /// Runs words; gives the reply, nothing if it is still to come.
    pub(crate) fn run_words(&mut self, peer: Peer, args: Args<'_>) -> String {
        let session = &mut self.sessions[peer.0];
        let mut out = Encoder::new(session.protocol);
        self.worker.begin();
        let flow = self.worker.execute_alone(session, args, &mut out);
        self.worker.end();
        assert!(matches!(flow, Flow::Continue | Flow::Waiting), "{:?} ended in {flow:?}", args.get(0));
        String::from_utf8(out.into_inner()).expect("these replies are text")
    }

    /// What the messages on their way make connections say, in order.
    pub(crate) fn deliver(&mut self) -> Vec<(Peer, String)> {
        let mut said = Vec::new();
        self.worker.begin();
        for (client, message) in self.worker.letters() {
            let place = self.sessions.iter().position(|session| session.id() == client);
            let place = place.expect("nobody else is connected");
            let session = &mut self.sessions[place];
            let mut out = Encoder::new(session.protocol);
            self.worker.receive(session, message, &mut out);
            said.push((Peer(place), String::from_utf8(out.into_inner()).expect("these replies are text")));
        }
        self.worker.end();
        said
    }
}
