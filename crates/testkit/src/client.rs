//! A connection of a test.

use std::cell::RefCell;
use std::rc::Rc;

use spinel_resp::{OwnedArgs, split_words};

use crate::machine::{Machine, State};

/// A connection. What it receives stays until it is read; dropping it closes the connection.
pub struct TestClient {
    machine: Rc<RefCell<Machine>>,
    place: usize,
}

impl TestClient {
    pub(crate) fn new(machine: Rc<RefCell<Machine>>, place: usize) -> Self {
        Self { machine, place }
    }

    /// Sends a command, its words separated by blanks and quoted as in `redis.conf`, and reads everything received
    /// since the last time, as it would go over the wire: nothing while the command waits.
    #[must_use]
    pub fn run(&self, line: &str) -> String {
        self.run_all(&[line])
    }

    /// Sends several commands at once.
    #[must_use]
    pub fn run_all(&self, lines: &[&str]) -> String {
        lines.iter().for_each(|line| self.queue(split_words(line.as_bytes()).expect("quotes are closed")));
        self.machine.borrow_mut().settle();
        self.read()
    }

    /// Sends a command whose words may be any bytes.
    #[must_use]
    pub fn run_words<I: IntoIterator<Item: AsRef<[u8]>>>(&self, words: I) -> String {
        self.queue(OwnedArgs::from_words(words));
        self.machine.borrow_mut().settle();
        self.read()
    }

    /// A field of `INFO everything`.
    ///
    /// # Panics
    /// If there is no such field.
    #[must_use]
    pub fn info(&self, field: &str) -> String {
        let text = self.run("INFO everything");
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("no {field} in {text}")).to_owned()
    }

    /// How many keys of the first database have parts that expire, as `INFO` tells.
    ///
    /// # Panics
    /// If the database is empty.
    #[must_use]
    pub fn subexpiry(&self) -> String {
        self.info("db0").rsplit('=').next().unwrap_or_default().to_owned()
    }

    /// Sends a command whose reply is of no interest, or is read later.
    pub fn send(&self, line: &str) {
        self.queue(split_words(line.as_bytes()).expect("quotes are closed"));
        self.machine.borrow_mut().settle();
    }

    fn queue(&self, words: OwnedArgs) {
        self.machine.borrow_mut().connection(self.place).pending.push_back(words);
    }

    /// Everything received since the last time; bytes that are no text are replaced.
    #[must_use]
    pub fn read(&self) -> String {
        String::from_utf8_lossy(&self.read_bytes()).into_owned()
    }

    /// Everything received since the last time.
    #[must_use]
    pub fn read_bytes(&self) -> Vec<u8> {
        self.machine.borrow_mut().connection(self.place).take_output()
    }

    /// Whether a command of it waits to be answered.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.machine.borrow_mut().connection(self.place).state, State::Waiting | State::Parked)
    }

    /// Whether the server closed it.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.machine.borrow_mut().connection(self.place).state == State::Closed
    }
}

impl Drop for TestClient {
    fn drop(&mut self) {
        let mut machine = self.machine.borrow_mut();
        machine.disconnect(self.place);
        machine.settle();
    }
}
