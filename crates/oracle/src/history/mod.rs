//! Whether a server that serves many clients at once could have served them one after the other.
//!
//! `workload` lets clients work concurrently and notes of every operation when it was sent, when it was answered and what
//! the answer was. From these notes alone three checkers decide:
//! - [`registers`]: single keys with writes and reads of unique values (SET, GET; MSET and MGET over two keys as one);
//! - [`counters`]: keys whose every change shows its place in the order (INCR, APPEND, WATCH-MULTI-SET-EXEC);
//! - [`transactions`]: MULTI over several lists, where the dependencies between transactions may have no cycle.
//!
//! Together with the times they decide linearizability by key and strict serializability of transactions; none of them
//! searches, all are linear but for sorting. Not decided: operations whose answer got lost, since a server that lives
//! answers.

pub mod counters;
pub mod registers;
pub mod transactions;
pub mod workload;

use std::fmt::Debug;

/// When an operation was on its way, in nanoseconds since the run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Before it was sent.
    pub invoked: u64,
    /// After its reply was read.
    pub answered: u64,
}

/// What all clients noted.
#[derive(Debug, Default)]
pub struct History {
    /// Operations on registers.
    pub registers: Vec<registers::Operation>,
    /// Operations on counters.
    pub counters: Vec<counters::Operation>,
    /// Transactions over lists.
    pub transactions: Vec<transactions::Transaction>,
    /// Replies that no server may give, in words.
    pub impossible: Vec<String>,
}

impl History {
    /// Adds what another client noted.
    pub fn merge(&mut self, other: History) {
        self.registers.extend(other.registers);
        self.counters.extend(other.counters);
        self.transactions.extend(other.transactions);
        self.impossible.extend(other.impossible);
    }
}

/// A violation in words: the rule, and the operations that break it together.
fn violation(rule: &str, operations: &[&dyn Debug]) -> String {
    let mut text = rule.to_owned();
    for operation in operations {
        text.push_str(&format!("\n    {operation:?}"));
    }
    text
}
