//! Registers: is there one order of all reads and writes of a key in which every read sees the last write?
//!
//! In general that question is NP-complete. With unique values it is not (Gibbons and Korach, 1997): all operations on one
//! value form a cluster; between the first answer and the last sending of a cluster its value must have been the current
//! one. If that is a stretch of time (a *forward* zone), no other such stretch may overlap it. If it is not (a *backward*
//! zone: all of its operations were on their way at once), its operations fit anywhere unless a single forward zone covers
//! them.

use super::{Span, violation};
use std::collections::HashMap;

/// Reading or writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It wrote the value, which nobody else writes.
    Write,
    /// It read the value.
    Read,
}

/// An operation on a register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Which register.
    pub key: u32,
    /// What it did.
    pub kind: Kind,
    /// The value; `None` is the absence before the first write.
    pub value: Option<u64>,
    /// When.
    pub span: Span,
}

/// All operations on one value of one register.
#[derive(Debug, Clone)]
struct Cluster<'a> {
    write: Option<&'a Operation>,
    first_answer: &'a Operation,
    last_sending: &'a Operation,
}

/// A stretch of time with the operations at its ends.
#[derive(Debug, Clone)]
struct Zone<'a> {
    from: u64,
    to: u64,
    ends: [&'a Operation; 2],
}

/// Every violation of linearizability, at most one per register.
pub fn violations(operations: &[Operation]) -> Vec<String> {
    let mut by_key: HashMap<u32, Vec<&Operation>> = HashMap::new();
    for operation in operations {
        by_key.entry(operation.key).or_default().push(operation);
    }
    let mut found: Vec<(u32, String)> = by_key
        .into_iter()
        .filter_map(|(key, operations)| Some((key, register_violation(&operations)?)))
        .collect();
    found.sort();
    found.into_iter().map(|(_, text)| text).collect()
}

fn register_violation(operations: &[&Operation]) -> Option<String> {
    let mut clusters: HashMap<Option<u64>, Cluster<'_>> = HashMap::new();
    for operation in operations {
        let fresh = Cluster { write: None, first_answer: operation, last_sending: operation };
        let cluster = clusters.entry(operation.value).or_insert(fresh);
        if operation.kind == Kind::Write
            && let Some(other) = cluster.write.replace(operation)
        {
            return Some(violation("two writes of one value", &[other, operation]));
        }
        if operation.span.answered < cluster.first_answer.span.answered {
            cluster.first_answer = operation;
        }
        if operation.span.invoked > cluster.last_sending.span.invoked {
            cluster.last_sending = operation;
        }
    }
    let mut forward = Vec::new();
    let mut backward = Vec::new();
    for (value, cluster) in &clusters {
        let Cluster { write, first_answer, last_sending } = cluster;
        let (mut from, to) = (first_answer.span.answered, last_sending.span.invoked);
        match (value, write) {
            // Absence is what was before everything.
            (None, _) => from = 0,
            (Some(_), None) => return Some(violation("a value that nobody wrote", &[first_answer])),
            (Some(_), Some(write)) if from < write.span.invoked => {
                return Some(violation("a value read before it was written", &[first_answer, write]));
            }
            _ => {}
        }
        if from < to || value.is_none() {
            forward.push(Zone { from, to, ends: [first_answer, last_sending] });
        } else {
            backward.push(Zone { from: to, to: from, ends: [first_answer, last_sending] });
        }
    }
    overlap(&mut forward).or_else(|| covered(&forward, &backward))
}

