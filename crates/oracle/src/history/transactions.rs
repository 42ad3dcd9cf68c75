//! Transactions that append to several lists and read others: does their graph of dependencies have a cycle?
//!
//! After Kingsbury and Alvaro, *Elle* (2020). Lists that are only appended to tell their own history: the place of an
//! element is the version it made. So it is known who wrote before whom (`ww`), who read what from whom (`wr`), and who
//! read before somebody wrote (`rw`); with "was answered before the other was sent" (`rt`) and the order of each connection
//! (`po`) these are the edges. A cycle means that no order of the transactions explains what was seen. As RPUSH answers
//! with the new length, nothing has to be guessed.

use super::Span;
use std::collections::HashMap;

/// An element of a list; every one is appended once.
pub type Token = u64;

/// A transaction that was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Which connection sent it.
    pub client: u32,
    /// When.
    pub span: Span,
    /// What it appended: list, element, and the length of the list that it was told.
    pub appends: Vec<(u32, Token, usize)>,
    /// What it read: list and contents.
    pub reads: Vec<(u32, Vec<Token>)>,
}

/// The edges of the graph, by the node they start from; nodes behind the transactions are instants.
struct Graph {
    edges: Vec<Vec<(u32, &'static str)>>,
}

/// Every violation found: wrong contents first, then one cycle.
pub fn violations(transactions: &[Transaction], finals: &HashMap<u32, Vec<Token>>) -> Vec<String> {
    let mut found = content_violations(transactions, finals);
    if found.is_empty() {
        let graph = graph(transactions, finals);
        found.extend(graph.cycle(transactions.len()).map(|cycle| describe(&cycle, transactions)));
    }
    found
}

/// Appends that are not where their answer said, and reads that are no beginning of the list.
fn content_violations(transactions: &[Transaction], finals: &HashMap<u32, Vec<Token>>) -> Vec<String> {
    let mut found = Vec::new();
    let mut appended = 0;
    for transaction in transactions {
        for (list, token, length) in &transaction.appends {
            appended += 1;
            let place = finals.get(list).and_then(|tokens| tokens.get(length - 1));
            if place != Some(token) {
                found.push(format!("list {list} holds {place:?} where {transaction:?} put {token}"));
            }
        }
        for (list, seen) in &transaction.reads {
            if !finals.get(list).map_or(seen.is_empty(), |tokens| tokens.starts_with(seen)) {
                found.push(format!("no beginning of list {list}: {seen:?} in {transaction:?}"));
            }
        }
    }
    let held: usize = finals.values().map(Vec::len).sum();
    if held != appended {
        found.push(format!("{appended} elements were appended and {held} are there"));
    }
    found
}

fn graph(transactions: &[Transaction], finals: &HashMap<u32, Vec<Token>>) -> Graph {
    let mut writers: HashMap<u32, Vec<u32>> =
        finals.iter().map(|(list, tokens)| (*list, vec![u32::MAX; tokens.len()])).collect();
    for (index, transaction) in transactions.iter().enumerate() {
        for (list, _, length) in &transaction.appends {
            let places =
                writers.get_mut(list).expect("contents were checked: every list is among the final ones");
            places[length - 1] = number(index);
        }
    }
    let mut graph = Graph { edges: vec![Vec::new(); transactions.len()] };
    for places in writers.values() {
        for pair in places.windows(2) {
            graph.add(pair[0], pair[1], "ww");
        }
    }
    for (index, transaction) in transactions.iter().enumerate() {
        for (list, seen) in &transaction.reads {
            let Some(places) = writers.get(list) else { continue };
            if let Some(writer) = seen.len().checked_sub(1).map(|last| places[last]) {
                graph.add(writer, number(index), "wr");
            }
            if let Some(writer) = places.get(seen.len()) {
                graph.add(number(index), *writer, "rw");
            }
        }
    }
    graph.add_process_order(transactions);
    graph.add_real_time(transactions);
    graph
}

impl Graph {
    fn add(&mut self, from: u32, to: u32, kind: &'static str) {
        if from != to {
            self.edges[from as usize].push((to, kind));
        }
    }

    /// Transactions of one connection run in the order they were sent.
    fn add_process_order(&mut self, transactions: &[Transaction]) {
        let mut last: HashMap<u32, u32> = HashMap::new();
        for (index, transaction) in transactions.iter().enumerate() {
            if let Some(before) = last.insert(transaction.client, number(index)) {
                self.add(before, number(index), "po");
            }
        }
    }

    /// "Answered before sent" has a quadratic number of pairs. A chain of instants, one after each answer, says the same
    /// with a linear number of edges: an answer leads to its instant, an instant to the next, and the last instant before a
    /// sending to the transaction sent.
    fn add_real_time(&mut self, transactions: &[Transaction]) {
        let mut answers: Vec<u32> = (0..number(transactions.len())).collect();
        answers.sort_by_key(|index| transactions[*index as usize].span.answered);
        let first = transactions.len();
        self.edges.resize(first + answers.len(), Vec::new());
        for (order, index) in answers.iter().enumerate() {
            self.add(*index, number(first + order), "rt");
            if order > 0 {
                self.add(number(first + order - 1), number(first + order), "rt");
            }
        }
        for (index, transaction) in transactions.iter().enumerate() {
            let before = answers.partition_point(|answer| {
                transactions[*answer as usize].span.answered < transaction.span.invoked
            });
            if before > 0 {
                self.add(number(first + before - 1), number(index), "rt");
            }
        }
    }

