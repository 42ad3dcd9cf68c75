//! Two servers that get the same commands, and the comparison of what they answer.

use crate::client::{Client, Words};
use crate::compare::{self, Rule};
use crate::generate::Step;
use crate::reference::{Server, StartError};
use crate::snapshot::{Encodings, Snapshot};
use std::io;
use std::path::PathBuf;

/// How many connections a stream uses.
const CONNECTIONS: usize = 2;

/// Small thresholds, so that every encoding and every conversion occurs.
const SETTINGS: [&str; 18] = [
    "--hash-max-listpack-entries",
    "8",
    "--hash-max-listpack-value",
    "16",
    "--set-max-intset-entries",
    "8",
    "--zset-max-listpack-entries",
    "8",
    "--zset-max-listpack-value",
    "16",
    "--list-max-listpack-size",
    "5",
    "--enable-debug-command",
    "yes",
    // Time-outs of blocked clients are looked after this often a second.
    "--hz",
    "500",
    "--loglevel",
    "warning",
];

/// The version of the wire protocol that connections ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RESP2, which needs no asking.
    Two,
    /// RESP3.
    Three,
}

/// Something in which the servers differ.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The index of the command that showed it; `None` when the data sets differ behind all commands.
    pub step: Option<usize>,
    /// The command's name, or `data set` and the kind of its difference.
    pub name: String,
    /// What differs, in words.
    pub text: String,
}

/// The two servers.
#[derive(Debug)]
pub struct Pair {
    reference: Side,
    subject: Side,
    protocol: Protocol,
    encodings: Encodings,
    /// By connection, the rules of the commands that wait for EXEC.
    queued: [Vec<Rule>; CONNECTIONS],
    /// How many replies of the reference were errors.
    errors: usize,
    /// The data sets went through files.
    was_reloaded: bool,
}

/// One server with its connections.
#[derive(Debug)]
struct Side {
    program: PathBuf,
    args: Vec<String>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    server: Server,
    connections: Vec<Client>,
    inspector: Client,
}

impl Pair {
    /// Two server programs; `subject_args` are further arguments of the second.
    pub fn new(reference: PathBuf, subject: PathBuf, subject_args: Vec<String>, protocol: Protocol) -> Pair {
        let side = |program, args| Side { program, args, running: None };
        Pair {
            reference: side(reference, Vec::new()),
            subject: side(subject, subject_args),
            protocol,
            encodings: Encodings::All,
            queued: Default::default(),
            errors: 0,
            was_reloaded: false,
        }
    }

    /// The same, with only these encodings compared.
    #[must_use]
    pub fn comparing(self, encodings: Encodings) -> Pair {
        Pair { encodings, ..self }
    }

    /// How many replies of the reference were errors so far.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Empties both servers and opens new connections; starts what does not run or does not answer.
    ///
    /// # Errors
    /// When a server does not start.
    pub fn start_over(&mut self) -> Result<(), StartError> {
        self.queued = Default::default();
        self.was_reloaded = false;
        self.reference.start_over(self.protocol)?;
        self.subject.start_over(self.protocol)
    }

    /// Sends the steps to both servers, compares replies and then data sets; answers the first difference.
    pub fn run(&mut self, steps: &[Step]) -> Option<Difference> {
        let mut first = 0;
        for stretch in steps.chunk_by(|left, right| left.connection == right.connection) {
            let connection = stretch[0].connection;
            for side in [&mut self.reference, &mut self.subject] {
                // A connection that fails here fails again when its replies are read, and is reported there.
                let _ = side.send(connection, stretch, self.protocol);
            }
            for (index, step) in stretch.iter().enumerate() {
                if let Some(text) = self.compare_step(step) {
                    return Some(Difference { step: Some(first + index), name: name(&step.words), text });
                }
            }
            first += stretch.len();
        }
        self.compare_data_sets()
    }

