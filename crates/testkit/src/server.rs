//! The server of a test.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use spinel_engine::config::{ProtectedAction, Settings};
use spinel_engine::journal::Journal;
use spinel_engine::{Engine, EngineOptions};

use crate::client::TestClient;
use crate::clock::VirtualClock;
use crate::machine::Machine;
use crate::record::{JournalEntry, Record};

/// An engine without sockets, with a clock that stands still.
pub struct TestServer {
    machine: Rc<RefCell<Machine>>,
    clock: VirtualClock,
    journal: Record<JournalEntry>,
    log: Record<String>,
}

impl Default for TestServer {
    fn default() -> Self {
        Self::new()
    }
}

impl TestServer {
    /// One worker and eight shards.
    #[must_use]
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A server of that many shards and workers.
    #[must_use]
    pub fn sized(shards: usize, workers: usize) -> Self {
        Self::with(|settings| {
            settings.process.shards = shards;
            settings.process.threads = workers;
        })
    }

    /// A server with settings of its own. DEBUG is allowed.
    #[must_use]
    pub fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        settings.process.threads = 1;
        settings.security.enable_debug_command = ProtectedAction::Yes;
        // There is no disk, unless a test brings one.
        settings.persistence.save.clear();
        change(&mut settings);
        let (clock, journal, log) = (VirtualClock::default(), Record::default(), Record::default());
        let engine = Engine::new(EngineOptions {
            config_file: None,
            workers: settings.process.threads,
            settings,
            clock: Box::new(clock.clone()),
            entropy: [7; 48],
            journal: Journal::new(Some(Box::new(journal.clone()))),
            log: Box::new(log.clone()),
        });
        Self { machine: Rc::new(RefCell::new(Machine::new(engine))), clock, journal, log }
    }

    /// A new connection.
    #[must_use]
    pub fn connect(&self) -> TestClient {
        let place = self.machine.borrow_mut().connect();
        TestClient::new(Rc::clone(&self.machine), place)
    }

    /// Lets time pass: blocked commands give up whose time is over. Nothing else notices until it looks at the clock.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.machine.borrow_mut().time_out();
    }

    /// Does what the server does now and then: removes expired keys, ends pauses.
    pub fn upkeep(&self) {
        self.machine.borrow_mut().upkeep();
    }

    /// What the journal has recorded.
    #[must_use]
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.journal.all()
    }

    /// The recorded commands as text, without their databases.
    #[must_use]
    pub fn journal_lines(&self) -> Vec<String> {
        self.journal().iter().map(JournalEntry::text).collect()
    }

    /// The lines of the server's log.
    #[must_use]
    pub fn log_lines(&self) -> Vec<String> {
        self.log.all()
    }

    /// The engine itself.
    #[must_use]
    pub fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.machine.borrow().engine)
    }
}
