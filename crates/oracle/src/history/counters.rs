//! Counters: keys whose every change answers with the state it made, 1, 2, 3 and so on.
//!
//! The order of the changes is known from their answers; a read of `n` stands between the change to `n` and the next. What
//! is left to check is that nothing is missing or double, and that the order fits the times: going through it, the earliest
//! possible instant only grows, and must not pass the answer of an operation.

use super::{Span, violation};
use std::collections::HashMap;

/// Changing or reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It made this state out of the one before.
    Change,
    /// It saw this state.
    Read,
}

/// An operation on a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Which counter.
    pub key: u32,
    /// What it did.
    pub kind: Kind,
    /// The state: how many changes there were.
    pub state: u64,
    /// When.
    pub span: Span,
}

/// Every violation of linearizability, at most one per counter.
pub fn violations(operations: &[Operation]) -> Vec<String> {
    let mut by_key: HashMap<u32, Vec<&Operation>> = HashMap::new();
    for operation in operations {
        by_key.entry(operation.key).or_default().push(operation);
    }
    let mut found: Vec<(u32, String)> = by_key
        .into_iter()
        .filter_map(|(key, mut operations)| Some((key, counter_violation(&mut operations)?)))
        .collect();
    found.sort();
    found.into_iter().map(|(_, text)| text).collect()
}

fn counter_violation(operations: &mut [&Operation]) -> Option<String> {
    operations.sort_by_key(|operation| (operation.state, operation.kind));
    let mut state = 0;
    // The operation whose sending is the earliest possible instant for whatever comes later in the order.
    let mut bound: Option<&Operation> = None;
    let mut next_bound: Option<&Operation> = None;
    for operation in operations.iter() {
        match operation.kind {
            Kind::Change if operation.state == state + 1 => {
                state += 1;
                bound = next_bound;
            }
            Kind::Change if operation.state == state => {
                return Some(violation("a state that was made twice", &[operation]));
            }
            Kind::Change => return Some(violation("a state was left out before", &[operation])),
            Kind::Read if operation.state == state => {}
            Kind::Read => return Some(violation("a state that nobody made", &[operation])),
        }
        if let Some(bound) = bound.filter(|bound| operation.span.answered < bound.span.invoked) {
            return Some(violation(
                "answered before something older in the order was sent",
                &[operation, bound],
            ));
        }
        if next_bound.is_none_or(|bound| operation.span.invoked > bound.span.invoked) {
            next_bound = Some(operation);
        }
        if operation.kind == Kind::Change {
            bound = next_bound;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Kind, Operation, violations};
    use crate::history::Span;

    fn operation(kind: Kind, state: u64, invoked: u64, answered: u64) -> Operation {
        Operation { key: 0, kind, state, span: Span { invoked, answered } }
    }

    fn change(state: u64, invoked: u64, answered: u64) -> Operation {
        operation(Kind::Change, state, invoked, answered)
    }

    fn read(state: u64, invoked: u64, answered: u64) -> Operation {
        operation(Kind::Read, state, invoked, answered)
    }

    #[test]
    fn an_order_that_fits_the_times_is_accepted() {
        let history = [
            change(2, 1, 9),
            change(1, 1, 9),
            read(1, 2, 8),
            read(2, 2, 8),
            change(3, 10, 11),
            read(3, 12, 13),
        ];
        assert!(violations(&history).is_empty());
        assert!(violations(&[read(0, 1, 2), read(0, 5, 6), read(0, 3, 4)]).is_empty());
        assert!(violations(&[change(1, 1, 2), read(1, 9, 10), read(1, 3, 4), change(2, 5, 11)]).is_empty());
    }

    #[test]
    fn lost_and_double_changes_are_violations() {
        assert_eq!(violations(&[change(1, 1, 2), change(1, 3, 4)]).len(), 1);
        assert_eq!(violations(&[change(1, 1, 2), change(3, 3, 4)]).len(), 1);
        assert_eq!(violations(&[change(1, 1, 2), read(2, 3, 4)]).len(), 1);
    }

    #[test]
    fn an_order_against_the_times_is_a_violation() {
        assert_eq!(violations(&[change(2, 1, 2), change(1, 3, 4)]).len(), 1);
        assert_eq!(violations(&[change(1, 1, 2), change(2, 3, 4), read(1, 5, 6)]).len(), 1);
        assert_eq!(violations(&[change(1, 3, 4), read(1, 1, 2)]).len(), 1);
        assert_eq!(violations(&[change(1, 1, 2), read(1, 9, 10), change(2, 3, 4)]).len(), 1);
    }
}
