//! Clients that work at once, and note what they see.
//!
//! Each client sends pipelines of random length, so that batches of all sizes meet in the server, and stops now and then
//! for a conversation that needs several round trips (WATCH). The key spaces are small, so that clients meet on keys; lists
//! and appended strings are left for new ones before they grow long. At the end one more client reads everything.

use super::registers::{Kind as RegisterKind, Operation as Register};
use super::transactions::{Token, Transaction};
use super::{History, Span, counters};
use crate::client::Client;
use crate::random::Random;
use counters::{Kind as CounterKind, Operation as Counter};
use spinel_resp::Value;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// How many keys of each kind.
const REGISTERS: u32 = 12;
const PAIRS: u32 = 6;
const COUNTERS: u32 = 8;
const OPTIMISTIC: u32 = 2;
const LISTS: usize = 10;
const TEXTS: usize = 6;
/// A list or text is left for a new one after so many appends.
const GENERATION: usize = 120;
/// The longest pipeline.
const PIPELINE: usize = 24;
/// Bytes of one append to a text.
const WIDTH: usize = 12;
/// The most turns of a loop in a script: some milliseconds, so that scripts of all lengths meet everything else.
const TURNS: usize = 100_000;
/// Adds one, in two steps that take their time.
const SLOW_INCREMENT: &str = "local n = 0 for i = 1, ARGV[1] do n = n + i % 3 end \
    local before = redis.call('GET', KEYS[1]) or 0 for i = 1, ARGV[1] do n = n + i % 3 end \
    redis.call('SET', KEYS[1], before + 1) return before + 1";
/// Writes two keys, one long after the other.
const SLOW_PAIR: &str = "redis.call('SET', KEYS[1], ARGV[2]) local n = 0 for i = 1, ARGV[1] do n = n + i % 3 end \
    return redis.call('SET', KEYS[2], ARGV[2])";

/// Keys of registers that are pairs, and of counters that are texts or optimistic, in the checkers' numbering.
const FIRST_PAIR: u32 = 1_000;
const FIRST_OPTIMISTIC: u32 = 1_000;
const FIRST_TEXT: u32 = 10_000;

/// What all clients share.
#[derive(Debug)]
pub struct Workload {
    port: u16,
    start: Instant,
    /// Appends so far, by list; the quotient by [`GENERATION`] is part of the key.
    lists: Vec<AtomicUsize>,
    texts: Vec<AtomicUsize>,
}

/// What was seen, and how the lists ended.
#[derive(Debug, Default)]
pub struct Seen {
    /// What the clients noted.
    pub history: History,
    /// The lists in the end.
    pub finals: HashMap<u32, Vec<Token>>,
}

/// One operation of a pipeline.
#[derive(Debug)]
enum Planned {
    Set { key: u32, value: u64 },
    Get { key: u32 },
    SetPair { key: u32, value: u64 },
    SetPairSlowly { key: u32, value: u64, turns: usize },
    GetPair { key: u32 },
    Increment { key: u32 },
    IncrementSlowly { key: u32, turns: usize },
    GetCount { key: u32 },
    Append { key: u32 },
    Length { key: u32 },
    Transaction { appends: Vec<(u32, Token)>, reads: Vec<u32> },
}

/// One client at work.
struct Worker<'a> {
    shared: &'a Workload,
    client: Client,
    random: Random,
    number: u32,
    /// How many unique values it gave out.
    values: u64,
    history: History,
}

impl Workload {
    /// A workload against the server on a local port, whose data set is empty.
    pub fn new(port: u16) -> Workload {
        let zeros = |count| (0..count).map(|_| AtomicUsize::new(0)).collect();
        Workload { port, start: Instant::now(), lists: zeros(LISTS), texts: zeros(TEXTS) }
    }

    /// Lets `clients` work until each has done its share of `operations`, then reads everything.
    ///
    /// # Errors
    /// When a connection fails: a server that dies fails the run.
    pub fn run(&self, clients: u32, operations: usize, seed: u64) -> io::Result<Seen> {
        let share = operations.div_ceil(clients as usize);
        let mut seen = Seen::default();
        let outcomes: Vec<io::Result<History>> = std::thread::scope(|scope| {
            let work = |number| move || Worker::start(self, number, seed)?.work(share);
            let threads: Vec<_> = (0..clients).map(|number| scope.spawn(work(number))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a worker does not panic")).collect()
        });
        for outcome in outcomes {
            seen.history.merge(outcome?);
        }
        self.read_everything(&mut seen)?;
        Ok(seen)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).expect("a run ends within centuries")
    }

