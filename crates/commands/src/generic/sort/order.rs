//! The elements in the order wanted, by reference.
//!
//! By numbers the order is total: elements of equal weight are ordered by their bytes. By words elements of equal weight
//! stay in the order they had, which for a set that has none is that of their bytes, so that a result stored is the same
//! wherever the command is run again. Where only a part of the order is wanted, only that part is sorted.

use std::cmp::Ordering;
use std::ops::Range;

use spinel_family::{CommandError, Key, printed};
use spinel_store::{Text, ValueRef};
use spinel_structs::number::parse_weight;
use spinel_structs::sorted_set::Order;

use super::options::Options;
use super::pattern::{Lookups, Pattern};

/// Elements of which a range is wanted.
pub(super) struct Sorted<'c> {
    elements: Elements<'c>,
    range: Range<usize>,
}

enum Elements<'c> {
    Plain(Vec<Text<'c>>),
    Weighed(Vec<(f64, Text<'c>)>),
    Named(Vec<(Option<Text<'c>>, Text<'c>)>),
}

impl<'c> Sorted<'c> {
    /// How many are wanted.
    pub(super) fn len(&self) -> usize {
        self.range.len()
    }

    /// Those that are wanted, in order.
    pub(super) fn elements(&self) -> impl Iterator<Item = Text<'c>> {
        self.range.clone().map(|at| match &self.elements {
            Elements::Plain(elements) => elements[at],
            Elements::Weighed(elements) => elements[at].1,
            Elements::Named(elements) => elements[at].1,
        })
    }
}

/// Looks the key up and puts its elements into the order wanted.
pub(super) fn sorted<'c>(
    key: Key<'_>,
    options: &Options<'_>,
    lookups: &mut Lookups<'c, '_>,
) -> Result<Sorted<'c>, CommandError> {
    let value = lookups.context().value(key);
    let len = match value {
        None => 0,
        Some(value @ (ValueRef::List(_) | ValueRef::Set(_) | ValueRef::SortedSet(_))) => value.elements(),
        Some(ValueRef::String(_) | ValueRef::Hash(_) | ValueRef::Stream(_) | ValueRef::Array(_)) => {
            return Err(CommandError::WrongType);
        }
    };
    let range = options.range(len);
    let Some(value) = value else { return Ok(Sorted { elements: Elements::Plain(Vec::new()), range }) };
    let is_set = matches!(value, ValueRef::Set(_));
    // A set has no order of its own to be stored in, or to be given to a script.
    let is_wanted_in_order = options.store.is_some() || lookups.context().is_in_script();
    let is_forced = options.is_unsorted && is_set && is_wanted_in_order;
    if options.is_unsorted && !is_forced {
        return Ok(unsorted(value, range, options.is_descending));
    }
    let by = options.by.as_ref().filter(|_| !is_forced);
    let is_alpha = options.is_alpha || is_forced;
    let direction = if options.is_descending { Ordering::reverse } else { |order| order };
    let elements = match (by, is_alpha) {
        (None, true) => {
            let mut elements = elements_of(value);
            let compare = if options.store.is_some() { compare } else { collate };
            elements.sort_by(|a, b| direction(compare(*a, *b)));
            Elements::Plain(elements)
        }
        (Some(by), true) => Elements::Named(by_names(value, by, lookups, options)),
        (by, false) => Elements::Weighed(by_weights(value, by, lookups, (&range, direction))?),
    };
    Ok(Sorted { elements, range })
}

/// The elements as they are; of a sequence only those in the range.
fn unsorted(value: ValueRef<'_>, range: Range<usize>, is_descending: bool) -> Sorted<'_> {
    let ranks = if is_descending {
        value.elements() - range.end..value.elements() - range.start
    } else {
        range.clone()
    };
    let mut elements: Vec<_> = match value {
        ValueRef::List(list) => list.range(ranks).map(Text::from).collect(),
        ValueRef::SortedSet(zset) => {
            zset.members(ranks, Order::Ascending).map(|(member, _)| Text::from(member)).collect()
        }
        value => return Sorted { elements: Elements::Plain(elements_of(value)), range },
    };
    if is_descending {
        elements.reverse();
    }
    Sorted { range: 0..elements.len(), elements: Elements::Plain(elements) }
}

fn by_weights<'c>(
    value: ValueRef<'c>,
    by: Option<&Pattern<'_>>,
    lookups: &mut Lookups<'c, '_>,
    (range, direction): (&Range<usize>, fn(Ordering) -> Ordering),
) -> Result<Vec<(f64, Text<'c>)>, CommandError> {
    let mut is_valid = true;
    let mut weighed = Vec::with_capacity(value.elements());
    for element in elements_of(value) {
        let found = match by {
            None => Some(element),
            Some(by) => lookups.find(by, element),
        };
        let weight = match found {
            None => Some(0.0),
            Some(Text::Int(n)) => Some(n as f64),
            Some(Text::Bytes(bytes)) => parse_weight(bytes),
        };
        is_valid &= weight.is_some();
        weighed.push((weight.unwrap_or(0.0), element));
    }
    if !is_valid {
        return Err(CommandError::text("ERR One or more scores can't be converted into double"));
    }
    sort_part(&mut weighed, range, |(a, first), (b, second)| {
        let by_weight = a.partial_cmp(b).expect("no weight is NaN");
        direction(by_weight.then_with(|| compare(*first, *second)))
    });
    Ok(weighed)
}

