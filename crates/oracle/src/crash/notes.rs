//! What one client wrote and was told, and whether a server that was started again still knows it.
//!
//! Round `n` of a client writes the number `n` to all of its keys:
//!
//! | key | command | shows |
//! |---|---|---|
//! | `string` | `SET` | the last write |
//! | `list` | `RPUSH` | every write of a cycle, in order and once |
//! | `counter` | `INCR` | how many were applied |
//! | `left`, `right`, `pairs` | `SET`, `SET`, `RPUSH` in `MULTI` | all or none |
//! | `hash` | `HSET` of one of 2000 fields | every write, over all cycles, in a value too large to be saved in passing |
//! | `expiring` | `SET ... EX` | a write with a time |

use crate::client::{Client, Words};
use spinel_resp::Value;
use std::io;

/// Fields of the hash.
const FIELDS: u64 = 2000;
/// Seconds until a key expires: long after the run.
const EXPIRE_SECONDS: &str = "100000";

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `SET`.
    Text,
    /// `RPUSH`.
    List,
    /// `INCR`.
    Counter,
    /// `MULTI`.
    Transaction,
    /// `HSET`.
    Hash,
    /// `SET ... EX`.
    Expiring,
}

const KINDS: usize = 6;

/// The commands of a round, and whether their replies acknowledge a write.
pub const COMMANDS: [(Kind, bool); 10] = [
    (Kind::Text, true),
    (Kind::List, true),
    (Kind::Counter, true),
    (Kind::Transaction, false),
    (Kind::Transaction, false),
    (Kind::Transaction, false),
    (Kind::Transaction, false),
    (Kind::Transaction, true),
    (Kind::Hash, true),
    (Kind::Expiring, true),
];

/// What one client knows.
#[derive(Debug)]
pub struct Notes {
    client: usize,
    /// The last number that may have been sent.
    pub sent: u64,
    /// Writes acknowledged over all cycles.
    pub acknowledged: u64,
    /// The last number before this cycle: lists and counters begin anew behind it.
    base: u64,
    /// The last number acknowledged, for each kind.
    last: [u64; KINDS],
    /// Likewise for each field of the hash.
    fields: Vec<u64>,
}

/// What a server does not know any more, or should not know.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Acknowledged writes that are not there.
    pub lost: u64,
    /// Everything that is not as it must be, in words.
    pub wrong: Vec<String>,
}

impl Notes {
    /// Those of a client that has written nothing.
    #[must_use]
    pub fn new(client: usize) -> Notes {
        Notes {
            client,
            sent: 0,
            acknowledged: 0,
            base: 0,
            last: [0; KINDS],
            fields: vec![0; FIELDS as usize],
        }
    }

    fn key(&self, name: &str) -> String {
        format!("{name}:{}", self.client)
    }

    /// The commands of a round, as many as [`COMMANDS`].
    pub(super) fn commands(&self, number: u64) -> Vec<Words> {
        let value = number.to_string();
        let command = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect::<Words>();
        let key = |name| self.key(name);
        vec![
            command(&["SET", &key("string"), &value]),
            command(&["RPUSH", &key("list"), &value]),
            command(&["INCR", &key("counter")]),
            command(&["MULTI"]),
            command(&["SET", &key("left"), &value]),
            command(&["RPUSH", &key("pairs"), &value]),
            command(&["SET", &key("right"), &value]),
            command(&["EXEC"]),
            command(&["HSET", &key("hash"), &(number % FIELDS).to_string(), &value]),
            command(&["SET", &key("expiring"), &value, "EX", EXPIRE_SECONDS]),
        ]
    }

    /// Notes that a write was acknowledged.
    pub(super) fn acknowledge(&mut self, kind: Kind, number: u64, reply: &[u8], wrong: &mut Vec<String>) {
        self.acknowledged += 1;
        self.last[kind as usize] = number;
        if kind == Kind::Hash {
            self.fields[(number % FIELDS) as usize] = number;
        }
        let expected = format!(":{}\r\n", number - self.base);
        if matches!(kind, Kind::List | Kind::Counter) && reply != expected.as_bytes() {
            wrong.push(format!("{kind:?} {number} of {}: {}", self.client, reply.escape_ascii()));
        }
    }