    /// Reads every key once more: the last word on each, and what the lists hold.
    fn read_everything(&self, seen: &mut Seen) -> io::Result<()> {
        let mut worker = Worker::start(self, u32::MAX, 0)?;
        let mut pipeline: Vec<Planned> = (0..REGISTERS).map(|key| Planned::Get { key }).collect();
        pipeline.extend((0..PAIRS).map(|key| Planned::GetPair { key }));
        pipeline.extend((0..COUNTERS).map(|key| Planned::GetCount { key }));
        for (slot, appends) in self.texts.iter().enumerate() {
            pipeline.extend(
                generations(appends).map(|generation| Planned::Length { key: key(slot, generation) }),
            );
        }
        worker.run_pipeline(&pipeline)?;
        for (slot, appends) in self.lists.iter().enumerate() {
            for generation in generations(appends) {
                let list = key(slot, generation);
                let tokens = tokens(&worker.client.call(&["LRANGE", &list_key(list), "0", "-1"])?);
                seen.finals.insert(list, tokens);
            }
        }
        for optimistic in 0..OPTIMISTIC {
            let invoked = self.now();
            let state = count(&worker.client.call(&["GET", &format!("o{optimistic}")])?);
            worker.note_count(FIRST_OPTIMISTIC + optimistic, CounterKind::Read, state, invoked);
        }
        seen.history.merge(worker.history);
        Ok(())
    }
}

/// Every generation that a slot has begun, counted by its appends.
fn generations(appends: &AtomicUsize) -> std::ops::RangeInclusive<usize> {
    0..=appends.load(Ordering::Relaxed) / GENERATION
}

/// The number of a list or text: slot and generation.
fn key(slot: usize, generation: usize) -> u32 {
    u32::try_from(generation * 100 + slot).expect("generations are few")
}

fn list_key(list: u32) -> String {
    format!("l{list}")
}