fn by_names<'c>(
    value: ValueRef<'c>,
    by: &Pattern<'_>,
    lookups: &mut Lookups<'c, '_>,
    options: &Options<'_>,
) -> Vec<(Option<Text<'c>>, Text<'c>)> {
    let mut elements = elements_of(value);
    if let ValueRef::Set(set) = value
        && set.encoding() != "intset"
    {
        elements.sort_unstable_by(|a, b| compare(*a, *b));
    }
    let mut named: Vec<_> =
        elements.into_iter().map(|element| (lookups.find(by, element), element)).collect();
    let compare = if options.store.is_some() { compare } else { collate };
    let by_name = |a: Option<Text<'_>>, b: Option<Text<'_>>| match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        // What is missing comes first.
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    if options.is_descending {
        named.sort_by(|(a, _), (b, _)| by_name(*a, *b).reverse());
    } else {
        named.sort_by(|(a, _), (b, _)| by_name(*a, *b));
    }
    named
}

/// Sorts so that the range holds what it would if all were sorted.
fn sort_part<T>(items: &mut [T], range: &Range<usize>, compare: impl Fn(&T, &T) -> Ordering) {
    if range.is_empty() {
        return;
    }
    if range.end < items.len() {
        items.select_nth_unstable_by(range.end, &compare);
    }
    let items = &mut items[..range.end];
    if range.start > 0 {
        items.select_nth_unstable_by(range.start, &compare);
    }
    items[range.start..].sort_unstable_by(compare);
}

fn elements_of(value: ValueRef<'_>) -> Vec<Text<'_>> {
    match value {
        ValueRef::List(list) => list.range(0..list.len()).map(Text::from).collect(),
        ValueRef::Set(set) => set.iter().collect(),
        ValueRef::SortedSet(zset) => zset.iter().map(|(member, _)| Text::from(member)).collect(),
        ValueRef::String(_) | ValueRef::Hash(_) | ValueRef::Stream(_) | ValueRef::Array(_) => Vec::new(),
    }
}

/// Compares bytes.
fn compare(a: Text<'_>, b: Text<'_>) -> Ordering {
    match (a, b) {
        (Text::Bytes(a), Text::Bytes(b)) => a.cmp(b),
        (Text::Int(a), Text::Int(b)) if a == b => Ordering::Equal,
        (a, b) => a.with_bytes(|a| b.with_bytes(|b| a.cmp(b))),
    }
}

/// Compares as `strcoll` does in the C locale: bytes up to the first that is zero.
fn collate(a: Text<'_>, b: Text<'_>) -> Ordering {
    match (a, b) {
        (Text::Bytes(a), Text::Bytes(b)) => printed(a).cmp(printed(b)),
        (a, b) => a.with_bytes(|a| b.with_bytes(|b| printed(a).cmp(printed(b)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_it_would_be_if_all_were_sorted() {
        let shuffled: Vec<u32> = (0..40).map(|i| i * 17 % 40 / 2).collect();
        let mut all = shuffled.clone();
        all.sort_unstable();
        for (start, end) in (0..=40).flat_map(|start| (start..=40).map(move |end| (start, end))) {
            let mut items = shuffled.clone();
            sort_part(&mut items, &(start..end), Ord::cmp);
            assert_eq!(items[start..end], all[start..end], "{start}..{end}");
        }
    }

    #[test]
    fn words_are_collated_up_to_a_zero_byte_and_compared_whole() {
        let (a, b) = (Text::Bytes(b"a\0y"), Text::Bytes(b"a\0x"));
        assert_eq!((collate(a, b), compare(a, b)), (Ordering::Equal, Ordering::Greater));
        assert_eq!(compare(Text::Int(10), Text::Bytes(b"9")), Ordering::Less);
        assert_eq!(collate(Text::Bytes(b"B"), Text::Bytes(b"a")), Ordering::Less);
    }
}