/// Two forward zones that overlap; sorts them.
fn overlap(forward: &mut [Zone<'_>]) -> Option<String> {
    forward.sort_by_key(|zone| (zone.from, zone.to));
    let pair = forward.windows(2).find(|pair| pair[1].from < pair[0].to)?;
    let operations = [&pair[0].ends, &pair[1].ends];
    let [[a, b], [c, d]] = operations;
    Some(violation(
        "two values were both current: one from its first answer to its last sending, and the other",
        &[a, b, c, d],
    ))
}

/// A backward zone within a forward one; the forward ones are sorted and do not overlap.
fn covered(forward: &[Zone<'_>], backward: &[Zone<'_>]) -> Option<String> {
    for zone in backward {
        let after = forward.partition_point(|candidate| candidate.from < zone.from);
        let Some(candidate) = after.checked_sub(1).map(|index| &forward[index]) else { continue };
        if zone.to < candidate.to {
            let ([a, b], [c, d]) = (&candidate.ends, &zone.ends);
            return Some(violation(
                "a value came and went while another one was current throughout",
                &[a, b, c, d],
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Kind, Operation, violations};
    use crate::history::Span;
    use crate::random::Random;

    fn operation(kind: Kind, value: u64, invoked: u64, answered: u64) -> Operation {
        let value = (value != 0).then_some(value);
        Operation { key: 0, kind, value, span: Span { invoked, answered } }
    }

    fn write(value: u64, invoked: u64, answered: u64) -> Operation {
        operation(Kind::Write, value, invoked, answered)
    }

    fn read(value: u64, invoked: u64, answered: u64) -> Operation {
        operation(Kind::Read, value, invoked, answered)
    }

    #[test]
    fn concurrent_operations_may_be_seen_in_any_order() {
        assert!(violations(&[read(0, 1, 2), write(1, 3, 9), read(0, 4, 5), read(1, 6, 7)]).is_empty());
        assert!(violations(&[write(1, 1, 9), write(2, 1, 9), read(2, 10, 11), read(2, 12, 13)]).is_empty());
        assert!(violations(&[write(1, 1, 2), write(2, 3, 4), read(2, 5, 6)]).is_empty());
    }

    #[test]
    fn a_stale_read_is_a_violation() {
        assert_eq!(violations(&[write(1, 1, 2), write(2, 3, 4), read(1, 5, 6)]).len(), 1);
        assert_eq!(violations(&[write(1, 1, 2), read(0, 3, 4)]).len(), 1);
        assert_eq!(violations(&[write(1, 1, 9), read(1, 2, 3), read(0, 4, 5)]).len(), 1);
    }

    #[test]
    fn a_value_that_comes_back_is_a_violation() {
        let history = [write(1, 1, 9), write(2, 1, 9), read(1, 10, 11), read(2, 12, 13), read(1, 14, 15)];
        assert_eq!(violations(&history).len(), 1);
    }

    #[test]
    fn a_value_from_nowhere_or_from_the_future_is_a_violation() {
        assert_eq!(violations(&[read(7, 1, 2)]).len(), 1);
        assert_eq!(violations(&[read(1, 1, 2), write(1, 3, 4)]).len(), 1);
        assert_eq!(violations(&[write(1, 1, 2), write(1, 3, 4)]).len(), 1);
    }

    #[test]
    fn every_history_of_a_real_register_is_accepted_and_most_disturbed_ones_are_not() {
        let mut random = Random::new(1);
        let mut caught = 0;
        for round in 0..200 {
            let mut history = real_history(&mut random, round);
            assert!(violations(&history).is_empty(), "{history:?}");
            let reads: Vec<usize> =
                (20..history.len()).filter(|&index| history[index].kind == Kind::Read).collect();
            let late = *random.pick(&reads);
            history[late].value = history.iter().find(|other| other.kind == Kind::Write).unwrap().value;
            caught += usize::from(!violations(&history).is_empty());
        }
        assert!(caught > 180, "{caught}");
    }

    /// Operations that take effect at known instants, each on its way for a while around it.
    fn real_history(random: &mut Random, round: u64) -> Vec<Operation> {
        let mut current = 0;
        (0..60)
            .map(|index| {
                let instant = 1_000 + index * 10;
                let (before, after) = (random.below(40) as u64, random.below(40) as u64);
                let writes = index == 0 || random.chance(300);
                if writes {
                    current = round * 1_000 + index + 1;
                }
                let kind = if writes { Kind::Write } else { Kind::Read };
                operation(kind, current, instant - before, instant + after)
            })
            .collect()
    }
}