impl<'a> Worker<'a> {
    fn start(shared: &'a Workload, number: u32, seed: u64) -> io::Result<Worker<'a>> {
        Ok(Worker {
            shared,
            client: Client::connect(shared.port)?,
            random: Random::named(seed, &format!("client {number}")),
            number,
            values: 0,
            history: History::default(),
        })
    }

    fn work(mut self, share: usize) -> io::Result<History> {
        let mut done = 0;
        while done < share {
            if self.random.chance(60) {
                self.count_optimistically()?;
                done += 1;
            }
            let length = 1 + self.random.below(PIPELINE);
            let pipeline: Vec<Planned> = (0..length).map(|_| self.plan()).collect();
            self.run_pipeline(&pipeline)?;
            done += length;
        }
        Ok(self.history)
    }

    fn plan(&mut self) -> Planned {
        let below = |random: &mut Random, bound: u32| random.below(bound as usize) as u32;
        let random = &mut self.random;
        if random.chance(20) {
            return self.plan_script();
        }
        match random.below(100) {
            0..15 => Planned::Set { key: below(random, REGISTERS), value: self.value() },
            15..35 => Planned::Get { key: below(random, REGISTERS) },
            35..41 => Planned::SetPair { key: below(random, PAIRS), value: self.value() },
            41..51 => Planned::GetPair { key: below(random, PAIRS) },
            51..59 => Planned::Increment { key: below(random, COUNTERS) },
            59..64 => Planned::GetCount { key: below(random, COUNTERS) },
            64..69 => Planned::Append { key: advance(&self.shared.texts, random) },
            69..73 => Planned::Length { key: present(&self.shared.texts, random) },
            _ => self.plan_transaction(),
        }
    }

    fn plan_script(&mut self) -> Planned {
        let turns = self.random.below(TURNS);
        if self.random.chance(300) {
            Planned::SetPairSlowly {
                key: self.random.below(PAIRS as usize) as u32,
                value: self.value(),
                turns,
            }
        } else {
            Planned::IncrementSlowly { key: self.random.below(COUNTERS as usize) as u32, turns }
        }
    }

    fn plan_transaction(&mut self) -> Planned {
        let mut appends: Vec<(u32, Token)> = Vec::new();
        for _ in 0..self.random.below(4) {
            let list = advance(&self.shared.lists, &mut self.random);
            appends.push((list, self.value()));
        }
        let reads =
            (0..self.random.below(3)).map(|_| present(&self.shared.lists, &mut self.random)).collect();
        Planned::Transaction { appends, reads }
    }

    /// A value that nobody else writes.
    fn value(&mut self) -> u64 {
        self.values += 1;
        (u64::from(self.number) << 32) | self.values
    }

    fn run_pipeline(&mut self, pipeline: &[Planned]) -> io::Result<()> {
        pipeline.iter().for_each(|planned| self.queue(planned));
        let invoked = self.shared.now();
        self.client.flush()?;
        pipeline.iter().try_for_each(|planned| self.note(planned, invoked))
    }

    fn queue(&mut self, planned: &Planned) {
        let client = &mut self.client;
        match planned {
            Planned::Set { key, value } => client.queue(&["SET", &format!("r{key}"), &value.to_string()]),
            Planned::Get { key } => client.queue(&["GET", &format!("r{key}")]),
            Planned::SetPair { key, value } => {
                let value = value.to_string();
                client.queue(&["MSET", &format!("p{key}a"), &value, &format!("p{key}b"), &value]);
            }
            Planned::SetPairSlowly { key, value, turns } => {
                let (first, second) = (format!("p{key}a"), format!("p{key}b"));
                let (turns, value) = (turns.to_string(), value.to_string());
                client.queue(&["EVAL", SLOW_PAIR, "2", &first, &second, &turns, &value]);
            }
            Planned::GetPair { key } => client.queue(&["MGET", &format!("p{key}a"), &format!("p{key}b")]),
            Planned::Increment { key } => client.queue(&["INCR", &format!("c{key}")]),
            Planned::IncrementSlowly { key, turns } => {
                client.queue(&["EVAL", SLOW_INCREMENT, "1", &format!("c{key}"), &turns.to_string()]);
            }
            Planned::GetCount { key } => client.queue(&["GET", &format!("c{key}")]),
            Planned::Append { key } => client.queue(&["APPEND", &format!("t{key}"), &"x".repeat(WIDTH)]),
            Planned::Length { key } => client.queue(&["STRLEN", &format!("t{key}")]),
            Planned::Transaction { appends, reads } => {
                client.queue(&["MULTI"]);
                for (list, token) in appends {
                    client.queue(&["RPUSH", &list_key(*list), &token.to_string()]);
                }
                for list in reads {
                    client.queue(&["LRANGE", &list_key(*list), "0", "-1"]);
                }
                client.queue(&["EXEC"]);
            }
        }
    }

    /// Reads the reply to a planned operation and notes what it says.
    fn note(&mut self, planned: &Planned, invoked: u64) -> io::Result<()> {
        if let Planned::Transaction { appends, reads } = planned {
            return self.note_transaction(appends, reads, invoked);
        }
        let reply = self.reply()?;
        match planned {
            Planned::Set { key, value } => {
                self.expect_ok(&reply);
                self.note_register(*key, RegisterKind::Write, Some(*value), invoked);
            }
            Planned::Get { key } => self.note_register(*key, RegisterKind::Read, value_of(&reply), invoked),
            Planned::SetPair { key, value } | Planned::SetPairSlowly { key, value, .. } => {
                self.expect_ok(&reply);
                self.note_register(FIRST_PAIR + key, RegisterKind::Write, Some(*value), invoked);
            }
            Planned::GetPair { key } => match reply {
                Value::Array(halves) if halves.len() == 2 && halves[0] == halves[1] => {
                    self.note_register(FIRST_PAIR + key, RegisterKind::Read, value_of(&halves[0]), invoked);
                }
                other => {
                    self.history.impossible.push(format!("MGET saw half an MSET on pair {key}: {other:?}"));
                }
            },
            Planned::Increment { key } | Planned::IncrementSlowly { key, .. } => {
                self.note_count(*key, CounterKind::Change, count(&reply), invoked);
            }
            Planned::GetCount { key } => self.note_count(*key, CounterKind::Read, count(&reply), invoked),
            Planned::Append { key } => self.note_length(*key, CounterKind::Change, &reply, invoked),
            Planned::Length { key } => self.note_length(*key, CounterKind::Read, &reply, invoked),
            Planned::Transaction { .. } => unreachable!("handled above"),
        }
        Ok(())
    }

    fn note_transaction(&mut self, appends: &[(u32, Token)], reads: &[u32], invoked: u64) -> io::Result<()> {
        for _ in 0..=appends.len() + reads.len() {
            self.reply()?;
        }
        let reply = self.reply()?;
        let Value::Array(replies) = &reply else {
            self.history.impossible.push(format!("EXEC answered {reply:?}"));
            return Ok(());
        };
        let lengths = replies.iter().map(|reply| usize::try_from(count(reply).unwrap_or(0)).unwrap_or(0));
        let told =
            appends.iter().zip(lengths).map(|((list, token), length)| (*list, *token, length)).collect();
        let seen = replies.iter().skip(appends.len()).map(tokens);
        let transaction = Transaction {
            client: self.number,
            span: Span { invoked, answered: self.shared.now() },
            appends: told,
            reads: reads.iter().copied().zip(seen).collect(),
        };
        if replies.len() != appends.len() + reads.len()
            || transaction.appends.iter().any(|append| append.2 == 0)
        {
            self.history.impossible.push(format!("EXEC answered {reply:?}"));
        } else {
            self.history.transactions.push(transaction);
        }
        Ok(())
    }

    /// Adds one to a counter by WATCH, GET, MULTI, SET, EXEC: it counts when EXEC is not refused.
    fn count_optimistically(&mut self) -> io::Result<()> {
        let number = self.random.below(OPTIMISTIC as usize) as u32;
        let key = format!("o{number}");
        let invoked = self.shared.now();
        self.client.call(&["WATCH", &key])?;
        let before = count(&self.client.call(&["GET", &key])?);
        self.note_count(FIRST_OPTIMISTIC + number, CounterKind::Read, before, invoked);
        let after = before.unwrap_or(0) + 1;
        self.client.queue(&["MULTI"]);
        self.client.queue(&["SET", &key, &after.to_string()]);
        self.client.queue(&["EXEC"]);
        let invoked = self.shared.now();
        self.client.flush()?;
        let replies = [self.reply()?, self.reply()?, self.reply()?];
        match &replies[2] {
            reply if reply.is_null() => {}
            Value::Array(_) => {
                self.note_count(FIRST_OPTIMISTIC + number, CounterKind::Change, Some(after), invoked);
            }
            other => self.history.impossible.push(format!("EXEC answered {other:?}")),
        }
        Ok(())
    }

    fn reply(&mut self) -> io::Result<Value> {
        crate::client::decode(&self.client.raw_reply()?)
    }

    fn expect_ok(&mut self, reply: &Value) {
        if reply.as_bytes() != Some(b"OK") {
            self.history.impossible.push(format!("a write was answered {reply:?}"));
        }
    }

    fn note_register(&mut self, key: u32, kind: RegisterKind, value: Option<u64>, invoked: u64) {
        let span = Span { invoked, answered: self.shared.now() };
        self.history.registers.push(Register { key, kind, value, span });
    }

    fn note_length(&mut self, key: u32, kind: CounterKind, reply: &Value, invoked: u64) {
        let appends =
            count(reply).filter(|length| length % WIDTH as u64 == 0).map(|length| length / WIDTH as u64);
        self.note_count(FIRST_TEXT + key, kind, appends, invoked);
    }

    fn note_count(&mut self, key: u32, kind: CounterKind, state: Option<u64>, invoked: u64) {
        let span = Span { invoked, answered: self.shared.now() };
        match state {
            Some(state) => self.history.counters.push(Counter { key, kind, state, span }),
            None => self.history.impossible.push(format!("no count in the reply for counter {key}")),
        }
    }
}

/// The present generation of a random slot, for one more append.
fn advance(slots: &[AtomicUsize], random: &mut Random) -> u32 {
    let slot = random.below(slots.len());
    key(slot, slots[slot].fetch_add(1, Ordering::Relaxed) / GENERATION)
}

/// The present generation of a random slot.
fn present(slots: &[AtomicUsize], random: &mut Random) -> u32 {
    let slot = random.below(slots.len());
    key(slot, slots[slot].load(Ordering::Relaxed) / GENERATION)
}

/// The value a register's reply holds: none when it is null, zero (which nobody writes) when it is anything else.
fn value_of(reply: &Value) -> Option<u64> {
    if reply.is_null() { None } else { Some(count(reply).unwrap_or(0)) }
}

/// The number in a reply; zero for null, nothing for what is no number.
fn count(reply: &Value) -> Option<u64> {
    match reply {
        Value::Integer(number) => u64::try_from(*number).ok(),
        reply if reply.is_null() => Some(0),
        reply => std::str::from_utf8(reply.as_bytes()?).ok()?.parse().ok(),
    }
}

/// The elements of a list; what is no token becomes zero, which nobody appends.
fn tokens(reply: &Value) -> Vec<Token> {
    match reply {
        Value::Array(items) => items.iter().map(|item| count(item).unwrap_or(0)).collect(),
        _ => vec![0],
    }
}
