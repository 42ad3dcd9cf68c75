//! The server of a test.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use spinel_aof::disk::Disk;
use spinel_engine::config::{ProtectedAction, Settings};
use spinel_engine::host::Host;
use spinel_engine::journal::Journal;
use spinel_engine::persistence::NotLoaded;
use spinel_engine::{Engine, EngineOptions};

use crate::client::TestClient;
use crate::clock::VirtualClock;
use crate::machine::Machine;
use crate::record::{JournalEntry, Record};

/// An engine and what a test holds of it.
struct Made {
    engine: Arc<Engine>,
    clock: VirtualClock,
    journal: Record<JournalEntry>,
    log: Record<String>,
}

impl Made {
    fn of(settings: Settings, clock: VirtualClock) -> Self {
        let (journal, log) = (Record::default(), Record::default());
        let engine = Engine::new(EngineOptions {
            config_file: None,
            workers: settings.process.threads,
            settings,
            clock: Box::new(clock.clone()),
            entropy: [7; 48],
            journal: Journal::new(Some(Box::new(journal.clone()))),
            log: Box::new(log.clone()),
        });
        Self { engine, clock, journal, log }
    }

    fn open(
        disk: Arc<dyn Disk>,
        clock: VirtualClock,
        change: impl FnOnce(&mut Settings),
    ) -> Result<Self, NotLoaded> {
        let mut settings = Settings::default();
        settings.process.threads = 1;
        settings.security.enable_debug_command = ProtectedAction::Yes;
        settings.persistence.save.clear();
        change(&mut settings);
        let made = Self::of(settings, clock);
        made.engine.set_host(Host { files: disk, ..Host::default() });
        made.engine.begin_loading();
        made.engine.load_at_start()?;
        Ok(made)
    }
}

/// A server whose workers are moved by threads of their own, on a disk.
pub struct SharedServer {
    engine: Arc<Engine>,
    clock: VirtualClock,
}

impl SharedServer {
    /// As [`TestServer::open`].
    ///
    /// # Errors
    /// If what is there cannot be loaded.
    pub fn open(disk: Arc<dyn Disk>, change: impl FnOnce(&mut Settings)) -> Result<Self, NotLoaded> {
        let Made { engine, clock, .. } = Made::open(disk, VirtualClock::default(), change)?;
        Ok(Self { engine, clock })
    }

    /// A worker, for the thread that calls; once for each.
    #[must_use]
    pub fn worker(&self, index: usize) -> TestWorker {
        let machine = Machine::of_workers(Arc::clone(&self.engine), index..index + 1, true);
        TestWorker { machine: Rc::new(RefCell::new(machine)) }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The engine itself.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }
}

/// A worker of a [`SharedServer`].
pub struct TestWorker {
    machine: Rc<RefCell<Machine>>,
}

impl TestWorker {
    /// A new connection.
    #[must_use]
    pub fn connect(&self) -> TestClient {
        let place = self.machine.borrow_mut().connect();
        TestClient::new(Rc::clone(&self.machine), place)
    }

    /// As [`TestServer::is_safe`].
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.machine.borrow().is_safe()
    }

    /// As [`TestServer::upkeep`].
    pub fn upkeep(&self) {
        self.machine.borrow_mut().upkeep();
    }
}

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
        let made = Made::of(settings, VirtualClock::default());
        let Made { engine, clock, journal, log } = made;
        Self { machine: Rc::new(RefCell::new(Machine::new(engine))), clock, journal, log }
    }

    /// A server on a disk, which has loaded what is there. The persistence has real threads: ask [`is_safe`](Self::is_safe)
    /// and what else there is to be awaited.
    ///
    /// # Errors
    /// If what is there cannot be loaded.
    pub fn open(disk: Arc<dyn Disk>, change: impl FnOnce(&mut Settings)) -> Result<Self, NotLoaded> {
        Self::open_later(disk, Duration::ZERO, change)
    }

    /// As [`open`](Self::open), so much later than servers begin.
    ///
    /// # Errors
    /// If what is there cannot be loaded.
    pub fn open_later(
        disk: Arc<dyn Disk>,
        later: Duration,
        change: impl FnOnce(&mut Settings),
    ) -> Result<Self, NotLoaded> {
        let clock = VirtualClock::default();
        clock.advance(later);
        let Made { engine, clock, journal, log } = Made::open(disk, clock, change)?;
        let all = 0..engine.workers();
        let machine = Machine::of_workers(engine, all, true);
        Ok(Self { machine: Rc::new(RefCell::new(machine)), clock, journal, log })
    }

    /// Whether everything that was written may be acknowledged; has the log written if not.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.machine.borrow().is_safe()
    }

    /// Ends the server as a process ends that was asked to; false if not everything is durable.
    #[must_use]
    pub fn shut_down(self) -> bool {
        self.engine().finish()
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