    fn compare_step(&mut self, step: &Step) -> Option<String> {
        let expected = self.reference.reply(step, self.protocol);
        let found = self.subject.reply(step, self.protocol);
        let (expected, found) = match (expected, found) {
            (Ok(expected), Ok(found)) => (expected, found),
            (Err(error), _) => return Some(format!("the reference does not answer: {error}")),
            (_, Err(error)) => {
                let log = self.subject.running.as_ref().map(|running| running.server.log_tail());
                return Some(format!("the subject does not answer: {error}\n{}", log.unwrap_or_default()));
            }
        };
        self.errors += usize::from(expected.starts_with(b"-"));
        let is_reload = |word: &Vec<u8>| word.eq_ignore_ascii_case(b"RELOAD");
        self.was_reloaded |= is(&step.words, b"DEBUG") && step.words.get(1).is_some_and(is_reload);
        let queued = &mut self.queued[step.connection];
        let difference = if is(&step.words, b"EXEC") {
            compare::transaction_difference(queued, &expected, &found)
        } else {
            let same = compare::same(compare::rule(&step.words), &expected, &found);
            (!same).then(|| (expected.clone(), found))
        };
        if expected == b"+QUEUED\r\n" {
            queued.push(compare::rule(&step.words));
        } else if [&b"EXEC"[..], b"DISCARD", b"RESET"].iter().any(|name| is(&step.words, name)) {
            queued.clear();
        }
        difference.map(|(expected, found)| {
            format!("  reference {}\n  subject   {}", expected.escape_ascii(), found.escape_ascii())
        })
    }

    fn compare_data_sets(&mut self) -> Option<Difference> {
        let (encodings, was_reloaded) = (self.encodings, self.was_reloaded);
        let read = |side: &mut Side| -> io::Result<Snapshot> {
            let read = Snapshot::read(&mut side.running()?.inspector)?.with(encodings);
            Ok(if was_reloaded { read.after_reload() } else { read })
        };
        let (name, text) = match (read(&mut self.reference), read(&mut self.subject)) {
            (Ok(expected), Ok(found)) => {
                let difference = expected.difference(&found)?;
                (format!("data set: {}", difference.kind), difference.text)
            }
            (Err(error), _) => ("data set".to_owned(), format!("the reference does not answer: {error}")),
            (_, Err(error)) => ("data set".to_owned(), format!("the subject does not answer: {error}")),
        };
        Some(Difference { step: None, name, text })
    }
}

/// What a command is called in reports: two words where the first says little.
fn name(words: &Words) -> String {
    let count = if is(words, b"OBJECT") { 2 } else { 1 };
    let words: Vec<String> = words.iter().take(count).map(|word| word.escape_ascii().to_string()).collect();
    words.join(" ").to_ascii_uppercase()
}

fn is(words: &Words, name: &[u8]) -> bool {
    words[0].eq_ignore_ascii_case(name)
}

/// After RESET a connection speaks RESP2 again; the stream shall go on in its own protocol.
fn needs_hello(step: &Step, protocol: Protocol) -> bool {
    protocol == Protocol::Three && step.words.len() == 1 && is(&step.words, b"RESET")
}

impl Side {
    fn start_over(&mut self, protocol: Protocol) -> Result<(), StartError> {
        if self.reconnect(protocol).is_ok() {
            return Ok(());
        }
        self.running = None;
        let args: Vec<&str> = SETTINGS.into_iter().chain(self.args.iter().map(String::as_str)).collect();
        let server = Server::start(&self.program, &args)?;
        let io_error = |error| StartError::Io(self.program.clone(), error);
        let connections = connect_all(server.port(), protocol).map_err(io_error)?;
        let inspector = Client::connect(server.port()).map_err(io_error)?;
        self.running = Some(Running { server, connections, inspector });
        Ok(())
    }

    fn reconnect(&mut self, protocol: Protocol) -> io::Result<()> {
        let running = self.running()?;
        running.connections = connect_all(running.server.port(), protocol)?;
        running.connections[0].call(&["FLUSHALL"])?;
        running.connections[0].call(&["FUNCTION", "FLUSH", "SYNC"])?;
        running.connections[0].call(&["SCRIPT", "FLUSH", "SYNC"])?;
        running.inspector = Client::connect(running.server.port())?;
        Ok(())
    }

    fn running(&mut self) -> io::Result<&mut Running> {
        self.running.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn send(&mut self, connection: usize, steps: &[Step], protocol: Protocol) -> io::Result<()> {
        let client = &mut self.running()?.connections[connection];
        for step in steps {
            client.queue(&step.words);
            if needs_hello(step, protocol) {
                client.queue(&["HELLO", "3"]);
            }
        }
        client.flush()
    }

    fn reply(&mut self, step: &Step, protocol: Protocol) -> io::Result<Vec<u8>> {
        let client = &mut self.running()?.connections[step.connection];
        let reply = client.raw_reply()?;
        if needs_hello(step, protocol) {
            client.raw_reply()?;
        }
        Ok(reply)
    }
}

fn connect_all(port: u16, protocol: Protocol) -> io::Result<Vec<Client>> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = Client::connect(port)?;
        if protocol == Protocol::Three {
            client.call(&["HELLO", "3"])?;
        }
        connections.push(client);
    }
    Ok(connections)
}