    /// Compares with what the server knows, and begins the next cycle from there.
    ///
    /// # Errors
    /// When the connection ends.
    pub fn verify(&mut self, client: &mut Client) -> io::Result<Verdict> {
        let mut check = Check {
            notes: self,
            client,
            verdict: Verdict::default(),
            texts: (0, 0),
            fields: vec![0; FIELDS as usize],
        };
        check.all()?;
        let Check { verdict, texts, fields, .. } = check;
        for name in ["list", "counter", "pairs"] {
            let reply = client.call(&["DEL", &self.key(name)])?;
            if !matches!(reply, Value::Integer(_)) {
                return Err(io::Error::other(format!("DEL: {reply:?}")));
            }
        }
        // What was seen once must be seen again, acknowledged or not.
        self.base = self.sent;
        self.last = [self.sent; KINDS];
        (self.last[Kind::Text as usize], self.last[Kind::Expiring as usize]) = texts;
        self.fields = fields;
        Ok(verdict)
    }
}

/// One comparison.
struct Check<'a> {
    notes: &'a Notes,
    client: &'a mut Client,
    verdict: Verdict,
    /// What was seen: the string and the one that expires.
    texts: (u64, u64),
    fields: Vec<u64>,
}

impl Check<'_> {
    fn all(&mut self) -> io::Result<()> {
        self.texts = (self.number("string")?.unwrap_or(0), self.number("expiring")?.unwrap_or(0));
        self.compare("string", Kind::Text, self.texts.0);
        self.compare("expiring", Kind::Expiring, self.texts.1);
        let counter = self.number("counter")?.unwrap_or(0);
        self.compare("counter", Kind::Counter, self.notes.base + counter);
        self.list("list", Kind::List)?;
        let last = self.list("pairs", Kind::Transaction)?;
        self.pair(last)?;
        self.hash()
    }

    /// A value that says up to which number all is there.
    fn compare(&mut self, name: &str, kind: Kind, value: u64) {
        let acknowledged = self.notes.last[kind as usize];
        if value < acknowledged {
            self.verdict.lost += acknowledged - value;
            self.wrong(&format!("{name} knows {value}, {acknowledged} was acknowledged"));
        }
        if value > self.notes.sent {
            self.wrong(&format!("{name} knows {value}, {} was sent", self.notes.sent));
        }
    }

    /// A list of every number of the cycle; the last one.
    fn list(&mut self, name: &str, kind: Kind) -> io::Result<u64> {
        let reply = self.client.call(&["LRANGE", &self.notes.key(name), "0", "-1"])?;
        let Value::Array(items) = reply else { return Err(io::Error::other(format!("LRANGE: {reply:?}"))) };
        let last = self.notes.base + items.len() as u64;
        let expected = self.notes.base + 1..=last;
        if !items.iter().map(number).eq(expected.map(Some)) {
            self.wrong(&format!("{name} has not each number once in order, behind {}", self.notes.base));
        }
        self.compare(name, kind, last);
        Ok(last)
    }

    fn pair(&mut self, last: u64) -> io::Result<()> {
        let (left, right) = (self.number("left")?, self.number("right")?);
        let is_old = last == self.notes.base;
        if left != right || !is_old && left != Some(last) {
            self.wrong(&format!("half a transaction: {left:?}, {right:?}, {last}"));
        }
        Ok(())
    }

    fn hash(&mut self) -> io::Result<()> {
        let fields: Vec<String> = (0..FIELDS).map(|field| field.to_string()).collect();
        let mut words = vec!["HMGET".to_owned(), self.notes.key("hash")];
        words.extend(fields);
        let reply = self.client.call(&words)?;
        let Value::Array(values) = reply else { return Err(io::Error::other(format!("HMGET: {reply:?}"))) };
        for (field, (value, acknowledged)) in values.iter().zip(&self.notes.fields).enumerate() {
            let value = number(value).unwrap_or(0);
            if value < *acknowledged {
                self.verdict.lost += 1;
                self.wrong(&format!("field {field} is {value}, {acknowledged} was acknowledged"));
            }
            self.fields[field] = value;
            if value > self.notes.sent || value > 0 && value % FIELDS != field as u64 {
                self.wrong(&format!("field {field} is {value}, {} was sent", self.notes.sent));
            }
        }
        Ok(())
    }

    fn number(&mut self, name: &str) -> io::Result<Option<u64>> {
        Ok(number(&self.client.call(&["GET", &self.notes.key(name)])?))
    }

    fn wrong(&mut self, what: &str) {
        self.verdict.wrong.push(format!("client {}: {what}", self.notes.client));
    }
}

fn number(value: &Value) -> Option<u64> {
    std::str::from_utf8(value.as_bytes()?).ok()?.parse().ok()
}