    /// One cycle, as transactions with the kind of the edge to the next. Instants are left out of it.
    fn cycle(&self, transactions: usize) -> Option<Vec<(usize, &'static str)>> {
        let rest = self.unsorted();
        let start = (0..self.edges.len()).find(|node| rest[*node])?;
        // Every node that is left has a successor that is left; so walking on must come back to a node of the walk.
        let mut walk: Vec<(usize, &'static str)> = Vec::new();
        let mut place: HashMap<usize, usize> = HashMap::new();
        let mut node = start;
        while place.insert(node, walk.len()).is_none() {
            let (next, kind) = *self.edges[node].iter().find(|(next, _)| rest[*next as usize])?;
            walk.push((node, kind));
            node = next as usize;
        }
        let cycle = walk.split_off(place[&node]);
        Some(cycle.into_iter().filter(|(node, _)| *node < transactions).collect())
    }

    /// The nodes that lie on cycles or between them: those that sorting from both ends leaves over.
    fn unsorted(&self) -> Vec<bool> {
        let mut reverse = vec![Vec::new(); self.edges.len()];
        for (from, edges) in self.edges.iter().enumerate() {
            for (to, _) in edges {
                reverse[*to as usize].push(number(from));
            }
        }
        let forward: Vec<Vec<u32>> =
            self.edges.iter().map(|edges| edges.iter().map(|(to, _)| *to).collect()).collect();
        let left = peel(&forward, &vec![true; self.edges.len()]);
        peel(&reverse, &left)
    }
}

/// Takes away, among the `alive` nodes, again and again those to which no edge leads.
fn peel(edges: &[Vec<u32>], alive: &[bool]) -> Vec<bool> {
    let mut incoming = vec![0_u32; edges.len()];
    for (_, targets) in edges.iter().enumerate().filter(|(node, _)| alive[*node]) {
        for target in targets {
            incoming[*target as usize] += 1;
        }
    }
    let mut left = alive.to_vec();
    let mut ready: Vec<usize> =
        (0..edges.len()).filter(|node| alive[*node] && incoming[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        left[node] = false;
        for target in &edges[node] {
            let target = *target as usize;
            incoming[target] -= 1;
            if incoming[target] == 0 && left[target] {
                ready.push(target);
            }
        }
    }
    left
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("a history has fewer than four thousand million nodes")
}

fn describe(cycle: &[(usize, &'static str)], transactions: &[Transaction]) -> String {
    let mut text = "a cycle: no order of these transactions explains what they saw".to_owned();
    for (node, kind) in cycle.iter().take(12) {
        let Transaction { client, span, appends, reads } = &transactions[*node];
        let reads: Vec<(u32, usize)> = reads.iter().map(|(list, seen)| (*list, seen.len())).collect();
        text.push_str(&format!(
            "\n    client {client} {span:?} appended {appends:?} read lengths {reads:?}, then by {kind}"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Token, Transaction, violations};
    use crate::history::Span;
    use std::collections::HashMap;

    fn transaction(
        times: (u64, u64),
        appends: &[(u32, Token, usize)],
        reads: &[(u32, &[Token])],
    ) -> Transaction {
        Transaction {
            client: u32::try_from(times.0 * 1000 + times.1).unwrap(),
            span: Span { invoked: times.0, answered: times.1 },
            appends: appends.to_vec(),
            reads: reads.iter().map(|(list, seen)| (*list, seen.to_vec())).collect(),
        }
    }

    fn check(transactions: &[Transaction], finals: &[(u32, &[Token])]) -> Vec<String> {
        let finals: HashMap<u32, Vec<Token>> =
            finals.iter().map(|(list, tokens)| (*list, tokens.to_vec())).collect();
        violations(transactions, &finals)
    }

    #[test]
    fn serial_and_concurrent_transactions_are_accepted() {
        let history = [
            transaction((1, 9), &[(0, 10, 1), (1, 11, 1)], &[]),
            transaction((1, 9), &[(0, 20, 2)], &[(1, &[11])]),
            transaction((10, 11), &[], &[(0, &[10, 20]), (1, &[11])]),
        ];
        assert!(check(&history, &[(0, &[10, 20]), (1, &[11])]).is_empty());
    }

    #[test]
    fn a_transaction_seen_in_half_is_a_cycle() {
        let history = [
            transaction((1, 9), &[(0, 10, 1), (1, 11, 1)], &[]),
            transaction((2, 8), &[], &[(0, &[10]), (1, &[])]),
        ];
        let found = check(&history, &[(0, &[10]), (1, &[11])]);
        assert!(found.len() == 1 && found[0].contains("cycle"), "{found:?}");
    }

    #[test]
    fn write_skew_is_a_cycle() {
        let history = [
            transaction((1, 9), &[(0, 10, 1)], &[(1, &[])]),
            transaction((1, 9), &[(1, 20, 1)], &[(0, &[])]),
        ];
        assert_eq!(check(&history, &[(0, &[10]), (1, &[20])]).len(), 1);
    }

    #[test]
    fn a_stale_read_breaks_real_time_only() {
        let stale = |invoked, answered| {
            [transaction((1, 2), &[(0, 10, 1)], &[]), transaction((invoked, answered), &[], &[(0, &[])])]
        };
        assert!(check(&stale(1, 4), &[(0, &[10])]).is_empty());
        assert_eq!(check(&stale(3, 4), &[(0, &[10])]).len(), 1);
    }

    #[test]
    fn lost_moved_and_invented_elements_are_violations() {
        let append = [transaction((1, 2), &[(0, 10, 1)], &[])];
        assert!(!check(&append, &[(0, &[])]).is_empty());
        assert!(!check(&append, &[(0, &[99, 10])]).is_empty());
        assert!(!check(&append, &[(0, &[10, 99])]).is_empty());
        let read = [append[0].clone(), transaction((3, 4), &[], &[(0, &[77])])];
        assert!(!check(&read, &[(0, &[10])]).is_empty());
    }
}
